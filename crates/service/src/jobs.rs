use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use model::{JobId, JobReport, JobSpec, Phase, ResultFile, RootSpec, Verdict, WorkerName};
use pkg::{Arch, Sha256};
use store::{QueuedJob, TaskChange};

use crate::background::{Reconciler, chain};
use crate::inner::Inner;
use crate::log_gaps::GapWriter;
use crate::{Service, ServiceError, leases, likeness};

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
    gaps: GapWriter,
    inner: Arc<Inner>,
}

impl io::Write for JobLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gaps.before_write(&self.file, self.inner.now());
        let written = self.file.write(bytes)?;
        self.inner.changed();
        Ok(written)
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
    pub async fn claim(&self, worker: &WorkerName, arches: &[Arch]) -> Result<Option<JobSpec>, ServiceError> {
        let now = self.inner.now();
        loop {
            let mut session = self.inner.store.write().await?;
            let lease_until = now.plus(self.inner.config.lease);
            let Some(queued) = session.claim(worker, arches, now, lease_until).await? else { return Ok(None) };
            match self.root(queued.root).await {
                Ok(root) => {
                    // Before anybody else can see the job, so that no cancel misses it.
                    self.inner.stop_token(queued.job);
                    session.commit().await?;
                    return Ok(Some(self.begin(worker, queued, root)));
                }
                Err(error) => {
                    drop(session);
                    self.plan_again(&queued, &error).await?;
                }
            }
        }
    }

    fn begin(&self, worker: &WorkerName, queued: QueuedJob, root: RootSpec) -> JobSpec {
        let QueuedJob { job, task, arch, plan, .. } = queued;
        tracing::info!(job.id = %job, task.id = %task, worker.name = %worker, "{worker} begins job {job}: {}", plan.title);
        // There may be more for the others.
        self.inner.poke_workers();
        self.inner.changed();
        JobSpec {
            job,
            title: plan.title,
            arch,
            root,
            work: plan.work,
            sources: plan.sources,
            settings: plan.settings,
            limits: plan.limits,
            network: plan.network,
        }
    }

    /// Takes a task whose root can not be read out of the queue, and asks for another plan.
    async fn plan_again(&self, queued: &QueuedJob, error: &ServiceError) -> Result<(), ServiceError> {
        tracing::error!(task.id = %queued.task, "task {} must be planned again: {}", queued.task, chain(error));
        let mut session = self.inner.store.write().await?;
        session.set_verdict(queued.task, &Verdict::Fetching).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        Ok(())
    }

    /// Resolves when there may be something to claim; now and then also when there is not.
    pub async fn wait_for_work(&self) {
        self.inner.wait_for_work().await;
    }

    /// Keeps a job's lease alive.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn heartbeat(&self, job: JobId) -> Result<Heartbeat, ServiceError> {
        let mut session = self.inner.store.write().await?;
        let active = session.extend_lease(job, self.inner.now().plus(self.inner.config.lease)).await?;
        session.commit().await?;
        Ok(if active { Heartbeat::Continue } else { Heartbeat::Stop })
    }

    /// Resolves when a job must stop, or has ended.
    pub async fn wait_for_cancel(&self, job: JobId) {
        // Every active job has a token from its claim to its end.
        if let Some(token) = self.inner.known_stop_token(job) {
            token.cancelled().await;
        }
    }

    /// Notes that a job has come to a step.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn job_phase(&self, job: JobId, phase: Phase) -> Result<(), ServiceError> {
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let Some(row) = session.job(job).await?.filter(|row| row.ended_at.is_none()) else { return Ok(()) };
        session.set_job_phase(job, phase).await?;
        if phase >= Phase::Recipe {
            session.change_task(row.task, TaskChange::Start, now).await?;
        }
        session.commit().await?;
        self.inner.changed();
        Ok(())
    }

    /// Opens the log of a job for appending.
    ///
    /// # Errors
    /// If the file can not be made.
    pub fn job_log(&self, job: JobId) -> Result<JobLog, ServiceError> {
        let path = self.inner.log_path(job);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = fs::OpenOptions::new().create(true).append(true).open(&path)?.into_parts().0;
        Ok(JobLog { file, gaps: GapWriter::new(&path, self.inner.now()), inner: Arc::clone(&self.inner) })
    }

    /// Takes one result of a job; `path` is moved away. A result that comes too late is dropped.
    ///
    /// # Errors
    /// [`ServiceError::Blob`] if the bytes are not the promised ones, [`ServiceError::BadValue`] if their number is not.
    pub async fn store_result(&self, job: JobId, result: &ResultFile, path: &Path) -> Result<(), ServiceError> {
        let (path, expected) = (path.to_owned(), result.file.sha256);
        let (_, bytes) = self.inner.with_blobs(move |blobs| blobs.adopt(&path, Some(&expected))).await?;
        if bytes != result.file.bytes {
            let detail = format!("{} has {bytes} bytes, not {}", result.file.name, result.file.bytes);
            return Err(ServiceError::BadValue { field: "result", detail });
        }
        let mut session = self.inner.store.write().await?;
        if session.job(job).await?.is_some_and(|row| row.ended_at.is_none()) {
            session.put_result(job, result).await?;
            session.commit().await?;
        }
        Ok(())
    }

    /// Ends a job. A report that comes too late, after a cancel or a lost lease, is ignored.
    ///
    /// # Errors
    /// [`ServiceError::ResultMissing`] if a result of the report was never stored.
    pub async fn finish(&self, job: JobId, report: JobReport) -> Result<(), ServiceError> {
        let Some(task) = self.inner.store.read().await?.job(job).await?.map(|row| row.task) else { return Ok(()) };
        let same = likeness::same_before(&self.inner, task, &report).await?;
        let mut session = self.inner.store.write().await?;
        let Some(row) = session.job(job).await? else { return Ok(()) };
        leases::end_with_report(&self.inner, &mut session, &row, &report).await?;
        if let Some(older) = same
            && session.let_stand_for(task, older).await?
        {
            tracing::info!(task.id = %task, "the packages of task {task} are those of task {older}: nothing follows");
        }
        session.commit().await?;
        tracing::info!(job.id = %job, task.id = %row.task, "job {job} has ended: {:?}", report.outcome);
        self.inner.stop_job(job);
        leases::announce_end(&self.inner);
        Ok(())
    }

    /// Where a blob is.
    #[must_use]
    pub fn blob_path(&self, sha256: &Sha256) -> PathBuf {
        self.inner.blobs.path(sha256)
    }
}
