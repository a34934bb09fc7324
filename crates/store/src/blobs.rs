use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use fs_err as fs;
use pkg::{Sha256, Sha256Hasher};
use tempfile::TempPath;

const PIECE_BYTES: usize = 128 * 1024;

/// Why a blob could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The folder failed; the cause names the path.
    #[error("the blob folder could not be used")]
    Io(#[from] io::Error),
    /// The bytes are not the ones that were promised.
    #[error("{name}: SHA-256 is {found}, but {expected} was promised")]
    Mismatch {
        /// What the bytes were handed over as.
        name: String,
        /// Promised.
        expected: Sha256,
        /// Found.
        found: Sha256,
    },
    /// What was handed over is not a plain file.
    #[error("{}: not a plain file", .path.display())]
    NotAFile {
        /// Path.
        path: PathBuf,
    },
}

/// Files named by the SHA-256 of their bytes: `ab/cd/abcd...`. Clones share one folder.
///
/// A blob is written beside its place, synced, and moved there whole, so a name in the folder is always a complete file,
/// also after a power cut. It is read-only and never written again. Synchronous: call it on a thread that may block.
#[derive(Debug, Clone)]
pub struct Blobs {
    root: PathBuf,
    /// Held for reading while a blob is put, for writing while one is removed: a blob that is put again can not vanish.
    gate: Arc<RwLock<()>>,
    /// Files taken so far; names the next one.
    adopted: Arc<AtomicU64>,
}

impl Blobs {
    /// Opens the folder, creating it if it is missing, and removes what an interrupted program left half written.
    ///
    /// # Errors
    /// [`BlobError::Io`] if the folder can not be made.
    pub fn open(root: &Path) -> Result<Self, BlobError> {
        let temporary = root.join("tmp");
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        fs::create_dir_all(&temporary)?;
        Ok(Self { root: root.to_owned(), gate: Arc::default(), adopted: Arc::default() })
    }

    /// Where a blob lies if it is there.
    #[must_use]
    pub fn path(&self, digest: &Sha256) -> PathBuf {
        let name = digest.to_string();
        let (first, rest) = name.split_at(2);
        let (second, _) = rest.split_at(2);
        self.root.join(first).join(second).join(&name)
    }

    /// Whether a blob is there.
    #[must_use]
    pub fn contains(&self, digest: &Sha256) -> bool {
        self.path(digest).exists()
    }

    /// Begins a blob whose bytes come in pieces.
    ///
    /// # Errors
    /// [`BlobError::Io`] if the temporary file can not be made.
    pub fn create(&self) -> Result<BlobWriter, BlobError> {
        let file = tempfile::Builder::new().prefix("blob-").tempfile_in(self.root.join("tmp"))?;
        Ok(BlobWriter { blobs: self.clone(), file, hasher: Sha256Hasher::new(), bytes: 0 })
    }

