//! One (repository, arch): gathers what its tasks need, asks the planner.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use expand::PackageId;
use model::{BlockMode, Repository, RepositoryId, TargetAdditions, TaskId, TaskState, TriggerPolicy, Verdict};
use pkg::{Arch, PackageFormat, Sha256, Sha256Hasher};
use recipe::Recipe;
use sched::{BlockPolicy, OpenTask, Plan, RebuildPolicy, Snapshot, WantedTask};
use store::{BatchId, OpenTaskRow, PendingTask, PendingWork, SourceTree};

use super::config::{ConfigTexts, MergedConfig};
use super::origin::{PathOrigins, WorldOrigins};
use super::path::{self, Layer};
use super::world::{Base, World, WorldInputs};
use super::{config, kept, world};
use crate::background::Reconciler;
use crate::formats::{RecipeReader, read_recipe};
use crate::inner::{Inner, blocking};
use crate::{ProjectKey, ServiceError, mirror};

/// A (repository, arch).
pub(super) type GroupKey = (RepositoryId, Arch);

/// What is planned for a group.
pub(super) enum GroupPlan {
    /// Nothing has changed since the last plan.
    Same,
    /// Every task waits for the same reason.
    Wait(Verdict),
    /// No task can be built, for the same reason, which lies with the project.
    Never(Verdict),
    /// One entry a task.
    Each(Box<Planned>),
}

/// A plan with what it was made from.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) world: Arc<World>,
    pub(super) config: MergedConfig,
    pub(super) trigger: TriggerPolicy,
    /// Names everything it was made from.
    pub(super) signature: Sha256,
    /// Source trees in the order of the plan's tasks; none for one that makes a source.
    pub(super) trees: Vec<Option<SourceTree>>,
}

/// Plans the tasks of a group.
pub(super) async fn plan(inner: &Inner, key: &GroupKey, tasks: &[PendingTask]) -> Result<GroupPlan, ServiceError> {
    let gathered = match gather(inner, key, tasks).await? {
        Ok(gathered) => gathered,
        Err(plan) => return Ok(plan),
    };
    let signature = gathered.signature(tasks);
    if tasks.iter().all(waits) && inner.planning.is_known(key, &signature) {
        return Ok(GroupPlan::Same);
    }
    let world = world(inner, key, gathered.inputs.clone()).await?;
    let (blobs, arch, tasks) = (inner.blobs.clone(), key.1.clone(), tasks.to_vec());
    let planned = blocking(move || {
        let config = gathered.merged;
        let reader = RecipeReader::new(&arch, &config.evaluated.config, &gathered.additions);
        let substitute = &config.evaluated.config.substitute;
        let has = |name: &str| substitute.contains_key(name) || !world.pool.providers(name).is_empty();
        let wanted: Vec<WantedTask> = tasks
            .iter()
            .zip(&gathered.trees)
            .map(|(task, tree)| WantedTask {
                task: task.task,
                package: task.subject(),
                ordered: task.ordered.map(BatchId::get),
                recipe: recipe_of(&blobs, task, tree.as_ref(), (&reader, &has)).map(|mut recipe| {
                    recipe.add_requires(&task.requirements);
                    recipe
                }),
            })
            .collect();
        // Many tasks share most of their packages.
        let seen: RefCell<HashMap<PackageId, bool>> = RefCell::default();
        let is_local = |package: PackageId| {
            let look = || world.sha256(package).is_some_and(|sha256| blobs.touch(&sha256).unwrap_or(false));
            *seen.borrow_mut().entry(package).or_insert_with(look)
        };
        let open: Vec<OpenTask> =
            gathered.open.iter().map(|(open, tree)| open_task(&blobs, open, tree.as_ref(), &reader)).collect();
        let origins = WorldOrigins::new(&world, &gathered.origins, &blobs);
        let follows = gathered.trigger == TriggerPolicy::OnChange && gathered.policy.block != BlockMode::Never;
        let plan = sched::plan(&Snapshot {
            arch: &arch,
            config: &config.evaluated.config,
            config_error: config.evaluated.parse_error.as_deref(),
            pool: &world.pool,
            is_local: &is_local,
            additions: &gathered.additions,
            block: if follows { BlockPolicy::Older } else { BlockPolicy::Never },
            tasks: &wanted,
            open: &open,
            origins: Some(&origins),
        });
        drop(origins);
        drop(reader);
        Planned { plan, world, config, trigger: gathered.trigger, signature, trees: gathered.trees }
    })
    .await?;
    Ok(GroupPlan::Each(Box::new(planned)))
}

