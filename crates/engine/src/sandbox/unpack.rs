//! Unpacks packages into `/` of a sandbox that has already forgotten the host.
//!
//! A member that climbs out is refused by the reader; even one that is not would only reach the sandbox's own root.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use pkgfile::deb::{DebLimits, DebReader};
use pkgfile::tar::{Entry, EntryKind, TarReader};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};

use super::init::Stop;

/// Unpacks the content of a Debian package; its maintainer scripts go to files whose names start with `scripts`.
pub(super) fn deb(package: &str, path: &Path, scripts: Option<&str>) -> Result<(), Stop> {
    unpack(path, scripts).map_err(|detail| Stop::Package { package: package.to_owned(), detail })
}

fn unpack(path: &Path, scripts: Option<&str>) -> Result<(), String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut reader = DebReader::open(BufReader::with_capacity(1 << 17, file), DebLimits::default()).map_err(chain)?;
    if let Some(prefix) = scripts {
        for name in ["preinst", "postinst"] {
            if let Some(script) = reader.control().file(name) {
                write_script(&format!("{prefix}{name}"), &script.bytes).map_err(|e| format!("{name}: {e}"))?;
            }
        }
    }
    let mut entries = reader.entries().map_err(chain)?;
    while let Some(entry) = entries.next_entry().map_err(chain)? {
        place(&entry, &mut entries).map_err(|e| format!("{}: {e}", String::from_utf8_lossy(&entry.path)))?;
    }
    Ok(())
}

fn chain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn write_script(path: &str, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Where a member goes. Folders on the way may be symbolic links (a merged `/usr`), as with dpkg.
fn target(path: &[u8]) -> PathBuf {
    Path::new("/").join(std::ffi::OsStr::from_bytes(path))
}

fn place<R: io::Read>(entry: &Entry, content: &mut TarReader<R>) -> io::Result<()> {
    let path = target(&entry.path);
    if entry.kind == EntryKind::Directory {
        return place_folder(entry, &path);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory && entry.kind == EntryKind::SymbolicLink => {
            return Ok(());
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match entry.kind {
        EntryKind::File => {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
            io::copy(content, &mut file)?;
        }
        EntryKind::HardLink => return fs::hard_link(target(&entry.link), &path),
        EntryKind::SymbolicLink => symlink(std::ffi::OsStr::from_bytes(&entry.link), &path)?,
        EntryKind::Fifo => rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?,
        // A user namespace can not make devices; /dev has what builds need.
        EntryKind::CharacterDevice | EntryKind::BlockDevice | EntryKind::Directory => return Ok(()),
    }
    own(entry, &path)?;
    set_time(entry, &path)
}

fn place_folder(entry: &Entry, path: &Path) -> io::Result<()> {
    if path.is_dir() && (entry.path.is_empty() || fs::symlink_metadata(path)?.is_symlink()) {
        return Ok(());
    }
    if !path.is_dir() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(path)?;
    }
    // The mounted ones (/proc, /dev) may refuse.
    match own(entry, path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied) => Ok(()),
        result => result,
    }
}

fn own(entry: &Entry, path: &Path) -> io::Result<()> {
    let id = |number: u64| u32::try_from(number).ok().filter(|id| *id < 65_535).unwrap_or(0);
    lchown(path, Some(id(entry.uid)), Some(id(entry.gid)))?;
    if entry.kind != EntryKind::SymbolicLink {
        fs::set_permissions(path, fs::Permissions::from_mode(entry.mode))?;
    }
    Ok(())
}

fn set_time(entry: &Entry, path: &Path) -> io::Result<()> {
    let time = Timespec { tv_sec: entry.modified_at, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}
