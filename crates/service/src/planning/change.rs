//! Builds again what is built with something that has changed. [`sched::fates`] decides; this gathers what it asks for and
//! carries out what it says.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use expand::meta::MetaLine;
use model::{BuildId, BuildReason, FailureCause, FlagKind, PackageName, Project, ProjectId, Repository, RepositoryId};
use model::{TaskId, TaskState};
use pkg::{Arch, Md5, Sha256, Sha256Hasher};
use recipe::Recipe;
use sched::{Fate, KnownPackage, LastBuild, Snapshot};
use serde::{Deserialize, Serialize};
use store::{Blobs, Rebuild, Session, SettledTask, SourceTree, TargetName};

use super::config::MergedConfig;
use super::group::{self, GroupKey, GroupPlan, Surroundings};
use super::origin::{self, PathOrigins, WorldOrigins};
use super::path;
use crate::background::{Pass, Reconciler};
use crate::builds::BACKGROUND;
use crate::fetch::chain;
use crate::formats::{RecipeReader, read_recipe};
use crate::inner::{Inner, blocking};
use crate::permission::check_project;
use crate::projects::existing;
use crate::{Action, Service, ServiceError, User};

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// One pass at a time.
    pass: tokio::sync::Mutex<()>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The world's mark when everything was looked at last.
    world: Option<u64>,
    /// What each group was found from when it was looked at last.
    groups: HashMap<GroupKey, Sha256>,
    /// [`KnownPackage::seen`] of each task that was found up to date.
    seen: HashMap<TaskId, Md5>,
}

impl State {
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A package in one target that is not up to date, or can not be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutdatedPackage {
    /// Package.
    pub package: PackageName,
    /// Target (`debian-12-x86_64`).
    pub target: String,
    /// What is to be done with it.
    pub fate: Fate,
}

/// What became of the wish to build again what is out of date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refreshed {
    /// The new builds, oldest first.
    pub builds: Vec<BuildId>,
    /// Every package that is not up to date, by target and name: those that wait have to be asked for again, unless the
    /// project follows changes.
    pub packages: Vec<OutdatedPackage>,
    /// Targets that could not be looked at, each with the reason.
    pub not_looked_at: Vec<String>,
}

impl Service {
    /// Builds the packages of a project again that are built with something that has changed since, whether or not the
    /// project follows changes by itself.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn rebuild_outdated(&self, actor: &User, id: ProjectId) -> Result<Refreshed, ServiceError> {
        let inner = &*self.inner;
        let mut session = inner.store.read().await?;
        let project = existing(&mut session, id).await?;
        check_project(&mut session, actor, Action::SubmitBuild, &project, &project.name).await?;
        drop(session);
        let _one = inner.following.pass.lock().await;
        let looked = look_at_project(inner, &project, Looked::default(), true).await?;
        let builds = build_again(inner, &looked.outdated).await?;
        Ok(Refreshed { builds, packages: looked.packages, not_looked_at: looked.waiting })
    }

    /// What is to be done with a package in one target if its source does not change; nothing before it was built there.
    pub(super) async fn fate(
        &self,
        project: &Project,
        (package, target): (&PackageName, &TargetName),
    ) -> Result<Option<Fate>, ServiceError> {
        let inner = &*self.inner;
        let repositories = inner.store.read().await?.repositories(project.id).await?;
        let Some((repository, arch)) = crate::projects::find_arch(&repositories, target) else { return Ok(None) };
        let group = (repository, &arch.arch);
        let Ok((settled, fates)) = fates_of(inner, project.id, group).await? else { return Ok(None) };
        let found = settled.into_iter().zip(fates).find(|(settled, _)| settled.package == *package);
        Ok(found.map(|(_, fate)| fate))
    }
}

/// One pass: every project that follows changes is looked at if something has changed that could concern it.
///
/// # Errors
/// If the database or the blob folder fails; the next pass begins again.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let _one = inner.following.pass.lock().await;
    let mut session = inner.store.read().await?;
    let world = session.world_mark().await?;
    if inner.following.memory().world == Some(world) {
        return Ok(Pass::default());
    }
    let mut projects = Vec::new();
    for id in session.projects_on_change().await? {
        projects.extend(session.project(id).await?);
    }
    drop(session);
    let (mut pass, mut is_complete) = (Pass::default(), true);
    for project in &projects {
        // One project that can not be looked at must not keep the others waiting.
        match look_at_project(inner, project, Looked::default(), false).await {
            Ok(looked) => {
                is_complete &= looked.waiting.is_empty();
                pass.changes += looked.adopted + build_again(inner, &looked.outdated).await?.len() as u64;
                let mut memory = inner.following.memory();
                memory.groups.extend(looked.marks);
            }
            Err(error) => {
                is_complete = false;
                tracing::error!(project.name = %project.name, "looking for changes failed: {}", chain(&error));
            }
        }
    }
    let mut memory = inner.following.memory();
    // What was built again since changes the world once more: the next pass looks at that.
    memory.world = is_complete.then_some(world);
    let followed: Vec<RepositoryId> = memory.groups.keys().map(|(repository, _)| *repository).collect();
    if projects.is_empty() && !followed.is_empty() {
        memory.groups.clear();
        memory.seen.clear();
    }
    Ok(pass)
}

