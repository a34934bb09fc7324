//! What mirrors offer, kept as files: a restarted or rested service need not read the indices again.
//!
//! The files are copies that may be deleted at any time. One that is damaged, of another version or made from other indices
//! is read as if it were not there.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use expand::PoolBuilder;
use fs_err as fs;
use pkg::Sha256;
use repo::rpmmd::FileDigest;

use super::world::{ArchiveDigest, ArchiveFile, ArchiveFiles, Base};
use crate::fields::{push_bytes, push_number, take_bytes, take_number, take_text};

/// Most files kept.
const MOST_FILES: usize = 8;
/// Bytes of one entry of the list of files: archive, path, length, kind of digest, digest.
const FILE_BYTES: usize = 2 + 4 + 8 + 1 + 64;
/// In front of the list of files; another number for another form of it.
const FORM: u64 = 2;

/// Reads what was kept for a digest; nothing if there is no such file or it can not be used.
pub(super) fn read(folder: &Path, digest: &Sha256) -> Option<Base> {
    let path = folder.join(format!("{digest}.base"));
    let bytes = fs::read(&path).ok()?;
    let base = decode(digest, &bytes);
    if base.is_none() {
        tracing::warn!(path = %path.display(), "a kept list of packages can not be used; the indices are read again");
    } else if let Ok(file) = fs::OpenOptions::new().append(true).open(&path) {
        // The time says which were used last; if it can not be set, an older one stays longer.
        _ = file.file().set_modified(SystemTime::now());
    }
    base
}

/// Keeps what was read, and only the files that were used last.
///
/// # Errors
/// The file can not be written; everything works without it.
pub(super) fn write(folder: &Path, digest: &Sha256, base: &Base) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let bytes = encode(digest, base);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&bytes)?;
    file.persist(folder.join(format!("{digest}.base"))).map_err(|error| error.error)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let too_many = files.len().saturating_sub(MOST_FILES);
    for (_, path) in files.iter().take(too_many) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Length and bytes of the pool builder, the archive files, and the digest of these.
fn encode(digest: &Sha256, base: &Base) -> Vec<u8> {
    let builder = base.builder.to_bytes(digest.as_bytes());
    let mut out =
        Vec::with_capacity(builder.len() + base.files.paths.len() + FILE_BYTES * base.files.files.len() + 256);
    push_bytes(&mut out, &builder);
    let start = out.len();
    out.extend_from_slice(&FORM.to_le_bytes());
    push_number(&mut out, base.files.archives.len());
    for archive in &base.files.archives {
        push_bytes(&mut out, archive.as_bytes());
    }
    push_bytes(&mut out, base.files.paths.as_bytes());
    for file in &base.files.files {
        out.extend_from_slice(&file.archive.to_le_bytes());
        out.extend_from_slice(&file.path.to_le_bytes());
        out.extend_from_slice(&file.bytes.to_le_bytes());
        push_digest(&mut out, &file.digest.get());
    }
    let sum = Sha256::of(out.get(start..).unwrap_or_default());
    out.extend_from_slice(sum.as_bytes());
    out
}

/// Its kind, and its bytes, which 64 are enough for.
fn push_digest(out: &mut Vec<u8>, digest: &FileDigest) {
    let (kind, bytes): (u8, &[u8]) = match digest {
        FileDigest::Sha256(sha256) => (0, sha256.as_bytes()),
        FileDigest::Sha512(bytes) => (1, bytes),
    };
    out.push(kind);
    out.extend_from_slice(bytes);
    out.resize(out.len() + 64 - bytes.len(), 0);
}

fn decode(digest: &Sha256, bytes: &[u8]) -> Option<Base> {
    let (rest, sum) = bytes.split_last_chunk::<32>()?;
    let mut rest = rest;
    let builder = take_bytes(&mut rest)?;
    if Sha256::of(rest).as_bytes() != sum {
        return None;
    }
    take_number(&mut rest).filter(|form| *form == FORM)?;
    let count = take_number(&mut rest)?;
    let mut files = ArchiveFiles::default();
    for _ in 0..count {
        files.archives.push(take_text(&mut rest)?);
    }
    files.paths = take_text(&mut rest)?;
    let (entries, behind) = rest.as_chunks::<FILE_BYTES>();
    files.files = entries.iter().map(archive_file).collect::<Option<_>>()?;
    let builder = PoolBuilder::from_bytes(digest.as_bytes(), builder).ok()?;
    behind.is_empty().then(|| Base { builder, files: Arc::new(files) })
}

fn archive_file(entry: &[u8; FILE_BYTES]) -> Option<ArchiveFile> {
    let (archive, rest) = entry.split_first_chunk()?;
    let (path, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_first_chunk()?;
    let digest = match rest.split_first()? {
        (0, digest) => FileDigest::Sha256(Sha256::from_bytes(*digest.first_chunk()?)),
        (1, digest) => FileDigest::Sha512(*digest.first_chunk()?),
        _ => return None,
    };
    Some(ArchiveFile {
        archive: u16::from_le_bytes(*archive),
        path: u32::from_le_bytes(*path),
        bytes: u64::from_le_bytes(*bytes),
        digest: ArchiveDigest::new(digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pkg::{PackageFormat, PackageMeta};

    fn base() -> Base {
        let mut builder = PoolBuilder::new(PackageFormat::Deb);
        let mut files = ArchiveFiles { archives: vec!["http://one".to_owned()], ..ArchiveFiles::default() };
        let digests = [FileDigest::Sha256(Sha256::of(b"hello")), FileDigest::Sha512([7; 64])];
        for (name, digest) in ["hello", "world"].into_iter().zip(digests) {
            let package = PackageMeta { name: name.to_owned(), evr: "1".to_owned(), ..PackageMeta::default() };
            builder.add_repository_package(1, &package);
            files.files.push(ArchiveFile { archive: 0, path: 5, bytes: 7, digest: ArchiveDigest::new(digest) });
        }
        files.paths.push_str("pool/hello.debworld.deb");
        Base { builder, files: Arc::new(files) }
    }

    #[test]
    fn what_was_kept_reads_back_the_same() {
        let (folder, digest) = (tempfile::tempdir().unwrap(), Sha256::of(b"inputs"));
        assert!(read(folder.path(), &digest).is_none());
        write(folder.path(), &digest, &base()).unwrap();
        let read = read(folder.path(), &digest).unwrap();
        assert_eq!(encode(&digest, &read), encode(&digest, &base()));
        assert!(super::read(folder.path(), &Sha256::of(b"others")).is_none());
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let (folder, digest) = (tempfile::tempdir().unwrap(), Sha256::of(b"inputs"));
        write(folder.path(), &digest, &base()).unwrap();
        let path = folder.path().join(format!("{digest}.base"));
        let whole = fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xff;
            if let Some(read) = decode(&digest, &damaged) {
                // Bytes that mean nothing.
                assert_eq!(encode(&digest, &read), whole, "{place}");
            }
            assert!(decode(&digest, &whole[..place]).is_none());
        }
    }

    #[test]
    fn only_the_last_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..MOST_FILES + 3 {
            write(folder.path(), &Sha256::of(&[number as u8]), &base()).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MOST_FILES);
    }
}
