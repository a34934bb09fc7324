//! `/account`: one's own password, tokens, SSH keys and sessions.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use service::{ErrorKind, LoginRow, ServiceError, SshKeyRow, User};

use super::html::escape;
use super::login::{login_address, see};
use super::provider::link_address;
use super::words::time;
use super::{private, refusal};
use crate::app::App;
use crate::files::FileError;
use crate::query::Query;
use crate::session::{self, Posted, Visitor};

/// How long tokens made here may work, in days.
const DAYS: [u64; 4] = [30, 90, 180, 365];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account", get(show))
        .route("/account/password", post(change_password))
        .route("/account/tokens", post(make_token))
        .route("/account/tokens/revoke", post(revoke_token))
        .route("/account/keys", post(add_key))
        .route("/account/keys/remove", post(remove_key))
        .route("/account/sessions/end", post(end_sessions))
}

/// Why a form of this page did nothing.
enum Refused {
    /// Nobody is logged in.
    Stranger,
    /// The person can do something about it.
    Said(StatusCode, String),
    /// The service failed.
    Failed(FileError),
}

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        match error.kind() {
            ErrorKind::Broken | ErrorKind::Busy => Self::Failed(error.into()),
            _ => Self::Said(StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Stranger => see(&login_address("/account")),
            Self::Said(status, message) => refusal(status, "That was not possible", &message),
            Self::Failed(error) => error.into_response(),
        }
    }
}

type Answer = Result<Response, Refused>;

fn user_of(visitor: &Visitor) -> Result<&User, Refused> {
    visitor.user.as_ref().ok_or(Refused::Stranger)
}

/// `GET /account`.
async fn show(State(app): State<App>, visitor: Visitor, query: Query) -> Answer {
    let user = user_of(&visitor)?;
    let done = match query.get("done") {
        Some("password") => "Your password was changed; every other session has ended.",
        Some("token") => "The token does not work any more.",
        Some("key") => "The key was added.",
        Some("key-gone") => "The key does not count any more.",
        Some("linked") => "You can log in through the provider now.",
        Some("unlinked") => "You can not log in through the provider any more.",
        Some("session") => "The session has ended.",
        _ => "",
    };
    page(&app, &visitor, user, done, "").await
}

async fn page(app: &App, visitor: &Visitor, user: &User, done: &str, fresh: &str) -> Answer {
    let service = &app.service;
    let tokens = service.tokens(user, &user.name).await?;
    let keys = service.ssh_keys(user, &user.name).await?;
    let sessions = service.sessions(user, &user.name).await?;
    let has_password = service.has_password(user).await?;
    let csrf = visitor.csrf_field();
    let role = if user.admin { ", administrator" } else { "" };
    let mut body = format!("<h1>{}{role}</h1>\n", escape(user.name.as_str()));
    if !done.is_empty() {
        body.push_str(&format!("<p class=\"done\" role=\"status\">{}</p>\n", escape(done)));
    }
    body.push_str(fresh);
    body.push_str(&format!("<form method=\"post\" action=\"/logout\">{csrf}<button>Log out</button></form>\n"));
    body.push_str(&password_part(&csrf, user, has_password));
    body.push_str(&provider_part(app, visitor, user).await?);
    body.push_str(&tokens_part(&csrf, &tokens));
    body.push_str(&keys_part(&csrf, &keys));
    body.push_str(&sessions_part(&csrf, &sessions, visitor.session.as_ref().map(|session| session.id)));
    Ok(private(super::answer(visitor, "Account", &body)))
}

fn password_part(csrf: &str, user: &User, has_password: bool) -> String {
    let current = if has_password {
        "<label for=\"current\">Current password</label>\n<input id=\"current\" name=\"current\" type=\"password\" required \
         autocomplete=\"current-password\">\n"
    } else {
        "<p class=\"dim\">You have none yet.</p>\n"
    };
    // The hidden name lets password managers know whose it is.
    format!(
        "<h2>Password</h2>\n<form method=\"post\" action=\"/account/password\" class=\"stacked\">{csrf}\n\
         <input type=\"text\" name=\"name\" value=\"{}\" autocomplete=\"username\" readonly hidden aria-label=\"Name\">\n{current}\
         <label for=\"new\">New password</label>\n<input id=\"new\" name=\"new\" type=\"password\" required minlength=\"8\" \
         autocomplete=\"new-password\">\n<label for=\"again\">The same again</label>\n<input id=\"again\" name=\"again\" \
         type=\"password\" required minlength=\"8\" autocomplete=\"new-password\">\n<button>Set password</button>\n</form>\n",
        escape(user.name.as_str())
    )
}

