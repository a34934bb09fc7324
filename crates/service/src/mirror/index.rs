//! Reads stored package indices.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};

use pkg::{Arch, PackageMeta};
use repo::compress::{Compression, Decoder};
use repo::debian::{IndexEntry, IndexLimits};
use repo::rpmmd::{FileDigest, FilelistsEntry, ListedFile, PrimaryEntry, RpmMdLimits, read_filelists, read_primary};
use store::{Blobs, IndexKind, MirrorIndexRow};

use crate::ServiceError;
use crate::formats::is_for_arch;
use crate::inner::{Inner, blocking};

/// Where the file of a mirrored package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageFile {
    /// Path below the archive's folder.
    pub(crate) path: Box<str>,
    /// Size.
    pub(crate) bytes: u64,
    /// Digest.
    pub(crate) digest: FileDigest,
}

/// Gives every package of stored indices to `take`, with the index it is from, straight from the compressed blobs. Blocks.
///
/// A package provides the files that others ask for by path, as far as the indices tell.
///
/// # Errors
/// [`ServiceError::Failed`] if a blob is missing or no index.
pub(crate) fn read_indices(
    blobs: &Blobs,
    indices: &[MirrorIndexRow],
    take: &mut dyn FnMut(&MirrorIndexRow, &PackageMeta, PackageFile),
) -> Result<(), ServiceError> {
    let files = if indices.iter().any(|index| index.kind == IndexKind::Filelists) {
        let wanted = unmet_paths(blobs, indices)?;
        files_of_packages(blobs, indices, &wanted)?
    } else {
        HashMap::new()
    };
    for index in indices {
        match index.kind {
            IndexKind::Packages => read_packages(blobs, index, &mut |meta, file| take(index, meta, file))?,
            IndexKind::Primary => read_rpms(blobs, index, &mut |mut entry| {
                entry.meta.provides.append(&mut entry.files);
                if let Some(more) = files.get(&entry.digest.to_string()) {
                    entry.meta.provides.extend_from_slice(more);
                }
                let path = entry.location.into_boxed_str();
                take(index, &entry.meta, PackageFile { path, bytes: entry.bytes, digest: entry.digest });
            })?,
            IndexKind::Filelists => {}
        }
    }
    Ok(())
}

fn failed(index: &MirrorIndexRow, source: Box<dyn std::error::Error + Send + Sync>) -> ServiceError {
    ServiceError::Failed { what: format!("reading the package index {} of {}", index.path, index.suite), source }
}

/// The uncompressed bytes of an index.
fn open(blobs: &Blobs, index: &MirrorIndexRow) -> Result<impl Read + use<>, ServiceError> {
    let file = File::open(blobs.path(&index.sha256)).map_err(|error| failed(index, error.into()))?;
    let compression = Compression::from_file_name(&index.path);
    Decoder::new(BufReader::new(file), compression).map_err(|error| failed(index, error.into()))
}

fn read_packages(
    blobs: &Blobs,
    index: &MirrorIndexRow,
    take: &mut dyn FnMut(&PackageMeta, PackageFile),
) -> Result<(), ServiceError> {
    let mut on_entry = |entry: IndexEntry| {
        let (path, digest) = (entry.path.into_boxed_str(), FileDigest::Sha256(entry.sha256));
        take(&entry.meta, PackageFile { path, bytes: entry.bytes, digest });
    };
    repo::debian::read_packages(&mut open(blobs, index)?, &IndexLimits::default(), &mut on_entry)
        .map_err(|error| failed(index, error.into()))?;
    Ok(())
}

/// The packages of a `primary.xml` that can be installed on the index's architecture.
fn read_rpms(blobs: &Blobs, index: &MirrorIndexRow, take: &mut dyn FnMut(PrimaryEntry)) -> Result<(), ServiceError> {
    let mut on_entry = |entry: PrimaryEntry| {
        if is_for_arch(&entry.meta.arch, &index.arch) {
            take(entry);
        }
    };
    read_primary(&mut open(blobs, index)?, &RpmMdLimits::default(), &mut on_entry)
        .map_err(|error| failed(index, error.into()))?;
    Ok(())
}

/// The paths that packages ask for and no `primary.xml` has: other files have to tell who brings them. Blocks.
pub(super) fn unmet_paths(blobs: &Blobs, indices: &[MirrorIndexRow]) -> Result<HashSet<String>, ServiceError> {
    let (mut required, mut provided) = (HashSet::new(), HashSet::new());
    for index in indices.iter().filter(|index| index.kind == IndexKind::Primary) {
        read_rpms(blobs, index, &mut |entry| {
            let PackageMeta { requires, provides, .. } = entry.meta;
            for item in requires.iter().chain(&provides).filter(|item| item.contains('/')) {
                paths(item, &mut required);
            }
            provided.extend(provides.into_iter().filter(|item| item.starts_with('/')));
            provided.extend(entry.files);
        })?;
    }
    required.retain(|path| !provided.contains(path));
    Ok(required)
}

/// The paths in a dependency, rich ones included.
fn paths(dependency: &str, into: &mut HashSet<String>) {
    let words = dependency.split([' ', '(', ')', ',']).filter(|word| word.starts_with('/'));
    into.extend(words.map(str::to_owned));
}

/// Which packages, by digest, bring which of some files.
fn files_of_packages(
    blobs: &Blobs,
    indices: &[MirrorIndexRow],
    wanted: &HashSet<String>,
) -> Result<HashMap<String, Vec<String>>, ServiceError> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for index in indices.iter().filter(|index| index.kind == IndexKind::Filelists) {
        let mut on_entry = |entry: FilelistsEntry| {
            for file in entry.files {
                let (ListedFile::File(path) | ListedFile::Directory(path) | ListedFile::Ghost(path)) = file;
                if wanted.contains(&path) {
                    found.entry(entry.id.pkgid.clone()).or_default().push(path);
                }
            }
        };
        read_filelists(&mut open(blobs, index)?, &RpmMdLimits::default(), &mut on_entry)
            .map_err(|error| failed(index, error.into()))?;
    }
    Ok(found)
}

/// How many packages stored indices have.
pub(super) async fn count(inner: &Inner, indices: Vec<MirrorIndexRow>) -> Result<u64, ServiceError> {
    let blobs = inner.blobs.clone();
    blocking(move || {
        let mut count = 0;
        let offering: Vec<MirrorIndexRow> =
            indices.into_iter().filter(|index| index.kind != IndexKind::Filelists).collect();
        read_indices(&blobs, &offering, &mut |_, _, _| count += 1)?;
        Ok(count)
    })
    .await?
}

/// The indices of one architecture.
pub(super) fn of_arch(indices: &[MirrorIndexRow], arch: &Arch) -> Vec<MirrorIndexRow> {
    indices.iter().filter(|index| index.arch == *arch).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_plain_and_rich_dependencies() {
        let of = |dependency: &str| {
            let mut found = HashSet::new();
            paths(dependency, &mut found);
            let mut found: Vec<String> = found.into_iter().collect();
            found.sort();
            found.join(" ")
        };
        assert_eq!(of("/bin/sh"), "/bin/sh");
        assert_eq!(of("(/usr/bin/a or (b if /usr/bin/c))"), "/usr/bin/a /usr/bin/c");
        assert_eq!(of("pkgconfig(a/b) >= 1"), "");
    }
}
