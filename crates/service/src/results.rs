use std::path::PathBuf;

use fs_err as fs;
use model::{
    BuildId, BuiltPackage, JobId, JobReport, PhaseTiming, ProjectName, RepositoryName, ResultFile, ResultKind,
    RootPackage, RootSpec, Task, TaskId, Timestamp,
};
use pkg::Sha256;
use store::Session;

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
    pub async fn log(&self, task: TaskId) -> Result<TaskLog, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing_task(&mut session, task).await?;
        let job = session.newest_job(task).await?.ok_or(ServiceError::LogMissing { task })?;
        let path = self.inner.log_path(job.id);
        let bytes = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ServiceError::LogMissing { task });
            }
            Err(error) => return Err(error.into()),
        };
        Ok(TaskLog { path, complete: job.ended_at.is_some() && job.task_state.is_finished(), bytes })
    }

    /// The task whose jobs make the source of a build; `None` if no job does, or none has been asked yet. Its number is good
    /// for [`Self::log`], [`Self::results`] and whatever else is asked of tasks.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn source_task(&self, build: BuildId) -> Result<Option<Task>, ServiceError> {
        Ok(self.inner.store.read().await?.source_task(build).await?)
    }

    /// The results of a task by name; none, unless it succeeded.
    ///
    /// # Errors
    /// [`ServiceError::TaskMissing`].
    pub async fn results(&self, task: TaskId) -> Result<Vec<StoredResult>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing_task(&mut session, task).await?;
        let results = session.results_of_task(task).await?;
        let place = |result: ResultFile| StoredResult { path: self.inner.blobs.path(&result.file.sha256), result };
        Ok(results.into_iter().map(place).collect())
    }

    /// The packages of the root a task was built in, in install order; `None` before it was planned.
    ///
    /// # Errors
    /// [`ServiceError::TaskMissing`].
    pub async fn environment(&self, task: TaskId) -> Result<Option<Vec<RootPackage>>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing_task(&mut session, task).await?;
        let Some(digest) = session.environment(task).await? else { return Ok(None) };
        drop(session);
        Ok(Some(self.root(digest).await?.packages))
    }

    /// How long each phase of a task's last attempt took, and whether its root came from the cache; `None` before the first
    /// attempt has ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn phase_timings(&self, task: TaskId) -> Result<Option<(Vec<PhaseTiming>, bool)>, ServiceError> {
        Ok(self.inner.store.read().await?.phase_timings(task).await?)
    }

    /// The root that a blob describes.
    pub(crate) async fn root(&self, digest: Sha256) -> Result<RootSpec, ServiceError> {
        let bytes = self.inner.with_blobs(move |blobs| blobs.read(&digest)).await?;
        serde_json::from_slice(&bytes).map_err(|error| ServiceError::Failed {
            what: format!("blob {digest} is not a root"),
            source: error.into(),
        })
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

async fn existing_task(session: &mut Session, task: TaskId) -> Result<(), ServiceError> {
    session.task(task).await?.map(drop).ok_or(ServiceError::TaskMissing { task })
}

/// Checks that everything a job reports has been handed over; gives the packages it built, forgets what it does not report.
pub(crate) async fn accept(
    session: &mut Session,
    job: JobId,
    report: &JobReport,
) -> Result<Vec<BuiltPackage>, ServiceError> {
    let stored = session.results_of_job(job).await?;
    if let Some(missing) = report.results.iter().find(|result| !stored.contains(result)) {
        return Err(ServiceError::ResultMissing { job, file: missing.file.name.to_string() });
    }
    if stored.len() != report.results.len() {
        session.delete_results(job).await?;
        for result in &report.results {
            session.put_result(job, result).await?;
        }
    }
    let packages = report.results.iter().filter(|result| result.kind == ResultKind::Package);
    Ok(packages.filter_map(|result| result.package.as_ref()).map(built_package).collect())
}

fn built_package((name, version): &(String, String)) -> BuiltPackage {
    let version = version.split_once(':').map_or(version.as_str(), |(_epoch, version)| version);
    BuiltPackage { name: name.clone(), version: version.to_owned() }
}
