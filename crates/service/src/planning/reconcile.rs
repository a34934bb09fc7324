use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use expand::PackageId;
use model::{FailureCause, TaskId, Timestamp, TriggerPolicy, Verdict};
use pkg::Sha256;
use store::{PendingTask, PendingWork};

use super::group::{self, GroupKey, GroupPlan, Planned, task_of};
use super::outcome::{self, Ready};
use super::world::{IDLE, Worlds};
use crate::ServiceError;
use crate::background::{Pass, Reconciler};
use crate::crew::Crew;
use crate::fetch::{FetchError, chain};
use crate::inner::Inner;
use crate::mirror::{self, Download, DownloadError};

/// Tasks whose packages are fetched at once.
const AT_ONCE: usize = 2;
/// How often a pass that fetches looks for new tasks.
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(super) worlds: Worlds,
    /// One pass at a time.
    pass: tokio::sync::Mutex<()>,
    /// What each group's last plan was made from.
    known: Mutex<HashMap<GroupKey, Sha256>>,
    /// Tasks whose packages could not be fetched: how often, and when to try again.
    troubled: Mutex<HashMap<TaskId, (u32, Timestamp)>>,
}

impl State {
    pub(super) fn is_known(&self, key: &GroupKey, signature: &Sha256) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key) == Some(signature)
    }

    fn know(&self, key: &GroupKey, signature: Sha256) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), signature);
    }

    fn forget(&self, key: &GroupKey) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn trouble(&self, task: TaskId) -> Option<(u32, Timestamp)> {
        self.troubled.lock().unwrap_or_else(PoisonError::into_inner).get(&task).copied()
    }

    fn set_trouble(&self, task: TaskId, trouble: Option<(u32, Timestamp)>) {
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => troubled.insert(task, trouble),
            None => troubled.remove(&task),
        };
    }

    fn soonest_retry(&self) -> Option<Timestamp> {
        self.troubled.lock().unwrap_or_else(PoisonError::into_inner).values().map(|(_, at)| *at).min()
    }

    /// Forgets tasks and groups that are no longer pending.
    fn keep_only(&self, tasks: &[PendingTask]) {
        let ids: BTreeSet<TaskId> = tasks.iter().map(|task| task.task).collect();
        self.troubled.lock().unwrap_or_else(PoisonError::into_inner).retain(|task, _| ids.contains(task));
        let groups: BTreeSet<(i64, &str)> = tasks.iter().map(|t| (t.repository_id.get(), t.arch.as_str())).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(repository, arch), _| groups.contains(&(repository.get(), arch.as_str())));
    }
}

/// Packages to fetch for a task, and the task to schedule then.
struct Fetching {
    key: GroupKey,
    task: PendingTask,
    files: Vec<Download>,
    /// Nothing, if it must be planned again then.
    ready: Option<Ready>,
}

/// One pass: every pending task that is not ready gets its verdict; packages are fetched, and what is complete becomes
/// claimable.
///
/// # Errors
/// If the database or the blob folder fails; the next pass begins again.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let _one = inner.planning.pass.lock().await;
    let mut crew = Crew::new();
    let mut waiting: Vec<Fetching> = Vec::new();
    let mut claimed = BTreeSet::new();
    let mut pass = Pass::default();
    loop {
        let (changes, found) = crew.beside(plan_everything(inner, &claimed)).await?;
        pass.changes += changes;
        claimed.extend(found.iter().map(|fetching| fetching.task.task));
        waiting.extend(found);
        while crew.working() < AT_ONCE && !waiting.is_empty() {
            crew.push(fetch_one(inner, waiting.remove(0)));
        }
        if crew.is_empty() {
            break;
        }
        if let Some((task, result)) = crew.next_within(LOOK_AROUND).await {
            claimed.remove(&task);
            pass.changes += u64::from(result?);
        }
    }
    let keeps_worlds = inner.planning.worlds.evict(Instant::now());
    let retry = inner.planning.soonest_retry().map(|at| at.since(inner.now()));
    pass.again_in = retry.into_iter().chain(keeps_worlds.then_some(IDLE)).min();
    Ok(pass)
}

/// Plans every group that has something to plan; gives the changes made and what has to be fetched.
async fn plan_everything(inner: &Inner, claimed: &BTreeSet<TaskId>) -> Result<(u64, Vec<Fetching>), ServiceError> {
    let mut tasks = inner.store.read().await?.pending_tasks().await?;
    inner.planning.keep_only(&tasks);
    let now = inner.now();
    tasks.retain(|task| {
        let is_pausing = inner.planning.trouble(task.task).is_some_and(|(_, at)| at > now);
        !claimed.contains(&task.task) && !is_pausing
    });
    let mut groups: BTreeMap<(i64, String), Vec<PendingTask>> = BTreeMap::new();
    for task in tasks {
        groups.entry((task.repository_id.get(), task.arch.to_string())).or_default().push(task);
    }
    let (mut changes, mut fetching) = (0, Vec::new());
    for tasks in groups.into_values() {
        let Some(key) = tasks.first().map(|task| (task.repository_id, task.arch.clone())) else { continue };
        // One group that can not be planned must not keep the others waiting.
        let planned = group::plan(inner, &key, &tasks).await.unwrap_or_else(|error| {
            tracing::error!(repository.id = %key.0, arch = %key.1, "planning failed: {}", chain(&error));
            GroupPlan::Wait(Verdict::Broken { detail: format!("planning failed: {error}") })
        });
        match planned {
            GroupPlan::Same => {}
            GroupPlan::Wait(verdict) => {
                for task in &tasks {
                    changes += u64::from(outcome::wait(inner, task, &verdict).await?);
                }
            }
            GroupPlan::Never(verdict) => {
                for task in &tasks {
                    changes += u64::from(outcome::note(inner, task, &verdict, TriggerPolicy::OnRequest).await?);
                }
            }
            GroupPlan::Each(planned) => {
                let (done, found) = carry_out(inner, &key, &tasks, &planned).await?;
                // Not before everything is written down, or a pass that fails half-way would leave tasks behind.
                if found.is_empty() {
                    inner.planning.know(&key, planned.signature);
                }
                changes += done;
                fetching.extend(found);
            }
        }
    }
    Ok((changes, fetching))
}

