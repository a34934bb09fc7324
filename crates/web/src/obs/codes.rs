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

    /// What is said of a package whose files are not to be had.
    pub(super) fn broken(why: &str) -> Self {
        Self::because("broken", why)
    }

    /// Whether something will still happen by itself.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.code, "blocked" | "scheduled" | "dispatching" | "building" | "signing" | "finished")
    }
}

/// Where a package's sources are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A revision of its files is kept.
    Files,
    /// Builds brought them.
    Builds,
    /// Nowhere.
    Nothing,
}

/// What is said of a package whose newest task is this; `None` says that it never had one.
///
/// `is_on` says whether the package is to be built here at all.
pub(super) fn package_state(newest: Option<&PackageTask>, is_on: bool, origin: Origin) -> PackageState {
    let Some(found) = newest else {
        return match (is_on, origin) {
            (false, _) => PackageState::plain("disabled"),
            (true, Origin::Builds) => PackageState::because("disabled", "nobody asked for a build here"),
            (true, Origin::Files) => PackageState::because("broken", "no recipe file"),
            (true, Origin::Nothing) => PackageState::because("broken", "no source uploaded"),
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
                SourceState::InJob => "a job makes the source",
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

#[cfg(test)]
mod tests {
    use model::{BuildId, RepositoryName, Task, TaskId};
    use pkg::Arch;

    use super::*;

    /// Every word the client knows; it complains about any other.
    const WORDS: [&str; 14] = [
        "unresolvable",
        "succeeded",
        "failed",
        "broken",
        "disabled",
        "excluded",
        "locked",
        "blocked",
        "scheduled",
        "dispatching",
        "building",
        "signing",
        "finished",
        "unknown",
    ];

    fn found(state: TaskState, verdict: Option<Verdict>, failure: Option<FailureCause>) -> PackageTask {
        let task = Task {
            id: TaskId::new(1),
            build: BuildId::new(1),
            repository: RepositoryName::parse("main").unwrap(),
            arch: Arch::parse("x86_64").unwrap(),
            state,
            verdict,
            failure,
            started_at: None,
            ended_at: None,
            attempts: 0,
            built_packages: Vec::new(),
        };
        let package = model::PackageName::parse("hello").unwrap();
        PackageTask { package, task, version: None, source_state: SourceState::Pending }
    }

    #[test]
    fn every_state_has_a_word_of_the_client() {
        for state in TaskState::ALL {
            for is_on in [true, false] {
                let said = package_state(Some(&found(state, None, None)), is_on, Origin::Files);
                assert!(WORDS.contains(&said.code), "{state:?} {}", said.code);
                assert_eq!(said.is_open(), !state.is_finished(), "{state:?}");
            }
        }
        for origin in [Origin::Files, Origin::Builds, Origin::Nothing] {
            assert!(WORDS.contains(&package_state(None, true, origin).code));
            assert_eq!(package_state(None, false, origin).code, "disabled");
        }
    }

    #[test]
    fn the_reason_is_in_the_details() {
        let unresolvable =
            FailureCause::Unresolvable { problems: vec!["nothing provides a".to_owned(), "b".to_owned()] };
        let said = package_state(Some(&found(TaskState::Failed, None, Some(unresolvable))), true, Origin::Files);
        assert_eq!((said.code, said.details.as_deref()), ("unresolvable", Some("nothing provides a, b")));
        let blocked = Verdict::Blocked { by: vec!["a".to_owned()] };
        let said = package_state(Some(&found(TaskState::Pending, Some(blocked), None)), true, Origin::Files);
        assert_eq!((said.code, said.details.as_deref()), ("blocked", Some("a")));
        let invalid = FailureCause::SourceInvalid { file: "a.dsc".to_owned(), detail: "names no files".to_owned() };
        let said = package_state(Some(&found(TaskState::Failed, None, Some(invalid))), true, Origin::Files);
        assert_eq!((said.code, said.details.as_deref()), ("broken", Some("a.dsc: names no files")));
    }
}
