use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use model::{JobId, JobReport, JobSpec, Phase, ResultFile, WorkerName};
use pkg::{Arch, Sha256};

use crate::{Service, ServiceError};

/// What a worker is told when it says it is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// Go on.
    Continue,
    /// The job is canceled, or was given to another worker: stop it.
    Stop,
}

/// The log of a running job, opened at its end. Wakes whoever follows it.
#[derive(Debug)]
pub struct JobLog {
    file: File,
}

impl io::Write for JobLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Service {
    /// Gives a worker its next job: everything it names is in the blob folder. `None` if there is nothing to do now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(&self, _worker: &WorkerName, _arches: &[Arch]) -> Result<Option<JobSpec>, ServiceError> {
        todo!()
    }

    /// Resolves when there may be something to claim; now and then also when there is not.
    pub async fn wait_for_work(&self) {
        todo!()
    }

    /// Keeps a job's lease alive.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn heartbeat(&self, _job: JobId) -> Result<Heartbeat, ServiceError> {
        todo!()
    }

    /// Resolves when a job must stop.
    pub async fn wait_for_cancel(&self, _job: JobId) {
        todo!()
    }

    /// Notes that a job has come to a step.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn job_phase(&self, _job: JobId, _phase: Phase) -> Result<(), ServiceError> {
        todo!()
    }

    /// Opens the log of a job for appending.
    ///
    /// # Errors
    /// If the file can not be made.
    pub fn job_log(&self, _job: JobId) -> Result<JobLog, ServiceError> {
        todo!()
    }

    /// Takes one result of a job; `path` is moved away.
    ///
    /// # Errors
    /// [`ServiceError::Blob`] if the bytes are not the promised ones.
    pub async fn store_result(&self, _job: JobId, _result: &ResultFile, _path: &Path) -> Result<(), ServiceError> {
        todo!()
    }

    /// Ends a job. A report that comes too late is ignored.
    ///
    /// # Errors
    /// [`ServiceError::ResultMissing`] if a result of the report was never stored.
    pub async fn finish(&self, _job: JobId, _report: JobReport) -> Result<(), ServiceError> {
        todo!()
    }

    /// Where a blob is.
    #[must_use]
    pub fn blob_path(&self, sha256: &Sha256) -> PathBuf {
        self.inner.blobs.path(sha256)
    }
}