async fn carry_out(
    inner: &Inner,
    key: &GroupKey,
    tasks: &[PendingTask],
    planned: &Planned,
) -> Result<(u64, Vec<Fetching>), ServiceError> {
    let (mut changes, mut fetching) = (0, Vec::new());
    for (entry, tree) in planned.plan.tasks.iter().zip(&planned.trees) {
        let Some(task) = task_of(tasks, entry.task) else { continue };
        // A source is made when somebody asks for it; nothing asks again when packages change.
        let makes_source = matches!(task.work, PendingWork::Source(_));
        let trigger = if makes_source { TriggerPolicy::OnRequest } else { planned.trigger };
        let is_runnable = matches!(entry.verdict, Verdict::Scheduled | Verdict::Fetching);
        let Some(root) = entry.root.as_ref().filter(|_| is_runnable) else {
            changes += u64::from(outcome::note(inner, task, &entry.verdict, trigger).await?);
            continue;
        };
        // What only an archive's own digest names is a blob with a name once it has been fetched; then it is planned again.
        let is_unnamed = |package: &PackageId| planned.world.sha256(*package).is_none();
        if root.missing.iter().any(is_unnamed) {
            if inner.planning.trouble(task.task).is_none() {
                changes += u64::from(outcome::wait(inner, task, &Verdict::Fetching).await?);
            }
            let files = root.missing.iter().filter_map(|package| planned.world.download(*package)).collect();
            fetching.push(Fetching { key: key.clone(), task: task.clone(), files, ready: None });
            continue;
        }
        let parts = (&*planned.world, tree.as_ref(), &planned.config);
        let ready = match outcome::prepare(inner, task, entry, root, parts) {
            Ok(ready) => ready,
            Err(detail) => {
                let verdict = Verdict::Broken { detail };
                changes += u64::from(outcome::note(inner, task, &verdict, trigger).await?);
                continue;
            }
        };
        if root.missing.is_empty() {
            inner.planning.set_trouble(task.task, None);
            changes += u64::from(outcome::schedule(inner, ready).await?);
            continue;
        }
        if inner.planning.trouble(task.task).is_none() {
            changes += u64::from(outcome::wait(inner, task, &Verdict::Fetching).await?);
        }
        let files = root.missing.iter().filter_map(|package| planned.world.download(*package)).collect();
        fetching.push(Fetching { key: key.clone(), task: task.clone(), files, ready: Some(ready) });
    }
    Ok((changes, fetching))
}

/// Fetches the packages of a task and schedules it, or notes why that can not be done now.
async fn fetch_one(inner: &Inner, fetching: Fetching) -> (TaskId, Result<bool, ServiceError>) {
    let Fetching { key, task, files, ready } = fetching;
    let (count, begun) = (files.len(), Instant::now());
    let result = match mirror::download(inner, files).await {
        Ok(()) => {
            let duration_ms = begun.elapsed().as_millis();
            tracing::info!(task.id = %task.task, packages = count, duration_ms, "fetched packages for task {}", task.task);
            inner.planning.set_trouble(task.task, None);
            match ready {
                Some(ready) => outcome::schedule(inner, ready).await,
                None => {
                    inner.planning.forget(&key);
                    inner.poke(Reconciler::Planning);
                    Ok(true)
                }
            }
        }
        Err(DownloadError::Service(error)) => Err(error),
        Err(DownloadError::Fetch(FetchError::Keep(error))) => Err(error.into()),
        Err(DownloadError::Fetch(error)) => note_trouble(inner, &key, &task, error.parts()).await,
        Err(DownloadError::Mismatch { url, detail }) => note_trouble(inner, &key, &task, (url, detail)).await,
    };
    (task.task, result)
}

/// A package could not be had: the task says so and is tried again, a few times; then it ends, by the service's fault.
async fn note_trouble(
    inner: &Inner,
    key: &GroupKey,
    task: &PendingTask,
    (url, detail): (String, String),
) -> Result<bool, ServiceError> {
    inner.planning.forget(key);
    // The archive may have moved on since its index was read.
    mirror::ask_soon(inner);
    let rounds = inner.planning.trouble(task.task).map_or(0, |(rounds, _)| rounds) + 1;
    match inner.config.retry.delay_after(rounds) {
        Some(delay) => {
            inner.planning.set_trouble(task.task, Some((rounds, inner.now().plus(delay))));
            let detail = format!("{url}: {detail}; tried again soon");
            // Not the end of a build on request: the reason is not its package's.
            outcome::note(inner, task, &Verdict::Broken { detail }, TriggerPolicy::OnChange).await
        }
        None => {
            inner.planning.set_trouble(task.task, None);
            outcome::fail(inner, task.task, &FailureCause::SourceUnreachable { url, detail }).await?;
            Ok(true)
        }
    }
}