/// Whether others may have to wait for a task that is not planned now: it runs, can be claimed, or its packages are fetched.
fn comes_first(open: &OpenTaskRow) -> bool {
    let is_delayed = matches!(open.verdict, Some(Verdict::Waiting { .. } | Verdict::Unresolvable { .. }));
    open.ready || open.state != TaskState::Pending || !(open.held || is_delayed)
}

fn open_task(
    blobs: &store::Blobs,
    open: &OpenTaskRow,
    tree: Option<&SourceTree>,
    reader: &RecipeReader<'_>,
) -> OpenTask {
    let package = open.package.to_string();
    let recipe = tree.and_then(|tree| read_recipe(blobs, tree, &package, reader).ok());
    let makes = recipe.map(|recipe| recipe.subpackages).unwrap_or_default();
    OpenTask { task: open.task, package, ordered: open.ordered.map(BatchId::get), makes }
}

/// What a task's root is planned for: its recipe, or what stands for one that asks for a script's packages. The function
/// says whether anything provides a name.
fn recipe_of(
    blobs: &store::Blobs,
    task: &PendingTask,
    tree: Option<&SourceTree>,
    (reader, has): (&RecipeReader<'_>, &dyn Fn(&str) -> bool),
) -> Result<Recipe, String> {
    match (&task.work, tree) {
        (PendingWork::Recipe { package, .. }, Some(tree)) => read_recipe(blobs, tree, package.as_str(), reader),
        (PendingWork::Recipe { package, .. }, None) => Err(format!("{package} has no source")),
        (PendingWork::Source(job), _) => reader.stand_in(&job.packages_where(has)),
    }
}

/// Whether a task's verdict stays until something changes. One that could run, but is not ready, lost its plan.
fn waits(task: &PendingTask) -> bool {
    !matches!(task.verdict, None | Some(Verdict::Scheduled | Verdict::Fetching))
}

/// Everything a plan depends on, without the packages themselves.
struct Gathered {
    inputs: WorldInputs,
    merged: MergedConfig,
    additions: TargetAdditions,
    trigger: TriggerPolicy,
    policy: RebuildPolicy,
    origins: PathOrigins,
    /// Tasks of the group that need no plan any more and have not ended.
    open: Vec<(OpenTaskRow, Option<SourceTree>)>,
    trees: Vec<Option<SourceTree>>,
}

impl Gathered {
    /// Equal for equal plans, but for packages that were fetched or pruned in between.
    fn signature(&self, tasks: &[PendingTask]) -> Sha256 {
        let mut hasher = Sha256Hasher::new();
        hasher.update(self.inputs.digest().as_bytes());
        hasher.update(self.merged.sha256.as_bytes());
        hasher.update(format!("{:?} {:?} {:?}", self.additions, self.trigger, self.policy).as_bytes());
        for (open, _) in &self.open {
            hasher.update(format!("\nopen {}", open.task).as_bytes());
        }
        for task in tasks {
            let subject = match &task.work {
                PendingWork::Recipe { source_tree, .. } => source_tree.to_string(),
                PendingWork::Source(_) => task.subject(),
            };
            hasher.update(format!("\n{} {subject} {:?}", task.task, task.requirements).as_bytes());
        }
        hasher.finish()
    }
}

/// What a group's roots are made of, before its configuration is merged.
pub(super) struct Surroundings {
    pub(super) layers: Vec<Layer>,
    pub(super) texts: ConfigTexts,
    /// With the format of Debian's packages, until the configuration says another one.
    pub(super) inputs: WorldInputs,
    pub(super) additions: TargetAdditions,
    pub(super) trigger: TriggerPolicy,
    pub(super) policy: RebuildPolicy,
}

/// Reads what a plan needs; or why all tasks of the group have to wait.
async fn gather(
    inner: &Inner,
    key: &GroupKey,
    tasks: &[PendingTask],
) -> Result<Result<Gathered, GroupPlan>, ServiceError> {
    let mut session = inner.store.read().await?;
    let around = match surroundings(inner, &mut session, key).await? {
        Ok(around) => around,
        Err(plan) => return Ok(Err(plan)),
    };
    let mut trees = Vec::new();
    for task in tasks {
        let missing = || ServiceError::ProjectMissing { project: ProjectKey::Id(task.project_id) };
        trees.push(match &task.work {
            PendingWork::Recipe { source_tree, .. } => {
                Some(session.source_tree(source_tree).await?.ok_or_else(missing)?)
            }
            PendingWork::Source(_) => None,
        });
    }
    let Surroundings { layers, texts, inputs, additions, trigger, policy } = around;
    let origins = PathOrigins::read(&mut session, &layers, &key.1).await?;
    let open = session.open_tasks_in(key.0, &key.1).await?;
    let mut running = Vec::new();
    let is_planned = |open: &OpenTaskRow| tasks.iter().any(|task| task.task == open.task);
    for task in open.into_iter().filter(|open| !is_planned(open) && comes_first(open)) {
        // What it makes decides who of its batch waits.
        let tree = if task.ordered.is_some() { session.source_tree(&task.tree).await? } else { None };
        running.push((task, tree));
    }
    drop(session);
    let arch = key.1.clone();
    let merged = blocking(move || texts.merge(&arch)).await?;
    let inputs = inputs.for_config(&merged);
    Ok(Ok(Gathered { inputs, merged, additions, trigger, policy, origins, open: running, trees }))
}

/// Reads what the roots of a group are made of; or why none can be made.
pub(super) async fn surroundings(
    inner: &Inner,
    session: &mut store::Session,
    (repository, arch): &GroupKey,
) -> Result<Result<Surroundings, GroupPlan>, ServiceError> {
    let never = |detail: String| Ok(Err(GroupPlan::Never(Verdict::Broken { detail })));
    let Some(found) = session.repository_by_id(*repository).await? else {
        return never(format!("repository {repository} is gone"));
    };
    let additions = additions(&found, arch);
    let policy = RebuildPolicy { mode: found.rebuild, block: found.block };
    let (layers, missing) = path::expand(session, found).await?;
    if let Some(element) = missing.first() {
        return never(format!("the path names {element}, which does not exist"));
    }
    if let Some(element) = layers.iter().find(|layer| lacks_arch(layer, arch)).map(Layer::element) {
        return never(format!("{element}, which the path names, has no {arch}"));
    }
    let texts: ConfigTexts = config::texts(session, &layers).await?;
    let inputs = world::inputs(session, &layers, arch, PackageFormat::Deb).await?;
    if let Some(verdict) = unfetched_mirror(inner, session, &layers, &inputs).await? {
        return Ok(Err(GroupPlan::Wait(verdict)));
    }
    let settings = match layers.first().map(|layer| layer.project) {
        Some(id) => session.project(id).await?.map(|project| project.settings),
        None => None,
    };
    let trigger = settings.map(|settings| settings.trigger).unwrap_or_default();
    Ok(Ok(Surroundings { layers, texts, inputs, additions, trigger, policy }))
}

/// Whether a layer could never offer packages for an architecture: it mirrors an archive, but not for that.
fn lacks_arch(layer: &Layer, arch: &Arch) -> bool {
    layer.repository.mirror.is_some() && !layer.repository.arches.iter().any(|known| known.arch == *arch)
}

fn additions(repository: &Repository, arch: &Arch) -> TargetAdditions {
    let found = repository.arches.iter().find(|known| known.arch == *arch);
    found.map(TargetAdditions::from).unwrap_or_default()
}

/// Why a mirror of the path can not be used yet.
async fn unfetched_mirror(
    inner: &Inner,
    session: &mut store::Session,
    layers: &[Layer],
    inputs: &WorldInputs,
) -> Result<Option<Verdict>, ServiceError> {
    for (layer, found) in layers.iter().zip(&inputs.layers) {
        let is_here =
            !found.indices.is_empty() && found.indices.iter().all(|index| inner.blobs.contains(&index.sha256));
        if layer.repository.mirror.is_none() || is_here {
            continue;
        }
        inner.poke(Reconciler::Mirror);
        let check = session.mirror_check(layer.repository.id).await?;
        return Ok(Some(match check.failure {
            Some(failure) => Verdict::Broken { detail: format!("mirror of {}: {failure}", layer.repository.project) },
            None => Verdict::Fetching,
        }));
    }
    Ok(None)
}

/// The world of some inputs, from memory or made now.
pub(super) async fn world(inner: &Inner, key: &GroupKey, inputs: WorldInputs) -> Result<Arc<World>, ServiceError> {
    let digest = inputs.digest();
    let worlds = &inner.planning.worlds;
    if let Some(world) = worlds.get(&digest, Instant::now()) {
        return Ok(world);
    }
    let base = base(inner, &inputs).await?;
    mirror::load_names(inner).await?;
    let (blobs, names, before) = (inner.blobs.clone(), Arc::clone(&inner.mirror.names), worlds.take_newest(key));
    let begun = Instant::now();
    let world = Arc::new(blocking(move || inputs.build(&base, before.as_deref(), &blobs, names)).await?);
    let duration_ms = begun.elapsed().as_millis();
    tracing::debug!(packages = world.pool.len(), duration_ms, "put together the packages of a repository path");
    worlds.put(key, digest, &world, Instant::now());
    Ok(world)
}

/// As [`world`], for inputs that nothing is planned with: the worlds of groups stay as they are.
pub(super) async fn world_aside(inner: &Inner, inputs: WorldInputs) -> Result<Arc<World>, ServiceError> {
    let digest = inputs.digest();
    let worlds = &inner.planning.worlds;
    if let Some(world) = worlds.get(&digest, Instant::now()) {
        return Ok(world);
    }
    let base = base(inner, &inputs).await?;
    mirror::load_names(inner).await?;
    let (blobs, names) = (inner.blobs.clone(), Arc::clone(&inner.mirror.names));
    let world = Arc::new(blocking(move || inputs.build(&base, None, &blobs, names)).await?);
    worlds.put_aside(digest, &world, Instant::now());
    Ok(world)
}

/// What the mirrors of some inputs offer, from memory, from a kept file or read now.
async fn base(inner: &Inner, inputs: &WorldInputs) -> Result<Arc<Base>, ServiceError> {
    let digest = inputs.base_digest();
    if let Some(base) = inner.planning.worlds.base(&digest, Instant::now()) {
        return Ok(base);
    }
    let (blobs, inputs) = (inner.blobs.clone(), inputs.clone());
    let folder = inner.config.data_dir.join("worlds");
    let base = Arc::new(blocking(move || read_base(&folder, &digest, &inputs, &blobs)).await??);
    inner.planning.worlds.put_base(digest, &base, Instant::now());
    Ok(base)
}

/// Reads what mirrors offer from the kept file, or from the indices, which is then kept.
fn read_base(folder: &Path, digest: &Sha256, inputs: &WorldInputs, blobs: &store::Blobs) -> Result<Base, ServiceError> {
    let begun = Instant::now();
    if let Some(base) = kept::read(folder, digest) {
        let duration_ms = begun.elapsed().as_millis();
        tracing::info!(duration_ms, "read the kept packages of the mirrors of a repository path");
        return Ok(base);
    }
    let base = inputs.read_base(blobs)?;
    let duration_ms = begun.elapsed().as_millis();
    tracing::info!(duration_ms, "read the packages of the mirrors of a repository path");
    if let Err(error) = kept::write(folder, digest, &base) {
        tracing::warn!(error = %error, "the packages of mirrors can not be kept for the next start");
    }
    Ok(base)
}

/// The tasks of a plan in the order of the plan, by number.
pub(super) fn task_of(tasks: &[PendingTask], task: TaskId) -> Option<&PendingTask> {
    tasks.iter().find(|pending| pending.task == task)
}
