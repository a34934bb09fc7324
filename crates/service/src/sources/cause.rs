//! The causes of failure that every kind of source has.

use model::{FailureCause, FileName};

use super::reconcile::NotMade;
use crate::fetch::FetchError;

/// The cause for a file that can not be used as a source.
pub(super) fn invalid(file: &str, detail: &str) -> FailureCause {
    FailureCause::SourceInvalid { file: file.to_owned(), detail: detail.to_owned() }
}

/// The cause for a source that is larger than the service takes.
pub(super) fn too_large(file: &FileName, limit_bytes: u64) -> FailureCause {
    FailureCause::SourceTooLarge { file: file.to_string(), limit_bytes }
}

/// The cause for a fetch that failed.
pub(super) fn not_fetched(error: FetchError, file: &FileName) -> NotMade {
    let mismatch = |what: &str, expected: String, found: String| FailureCause::SourceMismatch {
        file: file.to_string(),
        what: what.to_owned(),
        expected,
        found,
    };
    let transient = error.is_transient();
    let cause = match error {
        FetchError::Status { url, status } if transient => {
            FailureCause::SourceUnreachable { url, detail: format!("the server answered {status}") }
        }
        FetchError::Status { url, status } => FailureCause::SourceMissing { url, status },
        FetchError::TooLarge { limit_bytes, .. } => too_large(file, limit_bytes),
        FetchError::Size { expected, found, .. } => mismatch("size", expected.to_string(), found.to_string()),
        FetchError::Digest { expected, found, .. } => mismatch("SHA-256", expected.to_string(), found.to_string()),
        FetchError::Transport { url, detail } => FailureCause::SourceUnreachable { url, detail },
        FetchError::Address { url, detail } => invalid(&url, &detail),
        FetchError::Keep(error) => return NotMade::Broken(error.into()),
    };
    NotMade::Cause(cause)
}
