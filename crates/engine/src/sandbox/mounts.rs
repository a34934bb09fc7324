//! The mounts of a sandbox: assembled on an empty folder, entered, and the host's left behind.
//!
//! All mounts live in the helper's mount namespaces and vanish with its last process; the host never sees one.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, mount_remount, unmount,
};

use super::helper::context;
use super::protocol::{RootMount, SandboxSpec, Storage};
use super::sys;

/// Where storages are mounted, relative to the assembly.
const LOWER: &str = "lower";
const UPPER: &str = "upper";
const STORE: &str = "store";
/// Where the root gets mounted, relative to the assembly.
const ROOT: &str = "root";
/// The folder of a storage that is or becomes a root.
pub(super) const ROOT_FOLDER: &str = "root";

/// Leaves the host's mount namespace, so that nothing we mount is seen there.
pub(super) fn leave_host_mounts() -> io::Result<()> {
    sys::unshare(libc::CLONE_NEWNS).map_err(|e| context("new mount namespace", e))?;
    stop_propagation()
}

/// Cuts the mounts of this namespace off from the ones they were copied from.
pub(super) fn stop_propagation() -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|e| context("private mounts", e.into()))
}

/// Mounts everything that comes from the host, and makes the assembly the current folder.
///
/// Run with the rights of the host's root if there are any, otherwise inside the user namespace.
pub(super) fn assemble(spec: &SandboxSpec) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("kiln", &spec.assembly, "tmpfs", flags, c"mode=755,size=1m")
        .map_err(|e| context(format_args!("tmpfs on {}", spec.assembly.display()), e.into()))?;
    std::env::set_current_dir(&spec.assembly)?;
    for folder in [LOWER, UPPER, STORE, ROOT] {
        fs::create_dir(folder)?;
    }
    match &spec.root {
        RootMount::Plain(storage) => attach(storage, UPPER)?,
        RootMount::Overlay { lower, upper } => {
            attach(lower, LOWER)?;
            attach(upper, UPPER)?;
        }
    }
    if let Some(storage) = &spec.store {
        attach(storage, STORE)?;
    }
    for (number, (folder, _)) in spec.folders.iter().enumerate() {
        let place = folder_place(number);
        fs::create_dir(&place)?;
        bind(folder, Path::new(&place), true)?;
    }
    Ok(())
}

/// Writes the store to its image before anybody looks at it.
pub(super) fn release(spec: &SandboxSpec) {
    if spec.store.is_some() {
        // Fails only if somebody still uses it; the end of this process unmounts it then.
        let _ = unmount(STORE, UnmountFlags::empty());
    }
    if matches!(spec.root, RootMount::Plain(Storage::Image { .. })) {
        let _ = unmount(UPPER, UnmountFlags::empty());
    }
}

fn folder_place(number: usize) -> String {
    format!("folder{number}")
}

/// Mounts a storage of the host; memory is left to the user namespace, whose root shall own it.
fn attach(storage: &Storage, place: &str) -> io::Result<()> {
    match storage {
        Storage::Image { path, read_only } => {
            let device = sys::loop_device(path, *read_only).map_err(|e| context("loop device", e))?;
            let mut flags = MountFlags::NODEV | MountFlags::NOATIME;
            flags.set(MountFlags::RDONLY, *read_only);
            let options = if *read_only { c"" } else { c"nobarrier,nodiscard" };
            mount(&device.path, place, "ext4", flags, options)
                .map_err(|e| context(format_args!("mounting {}", path.display()), e.into()))
        }
        Storage::Folder { path, read_only } => bind(path, Path::new(place), *read_only),
        Storage::Memory { .. } => Ok(()),
    }
}

fn bind(from: &Path, to: &Path, read_only: bool) -> io::Result<()> {
    let error = |e: rustix::io::Errno| context(format_args!("binding {}", from.display()), e.into());
    mount_bind(from, to).map_err(error)?;
    if read_only {
        // Flags that came with the mount may be locked and must be repeated.
        let kept = rustix::fs::statvfs(to).map_err(error)?.f_flag;
        let known = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let kept = MountFlags::from_bits_truncate(u32::try_from(kept.bits()).unwrap_or_default()) & known;
        let flags = kept | MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOATIME;
        let relative = kept | MountFlags::BIND | MountFlags::RDONLY | MountFlags::RELATIME;
        mount_remount(to, flags, c"").or_else(|_| mount_remount(to, relative, c"")).map_err(error)?;
    }
    Ok(())
}

/// What of the outside the inner half keeps.
pub(super) struct Entered {
    /// The storage [`super::protocol::Action::Persist`] copies to.
    pub store: Option<OwnedFd>,
}

