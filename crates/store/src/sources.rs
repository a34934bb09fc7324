use model::{
    BuildId, BuildSource, FailureCause, FileName, PackageName, ProjectId, SourceEvent, SourceFile, SourceSignature,
    SourceState, Timestamp,
};
use pkg::{RecipeKind, Sha256, Sha256Hasher};

use crate::fields::{Fields, json_text, size};
use crate::{Session, StoreError, TaskChange, UploadedFile};

/// A build whose source has to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSource {
    /// Build.
    pub build: BuildId,
    /// Its project.
    pub project: ProjectId,
    /// Where the source comes from.
    pub source: BuildSource,
    /// The uploaded files, the recipe first; what a job is given.
    pub uploads: Vec<UploadedFile>,
    /// What a job has made of it, by name; `None` if none has ended well.
    pub made: Option<Vec<UploadedFile>>,
    /// How often it was tried.
    pub attempts: u32,
}

/// The files of one source revision; every content is in the blob folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    /// Which file is the recipe.
    pub recipe_file: FileName,
    /// Its kind.
    pub recipe_kind: RecipeKind,
    /// The files by name, the recipe included.
    pub files: Vec<SourceFile>,
}

impl SourceTree {
    /// What names the tree: a digest over the recipe's name and every file's name and content, whatever their order.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        let mut lines: Vec<String> =
            self.files.iter().map(|file| format!("{}  {}\n", file.sha256, file.name)).collect();
        lines.sort_unstable();
        let mut hasher = Sha256Hasher::new();
        hasher.update(format!("{} {}\n", self.recipe_kind, self.recipe_file).as_bytes());
        lines.iter().for_each(|line| hasher.update(line.as_bytes()));
        hasher.finish()
    }
}

pub(crate) const OPEN_SOURCES: &str = "SELECT id, project_id, source, source_attempts FROM builds \
     WHERE source_state = 'pending' AND source_not_before <= $1 ORDER BY id LIMIT $2";

