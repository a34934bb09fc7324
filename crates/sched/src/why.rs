use expand::{Asked, Why};
use model::Verdict;

use crate::plan::Planner;
use crate::{Snapshot, WantedTask, expand_config};

/// Explains the root of a task, or why it has none.
///
/// # Errors
/// The verdict, if it has nothing to do with dependencies: excluded or broken.
pub fn explain(snapshot: &Snapshot<'_>, task: &WantedTask, asked: Asked<'_>) -> Result<Why, Verdict> {
    let config = expand_config(snapshot.config, &snapshot.additions.packages);
    let planner = Planner::new(snapshot, &config);
    Ok(planner.expander.why(&planner.request_of(task)?, asked))
}
