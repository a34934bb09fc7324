//! `/login` and `/logout`.

use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::html::escape;
use super::private;
use crate::address::encode_query_value;
use crate::app::App;
use crate::files::FileError;
use crate::query::Query;
use crate::session::{self, Posted, SESSION_COOKIE, VISITOR_COOKIE, Visitor};

/// What a wrong name and a wrong password have in common.
const WRONG: &str = "The name or the password is wrong.";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/login", get(show).post(enter)).route("/logout", post(leave))
}

/// `GET /login`: the form; whoever is logged in already goes on.
async fn show(State(app): State<App>, visitor: Visitor, query: Query) -> Result<Response, FileError> {
    let next = next_page(query.get("next"));
    if visitor.user.is_some() {
        return Ok(see(next));
    }
    let (csrf, fresh) = word(&app, &visitor)?;
    let mut response = form(&app, &csrf, next, None, StatusCode::OK);
    if let Some(cookie) = fresh {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The word for the form of a stranger, and the cookie it belongs to if the stranger has none yet.
fn word(app: &App, visitor: &Visitor) -> Result<(String, Option<HeaderValue>), FileError> {
    if !visitor.csrf.is_empty() {
        return Ok((visitor.csrf.clone(), None));
    }
    let secret = service::random_secret()?;
    let lifetime = Some(session::PAGE_LIFETIME);
    let cookie = session::set_cookie(VISITOR_COOKIE, &secret, lifetime, &app.options.public_url);
    Ok((session::csrf_of(&secret), Some(cookie)))
}

/// `POST /login`: opens a session, or says that something is wrong, but not what.
async fn enter(State(app): State<App>, posted: Posted) -> Result<Response, FileError> {
    let (name, next) = (posted.text("name").trim(), next_page(posted.fields.get("next")));
    let again = |status, message| Ok(form(&app, &posted.visitor.csrf, next, Some((name, message)), status));
    if app.guesses.is_exhausted(posted.peer, name, Instant::now()) {
        return again(StatusCode::TOO_MANY_REQUESTS, "Too many wrong passwords came from your address; wait a minute.");
    }
    let user = app.service.authenticate(name, posted.text("password")).await?;
    let Some(user) = user else {
        app.guesses.note(posted.peer, name, Instant::now());
        tracing::info!("a login on the page failed");
        return again(StatusCode::FORBIDDEN, WRONG);
    };
    let cookie = session::log_in(&app, &user, &posted.visitor, &posted.agent).await?;
    tracing::info!(user.name = %user.name, "{} logged in on the page", user.name);
    let mut response = see(next);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// `POST /logout`: the session is over, here and in the browser.
async fn leave(State(app): State<App>, posted: Posted) -> Result<Response, FileError> {
    if let (Some(user), Some(session)) = (&posted.visitor.user, &posted.visitor.session) {
        app.service.end_sessions(user, &user.name, Some(session.id)).await?;
    }
    let mut response = see("/");
    response.headers_mut().append(SET_COOKIE, session::set_cookie(SESSION_COOKIE, "", None, &app.options.public_url));
    Ok(response)
}

/// Sends the browser to another page, which it asks for with `GET`.
pub(super) fn see(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    private((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// Where to go after the login: a path of ours and nothing that a browser could take for another server's address.
pub(crate) fn next_page(wanted: Option<&str>) -> &str {
    let plain = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() < 2000
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    wanted.filter(plain).unwrap_or("/")
}

/// The address of the login page that comes back to a path.
pub(super) fn login_address(next: &str) -> String {
    format!("/login?next={}", encode_query_value(next_page(Some(next))))
}

fn form(app: &App, csrf: &str, next: &str, failed: Option<(&str, &str)>, status: StatusCode) -> Response {
    let (name, message) = failed.unwrap_or_default();
    let message = match message {
        "" => String::new(),
        text => format!("<p class=\"error\" role=\"alert\" id=\"message\">{}</p>\n", escape(text)),
    };
    let provider = app.service.provider_name().map(|name| {
        let address = format!("/login/provider?next={}", encode_query_value(next));
        format!(
            "<p><a class=\"button\" id=\"provider\" href=\"{}\">Log in with {}</a></p>\n",
            escape(&address),
            escape(&name)
        )
    });
    let body = format!(
        "<h1>Log in</h1>\n{message}<form method=\"post\" action=\"/login\" class=\"stacked\">\n\
         <input type=\"hidden\" name=\"csrf\" value=\"{}\">\n<input type=\"hidden\" name=\"next\" value=\"{}\">\n\
         <label for=\"name\">Name</label>\n<input id=\"name\" name=\"name\" value=\"{}\" required \
         autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\">\n\
         <label for=\"password\">Password or token</label>\n<input id=\"password\" name=\"password\" type=\"password\" \
         required autocomplete=\"current-password\">\n<button>Log in</button>\n</form>\n{}",
        escape(csrf),
        escape(next),
        escape(name),
        provider.unwrap_or_default()
    );
    let mut response = private(super::answer(&Visitor::default(), "Log in", &body));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_on_this_server() {
        assert_eq!(next_page(Some("/projects/a?b=c")), "/projects/a?b=c");
        for text in ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "/ä"]
        {
            assert_eq!(next_page(Some(text)), "/", "{text}");
        }
        assert_eq!(next_page(None), "/");
        assert_eq!(login_address("/a?b=c&d"), "/login?next=/a%3Fb%3Dc%26d");
    }
}
