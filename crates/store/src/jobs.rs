use model::{
    BuildId, JobId, JobOutcome, JobReport, Phase, PhaseTiming, ProjectId, TaskId, TaskState, Timestamp, WorkerName,
};
use pkg::{Arch, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::fields::{Fields, json_text};
use crate::{Session, StoreError, TaskChange, TaskPlan};

const JOB: &str = "SELECT j.id, j.task_id, t.build_id, t.project_id, t.attempts, t.state, j.ended_at, j.lease_until \
                   FROM jobs j JOIN tasks t ON t.id = j.task_id WHERE ";

/// A job, and where its task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Number.
    pub id: JobId,
    /// Task.
    pub task: TaskId,
    /// Build.
    pub build: BuildId,
    /// Project.
    pub project: ProjectId,
    /// Attempts of the task so far.
    pub attempts: u32,
    /// State of the task.
    pub task_state: TaskState,
    /// When it ended; `None` while it is a worker's.
    pub ended_at: Option<Timestamp>,
    /// When the worker will have been silent for too long.
    pub lease_until: Timestamp,
}

/// A task that a worker has just been given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedJob {
    /// The new attempt.
    pub job: JobId,
    /// Task.
    pub task: TaskId,
    /// Architecture.
    pub arch: Arch,
    /// Blob that holds the root.
    pub root: Sha256,
    /// The rest.
    pub plan: TaskPlan,
}

/// What is kept of an attempt beside its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Number.
    pub job: JobId,
    /// Who has it, or had it.
    pub worker: String,
    /// The step it has come to; `None` before the first.
    pub phase: Option<Phase>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

fn job(row: &SqliteRow) -> Result<JobRow, StoreError> {
    let fields = Fields::new("jobs", row);
    Ok(JobRow {
        id: JobId::new(fields.int("id")?),
        task: TaskId::new(fields.int("task_id")?),
        build: BuildId::new(fields.int("build_id")?),
        project: ProjectId::new(fields.int("project_id")?),
        attempts: fields.count("attempts")?,
        task_state: fields.word("state", TaskState::parse)?,
        ended_at: fields.maybe_time("ended_at")?,
        lease_until: fields.time("lease_until")?,
    })
}

impl Session {
    /// Gives a worker the next task, if there is one for its architectures.
    ///
    /// The owner with the fewest running tasks comes first; among equals, who was served longest ago. Of an owner's tasks
    /// the one with the highest priority comes first, then the oldest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(
        &mut self,
        worker: &WorkerName,
        arches: &[Arch],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<QueuedJob>, StoreError> {
        let Some((task, owner)) = self.next_in_line(arches, now).await? else { return Ok(None) };
        if self.change_task(task, TaskChange::Claim, now).await?.is_none() {
            return Ok(None);
        }
        let (job,): (i64,) = sqlx::query_as(
            "INSERT INTO jobs (task_id, worker, claimed_at, lease_until) VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(task.get())
        .bind(worker.as_str())
        .bind(now.as_millis())
        .bind(lease_until.as_millis())
        .fetch_one(self.run())
        .await?;
        sqlx::query("UPDATE users SET served = $2 WHERE id = $1").bind(owner).bind(job).execute(self.run()).await?;
        let row = sqlx::query(
            "SELECT t.id, t.arch, e.digest, p.plan FROM tasks t JOIN task_plans p ON p.task_id = t.id \
             JOIN environments e ON e.id = p.environment_id WHERE t.id = $1",
        )
        .bind(task.get())
        .fetch_one(self.run())
        .await?;
        let fields = Fields::new("task_plans", &row);
        let (root, plan) = (fields.name("digest")?, fields.json("plan")?);
        Ok(Some(QueuedJob { job: JobId::new(job), task, arch: fields.name("arch")?, root, plan }))
    }

    /// The task to claim next and its owner.
    async fn next_in_line(&mut self, arches: &[Arch], now: Timestamp) -> Result<Option<(TaskId, i64)>, StoreError> {
        if arches.is_empty() {
            return Ok(None);
        }
        let owner: Option<(i64,)> = next_owner_query(arches, now).build_query_as().fetch_optional(self.run()).await?;
        let Some((owner,)) = owner else { return Ok(None) };
        let task: Option<(i64,)> =
            next_task_query(owner, arches, now).build_query_as().fetch_optional(self.run()).await?;
        Ok(task.map(|(task,)| (TaskId::new(task), owner)))
    }

    /// A job by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn job(&mut self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        let mut query = QueryBuilder::new(JOB);
        query.push("j.id = ").push_bind(id.get());
        Ok(self.load_jobs(query).await?.pop())
    }

