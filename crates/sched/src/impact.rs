//! What another configuration would change, found out by planning with both.

use std::collections::BTreeMap;

use expand::{BuildRequest, PackageId, Pool};
use model::Verdict;
use serde::{Deserialize, Serialize};

use crate::plan::{Planner, unresolvable};
use crate::{Snapshot, WantedTask, expand_config};

/// What another configuration changes for a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageImpact {
    /// The package.
    pub package: String,
    /// The verdict now: scheduled if its root can be made.
    pub before: Verdict,
    /// The verdict then.
    pub after: Verdict,
    /// Packages that come into the root (`NAME VERSION`), sorted; empty unless both roots can be made.
    pub added: Vec<String>,
    /// Packages that leave it, sorted.
    pub removed: Vec<String>,
    /// Whether it is built in another way (command, options, profiles, macros).
    pub other_settings: bool,
    /// Whether what triggers rebuilds changes: it would be built again where builds follow changes.
    pub rebuild: bool,
}

impl PackageImpact {
    /// Whether its root can be made then, but not now.
    #[must_use]
    pub fn becomes_resolvable(&self) -> bool {
        self.before != Verdict::Scheduled && self.after == Verdict::Scheduled
    }

    /// Whether its root can be made now, but not then.
    #[must_use]
    pub fn becomes_unresolvable(&self) -> bool {
        self.before == Verdict::Scheduled && self.after != Verdict::Scheduled
    }

    /// Whether its root can be made now and then, and is another one.
    #[must_use]
    pub fn changes_root(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty()
    }
}

/// Plans the tasks of both snapshots and gives those with a difference, in the order of the tasks.
///
/// The tasks are the same ones in the same order, each read under its snapshot's configuration.
#[must_use]
pub fn impact(before: &Snapshot<'_>, after: &Snapshot<'_>) -> Vec<PackageImpact> {
    let configs = [before, after].map(|snapshot| expand_config(snapshot.config, &snapshot.additions.packages));
    let [old, new] = &configs;
    let (old, new) = (Planner::new(before, old), Planner::new(after, new));
    let other_settings = old.settings != new.settings;
    let pairs = before.tasks.iter().zip(after.tasks);
    pairs
        .filter_map(|(task, then)| {
            let (now, then) = (Sets::of(&old, task), Sets::of(&new, then));
            let impact = compare(&task.package, (before.pool, &now), (after.pool, &then), other_settings);
            (now != then || (other_settings && now.is_ok())).then_some(impact)
        })
        .collect()
}

/// The packages of a root, and those that trigger rebuilds.
#[derive(PartialEq, Eq)]
struct Sets {
    root: Vec<PackageId>,
    trigger: Vec<PackageId>,
}

impl Sets {
    fn of(planner: &Planner<'_>, task: &WantedTask) -> Result<Self, Verdict> {
        let request: BuildRequest = planner.request_of(task)?;
        let root = planner.expander.build_set(&request).map_err(|problems| unresolvable(&problems))?;
        // What can not be told triggers nothing.
        Ok(Self { root, trigger: planner.expander.trigger_set(&request).unwrap_or_default() })
    }
}

fn compare(
    package: &str,
    (pool, before): (&Pool, &Result<Sets, Verdict>),
    (new_pool, after): (&Pool, &Result<Sets, Verdict>),
    other_settings: bool,
) -> PackageImpact {
    let verdict = |sets: &Result<Sets, Verdict>| sets.as_ref().map_or_else(Clone::clone, |_| Verdict::Scheduled);
    let (mut added, mut removed, mut rebuild) = (Vec::new(), Vec::new(), after.is_ok());
    if let (Ok(before), Ok(after)) = (before, after) {
        let (old, new) = (versions(pool, &before.root), versions(new_pool, &after.root));
        added = differing(&new, &old);
        removed = differing(&old, &new);
        rebuild = versions(pool, &before.trigger) != versions(new_pool, &after.trigger);
    }
    PackageImpact {
        package: package.to_owned(),
        before: verdict(before),
        after: verdict(after),
        added,
        removed,
        other_settings,
        rebuild,
    }
}

fn versions<'a>(pool: &'a Pool, packages: &[PackageId]) -> BTreeMap<&'a str, &'a str> {
    packages.iter().map(|package| (pool.name(*package), pool.evr(*package))).collect()
}

fn differing(some: &BTreeMap<&str, &str>, others: &BTreeMap<&str, &str>) -> Vec<String> {
    let new = some.iter().filter(|(name, version)| others.get(*name) != Some(version));
    new.map(|(name, version)| format!("{name} {version}")).collect()
}
