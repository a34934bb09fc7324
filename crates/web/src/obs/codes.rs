//! The one place that knows Open Build Service's words for what becomes of a package.

use model::{FailureCause, SourceState, TaskState, Verdict};
use service::PackageTask;

/// What is said of one package in one (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackageState {
    /// The word.
    pub(super) code: &'static str,
    /// Why.
    pub(super) details: Option<String>,
}

impl PackageState {
    const fn plain(code: &'static str) -> Self {
        Self { code, details: None }
    }

    fn because(code: &'static str, details: impl ToString) -> Self {
        Self { code, details: Some(details.to_string()) }
    }

    /// Whether something will still happen by itself.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.code, "blocked" | "scheduled" | "dispatching" | "building" | "signing" | "finished")
    }
}

/// What is said of a package whose newest task is this; `None` says that it never had one.
///
/// `is_on` says whether the package is to be built here at all, `has_files` whether it has a revision.
pub(super) fn package_state(newest: Option<&PackageTask>, is_on: bool, has_files: bool) -> PackageState {
    let Some(found) = newest else {
        return match (is_on, has_files) {
            (false, _) => PackageState::plain("disabled"),
            (true, true) => PackageState::because("broken", "no recipe file"),
            (true, false) => PackageState::because("broken", "no source uploaded"),
        };
    };
    let task = &found.task;
    if task.state.is_finished() && !is_on {
        return PackageState::plain("disabled");
    }
    match task.state {
        TaskState::Waiting => {
            let details = match found.source_state {
                SourceState::Running => "the source is being read",
                _ => "the source waits to be read",
            };
            PackageState::because("blocked", details)
        }
        TaskState::Pending => pending(task.verdict.as_ref()),
        TaskState::Starting => PackageState::because("building", "the root is being prepared"),
        TaskState::Running => PackageState::plain("building"),
        TaskState::Succeeded => PackageState::plain("succeeded"),
        TaskState::Canceled => PackageState::because("failed", "somebody stopped it"),
        TaskState::Skipped => match &task.verdict {
            Some(Verdict::Excluded { reason }) => PackageState::because("excluded", reason),
            _ => PackageState::plain("excluded"),
        },
        TaskState::Failed => failed(task.failure.as_ref()),
    }
}

fn pending(verdict: Option<&Verdict>) -> PackageState {
    match verdict {
        None | Some(Verdict::Scheduled) => PackageState::plain("scheduled"),
        Some(Verdict::Blocked { by }) => PackageState::because("blocked", by.join(", ")),
        Some(Verdict::Unresolvable { problems }) => PackageState::because("unresolvable", problems.join(", ")),
        Some(Verdict::Excluded { reason }) => PackageState::because("excluded", reason),
        Some(Verdict::Broken { detail }) => PackageState::because("broken", detail),
        Some(verdict @ Verdict::Fetching) => PackageState::because("blocked", verdict),
    }
}

fn failed(cause: Option<&FailureCause>) -> PackageState {
    match cause {
        None => PackageState::plain("failed"),
        Some(FailureCause::Unresolvable { problems }) => PackageState::because("unresolvable", problems.join(", ")),
        Some(
            cause @ (FailureCause::Configuration { .. }
            | FailureCause::SourceMissing { .. }
            | FailureCause::SourceUnreachable { .. }
            | FailureCause::SourceMismatch { .. }
            | FailureCause::SourceInvalid { .. }
            | FailureCause::SourceForged { .. }
            | FailureCause::SourceTooLarge { .. }),
        ) => PackageState::because("broken", cause),
        Some(cause) => PackageState::because("failed", cause),
    }
}
