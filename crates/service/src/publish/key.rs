//! The OpenPGP key of a project.

use model::{ProjectId, ProjectName};
use repo::pgp::{KeyError, SigningKey};
use store::SigningKey as StoredKey;

use crate::inner::{Inner, blocking};
use crate::{ProjectKey, Service, ServiceError};

impl Service {
    /// The OpenPGP key that signs what a project publishes, armoured; made when it is first asked for.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn public_key(&self, id: ProjectId) -> Result<String, ServiceError> {
        Ok(key_of(&self.inner, id).await?.public)
    }
}

/// The key of a project; the first one stays for ever.
pub(super) async fn key_of(inner: &Inner, id: ProjectId) -> Result<StoredKey, ServiceError> {
    let mut session = inner.store.read().await?;
    let missing = || ServiceError::ProjectMissing { project: ProjectKey::Id(id) };
    let project = session.project(id).await?.ok_or_else(missing)?;
    if let Some(key) = session.signing_key(id).await? {
        return Ok(key);
    }
    drop(session);
    let now = inner.now();
    let made = blocking(move || make(&project.name, now.as_seconds())).await??;
    let mut session = inner.store.write().await?;
    let key = session.put_signing_key(id, made, now).await?;
    session.commit().await?;
    Ok(key)
}

fn make(project: &ProjectName, now: i64) -> Result<StoredKey, ServiceError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ServiceError::Failed {
        what: format!("making the key of project {project}"),
        source,
    };
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|error| failed(error.to_string().into()))?;
    let pair = |key: SigningKey| -> Result<StoredKey, KeyError> {
        Ok(StoredKey { secret: key.secret_armoured()?.into_bytes(), public: key.public_armoured()? })
    };
    SigningKey::generate(&format!("Project {project}"), entropy, now)
        .and_then(pair)
        .map_err(|error| failed(error.into()))
}

/// The signer of a stored key.
pub(super) fn signer(key: &StoredKey) -> Result<SigningKey, ServiceError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ServiceError::Failed {
        what: "reading a project's key".to_owned(),
        source,
    };
    let text = std::str::from_utf8(&key.secret).map_err(|error| failed(error.into()))?;
    SigningKey::from_armoured(text).map_err(|error| failed(error.into()))
}
