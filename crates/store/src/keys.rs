use model::{ProjectId, Timestamp};

use crate::{Session, StoreError};

/// The OpenPGP key of a project.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Secret half, as the signer reads it.
    pub secret: Vec<u8>,
    /// Public half, armoured.
    pub public: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

impl Session {
    /// The key of a project, if it has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signing_key(&mut self, project: ProjectId) -> Result<Option<SigningKey>, StoreError> {
        let row: Option<(Vec<u8>, String)> =
            sqlx::query_as("SELECT secret, public FROM signing_keys WHERE project_id = $1")
                .bind(project.get())
                .fetch_optional(self.run())
                .await?;
        Ok(row.map(|(secret, public)| SigningKey { secret, public }))
    }

    /// Gives a project its key; the first one stays. Gives the key the project has now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_signing_key(
        &mut self,
        project: ProjectId,
        key: SigningKey,
        now: Timestamp,
    ) -> Result<SigningKey, StoreError> {
        sqlx::query(
            "INSERT INTO signing_keys (project_id, secret, public, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(project.get())
        .bind(&key.secret)
        .bind(&key.public)
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(self.signing_key(project).await?.unwrap_or(key))
    }
}
