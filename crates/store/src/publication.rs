use model::{ProjectId, ProjectName, RepositoryId, RepositoryName, Timestamp};
use pkg::Sha256;

use crate::fields::{Fields, size};
use crate::{Session, StoreError};

/// A file of a published repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// Path below the repository's top.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Blob.
    pub sha256: Sha256,
    /// Since when.
    pub published_at: Timestamp,
}

/// An entry of a published folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedEntry {
    /// Name.
    pub name: String,
    /// Size in bytes; `None` for a folder.
    pub bytes: Option<u64>,
    /// Since when; for a folder, its first file.
    pub published_at: Timestamp,
}

/// A repository that may be published: any that mirrors nothing, with or without results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishableRow {
    /// Repository.
    pub repository: RepositoryId,
    /// Project.
    pub project: ProjectId,
    /// Changes when the set of results does.
    pub mark: i64,
}

/// How a publication differs from the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicationChange {
    /// Files that are new or have other bytes.
    pub put: Vec<PublishedFile>,
    /// Paths that are gone.
    pub removed: Vec<String>,
}

impl Session {
    /// Every repository that may be published, by number. One statement.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn publishable_repositories(&mut self) -> Result<Vec<PublishableRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT r.id, r.project_id, r.results_mark FROM repositories r \
             JOIN projects p ON p.id = r.project_id AND p.deleted_at IS NULL WHERE r.mirror IS NULL ORDER BY r.id",
        )
        .fetch_all(self.run())
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("repositories", row);
                Ok(PublishableRow {
                    repository: RepositoryId::new(fields.int("id")?),
                    project: ProjectId::new(fields.int("project_id")?),
                    mark: fields.int("results_mark")?,
                })
            })
            .collect()
    }

    /// Forgets what deleted projects had published; gives how many files.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unpublish_deleted_projects(&mut self) -> Result<u64, StoreError> {
        let mut files = 0;
        for table in ["published_files", "publications"] {
            let done = sqlx::query(sqlx::AssertSqlSafe(format!(
                "DELETE FROM {table} WHERE repository_id IN (SELECT r.id FROM repositories r \
                 JOIN projects p ON p.id = r.project_id WHERE p.deleted_at IS NOT NULL)"
            )))
            .execute(self.run())
            .await?;
            files = files.max(done.rows_affected());
        }
        Ok(files)
    }

    /// What the publication of a repository was made from, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn publication_input(&mut self, repository: RepositoryId) -> Result<Option<Sha256>, StoreError> {
        let row = sqlx::query("SELECT repository_id AS id, input FROM publications WHERE repository_id = $1")
            .bind(repository.get())
            .fetch_optional(self.run())
            .await?;
        row.map(|row| Fields::new("publications", &row).name("input")).transpose()
    }

    /// Switches a repository to a new publication. Readers see all of the change or nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn publish(
        &mut self,
        repository: RepositoryId,
        input: &Sha256,
        change: &PublicationChange,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let gone = change.removed.iter().chain(change.put.iter().map(|file| &file.path));
        for path in gone {
            sqlx::query(
                "UPDATE published_files SET removed_at = $3 \
                 WHERE repository_id = $1 AND path = $2 AND removed_at IS NULL",
            )
            .bind(repository.get())
            .bind(path)
            .bind(now.as_millis())
            .execute(self.run())
            .await?;
        }
        for file in &change.put {
            sqlx::query(
                "INSERT INTO published_files (repository_id, path, bytes, sha256, published_at) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(repository.get())
            .bind(&file.path)
            .bind(size(file.bytes))
            .bind(file.sha256.to_string())
            .bind(now.as_millis())
            .execute(self.run())
            .await?;
        }
        sqlx::query(
            "INSERT INTO publications (repository_id, input, published_at) VALUES ($1, $2, $3) \
             ON CONFLICT (repository_id) DO UPDATE SET input = excluded.input, published_at = excluded.published_at",
        )
        .bind(repository.get())
        .bind(input.to_string())
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Everything a repository publishes now, by path.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn published_files(&mut self, repository: RepositoryId) -> Result<Vec<PublishedFile>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, path, bytes, sha256, published_at FROM published_files \
             WHERE repository_id = $1 AND removed_at IS NULL ORDER BY path",
        )
        .bind(repository.get())
        .fetch_all(self.run())
        .await?;
        rows.iter().map(published_file).collect()
    }

    /// The repository whose publication people ask for by name; only of projects that exist.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn published_repository(
        &mut self,
        project: &ProjectName,
        repository: &RepositoryName,
    ) -> Result<Option<RepositoryId>, StoreError> {
        let row: Option<(i64,)> = sqlx::query_as(
            "SELECT r.id FROM repositories r JOIN projects p ON p.id = r.project_id \
             JOIN publications d ON d.repository_id = r.id \
             WHERE p.name = $1 AND p.deleted_at IS NULL AND r.name = $2",
        )
        .bind(project.as_str())
        .bind(repository.as_str())
        .fetch_optional(self.run())
        .await?;
        Ok(row.map(|(id,)| RepositoryId::new(id)))
    }

    /// The file published under a path now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn published_file(
        &mut self,
        repository: RepositoryId,
        path: &str,
    ) -> Result<Option<PublishedFile>, StoreError> {
        let row = sqlx::query(
            "SELECT id, path, bytes, sha256, published_at FROM published_files \
             WHERE repository_id = $1 AND path = $2 AND removed_at IS NULL",
        )
        .bind(repository.get())
        .bind(path)
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(published_file).transpose()
    }

    /// The file that was published last under a path that is published no longer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn formerly_published_file(
        &mut self,
        repository: RepositoryId,
        path: &str,
    ) -> Result<Option<PublishedFile>, StoreError> {
        let row = sqlx::query(
            "SELECT id, path, bytes, sha256, published_at FROM published_files \
             WHERE repository_id = $1 AND path = $2 AND removed_at IS NOT NULL ORDER BY removed_at DESC LIMIT 1",
        )
        .bind(repository.get())
        .bind(path)
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(published_file).transpose()
    }

    /// The entries of a published folder, by name; `folder` without a slash at its end, empty for the top. Empty if there is
    /// no such folder. One statement per entry, whatever lies below it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn published_folder(
        &mut self,
        repository: RepositoryId,
        folder: &str,
    ) -> Result<Vec<PublishedEntry>, StoreError> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        // The character behind the slash ends what begins with the prefix; no path begins with U+10FFFF.
        let end = if folder.is_empty() { "\u{10ffff}".to_owned() } else { format!("{folder}0") };
        let mut entries = Vec::new();
        let mut from = prefix.clone();
        loop {
            let row = sqlx::query(
                "SELECT id, path, bytes, sha256, published_at FROM published_files \
                 WHERE repository_id = $1 AND removed_at IS NULL AND path > $2 AND path < $3 ORDER BY path LIMIT 1",
            )
            .bind(repository.get())
            .bind(&from)
            .bind(&end)
            .fetch_optional(self.run())
            .await?;
            let Some(row) = row else { return Ok(entries) };
            let file = published_file(&row)?;
            let rest = file.path.strip_prefix(&prefix).unwrap_or(&file.path);
            let (name, bytes) = match rest.split_once('/') {
                Some((name, _)) => (name.to_owned(), None),
                None => (rest.to_owned(), Some(file.bytes)),
            };
            from = if bytes.is_some() { file.path } else { format!("{prefix}{name}/\u{10ffff}") };
            entries.push(PublishedEntry { name, bytes, published_at: file.published_at });
        }
    }

    /// Forgets files that disappeared before `before`; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_unpublished(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM published_files WHERE removed_at IS NOT NULL AND removed_at < $1")
            .bind(before.as_millis())
            .execute(self.run())
            .await?;
        Ok(done.rows_affected())
    }
}

