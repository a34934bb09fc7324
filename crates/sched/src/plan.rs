use std::cell::RefCell;
use std::collections::HashMap;

use std::rc::Rc;

use expand::meta::{MetaAlgorithm, MetaLine};
use expand::{BuildRequest, ExpandConfig, Expander, PackageId};
use model::{BuildSettings, ExclusionReason, Verdict};
use pkg::problem::DependencyProblem;
use recipe::Recipe;

use crate::block::Waiting;
use crate::change;
use crate::{Plan, PlannedTask, RootPlan, Snapshot, WantedTask, build_settings, expand_config};

/// Gives every task of a snapshot its verdict, and its root if it can have one.
#[must_use]
pub fn plan(snapshot: &Snapshot<'_>) -> Plan {
    let config = expand_config(snapshot.config, &snapshot.additions.packages);
    let planner = Planner::new(snapshot, &config);
    let roots: Vec<Result<RootPlan, Verdict>> = snapshot.tasks.iter().map(|task| planner.root_of(task)).collect();
    let runnable = snapshot.tasks.iter().zip(&roots).filter(|(_, root)| root.is_ok()).map(|(task, _)| task);
    let waiting = Waiting::new(snapshot.block, runnable, snapshot.open);
    Plan { tasks: snapshot.tasks.iter().zip(roots).map(|(task, root)| planner.plan(task, root, &waiting)).collect() }
}

/// What the configuration alone says of every task; `None` if things can be built with it.
fn configuration_verdict(snapshot: &Snapshot<'_>) -> Option<Verdict> {
    let broken = |detail: String| Some(Verdict::Broken { detail });
    if let Some(error) = snapshot.config_error {
        return broken(format!("build configuration: {error}"));
    }
    let config = snapshot.config;
    match config.recipe_type.as_str() {
        "UNDEFINED" => return broken("build configuration: no build type".to_owned()),
        wanted @ ("excluded" | "disabled") => {
            return Some(Verdict::Excluded { reason: ExclusionReason::RecipeKind { wanted: wanted.to_owned() } });
        }
        _ => {}
    }
    match config.package_format() {
        None => broken(format!("build configuration: {} is no package format", config.binarytype)),
        Some(format) if format != snapshot.pool.format() => {
            broken(format!("build configuration: wants {format} packages, but the path has {}", snapshot.pool.format()))
        }
        Some(_) => None,
    }
}

/// Plans tasks of one snapshot.
pub(crate) struct Planner<'a> {
    snapshot: &'a Snapshot<'a>,
    pub(crate) expander: Expander<'a>,
    config: &'a ExpandConfig,
    pub(crate) settings: BuildSettings,
    verdict_for_all: Option<Verdict>,
    /// The roots so far: when everything is built again, many tasks ask for the same.
    roots: RefCell<HashMap<BuildRequest, Result<RootPlan, Verdict>>>,
    /// What triggers, likewise.
    triggers: RefCell<HashMap<BuildRequest, Triggers>>,
}

/// The packages whose change triggers another build, or why they can not be told.
pub(crate) type Triggers = Result<Rc<Vec<PackageId>>, Verdict>;

impl<'a> Planner<'a> {
    /// A planner; `config` is the snapshot's.
    pub(crate) fn new(snapshot: &'a Snapshot<'a>, config: &'a ExpandConfig) -> Self {
        Self {
            snapshot,
            expander: Expander::new(snapshot.pool, config),
            config,
            settings: build_settings(snapshot.config, snapshot.additions),
            verdict_for_all: configuration_verdict(snapshot),
            roots: RefCell::default(),
            triggers: RefCell::default(),
        }
    }

    fn plan(&self, task: &WantedTask, root: Result<RootPlan, Verdict>, waiting: &Waiting<'_>) -> PlannedTask {
        match root {
            Ok(root) => PlannedTask {
                task: task.task,
                verdict: self.verdict_of(task, &root, waiting),
                root: Some(root),
                fingerprint: self.fingerprint_of(task),
            },
            Err(verdict) => PlannedTask { task: task.task, verdict, root: None, fingerprint: None },
        }
    }

    /// What a build of the task would be made from; nothing if that can not be told.
    fn fingerprint_of(&self, task: &WantedTask) -> Option<Vec<MetaLine>> {
        let origins = self.snapshot.origins?;
        let recipe = task.recipe.as_ref().ok()?;
        let triggers = self.triggers_of(recipe).ok()?;
        Some(change::fingerprint(self, origins, &task.package, (recipe, &triggers)))
    }

    /// How the lines of a fingerprint are chosen.
    pub(crate) fn meta_algorithm(&self) -> MetaAlgorithm {
        let flags = self.config.build_flags.iter().rev();
        match flags.filter_map(|word| word.strip_prefix("genmetaalgo:")).next() {
            None | Some("0") => MetaAlgorithm::Drop,
            Some(_) => MetaAlgorithm::DropEqual,
        }
    }

