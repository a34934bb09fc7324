//! `POST /build/P?cmd=`: build again, stop, wipe.

use model::Project;
use service::PackageTarget;

use super::call::{Answer, Call, ok};
use super::error::ObsError;
use super::results::{named, outcomes, select};

/// What a command does; `cmd=` decides.
pub(super) async fn run(call: &Call, project: &Project) -> Answer {
    let Some(command) = call.query.get("cmd") else { return Err(ObsError::parameter("cmd")) };
    let service = &call.app.service;
    match command {
        "rebuild" => service.rebuild(&call.user, project.id, &chosen(call, project).await?).await?,
        "abortbuild" | "killbuild" => service.abort(&call.user, project.id, &chosen(call, project).await?).await?,
        "restartbuild" => {
            let chosen = chosen(call, project).await?;
            service.abort(&call.user, project.id, &chosen).await?;
            service.rebuild(&call.user, project.id, &chosen).await?;
        }
        "wipe" => service.wipe(&call.user, project.id, &chosen(call, project).await?).await?,
        "unpublish" | "sendsysrq" => return Err(ObsError::not_yet(format_args!("cmd={command} of results"))),
        other => {
            let other: String = other.chars().take(40).collect();
            let summary = format!("unknown command '{other}'");
            return Err(ObsError::new(axum::http::StatusCode::BAD_REQUEST, "illegal_request", summary));
        }
    }
    Ok(ok())
}

/// The packages and targets the filters of a command name.
async fn chosen(call: &Call, project: &Project) -> Result<Vec<PackageTarget>, ObsError> {
    let named = named(call)?;
    let outcomes = outcomes(call, project, &named).await?;
    if outcomes.is_empty() {
        return Err(ObsError::missing("no repository defined"));
    }
    if named.is_empty() && outcomes.iter().all(|outcome| outcome.packages.is_empty()) {
        return Err(ObsError::missing("no packages defined"));
    }
    let chosen = select(call, outcomes)?;
    let pairs = chosen.into_iter().flat_map(|outcome| {
        let target = outcome.target;
        outcome.packages.into_iter().map(move |one| (one.package, target.clone()))
    });
    Ok(pairs.collect())
}
