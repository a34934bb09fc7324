use axum::extract::{OriginalUri, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use model::{Project, ProjectName, RepositoryName};
use service::{ProjectFilter, Published, ServiceError};

use super::answer::{FileError, security_headers};
use super::listing::{Line, listing};
use super::serve::{Document, serve_document};
use crate::address::decode;
use crate::app::App;
use crate::copr::names::parse_chroot;

/// Name of the file with a project's public key, in the project's folder and in each repository.
const KEY: &str = "key.asc";

/// Anything below `/repositories/`.
pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, FileError> {
    let raw = uri.path();
    let below = raw.strip_prefix("/repositories").unwrap_or_default();
    let segments = below.split('/').filter(|segment| !segment.is_empty()).map(decode);
    let segments: Vec<String> = segments.collect::<Option<_>>().ok_or(FileError::Missing)?;
    let odd = |segment: &String| segment == "." || segment == ".." || segment.contains(['/', '\\', '\0']);
    if segments.iter().any(odd) {
        return Err(FileError::Missing);
    }
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let lines = match words.as_slice() {
        [] => projects(&app).await?,
        [project] => repositories(&app, project).await?,
        [project, KEY] | [project, _, KEY] => return key(&app, project).await,
        [project, repository, path @ ..] => {
            let project = ProjectName::parse(project).map_err(|_| FileError::Missing)?;
            let repository = RepositoryName::parse(repository).map_err(|_| FileError::Missing)?;
            match app.service.published(&project, &repository, &path.join("/")).await? {
                Published::File { path, sha256, media_type, .. } => {
                    let document = Document { path, sha256: Some(sha256), media_type };
                    return serve_document(&headers, &document).await;
                }
                Published::Folder(entries) => entries
                    .into_iter()
                    .map(|entry| Line { name: entry.name, bytes: entry.bytes, modified: Some(entry.modified) })
                    .collect(),
            }
        }
    };
    if !raw.ends_with('/') {
        return Ok(Redirect::permanent(&format!("{raw}/")).into_response());
    }
    let shown: String = segments.iter().map(|segment| format!("/{segment}")).collect();
    Ok(listing(&format!("/repositories{shown}"), &lines))
}

/// The metadata of one architecture's repository, under the address where Copr has it.
pub(super) async fn metadata(
    app: &App,
    headers: &HeaderMap,
    project: &Project,
    chroot: &str,
    rest: &[&str],
) -> Result<Response, FileError> {
    let target = parse_chroot(chroot).ok_or(FileError::Missing)?;
    let path = format!("{}/repodata/{}", target.arch, rest.join("/"));
    match app.service.published(&project.name, &target.repository, path.trim_end_matches('/')).await? {
        Published::File { path, sha256, media_type, .. } => {
            serve_document(headers, &Document { path, sha256: Some(sha256), media_type }).await
        }
        Published::Folder(entries) => {
            let lines = entries.into_iter().map(|entry| Line {
                name: entry.name,
                bytes: entry.bytes,
                modified: Some(entry.modified),
            });
            Ok(listing(&format!("{chroot}/repodata"), &lines.collect::<Vec<_>>()))
        }
    }
}

async fn projects(app: &App) -> Result<Vec<Line>, FileError> {
    let projects = app.service.projects(&ProjectFilter::default()).await?;
    Ok(projects.into_iter().map(|project| Line::folder(project.name.to_string())).collect())
}

async fn repositories(app: &App, project: &str) -> Result<Vec<Line>, FileError> {
    let name = ProjectName::parse(project).map_err(|_| FileError::Missing)?;
    let project = app.service.project_by_name(&name).await?;
    let repositories = app.service.repositories(project.id).await?;
    let mut lines: Vec<Line> =
        repositories.into_iter().map(|repository| Line::folder(repository.name.to_string())).collect();
    lines.push(Line::file(KEY, 0, None));
    Ok(lines)
}

async fn key(app: &App, project: &str) -> Result<Response, FileError> {
    let name = ProjectName::parse(project).map_err(|_| FileError::Missing)?;
    let project = app.service.project_by_name(&name).await?;
    let key = match app.service.public_key(project.id).await {
        Ok(key) => key,
        Err(ServiceError::ProjectMissing { .. }) => return Err(FileError::Missing),
        Err(error) => return Err(error.into()),
    };
    let mut response = ([(CONTENT_TYPE, "application/pgp-keys")], key).into_response();
    security_headers(&mut response);
    Ok(response)
}
