use std::time::Duration;

use axum::Json;
use axum::extract::State;

use super::error::NativeError;
use super::wire::{ChangesAnswer, ReconcilerAnswer, Server, StatusAnswer};
use crate::app::App;
use crate::query::Query;

/// Longest wait for a change before the client is told that there was none.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// `GET /`: who we are.
pub(super) async fn server() -> Json<Server> {
    Json(Server { name: "kiln".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// `GET /changes?seen=N`: answers when something has changed since, or after a while.
pub(super) async fn changes(State(app): State<App>, query: Query) -> Result<Json<ChangesAnswer>, NativeError> {
    let seen = query.integer("seen")?.and_then(|seen| u64::try_from(seen).ok()).unwrap_or(0);
    let answer = tokio::select! {
        now = app.service.wait_for_change(seen) => now,
        () = tokio::time::sleep(LONGEST_WAIT) => seen,
        () = app.options.stop.cancelled() => seen,
    };
    Ok(Json(ChangesAnswer { seen: answer }))
}

/// `GET /status`.
pub(super) async fn show(State(app): State<App>) -> Result<Json<StatusAnswer>, NativeError> {
    let status = app.service.status().await?;
    let reconcilers = status.reconcilers.into_iter().map(|one| ReconcilerAnswer {
        name: one.name.to_owned(),
        passes: one.passes,
        last_started_at: one.last_started_at,
        last_duration_ms: u64::try_from(one.last_duration.as_millis()).unwrap_or(u64::MAX),
        last_changes: one.last_changes,
        last_error: one.last_error,
    });
    Ok(Json(StatusAnswer {
        projects: status.projects,
        builds: status.builds,
        unfinished_builds: status.unfinished_builds,
        tasks: status.tasks.into_iter().map(|(state, count)| (state.as_str().to_owned(), count)).collect(),
        reconcilers: reconcilers.collect(),
    }))
}
