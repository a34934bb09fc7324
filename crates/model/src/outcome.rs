use serde::{Deserialize, Serialize};

use crate::{FailureCause, Task, TaskState, Verdict};

/// What became of a package in one (repository, arch), in the words of an overview: the state of its newest task, with the
/// two reasons told apart that are no news about the package itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A recipe ran and failed, or its source or configuration can not be used.
    Failed,
    /// Its root can not be computed.
    Unresolvable,
    /// It waits for other packages.
    Blocked,
    /// It waits for its source, its plan or a worker.
    Scheduled,
    /// A worker has it.
    Building,
    /// Its results are there.
    Succeeded,
    /// It is not built here.
    Excluded,
    /// Somebody canceled it.
    Canceled,
}

impl Outcome {
    /// Every outcome; what somebody has to look at comes first.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Unresolvable,
        Self::Blocked,
        Self::Scheduled,
        Self::Building,
        Self::Succeeded,
        Self::Excluded,
        Self::Canceled,
    ];

    /// The outcome a task stands for.
    #[must_use]
    pub const fn of(task: &Task) -> Self {
        match (task.state, &task.failure, &task.verdict) {
            (TaskState::Failed, Some(FailureCause::Unresolvable { .. }), _) => Self::Unresolvable,
            (TaskState::Failed, ..) => Self::Failed,
            (TaskState::Pending, _, Some(Verdict::Blocked { .. })) => Self::Blocked,
            (TaskState::Pending | TaskState::Waiting, ..) => Self::Scheduled,
            (TaskState::Starting | TaskState::Running, ..) => Self::Building,
            (TaskState::Succeeded, ..) => Self::Succeeded,
            (TaskState::Skipped, ..) => Self::Excluded,
            (TaskState::Canceled, ..) => Self::Canceled,
        }
    }

    /// The spelling in the store and on pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unresolvable => "unresolvable",
            Self::Blocked => "blocked",
            Self::Scheduled => "scheduled",
            Self::Building => "building",
            Self::Succeeded => "succeeded",
            Self::Excluded => "excluded",
            Self::Canceled => "canceled",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}
