//! Errors of API v3: a status and `{"error": TEXT}`. The key is what tells the client that something went wrong.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use service::{ErrorKind, ProjectKey, ServiceError};

use crate::body::BodyError;
use crate::copr::names::CoprName;
use crate::incident;
use crate::multipart::MultipartError;

/// An error answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct V3Error {
    status: StatusCode,
    message: String,
}

impl V3Error {
    /// An error with a status of one's own.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// 400.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 403.
    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// What it says.
    pub(super) fn message(self) -> String {
        self.message
    }

    /// Its status, and what it says.
    pub(super) fn parts(self) -> (StatusCode, String) {
        (self.status, self.message)
    }

    /// Whether it says that something is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// 401: no credentials, or not the right ones.
    pub(super) fn unauthorized(base: &str) -> Self {
        let message = format!("Login invalid/expired. Please visit {base}/api to get or renew your API token.");
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 404 for a project.
    pub(super) fn project_missing(owner: &str, name: &str) -> Self {
        Self::missing(format!("Project {}/{} does not exist.", short(owner), short(name)))
    }

    /// 400 for something Kiln can not do, with what can be done instead.
    pub(super) fn unsupported(what: &str, instead: &'static str) -> Self {
        ServiceError::Unsupported { what: what.to_owned(), instead }.into()
    }
}

/// A text of a client, cut to a length that may be shown.
pub(super) fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

impl IntoResponse for V3Error {
    fn into_response(self) -> Response {
        let body = match self.status {
            StatusCode::UNAUTHORIZED => json!({"output": "notok", "error": self.message}),
            _ => json!({"error": self.message}),
        };
        (self.status, Json(body)).into_response()
    }
}

impl From<ServiceError> for V3Error {
    fn from(error: ServiceError) -> Self {
        let message = match &error {
            ServiceError::ProjectMissing { project: ProjectKey::Name(name) } => {
                format!("Project {} does not exist.", CoprName::of(name))
            }
            ServiceError::BuildMissing { build } => format!("Build {build} does not exist."),
            ServiceError::NotCancelable { build } => format!("Cannot cancel build {build}"),
            ServiceError::BatchFinished { build } => {
                format!("The batch of build {build} is already finished, so no other build can be tied to it")
            }
            _ => incident::chain(&error),
        };
        let status = match error.kind() {
            ErrorKind::Invalid if matches!(error, ServiceError::UploadTooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Missing => StatusCode::NOT_FOUND,
            ErrorKind::Conflicting => StatusCode::CONFLICT,
            ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Broken => {
                let message = format!("The server failed; quote incident {}", incident::report(&error));
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, message);
            }
        };
        Self::new(status, message)
    }
}

impl From<BodyError> for V3Error {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), incident::chain(&error))
    }
}

impl From<MultipartError> for V3Error {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::Body(error) => error.into(),
            error => Self::invalid(error.to_string()),
        }
    }
}

/// 404 for every address and method the dialect does not have.
pub(super) async fn unknown_address() -> V3Error {
    V3Error::missing("Such API endpoint doesn't exist")
}

/// Turns the framework's own refusals into the dialect's form.
pub(super) async fn always_json(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(CONTENT_TYPE) == Some(&HeaderValue::from_static("application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    V3Error::new(status, status.canonical_reason().unwrap_or("Error")).into_response()
}
