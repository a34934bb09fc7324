use model::{BuildId, Project, ProjectId, ProjectName, ProjectSettings, Timestamp, UserId};
use pkg::Sha256;
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;

use crate::fields::{Fields, json_text, page};
use crate::{ConfigChange, ConfigRevision, ProjectFilter, Session, StoreError};

pub(crate) const EXPIRED_PROJECTS: &str = "SELECT id FROM projects WHERE expires_at IS NOT NULL AND expires_at <= $1 AND deleted_at IS NULL ORDER BY expires_at";

pub(crate) fn project(row: &SqliteRow) -> Result<Project, StoreError> {
    let fields = Fields::new("projects", row);
    Ok(Project {
        id: ProjectId::new(fields.int("id")?),
        name: fields.name("name")?,
        owner: fields.name("owner")?,
        created_at: fields.time("created_at")?,
        settings: fields.json("settings")?,
    })
}

impl Session {
    /// Adds a project; `None` if the name is taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_project(
        &mut self,
        name: &ProjectName,
        owner: UserId,
        settings: &ProjectSettings,
        now: Timestamp,
    ) -> Result<Option<ProjectId>, StoreError> {
        let id: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO projects (name, owner_id, settings, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(name.as_str())
        .bind(owner.get())
        .bind(json_text(settings))
        .bind(now.as_millis())
        .fetch_optional(self.run())
        .await?;
        Ok(id.map(|(id,)| ProjectId::new(id)))
    }

    /// A project by number; `None` if it never was or is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn project(&mut self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        let row = sqlx::query(
            "SELECT p.id, p.name, u.name AS owner, p.created_at, p.settings \
             FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.id = $1 AND p.deleted_at IS NULL",
        )
        .bind(id.get())
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(project).transpose()
    }

    /// A project by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn project_by_name(&mut self, name: &ProjectName) -> Result<Option<Project>, StoreError> {
        let row = sqlx::query(
            "SELECT p.id, p.name, u.name AS owner, p.created_at, p.settings \
             FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.name = $1 AND p.deleted_at IS NULL",
        )
        .bind(name.as_str())
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(project).transpose()
    }

    /// Projects, lowest number first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn projects(&mut self, filter: &ProjectFilter) -> Result<Vec<Project>, StoreError> {
        projects_query(filter).build().fetch_all(self.run()).await?.iter().map(project).collect()
    }

    /// Replaces the settings of a project.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_project_settings(&mut self, id: ProjectId, settings: &ProjectSettings) -> Result<(), StoreError> {
        sqlx::query("UPDATE projects SET settings = $2 WHERE id = $1")
            .bind(id.get())
            .bind(json_text(settings))
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Takes a project away with its builds and tasks. Its number stays taken, its name is free, its sources are kept until a
    /// time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_project(
        &mut self,
        id: ProjectId,
        now: Timestamp,
        purge_at: Timestamp,
    ) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM builds WHERE project_id = $1",
            "DELETE FROM waiting_files WHERE package_id IN (SELECT id FROM packages WHERE project_id = $1)",
        ] {
            sqlx::query(sql).bind(id.get()).execute(self.run()).await?;
        }
        sqlx::query("UPDATE projects SET deleted_at = $2, purge_at = $3 WHERE id = $1")
            .bind(id.get())
            .bind(now.as_millis())
            .bind(purge_at.as_millis())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// The newest build of a project that is not finished.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_unfinished_build(&mut self, project: ProjectId) -> Result<Option<BuildId>, StoreError> {
        let id: Option<(i64,)> =
            sqlx::query_as("SELECT id FROM builds WHERE project_id = $1 AND finished = 0 ORDER BY id DESC LIMIT 1")
                .bind(project.get())
                .fetch_optional(self.run())
                .await?;
        Ok(id.map(|(id,)| BuildId::new(id)))
    }

    /// Replaces the secret that web hooks of a project carry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_webhook_secret(&mut self, project: ProjectId, secret: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE projects SET webhook_secret = $2 WHERE id = $1")
            .bind(project.get())
            .bind(secret)
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// The secret that web hooks of a project carry; `None` if it never got one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_secret(&mut self, project: ProjectId) -> Result<Option<String>, StoreError> {
        let row: Option<(Option<String>,)> =
            sqlx::query_as("SELECT webhook_secret FROM projects WHERE id = $1 AND deleted_at IS NULL")
                .bind(project.get())
                .fetch_optional(self.run())
                .await?;
        Ok(row.and_then(|(secret,)| secret))
    }

    /// Says when a project goes away by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_expiry(&mut self, project: ProjectId, at: Option<Timestamp>) -> Result<(), StoreError> {
        sqlx::query("UPDATE projects SET expires_at = $2 WHERE id = $1")
            .bind(project.get())
            .bind(at.map(Timestamp::as_millis))
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Projects whose time is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expired_projects(&mut self, now: Timestamp) -> Result<Vec<ProjectId>, StoreError> {
        let ids: Vec<(i64,)> = sqlx::query_as(EXPIRED_PROJECTS).bind(now.as_millis()).fetch_all(self.run()).await?;
        Ok(ids.into_iter().map(|(id,)| ProjectId::new(id)).collect())
    }

    /// The unfinished builds of a project, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unfinished_builds(&mut self, project: ProjectId, limit: u32) -> Result<Vec<BuildId>, StoreError> {
        let ids: Vec<(i64,)> =
            sqlx::query_as("SELECT id FROM builds WHERE project_id = $1 AND finished = 0 ORDER BY id LIMIT $2")
                .bind(project.get())
                .bind(i64::from(limit))
                .fetch_all(self.run())
                .await?;
        Ok(ids.into_iter().map(|(id,)| BuildId::new(id)).collect())
    }

    /// The newest build configuration of a project; revision 0 and empty if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn config(&mut self, project: ProjectId) -> Result<ConfigRevision, StoreError> {
        let row = sqlx::query(
            "SELECT c.revision, c.sha256, c.text, c.comment, u.name AS author, c.created_at \
             FROM config_revisions c JOIN users u ON u.id = c.author_id \
             WHERE c.project_id = $1 ORDER BY c.revision DESC LIMIT 1",
        )
        .bind(project.get())
        .fetch_optional(self.run())
        .await?;
        Ok(row.as_ref().map(config_revision).transpose()?.unwrap_or_else(no_config))
    }

    /// The projects that have a text as one of their further repositories, in their settings or those of a target.
    ///
    /// Looks at all settings; meant for the rare case that a project gains or loses a repository.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn projects_naming(&mut self, entry: &str) -> Result<Vec<ProjectId>, StoreError> {
        let ids: Vec<(i64,)> = sqlx::query_as(
            "SELECT id FROM projects WHERE deleted_at IS NULL AND instr(settings, $1) > 0 \
             UNION SELECT r.project_id FROM repository_arches a JOIN repositories r ON r.id = a.repository_id \
             JOIN projects p ON p.id = r.project_id WHERE p.deleted_at IS NULL AND instr(a.options, $1) > 0",
        )
        .bind(json_text(&entry))
        .fetch_all(self.run())
        .await?;
        Ok(ids.into_iter().map(|(id,)| ProjectId::new(id)).collect())
    }

    /// One revision of the build configuration; revision 0 is always there and empty, `None` if there is no such.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn config_revision(
        &mut self,
        project: ProjectId,
        revision: u64,
    ) -> Result<Option<ConfigRevision>, StoreError> {
        if revision == 0 {
            return Ok(Some(no_config()));
        }
        let row = sqlx::query(
            "SELECT c.revision, c.sha256, c.text, c.comment, u.name AS author, c.created_at \
             FROM config_revisions c JOIN users u ON u.id = c.author_id \
             WHERE c.project_id = $1 AND c.revision = $2",
        )
        .bind(project.get())
        .bind(i64::try_from(revision).unwrap_or(i64::MAX))
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(config_revision).transpose()
    }

    /// The history of the build configuration, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn config_changes(
        &mut self,
        project: ProjectId,
        limit: Option<u32>,
        offset: u32,
    ) -> Result<Vec<ConfigChange>, StoreError> {
        let (limit, offset) = page(limit, offset);
        let rows = sqlx::query(
            "SELECT c.revision, c.sha256, LENGTH(c.text) AS bytes, c.comment, u.name AS author, c.created_at \
             FROM config_revisions c JOIN users u ON u.id = c.author_id \
             WHERE c.project_id = $1 ORDER BY c.revision DESC LIMIT $2 OFFSET $3",
        )
        .bind(project.get())
        .bind(limit)
        .bind(offset)
        .fetch_all(self.run())
        .await?;
        rows.iter().map(config_change).collect()
    }

    /// Adds a revision of the build configuration behind the newest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_config(
        &mut self,
        project: ProjectId,
        text: &[u8],
        comment: &str,
        author: UserId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO config_revisions (project_id, revision, sha256, text, comment, author_id, created_at) \
             SELECT $1, COALESCE(MAX(revision), 0) + 1, $2, $3, $4, $5, $6 FROM config_revisions WHERE project_id = $1",
        )
        .bind(project.get())
        .bind(Sha256::of(text).to_string())
        .bind(text)
        .bind(comment)
        .bind(author.get())
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(())
    }
}