impl Session {
    /// Builds whose source waits to be made and may be tried now, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_sources(&mut self, now: Timestamp, limit: u32) -> Result<Vec<OpenSource>, StoreError> {
        let rows = sqlx::query(OPEN_SOURCES).bind(now.as_millis()).bind(i64::from(limit)).fetch_all(self.run()).await?;
        let mut open = Vec::new();
        for row in &rows {
            let fields = Fields::new("builds", row);
            let build = BuildId::new(fields.int("id")?);
            let source = fields.json("source")?;
            let uploads = match &source {
                BuildSource::Url { .. } => Vec::new(),
                _ => self.uploads(build).await?,
            };
            let made = match &source {
                BuildSource::Job { .. } | BuildSource::Revision { .. } => self.source_results(build).await?,
                BuildSource::Url { .. } | BuildSource::Upload { .. } => None,
            };
            let project = ProjectId::new(fields.int("project_id")?);
            open.push(OpenSource { build, project, source, uploads, made, attempts: fields.count("source_attempts")? });
        }
        Ok(open)
    }

    /// When the next source that waits for its time may be tried.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_source_at(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let (at,): (Option<i64>,) =
            sqlx::query_as("SELECT MIN(source_not_before) FROM builds WHERE source_state = 'pending'")
                .fetch_one(self.run())
                .await?;
        Ok(at.map(Timestamp::from_millis))
    }

    /// The files somebody uploaded for a build, the recipe first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn uploads(&mut self, build: BuildId) -> Result<Vec<UploadedFile>, StoreError> {
        let rows = sqlx::query("SELECT name, bytes, sha256 FROM build_uploads WHERE build_id = $1 ORDER BY position")
            .bind(build.get())
            .fetch_all(self.run())
            .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("build_uploads", row);
                Ok(UploadedFile {
                    name: fields.name("name")?,
                    bytes: fields.count("bytes")?,
                    sha256: fields.name("sha256")?,
                })
            })
            .collect()
    }

    /// Begins to make the source of a build; whether that was legal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_source(&mut self, build: BuildId) -> Result<bool, StoreError> {
        Ok(self.change_source(build, SourceEvent::Begin).await?.is_some())
    }

    /// Puts the source of a build back in line, not to be tried before a time; whether that was legal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_source(&mut self, build: BuildId, not_before: Timestamp) -> Result<bool, StoreError> {
        if self.change_source(build, SourceEvent::Interrupted).await?.is_none() {
            return Ok(false);
        }
        sqlx::query("UPDATE builds SET source_not_before = $2 WHERE id = $1")
            .bind(build.get())
            .bind(not_before.as_millis())
            .execute(self.run())
            .await?;
        Ok(true)
    }

    /// Puts back in line every source that was being made when the program ended; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recover_sources(&mut self) -> Result<usize, StoreError> {
        let running: Vec<(i64,)> = sqlx::query_as("SELECT id FROM builds WHERE source_state = $1")
            .bind(SourceState::Running.as_str())
            .fetch_all(self.run())
            .await?;
        for (build,) in &running {
            self.change_source(BuildId::new(*build), SourceEvent::Interrupted).await?;
        }
        Ok(running.len())
    }

    /// Ends the making of a source well: its tasks can be planned now. Whether that was legal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn store_source(
        &mut self,
        build: BuildId,
        tree: &SourceTree,
        package: &PackageName,
        version: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.change_source(build, SourceEvent::Stored).await?.is_none() {
            return Ok(false);
        }
        let tree_id = self.put_source_tree(tree).await?;
        let (package_id,): (i64,) = sqlx::query_as(
            "INSERT INTO packages (project_id, name) SELECT project_id, $2 FROM builds WHERE id = $1 \
             ON CONFLICT (project_id, name) DO UPDATE SET name = excluded.name RETURNING id",
        )
        .bind(build.get())
        .bind(package.as_str())
        .fetch_one(self.run())
        .await?;
        sqlx::query("UPDATE builds SET source_tree_id = $2, package_id = $3, version = $4 WHERE id = $1")
            .bind(build.get())
            .bind(tree_id)
            .bind(package_id)
            .bind(version)
            .execute(self.run())
            .await?;
        if let Some(BuildSource::Revision { revision, .. }) = self.build(build).await?.map(|build| build.source) {
            self.set_revision_version(package_id, revision, version).await?;
        }
        self.change_open_tasks(build, TaskChange::SourceStored, now).await?;
        Ok(true)
    }

    /// Writes down what a build's recipe was found to be signed with; a later try overwrites it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_source_signature(
        &mut self,
        build: BuildId,
        signature: &SourceSignature,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE builds SET source_signature = $2 WHERE id = $1")
            .bind(build.get())
            .bind(json_text(signature))
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Ends the making of a source badly: every task fails with the same cause. Whether that was legal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fail_source(
        &mut self,
        build: BuildId,
        cause: &FailureCause,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.change_source(build, SourceEvent::Fail).await?.is_none() {
            return Ok(false);
        }
        sqlx::query("UPDATE builds SET source_failure = $2 WHERE id = $1")
            .bind(build.get())
            .bind(json_text(cause))
            .execute(self.run())
            .await?;
        self.change_open_tasks(build, TaskChange::Fail(cause), now).await?;
        Ok(true)
    }

    async fn put_source_tree(&mut self, tree: &SourceTree) -> Result<i64, StoreError> {
        let digest = tree.digest().to_string();
        let known: Option<(i64,)> = sqlx::query_as("SELECT id FROM source_trees WHERE digest = $1")
            .bind(&digest)
            .fetch_optional(self.run())
            .await?;
        if let Some((id,)) = known {
            return Ok(id);
        }
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO source_trees (digest, recipe_file, recipe_kind) VALUES ($1, $2, $3) RETURNING id",
        )
        .bind(&digest)
        .bind(tree.recipe_file.as_str())
        .bind(json_text(&tree.recipe_kind))
        .fetch_one(self.run())
        .await?;
        for file in &tree.files {
            sqlx::query("INSERT INTO source_files (tree_id, name, bytes, sha256) VALUES ($1, $2, $3, $4)")
                .bind(id)
                .bind(file.name.as_str())
                .bind(size(file.bytes))
                .bind(file.sha256.to_string())
                .execute(self.run())
                .await?;
        }
        Ok(id)
    }

    /// A source tree by its digest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn source_tree(&mut self, digest: &Sha256) -> Result<Option<SourceTree>, StoreError> {
        let row = sqlx::query("SELECT id, recipe_file, recipe_kind FROM source_trees WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(self.run())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new("source_trees", &row);
        let rows = sqlx::query("SELECT name, bytes, sha256 FROM source_files WHERE tree_id = $1 ORDER BY name")
            .bind(fields.int("id")?)
            .fetch_all(self.run())
            .await?;
        let file = |row| {
            let fields = Fields::new("source_files", row);
            let (name, sha256) = (fields.name("name")?, fields.name("sha256")?);
            Ok::<_, StoreError>(SourceFile { name, bytes: fields.count("bytes")?, sha256 })
        };
        Ok(Some(SourceTree {
            recipe_file: fields.name("recipe_file")?,
            recipe_kind: fields.json("recipe_kind")?,
            files: rows.iter().map(file).collect::<Result<_, _>>()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(recipe: &str, files: &[(&str, &str)]) -> SourceTree {
        let file = |(name, content): &(&str, &str)| SourceFile {
            name: FileName::parse(name).unwrap(),
            bytes: content.len() as u64,
            sha256: Sha256::of(content.as_bytes()),
        };
        let files = files.iter().map(file).collect();
        SourceTree { recipe_file: FileName::parse(recipe).unwrap(), recipe_kind: RecipeKind::Dsc, files }
    }

    #[test]
    fn a_tree_is_named_by_names_and_contents_in_any_order() {
        let digest = tree("a.dsc", &[("a.dsc", "1"), ("b", "2")]).digest();
        assert_eq!(tree("a.dsc", &[("b", "2"), ("a.dsc", "1")]).digest(), digest);
        for other in [
            tree("b", &[("a.dsc", "1"), ("b", "2")]),
            tree("a.dsc", &[("a.dsc", "1"), ("b", "3")]),
            tree("a.dsc", &[("a.dsc", "1"), ("c", "2")]),
            tree("a.dsc", &[("a.dsc", "1")]),
        ] {
            assert_ne!(other.digest(), digest, "{other:?}");
        }
    }
}
