//! What the handlers take from a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::{Project, UserName};
use service::User;

use super::error::V3Error;
use crate::app::App;
use crate::copr::names::CoprName;
use crate::query::Query;
use crate::{address, auth};

/// The user of a request and the public half of the token; 401 without. Comes first in a handler, so that nothing is told
/// to strangers.
pub(super) struct Caller {
    pub(super) user: User,
    pub(super) login: String,
}

impl FromRequestParts<App> for Caller {
    type Rejection = V3Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, V3Error> {
        match auth::caller_of(parts, app).await {
            Ok(Some((user, login))) => Ok(Self { user, login }),
            Ok(None) => Err(V3Error::unauthorized(&address::base_url(&parts.headers, &app.options.public_url))),
            Err(auth::AuthError::TooManyGuesses) => {
                Err(V3Error::new(axum::http::StatusCode::TOO_MANY_REQUESTS, auth::TOO_MANY_GUESSES))
            }
            Err(auth::AuthError::Service(error)) => Err(error.into()),
        }
    }
}

/// A parameter of the query that must be there.
pub(super) fn required<'a>(query: &'a Query, name: &str) -> Result<&'a str, V3Error> {
    query.get(name).ok_or_else(|| V3Error::invalid(format!("Missing argument {name}")))
}

/// The project that `ownername` and `projectname` of the query name.
pub(super) async fn queried_project(app: &App, query: &Query) -> Result<Project, V3Error> {
    let owner = required(query, "ownername")?;
    project(app, owner, required(query, "projectname")?).await
}

/// The project of an owner.
pub(super) async fn project(app: &App, owner: &str, name: &str) -> Result<Project, V3Error> {
    let missing = || V3Error::project_missing(owner, name);
    let found = CoprName::project(owner, name).ok_or_else(missing)?;
    match app.service.project_by_name(&found).await {
        Err(service::ServiceError::ProjectMissing { .. }) => Err(missing()),
        found => Ok(found?),
    }
}

/// A name of a user that somebody sent.
pub(super) fn user_name(text: &str) -> Result<UserName, V3Error> {
    UserName::parse(text).map_err(|error| V3Error::invalid(error.to_string()))
}
