//! Packages that take results over from others: rows are copied, files are shared.

use model::{
    BuildReason, BuildSource, BuiltPackage, JobOutcome, PackageName, ProjectId, ProjectName, RepositoryId, ResultFile,
    SourceState, TaskId, TaskState, Timestamp,
};
use pkg::{Arch, Sha256};

use crate::fields::{Fields, json_text};
use crate::{Session, StoreError};

/// A package that takes results over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateRow {
    /// Its number.
    pub package: i64,
    /// Its name.
    pub name: PackageName,
    /// Its project.
    pub project: ProjectId,
    /// The revision that says what is taken over.
    pub revision: u64,
    /// The blob that says it.
    pub sha256: Sha256,
    /// What names the results that were taken over.
    pub taken: Option<String>,
}

/// What a package is to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateWish {
    /// The blob that says it.
    pub sha256: Sha256,
    /// The revision that has it.
    pub revision: u64,
    /// Whose results it looks at.
    pub sources: Vec<(ProjectName, PackageName)>,
}

/// Results that are taken over in one (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// Repository.
    pub repository: RepositoryId,
    /// Architecture.
    pub arch: Arch,
    /// They.
    pub results: Vec<ResultFile>,
}

pub(crate) const STALE_AGGREGATES: &str = "SELECT k.id, k.name, k.project_id, a.revision, a.sha256, a.taken \
     FROM aggregates a JOIN packages k ON k.id = a.package_id WHERE a.stale = 1 ORDER BY a.package_id LIMIT $1";

impl Session {
    /// Says what a package takes over now, and whose results it looks at; nothing, if it does not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_aggregate(&mut self, package: i64, wanted: Option<&AggregateWish>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM aggregate_sources WHERE package_id = $1").bind(package).execute(self.run()).await?;
        let Some(AggregateWish { sha256, revision, sources }) = wanted else {
            sqlx::query("DELETE FROM aggregates WHERE package_id = $1").bind(package).execute(self.run()).await?;
            return Ok(());
        };
        sqlx::query(
            "INSERT INTO aggregates (package_id, sha256, revision) VALUES ($1, $2, $3) ON CONFLICT (package_id) \
             DO UPDATE SET sha256 = excluded.sha256, revision = excluded.revision, stale = 1",
        )
        .bind(package)
        .bind(sha256.to_string())
        .bind(i64::try_from(*revision).unwrap_or(i64::MAX))
        .execute(self.run())
        .await?;
        for (project, name) in sources {
            sqlx::query(
                "INSERT INTO aggregate_sources (package_id, project, package) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(package)
            .bind(project.as_str())
            .bind(name.as_str())
            .execute(self.run())
            .await?;
        }
        Ok(())
    }

    /// Packages whose taken over results may be others now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stale_aggregates(&mut self, limit: u32) -> Result<Vec<AggregateRow>, StoreError> {
        let rows = sqlx::query(STALE_AGGREGATES).bind(i64::from(limit)).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("aggregates", row);
                Ok(AggregateRow {
                    package: fields.int("id")?,
                    name: fields.name("name")?,
                    project: ProjectId::new(fields.int("project_id")?),
                    revision: fields.count("revision")?,
                    sha256: fields.name("sha256")?,
                    taken: fields.maybe_text("taken")?,
                })
            })
            .collect()
    }

    /// Takes the mark from a package and writes down what names its results.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_aggregate(&mut self, package: i64, taken: &str) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE aggregates SET stale = 0, taken = $2 WHERE package_id = $1");
        query.bind(package).bind(taken).execute(self.run()).await?;
        Ok(())
    }

    /// The newest task of a package with results in a (repository, arch).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_good_task(
        &mut self,
        package: i64,
        repository: RepositoryId,
        arch: &Arch,
    ) -> Result<Option<TaskId>, StoreError> {
        let (found,): (Option<i64>,) = sqlx::query_as(
            "SELECT MAX(id) FROM tasks WHERE package_id = $1 AND repository_id = $2 AND arch = $3 AND state = 'succeeded'",
        )
        .bind(package)
        .bind(repository.get())
        .bind(arch.as_str())
        .fetch_one(self.run())
        .await?;
        Ok(found.map(TaskId::new))
    }

    /// Adds results that are taken over as a finished build.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_taken_over(
        &mut self,
        (project, package): (ProjectId, i64),
        (source, reason): (&BuildSource, &BuildReason),
        taken: &[TakenOver],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (build,): (i64,) = sqlx::query_as(
            "INSERT INTO builds (project_id, owner_id, package_id, source, source_state, finished, reason, network, \
             extra_repositories, submitted_at) SELECT id, owner_id, $2, $3, $4, 1, $5, 0, '[]', $6 FROM projects \
             WHERE id = $1 RETURNING id",
        )
        .bind(project.get())
        .bind(package)
        .bind(json_text(source))
        .bind(SourceState::Succeeded.as_str())
        .bind(json_text(reason))
        .bind(now.as_millis())
        .fetch_one(self.run())
        .await?;
        for one in taken {
            self.add_taken_task(build, package, one, now).await?;
        }
        Ok(())
    }

    async fn add_taken_task(
        &mut self,
        build: i64,
        package: i64,
        taken: &TakenOver,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let named = taken.results.iter().filter_map(|result| result.package.as_ref());
        let built: Vec<BuiltPackage> =
            named.map(|(name, version)| BuiltPackage { name: name.clone(), version: version.clone() }).collect();
        let (task,): (i64,) = sqlx::query_as(
            "INSERT INTO tasks (build_id, project_id, owner_id, package_id, repository_id, arch, state, started_at, \
             ended_at, built_packages) SELECT id, project_id, owner_id, $2, $3, $4, $5, $6, $6, $7 FROM builds \
             WHERE id = $1 RETURNING id",
        )
        .bind(build)
        .bind(package)
        .bind(taken.repository.get())
        .bind(taken.arch.as_str())
        .bind(TaskState::Succeeded.as_str())
        .bind(now.as_millis())
        .bind(json_text(&built))
        .fetch_one(self.run())
        .await?;
        let (job,): (i64,) = sqlx::query_as(
            "INSERT INTO jobs (task_id, worker, claimed_at, lease_until, ended_at, outcome) \
             VALUES ($1, 'none', $2, $2, $2, $3) RETURNING id",
        )
        .bind(task)
        .bind(now.as_millis())
        .bind(json_text(&JobOutcome::Succeeded))
        .fetch_one(self.run())
        .await?;
        for result in &taken.results {
            self.put_result(model::JobId::new(job), result).await?;
        }
        let query = sqlx::query("UPDATE tasks SET result_job_id = $2 WHERE id = $1").bind(task).bind(job);
        query.execute(self.run()).await?;
        Ok(())
    }
}
