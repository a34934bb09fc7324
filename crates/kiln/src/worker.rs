//! The worker inside this program: claims jobs, runs each on a thread of its own, carries log and results to the service.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{CancelToken, HandoverError, JobFiles, JobRunner, JobSink};
use model::{FailureCause, JobFile, JobId, JobOutcome, JobReport, JobSpec, Phase, ResultFile, WorkerName};
use pkg::Arch;
use service::{Heartbeat, JobLog, Service};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a worker rests after the service refused it, before it asks again.
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// Runs jobs of a service in this process.
pub(crate) struct Worker {
    /// Where jobs come from and results go.
    pub(crate) service: Service,
    /// What runs them.
    pub(crate) runner: Arc<dyn JobRunner>,
    /// The name jobs are claimed under.
    pub(crate) name: WorkerName,
    /// Architectures this machine can build for.
    pub(crate) arches: Vec<Arch>,
    /// Jobs at once.
    pub(crate) slots: usize,
    /// Time between two signs of life; a third of the service's lease or less.
    pub(crate) heartbeat: Duration,
}

/// When a worker ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    /// No more jobs are claimed.
    pub(crate) drain: CancellationToken,
    /// Running jobs are stopped and left to be run again by the next program on the same data.
    pub(crate) abandon: CancellationToken,
}

impl Worker {
    /// Works until told to drain, and until every running job has ended or is abandoned.
    pub(crate) async fn run(self, ending: Ending) {
        let worker = Arc::new(self);
        let mut slots = JoinSet::new();
        for _ in 0..worker.slots {
            slots.spawn(run_slot(Arc::clone(&worker), ending.clone()));
        }
        while slots.join_next().await.is_some() {}
    }

    /// Runs one job to its end and reports it.
    async fn run_job(&self, spec: JobSpec, ending: &Ending) {
        let job = spec.job;
        let cancel = CancelToken::new();
        let mut running = {
            let (service, runner, cancel) = (self.service.clone(), Arc::clone(&self.runner), cancel.clone());
            let handle = Handle::current();
            tokio::task::spawn_blocking(move || run_blocking(&service, handle, runner.as_ref(), &spec, &cancel))
        };
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = self.until_stopped(job, ending) => {
                cancel.cancel();
                running.await
            }
        };
        let report = match ended {
            // The task goes back, and this attempt does not count.
            _ if ending.abandon.is_cancelled() => handed_back(),
            Ok(report) => report,
            Err(panic) => worker_failure(format!("the engine panicked: {panic}")),
        };
        self.report(job, report).await;
    }

    /// Reports the end of a job; if the service can not keep its results, the attempt has failed.
    async fn report(&self, job: JobId, report: JobReport) {
        let Err(error) = self.service.finish(job, report).await else { return };
        tracing::error!(job.id = %job, "the end of job {job} could not be stored: {error}");
        let failure = worker_failure(format!("the results could not be stored: {error}"));
        if let Err(error) = self.service.finish(job, failure).await {
            // The lease runs out and the job runs again.
            tracing::error!(job.id = %job, "nor its failure: {error}");
        }
    }

    /// Gives signs of life until the job must stop.
    async fn until_stopped(&self, job: JobId, ending: &Ending) {
        let beat = async {
            loop {
                tokio::time::sleep(self.heartbeat).await;
                match self.service.heartbeat(job).await {
                    Ok(Heartbeat::Continue) => {}
                    Ok(Heartbeat::Stop) => return,
                    Err(error) => tracing::warn!(job.id = %job, "no sign of life for job {job}: {error}"),
                }
            }
        };
        tokio::select! {
            () = beat => {}
            () = self.service.wait_for_cancel(job) => {}
            () = ending.abandon.cancelled() => {}
        }
    }
}

async fn run_slot(worker: Arc<Worker>, ending: Ending) {
    while !ending.drain.is_cancelled() {
        match worker.service.claim(&worker.name, &worker.arches).await {
            Ok(Some(spec)) => worker.run_job(spec, &ending).await,
            Ok(None) => tokio::select! {
                () = worker.service.wait_for_work() => {}
                () = ending.drain.cancelled() => {}
            },
            Err(error) => {
                tracing::error!("the worker can not claim a job: {error}");
                tokio::select! {
                    () = tokio::time::sleep(AFTER_ERROR) => {}
                    () = ending.drain.cancelled() => {}
                }
            }
        }
    }
}

fn run_blocking(
    service: &Service,
    handle: Handle,
    runner: &dyn JobRunner,
    spec: &JobSpec,
    cancel: &CancelToken,
) -> JobReport {
    let log = match service.job_log(spec.job) {
        Ok(log) => Mutex::new(log),
        Err(error) => return worker_failure(format!("the log can not be opened: {error}")),
    };
    let carrier = Carrier { service, handle, job: spec.job, log };
    runner.run(spec, &carrier, &carrier, cancel)
}

fn handed_back() -> JobReport {
    JobReport { outcome: JobOutcome::Canceled, results: Vec::new(), timings: Vec::new(), warm_root: false }
}

fn worker_failure(detail: String) -> JobReport {
    let outcome = JobOutcome::Failed(FailureCause::Worker { detail });
    JobReport { outcome, results: Vec::new(), timings: Vec::new(), warm_root: false }
}

/// Carries files, log and results between one job and the service.
struct Carrier<'a> {
    service: &'a Service,
    handle: Handle,
    job: JobId,
    log: Mutex<JobLog>,
}

impl JobFiles for Carrier<'_> {
    fn locate(&self, file: &JobFile) -> Result<PathBuf, HandoverError> {
        let path = self.service.blob_path(&file.sha256);
        let found = fs_err::metadata(&path)
            .map_err(|error| HandoverError { name: file.name.to_string(), detail: error.to_string() })?;
        if found.len() == file.bytes {
            return Ok(path);
        }
        let detail = format!("blob {} has {} bytes, the job says {}", file.sha256, found.len(), file.bytes);
        Err(HandoverError { name: file.name.to_string(), detail })
    }
}

impl JobSink for Carrier<'_> {
    fn log(&self, bytes: &[u8]) {
        use std::io::Write as _;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = log.write_all(bytes) {
            tracing::warn!(job.id = %self.job, "the log of job {} loses {} bytes: {error}", self.job, bytes.len());
        }
    }

    fn phase(&self, phase: Phase) {
        if let Err(error) = self.handle.block_on(self.service.job_phase(self.job, phase)) {
            tracing::warn!(job.id = %self.job, "the step of job {} is not noted: {error}", self.job);
        }
    }

    fn result(&self, result: &ResultFile, path: &Path) -> Result<(), HandoverError> {
        self.handle
            .block_on(self.service.store_result(self.job, result, path))
            .map_err(|error| HandoverError { name: result.file.name.to_string(), detail: error.to_string() })
    }
}
