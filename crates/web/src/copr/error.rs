//! Errors in Copr's words: a status and `{"message": ..., "data": ...}`.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{BuildId, ProjectId};
use serde_json::{Map, Value, json};
use service::{ErrorKind, ServiceError};

use crate::body::BodyError;
use crate::incident;
use crate::multipart::MultipartError;
use crate::query::QueryError;

/// Longest echo of a body that could not be parsed, in bytes.
const ECHO_BYTES: usize = 64 * 1024;

/// An error answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CoprError {
    status: StatusCode,
    message: String,
    data: Option<Value>,
}

impl CoprError {
    /// An error with a status of one's own.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), data: None }
    }

    /// 400.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 403.
    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404 for something that has no words of its own.
    pub(super) fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Requested object wasn't found")
    }

    /// 401: no credentials, or not the right ones. Copr sends no `WWW-Authenticate`.
    pub(super) fn unauthorized(host: &str) -> Self {
        let message = format!("Login invalid/expired. Please visit {host}/api get or renew your API token.");
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 404 for a project.
    pub(super) fn project_missing(id: ProjectId) -> Self {
        let missing = Self::new(StatusCode::NOT_FOUND, format!("Project with id `{id}` not found"));
        missing.with_data(json!({ "project_id": id }))
    }

    /// 404 for a build.
    pub(super) fn build_missing(id: BuildId) -> Self {
        let missing = Self::new(StatusCode::NOT_FOUND, format!("Build with id `{id}` not found"));
        missing.with_data(json!({ "build_id": id }))
    }

    /// 404 for a user nobody knows.
    pub(super) fn user_missing(name: &str) -> Self {
        let name: String = name.chars().take(200).collect();
        let missing = Self::new(StatusCode::NOT_FOUND, format!("User `{name}` doesn't have any project"));
        missing.with_data(json!({ "username": name }))
    }

    /// 400 for a chroot name that is none.
    pub(super) fn bad_chroot() -> Self {
        Self::invalid("Bad mock chroot name: Chroot identification is not valid")
    }

    /// 400 for a body that can not be understood.
    pub(super) fn unparsable(reason: &str, body: &[u8]) -> Self {
        let echo = String::from_utf8_lossy(body.get(..ECHO_BYTES).unwrap_or(body));
        let error = Self::invalid(format!("Failed to parse request: {reason}"));
        error.with_data(json!({ "request_string": echo }))
    }

    /// 400 for a parameter of the query, with what would be right.
    pub(super) fn bad_parameter(name: &str, error: &str, help: Option<String>) -> Self {
        let mut data = Map::from_iter([("error".to_owned(), Value::from(error))]);
        data.extend(help.map(|help| ("help".to_owned(), Value::from(help))));
        Self::invalid(format!("Failed to validate query parameter: {name}")).with_data(Value::Object(data))
    }

    fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

impl IntoResponse for CoprError {
    fn into_response(self) -> Response {
        let mut body = Map::from_iter([("message".to_owned(), Value::from(self.message))]);
        body.extend(self.data.map(|data| ("data".to_owned(), data)));
        (self.status, Json(Value::Object(body))).into_response()
    }
}

/// For what no handler has better words: the kind of the error gives the status.
impl From<ServiceError> for CoprError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::ProjectMissing { project: service::ProjectKey::Id(id) } => return Self::project_missing(id),
            ServiceError::BuildMissing { build } => return Self::build_missing(build),
            _ => {}
        }
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
        Self::new(status, incident::chain(&error))
    }
}

impl From<QueryError> for CoprError {
    fn from(error: QueryError) -> Self {
        Self::bad_parameter(error.name, &error.detail, None)
    }
}

impl From<BodyError> for CoprError {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), incident::chain(&error))
    }
}

impl From<MultipartError> for CoprError {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::Body(error) => error.into(),
            error => Self::invalid(format!("Failed to parse request: {error}")),
        }
    }
}

/// 404 for every address the dialect does not have.
pub(super) async fn unknown_address() -> CoprError {
    CoprError::new(StatusCode::NOT_FOUND, "The requested URL was not found on the server.")
}

/// 405, or for `OPTIONS` an empty 200; the router adds `Allow` to both.
pub(super) async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    CoprError::new(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for the requested URL.").into_response()
}

/// Turns the framework's own refusals (a path that is not UTF-8, for instance) into the dialect's form.
pub(super) async fn always_json(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(CONTENT_TYPE) == Some(&HeaderValue::from_static("application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    CoprError::new(status, status.canonical_reason().unwrap_or("Error")).into_response()
}