/// What looking at a project found.
#[derive(Default)]
struct Looked {
    outdated: Vec<Outdated>,
    packages: Vec<OutdatedPackage>,
    /// Targets that could not be looked at.
    waiting: Vec<String>,
    /// The marks of the groups that were looked at.
    marks: Vec<(GroupKey, Sha256)>,
    adopted: u64,
}

/// A task that is to be made again.
struct Outdated {
    settled: SettledTask,
    repository: RepositoryId,
    arch: Arch,
    what: Vec<String>,
}

/// Looks at every target of a project; `anyway` those too that have not changed since the last look.
async fn look_at_project(
    inner: &Inner,
    project: &Project,
    mut looked: Looked,
    anyway: bool,
) -> Result<Looked, ServiceError> {
    let repositories = inner.store.read().await?.repositories(project.id).await?;
    for repository in repositories.iter().filter(|repository| repository.mirror.is_none()) {
        for arch in repository.arches.iter().filter(|arch| arch.enabled) {
            let key = (repository.id, arch.arch.clone());
            let mark = group_mark(inner, project, repository, &arch.arch).await?;
            if !anyway && inner.following.memory().groups.get(&key) == Some(&mark) {
                continue;
            }
            let target = TargetName { repository: repository.name.clone(), arch: arch.arch.clone() };
            match fates_of(inner, project.id, (repository, &arch.arch)).await? {
                Ok((settled, fates)) => {
                    note(inner, &mut looked, (&target, repository.id), settled.into_iter().zip(fates)).await?;
                    looked.marks.push((key, mark));
                }
                Err(reason) => looked.waiting.push(format!("{target}: {reason}")),
            }
        }
    }
    Ok(looked)
}

/// Equal for equal fates.
async fn group_mark(
    inner: &Inner,
    project: &Project,
    repository: &Repository,
    arch: &Arch,
) -> Result<Sha256, ServiceError> {
    let mut session = inner.store.read().await?;
    let (layers, missing) = path::expand(&mut session, repository.clone()).await?;
    let mut hasher = Sha256Hasher::new();
    hasher.update(format!("{:?} {missing:?}\n", project.settings.trigger).as_bytes());
    for layer in &layers {
        let mark = session.target_mark(layer.repository.id, arch).await?;
        hasher.update(format!("{:?} {mark}\n", layer.repository).as_bytes());
    }
    Ok(hasher.finish())
}

type Found = (Vec<SettledTask>, Vec<Fate>);

/// What is to be done with each package of a (repository, arch); or why that can not be told now.
async fn fates_of(
    inner: &Inner,
    project: ProjectId,
    (repository, arch): (&Repository, &Arch),
) -> Result<Result<Found, String>, ServiceError> {
    let key = (repository.id, arch.clone());
    let mut session = inner.store.read().await?;
    let settled = session.settled_tasks(project, repository.id, arch).await?;
    if settled.is_empty() {
        return Ok(Ok((settled, Vec::new())));
    }
    let around = match group::surroundings(inner, &mut session, &key).await? {
        Ok(around) => around,
        Err(GroupPlan::Wait(verdict) | GroupPlan::Never(verdict)) => return Ok(Err(verdict.to_string())),
        Err(GroupPlan::Same | GroupPlan::Each(_)) => return Ok(Err("nothing is known".to_owned())),
    };
    let Surroundings { layers, texts, inputs, additions, policy, .. } = around;
    let origins = PathOrigins::read(&mut session, &layers, arch).await?;
    let trees = trees(&mut session, &settled).await?;
    drop(session);
    let own = arch.clone();
    let config: MergedConfig = blocking(move || texts.merge(&own)).await?;
    let world = group::world(inner, &key, inputs.for_config(&config)).await?;
    let (blobs, arch, flags) = (inner.blobs.clone(), arch.clone(), (repository.name.clone(), arch.clone()));
    let seen: HashMap<TaskId, Md5> = inner.following.memory().seen.clone();
    let (settled, fates) = blocking(move || {
        let reader = RecipeReader::new(&arch, &config.evaluated.config, &additions);
        let known: Vec<KnownPackage> = settled
            .iter()
            .map(|one| KnownPackage {
                package: one.package.to_string(),
                recipe: Arc::new(recipe(&blobs, one, trees.get(&one.tree), &reader)),
                last: last_build(&blobs, one),
                seen: seen.get(&one.task).copied(),
            })
            .collect();
        let origins = WorldOrigins::new(&world, &origins, &blobs);
        let snapshot = Snapshot { origins: Some(&origins), ..config.question(&arch, &world, &additions, &[]) };
        let fates = sched::fates(&snapshot, policy, &known);
        (settled, fates)
    })
    .await?;
    // What is switched off stays as it is.
    let is_on = |one: &SettledTask| one.about.is_on(FlagKind::Build, Some((&flags.0, &flags.1)), true);
    Ok(Ok(settled.into_iter().zip(fates).filter(|(one, _)| is_on(one)).unzip()))
}

