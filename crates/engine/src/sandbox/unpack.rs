//! Unpacks packages into `/` of a sandbox that has already forgotten the host.
//!
//! A member that climbs out is refused by the reader; even one that is not would only reach the sandbox's own root.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use pkg::PackageFormat;
use pkgfile::cpio::CpioEntry;
use pkgfile::deb::{DebLimits, DebReader};
use pkgfile::rpm::{RpmLimits, RpmReader, Script};
use pkgfile::tar::{Entry, EntryKind};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};

use super::init::Stop;

/// Unpacks the content of a package; its scripts go to files whose names start with `scripts`.
pub(super) fn package(format: PackageFormat, name: &str, path: &Path, scripts: Option<&str>) -> Result<(), Stop> {
    let unpacked = match format {
        PackageFormat::Deb => deb(path, scripts),
        PackageFormat::Rpm => rpm(path, scripts),
        PackageFormat::Arch | PackageFormat::Apk => Err(format!("{format} packages can not be unpacked")),
    };
    unpacked.map_err(|detail| Stop::Package { package: name.to_owned(), detail })
}

fn open(path: &Path) -> Result<BufReader<File>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    Ok(BufReader::with_capacity(1 << 17, file))
}

fn deb(path: &Path, scripts: Option<&str>) -> Result<(), String> {
    let mut reader = DebReader::open(open(path)?, DebLimits::default()).map_err(chain)?;
    if let Some(prefix) = scripts {
        for name in ["preinst", "postinst"] {
            if let Some(script) = reader.control().file(name) {
                write_script(&format!("{prefix}{name}"), &script.bytes).map_err(|e| format!("{name}: {e}"))?;
            }
        }
    }
    let mut entries = reader.entries().map_err(chain)?;
    while let Some(entry) = entries.next_entry().map_err(chain)? {
        place(&Member::from(&entry), &mut entries).map_err(|e| named(&entry.path, &e))?;
    }
    Ok(())
}

fn rpm(path: &Path, scripts: Option<&str>) -> Result<(), String> {
    let mut reader = RpmReader::open(open(path)?, RpmLimits::default()).map_err(chain)?;
    if let Some(prefix) = scripts {
        for script in reader.package().scripts().iter().filter(|script| matches!(script.kind, "pre" | "post")) {
            if let Some(text) = as_executable(script) {
                let path = format!("{prefix}{}", script.kind);
                write_script(&path, text.as_bytes()).map_err(|e| format!("%{}: {e}", script.kind))?;
            }
        }
    }
    let mut entries = reader.entries().map_err(chain)?;
    // First name of each file with several; rpm puts the content to the last.
    let mut several: HashMap<(u32, (u32, u32)), Vec<u8>> = HashMap::new();
    while let Some(entry) = entries.next_entry().map_err(chain)? {
        let mut member = Member::from(&entry);
        let id = (entry.inode, entry.on_device);
        let first = several.get(&id).filter(|_| entry.kind == EntryKind::File && entry.link_count > 1);
        if let Some(first) = first {
            (member.kind, member.link) = (EntryKind::HardLink, first);
        }
        let is_first = entry.kind == EntryKind::File && entry.link_count > 1 && first.is_none();
        place(&member, &mut entries).map_err(|e| named(&entry.path, &e))?;
        if member.kind == EntryKind::HardLink && entry.bytes > 0 {
            fill(&entry, &mut entries).map_err(|e| named(&entry.path, &e))?;
        }
        if is_first {
            several.insert(id, entry.path);
        }
    }
    Ok(())
}

/// Gives a file with several names, which is there and empty, its content.
fn fill(entry: &CpioEntry, content: &mut impl io::Read) -> io::Result<()> {
    let path = target(&entry.path);
    let mut file = File::options().write(true).truncate(true).custom_flags(libc::O_NOFOLLOW).open(&path)?;
    io::copy(content, &mut file)?;
    let member = Member { kind: EntryKind::File, ..Member::from(entry) };
    own(&member, &path)?;
    set_time(&member, &path)
}

