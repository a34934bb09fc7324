//! The inner half of the helper: first process of the sandbox. Mounts, does the actions, reaps, reports.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::helper::context;
use super::mounts::{self, Entered};
use super::protocol::{Action, Event, SandboxSpec};
use super::step::{self, Watcher};
use super::{collect, persist, sys, unpack, wire};

/// Why the actions did not go on.
pub(super) enum Stop {
    /// Already reported.
    Reported,
    /// A package is damaged or hostile.
    Package { package: String, detail: String },
    /// The helper's own trouble.
    Broken(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Runs a sandbox from inside; returns the exit status of the inner half.
pub(super) fn run(spec: &SandboxSpec, files: Vec<File>, control: &OwnedFd, gate: &OwnedFd) -> i32 {
    let event = match live(spec, files, control, gate) {
        Ok(()) => Event::Done,
        Err(Stop::Reported) => return 1,
        Err(Stop::Package { package, detail }) => Event::BadPackage { package, detail },
        Err(Stop::Broken(error)) => Event::Broken { detail: error.to_string() },
    };
    let _ = wire::send(control.as_fd(), &event, None);
    i32::from(event != Event::Done)
}

fn live(spec: &SandboxSpec, files: Vec<File>, control: &OwnedFd, gate: &OwnedFd) -> Result<(), Stop> {
    die_with_parent()?;
    if wire::receive::<()>(gate.as_fd())?.is_none() {
        return Err(Stop::Reported);
    }
    sys::become_user(0).map_err(|e| context("becoming root inside", e))?;
    // Changing ids clears it.
    die_with_parent()?;
    if wire::readable(gate, Duration::ZERO)? {
        return Err(Stop::Reported);
    }
    // A control group namespace only where the kernel has them; without, nothing of them is mounted inside either.
    let _ = sys::unshare(libc::CLONE_NEWCGROUP);
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if !spec.privileged {
        mounts::stop_propagation()?;
        mounts::assemble(spec)?;
    }
    let entered = mounts::enter(spec)?;
    rustix::system::sethostname(b"localhost").map_err(|e| context("host name", e.into()))?;
    if !spec.network {
        sys::loopback_up().map_err(|e| context("loopback network", e))?;
    }
    if spec.personality_32bit {
        sys::become_32bit().map_err(|e| context("32-bit personality", e))?;
    }
    sys::block_child_signal()?;
    wire::send(control.as_fd(), &Event::Ready, None)?;
    let mut watcher = Watcher::new(spec.watch, control);
    let mut sandbox = Inside { files, entered, control };
    spec.actions.iter().try_for_each(|action| sandbox.act(action, &mut watcher))
}

fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

struct Inside<'a> {
    files: Vec<File>,
    entered: Entered,
    control: &'a OwnedFd,
}

impl Inside<'_> {
    fn act(&mut self, action: &Action, watcher: &mut Watcher<'_>) -> Result<(), Stop> {
        match action {
            Action::Folder { path, mode, owner } => make_folder(path, *mode, *owner).map_err(|e| context(path, e))?,
            Action::Link { path, target, only_if } => {
                let wanted = only_if.as_ref().is_none_or(|other| Path::new(other).exists());
                if wanted && fs::symlink_metadata(path).is_err() {
                    std::os::unix::fs::symlink(target, path).map_err(|e| context(path, e))?;
                }
            }
            Action::Write { path, text, mode, only_if_missing } => {
                if !(*only_if_missing && Path::new(path).exists()) {
                    write_file(path, text, *mode).map_err(|e| context(path, e))?;
                }
            }
            Action::AppendLine { path, line } => append_line(path, line).map_err(|e| context(path, e))?,
            Action::CopyIn { file, path, owner } => {
                self.copy_in(*file, path, *owner).map_err(|e| context(path, e))?;
            }
            Action::CopyIfMissing { from, to } => {
                if Path::new(from).is_file() && !Path::new(to).exists() {
                    fs::copy(from, to).map_err(|e| context(to, e))?;
                }
            }
            Action::Unpack { format, package, path, scripts } => {
                unpack::package(*format, package, Path::new(path), scripts.as_deref())?;
                watcher.look();
            }
            Action::Run(step) => step::run(step, watcher, self.control)?,
            Action::Remove { path } => remove(Path::new(path)).map_err(|e| context(path, e))?,
            Action::Persist => {
                let store = self.entered.store.as_ref().ok_or_else(|| io::Error::other("no store is mounted"))?;
                persist::copy_root(store).map_err(|e| context("storing the root", e))?;
            }
            Action::EmptyStore => {
                let store = self.entered.store.as_ref().ok_or_else(|| io::Error::other("no store is mounted"))?;
                persist::empty(store).map_err(|e| context("emptying a folder", e))?;
            }
            Action::Collect { folder, below } => {
                collect::folder(folder, *below, self.control).map_err(|e| context("collecting results", e))?;
            }
        }
        Ok(())
    }

    fn copy_in(&mut self, file: usize, path: &str, owner: u32) -> io::Result<()> {
        let source = self.files.get_mut(file).ok_or_else(|| io::Error::other("no such file"))?;
        let mut target = File::options().write(true).create_new(true).mode(0o644).open(path)?;
        io::copy(source, &mut target)?;
        chown(path, Some(owner), Some(owner))
    }
}

fn make_folder(path: &str, mode: u32, owner: u32) -> io::Result<()> {
    if Path::new(path).is_dir() {
        return Ok(());
    }
    if let Some(parent) = Path::new(path).parent() {
        fs::DirBuilder::new().mode(0o755).recursive(true).create(parent)?;
    }
    fs::DirBuilder::new().mode(mode).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    chown(path, Some(owner), Some(owner))
}

fn write_file(path: &str, text: &str, mode: u32) -> io::Result<()> {
    if let Some(parent) = Path::new(path).parent() {
        fs::DirBuilder::new().mode(0o755).recursive(true).create(parent)?;
    }
    // Not through a link, and not into a file with another name.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

fn append_line(path: &str, line: &str) -> io::Result<()> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    let key = line.split(':').next();
    if text.lines().any(|old| old.split(':').next() == key) {
        return Ok(());
    }
    let mut file = File::options().append(true).open(path)?;
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    writeln!(file, "{gap}{line}")
}

fn remove(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
