//! Which tasks wait for which others.

use std::collections::{BTreeMap, BTreeSet};

use expand::{PackageId, Pool};
use model::TaskId;

use crate::{BlockPolicy, OpenTask, Origins, WantedTask};

/// The tasks that others may have to wait for, by package: the oldest of each.
pub(crate) struct Waiting<'a> {
    oldest: BTreeMap<&'a str, TaskId>,
}

impl<'a> Waiting<'a> {
    /// `runnable` are the tasks that have a root: one that can not run now would be waited for in vain.
    pub(crate) fn new(
        policy: BlockPolicy,
        runnable: impl Iterator<Item = &'a WantedTask>,
        open: &'a [OpenTask],
    ) -> Self {
        let mut oldest = BTreeMap::new();
        if policy == BlockPolicy::Older {
            let wanted = runnable.map(|task| (task.package.as_str(), task.task));
            for (package, task) in wanted.chain(open.iter().map(|task| (task.package.as_str(), task.task))) {
                let known = oldest.entry(package).or_insert(task);
                *known = task.min(*known);
            }
        }
        Self { oldest }
    }

    /// The packages that a task waits for, sorted: those of older tasks that `root` has packages of.
    pub(crate) fn blockers(
        &self,
        task: &WantedTask,
        (pool, origins): (&Pool, Option<&dyn Origins>),
        root: &[PackageId],
    ) -> Vec<String> {
        if self.oldest.is_empty() {
            return Vec::new();
        }
        let sources: BTreeSet<&str> = root.iter().flat_map(|package| makers(pool, origins, *package)).collect();
        let older = |source: &&&str| {
            **source != task.package && self.oldest.get(**source).is_some_and(|oldest| *oldest < task.task)
        };
        sources.iter().filter(older).map(ToString::to_string).collect()
    }
}

/// The packages of the planned repository that would make a package of the pool: the one that did, and the one that is
/// called as its source.
pub(crate) fn makers<'a>(
    pool: &'a Pool,
    origins: Option<&'a dyn Origins>,
    package: PackageId,
) -> impl Iterator<Item = &'a str> {
    let built = origins.and_then(|origins| origins.built(package)).filter(|built| built.layer == 0);
    built.map(|built| built.package).into_iter().chain([pool.source(package)])
}
