//! Fetches package files of mirrored archives.

use std::io::Read as _;

use futures_util::{StreamExt as _, TryStreamExt as _};
use pkg::Sha256;
use repo::rpmmd::FileDigest;

use super::refresh::INDEX_BYTES;
use crate::ServiceError;
use crate::fetch::{FetchError, Fetcher, Wanted};
use crate::inner::{Inner, blocking};

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
    pub(crate) digest: FileDigest,
}

/// Why package files could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    /// The archive failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file is not the one that was named, by another digest than SHA-256.
    #[error("{url}: {detail}")]
    Mismatch {
        /// Address asked.
        url: String,
        /// What differs.
        detail: String,
    },
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
    if let Some(sha256) = inner.mirror.names.blob(&file.digest)
        && inner.blobs.touch(&sha256).map_err(ServiceError::from)?
    {
        return Ok(());
    }
    fetch_named(inner, &fetcher, &file.url, Some(file.bytes), &file.digest).await?;
    Ok(())
}

/// Fetches a file that must have a digest, and a size if it is known; gives its name as a blob and its size.
pub(super) async fn fetch_named(
    inner: &Inner,
    fetcher: &Fetcher,
    url: &str,
    bytes: Option<u64>,
    digest: &FileDigest,
) -> Result<(Sha256, u64), DownloadError> {
    let limit_bytes = bytes.unwrap_or(INDEX_BYTES);
    if let (FileDigest::Sha256(sha256), Some(bytes)) = (digest, bytes) {
        let expected = Some((bytes, *sha256));
        fetcher.fetch_file(&Wanted { url, limit_bytes: u64::MAX, expected, known: None }).await?;
        return Ok((*sha256, bytes));
    }
    let mut attempts = 0;
    loop {
        let fetched = fetcher.fetch_file(&Wanted { url, limit_bytes, expected: None, known: None }).await?;
        let found = digest_of(inner, digest, fetched.sha256).await?;
        if found == *digest && bytes.is_none_or(|bytes| bytes == fetched.bytes) {
            super::digest::note_name(inner, digest, fetched.sha256).await?;
            return Ok((fetched.sha256, fetched.bytes));
        }
        attempts += 1;
        let Some(delay) = inner.config.retry.delay_after(attempts) else {
            let (url, detail) = (url.to_owned(), format!("digest is {found} instead of {digest}"));
            return Err(DownloadError::Mismatch { url, detail });
        };
        tokio::time::sleep(delay).await;
    }
}

/// The digest of a blob, of the same kind as another one.
async fn digest_of(inner: &Inner, like: &FileDigest, sha256: Sha256) -> Result<FileDigest, ServiceError> {
    if let FileDigest::Sha256(_) = like {
        return Ok(FileDigest::Sha256(sha256));
    }
    let (mut hasher, path) = (like.hasher(), inner.blobs.path(&sha256));
    blocking(move || {
        let mut file = fs_err::File::open(path)?;
        let mut piece = vec![0; 256 << 10];
        loop {
            let read = file.read(&mut piece)?;
            let Some(part) = piece.get(..read).filter(|part| !part.is_empty()) else { break };
            hasher.update(part);
        }
        Ok::<_, ServiceError>(hasher.finish())
    })
    .await?
}
