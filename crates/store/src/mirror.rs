use model::{RepositoryId, Timestamp};
use pkg::{Arch, Sha256};

use crate::fields::{Fields, size};
use crate::{Session, StoreError};

/// How asking a mirrored archive went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorCheck {
    /// When its indices were last known to be current.
    pub checked_at: Option<Timestamp>,
    /// When it was last asked.
    pub asked_at: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// Why it failed last; `None` if it went well.
    pub failure: Option<String>,
}

/// The signed table of contents of one part of a mirror: the `InRelease` of a suite, the `repomd.xml` of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSuiteRow {
    /// Suite, or repository.
    pub suite: String,
    /// Address of its archive.
    pub url: String,
    /// Blob of the table.
    pub release: Sha256,
    /// What the server called this state.
    pub etag: Option<String>,
    /// When the server says it changed last.
    pub last_modified: Option<String>,
    /// Not to be used after this time.
    pub valid_until: Option<Timestamp>,
}

/// What an index of a mirror is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexKind {
    /// `Packages` of a Debian archive.
    Packages,
    /// `primary.xml` of an rpm-md repository.
    Primary,
    /// `filelists.xml` of an rpm-md repository; offers no packages of its own.
    Filelists,
}

impl IndexKind {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Primary => "primary",
            Self::Filelists => "filelists",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Packages, Self::Primary, Self::Filelists].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A package index of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorIndexRow {
    /// What it is.
    pub kind: IndexKind,
    /// Architecture.
    pub arch: Arch,
    /// Suite.
    pub suite: String,
    /// Component.
    pub component: String,
    /// Address of the folder the index's file names are relative to.
    pub url: String,
    /// Path below the suite's folder; its ending tells the compression.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Blob of the index.
    pub sha256: Sha256,
}

impl Session {
    /// How asking the archive of a mirror went; all empty before the first time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mirror_check(&mut self, repository: RepositoryId) -> Result<MirrorCheck, StoreError> {
        let row = sqlx::query("SELECT checked_at, asked_at, failures, failure FROM mirrors WHERE repository_id = $1")
            .bind(repository.get())
            .fetch_optional(self.run())
            .await?;
        let Some(row) = row else { return Ok(MirrorCheck::default()) };
        let fields = Fields::new("mirrors", &row);
        Ok(MirrorCheck {
            checked_at: fields.maybe_time("checked_at")?,
            asked_at: fields.maybe_time("asked_at")?,
            failures: fields.count("failures")?,
            failure: fields.maybe_text("failure")?,
        })
    }

    /// The suites of a mirror, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mirror_suites(&mut self, repository: RepositoryId) -> Result<Vec<MirrorSuiteRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT suite, url, release_sha256, etag, last_modified, valid_until FROM mirror_suites \
             WHERE repository_id = $1 ORDER BY suite",
        )
        .bind(repository.get())
        .fetch_all(self.run())
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("mirror_suites", row);
                Ok(MirrorSuiteRow {
                    suite: fields.text("suite")?,
                    url: fields.text("url")?,
                    release: fields.name("release_sha256")?,
                    etag: fields.maybe_text("etag")?,
                    last_modified: fields.maybe_text("last_modified")?,
                    valid_until: fields.maybe_time("valid_until")?,
                })
            })
            .collect()
    }

    /// The indices of a mirror by architecture, strongest first; of one architecture, if one is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mirror_indices(
        &mut self,
        repository: RepositoryId,
        arch: Option<&Arch>,
    ) -> Result<Vec<MirrorIndexRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT kind, arch, suite, component, url, path, bytes, sha256 FROM mirror_indices \
             WHERE repository_id = $1 AND ($2 IS NULL OR arch = $2) ORDER BY arch, position",
        )
        .bind(repository.get())
        .bind(arch.map(Arch::as_str))
        .fetch_all(self.run())
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("mirror_indices", row);
                Ok(MirrorIndexRow {
                    kind: fields.word("kind", IndexKind::parse)?,
                    arch: fields.name("arch")?,
                    suite: fields.text("suite")?,
                    component: fields.text("component")?,
                    url: fields.text("url")?,
                    path: fields.text("path")?,
                    bytes: fields.count("bytes")?,
                    sha256: fields.name("sha256")?,
                })
            })
            .collect()
    }

    /// Replaces everything known of a mirror's suites and indices; `indices` strongest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_mirror_state(
        &mut self,
        repository: RepositoryId,
        suites: &[MirrorSuiteRow],
        indices: &[MirrorIndexRow],
    ) -> Result<(), StoreError> {
        for table in ["mirror_suites", "mirror_indices"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE repository_id = $1")))
                .bind(repository.get())
                .execute(self.run())
                .await?;
        }
        for suite in suites {
            sqlx::query(
                "INSERT INTO mirror_suites \
                 (repository_id, suite, url, release_sha256, etag, last_modified, valid_until) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(repository.get())
            .bind(&suite.suite)
            .bind(&suite.url)
            .bind(suite.release.to_string())
            .bind(&suite.etag)
            .bind(&suite.last_modified)
            .bind(suite.valid_until.map(Timestamp::as_millis))
            .execute(self.run())
            .await?;
        }
        for (position, index) in (0_i64..).zip(indices) {
            sqlx::query(
                "INSERT INTO mirror_indices \
                 (repository_id, arch, position, suite, component, url, path, bytes, sha256, kind) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(repository.get())
            .bind(index.arch.as_str())
            .bind(position)
            .bind(&index.suite)
            .bind(&index.component)
            .bind(&index.url)
            .bind(&index.path)
            .bind(size(index.bytes))
            .bind(index.sha256.to_string())
            .bind(index.kind.as_str())
            .execute(self.run())
            .await?;
        }
        Ok(())
    }

    /// Which blobs have these SHA-512 digests (in hexadecimal), as far as known: pairs of SHA-512 and SHA-256.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn digest_names(&mut self) -> Result<Vec<(String, Sha256)>, StoreError> {
        let rows = sqlx::query("SELECT sha512 AS id, sha256 FROM digest_names").fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("digest_names", row);
                Ok((fields.text("id")?, fields.name("sha256")?))
            })
            .collect()
    }

    /// Notes which blob has a SHA-512 digest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_digest_name(&mut self, sha512: &str, sha256: &Sha256) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO digest_names (sha512, sha256) VALUES ($1, $2) ON CONFLICT (sha512) DO NOTHING")
            .bind(sha512)
            .bind(sha256.to_string())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Notes that a mirror was asked, and how it went: `None` for well.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_mirror_check(
        &mut self,
        repository: RepositoryId,
        failure: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO mirrors (repository_id, checked_at, asked_at, failures, failure) \
             VALUES ($1, CASE WHEN $2 IS NULL THEN $3 END, $3, $2 IS NOT NULL, $2) \
             ON CONFLICT (repository_id) DO UPDATE SET \
             checked_at = COALESCE(excluded.checked_at, checked_at), asked_at = excluded.asked_at, \
             failures = CASE WHEN excluded.failure IS NULL THEN 0 ELSE failures + 1 END, failure = excluded.failure",
        )
        .bind(repository.get())
        .bind(failure)
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(())
    }
}
