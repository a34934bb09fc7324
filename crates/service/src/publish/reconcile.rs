use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::RepositoryId;
use store::{PublicationChange, PublishableRow, PublishedFile};

use super::archive::{ArchiveInput, Memory};
use super::key;
use super::results::current_results;
use crate::background::{Pass, Reconciler};
use crate::formats::Layout;
use crate::inner::{Inner, blocking};
use crate::{ServiceError, planning};

/// How long what disappeared from a publication can still be read.
pub(super) const GRACE: Duration = Duration::from_secs(3600);
/// How long the memory of a publication is kept: an idle service is to be small.
const IDLE: Duration = Duration::from_secs(120);

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// One pass at a time.
    pass: tokio::sync::Mutex<()>,
    /// The state each repository was last seen in.
    seen: Mutex<HashMap<RepositoryId, Seen>>,
    memories: Mutex<HashMap<RepositoryId, (Memory, Instant)>>,
}

/// What decides whether a repository has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    mark: i64,
    publish: bool,
}

impl State {
    fn take_memory(&self, repository: RepositoryId) -> Memory {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.remove(&repository).map(|(memory, _)| memory).unwrap_or_default()
    }

    fn keep_memory(&self, repository: RepositoryId, memory: Memory) {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.insert(repository, (memory, Instant::now()));
    }

    /// Lets go of what nobody used for a while; says whether anything is left.
    fn evict(&self) -> bool {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.retain(|_, (_, used)| used.elapsed() < IDLE);
        !memories.is_empty()
    }
}

/// One pass: publishes every repository whose results have changed, and forgets what disappeared long ago.
///
/// # Errors
/// The last one met, if the database, the blob folder or the signer fails; other repositories are published all the same.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let _one = inner.publish.pass.lock().await;
    let mut pass = Pass::default();
    let rows = inner.store.read().await?.publishable_repositories().await?;
    let mut failure = None;
    for row in rows {
        match look_at(inner, &row).await {
            Ok(changed) => pass.changes += u64::from(changed),
            Err(error) => failure = Some(error),
        }
    }
    let now = inner.now();
    let mut session = inner.store.write().await?;
    let before = model::Timestamp::from_millis(now.as_millis() - i64::try_from(GRACE.as_millis()).unwrap_or(0));
    session.forget_unpublished(before).await?;
    session.unpublish_deleted_projects().await?;
    session.commit().await?;
    if pass.changes > 0 {
        inner.changed();
        inner.poke(Reconciler::Planning);
    }
    pass.again_in = inner.publish.evict().then_some(IDLE);
    failure.map_or(Ok(pass), Err)
}

/// Where publications keep what the next one can start from, one file a repository.
pub(crate) fn outlines_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("outlines")
}

/// Publishes a repository if what it should publish differs from what it does.
async fn look_at(inner: &Inner, row: &PublishableRow) -> Result<bool, ServiceError> {
    let mut session = inner.store.read().await?;
    let Some(project) = session.project(row.project).await? else { return Ok(false) };
    let seen = Seen { mark: row.mark, publish: project.settings.publish };
    let is_known = |map: &HashMap<RepositoryId, Seen>| map.get(&row.repository) == Some(&seen);
    if is_known(&inner.publish.seen.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(false);
    }
    let found = session.repository_by_id(row.repository).await?;
    let Some(repository) = found.filter(|repository| seen.publish && repository.mirror.is_none()) else {
        inner.publish.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(row.repository, seen);
        return Ok(false);
    };
    let results = current_results(&mut session, row.repository).await?;
    drop(session);
    let key = key::key_of(inner, row.project).await?;
    let input = ArchiveInput {
        project: repository.project.to_string(),
        repository: repository.name.to_string(),
        arches: repository.arches.iter().map(|arch| arch.arch.clone()).collect(),
        layouts: planning::repository_config(inner, repository).await?.map_or_else(Vec::new, |c| Layout::of_config(&c)),
        results,
        public_key: key.public.clone(),
        kept: outlines_folder(&inner.config.data_dir).join(row.repository.to_string()),
    };
    let digest = input.digest();
    let known = inner.store.read().await?.publication_input(row.repository).await?;
    let changed = known != Some(digest);
    if changed {
        publish(inner, row.repository, input, key).await?;
    }
    inner.publish.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(row.repository, seen);
    Ok(changed)
}

/// Makes the archive and switches to it.
async fn publish(
    inner: &Inner,
    repository: RepositoryId,
    input: ArchiveInput,
    key: store::SigningKey,
) -> Result<(), ServiceError> {
    let (blobs, now, begun) = (inner.blobs.clone(), inner.now(), Instant::now());
    let mut memory = inner.publish.take_memory(repository);
    let (digest, packages) = (input.digest(), input.results.len());
    let name = format!("{}/{}", input.project, input.repository);
    let published = inner.store.read().await?.published_files(repository).await?;
    let (files, memory) = blocking(move || {
        let signer = key::signer(&key)?;
        let files = input.write(&blobs, &mut memory, &signer, (now, published))?;
        Ok::<_, ServiceError>((files, memory))
    })
    .await??;
    inner.publish.keep_memory(repository, memory);
    let mut session = inner.store.write().await?;
    let before = session.published_files(repository).await?;
    let change = difference(&before, files);
    session.publish(repository, &digest, &change, now).await?;
    session.commit().await?;
    let duration_ms = begun.elapsed().as_millis();
    tracing::info!(repository.name = name, packages, put = change.put.len(), duration_ms, "published {name}");
    Ok(())
}

/// What has to change so that exactly `wanted` is published.
fn difference(before: &[PublishedFile], mut wanted: BTreeMap<String, PublishedFile>) -> PublicationChange {
    let mut removed = Vec::new();
    for file in before {
        match wanted.get(&file.path) {
            Some(same) if same.sha256 == file.sha256 => {
                wanted.remove(&file.path);
            }
            Some(_) => {}
            None => removed.push(file.path.clone()),
        }
    }
    PublicationChange { put: wanted.into_values().collect(), removed }
}