async fn trees(session: &mut Session, settled: &[SettledTask]) -> Result<HashMap<Sha256, SourceTree>, ServiceError> {
    let mut trees = HashMap::new();
    for one in settled {
        if !trees.contains_key(&one.tree) {
            trees.extend(session.source_tree(&one.tree).await?.map(|tree| (one.tree, tree)));
        }
    }
    Ok(trees)
}

fn recipe(
    blobs: &Blobs,
    one: &SettledTask,
    tree: Option<&SourceTree>,
    reader: &RecipeReader<'_>,
) -> Result<Recipe, String> {
    let tree = tree.ok_or_else(|| format!("source tree {} is gone", one.tree))?;
    let mut recipe = read_recipe(blobs, tree, one.package.as_str(), reader)?;
    recipe.add_requires(&one.requirements);
    Ok(recipe)
}

fn last_build(blobs: &Blobs, one: &SettledTask) -> LastBuild {
    if !one.state.is_finished() {
        let can_run = one.state != TaskState::Pending || origin::is_promising(one.verdict.as_ref());
        return LastBuild::Open { can_run };
    }
    let never_ran = one.state == TaskState::Skipped
        || matches!(one.failure, Some(FailureCause::Unresolvable { .. } | FailureCause::Configuration { .. }));
    match one.fingerprint.and_then(|lines| origin::read_lines(blobs, &lines)) {
        Some(lines) => LastBuild::Ended(Arc::new(lines)),
        None if never_ran => LastBuild::Impossible,
        None => LastBuild::Unknown,
    }
}

/// Writes down what was found of one group.
async fn note(
    inner: &Inner,
    looked: &mut Looked,
    (target, repository): (&TargetName, RepositoryId),
    found: impl Iterator<Item = (SettledTask, Fate)>,
) -> Result<(), ServiceError> {
    for (settled, fate) in found {
        match &fate {
            Fate::Current { mark, adopted } => {
                if let Some(mark) = mark {
                    inner.following.memory().seen.insert(settled.task, *mark);
                }
                if let Some(lines) = adopted {
                    adopt(inner, settled.task, lines).await?;
                    looked.adopted += 1;
                }
                continue;
            }
            Fate::Outdated { what } => {
                let (arch, what) = (target.arch.clone(), what.clone());
                looked.outdated.push(Outdated { settled: settled.clone(), repository, arch, what });
            }
            Fate::Building | Fate::Waits { .. } | Fate::Impossible { .. } => {}
        }
        looked.packages.push(OutdatedPackage { package: settled.package, target: target.to_string(), fate });
    }
    Ok(())
}

/// From now on a task counts as made from what it would be made from now.
async fn adopt(inner: &Inner, task: TaskId, lines: &[MetaLine]) -> Result<(), ServiceError> {
    let text = origin::write_lines(lines);
    let blob = inner.with_blobs(move |blobs| blobs.put(&text)).await?;
    let mut session = inner.store.write().await?;
    session.put_fingerprint(task, &blob).await?;
    Ok(session.commit().await?)
}

/// Adds one build for each source that is to be built again, for all its targets.
async fn build_again(inner: &Inner, outdated: &[Outdated]) -> Result<Vec<BuildId>, ServiceError> {
    let mut sources: BTreeMap<(&PackageName, Sha256), Vec<&Outdated>> = BTreeMap::new();
    for one in outdated {
        sources.entry((&one.settled.package, one.settled.tree)).or_default().push(one);
    }
    let mut builds = Vec::new();
    for ((package, _), some) in sources {
        let mut what: Vec<String> = some.iter().flat_map(|one| one.what.clone()).collect();
        what.sort_by_key(|path| (path.matches('/').count(), path.clone()));
        what.dedup();
        let Some(of) = some.iter().map(|one| one.settled.build).max() else { continue };
        let targets = some.iter().map(|one| (one.repository, one.arch.clone(), one.settled.task)).collect();
        let words = what.join(", ");
        let rebuild = Rebuild { of, targets, reason: BuildReason::Changed { what }, priority: BACKGROUND };
        let mut session = inner.store.write().await?;
        let added = session.add_rebuild(&rebuild, inner.now()).await?;
        session.commit().await?;
        if let Some(build) = added {
            tracing::info!(build.id = %build, "build {build} of {package} begins, because of changes: {words}");
            builds.push(build);
        }
    }
    if !builds.is_empty() {
        inner.poke(Reconciler::Planning);
        inner.changed();
    }
    Ok(builds)
}
