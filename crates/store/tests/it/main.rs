//! The blob folder on disk.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pkg::Sha256;
use store::{BlobError, Blobs};
use tempfile::TempDir;

fn blobs() -> (TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
    (folder, blobs)
}

fn file(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn temporary_files(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path().join("blobs/tmp")).unwrap().count()
}

fn modified(path: &Path) -> std::time::SystemTime {
    std::fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_blob_is_named_by_its_digest_in_two_levels_and_read_only() {
    let (folder, blobs) = blobs();
    let digest = blobs.put(b"abc").unwrap();
    let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(blobs.path(&digest), folder.path().join("blobs/ba/78").join(name));
    assert_eq!(blobs.read(&digest).unwrap(), b"abc");
    assert_eq!(std::fs::metadata(blobs.path(&digest)).unwrap().permissions().mode() & 0o777, 0o444);
    assert!(blobs.contains(&digest) && !blobs.contains(&Sha256::of(b"")));
    assert_eq!(temporary_files(&folder), 0);
}

#[test]
fn the_same_bytes_again_leave_the_file_that_is_there() {
    let (folder, blobs) = blobs();
    let inode = |digest: &Sha256| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(blobs.path(digest)).unwrap());
    let digest = blobs.put(b"abc").unwrap();
    let first = inode(&digest);
    blobs.put(b"abc").unwrap();
    let mut writer = blobs.create().unwrap();
    writer.write_all(b"abc").unwrap();
    assert_eq!(writer.finish().unwrap(), (digest, 3));
    blobs.adopt(&file(&folder, "again", "abc"), Some(&digest)).unwrap();
    assert_eq!(inode(&digest), first);
    assert_eq!(temporary_files(&folder), 0);
}

#[test]
fn bytes_that_are_not_the_promised_ones_are_not_kept() {
    let (folder, blobs) = blobs();
    let promised = Sha256::of(b"promised");
    let mut writer = blobs.create().unwrap();
    writer.write_all(b"others").unwrap();
    let error = writer.finish_as("a.deb", &promised).unwrap_err();
    assert!(matches!(&error, BlobError::Mismatch { name, .. } if name == "a.deb"), "{error}");
    let path = file(&folder, "b.deb", "others");
    let error = blobs.adopt(&path, Some(&promised)).unwrap_err();
    assert!(error.to_string().starts_with("b.deb: SHA-256 is "), "{error}");
    drop(blobs.create().unwrap());
    assert!(!path.exists());
    assert!(!blobs.contains(&promised) && !blobs.contains(&Sha256::of(b"others")));
    assert_eq!(temporary_files(&folder), 0);
}

#[test]
fn only_plain_files_are_adopted() {
    let (folder, blobs) = blobs();
    let secret = file(&folder, "secret", "secret");
    let link = folder.path().join("link");
    symlink(&secret, &link).unwrap();
    for path in [link.as_path(), folder.path()] {
        assert!(matches!(blobs.adopt(path, None).unwrap_err(), BlobError::NotAFile { .. }), "{}", path.display());
    }
    assert!(matches!(blobs.adopt(&folder.path().join("missing"), None).unwrap_err(), BlobError::Io(_)));
    assert!(secret.exists() && !blobs.contains(&Sha256::of(b"secret")));
    let (digest, bytes) = blobs.adopt(&secret, None).unwrap();
    assert_eq!((digest, bytes, secret.exists()), (Sha256::of(b"secret"), 6, false));
}

#[test]
fn an_interrupted_program_leaves_nothing_half_written() {
    let (folder, blobs) = blobs();
    let digest = blobs.put(b"whole").unwrap();
    let mut writer = blobs.create().unwrap();
    writer.write_all(b"half").unwrap();
    std::mem::forget(writer);
    assert_eq!(temporary_files(&folder), 1);
    let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
    assert_eq!(temporary_files(&folder), 0);
    assert_eq!(blobs.read(&digest).unwrap(), b"whole");
}

#[test]
fn a_touched_blob_survives_its_removal() {
    let (_folder, blobs) = blobs();
    let grace = Duration::from_secs(3600);
    let (old, wanted) = (blobs.put(b"old").unwrap(), blobs.put(b"wanted").unwrap());
    for digest in [&old, &wanted] {
        let file = std::fs::File::open(blobs.path(digest)).unwrap();
        file.set_modified(std::time::SystemTime::now() - 2 * grace).unwrap();
    }
    let all = |grace| (0..=255).flat_map(|shard| blobs.older_than(shard, grace).unwrap()).collect::<Vec<_>>();
    assert_eq!(all(grace).len(), 2);
    assert!(blobs.touch(&wanted).unwrap());
    assert!(modified(&blobs.path(&wanted)) > modified(&blobs.path(&old)));
    assert_eq!(all(grace), [old]);
    assert_eq!((blobs.remove(&old, grace).unwrap(), blobs.remove(&wanted, grace).unwrap()), (3, 0));
    assert!(!blobs.contains(&old) && blobs.contains(&wanted));
    assert_eq!(blobs.remove(&old, grace).unwrap(), 0, "removing twice is nothing");
    assert!(!blobs.touch(&old).unwrap());
}
