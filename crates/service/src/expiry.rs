//! Ends what was only meant for a time: temporary projects, and builds behind those a package keeps.

use model::{JobOutcome, ProjectId};

use crate::ServiceError;
use crate::background::Reconciler;
use crate::deleted::kept_until;
use crate::inner::Inner;

/// Packages looked at with one statement.
const AT_ONCE: u32 = 500;

/// One pass; gives how many projects and builds went.
pub(crate) async fn run_once(inner: &Inner) -> Result<u64, ServiceError> {
    let mut gone = 0;
    let expired = inner.store.read().await?.expired_projects(inner.now()).await?;
    for project in expired {
        delete(inner, project).await?;
        gone += 1;
    }
    gone += delete_superfluous_builds(inner).await?;
    if gone > 0 {
        inner.poke(Reconciler::Publish);
        inner.poke(Reconciler::Planning);
        inner.changed();
    }
    Ok(gone)
}

/// Cancels what runs in a project and deletes it.
async fn delete(inner: &Inner, project: ProjectId) -> Result<(), ServiceError> {
    let now = inner.now();
    let mut session = inner.store.write().await?;
    let mut stopped = Vec::new();
    for build in session.unfinished_builds(project, u32::MAX).await? {
        for job in session.active_jobs_of(build).await? {
            session.end_job(job.id, &JobOutcome::Canceled, None, now).await?;
            stopped.push(job.id);
        }
        session.cancel_build(build, now).await?;
    }
    session.delete_project(project, now, kept_until(now)).await?;
    session.commit().await?;
    stopped.into_iter().for_each(|job| inner.stop_job(job));
    tracing::info!(project.id = %project, "project {project} is deleted: its time is over");
    Ok(())
}

async fn delete_superfluous_builds(inner: &Inner) -> Result<u64, ServiceError> {
    let (mut gone, mut after) = (0, 0);
    loop {
        let packages = inner.store.read().await?.bounded_packages(after, AT_ONCE).await?;
        let Some((last, _)) = packages.last() else { return Ok(gone) };
        after = *last;
        for (package, settings) in packages {
            let doomed = inner.store.read().await?.superfluous_builds(package, settings.max_builds).await?;
            if doomed.is_empty() {
                continue;
            }
            let mut session = inner.store.write().await?;
            for build in doomed {
                session.delete_build(build.id).await?;
                gone += 1;
            }
            session.commit().await?;
        }
    }
}
