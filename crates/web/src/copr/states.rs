//! The one place that knows Copr's words for states.
//!
//! A client refuses a whole list if a task has any other word.

use model::{BuildState, TaskState};

/// Every word Copr has for the state of a task, in the order its error message lists them.
pub(crate) const TASK_WORDS: [&str; 11] = [
    "failed",
    "succeeded",
    "canceled",
    "running",
    "pending",
    "skipped",
    "starting",
    "importing",
    "forked",
    "waiting",
    "unknown",
];

/// Copr's word for the state of a task.
pub(crate) const fn task_word(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::Pending => "pending",
        TaskState::Starting => "starting",
        TaskState::Running => "running",
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        TaskState::Canceled => "canceled",
        TaskState::Skipped => "skipped",
    }
}

/// Copr's word for the state of a build.
pub(crate) const fn build_word(state: BuildState) -> &'static str {
    match state {
        BuildState::Canceled => "canceled",
        BuildState::Pending => "pending",
        BuildState::Importing => "importing",
        BuildState::Failed => "failed",
        BuildState::Waiting => "waiting",
        BuildState::Running => "running",
        BuildState::Starting => "starting",
        BuildState::Succeeded => "succeeded",
        BuildState::Skipped => "skipped",
    }
}

/// Whether a build can be in the state a word of Copr's names.
pub(crate) fn is_build_word(word: &str) -> bool {
    word != "forked" && word != "unknown" && TASK_WORDS.contains(&word)
}

/// Copr's number for the state of a task.
pub(crate) const fn task_number(state: TaskState) -> u8 {
    match state {
        TaskState::Failed => 0,
        TaskState::Succeeded => 1,
        TaskState::Canceled => 2,
        TaskState::Running => 3,
        TaskState::Pending => 4,
        TaskState::Skipped => 5,
        TaskState::Starting => 6,
        TaskState::Waiting => 9,
    }
}

/// What a wanted state means for Kiln: `None` if it is no word of Copr's, `Some(None)` if it is one that no task of Kiln
/// ever has.
pub(crate) fn wanted_task_state(word: &str) -> Option<Option<TaskState>> {
    TASK_WORDS.contains(&word).then(|| TaskState::ALL.into_iter().find(|state| task_word(*state) == word))
}

/// Whether a wanted state means to cancel. Copr's page spelt it with two l, its server knew one.
pub(crate) fn means_cancel(word: &str) -> bool {
    matches!(word, "canceled" | "cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_task_has_one_of_coprs_words() {
        for state in TaskState::ALL {
            assert!(TASK_WORDS.contains(&task_word(state)), "{state:?}");
            assert_eq!(wanted_task_state(task_word(state)), Some(Some(state)));
        }
        assert_eq!(wanted_task_state("forked"), Some(None));
        assert_eq!(wanted_task_state("blocked"), None);
    }
}
