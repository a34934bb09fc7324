//! Who sends a request: HTTP's basic authentication with a name and a token or a password, a signature by an SSH key, or a
//! session in a cookie.
//!
//! What a request says in its header counts more than its cookie: a client that knows better sends both.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkg::Sha256;
use service::{LoginKind, ServiceError, User};

use crate::app::App;
use crate::guesses::Peer;
use crate::session::{self, Came, SESSION_COOKIE};
use crate::signature::SignatureHeader;

/// Longest header that is looked at, in bytes: a signature of an RSA key with 8192 bits fits.
const MAX_HEADER_BYTES: usize = 8192;

/// What a client that guesses is told.
pub(crate) const TOO_MANY_GUESSES: &str = "too many wrong tokens came from your address; wait a minute";

/// What signatures are made for, and the name of the realm in which passwords count.
pub(crate) const REALM: &str = "Kiln";

/// How long a command-line client need not say again who it is.
const CLIENT_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// How long the same credentials get the same session: a script that keeps no cookies must not fill the table.
const SAME_SESSION: Duration = Duration::from_secs(600);

/// Most credentials whose session is remembered.
const MOST_SESSIONS: usize = 1000;

/// Why nobody can say whose credentials a request has.
#[derive(Debug)]
pub(crate) enum AuthError {
    /// Too many wrong ones came lately.
    TooManyGuesses,
    /// The service failed.
    Service(ServiceError),
}

impl From<ServiceError> for AuthError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// What a request says of who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Credentials {
    /// A name and a secret.
    Basic(String, String),
    /// A name and a signature.
    Signature(SignatureHeader),
}

/// The user a request's header belongs to, and the public half of the token; `None` if there is no such header, or what it
/// has is malformed, wrong or expired.
///
/// # Errors
/// If the service fails, or the client has guessed too often; then the credentials are not looked at.
pub(crate) async fn caller_of(parts: &Parts, app: &App) -> Result<Option<(User, String)>, AuthError> {
    let Some(credentials) = credentials(&parts.headers) else { return Ok(None) };
    let peer = parts.extensions.get::<Peer>().copied();
    let login = match &credentials {
        Credentials::Basic(login, _) => login,
        Credentials::Signature(signature) => &signature.key_id,
    };
    if app.guesses.is_exhausted(peer, login, Instant::now()) {
        return Err(AuthError::TooManyGuesses);
    }
    let user = match &credentials {
        Credentials::Basic(login, secret) => app.service.authenticate(login, secret).await?,
        Credentials::Signature(given) if app.replays.admit(&given.blob, peer, Instant::now()) => {
            app.service.authenticate_signature(login, REALM, given.created, &given.blob).await?
        }
        Credentials::Signature(_) => None,
    };
    if user.is_none() {
        app.guesses.note(peer, login, Instant::now());
    }
    Ok(user.map(|user| (user, login.clone())))
}

/// As [`caller_of`]; without such a header, the user of the session in the cookie. A session alone changes nothing unless
/// the request comes from where it may.
///
/// # Errors
/// As [`caller_of`].
pub(crate) async fn caller_or_session(parts: &Parts, app: &App) -> Result<Option<(User, String)>, AuthError> {
    if parts.headers.contains_key(AUTHORIZATION) {
        return caller_of(parts, app).await;
    }
    let user = session_user(parts, app).await?;
    Ok(user.map(|user| (user.clone(), user.name.to_string())))
}

async fn session_user(parts: &Parts, app: &App) -> Result<Option<User>, ServiceError> {
    let Some(secret) = session::cookie(&parts.headers, SESSION_COOKIE) else { return Ok(None) };
    let Some(session) = app.service.session(secret).await? else { return Ok(None) };
    let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let may = reads || Came::from(&parts.headers, &app.options.public_url).may_write(session.kind);
    Ok(may.then_some(session.user))
}

