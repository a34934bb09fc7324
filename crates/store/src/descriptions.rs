//! What projects and packages were said to be, revision by revision; and their attributes.

use std::collections::BTreeMap;

use model::{About, PackageName, ProjectId, Timestamp, UserId, UserName};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteRow;

use crate::fields::{Fields, json_text, size};
use crate::{Session, StoreError};

/// Whose descriptions or attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described {
    /// Those of a project.
    Project(ProjectId),
    /// Those of a package, by its number.
    Package(i64),
}

impl Described {
    const fn id(self) -> i64 {
        match self {
            Self::Project(project) => project.get(),
            Self::Package(package) => package,
        }
    }

    /// The names of things in the schema begin with it.
    const fn word(self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::Package(_) => "package",
        }
    }
}

/// What a project or a package was said to be once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Number, from 1.
    pub revision: u64,
    /// What was said, as whoever wrote it put it.
    pub content: String,
    /// Why.
    pub comment: String,
    /// By whom.
    pub author: UserName,
    /// When.
    pub created_at: Timestamp,
}

fn description(row: &SqliteRow) -> Result<Description, StoreError> {
    let fields = Fields::new("descriptions", row);
    Ok(Description {
        revision: fields.count("revision")?,
        content: fields.text("content")?,
        comment: fields.text("comment")?,
        author: fields.name("author")?,
        created_at: fields.time("created_at")?,
    })
}

fn select(whose: Described) -> String {
    let word = whose.word();
    format!(
        "SELECT d.id, d.revision, d.content, d.comment, u.name AS author, d.created_at FROM {word}_descriptions d \
         JOIN users u ON u.id = d.author_id WHERE d.{word}_id = $1"
    )
}

impl Session {
    /// Notes what is said of something now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_description(
        &mut self,
        whose: Described,
        (content, comment): (&str, &str),
        author: UserId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let word = whose.word();
        let sql = format!(
            "INSERT INTO {word}_descriptions ({word}_id, revision, content, comment, author_id, created_at) SELECT $1, \
             COALESCE((SELECT MAX(revision) FROM {word}_descriptions WHERE {word}_id = $1), 0) + 1, $2, $3, $4, $5"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(whose.id())
            .bind(content)
            .bind(comment)
            .bind(author.get())
            .bind(now.as_millis())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// The newest descriptions, at most `limit`, oldest of them first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn descriptions(&mut self, whose: Described, limit: u32) -> Result<Vec<Description>, StoreError> {
        let sql = format!("{} ORDER BY d.revision DESC LIMIT $2", select(whose));
        let query = sqlx::query(AssertSqlSafe(sql)).bind(whose.id()).bind(i64::from(limit));
        let mut found: Vec<Description> =
            query.fetch_all(self.run()).await?.iter().map(description).collect::<Result<_, _>>()?;
        found.reverse();
        Ok(found)
    }

    /// One description.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn description(&mut self, whose: Described, revision: u64) -> Result<Option<Description>, StoreError> {
        let sql = format!("{} AND d.revision = $2", select(whose));
        let query = sqlx::query(AssertSqlSafe(sql)).bind(whose.id()).bind(size(revision));
        query.fetch_optional(self.run()).await?.as_ref().map(description).transpose()
    }

    /// The attributes of something with their values, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attributes(&mut self, whose: Described) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        let word = whose.word();
        let sql =
            format!("SELECT {word}_id AS id, name, content FROM {word}_attributes WHERE {word}_id = $1 ORDER BY name");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(whose.id()).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("attributes", row);
                Ok((fields.text("name")?, fields.json("content")?))
            })
            .collect()
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_attribute(&mut self, whose: Described, name: &str, values: &[String]) -> Result<(), StoreError> {
        let word = whose.word();
        let sql = format!(
            "INSERT INTO {word}_attributes ({word}_id, name, content) VALUES ($1, $2, $3) \
             ON CONFLICT ({word}_id, name) DO UPDATE SET content = excluded.content"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(whose.id()).bind(name).bind(json_text(&values));
        query.execute(self.run()).await?;
        Ok(())
    }

    /// Takes an attribute away; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_attribute(&mut self, whose: Described, name: &str) -> Result<bool, StoreError> {
        let word = whose.word();
        let sql = format!("DELETE FROM {word}_attributes WHERE {word}_id = $1 AND name = $2");
        let done = sqlx::query(AssertSqlSafe(sql)).bind(whose.id()).bind(name).execute(self.run()).await?;
        Ok(done.rows_affected() > 0)
    }

    /// What the owners of a project's packages say of them, where they say anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn described_packages(&mut self, project: ProjectId) -> Result<BTreeMap<PackageName, About>, StoreError> {
        let rows = sqlx::query("SELECT id, name, about FROM packages WHERE project_id = $1 AND about <> '{}'")
            .bind(project.get())
            .fetch_all(self.run())
            .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("packages", row);
                Ok((fields.name("name")?, fields.json("about")?))
            })
            .collect()
    }
}
