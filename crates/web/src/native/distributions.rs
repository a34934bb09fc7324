use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use pkg::Arch;
use service::DistributionOptions;

use super::error::NativeError;
use super::request::{Caller, InProject, JsonBody};
use super::wire::{MirrorAnswer, NewDistribution, ProjectAnswer, ProjectsAnswer};
use crate::app::App;

/// `GET /distributions`: the projects that offer targets.
pub(super) async fn list(State(app): State<App>) -> Result<Json<ProjectsAnswer>, NativeError> {
    let mut projects = Vec::new();
    for target in app.service.targets().await? {
        if !projects.iter().any(|project: &model::Project| project.name == target.path.project) {
            projects.push(app.service.project_by_name(&target.path.project).await?);
        }
    }
    Ok(Json(ProjectsAnswer { projects }))
}

/// `POST /distributions`; again with other options changes them.
pub(super) async fn add(
    State(app): State<App>,
    Caller(user): Caller,
    JsonBody(wanted): JsonBody<NewDistribution>,
) -> Result<(StatusCode, Json<ProjectAnswer>), NativeError> {
    let arches: Result<Vec<Arch>, _> = wanted.arches.iter().map(|arch| Arch::parse(arch)).collect();
    let options = DistributionOptions {
        mirror_url: wanted.mirror_url,
        security_url: wanted.security_url,
        arches: arches.map_err(|error| NativeError::invalid(error.to_string()))?,
        keyring: wanted.keyring,
        believes_unsigned: wanted.believes_unsigned,
        repositories: wanted.repositories,
    };
    let project = app.service.add_distribution(&user, &wanted.preset, options).await?;
    let repositories = app.service.repositories(project.id).await?;
    Ok((StatusCode::CREATED, Json(ProjectAnswer { project, repositories })))
}

/// `POST /distributions/NAME/refresh`.
pub(super) async fn refresh(
    State(app): State<App>,
    Caller(_user): Caller,
    InProject(project): InProject,
) -> Result<Json<MirrorAnswer>, NativeError> {
    let status = app.service.refresh_mirrors(project.id).await?;
    Ok(Json(MirrorAnswer { packages: status.packages, fetched: status.fetched, checked_at: status.checked_at }))
}
