//! Fetches files whose digest nobody knows before: within what is left of the source's limit, one after the other.

use model::{FailureCause, FileName, SourceFile};
use pkg::Sha256;

use super::cause::{not_fetched, too_large};
use super::reconcile::NotMade;
use crate::fetch::Wanted;
use crate::inner::Inner;

/// How many bytes a source may still get.
#[derive(Debug)]
pub(super) struct Room {
    left: u64,
    limit_bytes: u64,
}

impl Room {
    /// The room of a source with nothing in it.
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { left: limit_bytes, limit_bytes }
    }

    /// Takes room for a file.
    ///
    /// # Errors
    /// [`FailureCause::SourceTooLarge`].
    pub(super) fn take(&mut self, name: &FileName, bytes: u64) -> Result<(), FailureCause> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| too_large(name, self.limit_bytes))?;
        Ok(())
    }
}

/// Fetches a file, which must have a digest if one is given.
pub(super) async fn fetch(
    inner: &Inner,
    room: &mut Room,
    name: &FileName,
    url: &str,
    sha256: Option<Sha256>,
) -> Result<SourceFile, NotMade> {
    let wanted = Wanted { url, limit_bytes: room.left, expected: None, known: None };
    let fetched = inner.sources.fetcher(inner)?.fetch_file(&wanted).await;
    let fetched = fetched.map_err(|error| match not_fetched(error, name) {
        // The limit is the whole source's, whatever was left of it for this file.
        NotMade::Cause(FailureCause::SourceTooLarge { .. }) => too_large(name, room.limit_bytes).into(),
        other => other,
    })?;
    if let Some(expected) = sha256.filter(|expected| *expected != fetched.sha256) {
        return Err(FailureCause::SourceMismatch {
            file: name.to_string(),
            what: "SHA-256".to_owned(),
            expected: expected.to_string(),
            found: fetched.sha256.to_string(),
        }
        .into());
    }
    room.take(name, fetched.bytes)?;
    Ok(SourceFile { name: name.clone(), bytes: fetched.bytes, sha256: fetched.sha256 })
}
