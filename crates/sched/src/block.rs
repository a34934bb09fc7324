//! Which tasks wait for which others.

use std::collections::{BTreeMap, BTreeSet};

use expand::{PackageId, Pool};
use model::TaskId;

use crate::{BlockPolicy, WantedTask};

/// The tasks of a snapshot by package: the oldest of each.
pub(crate) struct Waiting<'a> {
    oldest: BTreeMap<&'a str, TaskId>,
}

impl<'a> Waiting<'a> {
    pub(crate) fn new(policy: BlockPolicy, tasks: &'a [WantedTask]) -> Self {
        let mut oldest = BTreeMap::new();
        if policy == BlockPolicy::Older {
            for task in tasks {
                let known = oldest.entry(task.package.as_str()).or_insert(task.task);
                *known = task.task.min(*known);
            }
        }
        Self { oldest }
    }

    /// The packages that a task waits for, sorted: those of older tasks that `root` has packages of.
    pub(crate) fn blockers(&self, task: &WantedTask, pool: &Pool, root: &[PackageId]) -> Vec<String> {
        if self.oldest.is_empty() {
            return Vec::new();
        }
        let sources: BTreeSet<&str> = root.iter().map(|package| pool.source(*package)).collect();
        let older = |source: &&&str| {
            **source != task.package && self.oldest.get(**source).is_some_and(|oldest| *oldest < task.task)
        };
        sources.iter().filter(older).map(ToString::to_string).collect()
    }
}
