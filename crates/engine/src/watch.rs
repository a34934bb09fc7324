//! Watches a running sandbox: passes its log on, hears its events, and ends it when a bound is passed.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::api::CancelToken;
use crate::cgroup::Group;
use crate::log::JobLog;
use crate::sandbox::Sandbox;
use crate::sandbox::protocol::{Bound, Event};

/// Time between two looks at clocks, counters and the cancel token.
const LOOK: Duration = Duration::from_millis(50);
/// Most bytes read from the log at once.
const LOG_PIECE_BYTES: usize = 64 << 10;

/// A bound of a job or of a preparation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Memory of all processes.
    Memory,
    /// Processes and threads.
    Processes,
    /// Files written.
    Disk,
    /// Wall time.
    Time,
    /// Wall time without a byte of log.
    Silence,
    /// Bytes of log.
    Log,
}

/// How a sandbox ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// All actions were done.
    Done,
    /// A program ended badly.
    StepFailed { label: String, status: Option<i32>, signal: Option<i32>, sought_network: bool },
    /// A bound was passed.
    Exceeded(Limit),
    /// A package of the root is damaged or hostile.
    BadPackage { package: String, detail: String },
    /// Somebody canceled the job.
    Canceled,
    /// The worker's own trouble.
    Broken(String),
    /// The hearer of events wants no more.
    Refused,
}

/// Bounds watched from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Wall time.
    pub duration: Duration,
    /// Wall time without a byte of log.
    pub silence: Option<Duration>,
    /// Bytes of the whole job's log.
    pub log_bytes: u64,
}

/// What hears a sandbox besides the log.
pub(crate) trait Hearer {
    /// Bytes were printed.
    fn printed(&mut self, bytes: &[u8]);
    /// Something happened; `false` ends the sandbox.
    fn happened(&mut self, event: Event, fd: Option<OwnedFd>, log: &mut JobLog<'_>) -> bool;
}

/// Stays with a sandbox to its end.
pub(crate) struct Watch<'a, 'b> {
    pub(crate) sandbox: Sandbox,
    pub(crate) bounds: Bounds,
    pub(crate) group: Option<&'a Group>,
    pub(crate) cancel: &'a CancelToken,
    pub(crate) log: &'a mut JobLog<'b>,
    pub(crate) hearer: &'a mut dyn Hearer,
}

impl Watch<'_, '_> {
    /// Runs until the sandbox is gone, by itself or by us.
    pub(crate) fn run(mut self) -> Ending {
        let mut ending = self.listen().unwrap_or_else(|e| Ending::Broken(format!("watching the sandbox: {e}")));
        // What was printed last, and what the counters know, explains the end.
        if matches!(ending, Ending::Done | Ending::StepFailed { .. }) {
            if matches!(ending, Ending::Done) {
                self.sandbox.wait();
            }
            if let Ok(Some(limit)) = self.drain_log() {
                ending = Ending::Exceeded(limit);
            }
        }
        if !matches!(ending, Ending::Done | Ending::Canceled | Ending::Exceeded(_))
            && let Some(limit) = self.group.and_then(Group::exceeded)
        {
            ending = Ending::Exceeded(limit);
        }
        ending
    }

    fn listen(&mut self) -> io::Result<Ending> {
        rustix::io::ioctl_fionbio(self.sandbox.log(), true)?;
        let started = Instant::now();
        let mut heard_at = started;
        let mut looked_at = started;
        loop {
            let (printed, happened) = self.wait()?;
            if printed {
                heard_at = Instant::now();
                if let Some(limit) = self.read_log()? {
                    return Ok(Ending::Exceeded(limit));
                }
            }
            if happened {
                if let Some(ending) = self.hear()? {
                    return Ok(ending);
                }
                // Collecting is not silence.
                heard_at = Instant::now();
            }
            if looked_at.elapsed() >= LOOK {
                looked_at = Instant::now();
                if let Some(ending) = self.look(started, heard_at) {
                    return Ok(ending);
                }
            }
        }
    }

    /// Waits a moment; returns whether there is something in the log and on the control socket.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let mut fds = [
            PollFd::from_borrowed_fd(self.sandbox.log().as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.sandbox.control()?, PollFlags::IN),
        ];
        let timeout = Timespec::try_from(LOOK).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok((false, false)),
            result => result?,
        };
        let [log, control] = fds;
        // A closed log says nothing; the control socket will.
        Ok((log.revents().contains(PollFlags::IN), !control.revents().is_empty()))
    }

    fn look(&self, started: Instant, heard_at: Instant) -> Option<Ending> {
        if self.cancel.is_canceled() {
            return Some(Ending::Canceled);
        }
        if let Some(limit) = self.group.and_then(Group::exceeded) {
            return Some(Ending::Exceeded(limit));
        }
        if started.elapsed() > self.bounds.duration {
            return Some(Ending::Exceeded(Limit::Time));
        }
        if self.bounds.silence.is_some_and(|silence| heard_at.elapsed() > silence) {
            return Some(Ending::Exceeded(Limit::Silence));
        }
        None
    }

    /// Passes on what is in the pipe now, at most one piece.
    fn read_log(&mut self) -> io::Result<Option<Limit>> {
        let mut buffer = vec![0; LOG_PIECE_BYTES];
        let count = match read(self.sandbox.log(), &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            result => result?,
        };
        let left = usize::try_from(self.bounds.log_bytes.saturating_sub(self.log.bytes())).unwrap_or(usize::MAX);
        let bytes = buffer.get(..count.min(left)).unwrap_or_default();
        self.hearer.printed(bytes);
        self.log.raw(bytes);
        Ok((count > left).then_some(Limit::Log))
    }

    /// Passes on all that is left in the pipe; nobody prints any more.
    fn drain_log(&mut self) -> io::Result<Option<Limit>> {
        loop {
            let before = self.log.bytes();
            if let Some(limit) = self.read_log()? {
                return Ok(Some(limit));
            }
            if self.log.bytes() == before {
                return Ok(None);
            }
        }
    }

    fn hear(&mut self) -> io::Result<Option<Ending>> {
        let Some((event, fd)) = self.sandbox.next_event()? else {
            return Ok(Some(Ending::Broken("the sandbox helper ended without a word".to_owned())));
        };
        Ok(match event {
            Event::Done => Some(Ending::Done),
            Event::StepFailed { label, status, signal, sought_network } => {
                Some(Ending::StepFailed { label, status, signal, sought_network })
            }
            Event::BadPackage { package, detail } => Some(Ending::BadPackage { package, detail }),
            Event::Broken { detail } => Some(Ending::Broken(detail)),
            Event::Died { signal } => {
                Some(Ending::Broken(format!("the sandbox's first process was killed by signal {signal}")))
            }
            Event::Exceeded(Bound::Disk) => Some(Ending::Exceeded(Limit::Disk)),
            Event::Exceeded(Bound::Memory) => Some(Ending::Exceeded(Limit::Memory)),
            Event::Exceeded(Bound::Processes) => Some(Ending::Exceeded(Limit::Processes)),
            event => {
                // The engine's own lines come after what the program before them printed.
                if let Some(limit) = self.drain_log()? {
                    return Ok(Some(Ending::Exceeded(limit)));
                }
                (!self.hearer.happened(event, fd, self.log)).then_some(Ending::Refused)
            }
        })
    }
}

fn read(mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    file.read(buffer)
}
