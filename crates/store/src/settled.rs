//! What decides whether a package is built again: how its newest build ended, and what that was made from.

use model::{
    About, BuildId, BuildReason, FailureCause, FileName, PackageName, ProjectId, RepositoryId, TaskId, TaskState,
    Timestamp, Verdict,
};
use pkg::{Arch, Sha256};

use crate::fields::{Fields, json_text};
use crate::{BatchId, Session, StoreError};

/// What a build was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Blob: one line a dependency.
    pub lines: Sha256,
    /// Its source tree.
    pub tree: Sha256,
}

/// The newest task of a package in one (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledTask {
    /// Package.
    pub package: PackageName,
    /// What its owner says of it.
    pub about: About,
    /// The task.
    pub task: TaskId,
    /// Its build.
    pub build: BuildId,
    /// Where it stands.
    pub state: TaskState,
    /// The planner's last word.
    pub verdict: Option<Verdict>,
    /// Why it failed.
    pub failure: Option<FailureCause>,
    /// Its source.
    pub tree: Sha256,
    /// What its recipe asked for while it ran.
    pub requirements: Vec<String>,
    /// Blob: what its newest plan was made from.
    pub fingerprint: Option<Sha256>,
}

/// A task that has not ended, in one (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTaskRow {
    /// Task.
    pub task: TaskId,
    /// Package.
    pub package: PackageName,
    /// Where it stands.
    pub state: TaskState,
    /// Whether a worker may claim it.
    pub ready: bool,
    /// Whether it waits for another batch.
    pub held: bool,
    /// The planner's last word.
    pub verdict: Option<Verdict>,
    /// Its source.
    pub tree: Sha256,
    /// The ordered batch it belongs to.
    pub ordered: Option<BatchId>,
}

/// Which build left a package file that builds can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultOrigin {
    /// The file.
    pub file: FileName,
    /// Package of the project.
    pub package: PackageName,
    /// What its build counts as made from, for those built with it.
    pub fingerprint: Option<Fingerprint>,
}

/// A build that is to be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuild {
    /// The build.
    pub of: BuildId,
    /// Where, and the task there that it follows; nothing happens where another one has come since.
    pub targets: Vec<(RepositoryId, Arch, TaskId)>,
    /// Why.
    pub reason: BuildReason,
    /// More is sooner; less than zero for builds nobody waits for.
    pub priority: i64,
}

pub(crate) const SETTLED_TASKS: &str = "SELECT k.name AS package, COALESCE(m.about, k.about) AS about, t.id, t.build_id, t.state, t.verdict, t.failure, \
     s.digest AS tree, f.sha256 AS fingerprint, (SELECT json_group_array(json(q.requires)) FROM task_requirements q \
     WHERE q.task_id = t.id) AS requires FROM packages k JOIN tasks t ON t.id = (SELECT MAX(n.id) FROM tasks n \
     WHERE n.package_id = k.id AND n.repository_id = $2 AND n.arch = $3) JOIN builds b ON b.id = t.build_id \
     JOIN source_trees s ON s.id = b.source_tree_id LEFT JOIN fingerprints f ON f.task_id = t.id \
     LEFT JOIN packages m ON m.id = k.main_id WHERE k.project_id = $1 ORDER BY k.name";

pub(crate) const OPEN_TASKS: &str = "SELECT t.id, k.name AS package, t.state, t.ready, b.held, t.verdict, s.digest AS tree, \
     o.id AS ordered FROM tasks t JOIN packages k ON k.id = t.package_id JOIN builds b ON b.id = t.build_id \
     JOIN source_trees s ON s.id = b.source_tree_id \
     LEFT JOIN batches o ON o.id = b.batch_id AND o.size IS NOT NULL WHERE t.repository_id = $1 AND t.state IN ('pending', 'starting', 'running') \
     AND t.arch = $2 ORDER BY t.id";

