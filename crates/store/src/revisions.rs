//! Revisions of packages' files.

use model::{BuildId, FileName, Timestamp, UserId, UserName};
use pkg::{Md5, Sha256};
use sqlx::sqlite::SqliteRow;

use crate::fields::{Fields, size};
use crate::{Session, StoreError};

/// One revision of the files of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Number within the package, from 1.
    pub number: u64,
    /// What names its files in the old way, see [`tree_md5`].
    pub tree: Md5,
    /// Why it was made.
    pub comment: String,
    /// Who made it.
    pub author: UserName,
    /// When.
    pub created_at: Timestamp,
    /// Version of the recipe; `None` until it has been read.
    pub version: Option<String>,
    /// How many revisions in a row, this one included, have that version; one that is not known counts as the one before.
    pub version_count: u64,
}

/// One file of a revision; its content is in the blob folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionFile {
    /// Name.
    pub name: FileName,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the content.
    pub md5: Md5,
    /// Digest of the content, by which it is kept.
    pub sha256: Sha256,
    /// When this content came to the package under this name.
    pub modified_at: Timestamp,
}

/// What names the files of a revision: the MD5 over `MD5`, two blanks, `NAME` and a line end for each, in the order of their
/// names' bytes.
#[must_use]
pub fn tree_md5(files: &[RevisionFile]) -> Md5 {
    let mut lines: Vec<(&str, String)> =
        files.iter().map(|file| (file.name.as_str(), format!("{}  {}\n", file.md5, file.name))).collect();
    lines.sort_unstable();
    let text: String = lines.into_iter().map(|(_, line)| line).collect();
    Md5::of(text.as_bytes())
}

const REVISION: &str = "SELECT r.id, r.revision, r.tree_md5, r.comment, u.name AS author, r.created_at, r.version, r.version_count \
     FROM package_revisions r JOIN users u ON u.id = r.author_id WHERE r.package_id = $1";

pub(crate) const FILE_HISTORY: &str = "SELECT r.id, r.revision, r.tree_md5, r.comment, u.name AS author, r.created_at, r.version, \
     r.version_count, f.sha256 FROM package_revisions r JOIN users u ON u.id = r.author_id \
     JOIN revision_files f ON f.revision_id = r.id AND f.name = $2 WHERE r.package_id = $1 \
     ORDER BY r.revision DESC LIMIT $3";

fn revision(row: &SqliteRow) -> Result<Revision, StoreError> {
    let fields = Fields::new("package_revisions", row);
    Ok(Revision {
        number: fields.count("revision")?,
        tree: fields.name("tree_md5")?,
        comment: fields.text("comment")?,
        author: fields.name("author")?,
        created_at: fields.time("created_at")?,
        version: fields.maybe_text("version")?,
        version_count: fields.count("version_count")?,
    })
}

pub(crate) fn file(row: &SqliteRow) -> Result<RevisionFile, StoreError> {
    let fields = Fields::new("revision_files", row);
    Ok(RevisionFile {
        name: fields.name("name")?,
        bytes: fields.count("bytes")?,
        md5: fields.name("md5")?,
        sha256: fields.name("sha256")?,
        modified_at: fields.time("modified_at")?,
    })
}

const ADD_FILE: &str =
    "INSERT INTO revision_files (revision_id, name, bytes, md5, sha256, modified_at) VALUES ($1, $2, $3, $4, $5, $6)";

impl Session {
    /// Adds the files of a revision or of a tree like one; `insert` takes the number of what they belong to and a file.
    pub(crate) async fn add_files(
        &mut self,
        insert: &'static str,
        owner: i64,
        files: &[RevisionFile],
    ) -> Result<(), StoreError> {
        for file in files {
            sqlx::query(insert)
                .bind(owner)
                .bind(file.name.as_str())
                .bind(size(file.bytes))
                .bind(file.md5.to_string())
                .bind(file.sha256.to_string())
                .bind(file.modified_at.as_millis())
                .execute(self.run())
                .await?;
        }
        Ok(())
    }

