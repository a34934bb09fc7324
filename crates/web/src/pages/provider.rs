//! `/login/provider`: logging in through an OpenID Connect provider, and linking an account to one.
//!
//! Both begin with a link and not with a form: a page whose forms may only go to this server could not follow the way to
//! another one.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use pkg::Sha256;
use service::{OidcError, ProviderAnswer, User};

use super::login::{next_page, see};
use super::{private, refusal};
use crate::address::{decode, encode_query_value};
use crate::app::App;
use crate::files::FileError;
use crate::incident;
use crate::query::Query;
use crate::session::{self, Posted, Visitor};

/// Cookie of somebody who is on the way to the provider and back: a secret, the number of the user to link or nothing, and
/// where to go then.
const COOKIE: &str = "kiln_provider";

/// How long that may take.
const LIFETIME: Duration = Duration::from_secs(600);

/// Where the provider sends the browser back to.
const BACK: &str = "/login/provider/back";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/login/provider", get(leave))
        .route(BACK, get(come_back))
        .route("/account/provider/unlink", post(unlink))
}

/// The link that makes an account's owner able to log in through the provider.
pub(super) fn link_address(visitor: &Visitor) -> String {
    format!("/login/provider?link={}", link_word(visitor))
}

/// Says that a page of this session asked for the link: else somebody could have a stranger's login linked to one's account.
fn link_word(visitor: &Visitor) -> String {
    Sha256::of(format!("link\0{}", visitor.csrf).as_bytes()).to_string()
}

/// A login that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Journey {
    secret: String,
    link: Option<i64>,
    next: String,
}

impl Journey {
    fn to_cookie(&self) -> String {
        let link = self.link.map(|id| id.to_string()).unwrap_or_default();
        format!("{}.{link}.{}", self.secret, encode_query_value(&self.next).replace('.', "%2E"))
    }

    fn parse(cookie: &str) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (secret, link, next) = (parts.next()?, parts.next()?, decode(parts.next()?)?);
        let link = if link.is_empty() { None } else { Some(link.parse().ok()?) };
        let whole = secret.len() == 64 && parts.next().is_none();
        whole.then(|| Self { secret: secret.to_owned(), link, next: next_page(Some(&next)).to_owned() })
    }
}

fn redirect_address(app: &App) -> String {
    format!("{}{BACK}", app.options.public_url.trim_end_matches('/'))
}

/// `GET /login/provider`: sends the browser to the provider.
async fn leave(State(app): State<App>, visitor: Visitor, query: Query) -> Result<Response, FileError> {
    let link = match (query.get("link"), &visitor.user) {
        (None, _) => None,
        (Some(word), Some(user)) if Sha256::of(word.as_bytes()) == Sha256::of(link_word(&visitor).as_bytes()) => {
            Some(user.id.get())
        }
        (Some(_), _) => {
            return Ok(refusal(StatusCode::FORBIDDEN, "This link is not from here", "Nothing was changed."));
        }
    };
    let next = if link.is_some() { "/account?done=linked" } else { next_page(query.get("next")) };
    let journey = Journey { secret: service::random_secret()?, link, next: next.to_owned() };
    let address = match app.service.provider_address(&redirect_address(&app), &journey.secret).await {
        Ok(address) => address,
        Err(error) => return failed(error),
    };
    let cookie = session::set_cookie(COOKIE, &journey.to_cookie(), Some(LIFETIME), &app.options.public_url);
    Ok(private((StatusCode::SEE_OTHER, [(LOCATION, address)], [(SET_COOKIE, cookie)]).into_response()))
}

/// `GET /login/provider/back`: the provider sent the browser here.
async fn come_back(
    State(app): State<App>,
    visitor: Visitor,
    query: Query,
    parts: Parts,
) -> Result<Response, FileError> {
    let Some(journey) = session::cookie(&parts.headers, COOKIE).and_then(Journey::parse) else {
        return failed(OidcError::Foreign);
    };
    let owner = visitor.user.as_ref().filter(|user| Some(user.id.get()) == journey.link);
    if journey.link.is_some() && owner.is_none() {
        return failed(OidcError::Foreign);
    }
    let answer = ProviderAnswer {
        state: query.get("state"),
        code: query.get("code"),
        issuer: query.get("iss"),
        error: query.get("error_description").or(query.get("error")),
    };
    let redirect = redirect_address(&app);
    let user = match app.service.log_in_with_provider(&redirect, &journey.secret, &answer, owner).await {
        Ok(user) => user,
        Err(error) => return failed(error),
    };
    let mut response = arrived(&app, &user, &visitor, &journey, &session::agent(&parts.headers)).await?;
    let used = session::set_cookie(COOKIE, "", None, &app.options.public_url);
    response.headers_mut().append(SET_COOKIE, used);
    Ok(response)
}

async fn arrived(
    app: &App,
    user: &User,
    visitor: &Visitor,
    journey: &Journey,
    agent: &str,
) -> Result<Response, FileError> {
    let mut response = see(&journey.next);
    let cookie = session::log_in(app, user, visitor, agent).await?;
    tracing::info!(user.name = %user.name, "{} logged in through the provider", user.name);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// `POST /account/provider/unlink`: not if that was the only way in.
async fn unlink(State(app): State<App>, posted: Posted) -> Result<Response, FileError> {
    let Some(user) = &posted.visitor.user else { return Ok(see("/login?next=/account")) };
    if !app.service.has_password(user).await? {
        let message = "Set a password first: without one and without the provider you could not log in again.";
        return Ok(refusal(StatusCode::BAD_REQUEST, "That was not possible", message));
    }
    app.service.unlink_provider(user).await?;
    Ok(see("/account?done=unlinked"))
}

fn failed(error: OidcError) -> Result<Response, FileError> {
    let (status, more) = match &error {
        OidcError::Service(_) => {
            let OidcError::Service(error) = error else { return Err(FileError::Missing) };
            return Err(error.into());
        }
        OidcError::NotConfigured => return Err(FileError::Missing),
        OidcError::Provider { .. } | OidcError::Token { .. } => {
            tracing::warn!("a login through the provider failed: {}", incident::chain(&error));
            (StatusCode::BAD_GATEWAY, "")
        }
        OidcError::Foreign => (StatusCode::BAD_REQUEST, ". Begin again at /login; your browser must keep cookies"),
        OidcError::Refused { .. } | OidcError::Name { .. } => (StatusCode::FORBIDDEN, ""),
        OidcError::Taken { .. } => {
            (StatusCode::CONFLICT, ". If that is you, log in here with your password and link the two on /account")
        }
        OidcError::LinkedElsewhere => (StatusCode::CONFLICT, ""),
    };
    Ok(refusal(status, "You are not logged in", &format!("{error}{more}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journey_comes_back_as_it_went_and_stays_on_this_server() {
        let journey = Journey { secret: "a".repeat(64), link: Some(7), next: "/projects/a.b?c=d&e=%20;f".to_owned() };
        let cookie = journey.to_cookie();
        assert!(cookie.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)), "{cookie}");
        assert_eq!(Journey::parse(&cookie), Some(journey));
        let away = format!("{}..//evil%2Eexample", "a".repeat(64));
        assert_eq!(Journey::parse(&away).unwrap().next, "/");
        for bad in ["", "..", "a.b.c", &"a".repeat(64), &format!("{}.x./", "a".repeat(64))] {
            assert_eq!(Journey::parse(bad), None, "{bad}");
        }
    }
}
