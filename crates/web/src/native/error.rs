use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use service::{ErrorKind, ServiceError};

use super::wire::{ErrorAnswer, ErrorBody, ErrorCode};
use crate::body::BodyError;
use crate::files::FileError;
use crate::incident;
use crate::multipart::MultipartError;
use crate::query::QueryError;

/// An error answer in Kiln's words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NativeError {
    status: StatusCode,
    body: ErrorBody,
}

impl NativeError {
    pub(super) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, body: ErrorBody { code, message: message.into(), help: None } }
    }

    /// 429: the client guesses tokens.
    pub(super) fn too_many_guesses() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::Denied, crate::auth::TOO_MANY_GUESSES)
    }

    /// 400.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::Invalid, message)
    }

    /// 404.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::Missing, message)
    }

    /// 401.
    pub(super) fn unauthorized() -> Self {
        let error = Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::Denied,
            "the login or its token is missing, wrong or expired",
        );
        error.with_help("an administrator makes a new one with `kiln token USER`")
    }

    fn with_help(mut self, help: impl Into<String>) -> Self {
        self.body.help = Some(help.into());
        self
    }
}

impl IntoResponse for NativeError {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorAnswer { error: self.body })).into_response()
    }
}

impl From<ServiceError> for NativeError {
    fn from(error: ServiceError) -> Self {
        let (status, code) = match error.kind() {
            ErrorKind::Invalid if matches!(error, ServiceError::UploadTooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::Invalid)
            }
            ErrorKind::Invalid => (StatusCode::BAD_REQUEST, ErrorCode::Invalid),
            ErrorKind::Denied => (StatusCode::FORBIDDEN, ErrorCode::Denied),
            ErrorKind::Missing => (StatusCode::NOT_FOUND, ErrorCode::Missing),
            ErrorKind::Conflicting => (StatusCode::CONFLICT, ErrorCode::Conflicting),
            ErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy),
            ErrorKind::Broken => return Self::broken(&error),
        };
        Self { status, body: ErrorBody { code, message: incident::chain(&error), help: error.help() } }
    }
}

impl NativeError {
    fn broken(error: &dyn std::error::Error) -> Self {
        let message = format!("the server failed; quote incident {}", incident::report(error));
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Broken, message)
    }
}

impl From<QueryError> for NativeError {
    fn from(error: QueryError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<BodyError> for NativeError {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), ErrorCode::Invalid, incident::chain(&error))
    }
}

impl From<MultipartError> for NativeError {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::Body(error) => error.into(),
            error => Self::invalid(error.to_string()),
        }
    }
}

impl From<FileError> for NativeError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Missing => Self::missing("there is no such file"),
            FileError::Service(error) => error.into(),
            FileError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Self::missing("the file was deleted")
            }
            FileError::Io(_) => Self::broken(&error),
        }
    }
}

/// 404 for every address the interface does not have.
pub(super) async fn unknown_address() -> NativeError {
    NativeError::missing("there is no such address")
}

/// 405, or for `OPTIONS` an empty 200; the router adds `Allow` to both.
pub(super) async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    let message = "the address does not know this method";
    NativeError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Invalid, message).into_response()
}

/// Turns the framework's own refusals into the interface's form.
pub(super) async fn always_json(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(CONTENT_TYPE) == Some(&HeaderValue::from_static("application/json"));
    let keeps_body = is_json || status == StatusCode::RANGE_NOT_SATISFIABLE;
    if keeps_body || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let message = status.canonical_reason().unwrap_or("error").to_lowercase();
    NativeError::new(status, ErrorCode::Invalid, message).into_response()
}
