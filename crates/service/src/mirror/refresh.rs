//! Brings what we know of one mirrored archive up to date.

use std::time::Duration;

use model::{Mirror, Repository, Timestamp};
use repo::pgp::Keyring;
use store::{MirrorIndexRow, MirrorSuiteRow};

use super::{debian, rpmmd};
use crate::ServiceError;
use crate::fetch::{FetchError, Fetcher, chain};
use crate::inner::{Inner, blocking};

/// Longest table of contents of an archive, in bytes; Debian's have some 200 kB.
pub(super) const TABLE_BYTES: u64 = 16 << 20;
/// Longest package index, in bytes, compressed or not.
pub(super) const INDEX_BYTES: u64 = 512 << 20;

/// What an archive looks like now.
#[derive(Debug, Default)]
pub(super) struct Refreshed {
    pub(super) suites: Vec<MirrorSuiteRow>,
    /// Strongest first.
    pub(super) indices: Vec<MirrorIndexRow>,
    /// Indices that had to be fetched.
    pub(super) fetched: u64,
}

/// Why an archive could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(super) enum RefreshError {
    /// A file could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What the archive says can not be used.
    #[error("{url}: {detail}")]
    Archive {
        /// Address of the file.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// A file is not the one the archive's table speaks of.
    #[error("{url}: {detail}")]
    Mismatch {
        /// Address of the file.
        url: String,
        /// What differs.
        detail: String,
    },
    /// The service itself failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl RefreshError {
    /// Whether the archive may have been in the middle of a change: an index that does not match its `InRelease`.
    pub(super) fn may_be_a_change(&self) -> bool {
        match self {
            Self::Fetch(FetchError::Size { .. } | FetchError::Digest { .. }) | Self::Mismatch { .. } => true,
            Self::Fetch(FetchError::Status { status, .. }) => *status == 404,
            _ => false,
        }
    }
}

/// What is known from before.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) suites: Vec<MirrorSuiteRow>,
    pub(super) indices: Vec<MirrorIndexRow>,
}

/// Asks an archive for what changed. An archive that changes while we look is looked at again.
pub(super) async fn refresh(
    inner: &Inner,
    fetcher: &Fetcher,
    repository: &Repository,
    known: &Known,
) -> Result<Refreshed, RefreshError> {
    match &repository.mirror {
        Some(Mirror::Debian { url, suites, components, keyring }) => {
            let keys = read_keyring(keyring).await?;
            let asked = debian::Asked { url, suites, components, keys: &keys };
            debian::refresh(inner, fetcher, repository, known, &asked).await
        }
        Some(Mirror::RpmMd { repositories, keyring }) => {
            let keys = match keyring {
                Some(path) => Some(read_keyring(path).await?),
                None => None,
            };
            rpmmd::refresh(inner, fetcher, repository, known, (repositories, keys.as_ref())).await
        }
        None => Ok(Refreshed::default()),
    }
}

async fn read_keyring(path: &str) -> Result<Keyring, RefreshError> {
    let owned = path.to_owned();
    let read = blocking(move || match fs_err::read(owned) {
        Ok(bytes) => Keyring::parse(&bytes).map_err(|error| chain(&error)),
        Err(error) => Err(format!("{}; install the distribution's keyring package", error.kind())),
    });
    read.await?.map_err(|detail| RefreshError::Archive { url: path.to_owned(), detail })
}

/// How long to wait until the archive is asked again after `failures` failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
    const USUAL: Duration = Duration::from_secs(3600);
    match failures {
        0 => USUAL,
        n => Duration::from_secs(30).saturating_mul(1 << n.min(7)).min(USUAL),
    }
}

/// Whether an archive that was asked at a time has to be asked again.
pub(super) fn is_due(asked_at: Option<Timestamp>, failures: u32, now: Timestamp) -> bool {
    asked_at.is_none_or(|asked| now.since(asked) >= pause(failures))
}
