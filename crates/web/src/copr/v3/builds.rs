use axum::Json;
use axum::extract::{Path, Request, State};
use model::{Build, BuildId, BuildSource, SourceState};
use serde_json::{Map, Value, json};
use service::{BuildFilter, ErrorKind, ServiceError};

use super::error::{V3Error, short};
use super::input::Input;
use super::paging::Paging;
use super::projects::still_running;
use super::request::{Caller, queried_project};
use super::{package_source, views};
use crate::app::App;
use crate::copr::names::chroot_name;
use crate::copr::request::Base;
use crate::copr::states::{build_word, is_build_word, task_word};
use crate::copr::views::target_of;
use crate::files::source_path;
use crate::query::Query;

/// Words `order` may be; builds always come newest first.
pub(super) const COLUMNS: [&str; 4] = ["submitted_on", "started_on", "ended_on", "pkg_version"];

/// Builds looked at for those in one state, a statement and in all.
const LOOKED_AT: (u32, u32) = (500, 10_000);

/// Most builds one request may delete.
const MOST_DELETED: usize = 1000;

/// A build by the number in a path.
pub(super) async fn find(app: &App, number: &str) -> Result<Build, V3Error> {
    let missing = || V3Error::missing(format!("Build {} does not exist.", short(number)));
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let id = digits.then(|| number.parse().ok()).flatten().ok_or_else(missing)?;
    match app.service.build(BuildId::new(id)).await {
        Err(ServiceError::BuildMissing { .. }) => Err(missing()),
        found => Ok(found?),
    }
}

/// `GET /build/ID`.
pub(super) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    Base(base): Base,
) -> Result<Json<Value>, V3Error> {
    Ok(Json(views::build(&find(&app, &id).await?, &base)))
}

/// `GET /build/list`.
pub(super) async fn list(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let project = queried_project(&app, &query).await?;
    let paging = Paging::parse(&query, &COLUMNS)?;
    let mut filter = BuildFilter {
        project: Some(project.id),
        limit: Some(paging.wanted()),
        offset: paging.offset,
        ..BuildFilter::default()
    };
    if let Some(name) = query.get("packagename").filter(|name| !name.is_empty()) {
        match super::packages::find(&app, &project, name).await {
            Ok(package) => (filter.project, filter.package) = (None, Some(package.id)),
            Err(_) => return Ok(Json(paging.answer(Vec::new())?)),
        }
    }
    let builds = match query.get("status").filter(|status| !status.is_empty()) {
        None => app.service.builds(&filter).await?,
        Some(word) => in_state(&app, filter, word).await?,
    };
    let shown = builds.iter().map(|build| views::build(build, &base)).collect();
    Ok(Json(paging.answer(shown)?))
}

/// The builds in a state. States are derived, so builds are looked at one by one, the newest few thousand of them.
async fn in_state(app: &App, filter: BuildFilter, word: &str) -> Result<Vec<Build>, V3Error> {
    if !is_build_word(word) {
        return Ok(Vec::new());
    }
    let index = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let (skipped, wanted) = (index(filter.offset), index(filter.limit.unwrap_or(u32::MAX)));
    let mut found = Vec::new();
    let mut offset = 0;
    while offset < LOOKED_AT.1 && found.len() < skipped.saturating_add(wanted) {
        let part = BuildFilter { limit: Some(LOOKED_AT.0), offset, ..filter.clone() };
        let builds = app.service.builds(&part).await?;
        if builds.is_empty() {
            break;
        }
        found.extend(builds.into_iter().filter(|build| build_word(build.state()) == word));
        offset += LOOKED_AT.0;
    }
    Ok(found.into_iter().skip(skipped).take(wanted).collect())
}

/// `GET /build/source-chroot/ID`.
pub(super) async fn source_chroot(
    State(app): State<App>,
    Base(base): Base,
    Path(id): Path<String>,
) -> Result<Json<Value>, V3Error> {
    let build = find(&app, &id).await?;
    let task = app.service.source_task(build.id).await?;
    let state = match (build.source_state, &task) {
        (SourceState::Pending, None) => "pending",
        (SourceState::Running, None) => "running",
        // The job is through, and what it left is read.
        (SourceState::Pending | SourceState::Running, Some(_)) => "importing",
        (SourceState::InJob, task) => task.as_ref().map_or("pending", |task| task_word(task.state)),
        (SourceState::Succeeded, _) => "succeeded",
        (SourceState::Failed, _) => "failed",
        (SourceState::Canceled, _) => "canceled",
    };
    // What no job makes is fetched into the server's store; there is no folder to show.
    let url = task.map(|_| format!("{base}{}", source_path(&build).trim_end_matches('/')));
    Ok(Json(json!({"state": state, "result_url": url})))
}

