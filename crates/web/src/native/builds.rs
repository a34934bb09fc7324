use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::{Build, Task, UserName};
use service::{BuildFilter, TargetName};

use super::error::NativeError;
use super::reasons::task_cause;
use super::request::{Caller, InBuild, project_called};
use super::wire::{BuildAnswer, BuildsAnswer, PhaseAnswer, TaskAnswer};
use crate::app::App;
use crate::files::result_path;
use crate::query::Query;

/// Most builds of one answer.
const MAX_LIMIT: u32 = 1000;

/// A build with what is derived from it.
pub(super) fn answer(build: Build) -> BuildAnswer {
    BuildAnswer {
        state: build.state(),
        finished: build.is_finished(),
        started_at: build.started_at(),
        ended_at: build.ended_at(),
        source_task: None,
        tasks: build.tasks.iter().map(|task| task_answer(&build, task)).collect(),
        build,
    }
}

fn task_answer(build: &Build, task: &Task) -> TaskAnswer {
    let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
    TaskAnswer {
        task: task.clone(),
        target: target.to_string(),
        cause: task_cause(build, task),
        results_path: result_path(build, task),
        phases: Vec::new(),
        warm_root: None,
    }
}

/// An answer about one build, with how long the phases of its tasks took.
async fn full_answer(app: &App, build: Build) -> Result<BuildAnswer, NativeError> {
    let mut answer = answer(build);
    answer.source_task = app.service.source_task(answer.build.id).await?.map(|task| task.id);
    for task in &mut answer.tasks {
        let Some((timings, warm_root)) = app.service.phase_timings(task.task.id).await? else { continue };
        let phase = |timing: model::PhaseTiming| PhaseAnswer {
            phase: timing.phase,
            duration_ms: u64::try_from(timing.duration.as_millis()).unwrap_or(u64::MAX),
        };
        task.phases = timings.into_iter().map(phase).collect();
        task.warm_root = Some(warm_root);
    }
    Ok(answer)
}

/// `GET /builds?project=&owner=&finished=&limit=&offset=`, newest first.
pub(super) async fn list(State(app): State<App>, query: Query) -> Result<Json<BuildsAnswer>, NativeError> {
    let project = match query.get("project") {
        Some(name) => Some(project_called(&app, name).await?.id),
        None => None,
    };
    let owner = query.get("owner").map(UserName::parse).transpose();
    let number = |value: Option<i64>| value.map(|value| u32::try_from(value.max(0)).unwrap_or(u32::MAX));
    let filter = BuildFilter {
        project,
        owner: owner.map_err(|error| NativeError::invalid(error.to_string()))?,
        finished: query.boolean("finished")?,
        limit: Some(number(query.integer("limit")?).unwrap_or(100).min(MAX_LIMIT)),
        offset: number(query.integer("offset")?).unwrap_or(0),
        ..BuildFilter::default()
    };
    let builds = app.service.builds(&filter).await?;
    Ok(Json(BuildsAnswer { builds: builds.into_iter().map(answer).collect() }))
}

/// `GET /builds/ID`.
pub(super) async fn show(State(app): State<App>, InBuild(build): InBuild) -> Result<Json<BuildAnswer>, NativeError> {
    Ok(Json(full_answer(&app, build).await?))
}

/// `POST /builds/ID/cancel`.
pub(super) async fn cancel(
    State(app): State<App>,
    Caller(user): Caller,
    InBuild(build): InBuild,
) -> Result<Json<BuildAnswer>, NativeError> {
    app.service.cancel(&user, build.id).await?;
    Ok(Json(answer(app.service.build(build.id).await?)))
}

/// `DELETE /builds/ID`.
pub(super) async fn delete(
    State(app): State<App>,
    Caller(user): Caller,
    InBuild(build): InBuild,
) -> Result<StatusCode, NativeError> {
    app.service.delete(&user, build.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
