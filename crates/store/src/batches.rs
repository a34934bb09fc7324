use model::{BuildId, Timestamp};

use crate::fields::Fields;
use crate::{Session, StoreError};

/// Number of a batch: builds that others may wait for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchId(i64);

impl BatchId {
    pub(crate) const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// How far a batch is whose builds wait for each other as their dependencies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderedBatch {
    /// How many builds it will have.
    pub size: u32,
    /// How many it has.
    pub builds: u32,
    /// How many of those have a source that nobody has read yet.
    pub unread: u32,
    /// When it was begun.
    pub created_at: Timestamp,
}

impl Session {
    /// The batch of a build; one that has none gets one of its own. `None` if there is no such build.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn batch_of(&mut self, build: BuildId) -> Result<Option<BatchId>, StoreError> {
        let row = sqlx::query("SELECT id, batch_id FROM builds WHERE id = $1")
            .bind(build.get())
            .fetch_optional(self.run())
            .await?;
        let Some(row) = row else { return Ok(None) };
        if let Some(batch) = Fields::new("builds", &row).maybe_int("batch_id")? {
            return Ok(Some(BatchId(batch)));
        }
        let batch = self.add_batch(None).await?;
        sqlx::query("UPDATE builds SET batch_id = $2 WHERE id = $1")
            .bind(build.get())
            .bind(batch.0)
            .execute(self.run())
            .await?;
        Ok(Some(batch))
    }

    /// A new batch whose builds wait until another has no unfinished build.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_batch(&mut self, after: Option<BatchId>) -> Result<BatchId, StoreError> {
        let (id,): (i64,) = sqlx::query_as("INSERT INTO batches (after_id) VALUES ($1) RETURNING id")
            .bind(after.map(BatchId::get))
            .fetch_one(self.run())
            .await?;
        Ok(BatchId(id))
    }

    /// A new batch of so many builds that wait for each other as their dependencies say.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_ordered_batch(&mut self, size: u32, now: Timestamp) -> Result<BatchId, StoreError> {
        let (id,): (i64,) = sqlx::query_as("INSERT INTO batches (size, created_at) VALUES ($1, $2) RETURNING id")
            .bind(i64::from(size))
            .bind(now.as_millis())
            .fetch_one(self.run())
            .await?;
        Ok(BatchId(id))
    }

    /// The batch a build belongs to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_batch_of(&mut self, build: BuildId) -> Result<Option<BatchId>, StoreError> {
        let row = sqlx::query("SELECT id, batch_id FROM builds WHERE id = $1")
            .bind(build.get())
            .fetch_optional(self.run())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Fields::new("builds", &row).maybe_int("batch_id")?.map(BatchId))
    }

    /// How far an ordered batch is; `None` if it is not one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ordered_batch(&mut self, batch: BatchId) -> Result<Option<OrderedBatch>, StoreError> {
        let row = sqlx::query(
            "SELECT a.id, a.size, a.created_at, (SELECT COUNT(*) FROM builds b WHERE b.batch_id = a.id) AS builds, \
             (SELECT COUNT(*) FROM builds b WHERE b.batch_id = a.id AND b.source_state IN ('pending', 'running')) AS unread \
             FROM batches a WHERE a.id = $1 AND a.size IS NOT NULL",
        )
        .bind(batch.0)
        .fetch_optional(self.run())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new("batches", &row);
        Ok(Some(OrderedBatch {
            size: fields.count("size")?,
            builds: fields.count("builds")?,
            unread: fields.count("unread")?,
            created_at: fields.time("created_at")?,
        }))
    }

    /// Notes what the planner found of a batch; whether it was not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_batch_finding(&mut self, batch: BatchId, text: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO batch_findings (batch_id, text) SELECT id, $2 FROM batches WHERE id = $1 ON CONFLICT DO NOTHING",
        )
        .bind(batch.0)
        .bind(text)
        .execute(self.run())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// What the planner found of a batch, by text.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn batch_findings(&mut self, batch: BatchId) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT text FROM batch_findings WHERE batch_id = $1 ORDER BY text")
            .bind(batch.0)
            .fetch_all(self.run())
            .await?;
        Ok(rows.into_iter().map(|(text,)| text).collect())
    }

    /// The unfinished builds of a batch, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_builds_of_batch(&mut self, batch: BatchId) -> Result<Vec<BuildId>, StoreError> {
        let ids: Vec<(i64,)> = sqlx::query_as("SELECT id FROM builds WHERE batch_id = $1 AND finished = 0 ORDER BY id")
            .bind(batch.0)
            .fetch_all(self.run())
            .await?;
        Ok(ids.into_iter().map(|(id,)| BuildId::new(id)).collect())
    }
}
