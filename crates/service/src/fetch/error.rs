use pkg::Sha256;
use store::BlobError;

/// Why a file could not be fetched, after all retries.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The address is not one this service asks.
    #[error("{url}: {detail}")]
    Address {
        /// Address as given.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The server answered something other than success.
    #[error("{url}: the server answered {status}")]
    Status {
        /// Address asked.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The file is larger than the caller takes.
    #[error("{url}: larger than {limit_bytes} bytes")]
    TooLarge {
        /// Address asked.
        url: String,
        /// Limit in bytes.
        limit_bytes: u64,
    },
    /// The file is not as long as it must be.
    #[error("{url}: has {found} bytes instead of {expected}")]
    Size {
        /// Address asked.
        url: String,
        /// Size wanted, in bytes.
        expected: u64,
        /// Size received, in bytes.
        found: u64,
    },
    /// The bytes are not the ones wanted.
    #[error("{url}: SHA-256 is {found} instead of {expected}")]
    Digest {
        /// Address asked.
        url: String,
        /// Digest wanted.
        expected: Sha256,
        /// Digest of what came.
        found: Sha256,
    },
    /// The connection failed, broke off or stalled.
    #[error("{url}: {detail}")]
    Transport {
        /// Address asked.
        url: String,
        /// What happened, causes included.
        detail: String,
    },
    /// The bytes could not be kept here.
    #[error("what was fetched could not be kept")]
    Keep(#[source] BlobError),
}

impl FetchError {
    /// Whether asking the same address again may help: the network, a busy server, a truncated body.
    #[must_use]
    pub(crate) const fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Transport { .. } | Self::Size { .. } | Self::Digest { .. } => true,
            Self::Address { .. } | Self::TooLarge { .. } | Self::Keep(_) => false,
        }
    }
}

/// An error with all its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}
