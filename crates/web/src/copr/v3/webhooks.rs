//! Where forges tell of changes. Answers are plain text, as forges show them.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::{Package, PackageSource, Project, ProjectId};

use crate::app::App;
use crate::{body, incident};

/// Forges whose payloads name the repository that changed.
const FORGES: [&str; 3] = ["github", "gitlab", "bitbucket"];

fn answer(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text.into()).into_response()
}

/// `POST /webhooks/FORGE/PROJECT/SECRET[/PACKAGE]`.
pub(super) async fn receive(State(app): State<App>, Path(path): Path<String>, request: Request) -> Response {
    let words: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let (forge, id, secret, package) = match words.as_slice() {
        [forge, id, secret] => (*forge, *id, *secret, None),
        [forge, id, secret, package] => (*forge, *id, *secret, Some(*package)),
        _ => return answer(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND\n"),
    };
    if !FORGES.contains(&forge) && forge != "custom" {
        return answer(StatusCode::NOT_FOUND, "FORGE_NOT_FOUND\n");
    }
    let project = match project(&app, id, secret).await {
        Ok(project) => project,
        Err(refusal) => return refusal,
    };
    let payload = match body::read(request.into_body(), body::JSON_BYTES).await {
        Ok(payload) => payload,
        Err(error) => return answer(StatusCode::BAD_REQUEST, incident::chain(&error)),
    };
    if forge == "custom" && package.is_none() {
        return answer(StatusCode::BAD_REQUEST, "PACKAGE_NAME_REQUIRED\n");
    }
    match matching(&app, &project, package, &payload).await {
        Ok(found) if package.is_some() && found.is_empty() => answer(StatusCode::NOT_FOUND, "PACKAGE_NOT_FOUND\n"),
        Ok(found) if found.is_empty() => answer(StatusCode::OK, "OK\n"),
        Ok(found) => rebuild(&app, &project, found).await,
        Err(error) => super::error::V3Error::from(error).into_response(),
    }
}

async fn project(app: &App, id: &str, secret: &str) -> Result<Project, Response> {
    let missing = || answer(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND\n");
    let id = ProjectId::new(id.parse().map_err(|_| missing())?);
    let project = app.service.project(id).await.map_err(|_| missing())?;
    match app.service.is_webhook_secret(id, secret).await {
        Ok(true) => Ok(project),
        Ok(false) => Err(answer(StatusCode::FORBIDDEN, "BAD_UUID\n")),
        Err(error) => Err(super::error::V3Error::from(error).into_response()),
    }
}

/// The packages that a change is to rebuild: the one that is named, or those whose sources the payload speaks of.
async fn matching(
    app: &App,
    project: &Project,
    name: Option<&str>,
    payload: &[u8],
) -> Result<Vec<Package>, service::ServiceError> {
    let mut packages = app.service.packages(project.id, Some(super::paging::MOST), 0).await?;
    let payload = String::from_utf8_lossy(payload);
    packages.retain(|package| match name {
        Some(name) => package.name.as_str() == name,
        None => package.settings.auto_rebuild && is_spoken_of(package.source.as_ref(), &payload),
    });
    Ok(packages)
}

/// Builds packages as their owner would.
async fn rebuild(app: &App, project: &Project, packages: Vec<Package>) -> Response {
    for package in packages {
        if let Err(error) = app.service.submit_changed(project.id, &package).await {
            return super::error::V3Error::from(error).into_response();
        }
    }
    answer(StatusCode::OK, "OK\n")
}

fn is_spoken_of(source: Option<&PackageSource>, payload: &str) -> bool {
    match source {
        Some(PackageSource::Checkout { url, .. }) => payload.contains(url.trim_end_matches(".git")),
        _ => false,
    }
}
