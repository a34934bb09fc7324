//! Addresses: percent encoding, and the absolute address a request came to.

use axum::http::HeaderMap;
use axum::http::header::HOST;

/// Encodes one segment of a path: everything but letters, digits and `-._~@:+` becomes `%XX`.
pub(crate) fn encode_segment(text: &str) -> String {
    encode(text, b"-._~@:+")
}

/// Encodes a value of a query.
pub(crate) fn encode_query_value(text: &str) -> String {
    encode(text, b"-._~@:/")
}

fn encode(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
    }
    encoded
}

/// Decodes `%XX`; `None` if the result is not UTF-8. A `%` that begins no such triple stays.
pub(crate) fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = after;
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

const fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => byte - b'A' + 10,
    }
}

/// The scheme and host a request was sent to, without a slash at the end; `public_url` if the request does not say.
///
/// Honours `X-Forwarded-Proto`, so that addresses are right behind a proxy. A client that lies about it only gets wrong
/// addresses in its own answer.
pub(crate) fn base_url(headers: &HeaderMap, public_url: &str) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text(HOST.as_str()).filter(|host| is_host(host)) {
        Some(host) => {
            let secure = match text("x-forwarded-proto") {
                Some(scheme) => scheme.eq_ignore_ascii_case("https"),
                None => public_url.strip_prefix("https://") == Some(host),
            };
            format!("{}://{host}", if secure { "https" } else { "http" })
        }
        None => public_url.trim_end_matches('/').to_owned(),
    }
}

/// The host a request was sent to, for people to read.
pub(crate) fn host_of(base_url: &str) -> &str {
    base_url.split_once("://").map_or(base_url, |(_, host)| host)
}

fn is_host(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_back_as_they_went() {
        for text in ["hello_2.10-3.dsc", "a b", "ä/%41", "@team", "x\"<>&"] {
            let encoded = encode_segment(text);
            assert!(encoded.is_ascii() && !encoded.contains(['/', ' ', '"', '<', '&']), "{encoded}");
            assert_eq!(decode(&encoded).as_deref(), Some(text));
        }
        assert_eq!(decode("100%").as_deref(), Some("100%"));
        assert_eq!(decode("%ff"), None);
    }

    fn base(pairs: &[(&'static str, &'static str)]) -> String {
        let headers = pairs.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_static(value))
        });
        base_url(&headers.collect(), "https://kiln.example.org")
    }

    #[test]
    fn the_base_is_where_the_client_thinks_we_are() {
        assert_eq!(base(&[("host", "127.0.0.1:8080")]), "http://127.0.0.1:8080");
        assert_eq!(base(&[("host", "h"), ("x-forwarded-proto", "https")]), "https://h");
        assert_eq!(base(&[("host", "kiln.example.org")]), "https://kiln.example.org");
        assert_eq!(base(&[]), "https://kiln.example.org");
        assert_eq!(base(&[("host", "evil/\"><x")]), "https://kiln.example.org");
    }
}