    /// The newest revision of a package.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_revision(&mut self, package: i64) -> Result<Option<Revision>, StoreError> {
        let sql = format!("{REVISION} ORDER BY r.revision DESC LIMIT 1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(package).fetch_optional(self.run()).await?;
        row.as_ref().map(revision).transpose()
    }

    /// A revision of a package by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revision(&mut self, package: i64, number: u64) -> Result<Option<Revision>, StoreError> {
        let sql = format!("{REVISION} AND r.revision = $2");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(package).bind(size(number));
        query.fetch_optional(self.run()).await?.as_ref().map(revision).transpose()
    }

    /// The newest revision of a package with these files.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revision_of_tree(&mut self, package: i64, tree: &Md5) -> Result<Option<Revision>, StoreError> {
        let sql = format!("{REVISION} AND r.tree_md5 = $2 ORDER BY r.revision DESC LIMIT 1");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(package).bind(tree.to_string());
        query.fetch_optional(self.run()).await?.as_ref().map(revision).transpose()
    }

    /// Every revision of a package, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revisions(&mut self, package: i64) -> Result<Vec<Revision>, StoreError> {
        let sql = format!("{REVISION} ORDER BY r.revision");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(package).fetch_all(self.run()).await?;
        rows.iter().map(revision).collect()
    }

    /// The files of a revision by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revision_files(&mut self, package: i64, number: u64) -> Result<Vec<RevisionFile>, StoreError> {
        let rows = sqlx::query(
            "SELECT f.name, f.bytes, f.md5, f.sha256, f.modified_at FROM revision_files f \
             JOIN package_revisions r ON r.id = f.revision_id WHERE r.package_id = $1 AND r.revision = $2 \
             ORDER BY f.name",
        )
        .bind(package)
        .bind(size(number))
        .fetch_all(self.run())
        .await?;
        rows.iter().map(file).collect()
    }

    /// The revisions that have a file, newest first, each with the file's content.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn file_history(
        &mut self,
        package: i64,
        name: &FileName,
        limit: u32,
    ) -> Result<Vec<(Revision, Sha256)>, StoreError> {
        let query = sqlx::query(FILE_HISTORY).bind(package).bind(name.as_str()).bind(i64::from(limit));
        let rows = query.fetch_all(self.run()).await?;
        let with_content = |row| Ok((revision(row)?, Fields::new("revision_files", row).name("sha256")?));
        rows.iter().map(with_content).collect()
    }

    /// A file that was sent to a package under a name, whether a revision has it or not; one of the trees that were last
    /// derived from it counts as well.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_file(
        &mut self,
        package: i64,
        name: &FileName,
        md5: &Md5,
    ) -> Result<Option<RevisionFile>, StoreError> {
        let row = sqlx::query(
            "SELECT f.name, f.bytes, f.md5, f.sha256, f.modified_at FROM revision_files f \
             JOIN package_revisions r ON r.id = f.revision_id \
             WHERE r.package_id = $1 AND f.name = $2 AND f.md5 = $3 \
             UNION ALL SELECT name, bytes, md5, sha256, uploaded_at FROM waiting_files \
             WHERE package_id = $1 AND name = $2 AND md5 = $3 \
             UNION ALL SELECT name, bytes, md5, sha256, modified_at FROM derived_files \
             WHERE tree_id IN (SELECT id FROM derived_trees WHERE package_id = $1 ORDER BY id DESC LIMIT 20) \
             AND name = $2 AND md5 = $3 LIMIT 1",
        )
        .bind(package)
        .bind(name.as_str())
        .bind(md5.to_string())
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(file).transpose()
    }

    /// Keeps a file for the next revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_waiting_file(&mut self, package: i64, file: &RevisionFile) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO waiting_files (package_id, name, md5, bytes, sha256, uploaded_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (package_id, name, md5) DO UPDATE SET \
             bytes = excluded.bytes, sha256 = excluded.sha256, uploaded_at = excluded.uploaded_at",
        )
        .bind(package)
        .bind(file.name.as_str())
        .bind(file.md5.to_string())
        .bind(size(file.bytes))
        .bind(file.sha256.to_string())
        .bind(file.modified_at.as_millis())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Forgets files that were sent before a time and that no revision took; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_waiting_files(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM waiting_files WHERE uploaded_at < $1")
            .bind(before.as_millis())
            .execute(self.run())
            .await?;
        Ok(done.rows_affected())
    }

    /// Adds a revision behind the newest; gives it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_revision(
        &mut self,
        package: i64,
        files: &[RevisionFile],
        comment: &str,
        author: UserId,
        now: Timestamp,
    ) -> Result<Option<Revision>, StoreError> {
        let (id, number): (i64, i64) = sqlx::query_as(
            "INSERT INTO package_revisions (package_id, revision, tree_md5, comment, author_id, created_at, version_count) \
             SELECT $1, n.newest + 1, $2, $3, $4, $5, COALESCE((SELECT version_count FROM package_revisions \
             WHERE package_id = $1 AND revision = n.newest), 0) + 1 \
             FROM (SELECT COALESCE(MAX(revision), 0) AS newest FROM package_revisions WHERE package_id = $1) n \
             RETURNING id, revision",
        )
        .bind(package)
        .bind(tree_md5(files).to_string())
        .bind(comment)
        .bind(author.get())
        .bind(now.as_millis())
        .fetch_one(self.run())
        .await?;
        self.add_files(ADD_FILE, id, files).await?;
        self.revision(package, u64::try_from(number).unwrap_or(0)).await
    }

    /// Writes down the version of a revision's recipe; the first one stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_revision_version(&mut self, package: i64, number: u64, version: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE package_revisions SET version = $3, version_count = COALESCE((SELECT CASE \
             WHEN p.version IS NULL OR p.version = $3 THEN p.version_count + 1 ELSE 1 END FROM package_revisions p \
             WHERE p.package_id = $1 AND p.revision = $2 - 1), 1) \
             WHERE package_id = $1 AND revision = $2 AND version IS NULL",
        )
        .bind(package)
        .bind(size(number))
        .bind(version)
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Keeps what a package needs of a worker, as a blob.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_constraints(&mut self, package: i64, text: Option<&Sha256>) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE packages SET constraints_sha256 = $2 WHERE id = $1");
        query.bind(package).bind(text.map(Sha256::to_string)).execute(self.run()).await?;
        Ok(())
    }

    /// Says from the beginning which package a new build is of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_build_package(&mut self, build: BuildId, package: i64) -> Result<(), StoreError> {
        for sql in
            ["UPDATE builds SET package_id = $2 WHERE id = $1", "UPDATE tasks SET package_id = $2 WHERE build_id = $1"]
        {
            sqlx::query(sql).bind(build.get()).bind(package).execute(self.run()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> RevisionFile {
        RevisionFile {
            name: FileName::parse(name).unwrap(),
            bytes: content.len() as u64,
            md5: Md5::of(content.as_bytes()),
            sha256: Sha256::of(content.as_bytes()),
            modified_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_tree_is_named_as_open_build_service_names_it() {
        assert_eq!(tree_md5(&[]).to_string(), "d41d8cd98f00b204e9800998ecf8427e");
        let spec =
            RevisionFile { md5: Md5::parse("6aef7e3afe4c92a1516f14aaaeb41875").unwrap(), ..file("hello.spec", "") };
        let tree = |text: &str| tree_md5(&[file("hello.txt", text), spec.clone()]).to_string();
        assert_eq!(tree("hi\n"), "9c89645218f08991d8751944ac70a3ac");
        assert_eq!(tree("hi\nmore\n"), "c03dd305aee2676687cf7584c9ef0dfd");
    }
}
