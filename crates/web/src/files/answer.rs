use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use service::{ErrorKind, ServiceError};

use crate::incident;

/// Why a file or folder can not be shown; answered as plain text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// Nothing is there.
    #[error("nothing is there")]
    Missing,
    /// The service says no.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The file can not be read.
    #[error("the file can not be read")]
    Io(#[from] std::io::Error),
}

impl IntoResponse for FileError {
    fn into_response(self) -> Response {
        let (status, text) = match &self {
            Self::Missing => (StatusCode::NOT_FOUND, "404 nothing is there\n".to_owned()),
            Self::Service(error) if error.kind() == ErrorKind::Missing => {
                (StatusCode::NOT_FOUND, format!("404 {error}\n"))
            }
            Self::Service(error) if error.kind() == ErrorKind::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, format!("503 {error}\n"))
            }
            // The file was deleted between the look-up and the opening.
            Self::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (StatusCode::NOT_FOUND, "404 nothing is there\n".to_owned())
            }
            Self::Service(_) | Self::Io(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("500 incident {}\n", incident::report(&self)))
            }
        };
        let mut response = (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response();
        security_headers(&mut response);
        response
    }
}

/// What keeps a browser from running anything it gets from us.
pub(crate) fn security_headers(response: &mut Response) {
    const HEADERS: [(&str, &str); 4] = [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