    /// Jobs that have not ended and whose lease ended at or before a time, oldest lease first; with `None`, all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_jobs(&mut self, lease_until: Option<Timestamp>) -> Result<Vec<JobRow>, StoreError> {
        self.load_jobs(active_jobs_query(lease_until)).await
    }

    /// The jobs of a build that have not ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_jobs_of(&mut self, build: BuildId) -> Result<Vec<JobRow>, StoreError> {
        let mut query = QueryBuilder::new(JOB);
        query.push("j.ended_at IS NULL AND t.build_id = ").push_bind(build.get()).push(" ORDER BY j.id");
        self.load_jobs(query).await
    }

    /// The newest job of a task.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_job(&mut self, task: TaskId) -> Result<Option<JobRow>, StoreError> {
        let mut query = QueryBuilder::new(JOB);
        query.push("j.task_id = ").push_bind(task.get()).push(" ORDER BY j.id DESC LIMIT 1");
        Ok(self.load_jobs(query).await?.pop())
    }

    /// How long each phase of the newest ended job of a task took, and whether its root came from the cache; `None` if none
    /// has reported.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn phase_timings(&mut self, task: TaskId) -> Result<Option<(Vec<PhaseTiming>, bool)>, StoreError> {
        let row = sqlx::query(
            "SELECT id, timings, warm_root FROM jobs WHERE task_id = $1 AND timings IS NOT NULL ORDER BY id DESC LIMIT 1",
        )
        .bind(task.get())
        .fetch_optional(self.run())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new("jobs", &row);
        Ok(Some((fields.json("timings")?, fields.flag("warm_root")?)))
    }

    /// The newest attempt of a task.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_attempt(&mut self, task: TaskId) -> Result<Option<AttemptRow>, StoreError> {
        let row = sqlx::query(
            "SELECT id, worker, phase, claimed_at, ended_at FROM jobs WHERE task_id = $1 ORDER BY id DESC LIMIT 1",
        )
        .bind(task.get())
        .fetch_optional(self.run())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new("jobs", &row);
        Ok(Some(AttemptRow {
            job: JobId::new(fields.int("id")?),
            worker: fields.text("worker")?,
            phase: fields.maybe_json("phase")?,
            claimed_at: fields.time("claimed_at")?,
            ended_at: fields.maybe_time("ended_at")?,
        }))
    }

    async fn load_jobs(&mut self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<JobRow>, StoreError> {
        query.build().fetch_all(self.run()).await?.iter().map(job).collect()
    }

    /// Keeps the lease of a job that has not ended; whether there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn extend_lease(&mut self, id: JobId, until: Timestamp) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE jobs SET lease_until = $2 WHERE id = $1 AND ended_at IS NULL")
            .bind(id.get())
            .bind(until.as_millis())
            .execute(self.run())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Notes the step a job has come to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_job_phase(&mut self, id: JobId, phase: Phase) -> Result<(), StoreError> {
        sqlx::query("UPDATE jobs SET phase = $2 WHERE id = $1 AND ended_at IS NULL")
            .bind(id.get())
            .bind(json_text(&phase))
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Ends a job: without a report, because its worker was silent or its build was canceled. Whether it was active.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_job(
        &mut self,
        id: JobId,
        outcome: &JobOutcome,
        report: Option<&JobReport>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE jobs SET ended_at = $2, outcome = $3, timings = $4, warm_root = $5 \
             WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id.get())
        .bind(now.as_millis())
        .bind(json_text(outcome))
        .bind(report.map(|report| json_text(&report.timings)))
        .bind(report.map(|report| i64::from(report.warm_root)))
        .execute(self.run())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Those of the jobs that there are, at most a few hundred at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn existing_jobs(&mut self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT id FROM jobs WHERE id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.get());
        }
        query.push(")");
        let found: Vec<(i64,)> = query.build_query_as().fetch_all(self.run()).await?;
        Ok(found.into_iter().map(|(id,)| JobId::new(id)).collect())
    }

    /// The next time after `now` at which a lease ends or a task that was put back may run again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_job_event(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let (lease, retry): (Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT MIN(lease_until) FROM jobs WHERE ended_at IS NULL), \
             (SELECT MIN(not_before) FROM tasks WHERE state = 'pending' AND not_before > $1)",
        )
        .bind(now.as_millis())
        .fetch_one(self.run())
        .await?;
        Ok(lease.into_iter().chain(retry).min().map(Timestamp::from_millis))
    }
}

pub(crate) fn active_jobs_query(lease_until: Option<Timestamp>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(JOB);
    query.push("j.ended_at IS NULL AND j.lease_until <= ");
    query.push_bind(lease_until.map_or(i64::MAX, Timestamp::as_millis)).push(" ORDER BY j.lease_until, j.id");
    query
}

pub(crate) fn next_owner_query(arches: &[Arch], now: Timestamp) -> QueryBuilder<Sqlite> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT u.id FROM users u WHERE EXISTS (");
    push_queue(&mut query, "u.id", arches, now);
    query.push(
        ") ORDER BY (SELECT COUNT(*) FROM tasks a WHERE a.owner_id = u.id AND a.state IN ('starting', 'running')), \
         u.served, u.id LIMIT 1",
    );
    query
}

pub(crate) fn next_task_query(owner: i64, arches: &[Arch], now: Timestamp) -> QueryBuilder<Sqlite> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("");
    push_queue(&mut query, &owner.to_string(), arches, now);
    query.push(" ORDER BY q.priority DESC, q.id LIMIT 1");
    query
}

/// The tasks of an owner (a column or number) that may be claimed now.
fn push_queue(query: &mut QueryBuilder<Sqlite>, owner: &str, arches: &[Arch], now: Timestamp) {
    query.push("SELECT q.id FROM tasks q WHERE q.ready = 1 AND q.owner_id = ").push(owner).push(" AND q.arch IN (");
    let mut list = query.separated(", ");
    for arch in arches {
        list.push_bind(arch.as_str().to_owned());
    }
    query.push(") AND q.not_before <= ").push_bind(now.as_millis());
}