    /// Keeps bytes that are in memory.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn put(&self, bytes: &[u8]) -> Result<Sha256, BlobError> {
        let digest = Sha256::of(bytes);
        if self.touch(&digest)? {
            return Ok(digest);
        }
        let mut writer = self.create()?;
        writer.write_all(bytes)?;
        Ok(writer.finish()?.0)
    }

    /// Takes a file away from `path` and keeps it, if its digest is `expected` (any digest, if `None`).
    ///
    /// The file is moved before it is read, so that nobody else can change it in between; from another file system it is
    /// copied. `path` is gone afterwards, also if the digest is wrong. Gives digest and size.
    ///
    /// # Errors
    /// [`BlobError::NotAFile`] for links, folders and devices, [`BlobError::Mismatch`], [`BlobError::Io`].
    pub fn adopt(&self, path: &Path, expected: Option<&Sha256>) -> Result<(Sha256, u64), BlobError> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Err(BlobError::NotAFile { path: path.to_owned() });
        }
        let slot = self.take(path)?;
        let (digest, bytes) = digest_of(&mut open_plain(&slot)?)?;
        if let Some(expected) = expected.filter(|expected| **expected != digest) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(BlobError::Mismatch { name, expected: *expected, found: digest });
        }
        self.settle(slot, &digest)?;
        Ok((digest, bytes))
    }

    /// Reads a whole blob.
    ///
    /// # Errors
    /// [`BlobError::Io`], also if it is missing.
    pub fn read(&self, digest: &Sha256) -> Result<Vec<u8>, BlobError> {
        Ok(fs::read(self.path(digest))?)
    }

    /// Marks a blob as wanted now, so that pruning spares it for another grace time; whether it is there.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn touch(&self, digest: &Sha256) -> Result<bool, BlobError> {
        let _shared = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        match File::open(self.path(digest)) {
            Ok(file) => {
                file.set_modified(SystemTime::now())?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Digests of the blobs nobody has put or touched for `grace`, in no particular order, at most `limit`, from the folders
    /// whose two-digit name is `shard`.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn older_than(&self, shard: u8, grace: Duration) -> Result<Vec<Sha256>, BlobError> {
        let mut old = Vec::new();
        let folder = self.root.join(format!("{shard:02x}"));
        if !folder.exists() {
            return Ok(old);
        }
        for second in fs::read_dir(folder)? {
            for blob in fs::read_dir(second?.path())? {
                let blob = blob?;
                let Ok(digest) = Sha256::parse(&blob.file_name().to_string_lossy()) else { continue };
                if is_older(&blob.metadata()?, grace) {
                    old.push(digest);
                }
            }
        }
        Ok(old)
    }

    /// Removes a blob unless somebody has put or touched it within `grace`; gives the bytes freed.
    ///
    /// The caller has made sure that nothing refers to it.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn remove(&self, digest: &Sha256, grace: Duration) -> Result<u64, BlobError> {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(digest);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        if !is_older(&metadata, grace) {
            return Ok(0);
        }
        fs::remove_file(path)?;
        Ok(metadata.len())
    }

    /// Moves a file into the temporary folder.
    fn take(&self, path: &Path) -> Result<TempPath, BlobError> {
        // The folder is this program's alone and was empty when it was opened, so counting makes names that are free.
        let place = self.root.join("tmp").join(format!("adopt-{}", self.adopted.fetch_add(1, Ordering::Relaxed)));
        if std::fs::rename(path, &place).is_ok() {
            return Ok(TempPath::try_from_path(place)?);
        }
        let mut copy = tempfile::Builder::new().prefix("copy-").tempfile_in(self.root.join("tmp"))?;
        io::copy(&mut open_plain(path)?, copy.as_file_mut())?;
        fs::remove_file(path)?;
        Ok(copy.into_temp_path())
    }

    /// Moves a complete temporary file to its place; if the blob is there already, only marks it as wanted.
    fn settle(&self, file: TempPath, digest: &Sha256) -> Result<(), BlobError> {
        if self.touch(digest)? {
            return Ok(());
        }
        let reopened = open_plain(&file)?;
        reopened.set_permissions(std::fs::Permissions::from_mode(0o444))?;
        reopened.set_modified(SystemTime::now())?;
        reopened.sync_all()?;
        let _shared = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let place = self.path(digest);
        match file.persist(&place) {
            // The first blob of its folder.
            Err(failed) if failed.error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = place.parent() {
                    fs::create_dir_all(folder)?;
                }
                failed.path.persist(&place).map_err(|failed| failed.error)?;
            }
            moved => moved.map_err(|failed| failed.error)?,
        }
        Ok(())
    }
}

/// A blob that is being written; dropped without [`Self::finish`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    file: tempfile::NamedTempFile,
    hasher: Sha256Hasher,
    bytes: u64,
}

impl BlobWriter {
    /// Bytes written so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the blob in its place; gives its digest and size.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn finish(self) -> Result<(Sha256, u64), BlobError> {
        let digest = self.hasher.finish();
        self.blobs.settle(self.file.into_temp_path(), &digest)?;
        Ok((digest, self.bytes))
    }

    /// As [`Self::finish`], if the digest is the promised one; else nothing is kept.
    ///
    /// # Errors
    /// [`BlobError::Mismatch`], [`BlobError::Io`].
    pub fn finish_as(self, name: &str, expected: &Sha256) -> Result<u64, BlobError> {
        let found = self.hasher.finish();
        if found != *expected {
            return Err(BlobError::Mismatch { name: name.to_owned(), expected: *expected, found });
        }
        self.blobs.settle(self.file.into_temp_path(), &found)?;
        Ok(self.bytes)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn is_older(metadata: &std::fs::Metadata, grace: Duration) -> bool {
    metadata.modified().ok().and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age > grace)
}

fn open_plain(path: &Path) -> io::Result<File> {
    const O_NOFOLLOW: i32 = 0o400_000;
    std::fs::OpenOptions::new().read(true).custom_flags(O_NOFOLLOW).open(path)
}

fn digest_of(file: &mut File) -> io::Result<(Sha256, u64)> {
    let mut hasher = Sha256Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut piece)?;
        let Some(new) = piece.get(..read).filter(|new| !new.is_empty()) else { break };
        hasher.update(new);
        bytes += read as u64;
    }
    Ok((hasher.finish(), bytes))
}
