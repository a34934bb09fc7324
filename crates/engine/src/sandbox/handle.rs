//! The engine's end of a running sandbox.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::protocol::{Event, SandboxSpec};
use super::wire;
use crate::config::HelperCommand;

/// How long the helper may take to end after it was told to; killing a full sandbox takes the kernel a moment.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A running sandbox. Dropping it kills everything inside and waits for that.
pub(crate) struct Sandbox {
    child: Child,
    control: Option<OwnedFd>,
    log: File,
}

impl Sandbox {
    /// Starts a helper and tells it what to do.
    pub(crate) fn start(helper: &HelperCommand, spec: &SandboxSpec) -> io::Result<Self> {
        let (control, helper_control) = wire::pair()?;
        let (log, log_writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let mut command = Command::new(&helper.program);
        command
            .args(&helper.arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LD_LIBRARY_PATH"))
            .current_dir("/")
            .stdin(Stdio::from(helper_control))
            .stdout(Stdio::from(log_writer.try_clone()?))
            .stderr(Stdio::from(log_writer));
        let child = command.spawn()?;
        drop(command);
        let sandbox = Self { child, control: Some(control), log: File::from(log) };
        wire::send(sandbox.control()?, spec, None)?;
        Ok(sandbox)
    }

    /// The socket events come from.
    pub(crate) fn control(&self) -> io::Result<BorrowedFd<'_>> {
        self.control.as_ref().map(AsFd::as_fd).ok_or_else(|| io::Error::other("the sandbox is being ended"))
    }

    /// What everything inside prints to.
    pub(crate) const fn log(&self) -> &File {
        &self.log
    }

    /// Whether there is an event, or the helper is gone, before the time is over.
    pub(crate) fn hears_within(&self, timeout: Duration) -> io::Result<bool> {
        wire::readable(self.control()?, timeout)
    }

    /// Waits for the next event; `None` when the helper is gone.
    pub(crate) fn next_event(&self) -> io::Result<Option<(Event, Option<OwnedFd>)>> {
        wire::receive(self.control()?)
    }

    /// Waits until the helper ended by itself, as it does after its last event.
    pub(crate) fn wait(&mut self) {
        self.end(false);
    }

    fn end(&mut self, now: bool) {
        if now {
            // The helper sees this and kills what is inside.
            self.control = None;
        }
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(1);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                // The inner half dies with the outer one.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end(true);
    }
}
