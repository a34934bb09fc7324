use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::{Build, ProjectId, UserName};
use serde_json::{Map, Value, json};
use service::{BuildFilter, ErrorKind, ServiceError};

use super::error::CoprError;
use super::fields::Fields;
use super::request::{Base, Bounded, Caller, InBuild};
use super::{projects, states, views};
use crate::app::App;
use crate::query::{Link, Query};

/// Most builds or tasks of one answer, and their number if the client does not say.
pub(super) const MAX_LIMIT: u32 = 100;

/// How far behind a page of a group may begin: its projects are read one by one, each from the beginning.
const DEEPEST_OF_GROUP: u32 = 10_000;

/// Refuses pages of groups that would cost too much.
pub(super) fn check_group_offset(offset: u32) -> Result<(), ServiceError> {
    if offset <= DEEPEST_OF_GROUP {
        return Ok(());
    }
    let detail = format!("above {DEEPEST_OF_GROUP} only with a project or an owner, not with a group");
    Err(ServiceError::BadValue { field: "offset", detail })
}

/// Copr's rule for the number of builds and tasks: absent, zero, negative and too large all mean the most.
pub(super) fn clamp_limit(limit: Option<i64>) -> u32 {
    limit
        .and_then(|limit| u32::try_from(limit).ok())
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .unwrap_or(MAX_LIMIT)
}

/// Where a list begins; before the beginning is the beginning.
pub(super) fn clamp_offset(offset: Option<i64>) -> u32 {
    offset.map_or(0, |offset| u32::try_from(offset.max(0)).unwrap_or(u32::MAX))
}

/// `GET /api_2/builds`, newest first.
pub(super) async fn list(State(app): State<App>, query: Query) -> Result<Json<Value>, CoprError> {
    let project_id = query.integer("project_id")?;
    let offset = query.integer("offset")?;
    let limit = clamp_limit(query.integer("limit")?);
    let finished = query.boolean("is_finished")?;
    let filter = BuildFilter { finished, limit: Some(limit), offset: clamp_offset(offset), ..BuildFilter::default() };
    let builds = select(&app, &query, project_id, filter).await?;
    let shown: Vec<Value> = builds.iter().map(|build| views::build(build, &views::build_link(build))).collect();
    let link = Link::new("/api_2/builds")
        .with("owner", query.get("owner"))
        .with("project_id", project_id)
        .with("group", query.get("group"))
        .with("limit", Some(limit))
        .with("offset", offset)
        .with_boolean("is_finished", finished);
    Ok(Json(json!({"builds": shown, "_links": {"self": {"href": link.finish()}}})))
}

/// The project beats the owner, the owner beats the group.
async fn select(
    app: &App,
    query: &Query,
    project_id: Option<i64>,
    filter: BuildFilter,
) -> Result<Vec<Build>, CoprError> {
    if let Some(id) = project_id {
        let project = app.service.project(ProjectId::new(id)).await?;
        return Ok(app.service.builds(&BuildFilter { project: Some(project.id), ..filter }).await?);
    }
    if let Some(owner) = query.get("owner") {
        let user = known_user(app, owner).await?;
        return Ok(app.service.builds(&BuildFilter { owner: Some(user), ..filter }).await?);
    }
    match query.get("group") {
        Some(group) => of_group(app, group, filter).await,
        None => Ok(app.service.builds(&filter).await?),
    }
}

async fn known_user(app: &App, owner: &str) -> Result<UserName, CoprError> {
    if let Ok(name) = UserName::parse(owner)
        && let Some(user) = app.service.user(&name).await?
    {
        return Ok(user.name);
    }
    Err(CoprError::user_missing(owner))
}

/// Copr's server ignores the group here; the client means what it says.
async fn of_group(app: &App, group: &str, filter: BuildFilter) -> Result<Vec<Build>, CoprError> {
    check_group_offset(filter.offset)?;
    let wanted = filter.offset.saturating_add(filter.limit.unwrap_or(MAX_LIMIT));
    let mut builds = Vec::new();
    for project in projects::of_group(app, group).await? {
        let part = BuildFilter { project: Some(project.id), limit: Some(wanted), offset: 0, ..filter.clone() };
        builds.extend(app.service.builds(&part).await?);
    }
    builds.sort_by_key(|build| std::cmp::Reverse(build.id));
    let window = builds.into_iter().skip(index(filter.offset)).take(index(filter.limit.unwrap_or(MAX_LIMIT)));
    Ok(window.collect())
}

/// A count of the wire as a count of things.
pub(super) fn index(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// `GET /api_2/builds/ID`.
pub(super) async fn show(InBuild(build): InBuild, Base(base): Base, query: Query) -> Result<Json<Value>, CoprError> {
    let with_tasks = query.boolean("show_build_tasks")?.filter(|show| *show);
    let link = Link::new(views::build_link(&build)).with_boolean("show_build_tasks", with_tasks);
    let mut further = Map::new();
    if with_tasks.is_some() {
        let tasks = build.tasks.iter().map(|task| views::task(&build, task, &base)).collect();
        further.insert("build_tasks".to_owned(), Value::Array(tasks));
    }
    let mut answer = views::build(&build, &link.finish());
    if let Some(keys) = answer.as_object_mut() {
        keys.append(&mut further);
    }
    Ok(Json(answer))
}

/// `PUT /api_2/builds/ID`: the only change there is is to cancel; any other state is taken and means nothing.
pub(super) async fn cancel(
    State(app): State<App>,
    Caller(user): Caller,
    InBuild(build): InBuild,
    base: Base,
    Bounded(body): Bounded,
) -> Result<Response, CoprError> {
    let mut fields = Fields::parse(&body)?;
    let state = fields.required_text("state");
    fields.finish()?;
    let done = base.created(&views::build_link(&build));
    if build.canceled || !state.is_some_and(|state| states::means_cancel(&state)) {
        return Ok(done);
    }
    match app.service.cancel(&user, build.id).await {
        Ok(()) => Ok(done),
        Err(ServiceError::NotCancelable { build }) => {
            Err(CoprError::invalid(format!("Cannot update build due to: Cannot cancel build {build}")))
        }
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(CoprError::denied("Failed to update build: You are not allowed to cancel this build."))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /api_2/builds/ID`.
pub(super) async fn delete(
    State(app): State<App>,
    Caller(user): Caller,
    InBuild(build): InBuild,
) -> Result<StatusCode, CoprError> {
    match app.service.delete(&user, build.id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(ServiceError::NotFinished { build }) => Err(CoprError::invalid(format!(
            "Cannot delete build due to: You can not delete build `{build}` which is not finished."
        ))),
        Err(error) if error.kind() == ErrorKind::Denied => Err(CoprError::denied(format!(
            "Failed to delete build: You are not allowed to delete build `{}`.",
            build.id
        ))),
        Err(error) => Err(error.into()),
    }
}
