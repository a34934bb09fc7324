//! Takes back jobs whose worker is silent or gone, and ends jobs in general: which task runs again, and when.

use model::{FailureCause, Fault, JobOutcome, JobReport, MOST_REQUIREMENT_ROUNDS, TaskState, Timestamp};
use store::{JobRow, Session, TaskChange};

use crate::ServiceError;
use crate::background::{Pass, Reconciler};
use crate::inner::Inner;

/// Most packages a recipe can ask for in one round.
const MOST_REQUIREMENTS: usize = 5000;

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
            session.delete_results(job.id).await?;
            let (known, rounds) = session.task_requirements(job.task).await?;
            match further(&known, rounds, requires) {
                Ok(new) => drop(session.plan_with_more(job.task, &new, now).await?),
                Err(problem) => {
                    let cause = FailureCause::Unresolvable { problems: vec![problem] };
                    session.change_task(job.task, TaskChange::Fail(&cause), now).await?;
                }
            }
        }
        // Nobody canceled the build, else the job had ended with it: the worker is going away.
        JobOutcome::Canceled => {
            session.delete_results(job.id).await?;
            session.change_task(job.task, TaskChange::Requeue { not_before: now, counted: false }, now).await?;
        }
    }
    Ok(())
}

/// What a recipe asks for that it did not ask for before; or why it is not given more.
fn further(known: &[String], rounds: u32, requires: &[String]) -> Result<Vec<String>, String> {
    if rounds >= MOST_REQUIREMENT_ROUNDS {
        return Err(format!(
            "the recipe asked for more packages {rounds} times, and asks again: {}",
            requires.join(", ")
        ));
    }
    if requires.len() > MOST_REQUIREMENTS {
        return Err(format!("the recipe asks for more than {MOST_REQUIREMENTS} packages while it runs"));
    }
    // With a sign in front an item would be an instruction to the expander; recipes can not give those while they run.
    let is_odd = |item: &&String| item.is_empty() || item.starts_with(['-', '!']) || item.contains(char::is_control);
    if let Some(odd) = requires.iter().find(is_odd) {
        return Err(format!("the recipe asks for {odd:?}, which is no dependency"));
    }
    let new: Vec<String> = requires.iter().filter(|item| !known.contains(item)).cloned().collect();
    if new.is_empty() {
        return Err(format!("the recipe asks for what it was given already: {}", requires.join(", ")));
    }
    Ok(new)
}

/// Pokes whoever has something to do when a job has ended.
pub(crate) fn announce_end(inner: &Inner) {
    inner.poke(Reconciler::Sources);
    inner.poke(Reconciler::Publish);
    inner.poke(Reconciler::Planning);
    inner.poke(Reconciler::Leases);
    inner.changed();
}
