//! What became of each package of a project in each (repository, arch), and the rows behind it.

use model::{
    About, BuildId, PackageName, ProjectId, RepositoryId, RepositoryName, SourceState, Task, TaskState, Timestamp,
};
use pkg::Arch;
use sqlx::sqlite::SqliteRow;

use crate::builds::task;
use crate::fields::Fields;
use crate::{Session, StoreError};

/// The newest task of a package in one (repository, arch), with what its build knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageTask {
    /// Package.
    pub package: PackageName,
    /// The task.
    pub task: Task,
    /// Version of its source.
    pub version: Option<String>,
    /// Where its source stands.
    pub source_state: SourceState,
}

/// What [`package_task`] reads, of a package `k`, a task `t`, its build `b` and its repository `r`.
pub(crate) const PACKAGE_TASK: &str = "SELECT k.name AS package, b.version, b.source_state, t.id, t.build_id, \
     r.name AS repository, t.arch, t.state, t.verdict, t.failure, t.started_at, t.ended_at, t.attempts, \
     t.built_packages ";

const NEWEST_OF_PACKAGES: &str = "FROM packages k JOIN repositories r ON r.project_id = k.project_id \
     JOIN repository_arches a ON a.repository_id = r.id \
     JOIN tasks t ON t.id = (SELECT MAX(n.id) FROM tasks n WHERE n.package_id = k.id AND n.repository_id = r.id \
     AND n.arch = a.arch) JOIN builds b ON b.id = t.build_id WHERE k.project_id = $1";

const TASKS_OF_PACKAGES: &str = "FROM tasks t JOIN packages k ON k.id = t.package_id \
     JOIN repositories r ON r.id = t.repository_id JOIN builds b ON b.id = t.build_id WHERE ";

pub(crate) const PACKAGES_WITH_TASKS: &str = "SELECT k.id, k.name FROM packages k WHERE k.project_id = $1 \
     AND EXISTS (SELECT 1 FROM package_outcomes o WHERE o.package_id = k.id AND o.repository_id = $2 AND o.arch = $3) \
     ORDER BY k.name";

/// Repository, architecture, limit and, if there is one, state.
pub(crate) fn ended_tasks_sql(state: Option<TaskState>) -> String {
    let wanted = match state {
        Some(_) => "t.state = $4 ORDER BY t.id DESC",
        None => "t.ended_at IS NOT NULL ORDER BY t.ended_at DESC",
    };
    format!(
        "{PACKAGE_TASK}{TASKS_OF_PACKAGES}t.repository_id = $1 AND t.arch = $2 AND t.started_at IS NOT NULL AND {wanted} LIMIT $3"
    )
}

pub(crate) fn package_task(row: &SqliteRow) -> Result<PackageTask, StoreError> {
    let fields = Fields::new("tasks", row);
    Ok(PackageTask {
        package: fields.name("package")?,
        version: fields.maybe_text("version")?,
        source_state: fields.word("source_state", SourceState::parse)?,
        task: task(row)?,
    })
}

/// A package with what decides where it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageOutline {
    /// Name.
    pub name: PackageName,
    /// What its owner says of it.
    pub about: About,
    /// Whether files of it are kept.
    pub has_revision: bool,
    /// Why its files can not be put together.
    pub failure: Option<String>,
}

/// Flavors have files, words and switches of the package they are flavors of.
pub(crate) const PACKAGE_OUTLINES: &str = "SELECT k.id, k.name, COALESCE(m.about, k.about) AS about, \
     EXISTS (SELECT 1 FROM package_revisions r WHERE r.package_id = COALESCE(k.main_id, k.id)) AS has_revision, \
     COALESCE(m.failure, k.failure) AS failure FROM packages k LEFT JOIN packages m ON m.id = k.main_id WHERE k.project_id = $1";

/// What [`PACKAGE_OUTLINES`] is narrowed by: a package and its flavors, whose names are its own, a `:` and theirs.
pub(crate) const WITH_FLAVORS: &str = " AND (k.name = $2 OR (k.name > $2 || ':' AND k.name < $2 || ';'))";

/// What goes on in a (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetActivity {
    /// Repository.
    pub repository: RepositoryName,
    /// Architecture.
    pub arch: Arch,
    /// Whether something runs, or can as soon as a worker is free.
    pub builds: bool,
    /// Whether something waits for something else.
    pub waits: bool,
    /// When a task ended last.
    pub ended_at: Option<Timestamp>,
}