/// `GET /build/source-build-config/ID`.
pub(super) async fn source_build_config(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, V3Error> {
    let build = find(&app, &id).await?;
    let (source_type, source_dict) = match &build.source {
        BuildSource::Url { url } => ("link", json!({ "url": url })),
        BuildSource::Upload { file } | BuildSource::Revision { file, .. } => {
            ("upload", json!({"url": "", "pkg": file, "tmp": ""}))
        }
        BuildSource::Job { source, .. } => package_source::shown(Some(source)),
    };
    let limits = app.service.limits_of(build.id).await?;
    Ok(Json(json!({
        "source_type": source_type,
        "source_dict": source_dict,
        "memory_limit": limits.memory_bytes >> 20,
        "timeout": limits.run_seconds,
        "is_background": build.background,
    })))
}

/// `GET /build/built-packages/ID`.
pub(super) async fn built_packages(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, V3Error> {
    let build = find(&app, &id).await?;
    let mut shown = Map::new();
    for task in &build.tasks {
        let packages = super::build_chroots::packages(&app, task).await?;
        if !packages.is_empty() {
            shown.insert(chroot_name(&target_of(task)), json!({ "packages": packages }));
        }
    }
    Ok(Json(Value::Object(shown)))
}

/// `PUT /build/cancel/ID`.
pub(super) async fn cancel(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path(id): Path<String>,
    Base(base): Base,
) -> Result<Json<Value>, V3Error> {
    let build = find(&app, &id).await?;
    match app.service.cancel(&user, build.id).await {
        Ok(()) => Ok(Json(views::build(&app.service.build(build.id).await?, &base))),
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(V3Error::denied(format!("You are not allowed to cancel build {}", build.id)))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /build/delete/ID`; answers what it was.
///
/// DIFFERS from Copr: 409 for a build that is not finished, where it crashed.
pub(super) async fn delete(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path(id): Path<String>,
    Base(base): Base,
) -> Result<Json<Value>, V3Error> {
    let build = find(&app, &id).await?;
    match app.service.delete(&user, build.id).await {
        Ok(()) => Ok(Json(views::build(&build, &base))),
        Err(ServiceError::NotFinished { build }) => {
            Err(V3Error::conflict(format!("User '{}' can not delete build {build}: it is not finished", user.name)))
        }
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(V3Error::denied(format!("User '{}' can not delete build {}", user.name, build.id)))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /build/delete/list`: all of them or none.
pub(super) async fn delete_list(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let given = form.list("builds").unwrap_or_default();
    let numbers: Vec<i64> = given.iter().filter_map(|text| text.trim().parse().ok()).collect();
    if numbers.len() != given.len() {
        form.problem("builds", "Not a valid list of numbers of builds.");
    } else if numbers.len() > MOST_DELETED {
        form.problem("builds", format!("More than {MOST_DELETED}."));
    } else if numbers.is_empty() {
        form.problem("builds", "This field is required.");
    }
    form.finish()?;
    let mut ids: Vec<BuildId> = numbers.iter().copied().map(BuildId::new).collect();
    ids.sort_unstable();
    ids.dedup();
    let (mut running, mut foreign, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for id in &ids {
        match app.service.build(*id).await {
            Err(ServiceError::BuildMissing { .. }) => missing.push(*id),
            Err(error) => return Err(error.into()),
            Ok(build) if !app.service.may_delete(&user, &build).await? => foreign.push(*id),
            Ok(build) if !build.is_finished() => running.push(*id),
            Ok(_) => {}
        }
    }
    let mut message = String::new();
    if !running.is_empty() {
        message += &still_running(&running);
    }
    if !missing.is_empty() {
        message += &format!("Build(s) {} don't exist.\n", joined(&missing));
    }
    if !foreign.is_empty() {
        message += &format!("You don't have permissions to delete build(s) {}.\n", joined(&foreign));
    }
    if !message.is_empty() {
        return Err(V3Error::invalid(message));
    }
    app.service.delete_all(&user, &ids).await?;
    Ok(Json(json!({ "builds": numbers })))
}

fn joined(ids: &[BuildId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
