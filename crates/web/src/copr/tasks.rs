use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::{Build, BuildId, ProjectId, Task, TaskState, UserName};
use serde_json::{Value, json};
use service::{ServiceError, TaskFilter};

use super::builds::{clamp_limit, clamp_offset, index};
use super::error::CoprError;
use super::names::parse_chroot;
use super::request::{Base, NumberAndName};
use super::{projects, states, views};
use crate::app::App;
use crate::query::{Link, Query};

/// `GET /api_2/build_tasks`, oldest first. Whom nobody knows has no tasks.
pub(super) async fn list(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, CoprError> {
    let build_id = query.integer("build_id")?;
    let project_id = query.integer("project_id")?;
    let offset = query.integer("offset")?;
    let limit = clamp_limit(query.integer("limit")?);
    let state = wanted_state(query.get("state"))?;
    let link = Link::new("/api_2/build_tasks")
        .with("owner", query.get("owner"))
        .with("project_id", project_id)
        .with("build_id", build_id)
        .with("group", query.get("group"))
        .with("limit", Some(limit))
        .with("offset", offset)
        .with("state", query.get("state"));
    let filter = TaskFilter {
        states: state.flatten().into_iter().collect(),
        limit: Some(limit),
        offset: clamp_offset(offset),
        ..TaskFilter::default()
    };
    let tasks = match state {
        Some(None) => Vec::new(),
        _ => select(&app, &query, build_id, project_id, filter).await?,
    };
    let shown = views_of(&app, &tasks, &base).await?;
    Ok(Json(json!({"build_tasks": shown, "_links": {"self": {"href": link.finish()}}})))
}

/// `None`: any state; `Some(None)`: a state that no task ever has.
fn wanted_state(word: Option<&str>) -> Result<Option<Option<TaskState>>, CoprError> {
    let Some(word) = word else { return Ok(None) };
    match states::wanted_task_state(word) {
        Some(state) => Ok(Some(state)),
        None => {
            let shown: String = word.chars().take(80).collect();
            let help = format!("allowed states: {}", states::TASK_WORDS.join(" "));
            Err(CoprError::bad_parameter("state", &format!("{shown} is not a valid choice"), Some(help)))
        }
    }
}

/// Exactly one of build, project, owner and group counts, the first that is there.
async fn select(
    app: &App,
    query: &Query,
    build_id: Option<i64>,
    project_id: Option<i64>,
    filter: TaskFilter,
) -> Result<Vec<Task>, ServiceError> {
    if let Some(build) = build_id {
        return app.service.tasks(&TaskFilter { build: Some(BuildId::new(build)), ..filter }).await;
    }
    if let Some(project) = project_id {
        return app.service.tasks(&TaskFilter { project: Some(ProjectId::new(project)), ..filter }).await;
    }
    if let Some(owner) = query.get("owner") {
        return match UserName::parse(owner) {
            Ok(owner) => app.service.tasks(&TaskFilter { owner: Some(owner), ..filter }).await,
            Err(_) => Ok(Vec::new()),
        };
    }
    match query.get("group") {
        Some(group) => of_group(app, group, filter).await,
        None => app.service.tasks(&filter).await,
    }
}

async fn of_group(app: &App, group: &str, filter: TaskFilter) -> Result<Vec<Task>, ServiceError> {
    super::builds::check_group_offset(filter.offset)?;
    let limit = filter.limit.unwrap_or(super::builds::MAX_LIMIT);
    let wanted = filter.offset.saturating_add(limit);
    let mut tasks = Vec::new();
    for project in projects::of_group(app, group).await? {
        let part = TaskFilter { project: Some(project.id), limit: Some(wanted), offset: 0, ..filter.clone() };
        tasks.extend(app.service.tasks(&part).await?);
    }
    tasks.sort_by_key(|task| task.id);
    Ok(tasks.into_iter().skip(index(filter.offset)).take(index(limit)).collect())
}

/// Tasks with what their builds know; one whose build was deleted meanwhile is gone.
async fn views_of(app: &App, tasks: &[Task], base: &str) -> Result<Vec<Value>, CoprError> {
    let mut ids: Vec<BuildId> = tasks.iter().map(|task| task.build).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = app.service.builds_by_id(&ids).await?;
    let builds: BTreeMap<BuildId, Build> = found.into_iter().map(|build| (build.id, build)).collect();
    let shown = tasks.iter().filter_map(|task| {
        let build = builds.get(&task.build)?;
        Some(views::task(build, task, base))
    });
    Ok(shown.collect())
}

/// `GET /api_2/build_tasks/BUILD/CHROOT`.
pub(super) async fn show(
    State(app): State<App>,
    Base(base): Base,
    NumberAndName(build, chroot): NumberAndName,
) -> Result<Json<Value>, CoprError> {
    let target = parse_chroot(&chroot).ok_or_else(CoprError::bad_chroot)?;
    // Copr never fills in the two braces, and clients may compare.
    let missing = || CoprError::new(StatusCode::NOT_FOUND, "Build task {} for build {} not found");
    let build = match app.service.build(BuildId::new(build)).await {
        Ok(build) => build,
        Err(ServiceError::BuildMissing { .. }) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let task = build.tasks.iter().find(|task| views::target_of(task) == target).ok_or_else(missing)?;
    Ok(Json(views::task(&build, task, &base)))
}