fn published_file(row: &sqlx::sqlite::SqliteRow) -> Result<PublishedFile, StoreError> {
    let fields = Fields::new("published_files", row);
    Ok(PublishedFile {
        path: fields.text("path")?,
        bytes: fields.count("bytes")?,
        sha256: fields.name("sha256")?,
        published_at: fields.time("published_at")?,
    })
}

#[cfg(test)]
mod tests {
    use model::{ProjectSettings, UserName};

    use super::*;
    use crate::Store;

    struct Bed {
        store: Store,
        repository: RepositoryId,
        _folder: tempfile::TempDir,
    }

    async fn bed() -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("kiln.db")).await.unwrap();
        let mut session = store.write().await.unwrap();
        let now = Timestamp::from_seconds(1);
        let user = session.add_user(&UserName::parse("u").unwrap(), true, now).await.unwrap().unwrap();
        let name = ProjectName::parse("p").unwrap();
        let project = session.add_project(&name, user.id, &ProjectSettings::default(), now).await.unwrap().unwrap();
        let repository = session.put_repository(project, &RepositoryName::parse("r").unwrap(), now).await.unwrap();
        session.commit().await.unwrap();
        Bed { store, repository, _folder: folder }
    }

    fn file(path: &str, content: &str) -> PublishedFile {
        let (bytes, sha256) = (content.len() as u64, Sha256::of(content.as_bytes()));
        PublishedFile { path: path.to_owned(), bytes, sha256, published_at: Timestamp::from_seconds(0) }
    }

    async fn publish(bed: &Bed, seconds: i64, put: &[PublishedFile], removed: &[&str]) {
        let mut session = bed.store.write().await.unwrap();
        let removed = removed.iter().map(ToString::to_string).collect();
        let change = PublicationChange { put: put.to_vec(), removed };
        let input = Sha256::of(&seconds.to_le_bytes());
        session.publish(bed.repository, &input, &change, Timestamp::from_seconds(seconds)).await.unwrap();
        session.commit().await.unwrap();
    }

    async fn list(bed: &Bed, folder: &str) -> String {
        let entries = bed.store.read().await.unwrap().published_folder(bed.repository, folder).await.unwrap();
        let names: Vec<_> =
            entries.iter().map(|e| if e.bytes.is_some() { e.name.clone() } else { format!("{}/", e.name) }).collect();
        names.join(" ")
    }

    #[tokio::test]
    async fn folders_list_their_entries_and_nothing_below() {
        let bed = bed().await;
        let paths = ["a/b/c", "a/b/d", "a/b.x", "a/b0", "a/b-1/y", "z", "a0"];
        let files: Vec<_> = paths.iter().map(|path| file(path, path)).collect();
        publish(&bed, 5, &files, &[]).await;
        assert_eq!(list(&bed, "").await, "a/ a0 z");
        assert_eq!(list(&bed, "a").await, "b-1/ b.x b/ b0");
        assert_eq!(list(&bed, "a/b").await, "c d");
        assert_eq!(list(&bed, "nothing").await, "");
    }

    #[tokio::test]
    async fn a_switch_replaces_files_and_remembers_the_former_ones_for_a_while() {
        let bed = bed().await;
        publish(&bed, 5, &[file("a", "1"), file("b", "2")], &[]).await;
        publish(&bed, 6, &[file("a", "3")], &["b"]).await;
        let mut session = bed.store.write().await.unwrap();
        let found = session.published_file(bed.repository, "a").await.unwrap().unwrap();
        assert_eq!((found.sha256, found.published_at), (Sha256::of(b"3"), Timestamp::from_seconds(6)));
        assert!(session.published_file(bed.repository, "b").await.unwrap().is_none());
        let former = session.formerly_published_file(bed.repository, "b").await.unwrap().unwrap();
        assert_eq!(former.sha256, Sha256::of(b"2"));
        let name = (ProjectName::parse("p").unwrap(), RepositoryName::parse("r").unwrap());
        assert_eq!(session.published_repository(&name.0, &name.1).await.unwrap(), Some(bed.repository));
        let kept = [Sha256::of(b"1"), Sha256::of(b"2"), Sha256::of(b"3")];
        assert_eq!(session.referenced(&kept).await.unwrap().len(), 3);
        assert_eq!(session.forget_unpublished(Timestamp::from_seconds(7)).await.unwrap(), 2);
        assert_eq!(session.referenced(&kept).await.unwrap(), [Sha256::of(b"3")]);
    }

    #[tokio::test]
    async fn a_mirror_remembers_its_indices_and_counts_its_failures() {
        let bed = bed().await;
        let index = crate::MirrorIndexRow {
            kind: crate::IndexKind::Packages,
            arch: pkg::Arch::parse("x86_64").unwrap(),
            suite: "s".to_owned(),
            component: "main".to_owned(),
            url: "http://example.org/debian".to_owned(),
            path: "main/binary-amd64/Packages.xz".to_owned(),
            bytes: 3,
            sha256: Sha256::of(b"abc"),
        };
        let suite = crate::MirrorSuiteRow {
            suite: "s".to_owned(),
            url: "http://example.org/debian".to_owned(),
            release: Sha256::of(b"r"),
            etag: None,
            last_modified: Some("x".to_owned()),
            valid_until: Some(Timestamp::from_seconds(9)),
        };
        let mut session = bed.store.write().await.unwrap();
        for _ in 0..2 {
            let (suites, indices) = (std::slice::from_ref(&suite), std::slice::from_ref(&index));
            session.put_mirror_state(bed.repository, suites, indices).await.unwrap();
        }
        assert_eq!(session.mirror_indices(bed.repository, Some(&index.arch)).await.unwrap(), [index]);
        assert_eq!(session.mirror_suites(bed.repository).await.unwrap(), [suite]);
        let at = Timestamp::from_seconds;
        session.note_mirror_check(bed.repository, None, at(1)).await.unwrap();
        session.note_mirror_check(bed.repository, Some("down"), at(2)).await.unwrap();
        session.note_mirror_check(bed.repository, Some("down"), at(3)).await.unwrap();
        let check = session.mirror_check(bed.repository).await.unwrap();
        assert_eq!((check.checked_at, check.asked_at, check.failures), (Some(at(1)), Some(at(3)), 2));
        session.note_mirror_check(bed.repository, None, at(4)).await.unwrap();
        assert_eq!(session.mirror_check(bed.repository).await.unwrap().failures, 0);
    }
}
