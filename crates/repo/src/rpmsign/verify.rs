use std::io::{self, Read, Seek};

use pkgfile::rpm::{DigestCheck, RpmError, RpmLimits, RpmPackage, RpmReader, SignatureKind, Tag};

use crate::pgp::{Keyring, Verified, VerifyError};

/// A package with a good signature.
#[derive(Debug, Clone)]
pub struct VerifiedPackage {
    /// What its headers say.
    pub package: RpmPackage,
    /// Which of its signatures is good.
    pub kind: SignatureKind,
    /// Fingerprint of the key or subkey, in upper-case hexadecimal.
    pub fingerprint: String,
    /// When it was signed, in seconds since 1970.
    pub signed_at: i64,
}

/// Why nothing is known to be signed by a key of the keyring.
#[derive(Debug, thiserror::Error)]
pub enum VerifyPackageError {
    /// It can not be read or is damaged.
    #[error("the package can not be read")]
    Package(#[source] RpmError),
    /// It has no signature that we know how to check.
    #[error("the package {name} is not signed")]
    Unsigned {
        /// Name of the package.
        name: String,
    },
    /// Its header has a good signature, but nothing says which payload belongs to the header.
    #[error("the signature of the package {name} does not cover its payload")]
    PayloadNotCovered {
        /// Name of the package.
        name: String,
    },
    /// No signature is good.
    #[error("the package {name} is not signed by a key that is trusted")]
    Signature {
        /// Name of the package.
        name: String,
        /// What is wrong with the last one that was checked.
        #[source]
        source: VerifyError,
    },
    /// The reader could not go back.
    #[error("the package can not be read twice")]
    Seek(#[source] io::Error),
}

/// Checks that one signature of a package, header and payload, was made by a key of the keyring.
///
/// A signature over the header counts if the header has the payload's SHA-256 digest, and the payload has it; one over header and
/// payload counts by itself. The package is read to its end. `now` is in seconds since 1970.
///
/// # Errors
/// [`VerifyPackageError`].
pub fn verify_package(
    reader: &mut (impl Read + Seek),
    keyring: &Keyring,
    now: i64,
    limits: RpmLimits,
) -> Result<VerifiedPackage, VerifyPackageError> {
    reader.rewind().map_err(VerifyPackageError::Seek)?;
    let opened = RpmReader::open(&mut *reader, limits).map_err(VerifyPackageError::Package)?;
    let package = opened.package().clone();
    let binary = |tag| package.signature_header().binary(tag);
    let name = || package.meta().name.clone();
    let mut failure = None;
    let by_header = [Tag::SIG_RSA, Tag::SIG_DSA].into_iter().filter_map(binary).find_map(|signature| {
        let verified = keyring.verify_detached(package.header().as_bytes(), signature, now);
        verified.map_err(|source| failure = Some(VerifyPackageError::Signature { name: name(), source })).ok()
    });
    if let Some(verified) = by_header {
        match opened.verify_payload().map_err(VerifyPackageError::Package)? {
            DigestCheck::Verified(_) => return Ok(verified_package(package, SignatureKind::Header, verified)),
            DigestCheck::Absent => failure = Some(VerifyPackageError::PayloadNotCovered { name: name() }),
        }
    }
    let start = package.header_range().0;
    for signature in [Tag::SIG_PGP, Tag::SIG_GPG].into_iter().filter_map(binary) {
        match keyring.verify_detached_of(reader, start, signature, now) {
            Ok(verified) => return Ok(verified_package(package, SignatureKind::HeaderAndPayload, verified)),
            Err(source) => failure = Some(VerifyPackageError::Signature { name: name(), source }),
        }
    }
    Err(failure.unwrap_or_else(|| VerifyPackageError::Unsigned { name: name() }))
}

fn verified_package(package: RpmPackage, kind: SignatureKind, verified: Verified) -> VerifiedPackage {
    VerifiedPackage { package, kind, fingerprint: verified.fingerprint, signed_at: verified.signed_at }
}
