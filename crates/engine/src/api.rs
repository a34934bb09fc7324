use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{JobFile, JobReport, JobSpec, Phase, ResultFile};

/// Something that runs jobs: the engine, or a fake one in tests.
pub trait JobRunner: Send + Sync {
    /// Runs one job to its end. Blocks; call it on a thread of its own.
    ///
    /// Never fails: whatever happens is in the report. When it returns, nothing the job started is alive and nothing it
    /// mounted is mounted. A cancel is obeyed within two seconds.
    fn run(&self, job: &JobSpec, files: &dyn JobFiles, sink: &dyn JobSink, cancel: &CancelToken) -> JobReport;
}

/// Where a job's files come from.
pub trait JobFiles: Send + Sync {
    /// A local path of the file's bytes, fetched if need be. The bytes have the right digest and do not change; the caller
    /// must not write to the path.
    ///
    /// # Errors
    /// [`HandoverError`] if the file can not be had.
    fn locate(&self, file: &JobFile) -> Result<PathBuf, HandoverError>;
}

/// Where the log and the results of a job go.
pub trait JobSink: Send + Sync {
    /// The next bytes of the log, as printed. Called often, from one thread at a time.
    fn log(&self, bytes: &[u8]);

    /// A step begins.
    fn phase(&self, phase: Phase);

    /// Takes one result; `path` may be moved away. Called only after the recipe succeeded.
    ///
    /// # Errors
    /// [`HandoverError`] if it could not be stored; the job then ends as the worker's failure.
    fn result(&self, result: &ResultFile, path: &Path) -> Result<(), HandoverError>;
}

/// A file could not be handed over between server and engine.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {detail}")]
pub struct HandoverError {
    /// File name.
    pub name: String,
    /// What happened.
    pub detail: String,
}

/// Tells a running job to stop. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token nobody has canceled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the job to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
