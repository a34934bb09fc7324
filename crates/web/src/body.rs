//! Request bodies: bounded in size, and given up when the client falls silent.

use axum::http::StatusCode;
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt as _;

/// Longest body of a request without files, in bytes.
pub(crate) const JSON_BYTES: u64 = 1 << 20;

/// Longest silence of a client in the middle of a body.
const SILENCE: Duration = Duration::from_secs(60);

/// Slowest a body may come on average, in bytes a second, once [`SILENCE`] has gone by: else a byte a minute would keep a
/// place for ever.
const SLOWEST: u64 = 512;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// More bytes than this kind of request may have.
    #[error("the request body is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Limit.
        limit_bytes: u64,
    },
    /// Nothing came for too long.
    #[error("the client sent nothing for {} seconds, or less than {SLOWEST} bytes a second", SILENCE.as_secs())]
    Silent,
    /// The connection broke, or its framing is wrong.
    #[error("the request body could not be read")]
    Connection(#[source] axum::Error),
}

impl BodyError {
    /// The status every dialect answers with.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Silent => StatusCode::REQUEST_TIMEOUT,
            Self::Connection(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body piece by piece.
pub(crate) struct BodyReader {
    stream: BodyDataStream,
    left_bytes: u64,
    limit_bytes: u64,
    begun: Instant,
}

/// How long to wait for the next piece of a body of which so much has come in that time; nothing if it is too slow.
fn patience(received_bytes: u64, elapsed: Duration) -> Duration {
    let earned = SILENCE + Duration::from_secs(received_bytes / SLOWEST);
    earned.saturating_sub(elapsed).min(SILENCE)
}

impl BodyReader {
    /// A reader that gives at most `limit_bytes`.
    pub(crate) fn new(body: Body, limit_bytes: u64) -> Self {
        Self { stream: body.into_data_stream(), left_bytes: limit_bytes, limit_bytes, begun: Instant::now() }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let patience = patience(self.limit_bytes - self.left_bytes, self.begun.elapsed());
        let next = tokio::time::timeout(patience, self.stream.next()).await.map_err(|_| BodyError::Silent)?;
        let Some(piece) = next.transpose().map_err(BodyError::Connection)? else {
            return Ok(None);
        };
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        match self.left_bytes.checked_sub(bytes) {
            Some(left) => self.left_bytes = left,
            None => return Err(BodyError::TooLarge { limit_bytes: self.limit_bytes }),
        }
        Ok(Some(piece))
    }
}

/// Reads a whole body into memory.
///
/// # Errors
/// See [`BodyError`].
pub(crate) async fn read(body: Body, limit_bytes: u64) -> Result<Vec<u8>, BodyError> {
    let mut reader = BodyReader::new(body, limit_bytes);
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_earned_by_sending() {
        let of = |bytes: u64, seconds: u64| patience(bytes, Duration::from_secs(seconds)).as_secs();
        assert_eq!((of(0, 0), of(0, 59), of(0, 60)), (60, 1, 0));
        // A byte every half minute.
        assert_eq!((of(2, 60), of(10, 300)), (0, 0));
        // A slow line, and a fast one.
        assert_eq!((of(512 * 3600, 3600), of(1 << 30, 3600), of(u64::MAX, u64::MAX / 2)), (60, 60, 0));
    }
}
