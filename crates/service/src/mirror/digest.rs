//! Digests that archives name files by, and which blobs they mean.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use pkg::Sha256;
use repo::rpmmd::FileDigest;

use crate::ServiceError;
use crate::inner::Inner;

/// The blobs of files that archives name by SHA-512. A copy of what the database knows.
#[derive(Debug, Default)]
pub(crate) struct DigestNames(RwLock<HashMap<String, Sha256>>);

impl DigestNames {
    /// The name of the blob with a digest; nothing, if no such file has been here.
    pub(crate) fn blob(&self, digest: &FileDigest) -> Option<Sha256> {
        match digest {
            FileDigest::Sha256(sha256) => Some(*sha256),
            other => self.0.read().unwrap_or_else(PoisonError::into_inner).get(&other.to_string()).copied(),
        }
    }

    fn learn(&self, names: impl IntoIterator<Item = (String, Sha256)>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(names);
    }
}

/// Reads what the database knows, once.
pub(crate) async fn load_names(inner: &Inner) -> Result<(), ServiceError> {
    let state = &inner.mirror;
    let load = async || {
        let names = inner.store.read().await?.digest_names().await?;
        state.names.learn(names);
        Ok::<_, ServiceError>(())
    };
    state.names_loaded.get_or_try_init(load).await?;
    Ok(())
}

/// Notes which blob has a digest.
pub(super) async fn note_name(inner: &Inner, digest: &FileDigest, sha256: Sha256) -> Result<(), ServiceError> {
    if matches!(digest, FileDigest::Sha256(_)) {
        return Ok(());
    }
    let name = digest.to_string();
    let mut session = inner.store.write().await?;
    session.put_digest_name(&name, &sha256).await?;
    session.commit().await?;
    inner.mirror.names.learn([(name, sha256)]);
    Ok(())
}