    /// The packages whose change triggers another build of a recipe, by name; or why it can not be built.
    pub(crate) fn triggers_of(&self, recipe: &Recipe) -> Triggers {
        if let Some(verdict) = &self.verdict_for_all {
            return Err(verdict.clone());
        }
        self.check_exclusion(recipe)?;
        let request =
            BuildRequest { dependencies: recipe.trigger_requires().to_vec(), own_binaries: recipe.subpackages.clone() };
        if let Some(known) = self.triggers.borrow().get(&request) {
            return known.clone();
        }
        let found = self.expander.trigger_set(&request).map(Rc::new).map_err(|problems| unresolvable(&problems));
        self.triggers.borrow_mut().insert(request, found.clone());
        found
    }

    /// The snapshot it plans.
    pub(crate) const fn snapshot(&self) -> &'a Snapshot<'a> {
        self.snapshot
    }

    /// What a task asks the expander for; or why it is not asked at all.
    pub(crate) fn request_of(&self, task: &WantedTask) -> Result<BuildRequest, Verdict> {
        self.request_for(task.recipe.as_ref().map_err(String::as_str))
    }

    /// What a recipe asks the expander for; or why it is not asked at all.
    pub(crate) fn request_for(&self, recipe: Result<&Recipe, &str>) -> Result<BuildRequest, Verdict> {
        if let Some(verdict) = &self.verdict_for_all {
            return Err(verdict.clone());
        }
        let recipe = recipe.map_err(|detail| Verdict::Broken { detail: detail.to_owned() })?;
        self.check_exclusion(recipe)?;
        Ok(BuildRequest { dependencies: recipe.build_requires.clone(), own_binaries: recipe.subpackages.clone() })
    }

    fn verdict_of(&self, task: &WantedTask, root: &RootPlan, waiting: &Waiting<'_>) -> Verdict {
        let by = waiting.blockers(task, (self.snapshot.pool, self.snapshot.origins), &root.packages);
        if !by.is_empty() {
            Verdict::Blocked { by }
        } else if !root.missing.is_empty() {
            Verdict::Fetching
        } else {
            Verdict::Scheduled
        }
    }

    pub(crate) fn root_of(&self, task: &WantedTask) -> Result<RootPlan, Verdict> {
        let request = self.request_of(task)?;
        if let Some(known) = self.roots.borrow().get(&request) {
            return known.clone();
        }
        let root = self.expand(&request);
        self.roots.borrow_mut().insert(request, root.clone());
        root
    }

    fn expand(&self, request: &BuildRequest) -> Result<RootPlan, Verdict> {
        let packages = self.expander.build_set(request).map_err(|problems| unresolvable(&problems))?;
        let preinstalls = self.expander.preinstalls().map_err(|problem| unresolvable(&[problem]))?;
        let packages = self.in_install_order(&packages);
        let preinstall = self.preinstall_order(&preinstalls.preinstall, &packages);
        let has = |name: &&String| preinstall.contains(name);
        let run_scripts = match preinstalls.run_scripts.as_slice() {
            [] => preinstall.clone(),
            names => names.iter().filter(has).cloned().collect(),
        };
        let missing = packages.iter().copied().filter(|package| !(self.snapshot.is_local)(*package)).collect();
        Ok(RootPlan { preinstall, run_scripts, packages, missing, settings: self.settings.clone() })
    }

    fn check_exclusion(&self, recipe: &Recipe) -> Result<(), Verdict> {
        let wanted = &self.config.build_type;
        if recipe.kind.as_str() != wanted {
            return Err(Verdict::Excluded { reason: ExclusionReason::RecipeKind { wanted: wanted.clone() } });
        }
        if recipe.builds_on(self.snapshot.arch) {
            return Ok(());
        }
        let reason = ExclusionReason::Architecture { recipe: recipe.spelled_architectures() };
        Err(Verdict::Excluded { reason })
    }

    fn in_install_order(&self, packages: &[PackageId]) -> Vec<PackageId> {
        self.expander.install_order(packages).order
    }

    /// The preinstalled packages that are in the root, in the order they are unpacked.
    fn preinstall_order(&self, names: &[String], root: &[PackageId]) -> Vec<String> {
        let pool = self.snapshot.pool;
        let found: Vec<PackageId> =
            names.iter().filter_map(|name| pool.find(name)).filter(|package| root.contains(package)).collect();
        self.in_install_order(&found).into_iter().map(|package| pool.name(package).to_owned()).collect()
    }
}

/// The verdict over a task whose root has problems.
pub(crate) fn unresolvable(problems: &[DependencyProblem]) -> Verdict {
    Verdict::Unresolvable { problems: problems.iter().map(ToString::to_string).collect() }
}