/// As [`caller_or_session`], for clients that keep cookies: whoever came with credentials gets a session to come back with,
/// the cookie of which is the second value.
///
/// # Errors
/// As [`caller_of`].
pub(crate) async fn client_of(parts: &Parts, app: &App) -> Result<Option<(User, Option<HeaderValue>)>, AuthError> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        return Ok(session_user(parts, app).await?.map(|user| (user, None)));
    };
    let Some((user, _)) = caller_of(parts, app).await? else { return Ok(None) };
    if let Some(secret) = session::cookie(&parts.headers, SESSION_COOKIE)
        && let Some(session) = app.service.session(secret).await?
        && session.user.id == user.id
    {
        return Ok(Some((user, None)));
    }
    let credentials = Sha256::of(header.as_bytes());
    let secret = match app.client_sessions.known(&credentials, Instant::now()) {
        Some(secret) if app.service.session(&secret).await?.is_some_and(|found| found.user.id == user.id) => secret,
        _ => {
            let agent = session::agent(&parts.headers);
            let opened = app.service.open_session(&user, LoginKind::Client, &agent, CLIENT_LIFETIME).await?;
            app.client_sessions.remember(credentials, opened.secret.clone(), Instant::now());
            opened.secret
        }
    };
    let cookie = session::set_cookie(SESSION_COOKIE, &secret, Some(CLIENT_LIFETIME), &app.options.public_url);
    Ok(Some((user, Some(cookie))))
}

/// Which session credentials got lately.
#[derive(Debug, Default)]
pub(crate) struct ClientSessions(Mutex<HashMap<Sha256, (String, Instant)>>);

impl ClientSessions {
    fn known(&self, credentials: &Sha256, now: Instant) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (secret, since) = known.get(credentials)?;
        (now.saturating_duration_since(*since) < SAME_SESSION).then(|| secret.clone())
    }

    fn remember(&self, credentials: Sha256, secret: String, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_SESSIONS {
            known.clear();
        }
        known.insert(credentials, (secret, now));
    }
}

fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if value.len() > MAX_HEADER_BYTES {
        return None;
    }
    let (scheme, rest) = value.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("signature") {
        return SignatureHeader::parse(rest).map(Credentials::Signature);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (login, secret) = text.split_once(':')?;
    let usable = !login.is_empty() && !secret.is_empty();
    usable.then(|| Credentials::Basic(login.to_owned(), secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(header: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        match credentials(&headers)? {
            Credentials::Basic(login, secret) => Some((login, secret)),
            Credentials::Signature(_) => None,
        }
    }

    #[test]
    fn the_same_credentials_get_the_same_session_for_a_while_and_memory_is_bounded() {
        let (sessions, now) = (ClientSessions::default(), Instant::now());
        let key = |number: usize| Sha256::of(number.to_string().as_bytes());
        sessions.remember(key(0), "secret".to_owned(), now);
        assert_eq!(sessions.known(&key(0), now).as_deref(), Some("secret"));
        assert_eq!(sessions.known(&key(1), now), None);
        assert_eq!(sessions.known(&key(0), now + SAME_SESSION), None);
        (0..=MOST_SESSIONS).for_each(|number| sessions.remember(key(number), String::new(), now));
        assert!(sessions.0.lock().unwrap().len() <= MOST_SESSIONS);
    }

    #[test]
    fn only_well_formed_basic_credentials_count() {
        let pair = Some(("login".to_owned(), "token".to_owned()));
        assert_eq!(read(&format!("Basic {}", STANDARD.encode("login:token"))), pair);
        assert_eq!(read(&format!("basic {}", STANDARD.encode("login:token"))), pair);
        assert_eq!(read(&format!("Basic {}", STANDARD.encode("a:b:c"))), Some(("a".to_owned(), "b:c".to_owned())));
        for text in ["login", "login:", ":token"] {
            assert_eq!(read(&format!("Basic {}", STANDARD.encode(text))), None, "{text}");
        }
        for header in ["", "Basic", "Basic !!!", "Bearer abc", &format!("Basic {}", "A".repeat(9000))] {
            assert_eq!(read(header), None, "{header}");
        }
        assert_eq!(credentials(&HeaderMap::new()), None);
    }
}
