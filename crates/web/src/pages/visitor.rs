//! Who looks at a page.

use std::convert::Infallible;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use service::User;

use super::error::PageError;
use crate::app::App;
use crate::query::Query;

/// Who looks at a page, logged in or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visitor {
    /// Who it is; `None` for a stranger.
    pub(crate) user: Option<User>,
    /// What every form of the page must send back in its field `csrf`.
    pub(crate) csrf: String,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(_parts: &mut Parts, _app: &App) -> Result<Self, Infallible> {
        Ok(Self::default())
    }
}

/// A form that one of our own pages sent.
pub(crate) struct Posted {
    /// Who sent it.
    pub(crate) visitor: Visitor,
    /// Its fields.
    pub(crate) fields: Query,
}

impl Posted {
    /// A field; the empty text if it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_default()
    }
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(_request: Request, _app: &App) -> Result<Self, Response> {
        Err(PageError::Stranger.into_response())
    }
}
