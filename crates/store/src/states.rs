//! Changes of state: always by the model's tables, always with the derived columns, always in one transaction.

use model::{BuildId, BuildState, BuiltPackage, FailureCause, JobId, SourceEvent, SourceState};
use model::{TaskEvent, TaskId, TaskState, Timestamp, Verdict};

use crate::fields::{Fields, json_text};
use crate::{Session, StoreError};

/// Something that happens to a task, with what comes along.
#[derive(Debug, Clone, Copy)]
pub enum TaskChange<'a> {
    /// The source tree is stored.
    SourceStored,
    /// It is not built here, and why.
    Exclude(&'a Verdict),
    /// A worker claims it.
    Claim,
    /// The recipe begins to run.
    Start,
    /// It runs again, not before this time.
    Requeue {
        /// Earliest time of the next attempt.
        not_before: Timestamp,
        /// Whether the attempt that ends counts.
        counted: bool,
    },
    /// It has results.
    Succeed {
        /// The job that made them.
        job: JobId,
        /// What it built.
        packages: &'a [BuiltPackage],
    },
    /// It ends without results.
    Fail(&'a FailureCause),
    /// The build is canceled.
    Cancel,
}

impl TaskChange<'_> {
    const fn event(&self) -> TaskEvent {
        match self {
            Self::SourceStored => TaskEvent::SourceStored,
            Self::Exclude(_) => TaskEvent::Exclude,
            Self::Claim => TaskEvent::Claim,
            Self::Start => TaskEvent::Start,
            Self::Requeue { .. } => TaskEvent::Requeue,
            Self::Succeed { .. } => TaskEvent::Succeed,
            Self::Fail(_) => TaskEvent::Fail,
            Self::Cancel => TaskEvent::Cancel,
        }
    }

    /// The columns to set; `$1` is the task, `$2` its new state, `$3` the time, `$4` and `$5` are [`Self::values`].
    const fn columns(&self) -> &'static str {
        match self {
            Self::SourceStored => {
                "UPDATE tasks SET state = $2, \
                 package_id = (SELECT b.package_id FROM builds b WHERE b.id = tasks.build_id) WHERE id = $1"
            }
            Self::Exclude(_) => "UPDATE tasks SET state = $2, ready = 0, ended_at = $3, verdict = $4 WHERE id = $1",
            Self::Claim => {
                "UPDATE tasks SET state = $2, ready = 0, attempts = attempts + 1, started_at = $3, verdict = NULL \
                 WHERE id = $1"
            }
            Self::Start => "UPDATE tasks SET state = $2 WHERE id = $1",
            Self::Requeue { .. } => {
                "UPDATE tasks SET state = $2, started_at = NULL, not_before = $4, attempts = attempts - $5, \
                 ready = (SELECT COUNT(*) FROM task_plans p WHERE p.task_id = tasks.id) WHERE id = $1"
            }
            Self::Succeed { .. } => {
                "UPDATE tasks SET state = $2, ended_at = $3, built_packages = $4, result_job_id = $5 WHERE id = $1"
            }
            Self::Fail(_) => {
                "UPDATE tasks SET state = $2, ready = 0, started_at = COALESCE(started_at, $3), ended_at = $3, \
                 failure = $4 WHERE id = $1"
            }
            Self::Cancel => "UPDATE tasks SET state = $2, ready = 0, ended_at = $3 WHERE id = $1",
        }
    }

    /// A text or time, and a number, as [`Self::columns`] uses them.
    fn values(&self) -> (Option<String>, Option<i64>) {
        match self {
            Self::Exclude(verdict) => (Some(json_text(verdict)), None),
            Self::Succeed { job, packages } => (Some(json_text(packages)), Some(job.get())),
            Self::Fail(cause) => (Some(json_text(cause)), None),
            Self::Requeue { counted, .. } => (None, Some(i64::from(!counted))),
            _ => (None, None),
        }
    }
}

pub(crate) const OPEN_TASK_COUNTS: &str = "SELECT state, COUNT(*) AS tasks FROM tasks \
     WHERE state IN ('waiting', 'pending', 'starting', 'running') GROUP BY state";

