//! What a recipe is signed with, as far as the service's keyrings tell.

use std::path::{Path, PathBuf};

use model::{SourceSignature, Timestamp};
use repo::pgp::{Keyring, VerifyError};

use crate::ServiceError;

/// Reads keyrings into one. They are an operator's setting: one that can not be read is not passed over.
pub(super) async fn read_keyrings(paths: &[PathBuf]) -> Result<Keyring, ServiceError> {
    if paths.is_empty() {
        return Ok(Keyring::default());
    }
    let paths = paths.to_vec();
    let read = tokio::task::spawn_blocking(move || {
        paths.iter().try_fold(Keyring::default(), |joined, path| Ok(joined.joined(&read_keyring(path)?)))
    });
    match read.await {
        Ok(read) => read,
        Err(error) => Err(ServiceError::Failed { what: "reading keyrings".to_owned(), source: error.into() }),
    }
}

fn read_keyring(path: &Path) -> Result<Keyring, ServiceError> {
    let refused = |detail: String| ServiceError::BadValue {
        field: "source keyring",
        detail: format!("{}: {detail}", path.display()),
    };
    let bytes = fs_err::read(path).map_err(|error| refused(error.kind().to_string()))?;
    Keyring::parse(&bytes).map_err(|error| refused(error.to_string()))
}

/// What is known of the signature of a recipe; `is_armoured` is what the recipe's reader says.
pub(super) fn read(recipe: &[u8], is_armoured: bool, keyring: &Keyring, now: Timestamp) -> SourceSignature {
    if !is_armoured {
        return SourceSignature::Unsigned;
    }
    match keyring.verify_clearsigned(recipe, now.as_seconds()) {
        Ok(verified) => {
            let signed_at = Timestamp::from_millis(verified.signed_at.saturating_mul(1000));
            SourceSignature::Good { key: verified.fingerprint, signed_at }
        }
        Err(VerifyError::UnknownKey { issuers }) => {
            SourceSignature::UnknownKey { keys: issuers.split_whitespace().map(str::to_owned).collect() }
        }
        Err(VerifyError::Bad { fingerprint }) => SourceSignature::Bad { key: fingerprint },
        Err(VerifyError::NotAcceptable { fingerprint, reason }) => {
            SourceSignature::NotAcceptable { key: fingerprint, reason: reason.to_owned() }
        }
        Err(error @ (VerifyError::NotClearsigned | VerifyError::Malformed(_) | VerifyError::Read(_))) => {
            SourceSignature::Unreadable { detail: error.to_string() }
        }
    }
}