/// A script as a program of its own; `None` for those that only rpm itself can run.
fn as_executable(script: &Script) -> Option<String> {
    let program = script.program.join(" ");
    match program.as_str() {
        "" => Some(format!("#!/bin/sh\n{}\n", script.body)),
        internal if internal.starts_with('<') => None,
        // A program alone, such as ldconfig, gets no arguments.
        alone if script.body.is_empty() => Some(format!("#!/bin/sh\nexec {alone}\n")),
        program => Some(format!("#!{program}\n{}\n", script.body)),
    }
}

fn named(path: &[u8], error: &io::Error) -> String {
    format!("{}: {error}", String::from_utf8_lossy(path))
}

/// What is to be made of a member of any kind of archive.
struct Member<'a> {
    path: &'a [u8],
    kind: EntryKind,
    mode: u32,
    owner: (u64, u64),
    modified_at: i64,
    link: &'a [u8],
}

impl<'a> From<&'a Entry> for Member<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Entry { path, kind, mode, uid, gid, modified_at, link, .. } = entry;
        Self { path, kind: *kind, mode: *mode, owner: (*uid, *gid), modified_at: *modified_at, link }
    }
}

impl<'a> From<&'a CpioEntry> for Member<'a> {
    fn from(entry: &'a CpioEntry) -> Self {
        // Owners are names in the package's header; rpm itself sets them when it installs the package.
        Self {
            path: &entry.path,
            kind: entry.kind,
            mode: entry.mode,
            owner: (0, 0),
            modified_at: entry.modified_at.into(),
            link: &entry.link,
        }
    }
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

/// Where a member goes. Folders on the way may be symbolic links (a merged `/usr`), as with dpkg and rpm.
fn target(path: &[u8]) -> PathBuf {
    Path::new("/").join(std::ffi::OsStr::from_bytes(path))
}

fn place(entry: &Member<'_>, content: &mut impl io::Read) -> io::Result<()> {
    let path = target(entry.path);
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
        EntryKind::HardLink => return fs::hard_link(target(entry.link), &path),
        EntryKind::SymbolicLink => symlink(std::ffi::OsStr::from_bytes(entry.link), &path)?,
        EntryKind::Fifo => rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?,
        // A user namespace can not make devices; /dev has what builds need.
        EntryKind::CharacterDevice | EntryKind::BlockDevice | EntryKind::Directory => return Ok(()),
    }
    own(entry, &path)?;
    set_time(entry, &path)
}

fn place_folder(entry: &Member<'_>, path: &Path) -> io::Result<()> {
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

fn own(entry: &Member<'_>, path: &Path) -> io::Result<()> {
    let id = |number: u64| u32::try_from(number).ok().filter(|id| *id < 65_535).unwrap_or(0);
    lchown(path, Some(id(entry.owner.0)), Some(id(entry.owner.1)))?;
    if entry.kind != EntryKind::SymbolicLink {
        fs::set_permissions(path, fs::Permissions::from_mode(entry.mode))?;
    }
    Ok(())
}

fn set_time(entry: &Member<'_>, path: &Path) -> io::Result<()> {
    let time = Timespec { tv_sec: entry.modified_at, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_rpms_become_programs_unless_rpm_itself_runs_them() {
        let check = |program: &[&str], body: &str, expected: Option<&str>| {
            let program = program.iter().map(|&word| word.to_owned()).collect();
            let script = Script { kind: "post", program, body: body.to_owned() };
            assert_eq!(as_executable(&script).as_deref(), expected);
        };
        check(&["/bin/sh"], "exit 0", Some("#!/bin/sh\nexit 0\n"));
        check(&["/usr/bin/perl", "-w"], "1;", Some("#!/usr/bin/perl -w\n1;\n"));
        check(&["/sbin/ldconfig"], "", Some("#!/bin/sh\nexec /sbin/ldconfig\n"));
        check(&[], "true", Some("#!/bin/sh\ntrue\n"));
        check(&["<lua>"], "print(1)", None);
    }
}
