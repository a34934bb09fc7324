//! Errors as `<status code="...">` documents.
//!
//! The client shows the summary for 400, 403, 404 and 500 only, and tries 500 and 503 again: a refusal that will be the same
//! next time is one of the first three.

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use service::{Action, ErrorKind, ServiceError};

use super::xml::{Node, XmlError};
use crate::auth::AuthError;
use crate::body::BodyError;
use crate::files::FileError;
use crate::incident;

/// What a client that says nothing of who it is may say; the realm is [`crate::auth::REALM`].
const CHALLENGES: [&str; 2] = ["Basic realm=\"Kiln\"", "Signature realm=\"Kiln\",headers=\"(created)\""];

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObsError {
    status: StatusCode,
    code: &'static str,
    summary: String,
    details: Option<String>,
}

impl ObsError {
    /// An error with a status of one's own.
    pub(super) fn new(status: StatusCode, code: &'static str, summary: impl Into<String>) -> Self {
        Self { status, code, summary: summary.into(), details: None }
    }

    /// 400 for a request that makes no sense.
    pub(super) fn invalid(summary: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_record", summary)
    }

    /// 400 for a parameter that is needed.
    pub(super) fn parameter(name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "missing_parameter", format!("parameter '{name}' is missing"))
    }

    /// 404.
    pub(super) fn missing(summary: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", summary)
    }

    /// 400 for what Kiln does not have yet, by its name.
    pub(super) fn not_yet(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "not_supported", format!("this server does not know {what}"))
    }

    /// 401: the client sends its credentials then.
    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_required", "Authentication required")
    }

    /// Whether it says that something is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    fn with_details(mut self, details: Option<String>) -> Self {
        self.details = details;
        self
    }

    fn broken(error: &dyn std::error::Error) -> Self {
        let summary = format!("the server failed; quote incident {}", incident::report(error));
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "uncaught_exception", summary)
    }
}

impl IntoResponse for ObsError {
    fn into_response(self) -> Response {
        let details = self.details.map(|details| Node::leaf("details", details));
        let body =
            Node::new("status").with("code", self.code).child(Node::leaf("summary", self.summary)).children(details);
        let mut response = (self.status, [(CONTENT_TYPE, "text/xml; charset=utf-8")], body.render()).into_response();
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("x-opensuse-errorcode"), HeaderValue::from_static(self.code));
        if self.status == StatusCode::UNAUTHORIZED {
            // In two lines: clients before 1.0 read only the first, and only know the first scheme.
            for scheme in CHALLENGES {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
        }
        response
    }
}

impl From<ServiceError> for ObsError {
    fn from(error: ServiceError) -> Self {
        let code = match &error {
            ServiceError::ProjectMissing { .. } => "unknown_project",
            ServiceError::PackageMissing { .. } => "unknown_package",
            ServiceError::RepositoryMissing { .. } | ServiceError::TargetMissing { .. } => "unknown_repository",
            ServiceError::RepositoryUsed { .. } => "repo_dependency",
            ServiceError::ConfigRefused { .. } => "validation_failed",
            ServiceError::Unsupported { .. } => "not_supported",
            ServiceError::BranchExists { .. } => "double_branch_package",
            ServiceError::Denied { action: Action::CreateProject, .. } => "create_project_no_permission",
            ServiceError::Denied { action: Action::SubmitBuild | Action::CancelBuild, .. } => {
                "execute_cmd_no_permission"
            }
            ServiceError::Denied { .. } => "change_project_no_permission",
            error if error.kind() == ErrorKind::Missing => "not_found",
            error if error.kind() == ErrorKind::Busy => "try_again",
            _ => "invalid_record",
        };
        let status = match error.kind() {
            ErrorKind::Invalid | ErrorKind::Conflicting => StatusCode::BAD_REQUEST,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Missing => StatusCode::NOT_FOUND,
            ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Broken => return Self::broken(&error),
        };
        Self::new(status, code, incident::chain(&error)).with_details(error.help())
    }
}

impl From<AuthError> for ObsError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::TooManyGuesses => {
                Self::new(StatusCode::FORBIDDEN, "too_many_guesses", crate::auth::TOO_MANY_GUESSES)
            }
            AuthError::Service(error) => error.into(),
        }
    }
}

impl From<BodyError> for ObsError {
    fn from(error: BodyError) -> Self {
        Self::invalid(incident::chain(&error))
    }
}

impl From<XmlError> for ObsError {
    fn from(error: XmlError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation_failed", error.to_string())
    }
}

impl From<FileError> for ObsError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Missing => Self::missing("no such file"),
            FileError::Service(error) => error.into(),
            FileError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Self::missing("the file was deleted")
            }
            FileError::Io(_) => Self::broken(&error),
        }
    }
}
