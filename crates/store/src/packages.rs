use model::{Build, BuildId, BuildState, Package, PackageName, PackageSettings, PackageSource, ProjectId, TaskId};
use model::{RepositoryName, TaskState};
use pkg::Arch;
use sqlx::sqlite::SqliteRow;

use crate::fields::{Fields, json_text, page};
use crate::{BuildFilter, Session, StoreError};

/// Builds looked at for one that succeeded everywhere, a statement.
const CANDIDATES: u32 = 20;

/// Statements spent on finding one.
const ATTEMPTS: u32 = 10;

pub(crate) const PACKAGES: &str =
    "SELECT id, name, source, settings, main_id FROM packages WHERE project_id = $1 ORDER BY id LIMIT $2 OFFSET $3";

pub(crate) const NEWEST_TASKS: &str = "SELECT k.id, k.name AS package, r.name AS repository, t.arch, t.state, \
     t.build_id, b.version, t.id AS task_id FROM packages k JOIN repositories r ON r.project_id = k.project_id \
     JOIN repository_arches a ON a.repository_id = r.id JOIN tasks t ON t.id = (SELECT MAX(n.id) FROM tasks n \
     WHERE n.package_id = k.id AND n.repository_id = r.id AND n.arch = a.arch) JOIN builds b ON b.id = t.build_id \
     WHERE k.project_id = $1 AND a.enabled = 1 ORDER BY k.name, r.id, a.id";

/// The newest task of a package in one (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestTask {
    /// Package.
    pub package: PackageName,
    /// Repository.
    pub repository: RepositoryName,
    /// Architecture.
    pub arch: Arch,
    /// The task.
    pub task: TaskId,
    /// Where it stands.
    pub state: TaskState,
    /// Its build.
    pub build: BuildId,
    /// Version of its source.
    pub version: Option<String>,
}

fn package(row: &SqliteRow) -> Result<Package, StoreError> {
    let fields = Fields::new("packages", row);
    Ok(Package {
        id: fields.int("id")?,
        name: fields.name("name")?,
        source: fields.maybe_json("source")?,
        settings: fields.json("settings")?,
        main: fields.maybe_int("main_id")?,
    })
}

