//! Deletes what nothing refers to any more: source trees and roots, blobs, logs of jobs that are gone.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use model::{JobId, Timestamp};
use store::BlobError;

use crate::ServiceError;
use crate::background::Pass;
use crate::expiry;
use crate::inner::{Inner, blocking};
use crate::publish;

/// Things asked for with one statement.
const AT_ONCE: usize = 300;

/// How old a build has to be for its results to go once a newer one has replaced them.
///
/// Rule: Copr's `auto_prune`.
const SUPERSEDED: Duration = Duration::from_secs(14 * 24 * 3600);

/// Tasks whose results go in one transaction.
const PRUNED_AT_ONCE: u32 = 500;

/// Deleted projects, and packages, whose sources go in one pass.
const PURGED_AT_ONCE: u32 = 100;

/// How long a file that was sent waits for a revision.
const WAITING: Duration = Duration::from_secs(24 * 3600);

/// One pass over the whole blob folder and all logs.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let mut changes = expiry::run_once(inner).await?;
    let mut session = inner.store.write().await?;
    changes += session.delete_orphans().await?;
    let day = i64::try_from(WAITING.as_millis()).unwrap_or(i64::MAX);
    changes += session.forget_waiting_files(Timestamp::from_millis(inner.now().as_millis() - day)).await?;
    changes += session.forget_logins(inner.now()).await?;
    changes += session.purge_deleted(inner.now(), PURGED_AT_ONCE).await?;
    session.commit().await?;
    changes += prune_superseded(inner).await?;
    for shard in 0..=u8::MAX {
        changes += prune_shard(inner, shard).await?;
    }
    changes += prune_logs(inner).await?;
    changes += prune_outlines(inner).await?;
    Ok(Pass { changes, again_in: None })
}

/// Forgets the results of builds that newer ones of the same package have replaced, where the project does not keep them.
async fn prune_superseded(inner: &Inner) -> Result<u64, ServiceError> {
    let age = i64::try_from(SUPERSEDED.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp::from_millis(inner.now().as_millis().saturating_sub(age));
    let mut pruned = 0;
    loop {
        let mut session = inner.store.write().await?;
        let some = session.prune_superseded(before, PRUNED_AT_ONCE).await?;
        session.commit().await?;
        pruned += some;
        if some < u64::from(PRUNED_AT_ONCE) {
            return Ok(pruned);
        }
    }
}

async fn prune_shard(inner: &Inner, shard: u8) -> Result<u64, ServiceError> {
    let grace = inner.config.blob_grace;
    let old = inner.with_blobs(move |blobs| blobs.older_than(shard, grace)).await?;
    let mut removed = 0;
    for some in old.chunks(AT_ONCE) {
        let kept = inner.store.read().await?.referenced(some).await?;
        let doomed: Vec<_> = some.iter().filter(|digest| !kept.contains(digest)).copied().collect();
        removed += doomed.len() as u64;
        inner
            .with_blobs(move |blobs| {
                doomed.iter().try_for_each(|digest| blobs.remove(digest, grace).map(drop))?;
                Ok::<_, BlobError>(())
            })
            .await?;
    }
    Ok(removed)
}

async fn prune_logs(inner: &Inner) -> Result<u64, ServiceError> {
    let (folder, grace) = (inner.config.data_dir.join("logs"), inner.config.blob_grace);
    let old = blocking(move || old_logs(&folder, grace)).await??;
    let mut removed = 0;
    for some in old.chunks(AT_ONCE) {
        let jobs: Vec<_> = some.iter().map(|(job, _)| *job).collect();
        let kept = inner.store.read().await?.existing_jobs(&jobs).await?;
        for (_, path) in some.iter().filter(|(job, _)| !kept.contains(job)) {
            fs::remove_file(path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Deletes what was kept for repositories that are gone.
async fn prune_outlines(inner: &Inner) -> Result<u64, ServiceError> {
    let rows = inner.store.read().await?.publishable_repositories().await?;
    let known: HashSet<String> = rows.iter().map(|row| row.repository.to_string()).collect();
    let (folder, grace) = (publish::outlines_folder(&inner.config.data_dir), inner.config.blob_grace);
    let removed = blocking(move || remove_others(&folder, &known, grace)).await?;
    Ok(removed?)
}

/// Removes the files of a folder, which need not be there, that nobody has written to for `grace`, but for those of some names.
fn remove_others(folder: &Path, names: &HashSet<String>, grace: Duration) -> std::io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age > grace && !entry.file_name().to_str().is_some_and(|name| names.contains(name)) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The logs nobody has written to for `grace`.
fn old_logs(folder: &Path, grace: Duration) -> std::io::Result<Vec<(JobId, PathBuf)>> {
    let mut old = Vec::new();
    for folder in fs::read_dir(folder)? {
        for log in fs::read_dir(folder?.path())? {
            let path = log?.path();
            let job = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            let age = fs::metadata(&path)?.modified()?.elapsed().unwrap_or_default();
            if let Some(job) = job.filter(|_| age > grace) {
                old.push((JobId::new(job), path));
            }
        }
    }
    Ok(old)
}