/// Mounts the root inside the user namespace, makes it `/` and forgets the host.
///
/// The current folder is the assembly.
pub(super) fn enter(spec: &SandboxSpec) -> io::Result<Entered> {
    stop_propagation()?;
    mount_root(spec)?;
    let store = match &spec.store {
        Some(storage) => {
            attach_memory(storage, STORE)?;
            Some(open_folder(STORE)?)
        }
        None => None,
    };
    for (number, (_, target)) in spec.folders.iter().enumerate() {
        mount_in_root(target, |place| {
            mount_bind(folder_place(number).as_str(), place)?;
            Ok(())
        })?;
    }
    mount_in_root("proc", |place| {
        mount("proc", place, "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, c"")
    })?;
    mount_in_root("dev", |place| mount("dev", place, "tmpfs", MountFlags::NOSUID, c"mode=755,size=1m"))?;
    make_devices()?;
    pivot()?;
    mask_proc()?;
    Ok(Entered { store })
}

fn mount_root(spec: &SandboxSpec) -> io::Result<()> {
    match &spec.root {
        RootMount::Plain(storage) => {
            attach_memory(storage, UPPER)?;
            let folder = format!("{UPPER}/{ROOT_FOLDER}");
            make_folder(&folder)?;
            mount_bind(&folder, ROOT).map_err(|e| context("binding the root", e.into()))
        }
        RootMount::Overlay { upper, .. } => {
            attach_memory(upper, UPPER)?;
            for folder in ["changes", "work"] {
                make_folder(&format!("{UPPER}/{folder}"))?;
            }
            let options = format!(
                "lowerdir={LOWER}/{ROOT_FOLDER},upperdir={UPPER}/changes,workdir={UPPER}/work,userxattr,volatile"
            );
            let options = CString::new(options)?;
            mount("kiln", ROOT, "overlay", MountFlags::NODEV, options.as_c_str())
                .map_err(|e| context("overlay of root and scratch", e.into()))
        }
    }
}

fn make_folder(path: &str) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o755).create(path).map_err(|e| context(path, e))
}

fn attach_memory(storage: &Storage, place: &str) -> io::Result<()> {
    let Storage::Memory { bytes } = storage else { return Ok(()) };
    // One inode a KiB is more than any build needs, and bounds the kernel's memory for empty files.
    let options = CString::new(format!("mode=755,size={bytes},nr_inodes={}", (bytes / 1024).max(4096)))?;
    mount("kiln", place, "tmpfs", MountFlags::NODEV, options.as_c_str())
        .map_err(|e| context("tmpfs for the root", e.into()))
}

fn open_folder(path: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|e| context(path, e.into()))
}

/// Mounts something on a folder of the root, made if missing; never through a symbolic link.
fn mount_in_root(target: &str, action: impl Fn(&str) -> rustix::io::Result<()>) -> io::Result<()> {
    let error = |e: rustix::io::Errno| context(format_args!("mounting /{target}"), e.into());
    let root = open_folder(ROOT)?;
    let mut at = root;
    for part in target.split('/') {
        match rustix::fs::mkdirat(&at, part, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(error(e)),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        at = rustix::fs::openat2(&at, part, flags, Mode::empty(), resolve).map_err(error)?;
    }
    action(&format!("/proc/self/fd/{}", at.as_raw_fd())).map_err(error)
}

fn make_devices() -> io::Result<()> {
    let dev = Path::new(ROOT).join("dev");
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let place = dev.join(name);
        fs::File::create(&place)?;
        let source = Path::new("/dev").join(name);
        mount_bind(&source, &place).map_err(|e| context(source.display(), e.into()))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, dev.join(name))?;
    }
    let quiet = MountFlags::NOSUID | MountFlags::NOEXEC;
    fs::create_dir(dev.join("pts"))?;
    mount("devpts", dev.join("pts"), "devpts", quiet, c"newinstance,ptmxmode=0666,mode=0620,gid=5")
        .map_err(|e| context("devpts", e.into()))?;
    fs::create_dir(dev.join("shm"))?;
    mount("shm", dev.join("shm"), "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=1777")
        .map_err(|e| context("/dev/shm", e.into()))
}

fn pivot() -> io::Result<()> {
    std::env::set_current_dir(ROOT)?;
    rustix::process::pivot_root(".", ".").map_err(|e| context("pivot_root", e.into()))?;
    unmount(".", UnmountFlags::DETACH).map_err(|e| context("unmounting the host", e.into()))?;
    std::env::set_current_dir("/")
}

/// Hides what /proc tells of the whole machine, and makes what is left of it read-only.
fn mask_proc() -> io::Result<()> {
    for name in ["kcore", "keys", "sysrq-trigger", "timer_list", "latency_stats", "kmsg", "kallsyms", "sched_debug"] {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            mount_bind("/dev/null", &path).map_err(|e| context(path.display(), e.into()))?;
        }
    }
    for name in ["sys", "bus", "fs", "irq"] {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            bind(&path, &path, true)?;
        }
    }
    Ok(())
}
