//! Request bodies: bounded in size, and given up when the client falls silent.

use axum::http::StatusCode;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt as _;

/// Longest body of a request without files, in bytes.
pub(crate) const JSON_BYTES: u64 = 1 << 20;

/// Longest silence of a client in the middle of a body.
const SILENCE: Duration = Duration::from_secs(60);

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
    #[error("the client sent nothing for {} seconds", SILENCE.as_secs())]
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
}

impl BodyReader {
    /// A reader that gives at most `limit_bytes`.
    pub(crate) fn new(body: Body, limit_bytes: u64) -> Self {
        Self { stream: body.into_data_stream(), left_bytes: limit_bytes, limit_bytes }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let next = tokio::time::timeout(SILENCE, self.stream.next()).await.map_err(|_| BodyError::Silent)?;
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