pub(crate) const TARGET_ENDS: &str = "SELECT a.id, a.repository_id, r.name AS repository, a.arch, (SELECT MAX(t.ended_at) \
     FROM tasks t WHERE t.repository_id = a.repository_id AND t.arch = a.arch AND t.ended_at IS NOT NULL) AS ended_at \
     FROM repositories r JOIN repository_arches a ON a.repository_id = r.id WHERE r.project_id = $1 ORDER BY r.id, a.id";

/// Pending tasks whose verdict is neither of these will not become anything by themselves.
pub(crate) const TARGET_STATES: &str = "SELECT t.repository_id AS id, t.arch, t.state, \
     json_extract(t.verdict, '$.code') AS verdict FROM repositories r JOIN tasks t ON t.repository_id = r.id \
     AND t.state IN ('waiting', 'pending', 'starting', 'running') WHERE r.project_id = $1 AND t.role = 'recipe' \
     GROUP BY t.repository_id, t.arch, t.state, json_extract(t.verdict, '$.code')";

impl Session {
    /// What goes on in each (repository, arch) of a project, disabled ones included, in order of creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn target_activity(&mut self, project: ProjectId) -> Result<Vec<TargetActivity>, StoreError> {
        let mut found: Vec<(i64, TargetActivity)> = Vec::new();
        for row in &sqlx::query(TARGET_ENDS).bind(project.get()).fetch_all(self.run()).await? {
            let fields = Fields::new("repository_arches", row);
            let target = TargetActivity {
                repository: fields.name("repository")?,
                arch: fields.name("arch")?,
                builds: false,
                waits: false,
                ended_at: fields.maybe_time("ended_at")?,
            };
            found.push((fields.int("repository_id")?, target));
        }
        for row in &sqlx::query(TARGET_STATES).bind(project.get()).fetch_all(self.run()).await? {
            let fields = Fields::new("tasks", row);
            let (repository, arch): (i64, Arch) = (fields.int("id")?, fields.name("arch")?);
            let place = found.iter_mut().find(|(id, target)| *id == repository && target.arch == arch);
            let Some((_, target)) = place else { continue };
            let verdict = fields.maybe_text("verdict")?;
            match (fields.word("state", TaskState::parse)?, verdict.as_deref()) {
                (TaskState::Starting | TaskState::Running, _) | (TaskState::Pending, None | Some("scheduled")) => {
                    target.builds = true;
                }
                (TaskState::Waiting, _) | (TaskState::Pending, Some("blocked" | "fetching" | "waiting")) => {
                    target.waits = true;
                }
                _ => {}
            }
        }
        Ok(found.into_iter().map(|(_, target)| target).collect())
    }

    /// The packages of a project by name, or one of them with its flavors.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_outlines(
        &mut self,
        project: ProjectId,
        package: Option<&PackageName>,
    ) -> Result<Vec<PackageOutline>, StoreError> {
        let narrowed = package.map_or("", |_| WITH_FLAVORS);
        let sql = sqlx::AssertSqlSafe(format!("{PACKAGE_OUTLINES}{narrowed} ORDER BY k.name"));
        let query = sqlx::query(sql).bind(project.get());
        let query = match package {
            Some(name) => query.bind(name.to_string()),
            None => query,
        };
        let rows = query.fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("packages", row);
                Ok(PackageOutline {
                    name: fields.name("name")?,
                    about: fields.json("about")?,
                    has_revision: fields.flag("has_revision")?,
                    failure: fields.maybe_text("failure")?,
                })
            })
            .collect()
    }

    /// The newest task of each package of a project, or of one, in each (repository, arch), disabled ones included; by
    /// package.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_tasks(
        &mut self,
        project: ProjectId,
        package: Option<&PackageName>,
    ) -> Result<Vec<PackageTask>, StoreError> {
        let sql = match package {
            Some(_) => format!("{PACKAGE_TASK}{NEWEST_OF_PACKAGES} AND k.name = $2 ORDER BY r.id, a.id"),
            None => format!("{PACKAGE_TASK}{NEWEST_OF_PACKAGES} ORDER BY k.name, r.id, a.id"),
        };
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(project.get());
        let query = match package {
            Some(name) => query.bind(name.to_string()),
            None => query,
        };
        query.fetch_all(self.run()).await?.iter().map(package_task).collect()
    }

    /// The tasks of a package in one (repository, arch), newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tasks_of_package(
        &mut self,
        package: i64,
        (repository, arch): (RepositoryId, &Arch),
        limit: u32,
    ) -> Result<Vec<PackageTask>, StoreError> {
        let wanted = "t.package_id = $1 AND t.repository_id = $2 AND t.arch = $3 ORDER BY t.id DESC LIMIT $4";
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{PACKAGE_TASK}{TASKS_OF_PACKAGES}{wanted}")))
            .bind(package)
            .bind(repository.get())
            .bind(arch.as_str())
            .bind(i64::from(limit))
            .fetch_all(self.run())
            .await?;
        rows.iter().map(package_task).collect()
    }

    /// The tasks of a (repository, arch) that ran and ended, those that ended last first, at most `limit`; or those in one
    /// state, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_tasks(
        &mut self,
        (repository, arch): (RepositoryId, &Arch),
        state: Option<TaskState>,
        limit: u32,
    ) -> Result<Vec<PackageTask>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(ended_tasks_sql(state))).bind(repository.get()).bind(arch.as_str());
        let query = query.bind(i64::from(limit)).bind(state.map(TaskState::as_str));
        query.fetch_all(self.run()).await?.iter().map(package_task).collect()
    }

    /// The packages of a project that have a task in a (repository, arch), by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn packages_with_tasks(
        &mut self,
        project: ProjectId,
        (repository, arch): (RepositoryId, &Arch),
    ) -> Result<Vec<PackageName>, StoreError> {
        let query = sqlx::query(PACKAGES_WITH_TASKS).bind(project.get()).bind(repository.get()).bind(arch.as_str());
        let rows = query.fetch_all(self.run()).await?;
        rows.iter().map(|row| Fields::new("packages", row).name("name")).collect()
    }

    /// Unfinished builds of a package, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_builds_of_package(&mut self, package: i64) -> Result<Vec<BuildId>, StoreError> {
        let ids: Vec<(i64,)> =
            sqlx::query_as("SELECT id FROM builds WHERE package_id = $1 AND finished = 0 ORDER BY id")
                .bind(package)
                .fetch_all(self.run())
                .await?;
        Ok(ids.into_iter().map(|(id,)| BuildId::new(id)).collect())
    }

    /// Takes the finished tasks of a package in one (repository, arch) away with all they left, and builds that have no task
    /// then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wipe_package(
        &mut self,
        package: i64,
        repository: RepositoryId,
        arch: &Arch,
    ) -> Result<(), StoreError> {
        let finished: Vec<String> = TaskState::ALL
            .iter()
            .filter(|state| state.is_finished())
            .map(|state| format!("'{}'", state.as_str()))
            .collect();
        let sql = format!(
            "DELETE FROM tasks WHERE package_id = $1 AND repository_id = $2 AND arch = $3 AND state IN ({})",
            finished.join(", ")
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(package)
            .bind(repository.get())
            .bind(arch.as_str())
            .execute(self.run())
            .await?;
        sqlx::query(
            "DELETE FROM builds WHERE package_id = $1 AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.build_id = builds.id)",
        )
        .bind(package)
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// The newest unfinished build with a task in a repository, or in one of its architectures.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_build_in(
        &mut self,
        repository: RepositoryId,
        arch: Option<&Arch>,
    ) -> Result<Option<BuildId>, StoreError> {
        let found: Option<(i64,)> = sqlx::query_as(
            "SELECT build_id FROM tasks WHERE repository_id = $1 AND ($2 IS NULL OR arch = $2) \
             AND state IN ('waiting', 'pending', 'starting', 'running') ORDER BY id DESC LIMIT 1",
        )
        .bind(repository.get())
        .bind(arch.map(Arch::as_str))
        .fetch_optional(self.run())
        .await?;
        Ok(found.map(|(id,)| BuildId::new(id)))
    }

    /// Takes an architecture away from a repository. Its tasks stay.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_arch(&mut self, repository: RepositoryId, arch: &Arch) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM repository_arches WHERE repository_id = $1 AND arch = $2")
            .bind(repository.get())
            .bind(arch.as_str())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Takes a repository away with its tasks, and with builds that have no task then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_repository(&mut self, project: ProjectId, repository: RepositoryId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM tasks WHERE repository_id = $1").bind(repository.get()).execute(self.run()).await?;
        self.forget_outcomes(repository).await?;
        sqlx::query("DELETE FROM repositories WHERE id = $1").bind(repository.get()).execute(self.run()).await?;
        sqlx::query(
            "DELETE FROM builds WHERE project_id = $1 AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.build_id = builds.id)",
        )
        .bind(project.get())
        .execute(self.run())
        .await?;
        Ok(())
    }
}
