//! Hands over files of the sandbox as open descriptors; nothing else runs any more, so what is seen is what is opened.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::protocol::Event;
use super::wire;

/// Hands over the regular files of a folder, sorted by name; with `below`, then those of each folder in it.
///
/// The folder belongs to the recipe: one that is missing, or not a folder, has no files.
pub(super) fn folder(path: &str, below: bool, control: &OwnedFd) -> io::Result<()> {
    let Some(folder) = open_folder(CWD, path)? else { return Ok(()) };
    files(&folder, below, control)
}

fn open_folder(at: impl AsFd, path: impl rustix::path::Arg) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(at, path, flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        result => Ok(Some(result?)),
    }
}

fn files(folder: &OwnedFd, below: bool, control: &OwnedFd) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            names.push(name);
        }
    }
    names.sort();
    let mut folders = Vec::new();
    for name in names {
        let Ok(text) = name.to_str().map(str::to_owned) else { continue };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let event = match rustix::fs::openat(folder, &name, flags, Mode::empty()) {
            Err(Errno::LOOP) => Event::NotAFile { name: text, what: "a symbolic link".to_owned() },
            Err(error) => Event::NotAFile { name: text, what: error.to_string() },
            Ok(fd) => {
                let metadata = File::from(fd.try_clone()?).metadata()?;
                match not_a_file(&metadata) {
                    None => {
                        let event = Event::Result { name: text, bytes: metadata.len() };
                        wire::send(control.as_fd(), &event, Some(fd.as_fd()))?;
                        continue;
                    }
                    Some(_) if metadata.is_dir() => {
                        folders.push(name);
                        continue;
                    }
                    Some(what) => Event::NotAFile { name: text, what: what.to_owned() },
                }
            }
        };
        wire::send(control.as_fd(), &event, None)?;
    }
    for name in folders.into_iter().filter(|_| below) {
        if let Some(inner) = open_folder(folder, &name)? {
            files(&inner, false, control)?;
        }
    }
    Ok(())
}

fn not_a_file(metadata: &fs::Metadata) -> Option<&'static str> {
    if metadata.is_dir() {
        Some("a folder")
    } else if !metadata.is_file() {
        Some("neither a file nor a folder")
    } else if metadata.nlink() != 1 {
        Some("a file with several names")
    } else {
        None
    }
}
