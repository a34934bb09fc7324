//! Takes back jobs whose worker is silent or gone, and ends jobs in general: which task runs again, and when.

use model::{FailureCause, Fault, JobOutcome, JobReport, TaskState, Timestamp};
use store::{JobRow, Session, TaskChange};

use crate::ServiceError;
use crate::background::{Pass, Reconciler};
use crate::inner::Inner;

/// One pass: every job whose lease is over is taken back; workers are woken if a task's time has come.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let now = inner.now();
    let lost = take_back(inner, Some(now), "the worker gave no sign of life").await?;
    inner.poke_workers();
    let next = inner.store.read().await?.next_job_event(now).await?;
    Ok(Pass { changes: lost, again_in: next.map(|at| at.since(now)) })
}

/// Takes back the jobs whose lease ended by a time, or all; gives how many.
pub(crate) async fn take_back(inner: &Inner, until: Option<Timestamp>, why: &str) -> Result<u64, ServiceError> {
    let now = inner.now();
    if inner.store.read().await?.active_jobs(until).await?.is_empty() {
        return Ok(0);
    }
    let mut session = inner.store.write().await?;
    let lost = session.active_jobs(until).await?;
    let cause = FailureCause::Worker { detail: why.to_owned() };
    for job in &lost {
        session.end_job(job.id, &JobOutcome::Failed(cause.clone()), None, now).await?;
        end_without_results(inner, &mut session, job, &cause, now).await?;
    }
    session.commit().await?;
    for job in &lost {
        tracing::warn!(job.id = %job.id, task.id = %job.task, "job {} is taken back: {why}", job.id);
        inner.stop_job(job.id);
    }
    inner.poke_workers();
    inner.changed();
    Ok(lost.len() as u64)
}

/// What becomes of the task of a job that failed: by the service's fault it runs again, so and so often.
pub(crate) async fn end_without_results(
    inner: &Inner,
    session: &mut Session,
    job: &JobRow,
    cause: &FailureCause,
    now: Timestamp,
) -> Result<Option<TaskState>, ServiceError> {
    session.delete_results(job.id).await?;
    let again = match cause.fault() {
        Fault::Service => inner.config.retry.delay_after(job.attempts),
        Fault::Package => None,
    };
    let change = match again {
        Some(delay) => TaskChange::Requeue { not_before: now.plus(delay), counted: true },
        None => TaskChange::Fail(cause),
    };
    Ok(session.change_task(job.task, change, now).await?)
}

/// Ends a job with what its worker said; nothing happens if it has ended already.
pub(crate) async fn end_with_report(
    inner: &Inner,
    session: &mut Session,
    job: &JobRow,
    report: &JobReport,
) -> Result<(), ServiceError> {
    let now = inner.now();
    if !session.end_job(job.id, &report.outcome, Some(report), now).await? {
        return Ok(());
    }
    match &report.outcome {
        JobOutcome::Succeeded => {
            let packages = crate::results::accept(session, job.id, report).await?;
            session.change_task(job.task, TaskChange::Succeed { job: job.id, packages: &packages }, now).await?;
        }
        JobOutcome::Failed(cause) => {
            end_without_results(inner, session, job, cause, now).await?;
        }
        JobOutcome::NeedsPackages { requires } => {
            let detail = format!("the recipe asks for packages its root does not have: {}", requires.join(", "));
            end_without_results(inner, session, job, &FailureCause::Configuration { detail }, now).await?;
        }
        // Nobody canceled the build, else the job had ended with it: the worker is going away.
        JobOutcome::Canceled => {
            session.delete_results(job.id).await?;
            session.change_task(job.task, TaskChange::Requeue { not_before: now, counted: false }, now).await?;
        }
    }
    Ok(())
}

/// Pokes whoever has something to do when a job has ended.
pub(crate) fn announce_end(inner: &Inner) {
    inner.poke(Reconciler::Publish);
    inner.poke(Reconciler::Planning);
    inner.poke(Reconciler::Leases);
    inner.changed();
}
