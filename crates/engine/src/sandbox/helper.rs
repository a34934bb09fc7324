//! The helper program: its outer half, in the host's process namespace.
//!
//! It opens what the sandbox needs of the host, starts the inner half in new namespaces, maps its ids, puts it into its
//! control groups, and then only waits: for the inner half's end, or for the engine's, which ends the inner half.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};

use super::protocol::{Event, SandboxSpec};
use super::{HELPER_WORD, idmap, init, mounts, sys, wire};

/// Becomes a sandbox helper, and never returns, if the program's first argument says so.
///
/// To be called first in `main`: the helper must not have threads.
pub fn run_helper_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|word| word == HELPER_WORD) {
        std::process::exit(run());
    }
}

fn run() -> i32 {
    let Ok(control) = sys::take_standard_input() else { return 125 };
    let spec = match wire::receive::<SandboxSpec>(control.as_fd()) {
        Ok(Some((spec, _))) => spec,
        Ok(None) => return 0,
        Err(error) => return report(control.as_fd(), &context("specification", error)),
    };
    match supervise(&spec, &control) {
        Ok(()) => 0,
        Err(error) => report(control.as_fd(), &error),
    }
}

fn report(control: BorrowedFd<'_>, error: &io::Error) -> i32 {
    // If the engine is gone, nobody is left to tell.
    let _ = wire::send(control, &Event::Broken { detail: error.to_string() }, None);
    125
}

/// An error with the name of what failed.
pub(super) fn context(what: impl std::fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn supervise(spec: &SandboxSpec, control: &OwnedFd) -> io::Result<()> {
    raise_open_files();
    let files = open_files(spec)?;
    if spec.privileged {
        rustix::thread::set_name(c"kiln-sandbox").ok();
        mounts::leave_host_mounts()?;
        mounts::assemble(spec)?;
    }
    let (gate, inner_gate) = wire::pair()?;
    let child = sys::fork_into(namespaces(spec)).map_err(|e| context("new namespaces", e))?;
    let Some(child) = child else {
        drop(gate);
        std::process::exit(init::run(spec, files, control, &inner_gate));
    };
    drop((inner_gate, files));
    let pid = i32::try_from(child).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process id"))?;
    let result = admit(spec, child, &gate);
    if result.is_err() {
        kill(pid);
    }
    let signal = wait(pid, control)?;
    result?;
    if let Some(signal) = signal {
        let _ = wire::send(control.as_fd(), &Event::Died { signal }, None);
    }
    if spec.privileged {
        mounts::release(spec);
    }
    Ok(())
}

fn namespaces(spec: &SandboxSpec) -> libc::c_int {
    let all = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if spec.network { all } else { all | libc::CLONE_NEWNET }
}

/// A root of many packages needs many descriptors.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn open_files(spec: &SandboxSpec) -> io::Result<Vec<File>> {
    spec.files.iter().map(|path| File::open(path).map_err(|e| context(path.display(), e))).collect()
}

/// Gives the inner half its ids and bounds, and lets it go on.
fn admit(spec: &SandboxSpec, child: u32, gate: &OwnedFd) -> io::Result<()> {
    idmap::write(child, &spec.ids, spec.privileged).map_err(|e| context("mapping ids", e))?;
    for group in &spec.cgroups {
        let joined = File::options().write(true).open(group).and_then(|mut file| write!(file, "{child}"));
        joined.map_err(|e| context(group.display(), e))?;
    }
    wire::send(gate.as_fd(), &(), None)
}

/// Waits for the inner half's end and returns the signal that killed it; kills it when the engine is gone.
fn wait(pid: Pid, control: &OwnedFd) -> io::Result<Option<i32>> {
    let process = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?;
    let mut engine_is_there = true;
    while engine_is_there && !wire::readable(&process, Duration::ZERO)? {
        engine_is_there = !either_readable(control.as_fd(), process.as_fd())?;
    }
    if !engine_is_there {
        kill(pid);
    }
    let status = rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(pid), WaitOptions::empty()))?;
    Ok(status.and_then(|(_, status)| status.terminating_signal()).filter(|_| engine_is_there))
}

/// Waits for either; returns whether the first one is readable (the engine never sends a second message: it is gone).
fn either_readable(control: BorrowedFd<'_>, process: BorrowedFd<'_>) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut fds = [PollFd::from_borrowed_fd(control, PollFlags::IN), PollFd::from_borrowed_fd(process, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
    Ok(fds.first().is_some_and(|fd| !fd.revents().is_empty()))
}

fn kill(pid: Pid) {
    // It may be gone already.
    let _ = rustix::process::kill_process(pid, Signal::KILL);
}