/// What an OpenID Connect provider has to do with the account; nothing without one.
async fn provider_part(app: &App, visitor: &Visitor, user: &User) -> Result<String, Refused> {
    let Some(name) = app.service.provider_name() else { return Ok(String::new()) };
    let name = escape(&name);
    let part = if app.service.is_linked_to_provider(user).await? {
        format!(
            "<form method=\"post\" action=\"/account/provider/unlink\">{}<p>You can log in through {name}.</p>\n\
             <button>Unlink</button></form>\n",
            visitor.csrf_field()
        )
    } else {
        let address = escape(&link_address(visitor));
        format!("<p><a class=\"button\" id=\"link\" href=\"{address}\">Link this account to {name}</a></p>\n")
    };
    Ok(format!("<h2>Provider</h2>\n{part}"))
}

fn tokens_part(csrf: &str, tokens: &[(String, model::Timestamp)]) -> String {
    let mut part = String::from(
        "<h2>Tokens</h2>\n<p>Command-line clients log in with a token: <code>kiln</code>, <code>copr-cli</code>, \
         <code>osc</code> (with your name and the token as the password).</p>\n",
    );
    if !tokens.is_empty() {
        part.push_str(
            "<table>\n<tr><th>Login</th><th>Works until</th><th><span class=\"hidden\">Action</span></th></tr>\n",
        );
        for (login, expires_at) in tokens {
            let shown = escape(login);
            part.push_str(&format!(
                "<tr><td><code>{shown}</code></td><td>{}</td><td><form method=\"post\" action=\"/account/tokens/revoke\">{csrf}\
                 <input type=\"hidden\" name=\"login\" value=\"{shown}\"><button aria-label=\"Revoke {shown}\">Revoke</button>\
                 </form></td></tr>\n",
                time(*expires_at)
            ));
        }
        part.push_str("</table>\n");
    }
    let days = DAYS.map(|days| format!("<option value=\"{days}\">{days} days</option>")).concat();
    part.push_str(&format!(
        "<form method=\"post\" action=\"/account/tokens\">{csrf}<label for=\"days\">New token for</label> \
         <select id=\"days\" name=\"days\">{days}</select> <button>Make token</button></form>\n"
    ));
    part
}

fn keys_part(csrf: &str, keys: &[SshKeyRow]) -> String {
    let mut part =
        String::from("<h2>SSH keys</h2>\n<p><code>osc</code> can log in with an SSH key instead of a password.</p>\n");
    if !keys.is_empty() {
        part.push_str(
            "<table>\n<tr><th>Key</th><th>Comment</th><th>Since</th><th><span class=\"hidden\">Action</span></th></tr>\n",
        );
        for key in keys {
            let kind = key.key.split(' ').next().unwrap_or_default();
            let end: String = key.key.chars().skip(key.key.chars().count().saturating_sub(12)).collect();
            part.push_str(&format!(
                "<tr><td><code>{} ...{}</code></td><td>{}</td><td>{}</td><td><form method=\"post\" \
                 action=\"/account/keys/remove\">{csrf}<input type=\"hidden\" name=\"id\" value=\"{id}\">\
                 <button aria-label=\"Remove key {id}\">Remove</button></form></td></tr>\n",
                escape(kind),
                escape(&end),
                escape(&key.comment),
                time(key.created_at),
                id = key.id
            ));
        }
        part.push_str("</table>\n");
    }
    part.push_str(&format!(
        "<form method=\"post\" action=\"/account/keys\" class=\"stacked\">{csrf}<label for=\"key\">Public key, a line of a \
         file that ends in <code>.pub</code></label>\n<textarea id=\"key\" name=\"key\" rows=\"3\" required \
         spellcheck=\"false\"></textarea>\n<button>Add key</button></form>\n"
    ));
    part
}

