//! The OpenPGP key of a project.

use model::{Mirror, ProjectId, ProjectName};
use repo::pgp::{KeyDescription, KeyError, SigningKey, describe_keys};
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

    /// The OpenPGP keys that sign the packages of a project: those of the archives it mirrors, and its own unless it does
    /// nothing but mirror.
    ///
    /// A keyring of an archive that can not be read is left out, with a warning.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn public_keys(&self, id: ProjectId) -> Result<Vec<KeyDescription>, ServiceError> {
        let repositories = self.repositories(id).await?;
        let keyring = |mirror: &Mirror| match mirror {
            Mirror::Debian { keyring, .. } => Some(keyring.clone()),
            Mirror::RpmMd { keyring, .. } => keyring.clone(),
        };
        let mut paths: Vec<String> =
            repositories.iter().filter_map(|found| found.mirror.as_ref()).filter_map(keyring).collect();
        paths.sort();
        paths.dedup();
        let only_mirrors = !repositories.is_empty() && repositories.iter().all(|found| found.mirror.is_some());
        let own = if only_mirrors { None } else { Some(key_of(&self.inner, id).await?.public) };
        blocking(move || {
            let mut keys = Vec::new();
            for path in paths {
                let read = fs_err::read(&path).map_err(|error| error.to_string());
                match read.and_then(|bytes| describe_keys(&bytes).map_err(|error| format!("{path}: {error}"))) {
                    Ok(found) => keys.extend(found),
                    Err(error) => tracing::warn!("a keyring is left out: {error}"),
                }
            }
            let failed = |source| ServiceError::Failed { what: "reading a project's key".to_owned(), source };
            if let Some(own) = own {
                keys.extend(describe_keys(own.as_bytes()).map_err(|error| failed(error.into()))?);
            }
            Ok(keys)
        })
        .await?
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
