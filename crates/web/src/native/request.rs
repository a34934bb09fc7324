//! What the handlers take from a request.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use model::{Build, BuildId, Project, ProjectName, TaskId};
use serde::de::DeserializeOwned;
use service::{TargetName, User};

use super::error::NativeError;
use crate::app::App;
use crate::copr::names::parse_chroot;
use crate::{auth, body};

/// The user of a request; 401 without one.
pub(super) struct Caller(pub(super) User);

impl FromRequestParts<App> for Caller {
    type Rejection = NativeError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NativeError> {
        known(auth::caller_or_session(parts, app).await).map(Self)
    }
}

/// The user of a request that has credentials of its own; a session in a cookie is not enough.
pub(super) struct CallerWithToken(pub(super) User);

impl FromRequestParts<App> for CallerWithToken {
    type Rejection = NativeError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NativeError> {
        known(auth::caller_of(parts, app).await).map(Self)
    }
}

fn known(found: Result<Option<(User, String)>, auth::AuthError>) -> Result<User, NativeError> {
    match found {
        Ok(Some((user, _))) => Ok(user),
        Ok(None) => Err(NativeError::unauthorized()),
        Err(auth::AuthError::TooManyGuesses) => Err(NativeError::too_many_guesses()),
        Err(auth::AuthError::Service(error)) => Err(error.into()),
    }
}

/// The project a path names.
pub(super) struct InProject(pub(super) Project);

impl FromRequestParts<App> for InProject {
    type Rejection = NativeError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NativeError> {
        Ok(Self(project_called(app, &first_segment(parts, app).await?).await?))
    }
}

/// The project of a name a client sent.
pub(super) async fn project_called(app: &App, name: &str) -> Result<Project, NativeError> {
    let name = ProjectName::parse(name).map_err(|error| NativeError::invalid(error.to_string()))?;
    Ok(app.service.project_by_name(&name).await?)
}

/// The target of a name a client sent.
pub(super) fn target_called(name: &str) -> Result<TargetName, NativeError> {
    parse_chroot(name).ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        NativeError::invalid(format!("{shown:?} is not a target: it has a repository, a dash and an architecture"))
    })
}

/// The build a path names.
pub(super) struct InBuild(pub(super) Build);

impl FromRequestParts<App> for InBuild {
    type Rejection = NativeError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NativeError> {
        let number = number(&first_segment(parts, app).await?)?;
        Ok(Self(app.service.build(BuildId::new(number)).await?))
    }
}

/// The number of the task a path names; nobody has looked whether there is one.
pub(super) struct OfTask(pub(super) TaskId);

impl FromRequestParts<App> for OfTask {
    type Rejection = NativeError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NativeError> {
        Ok(Self(TaskId::new(number(&first_segment(parts, app).await?)?)))
    }
}

async fn first_segment(parts: &mut Parts, app: &App) -> Result<String, NativeError> {
    let path = Path::<Vec<(String, String)>>::from_request_parts(parts, app).await;
    let first = path.ok().and_then(|Path(segments)| segments.into_iter().next());
    first.map(|(_, value)| value).ok_or_else(|| NativeError::missing("there is no such address"))
}

fn number(text: &str) -> Result<i64, NativeError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        NativeError::missing(format!("{shown:?} is not a number"))
    })
}

/// A JSON body of bounded size.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = NativeError;

    async fn from_request(request: Request, _app: &App) -> Result<Self, NativeError> {
        let raw = body::read(request.into_body(), body::JSON_BYTES).await?;
        parse(&raw).map(Self)
    }
}

/// Reads a JSON body.
pub(super) fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, NativeError> {
    serde_json::from_slice(raw).map_err(|error| NativeError::invalid(format!("the request body: {error}")))
}