fn config_revision(row: &SqliteRow) -> Result<ConfigRevision, StoreError> {
    let fields = Fields::new("config_revisions", row);
    Ok(ConfigRevision {
        revision: fields.count("revision")?,
        sha256: fields.name("sha256")?,
        text: fields.bytes("text")?,
        comment: fields.text("comment")?,
        author: fields.maybe_name("author")?,
        created_at: fields.time("created_at")?,
    })
}

fn config_change(row: &SqliteRow) -> Result<ConfigChange, StoreError> {
    let fields = Fields::new("config_revisions", row);
    Ok(ConfigChange {
        revision: fields.count("revision")?,
        sha256: fields.name("sha256")?,
        bytes: fields.count("bytes")?,
        comment: fields.text("comment")?,
        author: fields.maybe_name("author")?,
        created_at: fields.time("created_at")?,
    })
}

fn no_config() -> ConfigRevision {
    ConfigRevision {
        revision: 0,
        sha256: Sha256::of(b""),
        text: Vec::new(),
        comment: String::new(),
        author: None,
        created_at: Timestamp::from_millis(0),
    }
}

pub(crate) fn projects_query(filter: &ProjectFilter) -> QueryBuilder<sqlx::Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT p.id, p.name, u.name AS owner, p.created_at, p.settings \
         FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.deleted_at IS NULL",
    );
    if let Some(owner) = &filter.owner {
        query.push(" AND p.owner_id = (SELECT id FROM users WHERE name = ").push_bind(owner.as_str()).push(")");
    }
    if let Some(name) = &filter.name {
        query.push(" AND p.name = ").push_bind(name.as_str());
    }
    if let Some(below) = &filter.below {
        // The character behind the colon ends the range.
        query.push(" AND p.name >= ").push_bind(format!("{below}:"));
        query.push(" AND p.name < ").push_bind(format!("{below};"));
    }
    if let Some(text) = &filter.text {
        let pattern = like_pattern(text);
        query.push(" AND (p.name LIKE ").push_bind(pattern.clone()).push(" ESCAPE '!'");
        query.push(" OR json_extract(p.settings, '$.description') LIKE ").push_bind(pattern).push(" ESCAPE '!')");
    }
    if filter.listed {
        query.push(" AND NOT EXISTS (SELECT 1 FROM targets t WHERE t.path_project = p.name)");
        query.push(" AND json_extract(p.settings, '$.unlisted') IS NOT 1");
    }
    let (limit, offset) = page(filter.limit, filter.offset);
    query.push(if filter.descending { " ORDER BY p.id DESC LIMIT " } else { " ORDER BY p.id LIMIT " });
    query.push_bind(limit).push(" OFFSET ").push_bind(offset);
    query
}

/// A pattern that finds a text anywhere.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