pub(crate) const RESULT_ORIGINS: &str = "SELECT r.id, r.name AS file, k.name AS package, COALESCE(f.stands_for, f.sha256) AS sha256, \
     COALESCE(f.stands_for_tree, f.tree) AS tree \
     FROM repositories p JOIN packages k ON k.project_id = p.project_id JOIN tasks t ON t.id = (SELECT MAX(n.id) \
     FROM tasks n WHERE n.package_id = k.id AND n.repository_id = p.id AND n.arch = $2 AND n.state = 'succeeded') \
     JOIN results r ON r.job_id = t.result_job_id LEFT JOIN fingerprints f ON f.task_id = t.id \
     WHERE p.id = $1 AND r.kind = 'package' ORDER BY t.id, r.name";

pub(crate) const PROJECTS_ON_CHANGE: &str = "SELECT id FROM projects \
     WHERE deleted_at IS NULL AND json_extract(settings, '$.trigger') = 'on_change' ORDER BY id";

impl Session {
    /// The projects that build when something changes, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn projects_on_change(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        let ids: Vec<(i64,)> = sqlx::query_as(PROJECTS_ON_CHANGE).fetch_all(self.run()).await?;
        Ok(ids.into_iter().map(|(id,)| ProjectId::new(id)).collect())
    }

    /// The newest task of each package of a project in one (repository, arch), by package.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settled_tasks(
        &mut self,
        project: ProjectId,
        repository: RepositoryId,
        arch: &Arch,
    ) -> Result<Vec<SettledTask>, StoreError> {
        let query = sqlx::query(SETTLED_TASKS).bind(project.get()).bind(repository.get()).bind(arch.as_str());
        let rows = query.fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("tasks", row);
                let requirements: Vec<Vec<String>> = fields.json("requires")?;
                Ok(SettledTask {
                    package: fields.name("package")?,
                    about: fields.json("about")?,
                    task: TaskId::new(fields.int("id")?),
                    build: BuildId::new(fields.int("build_id")?),
                    state: fields.word("state", TaskState::parse)?,
                    verdict: fields.maybe_json("verdict")?,
                    failure: fields.maybe_json("failure")?,
                    tree: fields.name("tree")?,
                    requirements: requirements.concat(),
                    fingerprint: fields.maybe_name("fingerprint")?,
                })
            })
            .collect()
    }

    /// The tasks of a (repository, arch) whose source is there and that have not ended, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_tasks_in(
        &mut self,
        repository: RepositoryId,
        arch: &Arch,
    ) -> Result<Vec<OpenTaskRow>, StoreError> {
        let rows = sqlx::query(OPEN_TASKS).bind(repository.get()).bind(arch.as_str()).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("tasks", row);
                Ok(OpenTaskRow {
                    task: TaskId::new(fields.int("id")?),
                    package: fields.name("package")?,
                    state: fields.word("state", TaskState::parse)?,
                    ready: fields.flag("ready")?,
                    held: fields.flag("held")?,
                    verdict: fields.maybe_json("verdict")?,
                    tree: fields.name("tree")?,
                    ordered: fields.maybe_int("ordered")?.map(BatchId::new),
                })
            })
            .collect()
    }

    /// Changes when anything of a repository does that roots for an architecture are made of: results, configuration,
    /// mirrored indices; or when one of its tasks does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn target_mark(&mut self, repository: RepositoryId, arch: &Arch) -> Result<String, StoreError> {
        let found: Option<(i64, i64, i64, String)> = sqlx::query_as(
            "SELECT r.tasks_mark, r.results_mark, \
             COALESCE((SELECT MAX(c.revision) FROM config_revisions c WHERE c.project_id = r.project_id), 0), \
             COALESCE((SELECT group_concat(m.sha256) FROM mirror_indices m \
             WHERE m.repository_id = r.id AND m.arch = $2), '') FROM repositories r WHERE r.id = $1",
        )
        .bind(repository.get())
        .bind(arch.as_str())
        .fetch_optional(self.run())
        .await?;
        Ok(found
            .map(|(tasks, results, config, indices)| format!("{tasks} {results} {config} {indices}"))
            .unwrap_or_default())
    }

    /// Which builds left the package files of a (repository, arch) that builds can use.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn result_origins(
        &mut self,
        repository: RepositoryId,
        arch: &Arch,
    ) -> Result<Vec<ResultOrigin>, StoreError> {
        let rows = sqlx::query(RESULT_ORIGINS).bind(repository.get()).bind(arch.as_str()).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("results", row);
                let parts = fields.maybe_name("sha256")?.zip(fields.maybe_name("tree")?);
                Ok(ResultOrigin {
                    file: fields.name("file")?,
                    package: fields.name("package")?,
                    fingerprint: parts.map(|(lines, tree)| Fingerprint { lines, tree }),
                })
            })
            .collect()
    }

    /// Notes what a task's newest plan is made from; `lines` is a blob.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_fingerprint(&mut self, task: TaskId, lines: &Sha256) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO fingerprints (task_id, sha256, tree) SELECT t.id, $2, s.digest FROM tasks t \
             JOIN builds b ON b.id = t.build_id JOIN source_trees s ON s.id = b.source_tree_id WHERE t.id = $1 \
             ON CONFLICT (task_id) DO UPDATE SET sha256 = excluded.sha256, tree = excluded.tree, \
             stands_for = NULL, stands_for_tree = NULL",
        )
        .bind(task.get())
        .bind(lines.to_string())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Adds a build of the same source as another one, ready to be planned. `None` if newer tasks have come to every
    /// target, or the other one is gone; nothing happened then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_rebuild(&mut self, rebuild: &Rebuild, now: Timestamp) -> Result<Option<BuildId>, StoreError> {
        let mut targets = Vec::new();
        for (repository, arch, after) in &rebuild.targets {
            let newer = sqlx::query(
                "SELECT n.id FROM tasks t JOIN tasks n ON n.package_id = t.package_id \
                 AND n.repository_id = t.repository_id AND n.arch = t.arch AND n.id > t.id WHERE t.id = $1 LIMIT 1",
            )
            .bind(after.get())
            .fetch_optional(self.run())
            .await?;
            if newer.is_none() {
                targets.push((repository, arch));
            }
        }
        if targets.is_empty() {
            return Ok(None);
        }
        let id: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO builds (project_id, owner_id, package_id, version, source, source_state, source_tree_id, \
             source_signature, reason, network, limits, extra_repositories, priority, submitted_at) \
             SELECT project_id, owner_id, package_id, version, source, source_state, source_tree_id, source_signature, \
             $2, network, limits, extra_repositories, $3, $4 FROM builds \
             WHERE id = $1 AND source_tree_id IS NOT NULL RETURNING id",
        )
        .bind(rebuild.of.get())
        .bind(json_text(&rebuild.reason))
        .bind(rebuild.priority)
        .bind(now.as_millis())
        .fetch_optional(self.run())
        .await?;
        let Some((id,)) = id else { return Ok(None) };
        sqlx::query(
            "INSERT INTO build_uploads (build_id, position, name, bytes, sha256) \
             SELECT $2, position, name, bytes, sha256 FROM build_uploads WHERE build_id = $1",
        )
        .bind(rebuild.of.get())
        .bind(id)
        .execute(self.run())
        .await?;
        for (repository, arch) in targets {
            sqlx::query(
                "INSERT INTO tasks (build_id, project_id, owner_id, package_id, repository_id, arch, state, priority) \
                 SELECT id, project_id, owner_id, package_id, $2, $3, 'pending', priority FROM builds WHERE id = $1",
            )
            .bind(id)
            .bind(repository.get())
            .bind(arch.as_str())
            .execute(self.run())
            .await?;
        }
        Ok(Some(BuildId::new(id)))
    }
}
