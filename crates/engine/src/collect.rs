//! Takes over what a recipe left. Whether it is what it claims to be is its builder's to check.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use model::{FailureCause, FileName, JobFile, JobSpec, Phase, ResultFile};
use pkg::{Sha256, Sha256Hasher};

use crate::builder::{Builder, Listener, Results, invalid, trouble};
use crate::log::JobLog;
use crate::run::Stop;
use crate::sandbox::protocol::Event;
use crate::watch::Hearer;

/// Most results of one job.
const RESULTS: usize = 4096;

/// Hears a recipe's sandbox and copies its results out.
pub(crate) struct Collector<'a> {
    job: &'a JobSpec,
    builder: &'static dyn Builder,
    listener: Box<dyn Listener + 'a>,
    /// When the recipe had ended.
    pub(crate) began_at: Option<Instant>,
    results: Results,
    failure: Option<FailureCause>,
}

impl<'a> Collector<'a> {
    /// Results go to `folder`, which is there.
    pub(crate) fn new(job: &'a JobSpec, builder: &'static dyn Builder, folder: PathBuf) -> Self {
        let results = Results { folder, files: Vec::new() };
        Self { job, builder, listener: builder.listener(job), began_at: None, results, failure: None }
    }

    /// Why collecting was refused.
    pub(crate) fn take_failure(&mut self) -> Option<FailureCause> {
        self.failure.take()
    }

    /// What says more of a step's failure than its status.
    pub(crate) fn explain(&self, step: &str, status: i32) -> Option<Stop> {
        self.listener.failed(step, status, &self.results)
    }

    fn take(&mut self, name: &str, bytes: u64, fd: OwnedFd) -> Result<(), FailureCause> {
        if self.builder.kind_of(name).is_none() {
            return Ok(());
        }
        let file_name = FileName::parse(name).map_err(|error| invalid(name, error.to_string()))?;
        let limit_bytes = self.job.limits.result_bytes;
        let taken: u64 = self.results.files.iter().map(|result| result.bytes).sum();
        if taken.saturating_add(bytes) > limit_bytes {
            return Err(FailureCause::ResultLimit { limit_bytes });
        }
        if self.results.files.len() >= RESULTS {
            return Err(invalid(name, format!("more than {RESULTS} results")));
        }
        if self.results.files.iter().any(|result| result.name == file_name) {
            return Err(invalid(name, "there are two of this name"));
        }
        let path = self.results.folder.join(name);
        let sha256 = copy(File::from(fd), &path, bytes).map_err(|error| trouble(&path, &error))?;
        self.results.files.push(JobFile { name: file_name, bytes, sha256 });
        Ok(())
    }

    /// Checks the results; without one of the main kind there are none.
    pub(crate) fn check(&self, log: &mut JobLog<'_>) -> Result<Vec<(ResultFile, PathBuf)>, FailureCause> {
        let checked = self.builder.check(self.job, &self.results, log)?;
        if checked.iter().any(|(result, _)| result.kind == self.builder.main_result()) {
            Ok(checked)
        } else {
            Err(FailureCause::NoResults)
        }
    }
}

/// Copies exactly `bytes` bytes and returns their digest.
fn copy(mut from: File, to: &Path, bytes: u64) -> io::Result<Sha256> {
    let mut target = File::options().write(true).create_new(true).open(to)?;
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = from.read(buffer.get_mut(..most).unwrap_or_default())?;
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        hasher.update(piece);
        target.write_all(piece)?;
        left -= count as u64;
    }
    Ok(hasher.finish())
}

impl Hearer for Collector<'_> {
    fn printed(&mut self, bytes: &[u8]) {
        self.listener.printed(bytes);
    }

    fn happened(&mut self, event: Event, fd: Option<OwnedFd>, log: &mut JobLog<'_>) -> bool {
        match event {
            Event::StepBegan { label } => {
                self.listener.began(&label);
                log.say(&format!("running {label}"));
            }
            Event::StepEnded { label } => {
                self.failure = self.listener.ended(&label);
                if self.failure.is_none() && label == self.builder.last_step(self.job) {
                    self.began_at = Some(Instant::now());
                    log.sink().phase(Phase::Collect);
                    log.say("collecting results");
                }
            }
            Event::Result { name, bytes } => {
                let taken = fd.map_or(Ok(()), |fd| self.take(&name, bytes, fd));
                self.failure = taken.err();
            }
            Event::NotAFile { name, what } if self.builder.kind_of(&name).is_some() => {
                self.failure = Some(invalid(&name, format!("is {what}")));
            }
            _ => {}
        }
        self.failure.is_none()
    }
}
