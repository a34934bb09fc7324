use expand::{build_needs, build_order};

use crate::plan::Planner;
use crate::{Snapshot, expand_config};

/// Which of the packages of a snapshot need which others to be built first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// For each task the places of those it needs, sorted. One whose root can not be made needs none.
    pub needs: Vec<Vec<u32>>,
    /// The places of all tasks, what is needed first outside of cycles.
    pub order: Vec<u32>,
    /// Places of tasks that need each other, each the next one.
    pub cycles: Vec<Vec<u32>>,
}

/// Which tasks need which others: those whose packages are in the set that triggers them, whatever repository they come from.
///
/// Rule: Open Build Service's dependency information, which is about triggers, not about roots.
#[must_use]
pub fn needs(snapshot: &Snapshot<'_>) -> Needs {
    let config = expand_config(snapshot.config, &snapshot.additions.packages);
    let planner = Planner::new(snapshot, &config);
    let triggers: Vec<_> = snapshot
        .tasks
        .iter()
        .map(|task| {
            let request = planner.request_of(task).ok();
            request.and_then(|request| planner.expander.trigger_set(&request).ok()).unwrap_or_default()
        })
        .collect();
    let sources: Vec<&str> = snapshot
        .tasks
        .iter()
        .map(|task| task.recipe.as_ref().map_or(task.package.as_str(), |recipe| recipe.name.as_str()))
        .collect();
    let mut needs = build_needs(snapshot.pool, &sources, &triggers);
    for (place, list) in (0_u32..).zip(&mut needs) {
        list.retain(|needed| *needed != place);
    }
    let ordered = build_order(&needs);
    Needs { needs, order: ordered.order, cycles: ordered.cycles }
}
