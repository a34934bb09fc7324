//! Sends a file of this machine: whole or a range of it, with what caches need to know.

use std::io::SeekFrom;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use pkg::Sha256;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::answer::{FileError, security_headers};

/// Size of the pieces a file is read in, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// A file to send.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Where its bytes are.
    pub(crate) path: PathBuf,
    /// Digest of its content; `None` if it still grows.
    pub(crate) sha256: Option<Sha256>,
    /// Media type.
    pub(crate) media_type: &'static str,
}

/// The part of a file a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    /// First byte and length.
    Part(u64, u64),
    /// Nothing of what the file has.
    Nothing,
}

/// Answers a request for a file.
///
/// # Errors
/// [`FileError`] if it can not be read.
pub(crate) async fn serve_document(headers: &HeaderMap, document: &Document) -> Result<Response, FileError> {
    let etag = document.sha256.map(|digest| format!("\"{digest}\""));
    if etag.as_ref().is_some_and(|etag| matches_any(headers, etag)) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        put(&mut response, ETAG, etag.as_deref().unwrap_or_default());
        return Ok(response);
    }
    let mut file = File::open(&document.path).await?;
    let bytes = file.metadata().await?.len();
    let (status, start, length) = match wanted(headers, etag.as_deref(), bytes) {
        Wanted::All => (StatusCode::OK, 0, bytes),
        Wanted::Part(start, length) => (StatusCode::PARTIAL_CONTENT, start, length),
        Wanted::Nothing => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            put(&mut response, CONTENT_RANGE, &format!("bytes */{bytes}"));
            return Ok(response);
        }
    };
    file.seek(SeekFrom::Start(start)).await?;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), PIECE_BYTES));
    let mut response = (status, body).into_response();
    put(&mut response, CONTENT_TYPE, document.media_type);
    put(&mut response, CONTENT_LENGTH, &length.to_string());
    put(&mut response, ACCEPT_RANGES, "bytes");
    if status == StatusCode::PARTIAL_CONTENT {
        put(&mut response, CONTENT_RANGE, &format!("bytes {start}-{}/{bytes}", start + length.saturating_sub(1)));
    }
    match &etag {
        Some(etag) => put(&mut response, ETAG, etag),
        None => put(&mut response, CACHE_CONTROL, "no-store"),
    }
    security_headers(&mut response);
    Ok(response)
}

fn put(response: &mut Response, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn matches_any(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

fn wanted(headers: &HeaderMap, etag: Option<&str>, bytes: u64) -> Wanted {
    let text = |name: axum::http::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let unchanged = text(IF_RANGE).is_none_or(|validator| etag == Some(validator));
    match text(RANGE).filter(|_| unchanged) {
        Some(range) => parse_range(range, bytes),
        None => Wanted::All,
    }
}

/// Reads `bytes=A-B`, `bytes=A-` and `bytes=-N`. Several ranges, other units and nonsense mean the whole file.
///
/// Rule: RFC 9110 section 14.1.2.
fn parse_range(text: &str, bytes: u64) -> Wanted {
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        return match last.parse::<u64>() {
            Ok(0) => Wanted::Nothing,
            Ok(_) if bytes == 0 => Wanted::Nothing,
            Ok(count) => Wanted::Part(bytes - count.min(bytes), count.min(bytes)),
            Err(_) => Wanted::All,
        };
    }
    let Ok(first) = first.parse::<u64>() else { return Wanted::All };
    let last = if last.is_empty() { Ok(u64::MAX) } else { last.parse::<u64>() };
    match last {
        Ok(last) if last < first => Wanted::All,
        Ok(_) if first >= bytes => Wanted::Nothing,
        Ok(last) => Wanted::Part(first, last.min(bytes - 1) - first + 1),
        Err(_) => Wanted::All,
    }
}

/// The media type of a file by its name; what is not known here is bytes.
pub(crate) fn media_type(name: &str) -> &'static str {
    const TYPES: &[(&str, &str)] = &[
        (".log", "text/plain; charset=utf-8"),
        (".txt", "text/plain; charset=utf-8"),
        (".dsc", "text/plain; charset=utf-8"),
        (".changes", "text/plain; charset=utf-8"),
        (".buildinfo", "text/plain; charset=utf-8"),
        (".info", "text/plain; charset=utf-8"),
        (".asc", "text/plain; charset=utf-8"),
        (".json", "application/json"),
        (".deb", "application/vnd.debian.binary-package"),
        (".udeb", "application/vnd.debian.binary-package"),
        (".rpm", "application/x-rpm"),
        (".gz", "application/gzip"),
        (".xz", "application/x-xz"),
        (".bz2", "application/x-bzip2"),
        (".zst", "application/zstd"),
    ];
    TYPES.iter().find(|(ending, _)| name.ends_with(ending)).map_or("application/octet-stream", |(_, media)| media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_within_the_file() {
        let of = |text: &str| parse_range(text, 100);
        assert_eq!(of("bytes=0-9"), Wanted::Part(0, 10));
        assert_eq!(of("bytes=90-"), Wanted::Part(90, 10));
        assert_eq!(of("bytes=90-1000"), Wanted::Part(90, 10));
        assert_eq!(of("bytes=-10"), Wanted::Part(90, 10));
        assert_eq!(of("bytes=-1000"), Wanted::Part(0, 100));
        assert_eq!(of("bytes=100-"), Wanted::Nothing);
        assert_eq!(of("bytes=-0"), Wanted::Nothing);
        for whole in ["", "bytes=", "bytes=-", "bytes=9-1", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b"] {
            assert_eq!(of(whole), Wanted::All, "{whole}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(parse_range("bytes=0-18446744073709551615", 5), Wanted::Part(0, 5));
    }
}
