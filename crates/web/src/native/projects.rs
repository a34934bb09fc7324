use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::{Project, ProjectName, ProjectSettings, TargetAdditions, UserName};
use service::{NewProject, ProjectFilter, TargetName};

use super::error::NativeError;
use super::request::{Caller, InProject, JsonBody, target_called};
use super::wire::{
    EnableRequest, NewProjectRequest, ProjectAnswer, ProjectsAnswer, Refreshed, TargetAnswer, TargetsAnswer,
};
use crate::app::App;
use crate::query::Query;

/// `GET /projects?owner=&limit=&offset=`.
pub(super) async fn list(State(app): State<App>, query: Query) -> Result<Json<ProjectsAnswer>, NativeError> {
    let owner = query.get("owner").map(UserName::parse).transpose();
    let number = |value: Option<i64>| value.map(|value| u32::try_from(value.max(0)).unwrap_or(u32::MAX));
    let filter = ProjectFilter {
        owner: owner.map_err(|error| NativeError::invalid(error.to_string()))?,
        limit: number(query.integer("limit")?),
        offset: number(query.integer("offset")?).unwrap_or(0),
        ..ProjectFilter::default()
    };
    Ok(Json(ProjectsAnswer { projects: app.service.projects(&filter).await? }))
}

/// `POST /projects`.
pub(super) async fn create(
    State(app): State<App>,
    Caller(user): Caller,
    JsonBody(wanted): JsonBody<NewProjectRequest>,
) -> Result<(StatusCode, Json<ProjectAnswer>), NativeError> {
    let name = ProjectName::parse(&wanted.name).map_err(|error| NativeError::invalid(error.to_string()))?;
    let targets: Vec<TargetName> =
        wanted.targets.iter().map(|target| target_called(target)).collect::<Result<_, _>>()?;
    let settings = wanted.settings.unwrap_or_else(|| ProjectSettings { publish: true, ..ProjectSettings::default() });
    let project = app.service.create_project(&user, NewProject { name, settings, targets }).await?;
    Ok((StatusCode::CREATED, Json(answer(&app, project).await?)))
}

async fn answer(app: &App, project: Project) -> Result<ProjectAnswer, NativeError> {
    Ok(ProjectAnswer { repositories: app.service.repositories(project.id).await?, project })
}

/// `GET /projects/NAME`.
pub(super) async fn show(
    State(app): State<App>,
    InProject(project): InProject,
) -> Result<Json<ProjectAnswer>, NativeError> {
    Ok(Json(answer(&app, project).await?))
}

/// `PUT /projects/NAME`: replaces the settings.
pub(super) async fn update(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    JsonBody(settings): JsonBody<ProjectSettings>,
) -> Result<Json<ProjectAnswer>, NativeError> {
    app.service.update_project(&user, project.id, settings).await?;
    Ok(Json(answer(&app, app.service.project(project.id).await?).await?))
}

/// `POST /projects/NAME/rebuild`: builds again what is built with something that has changed.
pub(super) async fn rebuild_outdated(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
) -> Result<Json<Refreshed>, NativeError> {
    Ok(Json(app.service.rebuild_outdated(&user, project.id).await?))
}

/// `DELETE /projects/NAME`.
pub(super) async fn delete(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
) -> Result<StatusCode, NativeError> {
    app.service.delete_project(&user, project.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /projects/NAME/targets/TARGET`.
pub(super) async fn enable(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    Path((_, target)): Path<(String, String)>,
    JsonBody(wanted): JsonBody<EnableRequest>,
) -> Result<Json<ProjectAnswer>, NativeError> {
    let target = target_called(&target)?;
    let EnableRequest { extra_packages: packages, with, without, debug_packages } = wanted;
    match app.service.enable_target(&user, project.id, &target, packages.clone()).await {
        Ok(()) | Err(service::ServiceError::TargetExists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let additions = TargetAdditions { packages, with, without, debug_packages };
    app.service.set_additions(&user, project.id, &target, additions).await?;
    Ok(Json(answer(&app, project).await?))
}

/// `DELETE /projects/NAME/targets/TARGET`.
pub(super) async fn disable(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    Path((_, target)): Path<(String, String)>,
) -> Result<StatusCode, NativeError> {
    app.service.disable_target(&user, project.id, &target_called(&target)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /targets`.
pub(super) async fn targets(State(app): State<App>) -> Result<Json<TargetsAnswer>, NativeError> {
    let targets = app.service.targets().await?.into_iter().map(|target| TargetAnswer {
        name: target.name.to_string(),
        path: target.path.to_string(),
        active: target.active,
    });
    Ok(Json(TargetsAnswer { targets: targets.collect() }))
}
