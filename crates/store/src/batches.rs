use model::BuildId;

use crate::fields::Fields;
use crate::{Session, StoreError};

/// Number of a batch: builds that others may wait for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchId(i64);

impl BatchId {
    pub(crate) const fn get(self) -> i64 {
        self.0
    }
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
