use std::cell::RefCell;
use std::collections::HashMap;

use expand::{BuildRequest, ExpandConfig, Expander, PackageId};
use model::{BuildSettings, ExclusionReason, Verdict};
use recipe::Recipe;

use crate::block::Waiting;
use crate::{Plan, PlannedTask, RootPlan, Snapshot, WantedTask, build_settings, expand_config};

/// Gives every task of a snapshot its verdict, and its root if it can have one.
#[must_use]
pub fn plan(snapshot: &Snapshot<'_>) -> Plan {
    let verdict_for_all = configuration_verdict(snapshot);
    let config = expand_config(snapshot.config, snapshot.extra_packages);
    let planner = Planner {
        snapshot,
        expander: Expander::new(snapshot.pool, &config),
        config: &config,
        settings: build_settings(snapshot.config),
        waiting: Waiting::new(snapshot.block, snapshot.tasks),
        roots: RefCell::default(),
    };
    let plan_one = |task: &WantedTask| match &verdict_for_all {
        Some(verdict) => PlannedTask { task: task.task, verdict: verdict.clone(), root: None },
        None => planner.plan(task),
    };
    Plan { tasks: snapshot.tasks.iter().map(plan_one).collect() }
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

/// What a recipe asks for: its dependencies, and the packages it makes.
type Request = (Vec<String>, Vec<String>);

struct Planner<'a> {
    snapshot: &'a Snapshot<'a>,
    expander: Expander<'a>,
    config: &'a ExpandConfig,
    settings: BuildSettings,
    waiting: Waiting<'a>,
    /// The roots so far: when everything is built again, many tasks ask for the same.
    roots: RefCell<HashMap<Request, Result<RootPlan, Verdict>>>,
}

impl Planner<'_> {
    fn plan(&self, task: &WantedTask) -> PlannedTask {
        let (verdict, root) = match self.root_of(task) {
            Ok(root) => (self.verdict_of(task, &root), Some(root)),
            Err(verdict) => (verdict, None),
        };
        PlannedTask { task: task.task, verdict, root }
    }

    fn verdict_of(&self, task: &WantedTask, root: &RootPlan) -> Verdict {
        let by = self.waiting.blockers(task, self.snapshot.pool, &root.packages);
        if !by.is_empty() {
            Verdict::Blocked { by }
        } else if !root.missing.is_empty() {
            Verdict::Fetching
        } else {
            Verdict::Scheduled
        }
    }

    fn root_of(&self, task: &WantedTask) -> Result<RootPlan, Verdict> {
        let recipe = task.recipe.as_ref().map_err(|detail| Verdict::Broken { detail: detail.clone() })?;
        self.check_exclusion(recipe)?;
        let request = (recipe.build_requires.clone(), recipe.subpackages.clone());
        if let Some(known) = self.roots.borrow().get(&request) {
            return known.clone();
        }
        let root = self.expand(&request);
        self.roots.borrow_mut().insert(request, root.clone());
        root
    }

    fn expand(&self, (dependencies, own_binaries): &Request) -> Result<RootPlan, Verdict> {
        let request = BuildRequest { dependencies: dependencies.clone(), own_binaries: own_binaries.clone() };
        let packages = self.expander.build_set(&request).map_err(|problems| Verdict::Unresolvable {
            problems: problems.iter().map(ToString::to_string).collect(),
        })?;
        let problem =
            |problem: pkg::problem::DependencyProblem| Verdict::Unresolvable { problems: vec![problem.to_string()] };
        let preinstalls = self.expander.preinstalls().map_err(problem)?;
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
        let recipe = recipe.architectures.iter().map(|arch| arch.debian_name().to_owned()).collect();
        Err(Verdict::Excluded { reason: ExclusionReason::Architecture { recipe } })
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
