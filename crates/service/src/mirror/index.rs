//! Reads stored package indices.

use std::fs::File;
use std::io::BufReader;

use pkg::{PackageMeta, Sha256};
use repo::compress::{Compression, Decoder};
use repo::debian::{IndexEntry, IndexLimits};
use store::{Blobs, MirrorIndexRow};

use crate::ServiceError;
use crate::inner::{Inner, blocking};

/// Where the file of a mirrored package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageFile {
    /// Path below the archive's folder.
    pub(crate) path: Box<str>,
    /// Size.
    pub(crate) bytes: u64,
    /// Digest.
    pub(crate) sha256: Sha256,
}

/// Gives every package of a stored index to `take`, straight from the compressed blob. Blocks.
///
/// # Errors
/// [`ServiceError::Failed`] if the blob is missing or no index.
pub(crate) fn read_index(
    blobs: &Blobs,
    index: &MirrorIndexRow,
    take: &mut dyn FnMut(&PackageMeta, PackageFile),
) -> Result<(), ServiceError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ServiceError::Failed {
        what: format!("reading the package index {} of {}", index.path, index.suite),
        source,
    };
    let file = File::open(blobs.path(&index.sha256)).map_err(|error| failed(error.into()))?;
    let compression = Compression::from_file_name(&index.path);
    let mut reader = Decoder::new(BufReader::new(file), compression).map_err(|error| failed(error.into()))?;
    let mut on_entry = |entry: IndexEntry| {
        let file = PackageFile { path: entry.path.into_boxed_str(), bytes: entry.bytes, sha256: entry.sha256 };
        take(&entry.meta, file);
    };
    repo::debian::read_packages(&mut reader, &IndexLimits::default(), &mut on_entry)
        .map_err(|error| failed(error.into()))?;
    Ok(())
}

/// How many packages a stored index has.
pub(super) async fn count(inner: &Inner, index: &MirrorIndexRow) -> Result<u64, ServiceError> {
    let (blobs, index) = (inner.blobs.clone(), index.clone());
    blocking(move || {
        let mut count = 0;
        read_index(&blobs, &index, &mut |_, _| count += 1)?;
        Ok(count)
    })
    .await?
}
