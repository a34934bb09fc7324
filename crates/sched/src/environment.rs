use expand::PackageId;
use model::Verdict;

use crate::plan::{Planner, unresolvable};
use crate::{RootPlan, Snapshot, WantedTask, expand_config};

/// The root of a build as somebody else needs it who makes it from a description, in a virtual machine perhaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The root, as [`plan`](crate::plan) makes it.
    pub root: RootPlan,
    /// Packages that virtual machines need in addition or earlier, in the configuration's order; those that the pool lacks are
    /// left out, since a root without a machine does not need them.
    pub vm_install: Vec<PackageId>,
    /// The packages of the root whose change makes the package be built again, sorted.
    pub triggering: Vec<PackageId>,
}

/// The environment of a task, whether or not all of its packages are at hand.
///
/// # Errors
/// The verdict, if there can be none.
pub fn environment(snapshot: &Snapshot<'_>, task: &WantedTask) -> Result<Environment, Verdict> {
    let config = expand_config(snapshot.config, &snapshot.additions.packages);
    let planner = Planner::new(snapshot, &config);
    let root = planner.root_of(task)?;
    let request = planner.request_of(task)?;
    let triggering = planner.expander.trigger_set(&request).map_err(|problems| unresolvable(&problems))?;
    let preinstalls = planner.expander.preinstalls().map_err(|problem| unresolvable(&[problem]))?;
    let vm_install = preinstalls.vm_install.iter().filter_map(|name| snapshot.pool.find(name)).collect();
    Ok(Environment { root, vm_install, triggering })
}
