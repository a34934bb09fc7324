use std::io::SeekFrom;
use std::path::Path;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RANGE};
use axum::response::{IntoResponse, Response};
use model::{TaskId, TaskState};
use service::{ServiceError, TaskFilter, TaskLog};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::error::NativeError;
use super::request::OfTask;
use crate::app::App;
use crate::files::{Document, security_headers, serve_document};
use crate::query::Query;

const MEDIA_TYPE: &str = "text/plain; charset=utf-8";
/// Largest piece that is sent at once, in bytes.
const PIECE_BYTES: u64 = 64 * 1024;
/// Shortest time between two looks at a log that grows quickly.
const PAUSE: Duration = Duration::from_millis(100);

/// `GET /tasks/ID/log`, with `Range`; `?follow=1` sends what comes until the task ends, from `?offset=` on.
pub(super) async fn show(
    State(app): State<App>,
    OfTask(task): OfTask,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, NativeError> {
    if query.boolean("follow")?.unwrap_or(false) {
        let offset = query.integer("offset")?.or_else(|| range_start(&headers)).unwrap_or(0);
        // The first look tells whether there is such a task at all.
        look(&app, task).await?;
        let mut response = follow(app, task, u64::try_from(offset).unwrap_or(0)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
        security_headers(&mut response);
        return Ok(response);
    }
    let log = app.service.log(task).await?;
    let document = Document { path: log.path, sha256: None, media_type: MEDIA_TYPE };
    Ok(serve_document(&headers, &document).await?)
}

/// The log of a task from a byte on, and what comes until the task ends.
pub(crate) fn follow(app: App, task: TaskId, offset: u64) -> Body {
    let follower = Follower { app, task, offset, seen: 0, file: None };
    let stream = futures_util::stream::unfold(follower, |mut follower| async {
        follower.next().await.map(|piece| (piece, follower))
    });
    Body::from_stream(stream)
}

fn range_start(headers: &HeaderMap) -> Option<i64> {
    let range = headers.get(RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes=")?.split_once('-')?.0.trim().parse().ok()
}

/// The log, if a worker has begun the task.
async fn look(app: &App, task: TaskId) -> Result<Option<TaskLog>, ServiceError> {
    match app.service.log(task).await {
        Ok(log) => Ok(Some(log)),
        Err(ServiceError::LogMissing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends a log while it grows.
struct Follower {
    app: App,
    task: TaskId,
    offset: u64,
    seen: u64,
    file: Option<File>,
}

impl Follower {
    /// The next bytes; `None` when the log is complete, its task is gone, or the server stops.
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        loop {
            match self.read().await {
                Ok(piece) if !piece.is_empty() => return Some(Ok(piece)),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let log = match look(&self.app, self.task).await {
                Ok(log) => log,
                Err(ServiceError::TaskMissing { .. }) => return None,
                Err(error) => return Some(Err(std::io::Error::other(error))),
            };
            if let Err(error) = self.open(log.as_ref().map(|log| log.path.as_path())).await {
                return Some(Err(error));
            }
            match log {
                Some(log) if log.bytes > self.offset => {}
                Some(log) if log.complete => return None,
                // Also a task that ended without a worker: its log never begins.
                None if self.is_over().await => return None,
                _ => {
                    tokio::select! {
                        seen = self.app.service.wait_for_change(self.seen) => self.seen = seen,
                        () = self.app.options.stop.cancelled() => return None,
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn read(&mut self) -> Result<Bytes, std::io::Error> {
        let Some(file) = &mut self.file else { return Ok(Bytes::new()) };
        let mut piece = Vec::new();
        let count = file.take(PIECE_BYTES).read_to_end(&mut piece).await?;
        self.offset = self.offset.saturating_add(u64::try_from(count).unwrap_or(0));
        Ok(piece.into())
    }

    async fn open(&mut self, path: Option<&Path>) -> Result<(), std::io::Error> {
        if let (None, Some(path)) = (&self.file, path) {
            let mut file = File::open(path).await?;
            file.seek(SeekFrom::Start(self.offset)).await?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Whether the task is not among the unfinished ones.
    async fn is_over(&self) -> bool {
        let unfinished = TaskState::ALL.into_iter().filter(|state| !state.is_finished()).collect();
        let filter = TaskFilter { states: unfinished, ..TaskFilter::default() };
        let tasks = self.app.service.tasks(&filter).await;
        tasks.is_ok_and(|tasks| tasks.iter().all(|task| task.id != self.task))
    }
}
