//! What a recipe is signed with, as far as the service's keyrings tell.

use std::path::{Path, PathBuf};

use model::{FailureCause, FileName, SourceSignature, Timestamp};
use pkgfile::rpm::RpmPackage;
use repo::pgp::{Keyring, Verified, VerifyError};

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

/// The cause for a source that a known key has signed otherwise than it is.
pub(super) fn refuse_bad(file: &FileName, signature: &SourceSignature) -> Result<(), FailureCause> {
    match signature {
        SourceSignature::Bad { key } => Err(FailureCause::SourceForged { file: file.to_string(), key: key.clone() }),
        _ => Ok(()),
    }
}

/// What is known of the signature of an rpm package: of the one over its header, whose digests lead to everything else.
pub(super) fn of_rpm(package: &RpmPackage, keyring: &Keyring, now: Timestamp) -> SourceSignature {
    if let Some(signature) = package.header_signature() {
        return judge(keyring.verify_detached(package.header().as_bytes(), signature, now.as_seconds()));
    }
    if package.signatures().is_empty() {
        return SourceSignature::Unsigned;
    }
    let detail = "it is of a kind that is not looked at: over header and content in one, or in the way of rpm 6";
    SourceSignature::Unreadable { detail: detail.to_owned() }
}

/// What is known of the signature of a recipe; `is_armoured` is what the recipe's reader says.
pub(super) fn read(recipe: &[u8], is_armoured: bool, keyring: &Keyring, now: Timestamp) -> SourceSignature {
    if !is_armoured {
        return SourceSignature::Unsigned;
    }
    judge(keyring.verify_clearsigned(recipe, now.as_seconds()))
}

fn judge(verified: Result<Verified, VerifyError>) -> SourceSignature {
    match verified {
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
