use model::{BuildId, FileName, JobFile, JobId, PackageName, RepositoryId, ResultFile, ResultKind, TaskId, Timestamp};
use pkg::Arch;
use sqlx::sqlite::SqliteRow;

use crate::fields::{Fields, size};
use crate::{Session, StoreError};

const KINDS: [(ResultKind, &str); 3] =
    [(ResultKind::Package, "package"), (ResultKind::Source, "source"), (ResultKind::Record, "record")];

/// A result of a task that succeeded in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryResult {
    /// Task.
    pub task: TaskId,
    /// Build.
    pub build: BuildId,
    /// Package of the project, not of the file.
    pub package: PackageName,
    /// Architecture of the task.
    pub arch: Arch,
    /// The file.
    pub result: ResultFile,
}

fn result(row: &SqliteRow) -> Result<ResultFile, StoreError> {
    let fields = Fields::new("results", row);
    let kind = |text: &str| KINDS.iter().find(|(_, word)| *word == text).map(|(kind, _)| *kind);
    let file = JobFile {
        name: fields.name::<FileName>("name")?,
        bytes: fields.count("bytes")?,
        sha256: fields.name("sha256")?,
    };
    let package = fields.maybe_text("package")?.zip(fields.maybe_text("version")?);
    Ok(ResultFile { kind: fields.word("kind", kind)?, file, package })
}

/// Tasks that may have been replaced, oldest first, with the job whose results go if it is so.
pub(crate) const SUPERSEDED: &str = "SELECT r.task_id, (SELECT t.result_job_id FROM tasks t WHERE t.id = r.task_id \
     AND t.state = 'succeeded' AND t.id < (SELECT MAX(n.id) FROM tasks n WHERE n.package_id = t.package_id \
     AND n.repository_id = t.repository_id AND n.arch = t.arch AND n.state = 'succeeded')) \
     FROM replaced_tasks r WHERE r.kept = 0 AND r.ended_at < $1 ORDER BY r.ended_at LIMIT $2";

pub(crate) const REPOSITORY_RESULTS: &str = "SELECT t.id AS task_id, t.build_id, k.name AS source_package, t.arch, r.id, r.kind, r.name, r.bytes, \
     r.sha256, r.package, r.version FROM repositories p JOIN packages k ON k.project_id = p.project_id \
     JOIN repository_arches a ON a.repository_id = p.id JOIN tasks t ON t.id = (SELECT MAX(n.id) FROM tasks n \
     WHERE n.package_id = k.id AND n.repository_id = p.id AND n.arch = a.arch AND n.state = 'succeeded') \
     JOIN results r ON r.job_id = t.result_job_id WHERE p.id = $1 ORDER BY t.id DESC, r.name";

impl Session {
    /// Notes a result of a job whose bytes are in the blob folder; the same name again replaces it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_result(&mut self, job: JobId, result: &ResultFile) -> Result<(), StoreError> {
        let word = KINDS.iter().find(|(kind, _)| *kind == result.kind).map_or("record", |(_, word)| word);
        sqlx::query(
            "INSERT INTO results (job_id, kind, name, bytes, sha256, package, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (job_id, name) DO UPDATE SET kind = excluded.kind, \
             bytes = excluded.bytes, sha256 = excluded.sha256, package = excluded.package, version = excluded.version",
        )
        .bind(job.get())
        .bind(word)
        .bind(result.file.name.as_str())
        .bind(size(result.file.bytes))
        .bind(result.file.sha256.to_string())
        .bind(result.package.as_ref().map(|(name, _)| name))
        .bind(result.package.as_ref().map(|(_, version)| version))
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// What a job has handed over so far, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn results_of_job(&mut self, job: JobId) -> Result<Vec<ResultFile>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, kind, name, bytes, sha256, package, version FROM results WHERE job_id = $1 ORDER BY name",
        )
        .bind(job.get())
        .fetch_all(self.run())
        .await?;
        rows.iter().map(result).collect()
    }

    /// The results of a task, by name; none, unless it succeeded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn results_of_task(&mut self, task: TaskId) -> Result<Vec<ResultFile>, StoreError> {
        let rows = sqlx::query(
            "SELECT r.id, r.kind, r.name, r.bytes, r.sha256, r.package, r.version FROM results r \
             JOIN tasks t ON t.result_job_id = r.job_id WHERE t.id = $1 ORDER BY r.name",
        )
        .bind(task.get())
        .fetch_all(self.run())
        .await?;
        rows.iter().map(result).collect()
    }

    /// Forgets what a job handed over that did not succeed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_results(&mut self, job: JobId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM results WHERE job_id = $1").bind(job.get()).execute(self.run()).await?;
        Ok(())
    }

    /// Forgets the results of tasks that ended before a time and whose package has been built well there since, in projects
    /// that do not keep old builds. Looks at `limit` tasks at most and gives how many it looked at: fewer than that, if
    /// there are no others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune_superseded(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let found: Vec<(i64, Option<i64>)> =
            sqlx::query_as(SUPERSEDED).bind(before.as_millis()).bind(i64::from(limit)).fetch_all(self.run()).await?;
        for (task, job) in &found {
            if let Some(job) = job {
                self.delete_results(JobId::new(*job)).await?;
                sqlx::query("UPDATE tasks SET result_job_id = NULL WHERE id = $1")
                    .bind(task)
                    .execute(self.run())
                    .await?;
            }
            sqlx::query("DELETE FROM replaced_tasks WHERE task_id = $1").bind(task).execute(self.run()).await?;
        }
        Ok(found.len() as u64)
    }

    /// The results of the newest task that succeeded of each package on each architecture of a repository; newest task
    /// first, then by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository_results(&mut self, repository: RepositoryId) -> Result<Vec<RepositoryResult>, StoreError> {
        let rows = sqlx::query(REPOSITORY_RESULTS).bind(repository.get()).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("results", row);
                Ok(RepositoryResult {
                    task: TaskId::new(fields.int("task_id")?),
                    build: BuildId::new(fields.int("build_id")?),
                    package: fields.name("source_package")?,
                    arch: fields.name("arch")?,
                    result: result(row)?,
                })
            })
            .collect()
    }
}
