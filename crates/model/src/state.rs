use serde::{Deserialize, Serialize};

/// Where the source of a build stands: from "somebody asked" to "a stored source tree".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Nobody has begun to fetch or convert it.
    Pending,
    /// It is being fetched or converted.
    Running,
    /// A job makes it: what the job leaves is read then.
    InJob,
    /// It is stored and its recipe was read.
    Succeeded,
    /// It could not be made; the build has a cause.
    Failed,
    /// The build was canceled before the source was there.
    Canceled,
}

/// What can happen to the source of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceEvent {
    /// Fetching begins.
    Begin,
    /// The process that fetched it died; it is fetched again.
    Interrupted,
    /// A job has to make it.
    Delegate,
    /// The job has left its files, or is gone: it is read, or begun again.
    Returned,
    /// The source tree is stored.
    Stored,
    /// It can not be had.
    Fail,
    /// The build is canceled.
    Cancel,
}

impl SourceState {
    /// Every state, in order of a life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::InJob, Self::Succeeded, Self::Failed, Self::Canceled];

    /// The state after an event; `None` if the event is not legal here and changes nothing.
    #[must_use]
    pub const fn next(self, event: SourceEvent) -> Option<Self> {
        match (self, event) {
            (Self::Pending, SourceEvent::Begin) => Some(Self::Running),
            (Self::Running, SourceEvent::Interrupted) => Some(Self::Pending),
            (Self::Running, SourceEvent::Delegate) => Some(Self::InJob),
            (Self::InJob, SourceEvent::Returned) => Some(Self::Pending),
            (Self::Running, SourceEvent::Stored) => Some(Self::Succeeded),
            (Self::Pending | Self::Running | Self::InJob, SourceEvent::Fail) => Some(Self::Failed),
            (Self::Pending | Self::Running | Self::InJob, SourceEvent::Cancel) => Some(Self::Canceled),
            _ => None,
        }
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// The spelling in the store and in Kiln's own interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::InJob => "in_job",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl SourceEvent {
    /// Every event.
    pub const ALL: [Self; 7] =
        [Self::Begin, Self::Interrupted, Self::Delegate, Self::Returned, Self::Stored, Self::Fail, Self::Cancel];
}

/// Where one build in one (repository, arch) stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// The source of the build is not there yet.
    Waiting,
    /// Ready to be planned, or planned and waiting for a worker.
    Pending,
    /// A worker has claimed it and prepares the root.
    Starting,
    /// The recipe runs.
    Running,
    /// Results are stored.
    Succeeded,
    /// It ended without results; the task has a cause.
    Failed,
    /// Somebody canceled the build.
    Canceled,
    /// The recipe or the configuration excludes this architecture.
    Skipped,
}

/// What can happen to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskEvent {
    /// The source tree is stored.
    SourceStored,
    /// The planner says this (repository, arch) is excluded.
    Exclude,
    /// A worker claims it.
    Claim,
    /// The worker begins to run the recipe.
    Start,
    /// The worker gave up, its lease ran out, or the recipe asked for more packages: it runs again.
    Requeue,
    /// Results are stored.
    Succeed,
    /// It can not succeed: source failed, unresolvable, or the build failed.
    Fail,
    /// The build is canceled.
    Cancel,
}

impl TaskState {
    /// Every state, in order of a life.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Pending,
        Self::Starting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Skipped,
    ];

    /// The state after an event; `None` if the event is not legal here and changes nothing.
    ///
    /// A report that arrives after the task is finished (a worker that did not hear of a cancel, a second report after a
    /// lost lease) is thus ignored by every caller in the same way.
    #[must_use]
    pub const fn next(self, event: TaskEvent) -> Option<Self> {
        match (self, event) {
            (Self::Waiting, TaskEvent::SourceStored) => Some(Self::Pending),
            (Self::Waiting | Self::Pending, TaskEvent::Exclude) => Some(Self::Skipped),
            (Self::Pending, TaskEvent::Claim) => Some(Self::Starting),
            (Self::Starting, TaskEvent::Start) => Some(Self::Running),
            (Self::Starting | Self::Running, TaskEvent::Requeue) => Some(Self::Pending),
            (Self::Starting | Self::Running, TaskEvent::Succeed) => Some(Self::Succeeded),
            (Self::Waiting | Self::Pending | Self::Starting | Self::Running, TaskEvent::Fail) => Some(Self::Failed),
            (Self::Waiting | Self::Pending | Self::Starting | Self::Running, TaskEvent::Cancel) => Some(Self::Canceled),
            _ => None,
        }
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled | Self::Skipped)
    }

    /// The spelling in the store and in Kiln's own interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl TaskEvent {
    /// Every event.
    pub const ALL: [Self; 8] = [
        Self::SourceStored,
        Self::Exclude,
        Self::Claim,
        Self::Start,
        Self::Requeue,
        Self::Succeed,
        Self::Fail,
        Self::Cancel,
    ];
}

