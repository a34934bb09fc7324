//! Packages repacked without compression, by digest of the original.
//!
//! Decompressing xz is most of the work of a cold root; done once a package and on all processors, what is left is what
//! dpkg itself costs. Uncompressed members are read by every dpkg there is.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use pkg::Sha256;
use pkgfile::deb::{DebLimits, DebReader};

/// Why a package could not be provided.
#[derive(Debug)]
pub(crate) enum ProvideError {
    /// The package is damaged or hostile.
    Package(String),
    /// The worker's trouble.
    Worker(io::Error),
}

impl From<io::Error> for ProvideError {
    fn from(error: io::Error) -> Self {
        Self::Worker(error)
    }
}

/// The folder of repacked packages.
#[derive(Debug)]
pub(crate) struct PackageCache {
    folder: PathBuf,
    limit_bytes: u64,
    package_bytes: u64,
}

/// What is known of the packages of a root once they are provided.
#[derive(Debug, Default)]
pub(crate) struct Provided {
    /// About how large the root becomes.
    pub bytes: u64,
    /// Symbolic links that have to be there before anything is unpacked: path and target.
    pub links: Vec<(String, String)>,
}

/// One package of a root to be made.
pub(crate) struct Wanted<'a> {
    /// Digest of the original.
    pub sha256: Sha256,
    /// The original.
    pub original: &'a Path,
    /// Where it is wanted.
    pub link: PathBuf,
}

impl PackageCache {
    /// Opens the folder; after another boot it starts empty, for nothing in it was synced.
    pub(crate) fn open(folder: PathBuf, limit_bytes: u64, package_bytes: u64, boot: &str) -> io::Result<Self> {
        let mark = folder.join("boot");
        if fs::read_to_string(&mark).ok().as_deref() != Some(boot) && folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        fs::write(&mark, boot)?;
        Ok(Self { folder, limit_bytes, package_bytes })
    }

    /// Links every wanted package to its place, repacking on all processors those that are not there yet.
    /// Returns their size together.
    ///
    /// # Errors
    /// The first failure, with the number of the package.
    pub(crate) fn provide_repacked(
        &self,
        wanted: &[Wanted<'_>],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64, (usize, ProvideError)> {
        on_all_processors(wanted, stop, &|package| self.provide_one(package))?;
        let size = |package: &Wanted<'_>| fs::metadata(&package.link).map_or(0, |metadata| metadata.len());
        Ok(wanted.iter().map(size).sum())
    }

    fn provide_one(&self, wanted: &Wanted<'_>) -> Result<(), ProvideError> {
        let kept = self.folder.join(wanted.sha256.to_string());
        if fs::hard_link(&kept, &wanted.link).is_ok() {
            // Only the order of eviction suffers if this fails.
            let _ = File::open(&kept).and_then(|file| file.set_modified(SystemTime::now()));
            return Ok(());
        }
        let mut draft = tempfile::Builder::new().prefix("draft-").tempfile_in(&self.folder)?;
        let original = BufReader::with_capacity(1 << 17, File::open(wanted.original)?);
        repack(original, draft.as_file_mut(), self.package_bytes)?;
        // Inside a sandbox, somebody other than the owner reads it.
        fs::set_permissions(draft.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        draft.persist(&kept).map_err(|error| error.error)?;
        Ok(fs::hard_link(&kept, &wanted.link)?)
    }

    /// Drops the least recently used packages until the others fit.
    pub(crate) fn shrink(&self) {
        let mut packages = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if let (true, Ok(metadata)) = (entry.file_name() != "boot", entry.metadata()) {
                packages.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()));
            }
        }
        packages.sort_unstable();
        let mut total: u64 = packages.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in packages {
            if total <= self.limit_bytes {
                return;
            }
            if fs::remove_file(path).is_ok() {
                total -= bytes;
            }
        }
    }
}

/// Does something with every package.
///
/// # Errors
/// The first failure, with the number of the package.
pub(super) fn on_all_processors(
    wanted: &[Wanted<'_>],
    stop: &(dyn Fn() -> bool + Sync),
    action: &(dyn Fn(&Wanted<'_>) -> Result<(), ProvideError> + Sync),
) -> Result<(), (usize, ProvideError)> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(package) = wanted.get(number).filter(|_| !stop()) else { return };
            if let Err(error) = action(package) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((number, error));
                next.store(wanted.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 1..processors.min(wanted.len()) {
            scope.spawn(work);
        }
        work();
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

pub(super) fn damaged(error: &dyn std::error::Error) -> ProvideError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    ProvideError::Package(format!("{error}{cause}"))
}

fn repack(original: impl io::Read, target: &mut File, package_bytes: u64) -> Result<(), ProvideError> {
    let limits = DebLimits { data_bytes: package_bytes, ..DebLimits::default() };
    let mut reader = DebReader::open(original, limits).map_err(|e| damaged(&e))?;
    let mut control = tar::Builder::new(Vec::new());
    for file in &reader.control().files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(file.mode);
        control.append_data(&mut header, &file.name, file.bytes.as_slice())?;
    }
    let control = control.into_inner()?;
    target.write_all(b"!<arch>\n")?;
    member(target, "debian-binary", 4)?;
    target.write_all(b"2.0\n")?;
    member(target, "control.tar", control.len() as u64)?;
    target.write_all(&control)?;
    let header_at = io::Seek::stream_position(target)?;
    member(target, "data.tar", 0)?;
    let bytes = copy(&mut reader.data().map_err(|e| damaged(&e))?, target)?;
    if bytes % 2 == 1 {
        target.write_all(b"\n")?;
    }
    io::Seek::seek(target, io::SeekFrom::Start(header_at))?;
    member(target, "data.tar", bytes)?;
    Ok(())
}

/// The header of a member of an ar archive (deb(5)).
fn member(target: &mut File, name: &str, bytes: u64) -> io::Result<()> {
    writeln!(target, "{name:<16}{:<12}{:<6}{:<6}{:<8}{bytes:<10}`", 0, 0, 0, "100644")
}

/// Copies; trouble while reading is the package's, while writing the worker's.
fn copy(from: &mut dyn io::Read, to: &mut File) -> Result<u64, ProvideError> {
    let mut buffer = vec![0; 1 << 18];
    let mut total = 0;
    loop {
        let count = from.read(&mut buffer).map_err(|e| ProvideError::Package(format!("data.tar: {e}")))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return Ok(total) };
        to.write_all(bytes)?;
        total += count as u64;
    }
}