impl Session {
    /// A package by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_by_id(&mut self, id: i64) -> Result<Option<Package>, StoreError> {
        let row = sqlx::query("SELECT id, name, source, settings, main_id FROM packages WHERE id = $1")
            .bind(id)
            .fetch_optional(self.run())
            .await?;
        row.as_ref().map(package).transpose()
    }

    /// The flavors of a package by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flavors(&mut self, main: i64) -> Result<Vec<Package>, StoreError> {
        let rows =
            sqlx::query("SELECT id, name, source, settings, main_id FROM packages WHERE main_id = $1 ORDER BY name")
                .bind(main)
                .fetch_all(self.run())
                .await?;
        rows.iter().map(package).collect()
    }

    /// Makes a package of a name a flavor of another, adding it if there is none; gives it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_flavor(&mut self, main: i64, name: &PackageName) -> Result<Option<Package>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO packages (project_id, name, main_id) SELECT project_id, $2, id FROM packages WHERE id = $1 \
             ON CONFLICT (project_id, name) DO UPDATE SET main_id = excluded.main_id \
             RETURNING id, name, source, settings, main_id",
        )
        .bind(main)
        .bind(name.as_str())
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(package).transpose()
    }

    /// The packages of a project in order of creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn packages(
        &mut self,
        project: ProjectId,
        limit: Option<u32>,
        offset: u32,
    ) -> Result<Vec<Package>, StoreError> {
        let (limit, offset) = page(limit, offset);
        let query = sqlx::query(PACKAGES).bind(project.get()).bind(limit).bind(offset);
        query.fetch_all(self.run()).await?.iter().map(package).collect()
    }

    /// A package by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package(&mut self, project: ProjectId, name: &PackageName) -> Result<Option<Package>, StoreError> {
        let row =
            sqlx::query("SELECT id, name, source, settings, main_id FROM packages WHERE project_id = $1 AND name = $2")
                .bind(project.get())
                .bind(name.as_str())
                .fetch_optional(self.run())
                .await?;
        row.as_ref().map(package).transpose()
    }

    /// Adds a package; `None` if there is one of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_package(
        &mut self,
        project: ProjectId,
        name: &PackageName,
        source: Option<&PackageSource>,
        settings: &PackageSettings,
    ) -> Result<Option<Package>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO packages (project_id, name, source, settings) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING RETURNING id, name, source, settings, main_id",
        )
        .bind(project.get())
        .bind(name.as_str())
        .bind(source.map(json_text))
        .bind(json_text(settings))
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(package).transpose()
    }

    /// Replaces source and settings of a package.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_package(&mut self, package: &Package) -> Result<(), StoreError> {
        sqlx::query("UPDATE packages SET source = $2, settings = $3 WHERE id = $1")
            .bind(package.id)
            .bind(package.source.as_ref().map(json_text))
            .bind(json_text(&package.settings))
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// The newest unfinished build of a package or of one of its flavors.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_build_of_package(&mut self, package: i64) -> Result<Option<BuildId>, StoreError> {
        let found: Option<(Option<i64>,)> = sqlx::query_as(
            "SELECT MAX(id) FROM builds WHERE finished = 0 AND package_id IN \
             (SELECT $1 UNION SELECT id FROM packages WHERE main_id = $1)",
        )
        .bind(package)
        .fetch_optional(self.run())
        .await?;
        Ok(found.and_then(|(id,)| id).map(BuildId::new))
    }

    /// Takes a package away with its flavors and builds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_package(&mut self, package: i64) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM builds WHERE package_id IN (SELECT $1 UNION SELECT id FROM packages WHERE main_id = $1)",
            "DELETE FROM packages WHERE main_id = $1",
            "DELETE FROM packages WHERE id = $1",
        ] {
            sqlx::query(sql).bind(package).execute(self.run()).await?;
        }
        Ok(())
    }

    /// The newest build of a package.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_build_of_package(&mut self, package: i64) -> Result<Option<Build>, StoreError> {
        let found: Option<(Option<i64>,)> = sqlx::query_as("SELECT MAX(id) FROM builds WHERE package_id = $1")
            .bind(package)
            .fetch_optional(self.run())
            .await?;
        match found.and_then(|(id,)| id) {
            Some(id) => self.build(BuildId::new(id)).await,
            None => Ok(None),
        }
    }

    /// The newest build of a package that succeeded everywhere; among the builds that succeeded somewhere, only the newest
    /// few hundred are looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_good_build_of_package(&mut self, package: i64) -> Result<Option<Build>, StoreError> {
        let mut below = i64::MAX;
        for _ in 0..ATTEMPTS {
            let candidates: Vec<(i64,)> = sqlx::query_as(
                "SELECT DISTINCT build_id FROM tasks WHERE package_id = $1 AND state = 'succeeded' AND build_id < $2 \
                 ORDER BY build_id DESC LIMIT $3",
            )
            .bind(package)
            .bind(below)
            .bind(CANDIDATES)
            .fetch_all(self.run())
            .await?;
            for (id,) in &candidates {
                let build = self.build(BuildId::new(*id)).await?;
                if build.as_ref().is_some_and(|build| build.state() == BuildState::Succeeded) {
                    return Ok(build);
                }
            }
            match candidates.last() {
                Some((last,)) => below = *last,
                None => break,
            }
        }
        Ok(None)
    }

    /// The newest task of each package of a project in each enabled (repository, arch); by package, then in order of
    /// creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_tasks(&mut self, project: ProjectId) -> Result<Vec<NewestTask>, StoreError> {
        let rows = sqlx::query(NEWEST_TASKS).bind(project.get()).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("tasks", row);
                Ok(NewestTask {
                    package: fields.name("package")?,
                    repository: fields.name("repository")?,
                    arch: fields.name("arch")?,
                    task: TaskId::new(fields.int("task_id")?),
                    state: fields.word("state", TaskState::parse)?,
                    build: BuildId::new(fields.int("build_id")?),
                    version: fields.maybe_text("version")?,
                })
            })
            .collect()
    }

    /// The finished builds of a package behind the newest `keep`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn superfluous_builds(&mut self, package: i64, keep: u32) -> Result<Vec<Build>, StoreError> {
        let filter = BuildFilter { package: Some(package), limit: Some(100), offset: keep, ..BuildFilter::default() };
        let mut builds = self.builds(&filter).await?;
        builds.retain(Build::is_finished);
        Ok(builds)
    }

    /// Packages of which only so many builds are to be kept, and how many, at most `limit` with numbers above `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bounded_packages(
        &mut self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, PackageSettings)>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, settings FROM packages WHERE id > $1 AND json_extract(settings, '$.max_builds') > 0 \
             ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.run())
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("packages", row);
                Ok((fields.int("id")?, fields.json("settings")?))
            })
            .collect()
    }
}
