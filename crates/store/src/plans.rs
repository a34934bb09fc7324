use model::{
    About, BuildId, BuildSettings, JobFile, JobWork, Limits, PackageName, ProjectId, ProjectName, RepositoryId,
    RepositoryName, SourceJob, TaskId, Timestamp, Verdict,
};
use pkg::{Arch, Sha256};
use serde::{Deserialize, Serialize};

use crate::fields::{Fields, json_text};
use crate::{BatchId, Session, StoreError};

/// A task that the planner has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTask {
    /// Task.
    pub task: TaskId,
    /// Its build.
    pub build: BuildId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its project's name.
    pub project: ProjectName,
    /// What its jobs do.
    pub work: PendingWork,
    /// Its repository.
    pub repository_id: RepositoryId,
    /// Its repository's name.
    pub repository: RepositoryName,
    /// Architecture.
    pub arch: Arch,
    /// Whether the recipe may reach the network.
    pub network: bool,
    /// The build's own limits.
    pub limits: Option<Limits>,
    /// The verdict of the last pass.
    pub verdict: Option<Verdict>,
    /// What its recipe asked for while it ran, in earlier rounds.
    pub requirements: Vec<String>,
    /// The ordered batch it belongs to.
    pub ordered: Option<BatchId>,
    /// Blob that says what its package needs of a worker.
    pub constraints: Option<Sha256>,
    /// Words and switches of its package; a flavor has those of the package it is a flavor of.
    pub about: About,
}

/// What the jobs of a pending task do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PendingWork {
    /// Build a recipe.
    Recipe {
        /// The package.
        package: PackageName,
        /// Its source.
        source_tree: Sha256,
    },
    /// Make the source of the build.
    Source(SourceJob),
}

impl PendingTask {
    /// What people call what it is about: the package, or the source of a build.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.work {
            PendingWork::Recipe { package, .. } => package.to_string(),
            PendingWork::Source(_) => format!("source of build {}", self.build),
        }
    }
}

/// Everything a worker is given for a task but the root, which is a blob shared with other tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPlan {
    /// What people call it in logs.
    pub title: String,
    /// What is done in it.
    pub work: JobWork,
    /// Every file of the source tree, or every file a script finds.
    pub sources: Vec<JobFile>,
    /// What the configuration says of the way to build.
    pub settings: BuildSettings,
    /// Bounds on the run.
    pub limits: Limits,
    /// Whether the recipe may reach the network.
    pub network: bool,
}

pub(crate) const PENDING_TASKS: &str = "SELECT t.id, t.build_id, t.project_id, p.name AS project, k.name AS package, t.repository_id, \
     r.name AS repository, t.arch, s.digest AS tree, b.network, b.limits, k.constraints_sha256, t.verdict, t.source_job, o.id AS ordered, \
     COALESCE(m.about, k.about) AS about \
     FROM tasks t JOIN builds b ON b.id = t.build_id JOIN projects p ON p.id = t.project_id \
     JOIN repositories r ON r.id = t.repository_id LEFT JOIN packages k ON k.id = t.package_id \
     LEFT JOIN packages m ON m.id = k.main_id LEFT JOIN source_trees s ON s.id = b.source_tree_id \
     LEFT JOIN batches o ON o.id = b.batch_id AND o.size IS NOT NULL AND t.role = 'recipe' WHERE t.state = 'pending' AND t.ready = 0 \
     AND (b.held = 0 OR t.role = 'source') ORDER BY t.id";

fn work(fields: &Fields<'_>) -> Result<PendingWork, StoreError> {
    match fields.maybe_json("source_job")? {
        Some(job) => Ok(PendingWork::Source(job)),
        None => Ok(PendingWork::Recipe { package: fields.name("package")?, source_tree: fields.name("tree")? }),
    }
}

impl Session {
    /// Every pending task that no worker may claim yet, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_tasks(&mut self) -> Result<Vec<PendingTask>, StoreError> {
        let rows = sqlx::query(PENDING_TASKS).fetch_all(self.run()).await?;
        let mut requirements = self.pending_requirements().await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("tasks", row);
                Ok(PendingTask {
                    requirements: requirements.remove(&fields.int("id")?).unwrap_or_default(),
                    task: TaskId::new(fields.int("id")?),
                    build: BuildId::new(fields.int("build_id")?),
                    project_id: ProjectId::new(fields.int("project_id")?),
                    project: fields.name("project")?,
                    work: work(&fields)?,
                    repository_id: RepositoryId::new(fields.int("repository_id")?),
                    repository: fields.name("repository")?,
                    arch: fields.name("arch")?,
                    network: fields.flag("network")?,
                    limits: fields.maybe_json("limits")?,
                    verdict: fields.maybe_json("verdict")?,
                    ordered: fields.maybe_int("ordered")?.map(BatchId::new),
                    constraints: fields.maybe_name("constraints_sha256")?,
                    about: fields.maybe_json("about")?.unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Notes why a pending task can not run yet; it is not ready any more. Whether it was pending.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_verdict(&mut self, task: TaskId, verdict: &Verdict) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE tasks SET verdict = $2, ready = 0 WHERE id = $1 AND state = 'pending'")
            .bind(task.get())
            .bind(json_text(verdict))
            .execute(self.run())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Makes a pending task ready to be claimed. `root` is the blob that holds the root as JSON, `packages` the package
    /// files in it; all of them, and the plan's sources, are in the blob folder. Whether it was pending.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_plan(
        &mut self,
        task: TaskId,
        plan: &TaskPlan,
        root: &Sha256,
        packages: &[Sha256],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE tasks SET verdict = $2, ready = 1 WHERE id = $1 AND state = 'pending'")
            .bind(task.get())
            .bind(json_text(&Verdict::Scheduled))
            .execute(self.run())
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let environment = self.put_environment(root, packages).await?;
        sqlx::query(
            "INSERT INTO task_plans (task_id, environment_id, plan, planned_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (task_id) DO UPDATE SET environment_id = excluded.environment_id, plan = excluded.plan, \
             planned_at = excluded.planned_at",
        )
        .bind(task.get())
        .bind(environment)
        .bind(json_text(plan))
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(true)
    }

    async fn put_environment(&mut self, root: &Sha256, packages: &[Sha256]) -> Result<i64, StoreError> {
        let known: Option<(i64,)> = sqlx::query_as("SELECT id FROM environments WHERE digest = $1")
            .bind(root.to_string())
            .fetch_optional(self.run())
            .await?;
        if let Some((id,)) = known {
            return Ok(id);
        }
        let (id,): (i64,) = sqlx::query_as("INSERT INTO environments (digest) VALUES ($1) RETURNING id")
            .bind(root.to_string())
            .fetch_one(self.run())
            .await?;
        for package in packages {
            sqlx::query(
                "INSERT INTO environment_packages (environment_id, sha256) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(package.to_string())
            .execute(self.run())
            .await?;
        }
        Ok(id)
    }

    /// The blob that holds the root of a task's newest plan.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn environment(&mut self, task: TaskId) -> Result<Option<Sha256>, StoreError> {
        let row = sqlx::query(
            "SELECT e.id, e.digest FROM task_plans p JOIN environments e ON e.id = p.environment_id \
             WHERE p.task_id = $1",
        )
        .bind(task.get())
        .fetch_optional(self.run())
        .await?;
        row.map(|row| Fields::new("environments", &row).name("digest")).transpose()
    }
}
