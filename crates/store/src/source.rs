use std::collections::BTreeSet;

use model::{BuildId, SourceEvent, SourceState};

use crate::{Session, StoreError};

impl Session {
    /// Puts back in line every source that is marked as being made, but is not among those that are; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recover_sources_but(&mut self, made_now: &BTreeSet<BuildId>) -> Result<usize, StoreError> {
        let running: Vec<(i64,)> = sqlx::query_as("SELECT id FROM builds WHERE source_state = $1 ORDER BY id")
            .bind(SourceState::Running.as_str())
            .fetch_all(self.run())
            .await?;
        let abandoned = running.into_iter().map(|(id,)| BuildId::new(id)).filter(|build| !made_now.contains(build));
        let abandoned: Vec<BuildId> = abandoned.collect();
        for build in &abandoned {
            self.change_source(*build, SourceEvent::Interrupted).await?;
        }
        Ok(abandoned.len())
    }
}
