//! Copies packages and results from project to project. Files are named by digest, so only rows are copied.

use model::{BuildReason, ProjectId, Timestamp, UserName};

use crate::fields::json_text;
use crate::{Session, StoreError};

/// The newest task with results of each package in each (repository, arch) that the other project has too.
const NEWEST_RESULTS: &str = "SELECT t.id, t.build_id, k2.id, r2.id FROM packages k \
     JOIN packages k2 ON k2.project_id = $2 AND k2.name = k.name \
     JOIN repositories r ON r.project_id = $1 JOIN repositories r2 ON r2.project_id = $2 AND r2.name = r.name \
     JOIN repository_arches a ON a.repository_id = r.id \
     JOIN tasks t ON t.id = (SELECT MAX(n.id) FROM tasks n WHERE n.package_id = k.id AND n.repository_id = r.id \
     AND n.arch = a.arch AND n.state = 'succeeded') WHERE k.project_id = $1 ORDER BY t.build_id, t.id";

impl Session {
    /// Copies the packages of a project with their sources; those the other project has stay as they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn copy_packages(&mut self, from: ProjectId, to: ProjectId) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO packages (project_id, name, source, settings) \
             SELECT $2, name, source, settings FROM packages WHERE project_id = $1 ORDER BY id ON CONFLICT DO NOTHING",
        )
        .bind(from.get())
        .bind(to.get())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Copies the newest results of each package in each (repository, arch) that both projects have, as finished builds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn copy_newest_results(
        &mut self,
        from: ProjectId,
        to: ProjectId,
        by: &UserName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let found: Vec<(i64, i64, i64, i64)> =
            sqlx::query_as(NEWEST_RESULTS).bind(from.get()).bind(to.get()).fetch_all(self.run()).await?;
        let mut copied = None;
        for (task, build, package, repository) in found {
            let copy = match copied {
                Some((known, copy)) if known == build => copy,
                _ => self.copy_build(build, to, package, by, now).await?,
            };
            copied = Some((build, copy));
            self.copy_task(task, copy, package, repository).await?;
        }
        Ok(())
    }

    async fn copy_build(
        &mut self,
        build: i64,
        to: ProjectId,
        package: i64,
        by: &UserName,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO builds (project_id, owner_id, package_id, version, source, source_state, source_tree_id, \
             source_signature, finished, reason, network, limits, extra_repositories, submitted_at) \
             SELECT $2, p.owner_id, $3, b.version, b.source, b.source_state, b.source_tree_id, b.source_signature, 1, $4, \
             b.network, b.limits, b.extra_repositories, $5 FROM builds b JOIN projects p ON p.id = $2 \
             WHERE b.id = $1 RETURNING id",
        )
        .bind(build)
        .bind(to.get())
        .bind(package)
        .bind(json_text(&BuildReason::Submitted { by: by.clone() }))
        .bind(now.as_millis())
        .fetch_one(self.run())
        .await?;
        Ok(id)
    }

    async fn copy_task(&mut self, task: i64, build: i64, package: i64, repository: i64) -> Result<(), StoreError> {
        let (copy,): (i64,) = sqlx::query_as(
            "INSERT INTO tasks (build_id, project_id, owner_id, package_id, repository_id, arch, state, attempts, \
             started_at, ended_at, built_packages) SELECT b.id, b.project_id, b.owner_id, $3, $4, t.arch, t.state, \
             t.attempts, t.started_at, t.ended_at, t.built_packages FROM tasks t JOIN builds b ON b.id = $2 \
             WHERE t.id = $1 RETURNING id",
        )
        .bind(task)
        .bind(build)
        .bind(package)
        .bind(repository)
        .fetch_one(self.run())
        .await?;
        let (job,): (i64,) = sqlx::query_as(
            "INSERT INTO jobs (task_id, worker, phase, claimed_at, lease_until, ended_at, outcome, timings, warm_root) \
             SELECT $2, j.worker, j.phase, j.claimed_at, j.lease_until, j.ended_at, j.outcome, j.timings, j.warm_root \
             FROM jobs j JOIN tasks t ON t.result_job_id = j.id WHERE t.id = $1 RETURNING id",
        )
        .bind(task)
        .bind(copy)
        .fetch_one(self.run())
        .await?;
        sqlx::query(
            "INSERT INTO results (job_id, kind, name, bytes, sha256, package, version) \
             SELECT $2, r.kind, r.name, r.bytes, r.sha256, r.package, r.version FROM results r \
             JOIN tasks t ON t.result_job_id = r.job_id WHERE t.id = $1 ORDER BY r.id",
        )
        .bind(task)
        .bind(job)
        .execute(self.run())
        .await?;
        sqlx::query("UPDATE tasks SET result_job_id = $2 WHERE id = $1")
            .bind(copy)
            .bind(job)
            .execute(self.run())
            .await?;
        Ok(())
    }
}
