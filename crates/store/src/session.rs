use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::StoreError;

/// The schema, step by step: number, title, statements. A step that was ever released is never changed.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "core", include_str!("../migrations/sqlite/0001_core.sql")),
    (2, "mirror and publication", include_str!("../migrations/sqlite/0002_mirror_publication.sql")),
    (3, "source signature", include_str!("../migrations/sqlite/0003_source_signature.sql")),
    (4, "people and packages", include_str!("../migrations/sqlite/0004_people_and_packages.sql")),
    (5, "rpm world", include_str!("../migrations/sqlite/0005_rpm_world.sql")),
    (6, "package revisions", include_str!("../migrations/sqlite/0006_package_revisions.sql")),
    (7, "source jobs", include_str!("../migrations/sqlite/0007_source_jobs.sql")),
    (8, "changes and counts", include_str!("../migrations/sqlite/0008_changes_and_counts.sql")),
    (9, "accounts", include_str!("../migrations/sqlite/0009_accounts.sql")),
    (10, "derived sources", include_str!("../migrations/sqlite/0010_derived_sources.sql")),
    (11, "descriptions", include_str!("../migrations/sqlite/0011_descriptions.sql")),
    (12, "pages", include_str!("../migrations/sqlite/0012_pages.sql")),
    (13, "services", include_str!("../migrations/sqlite/0013_services.sql")),
    (15, "undelete", include_str!("../migrations/sqlite/0015_undelete.sql")),
    (17, "pruning", include_str!("../migrations/sqlite/0017_pruning.sql")),
    (18, "states of targets", include_str!("../migrations/sqlite/0018_target_states.sql")),
];

const READERS: u32 = 4;

/// Rows a statement may be ahead of who reads them: a page, so that its threads need not wake each other for each row.
const ROWS_AHEAD: usize = 512;

/// The database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    statements: Arc<AtomicU64>,
}

/// One transaction, for reading or for writing. Dropped without [`Self::commit`], nothing happened.
#[derive(Debug)]
pub struct Session {
    transaction: Transaction<'static, Sqlite>,
    statements: Arc<AtomicU64>,
}

impl Store {
    /// Opens the database file, creating it if it is missing, and brings it to this program's schema.
    ///
    /// Only its owner may read it, for it holds the projects' secret keys; SQLite gives its side files the same mode.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Database`], [`StoreError::Migrate`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        restrict(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("journal_size_limit", "67108864")
            .statement_cache_capacity(200)
            .row_buffer_size(ROWS_AHEAD);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let migrations = MIGRATIONS.iter().map(|(number, title, sql)| {
            let (sql, alone) = (sqlx::SqlStr::from_static(sql), sql.starts_with("-- no-transaction"));
            Migration::new(*number, (*title).into(), MigrationType::Simple, sql, alone)
        });
        Migrator::with_migrations(migrations.collect()).run(&writer).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self { writer, readers, statements: Arc::default() })
    }

    /// Begins a transaction that sees one state of things and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn read(&self) -> Result<Session, StoreError> {
        Ok(Session { transaction: self.readers.begin().await?, statements: Arc::clone(&self.statements) })
    }

    /// Begins a transaction that may change things; there is one at a time, the others wait in line.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn write(&self) -> Result<Session, StoreError> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Session { transaction, statements: Arc::clone(&self.statements) })
    }

    /// Statements run so far; for tests of what an operation costs.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Closes every connection; what was committed is in the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Creates the file if it is missing, and takes it away from everybody but its owner.
fn restrict(path: &Path) -> Result<(), StoreError> {
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}

impl Session {
    /// Makes everything since [`Store::write`] true at once.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing happened then.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }

    /// The connection for one more statement.
    pub(crate) fn run(&mut self) -> &mut SqliteConnection {
        self.statements.fetch_add(1, Ordering::Relaxed);
        &mut self.transaction
    }
}
