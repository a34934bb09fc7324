use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use service::{ErrorKind, ServiceError};

use super::html::tag;
use super::layout::Page;
use crate::incident;
use crate::session::Visitor;

/// Why a page can not be shown, or a form did nothing; answered as a page.
#[derive(Debug)]
pub(super) enum PageError {
    /// There is no such page.
    Missing,
    /// Somebody has to log in first.
    Stranger,
    /// The request makes no sense.
    Invalid(String),
    /// The service says no.
    Service(ServiceError),
}

impl From<ServiceError> for PageError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl From<std::io::Error> for PageError {
    fn from(error: std::io::Error) -> Self {
        Self::Service(error.into())
    }
}

impl PageError {
    fn words(&self) -> (StatusCode, &'static str, String, Option<String>) {
        let missing = "There is nothing here";
        match self {
            Self::Missing => (StatusCode::NOT_FOUND, missing, "No such page.".to_owned(), None),
            Self::Stranger => {
                let help = Some("Log in, go back, and repeat it.".to_owned());
                (StatusCode::FORBIDDEN, "You are not logged in", "Nothing was changed.".to_owned(), help)
            }
            Self::Invalid(message) => (StatusCode::BAD_REQUEST, "That does not work", message.clone(), None),
            Self::Service(error) => {
                let (status, title) = match error.kind() {
                    ErrorKind::Invalid => (StatusCode::BAD_REQUEST, "That does not work"),
                    ErrorKind::Denied => (StatusCode::FORBIDDEN, "You may not do that"),
                    ErrorKind::Missing => (StatusCode::NOT_FOUND, missing),
                    ErrorKind::Conflicting => (StatusCode::CONFLICT, "That does not fit how things are"),
                    ErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Not now"),
                    ErrorKind::Broken => {
                        let message = format!("The server failed; quote incident {}.", incident::report(error));
                        return (StatusCode::INTERNAL_SERVER_ERROR, "The server failed", message, None);
                    }
                };
                (status, title, incident::chain(error), error.help())
            }
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title, message, help) = self.words();
        let visitor = Visitor::default();
        let mut response = Page::new(&visitor, title, "/")
            .add(tag("h1").add(title))
            .add(tag("p").add(message))
            .add(help.map(|help| tag("p").class("dim").add(help)))
            .answer();
        *response.status_mut() = status;
        response
    }
}
