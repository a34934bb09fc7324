use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use model::{Mirror, ProjectId, Repository, RepositoryId};
use store::{IndexKind, MirrorIndexRow};
use tokio::sync::{Mutex, OnceCell};

use super::digest::DigestNames;
use super::refresh::{self, Known, Refreshed, is_due, pause};
use crate::background::{Pass, Reconciler};
use crate::fetch::{Fetcher, FetcherSettings};
use crate::inner::Inner;
use crate::{MirrorStatus, ProjectKey, ServiceError};

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug, Default)]
pub(crate) struct State {
    fetcher: OnceLock<Fetcher>,
    /// Blobs by other digests than their own.
    pub(crate) names: Arc<DigestNames>,
    pub(super) names_loaded: OnceCell<()>,
    /// Held while archives are asked: one at a time.
    asking: Mutex<()>,
    /// Set by whoever has seen that an index is out of date.
    is_stale: AtomicBool,
}

impl State {
    /// The client that archives are asked with. An administrator named them, so they may be in a private network.
    pub(super) fn fetcher(&self, inner: &Inner) -> Result<Fetcher, ServiceError> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher.clone());
        }
        let made = Fetcher::new(inner.blobs.clone(), FetcherSettings::new(inner.config.retry, true))?;
        Ok(self.fetcher.get_or_init(|| made).clone())
    }
}

/// Lets every archive be asked soon, whenever it was asked last: somebody has seen that an index is out of date.
pub(crate) fn ask_soon(inner: &Inner) {
    inner.mirror.is_stale.store(true, Ordering::Release);
    inner.poke(Reconciler::Mirror);
}

/// One pass: asks every archive that was not asked for a while.
///
/// # Errors
/// If the database fails; an archive that fails is noted and asked again later.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let _one = inner.mirror.asking.lock().await;
    let is_stale = inner.mirror.is_stale.swap(false, Ordering::AcqRel);
    let mut pass = Pass::default();
    let mut soonest = pause(0);
    let repositories = inner.store.read().await?.mirrored_repositories().await?;
    for repository in repositories {
        let check = inner.store.read().await?.mirror_check(repository.id).await?;
        let misses_index = !is_complete(inner, &repository).await?;
        let is_wanted = check.failures == 0 && (misses_index || is_stale);
        if !is_wanted && !is_due(check.asked_at, check.failures, inner.now()) {
            let asked = check.asked_at.map_or(pause(0), |asked| inner.now().since(asked));
            soonest = soonest.min(pause(check.failures).saturating_sub(asked));
            continue;
        }
        match ask(inner, &repository).await {
            Ok(refreshed) => pass.changes += refreshed.fetched,
            Err(error) => {
                tracing::warn!(project.name = %repository.project, "mirror of {}: {error}", repository.project);
                soonest = soonest.min(pause(check.failures + 1));
            }
        }
    }
    pass.again_in = Some(soonest);
    Ok(pass)
}

/// Whether every architecture has its indices, and their bytes are here.
async fn is_complete(inner: &Inner, repository: &Repository) -> Result<bool, ServiceError> {
    let expected = match &repository.mirror {
        Some(Mirror::Debian { suites, components, .. }) => suites.len() * components.len(),
        Some(Mirror::RpmMd { repositories, .. }) => repositories.len(),
        None => return Ok(true),
    };
    let mut session = inner.store.read().await?;
    for arch in &repository.arches {
        let indices = session.mirror_indices(repository.id, Some(&arch.arch)).await?;
        let is_here = indices.iter().all(|index| inner.blobs.contains(&index.sha256));
        let offering = indices.iter().filter(|index| index.kind != IndexKind::Filelists).count();
        if offering != expected || !is_here {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks the archives of a project now, whenever they were asked last.
///
/// # Errors
/// [`ServiceError::ProjectMissing`], [`ServiceError::Unavailable`] with the reason.
pub(crate) async fn refresh_project(inner: &Inner, project: ProjectId) -> Result<MirrorStatus, ServiceError> {
    let _one = inner.mirror.asking.lock().await;
    let mut session = inner.store.read().await?;
    if session.project(project).await?.is_none() {
        return Err(ServiceError::ProjectMissing { project: ProjectKey::Id(project) });
    }
    let repositories = session.repositories(project).await?;
    drop(session);
    let mut status = MirrorStatus { packages: 0, fetched: 0, checked_at: inner.now() };
    for repository in repositories.iter().filter(|repository| repository.mirror.is_some()) {
        let refreshed = ask(inner, repository).await.map_err(|error| ServiceError::Unavailable {
            what: format!("mirror of {}", repository.project),
            detail: error.to_string(),
        })?;
        status.fetched += refreshed.fetched;
        status.packages += super::index::count(inner, refreshed.indices).await?;
    }
    Ok(status)
}

/// Asks an archive and notes what it said, or why it failed.
async fn ask(inner: &Inner, repository: &Repository) -> Result<Refreshed, refresh::RefreshError> {
    let known = known(inner, repository.id).await?;
    let fetcher = inner.mirror.fetcher(inner)?;
    let result = refresh::refresh(inner, &fetcher, repository, &known).await;
    let now = inner.now();
    let mut session = inner.store.write().await.map_err(ServiceError::from)?;
    match &result {
        Ok(refreshed) => {
            let (suites, indices) = (&refreshed.suites, &refreshed.indices);
            session.put_mirror_state(repository.id, suites, indices).await.map_err(ServiceError::from)?;
            session.note_mirror_check(repository.id, None, now).await.map_err(ServiceError::from)?;
        }
        Err(error) => {
            let text = error.to_string();
            session.note_mirror_check(repository.id, Some(&text), now).await.map_err(ServiceError::from)?;
        }
    }
    session.commit().await.map_err(ServiceError::from)?;
    if result.as_ref().is_ok_and(|refreshed| !same(&refreshed.indices, &known.indices)) {
        tracing::info!(project.name = %repository.project, "mirror of {} has changed", repository.project);
        inner.poke(Reconciler::Planning);
    }
    result
}

/// Whether two lists have the same indices, whatever their order.
fn same(left: &[MirrorIndexRow], right: &[MirrorIndexRow]) -> bool {
    left.len() == right.len() && left.iter().all(|index| right.contains(index))
}

async fn known(inner: &Inner, repository: RepositoryId) -> Result<Known, ServiceError> {
    let mut session = inner.store.read().await?;
    let suites = session.mirror_suites(repository).await?;
    Ok(Known { suites, indices: session.mirror_indices(repository, None).await? })
}
