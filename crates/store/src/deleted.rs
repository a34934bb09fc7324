//! Sources of what was deleted, for as long as they are kept.

use model::{PackageName, Project, ProjectId, ProjectName, Timestamp};
use sqlx::AssertSqlSafe;

use crate::fields::{Fields, page};
use crate::{Session, StoreError};

pub(crate) const DELETED_PROJECTS: &str = "SELECT MAX(id) AS id, name FROM projects WHERE purge_at IS NOT NULL \
     GROUP BY name ORDER BY name LIMIT $1";

pub(crate) const DELETED_PROJECT: &str = "SELECT p.id, p.name, u.name AS owner, p.created_at, p.settings \
     FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.name = $1 AND p.purge_at IS NOT NULL \
     ORDER BY p.id DESC LIMIT 1";

pub(crate) const DELETED_PACKAGES: &str =
    "SELECT id, name FROM deleted_packages WHERE project_id = $1 ORDER BY name LIMIT $2";

pub(crate) const PURGED_PROJECTS: &str = "SELECT id FROM projects WHERE purge_at <= $1 ORDER BY purge_at LIMIT $2";

pub(crate) const PURGED_PACKAGES: &str =
    "SELECT id FROM deleted_packages WHERE purge_at <= $1 ORDER BY purge_at LIMIT $2";

/// Takes the revisions of a package, or of a deleted one, over to the other kind.
fn copies(from: &str, to: &str) -> [String; 2] {
    let (revisions, files) =
        (format!("{from}_revisions"), if from == "package" { "revision_files" } else { "deleted_files" });
    let into = if from == "package" { "deleted_files" } else { "revision_files" };
    let columns = "revision, tree_md5, comment, author_id, created_at, version, version_count";
    [
        format!(
            "INSERT INTO {to}_revisions (package_id, {columns}) SELECT $2, {columns} FROM {revisions} \
             WHERE package_id = $1 ORDER BY revision"
        ),
        format!(
            "INSERT INTO {into} (revision_id, name, bytes, md5, sha256, modified_at) \
             SELECT t.id, f.name, f.bytes, f.md5, f.sha256, f.modified_at FROM {revisions} r \
             JOIN {files} f ON f.revision_id = r.id JOIN {to}_revisions t ON t.package_id = $2 AND t.revision = r.revision \
             WHERE r.package_id = $1"
        ),
    ]
}

impl Session {
    /// Keeps the sources of a package that is about to be deleted; those of an earlier one of that name go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_deleted_package(&mut self, package: i64, purge_at: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM deleted_packages WHERE id = (SELECT d.id FROM deleted_packages d JOIN packages k \
             ON k.project_id = d.project_id AND k.name = d.name WHERE k.id = $1)",
        )
        .bind(package)
        .execute(self.run())
        .await?;
        let (kept,): (i64,) = sqlx::query_as(
            "INSERT INTO deleted_packages (project_id, name, source, settings, about, attributes, purge_at) \
             SELECT k.project_id, k.name, k.source, k.settings, k.about, (SELECT json_group_object(a.name, json(a.content)) \
             FROM package_attributes a WHERE a.package_id = k.id), $2 FROM packages k WHERE k.id = $1 RETURNING id",
        )
        .bind(package)
        .bind(purge_at.as_millis())
        .fetch_one(self.run())
        .await?;
        for sql in copies("package", "deleted") {
            sqlx::query(AssertSqlSafe(sql)).bind(package).bind(kept).execute(self.run()).await?;
        }
        Ok(())
    }

    /// Brings a deleted package of a project back with its revisions; gives its number, or nothing if none is kept or the
    /// name is taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restore_package(&mut self, project: ProjectId, name: &PackageName) -> Result<Option<i64>, StoreError> {
        let kept: Option<(i64,)> =
            sqlx::query_as("SELECT id FROM deleted_packages WHERE project_id = $1 AND name = $2")
                .bind(project.get())
                .bind(name.as_str())
                .fetch_optional(self.run())
                .await?;
        let Some((kept,)) = kept else { return Ok(None) };
        let restored: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO packages (project_id, name, source, settings, about) SELECT project_id, name, source, settings, \
             about FROM deleted_packages WHERE id = $1 ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(kept)
        .fetch_optional(self.run())
        .await?;
        let Some((restored,)) = restored else { return Ok(None) };
        for sql in copies("deleted", "package") {
            sqlx::query(AssertSqlSafe(sql)).bind(kept).bind(restored).execute(self.run()).await?;
        }
        sqlx::query(
            "INSERT INTO package_attributes (package_id, name, content) SELECT $2, a.key, a.value \
             FROM deleted_packages d, json_each(d.attributes) a WHERE d.id = $1",
        )
        .bind(kept)
        .bind(restored)
        .execute(self.run())
        .await?;
        sqlx::query("DELETE FROM deleted_packages WHERE id = $1").bind(kept).execute(self.run()).await?;
        Ok(Some(restored))
    }

    /// The deleted packages of a project whose sources are kept, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted_packages(&mut self, project: ProjectId, limit: u32) -> Result<Vec<PackageName>, StoreError> {
        let (limit, _) = page(Some(limit), 0);
        let rows = sqlx::query(DELETED_PACKAGES).bind(project.get()).bind(limit).fetch_all(self.run()).await?;
        rows.iter().map(|row| Fields::new("deleted_packages", row).name("name")).collect()
    }

    /// The names of deleted projects whose sources are kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted_projects(&mut self, limit: u32) -> Result<Vec<ProjectName>, StoreError> {
        let (limit, _) = page(Some(limit), 0);
        let rows = sqlx::query(DELETED_PROJECTS).bind(limit).fetch_all(self.run()).await?;
        rows.iter().map(|row| Fields::new("projects", row).name("name")).collect()
    }

    /// The project of a name that was deleted last, if its sources are kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted_project(&mut self, name: &ProjectName) -> Result<Option<Project>, StoreError> {
        let row = sqlx::query(DELETED_PROJECT).bind(name.as_str()).fetch_optional(self.run()).await?;
        row.as_ref().map(crate::projects::project).transpose()
    }

    /// Brings a deleted project back; whether its sources were kept and its name is free.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restore_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE OR IGNORE projects SET deleted_at = NULL, purge_at = NULL, expires_at = NULL \
             WHERE id = $1 AND purge_at IS NOT NULL",
        )
        .bind(id.get())
        .execute(self.run())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets the sources of what was to be kept until a time, at most so many projects and packages; gives how many there
    /// were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge_deleted(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let (limit, _) = page(Some(limit), 0);
        let mut gone = 0;
        let projects: Vec<(i64,)> =
            sqlx::query_as(PURGED_PROJECTS).bind(now.as_millis()).bind(limit).fetch_all(self.run()).await?;
        for (project,) in projects {
            for sql in [
                "DELETE FROM package_revisions WHERE package_id IN (SELECT id FROM packages WHERE project_id = $1)",
                "DELETE FROM deleted_packages WHERE project_id = $1",
                "UPDATE projects SET purge_at = NULL WHERE id = $1",
            ] {
                sqlx::query(sql).bind(project).execute(self.run()).await?;
            }
            gone += 1;
        }
        let packages: Vec<(i64,)> =
            sqlx::query_as(PURGED_PACKAGES).bind(now.as_millis()).bind(limit).fetch_all(self.run()).await?;
        for (package,) in packages {
            sqlx::query("DELETE FROM deleted_packages WHERE id = $1").bind(package).execute(self.run()).await?;
            gone += 1;
        }
        Ok(gone)
    }
}
