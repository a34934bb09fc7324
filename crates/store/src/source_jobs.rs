//! Tasks whose jobs make sources. They are claimed, leased and ended as any other, but are no target of their build.

use model::{
    BuildId, FailureCause, JobId, RepositoryId, SourceEvent, SourceJob, SourceState, Task, TaskState, Timestamp,
};
use pkg::Arch;
use sqlx::QueryBuilder;

use crate::builds::{TASK, task};
use crate::fields::json_text;
use crate::{Session, StoreError, TaskChange, UploadedFile};

impl Session {
    /// Leaves the making of a source, which has begun, to a job in a root of a target; whether that was legal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delegate_source(
        &mut self,
        build: BuildId,
        (repository, arch): (RepositoryId, &Arch),
        job: &SourceJob,
    ) -> Result<bool, StoreError> {
        if self.change_source(build, SourceEvent::Delegate).await?.is_none() {
            return Ok(false);
        }
        // One that is there was excluded from its repository, or lost with it.
        sqlx::query("DELETE FROM tasks WHERE build_id = $1 AND role = 'source'")
            .bind(build.get())
            .execute(self.run())
            .await?;
        sqlx::query(
            "INSERT INTO tasks (build_id, project_id, owner_id, repository_id, arch, state, priority, role, source_job) \
             SELECT id, project_id, owner_id, $2, $3, $4, priority, 'source', $5 FROM builds WHERE id = $1",
        )
        .bind(build.get())
        .bind(repository.get())
        .bind(arch.as_str())
        .bind(TaskState::Pending.as_str())
        .bind(json_text(job))
        .execute(self.run())
        .await?;
        Ok(true)
    }

    /// The task whose jobs make the source of a build; `None` if no job does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn source_task(&mut self, build: BuildId) -> Result<Option<Task>, StoreError> {
        let mut query = QueryBuilder::new(TASK);
        query.push("t.build_id = ").push_bind(build.get()).push(" AND t.role = 'source'");
        query.build().fetch_optional(self.run()).await?.as_ref().map(task).transpose()
    }

    /// What a job left of the source of a build, by name; `None` if none has ended well.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn source_results(&mut self, build: BuildId) -> Result<Option<Vec<UploadedFile>>, StoreError> {
        let job: Option<(i64,)> = sqlx::query_as(
            "SELECT result_job_id FROM tasks WHERE build_id = $1 AND role = 'source' AND state = $2 \
             AND result_job_id IS NOT NULL",
        )
        .bind(build.get())
        .bind(TaskState::Succeeded.as_str())
        .fetch_optional(self.run())
        .await?;
        let Some((job,)) = job else { return Ok(None) };
        let results = self.results_of_job(JobId::new(job)).await?.into_iter().map(|result| result.file);
        let files = results.map(|file| UploadedFile { name: file.name, bytes: file.bytes, sha256: file.sha256 });
        Ok(Some(files.collect()))
    }

    /// Takes back every source that is left to a job that is gone (its repository was deleted); gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recover_source_jobs(&mut self) -> Result<usize, StoreError> {
        let lost: Vec<(i64,)> = sqlx::query_as(
            "SELECT id FROM builds WHERE source_state = $1 AND NOT EXISTS \
             (SELECT 1 FROM tasks t WHERE t.build_id = builds.id AND t.role = 'source')",
        )
        .bind(SourceState::InJob.as_str())
        .fetch_all(self.run())
        .await?;
        for (build,) in &lost {
            self.change_source(BuildId::new(*build), SourceEvent::Returned).await?;
        }
        Ok(lost.len())
    }

    /// What the end of a task that makes a source means for the source.
    pub(crate) async fn end_source_task(
        &mut self,
        build: BuildId,
        change: TaskChange<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match change {
            TaskChange::Succeed { .. } => {
                self.change_source(build, SourceEvent::Returned).await?;
            }
            TaskChange::Fail(cause) => {
                self.fail_source(build, cause, now).await?;
            }
            TaskChange::Exclude(verdict) => {
                let cause = FailureCause::Configuration { detail: format!("no source can be made: {verdict}") };
                self.fail_source(build, &cause, now).await?;
            }
            _ => {}
        }
        Ok(())
    }
}
