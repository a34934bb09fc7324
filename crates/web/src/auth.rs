//! Who sends a request: HTTP's basic authentication with a login and a token.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service::{Service, ServiceError, User};

/// Longest header that is looked at, in bytes.
const MAX_HEADER_BYTES: usize = 4096;

/// The user a request's credentials belong to; `None` if there are none, or they are malformed, wrong or expired.
///
/// # Errors
/// If the service fails.
pub(crate) async fn user_of(headers: &HeaderMap, service: &Service) -> Result<Option<User>, ServiceError> {
    match credentials(headers) {
        Some((login, token)) => service.authenticate(&login, &token).await,
        None => Ok(None),
    }
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