/// Where a build as a whole stands: never stored, always derived from its source and its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildState {
    /// Somebody canceled it.
    Canceled,
    /// The source is waiting to be fetched, or tasks wait for a worker.
    Pending,
    /// The source is being fetched.
    Importing,
    /// The source could not be made, or a task failed and none is active.
    Failed,
    /// The source is there, but no task is wanted.
    Waiting,
    /// At least one task runs.
    Running,
    /// At least one task prepares its root, and none runs.
    Starting,
    /// Every task is done and at least one succeeded.
    Succeeded,
    /// Every task was excluded.
    Skipped,
}

impl BuildState {
    /// Derives the state of a build.
    ///
    /// Rule: the cancel flag wins; then an unfinished or failed source; then the first of running, starting, pending,
    /// failed, succeeded, skipped that any task has (Copr's order since 2019). Without tasks: waiting.
    #[must_use]
    pub fn aggregate(canceled: bool, source: SourceState, tasks: &[TaskState]) -> Self {
        if canceled {
            return Self::Canceled;
        }
        match source {
            SourceState::Pending => return Self::Pending,
            SourceState::Running | SourceState::InJob => return Self::Importing,
            SourceState::Failed => return Self::Failed,
            SourceState::Canceled => return Self::Canceled,
            SourceState::Succeeded => {}
        }
        const ORDER: [(TaskState, BuildState); 8] = [
            (TaskState::Running, BuildState::Running),
            (TaskState::Starting, BuildState::Starting),
            (TaskState::Pending, BuildState::Pending),
            (TaskState::Waiting, BuildState::Pending),
            (TaskState::Failed, BuildState::Failed),
            (TaskState::Succeeded, BuildState::Succeeded),
            (TaskState::Skipped, BuildState::Skipped),
            (TaskState::Canceled, BuildState::Canceled),
        ];
        ORDER.into_iter().find(|(state, _)| tasks.contains(state)).map_or(Self::Waiting, |(_, build)| build)
    }

    /// Whether the build is over: nothing of it runs or will run. Decides cancel (not finished) and delete (finished).
    #[must_use]
    pub fn is_finished(canceled: bool, source: SourceState, tasks: &[TaskState]) -> bool {
        canceled
            || matches!(source, SourceState::Failed | SourceState::Canceled)
            || (source.is_finished() && tasks.iter().all(|task| task.is_finished()))
    }