impl Session {
    /// Lets something happen to a task. Gives its new state; `None` if that is not legal now, or there is no such task, and
    /// nothing changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_task(
        &mut self,
        task: TaskId,
        change: TaskChange<'_>,
        now: Timestamp,
    ) -> Result<Option<TaskState>, StoreError> {
        let row = sqlx::query("SELECT id, state, build_id, role FROM tasks WHERE id = $1")
            .bind(task.get())
            .fetch_optional(self.run())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new("tasks", &row);
        let build = BuildId::new(fields.int("build_id")?);
        let makes_source = fields.text("role")? == "source";
        let next = self.apply(task, fields.word("state", TaskState::parse)?, change, now).await?;
        if next.is_some_and(TaskState::is_finished) {
            if makes_source {
                self.end_source_task(build, change, now).await?;
            }
            self.derive_finished(build).await?;
        }
        Ok(next)
    }

    async fn apply(
        &mut self,
        task: TaskId,
        state: TaskState,
        change: TaskChange<'_>,
        now: Timestamp,
    ) -> Result<Option<TaskState>, StoreError> {
        let Some(next) = state.next(change.event()) else { return Ok(None) };
        let (text, number) = change.values();
        let query = sqlx::query(change.columns()).bind(task.get()).bind(next.as_str()).bind(now.as_millis());
        let query = match change {
            TaskChange::Requeue { not_before, .. } => query.bind(not_before.as_millis()),
            _ => query.bind(text),
        };
        query.bind(number).execute(self.run()).await?;
        Ok(Some(next))
    }

    /// The unfinished tasks of a build, and where they stand.
    async fn open_tasks(&mut self, build: BuildId) -> Result<Vec<(TaskId, TaskState)>, StoreError> {
        let rows = sqlx::query("SELECT id, state FROM tasks WHERE build_id = $1 ORDER BY id")
            .bind(build.get())
            .fetch_all(self.run())
            .await?;
        let mut open = Vec::new();
        for row in &rows {
            let fields = Fields::new("tasks", row);
            let state = fields.word("state", TaskState::parse)?;
            if !state.is_finished() {
                open.push((TaskId::new(fields.int("id")?), state));
            }
        }
        Ok(open)
    }

    /// Lets the same thing happen to every unfinished task of a build for which it is legal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_open_tasks(
        &mut self,
        build: BuildId,
        change: TaskChange<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (task, state) in self.open_tasks(build).await? {
            self.apply(task, state, change, now).await?;
        }
        self.derive_finished(build).await
    }

    /// Lets something happen to the source of a build. Gives its new state; `None` if that is not legal now, and nothing
    /// changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_source(
        &mut self,
        build: BuildId,
        event: SourceEvent,
    ) -> Result<Option<SourceState>, StoreError> {
        let row = sqlx::query("SELECT id, source_state FROM builds WHERE id = $1")
            .bind(build.get())
            .fetch_optional(self.run())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let state = Fields::new("builds", &row).word("source_state", SourceState::parse)?;
        let Some(next) = state.next(event) else { return Ok(None) };
        let begun = i64::from(event == SourceEvent::Begin);
        sqlx::query("UPDATE builds SET source_state = $2, source_attempts = source_attempts + $3 WHERE id = $1")
            .bind(build.get())
            .bind(next.as_str())
            .bind(begun)
            .execute(self.run())
            .await?;
        Ok(Some(next))
    }

    /// Cancels a build that is not finished: its flag, its source and every unfinished task.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancel_build(&mut self, build: BuildId, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE builds SET canceled = 1 WHERE id = $1").bind(build.get()).execute(self.run()).await?;
        self.change_source(build, SourceEvent::Cancel).await?;
        self.change_open_tasks(build, TaskChange::Cancel, now).await
    }

    /// Brings the derived column `finished` of a build up to date.
    pub(crate) async fn derive_finished(&mut self, build: BuildId) -> Result<(), StoreError> {
        let row = sqlx::query("SELECT id, canceled, source_state FROM builds WHERE id = $1")
            .bind(build.get())
            .fetch_one(self.run())
            .await?;
        let fields = Fields::new("builds", &row);
        let source = fields.word("source_state", SourceState::parse)?;
        let rows = sqlx::query("SELECT id, state FROM tasks WHERE build_id = $1")
            .bind(build.get())
            .fetch_all(self.run())
            .await?;
        let states = rows
            .iter()
            .map(|row| Fields::new("tasks", row).word("state", TaskState::parse))
            .collect::<Result<Vec<_>, _>>()?;
        let finished = BuildState::is_finished(fields.flag("canceled")?, source, &states);
        sqlx::query("UPDATE builds SET finished = $2 WHERE id = $1")
            .bind(build.get())
            .bind(i64::from(finished))
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// How many unfinished tasks there are in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_task_counts(&mut self) -> Result<Vec<(TaskState, u64)>, StoreError> {
        let rows = sqlx::query(OPEN_TASK_COUNTS).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("tasks", row);
                Ok((fields.word("state", TaskState::parse)?, fields.count("tasks")?))
            })
            .collect()
    }

    /// Numbers of projects, of builds and of unfinished builds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn totals(&mut self) -> Result<(u64, u64, u64), StoreError> {
        let [projects, builds, unfinished] =
            [self.counter("projects").await?, self.counter("builds").await?, self.counter("unfinished builds").await?];
        Ok((projects, builds, unfinished))
    }

    /// A number that grows with whatever could make a package be built again: results, configurations, paths, archives.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn world_mark(&mut self) -> Result<u64, StoreError> {
        self.counter("world").await
    }

    async fn counter(&mut self, name: &str) -> Result<u64, StoreError> {
        let (value,): (i64,) =
            sqlx::query_as("SELECT value FROM counters WHERE name = $1").bind(name).fetch_one(self.run()).await?;
        Ok(u64::try_from(value).unwrap_or(0))
    }
}