fn sessions_part(csrf: &str, sessions: &[LoginRow], own: Option<i64>) -> String {
    let mut part = String::from(
        "<h2>Sessions</h2>\n<table>\n<tr><th>Client</th><th>Since</th><th>Until</th>\
         <th><span class=\"hidden\">Action</span></th></tr>\n",
    );
    for session in sessions {
        let here = if own == Some(session.id) { " (this one)" } else { "" };
        part.push_str(&format!(
            "<tr><td>{}{here}</td><td>{}</td><td>{}</td><td><form method=\"post\" action=\"/account/sessions/end\">{csrf}\
             <input type=\"hidden\" name=\"id\" value=\"{id}\"><button aria-label=\"End session {id}\">End</button></form></td>\
             </tr>\n",
            escape(&session.agent),
            time(session.created_at),
            time(session.expires_at),
            id = session.id
        ));
    }
    part.push_str(&format!(
        "</table>\n<form method=\"post\" action=\"/account/sessions/end\">{csrf}<input type=\"hidden\" name=\"id\" value=\"all\">\
         <button>End all sessions</button></form>\n"
    ));
    part
}

/// `POST /account/password`: needs the current one, so that a browser left alone is not an account lost.
async fn change_password(State(app): State<App>, posted: Posted) -> Answer {
    let user = user_of(&posted.visitor)?;
    if app.guesses.is_exhausted(posted.peer, user.name.as_str(), Instant::now()) {
        let message = "Too many wrong passwords came from your address; wait a minute.";
        return Err(Refused::Said(StatusCode::TOO_MANY_REQUESTS, message.to_owned()));
    }
    if app.service.has_password(user).await? && !app.service.is_password(user, posted.text("current")).await? {
        app.guesses.note(posted.peer, user.name.as_str(), Instant::now());
        return Err(Refused::Said(StatusCode::FORBIDDEN, "The current password is wrong.".to_owned()));
    }
    if posted.text("new") != posted.text("again") {
        return Err(Refused::Said(StatusCode::BAD_REQUEST, "The two new passwords differ.".to_owned()));
    }
    app.service.set_password(user, &user.name, posted.text("new")).await?;
    let cookie = session::log_in(&app, user, &posted.visitor, &posted.agent).await?;
    let mut response = see("/account?done=password");
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// `POST /account/tokens`: shows the secret, this once.
async fn make_token(State(app): State<App>, posted: Posted) -> Answer {
    let user = user_of(&posted.visitor)?;
    let days = posted.text("days").parse().ok().filter(|days| DAYS.contains(days)).unwrap_or(DAYS[0]);
    let token = app.service.create_token(user, &user.name, Duration::from_secs(days * 24 * 3600)).await?;
    let fresh = format!(
        "<div class=\"done\" role=\"status\"><p>The token is shown only now. Put this into <code>~/.config/copr</code>:</p>\n\
         <pre id=\"token\">[copr-cli]\nlogin = {}\nusername = {}\ntoken = {}\ncopr_url = {}\n</pre></div>\n",
        escape(&token.login),
        escape(token.user.as_str()),
        escape(&token.token),
        escape(&app.options.public_url)
    );
    page(&app, &posted.visitor, user, "", &fresh).await
}

/// `POST /account/tokens/revoke`.
async fn revoke_token(State(app): State<App>, posted: Posted) -> Answer {
    let user = user_of(&posted.visitor)?;
    app.service.revoke_tokens(user, &user.name, Some(posted.text("login"))).await?;
    Ok(see("/account?done=token"))
}

/// `POST /account/keys`.
async fn add_key(State(app): State<App>, posted: Posted) -> Answer {
    let user = user_of(&posted.visitor)?;
    app.service.add_ssh_key(user, &user.name, posted.text("key")).await?;
    Ok(see("/account?done=key"))
}

/// `POST /account/keys/remove`.
async fn remove_key(State(app): State<App>, posted: Posted) -> Answer {
    let user = user_of(&posted.visitor)?;
    if let Ok(id) = posted.text("id").parse() {
        app.service.remove_ssh_key(user, &user.name, id).await?;
    }
    Ok(see("/account?done=key-gone"))
}

/// `POST /account/sessions/end`: one, or all.
async fn end_sessions(State(app): State<App>, posted: Posted) -> Answer {
    let user = user_of(&posted.visitor)?;
    let which = posted.text("id");
    match which.parse() {
        Ok(id) => app.service.end_sessions(user, &user.name, Some(id)).await?,
        Err(_) if which == "all" => app.service.end_sessions(user, &user.name, None).await?,
        Err(_) => 0,
    };
    Ok(see("/account?done=session"))
}
