//! Where forges tell of changes. Answers are plain text, as forges show them.
//!
//! The secret in the address is all that counts: whoever knows it may start builds. It is compared before the body is read.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::{Package, PackageName, Project, ProjectId, SourceChange};
use service::{ErrorKind, ServiceError};

use super::error::V3Error;
use super::payloads::Forge;
use crate::app::App;
use crate::body;
use crate::copr::names::CoprName;
use crate::incident;

/// Longest payload, in bytes: a push of two thousand commits that touch many files.
const PAYLOAD_BYTES: u64 = 8 << 20;

/// A line of text.
#[derive(Debug)]
struct Reply(StatusCode, String);

/// An answer, or a refusal that is one.
type Answer<T> = Result<T, Reply>;

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        (self.0, [(CONTENT_TYPE, "text/plain; charset=utf-8")], self.1 + "\n").into_response()
    }
}

fn answer(status: StatusCode, text: impl Into<String>) -> Reply {
    Reply(status, text.into())
}

fn refusal(error: ServiceError) -> Reply {
    let (status, message) = V3Error::from(error).parts();
    answer(status, message)
}

/// `POST /webhooks/...`: see [`Hook`].
pub(super) async fn receive(State(app): State<App>, Path(path): Path<String>, request: Request) -> Response {
    let result = match Hook::parse(&path) {
        Ok(hook) => hook.receive(&app, request).await,
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| refusal).into_response()
}

/// An address of hooks.
#[derive(Debug)]
enum Hook<'a> {
    /// `FORGE/PROJECT/SECRET[/PACKAGE]`: tells what has changed.
    Forge { forge: Forge, project: &'a str, secret: &'a str, package: Option<&'a str> },
    /// `custom/PROJECT/SECRET/PACKAGE` or `custom-dir/OWNER/PROJECT/SECRET/PACKAGE`: builds the package.
    Custom { project: Wanted<'a>, secret: &'a str, package: &'a str },
}

#[derive(Debug)]
enum Wanted<'a> {
    Number(&'a str),
    Name(&'a str, &'a str),
}

impl<'a> Hook<'a> {
    fn parse(path: &'a str) -> Answer<Self> {
        let words: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let of_forge = |word: &str, project, secret, package| {
            let forge = Forge::parse(word).ok_or_else(|| answer(StatusCode::NOT_FOUND, "FORGE_NOT_FOUND"))?;
            Ok(Self::Forge { forge, project, secret, package })
        };
        match *words.as_slice() {
            ["custom", project, secret, package] => {
                Ok(Self::Custom { project: Wanted::Number(project), secret, package })
            }
            ["custom-dir", owner, name, secret, package] => {
                Ok(Self::Custom { project: Wanted::Name(owner, name), secret, package })
            }
            ["custom", _, _] | ["custom-dir", _, _, _] => Err(answer(StatusCode::BAD_REQUEST, "PACKAGE_NAME_REQUIRED")),
            [forge, project, secret] => of_forge(forge, project, secret, None),
            [forge, project, secret, package] => of_forge(forge, project, secret, Some(package)),
            _ => Err(no_project()),
        }
    }

    async fn receive(self, app: &App, request: Request) -> Answer<Reply> {
        match self {
            Self::Forge { forge, project, secret, package } => {
                let project = find_project(app, &Wanted::Number(project), secret).await?;
                let headers = request.headers().clone();
                let payload = payload(request).await?;
                let changes = forge.changes(&headers, &payload);
                let changes = changes.map_err(|reason| answer(StatusCode::BAD_REQUEST, reason + ""))?;
                let packages = match package {
                    Some(name) => {
                        let package = find_package(app, &project, name).await?;
                        let is_concerned = changes.iter().any(|change| change.concerns(&package));
                        if is_concerned { vec![package] } else { Vec::new() }
                    }
                    None => concerned(app, &project, &changes).await.map_err(refusal)?,
                };
                build_again(app, &project, &packages).await
            }
            Self::Custom { project, secret, package } => {
                let project = find_project(app, &project, secret).await?;
                let package = find_package(app, &project, package).await?;
                let payload = payload(request).await?;
                let build = app.service.submit_changed(project.id, &package, Some(&payload)).await;
                build.map(|build| answer(StatusCode::OK, format!("{build}"))).map_err(refusal)
            }
        }
    }
}

fn no_project() -> Reply {
    answer(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND")
}

async fn payload(request: Request) -> Answer<Vec<u8>> {
    let read = body::read(request.into_body(), PAYLOAD_BYTES).await;
    read.map_err(|error| answer(error.status(), incident::chain(&error) + ""))
}

/// The project, if the secret is its own.
async fn find_project(app: &App, wanted: &Wanted<'_>, secret: &str) -> Answer<Project> {
    let found = match wanted {
        Wanted::Number(number) => app.service.project(ProjectId::new(number.parse().map_err(|_| no_project())?)).await,
        Wanted::Name(owner, name) => {
            app.service.project_by_name(&CoprName::project(owner, name).ok_or_else(no_project)?).await
        }
    };
    let project = found.map_err(|error| match error.kind() {
        ErrorKind::Missing => no_project(),
        _ => refusal(error),
    })?;
    match app.service.is_webhook_secret(project.id, secret).await {
        Ok(true) => Ok(project),
        Ok(false) => Err(answer(StatusCode::FORBIDDEN, "BAD_UUID")),
        Err(error) => Err(refusal(error)),
    }
}

async fn find_package(app: &App, project: &Project, name: &str) -> Answer<Package> {
    let missing = || answer(StatusCode::NOT_FOUND, "PACKAGE_NOT_FOUND");
    let name = PackageName::parse(name).map_err(|_| missing())?;
    app.service.package(project.id, &name).await.map_err(|error| match error.kind() {
        ErrorKind::Missing => missing(),
        _ => refusal(error),
    })
}

/// The packages that changes concern; those whose owners do not want it as well.
async fn concerned(app: &App, project: &Project, changes: &[SourceChange]) -> Result<Vec<Package>, ServiceError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let packages = app.service.packages(project.id, Some(super::paging::MOST), 0).await?;
    let mut found: Vec<&Package> = changes.iter().flat_map(|change| change.concerned(&packages)).collect();
    found.sort_by_key(|package| package.id);
    found.dedup_by_key(|package| package.id);
    Ok(found.into_iter().cloned().collect())
}

/// Builds packages whose owners want that when something changes. One that can not be built keeps no other from it.
async fn build_again(app: &App, project: &Project, packages: &[Package]) -> Answer<Reply> {
    let mut failure = None;
    for package in packages.iter().filter(|package| package.settings.auto_rebuild) {
        if let Err(error) = app.service.submit_changed(project.id, package, None).await {
            failure.get_or_insert(error);
        }
    }
    failure.map_or_else(|| Ok(answer(StatusCode::OK, "OK")), |error| Err(refusal(error)))
}