    /// The spelling in Kiln's own interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Pending => "pending",
            Self::Importing => "importing",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every (state, event) pair of the task table, drawn: a row a state, a column an event, `-` where nothing happens.
    #[test]
    fn task_table_is_exactly_this() {
        let mut drawn = String::new();
        for state in TaskState::ALL {
            drawn += &format!("{:<9}", state.as_str());
            for event in TaskEvent::ALL {
                drawn += &format!(" {:<9}", state.next(event).map_or("-", TaskState::as_str));
            }
            drawn = drawn.trim_end().to_owned() + "\n";
        }
        expect_test::expect![[r#"
            waiting   pending   skipped   -         -         -         -         failed    canceled
            pending   -         skipped   starting  -         -         -         failed    canceled
            starting  -         -         -         running   pending   succeeded failed    canceled
            running   -         -         -         -         pending   succeeded failed    canceled
            succeeded -         -         -         -         -         -         -         -
            failed    -         -         -         -         -         -         -         -
            canceled  -         -         -         -         -         -         -         -
            skipped   -         -         -         -         -         -         -         -
        "#]]
        .assert_eq(&drawn);
    }

    #[test]
    fn source_table_is_exactly_this() {
        let mut drawn = String::new();
        for state in SourceState::ALL {
            drawn += &format!("{:<9}", state.as_str());
            for event in SourceEvent::ALL {
                drawn += &format!(" {:<9}", state.next(event).map_or("-", SourceState::as_str));
            }
            drawn = drawn.trim_end().to_owned() + "\n";
        }
        expect_test::expect![[r#"
            pending   running   -         -         -         -         failed    canceled
            running   -         pending   in_job    -         succeeded failed    canceled
            in_job    -         -         -         pending   -         failed    canceled
            succeeded -         -         -         -         -         -         -
            failed    -         -         -         -         -         -         -
            canceled  -         -         -         -         -         -         -
        "#]]
        .assert_eq(&drawn);
    }

    #[test]
    fn a_finished_state_has_no_way_out() {
        for state in TaskState::ALL.into_iter().filter(|state| state.is_finished()) {
            assert!(TaskEvent::ALL.into_iter().all(|event| state.next(event).is_none()), "{state:?}");
        }
        for state in TaskState::ALL.into_iter().filter(|state| !state.is_finished()) {
            assert!(state.next(TaskEvent::Fail).is_some() && state.next(TaskEvent::Cancel).is_some(), "{state:?}");
        }
    }

    #[test]
    fn states_read_back_what_they_print() {
        assert!(TaskState::ALL.into_iter().all(|state| TaskState::parse(state.as_str()) == Some(state)));
        assert!(SourceState::ALL.into_iter().all(|state| SourceState::parse(state.as_str()) == Some(state)));
        assert_eq!(TaskState::parse("Waiting"), None);
    }

    fn build_state(tasks: &[TaskState]) -> &'static str {
        BuildState::aggregate(false, SourceState::Succeeded, tasks).as_str()
    }

    #[test]
    fn a_build_reads_as_its_most_active_task() {
        use TaskState::{Canceled, Failed, Pending, Running, Skipped, Starting, Succeeded};
        assert_eq!(build_state(&[Succeeded, Pending]), "pending");
        assert_eq!(build_state(&[Succeeded, Failed]), "failed");
        assert_eq!(build_state(&[Failed, Starting, Running]), "running");
        assert_eq!(build_state(&[Pending, Starting]), "starting");
        assert_eq!(build_state(&[Skipped, Succeeded]), "succeeded");
        assert_eq!(build_state(&[Skipped]), "skipped");
        assert_eq!(build_state(&[Canceled]), "canceled");
        assert_eq!(build_state(&[]), "waiting");
    }

    /// Every pair of tasks, drawn: a row a task, a column another, in the order of [`TaskState::ALL`].
    #[test]
    fn every_pair_of_tasks_makes_the_build_that_is_drawn_here() {
        let mut drawn = String::new();
        for one in TaskState::ALL {
            drawn += &format!("{:<9}", one.as_str());
            for other in TaskState::ALL {
                let state = build_state(&[one, other]);
                assert_eq!(state, build_state(&[other, one]), "order does not matter");
                drawn += &format!(" {state:<9}");
            }
            drawn = drawn.trim_end().to_owned() + "\n";
        }
        expect_test::expect![[r#"
            waiting   pending   pending   starting  running   pending   pending   pending   pending
            pending   pending   pending   starting  running   pending   pending   pending   pending
            starting  starting  starting  starting  running   starting  starting  starting  starting
            running   running   running   running   running   running   running   running   running
            succeeded pending   pending   starting  running   succeeded failed    succeeded succeeded
            failed    pending   pending   starting  running   failed    failed    failed    failed
            canceled  pending   pending   starting  running   succeeded failed    canceled  skipped
            skipped   pending   pending   starting  running   succeeded failed    skipped   skipped
        "#]]
        .assert_eq(&drawn);
    }

    /// Cancel flag and source, drawn with a task that runs and without any.
    #[test]
    fn every_source_makes_the_build_that_is_drawn_here() {
        let mut drawn = String::new();
        for canceled in [false, true] {
            for source in SourceState::ALL {
                let state = |tasks: &[TaskState]| {
                    let finished = BuildState::is_finished(canceled, source, tasks);
                    let word = BuildState::aggregate(canceled, source, tasks).as_str();
                    format!("{word}{}", if finished { "." } else { "" })
                };
                let flag = if canceled { "canceled" } else { "" };
                drawn += &format!(
                    "{:<9} {flag:<8} {:<10} {:<10} {}\n",
                    source.as_str(),
                    state(&[]),
                    state(&[TaskState::Running]),
                    state(&[TaskState::Succeeded])
                );
            }
        }
        expect_test::expect![[r#"
            pending            pending    pending    pending
            running            importing  importing  importing
            in_job             importing  importing  importing
            succeeded          waiting.   running    succeeded.
            failed             failed.    failed.    failed.
            canceled           canceled.  canceled.  canceled.
            pending   canceled canceled.  canceled.  canceled.
            running   canceled canceled.  canceled.  canceled.
            in_job    canceled canceled.  canceled.  canceled.
            succeeded canceled canceled.  canceled.  canceled.
            failed    canceled canceled.  canceled.  canceled.
            canceled  canceled canceled.  canceled.  canceled.
        "#]]
        .assert_eq(&drawn);
    }

    #[test]
    fn cancel_and_source_come_before_the_tasks() {
        let tasks = [TaskState::Waiting];
        assert_eq!(BuildState::aggregate(true, SourceState::Succeeded, &[TaskState::Running]), BuildState::Canceled);
        assert_eq!(BuildState::aggregate(false, SourceState::Pending, &tasks), BuildState::Pending);
        assert_eq!(BuildState::aggregate(false, SourceState::Running, &tasks), BuildState::Importing);
        assert_eq!(BuildState::aggregate(false, SourceState::Failed, &[]), BuildState::Failed);
    }

    #[test]
    fn a_build_is_finished_when_nothing_can_run_any_more() {
        use SourceState::{Failed, Pending, Succeeded};
        assert!(BuildState::is_finished(true, Pending, &[TaskState::Running]));
        assert!(BuildState::is_finished(false, Failed, &[TaskState::Waiting]));
        assert!(BuildState::is_finished(false, Succeeded, &[TaskState::Failed, TaskState::Skipped]));
        assert!(BuildState::is_finished(false, Succeeded, &[]));
        assert!(!BuildState::is_finished(false, Succeeded, &[TaskState::Failed, TaskState::Pending]));
        assert!(!BuildState::is_finished(false, Pending, &[]));
    }
}
