//! Copies a prepared root from memory to where it is kept.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{
    FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown, symlink,
};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use super::mounts::ROOT_FOLDER;

/// The engine's own folder in a root being prepared.
const OWN_FOLDER: &str = ".kiln";

/// Threads that copy contents; most of the time goes into the kernel's file systems.
const THREADS: usize = 4;

/// Copies `/`, without what is mounted below it, to the folder `root` of the store.
pub(super) fn copy_root(store: &OwnedFd) -> io::Result<()> {
    let target = PathBuf::from(format!("/proc/self/fd/{}/{ROOT_FOLDER}", store.as_raw_fd()));
    let metadata = fs::symlink_metadata("/")?;
    let (queue, files) = mpsc::sync_channel(1024);
    let files = Mutex::new(files);
    let plan = std::thread::scope(|scope| {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let copiers: Vec<_> = (0..processors.min(THREADS)).map(|_| scope.spawn(|| copy_files(&files))).collect();
        let mut plan =
            Plan { device: metadata.dev(), first: HashMap::new(), links: Vec::new(), folders: Vec::new(), queue };
        let planned = plan.folder(Path::new("/"), &target, metadata);
        let Plan { links, folders, queue, .. } = plan;
        drop(queue);
        for copier in copiers {
            copier.join().map_err(|_| io::Error::other("a copying thread panicked"))??;
        }
        planned.map(|()| (links, folders))
    });
    let (links, folders) = plan?;
    for (first, name) in links {
        fs::hard_link(first, name)?;
    }
    // Last, for every new entry changes its folder's time; and the innermost first, for the same reason.
    folders.iter().rev().try_for_each(|item| keep_attributes(&item.from, &item.to, &item.metadata))
}

/// Something to copy.
struct Item {
    from: PathBuf,
    to: PathBuf,
    metadata: Metadata,
}

/// Copies files until there are no more.
fn copy_files(files: &Mutex<mpsc::Receiver<Item>>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    let mut result = Ok(());
    loop {
        let next = files.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(item) = next else { return result };
        // After a failure only the queue is emptied, so that the one who fills it does not wait for ever.
        if result.is_ok() {
            result = copy_file(&item.from, &item.to, &mut buffer)
                .and_then(|()| keep_attributes(&item.from, &item.to, &item.metadata));
        }
    }
}

fn copy_file(from: &Path, to: &Path, buffer: &mut [u8]) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    loop {
        let count = source.read(buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        target.write_all(bytes)?;
    }
}

/// Walks the root, makes everything that is quickly made, and queues the files.
struct Plan {
    device: u64,
    /// First copy of each file with several names.
    first: HashMap<u64, PathBuf>,
    /// Further names: the first copy, and the name.
    links: Vec<(PathBuf, PathBuf)>,
    folders: Vec<Item>,
    queue: mpsc::SyncSender<Item>,
}

impl Plan {
    fn folder(&mut self, from: &Path, to: &Path, metadata: Metadata) -> io::Result<()> {
        fs::create_dir(to)?;
        self.folders.push(Item { from: from.to_owned(), to: to.to_owned(), metadata });
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if from == Path::new("/") && entry.file_name() == OWN_FOLDER {
                continue;
            }
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            let metadata = fs::symlink_metadata(&from)?;
            if metadata.dev() == self.device {
                self.entry(from, to, metadata)?;
            } else if metadata.is_dir() {
                // Something is mounted here; the next user of the root mounts again.
                fs::create_dir(&to)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, from: PathBuf, to: PathBuf, metadata: Metadata) -> io::Result<()> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.folder(&from, &to, metadata);
        }
        if metadata.nlink() > 1 {
            if let Some(first) = self.first.get(&metadata.ino()) {
                self.links.push((first.clone(), to));
                return Ok(());
            }
            self.first.insert(metadata.ino(), to.clone());
        }
        if kind.is_file() {
            return self.queue.send(Item { from, to, metadata }).map_err(|_| io::Error::other("nobody copies"));
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if kind.is_fifo() {
            rustix::fs::mknodat(CWD, &to, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?;
        } else {
            // Sockets mean nothing without who listens; devices can not be here.
            return Ok(());
        }
        keep_attributes(&from, &to, &metadata)
    }
}

/// Removes everything in the store.
pub(super) fn empty(store: &OwnedFd) -> io::Result<()> {
    for entry in fs::read_dir(format!("/proc/self/fd/{}", store.as_raw_fd()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

fn keep_attributes(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    lchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
    if !metadata.file_type().is_symlink() {
        copy_extended(from, to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    }
    let time = Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// File capabilities and the like.
fn copy_extended(from: &Path, to: &Path) -> io::Result<()> {
    let mut names = [0_u8; 4096];
    let Ok(length) = rustix::fs::llistxattr(from, &mut names[..]) else { return Ok(()) };
    for name in names.get(..length).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = [0_u8; 4096];
        let length = rustix::fs::lgetxattr(from, name, &mut value[..])?;
        let value = value.get(..length).unwrap_or_default();
        // What the store can not keep (labels of the host's policy) is not part of the root.
        let _ = rustix::fs::lsetxattr(to, name, value, XattrFlags::empty());
    }
    Ok(())
}
