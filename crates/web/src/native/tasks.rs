use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::error::NativeError;
use super::request::OfTask;
use super::wire::{EnvironmentAnswer, ResultsAnswer};
use crate::app::App;
use crate::files::{Document, media_type, serve_document};

/// `GET /tasks/ID/results`.
pub(super) async fn results(State(app): State<App>, OfTask(task): OfTask) -> Result<Json<ResultsAnswer>, NativeError> {
    let results = app.service.results(task).await?;
    Ok(Json(ResultsAnswer { results: results.into_iter().map(|stored| stored.result).collect() }))
}

/// `GET /tasks/ID/results/FILE`.
pub(super) async fn result(
    State(app): State<App>,
    OfTask(task): OfTask,
    Path((_, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, NativeError> {
    let results = app.service.results(task).await?;
    let found = results.into_iter().find(|stored| stored.result.file.name.as_str() == name);
    let stored = found.ok_or_else(|| NativeError::missing(format!("task {task} has no such result")))?;
    let document =
        Document { path: stored.path, sha256: Some(stored.result.file.sha256), media_type: media_type(&name) };
    Ok(serve_document(&headers, &document).await?)
}

/// `GET /tasks/ID/environment`.
pub(super) async fn environment(
    State(app): State<App>,
    OfTask(task): OfTask,
) -> Result<Json<EnvironmentAnswer>, NativeError> {
    Ok(Json(EnvironmentAnswer { packages: app.service.environment(task).await? }))
}
