use std::path::PathBuf;

use model::{ProjectName, RepositoryName, ResultFile, RootPackage, TaskId, Timestamp};
use pkg::Sha256;

use crate::{Service, ServiceError};

/// The log of a task's newest attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLog {
    /// The file; it grows while the job runs and is never shortened.
    pub path: PathBuf,
    /// Whether it is complete.
    pub complete: bool,
    /// Its size now, in bytes.
    pub bytes: u64,
}

/// A result and where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// What it is.
    pub result: ResultFile,
    /// The file; read only.
    pub path: PathBuf,
}

/// What a published path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// A file.
    File {
        /// Where its bytes are; read only, never changes.
        path: PathBuf,
        /// Size in bytes.
        bytes: u64,
        /// Digest of the content.
        sha256: Sha256,
        /// Media type.
        media_type: &'static str,
    },
    /// A folder; its entries by name.
    Folder(Vec<Entry>),
}

/// An entry of a published folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name, without a slash.
    pub name: String,
    /// Size in bytes; `None` for a folder.
    pub bytes: Option<u64>,
    /// When it was published.
    pub modified: Timestamp,
}

impl Service {
    /// The log of a task.
    ///
    /// # Errors
    /// [`ServiceError::TaskMissing`], [`ServiceError::LogMissing`] before a worker has claimed it.
    pub async fn log(&self, _task: TaskId) -> Result<TaskLog, ServiceError> {
        todo!()
    }

    /// The results of a task by name; none, unless it succeeded.
    ///
    /// # Errors
    /// [`ServiceError::TaskMissing`].
    pub async fn results(&self, _task: TaskId) -> Result<Vec<StoredResult>, ServiceError> {
        todo!()
    }

    /// The packages of the root a task was built in, in install order; `None` before it was planned.
    ///
    /// # Errors
    /// [`ServiceError::TaskMissing`].
    pub async fn environment(&self, _task: TaskId) -> Result<Option<Vec<RootPackage>>, ServiceError> {
        todo!()
    }

    /// A file or folder of a published repository; `path` is relative, without `.` and `..`, empty for the top.
    ///
    /// # Errors
    /// [`ServiceError::PublishedMissing`].
    pub async fn published(
        &self,
        project: &ProjectName,
        repository: &RepositoryName,
        path: &str,
    ) -> Result<Published, ServiceError> {
        crate::publish::published(&self.inner, project, repository, path).await
    }
}
