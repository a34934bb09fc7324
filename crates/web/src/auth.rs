//! Who sends a request: HTTP's basic authentication with a login and a token.

use std::time::Instant;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service::{ServiceError, User};

use crate::app::App;
use crate::guesses::Peer;

/// Longest header that is looked at, in bytes.
const MAX_HEADER_BYTES: usize = 4096;

/// What a client that guesses is told.
pub(crate) const TOO_MANY_GUESSES: &str = "too many wrong tokens came from your address; wait a minute";

/// Why nobody can say whose credentials a request has.
#[derive(Debug)]
pub(crate) enum AuthError {
    /// Too many wrong ones came lately.
    TooManyGuesses,
    /// The service failed.
    Service(ServiceError),
}

/// The user a request's credentials belong to, and the public half of the token; `None` if there are none, or they are
/// malformed, wrong or expired.
///
/// # Errors
/// If the service fails, or the client has guessed too often; then the credentials are not looked at.
pub(crate) async fn caller_of(parts: &Parts, app: &App) -> Result<Option<(User, String)>, AuthError> {
    let Some((login, token)) = credentials(&parts.headers) else { return Ok(None) };
    let peer = parts.extensions.get::<Peer>().copied();
    if app.guesses.is_exhausted(peer, &login, Instant::now()) {
        return Err(AuthError::TooManyGuesses);
    }
    let user = app.service.authenticate(&login, &token).await.map_err(AuthError::Service)?;
    if user.is_none() {
        app.guesses.note(peer, &login, Instant::now());
    }
    Ok(user.map(|user| (user, login)))
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if value.len() > MAX_HEADER_BYTES {
        return None;
    }
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (login, token) = text.split_once(':')?;
    let usable = !login.is_empty() && !token.is_empty() && !token.contains(':');
    usable.then(|| (login.to_owned(), token.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(header: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        credentials(&headers)
    }

    #[test]
    fn only_well_formed_basic_credentials_count() {
        let pair = Some(("login".to_owned(), "token".to_owned()));
        assert_eq!(read(&format!("Basic {}", STANDARD.encode("login:token"))), pair);
        assert_eq!(read(&format!("basic {}", STANDARD.encode("login:token"))), pair);
        for text in ["login", "login:", ":token", "a:b:c"] {
            assert_eq!(read(&format!("Basic {}", STANDARD.encode(text))), None, "{text}");
        }
        for header in ["", "Basic", "Basic !!!", "Bearer abc", &format!("Basic {}", "A".repeat(5000))] {
            assert_eq!(read(header), None, "{header}");
        }
        assert_eq!(credentials(&HeaderMap::new()), None);
    }
}
