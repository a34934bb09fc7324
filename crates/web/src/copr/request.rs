//! What the handlers take from a request.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{BuildId, Project, ProjectId};
use service::User;

use super::error::CoprError;
use crate::app::App;
use crate::{address, auth, body};

/// The user of a request; 401 without one. Comes first in a handler, so that nothing is told to strangers.
pub(super) struct Caller(pub(super) User);

impl FromRequestParts<App> for Caller {
    type Rejection = CoprError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, CoprError> {
        match auth::caller_of(parts, app).await {
            Ok(Some((user, _))) => Ok(Self(user)),
            Err(auth::AuthError::TooManyGuesses) => {
                Err(CoprError::new(StatusCode::TOO_MANY_REQUESTS, auth::TOO_MANY_GUESSES))
            }
            Err(auth::AuthError::Service(error)) => Err(error.into()),
            Ok(None) => {
                let base = address::base_url(&parts.headers, &app.options.public_url);
                Err(CoprError::unauthorized(address::host_of(&base)))
            }
        }
    }
}

/// The scheme and host of the server as the client knows them.
pub(super) struct Base(pub(super) String);

impl FromRequestParts<App> for Base {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(address::base_url(&parts.headers, &app.options.public_url)))
    }
}

impl Base {
    /// 201 with an empty body; the client fetches the address, which must be absolute.
    pub(super) fn created(&self, path: &str) -> Response {
        let location = HeaderValue::from_str(&format!("{}{path}", self.0));
        let mut response = StatusCode::CREATED.into_response();
        if let Ok(location) = location {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

/// The number in a path; anything else is an address that does not exist.
pub(super) struct Number(pub(super) i64);

impl FromRequestParts<App> for Number {
    type Rejection = CoprError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, CoprError> {
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| CoprError::missing())?;
        parse_number(&text).map(Self)
    }
}

/// The number and the name in a path.
pub(super) struct NumberAndName(pub(super) i64, pub(super) String);

impl FromRequestParts<App> for NumberAndName {
    type Rejection = CoprError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, CoprError> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((number, name)) = path.map_err(|_| CoprError::missing())?;
        Ok(Self(parse_number(&number)?, name))
    }
}

fn parse_number(text: &str) -> Result<i64, CoprError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| CoprError::new(StatusCode::NOT_FOUND, "The requested URL was not found on the server."))
}

/// A project that must exist; comes after [`Caller`] and before the body.
pub(super) struct InProject(pub(super) Project);

impl FromRequestParts<App> for InProject {
    type Rejection = CoprError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, CoprError> {
        let number = match Number::from_request_parts(parts, app).await {
            Ok(Number(number)) => number,
            Err(_) => NumberAndName::from_request_parts(parts, app).await?.0,
        };
        Ok(Self(app.service.project(ProjectId::new(number)).await?))
    }
}

/// A build that must exist; comes after [`Caller`] and before the body.
pub(super) struct InBuild(pub(super) model::Build);

impl FromRequestParts<App> for InBuild {
    type Rejection = CoprError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, CoprError> {
        let Number(number) = Number::from_request_parts(parts, app).await?;
        Ok(Self(app.service.build(BuildId::new(number)).await?))
    }
}

/// A body of bounded size, whatever its content type.
pub(super) struct Bounded(pub(super) Vec<u8>);

impl FromRequest<App> for Bounded {
    type Rejection = CoprError;

    async fn from_request(request: Request, _app: &App) -> Result<Self, CoprError> {
        Ok(Self(read_body(request.into_body()).await?))
    }
}

/// Reads a body that holds no file.
pub(super) async fn read_body(body: Body) -> Result<Vec<u8>, CoprError> {
    Ok(body::read(body, body::JSON_BYTES).await?)
}
