//! Fetches package files of mirrored archives.

use futures_util::{StreamExt as _, TryStreamExt as _};
use pkg::Sha256;

use crate::ServiceError;
use crate::fetch::{FetchError, Fetcher, Wanted};
use crate::inner::Inner;

/// Packages fetched at once.
const AT_ONCE: usize = 8;

/// A package file to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Download {
    /// Address.
    pub(crate) url: String,
    /// Size it must have.
    pub(crate) bytes: u64,
    /// Digest it must have.
    pub(crate) sha256: Sha256,
}

/// Why package files could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    /// The archive failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Fetches files, several at once; those that are here already are left alone. All of them are blobs afterwards.
///
/// # Errors
/// The first file that could not be had after all retries.
pub(crate) async fn download(inner: &Inner, files: Vec<Download>) -> Result<(), DownloadError> {
    let fetcher = inner.mirror.fetcher(inner)?;
    let fetches: Vec<_> = files.into_iter().map(|file| download_one(inner, fetcher.clone(), file)).collect();
    futures_util::stream::iter(fetches).buffer_unordered(AT_ONCE).try_collect::<()>().await
}

async fn download_one(inner: &Inner, fetcher: Fetcher, file: Download) -> Result<(), DownloadError> {
    if inner.blobs.touch(&file.sha256).map_err(ServiceError::from)? {
        return Ok(());
    }
    let expected = Some((file.bytes, file.sha256));
    fetcher.fetch_file(&Wanted { url: &file.url, limit_bytes: u64::MAX, expected, known: None }).await?;
    Ok(())
}
