use std::io::{self, BufReader, Read, Seek, SeekFrom};

use pgp::composed::{Deserializable as _, DetachedSignature, PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PublicKey, PublicSubkey, Signature, SignatureType};
use pgp::types::{KeyDetails as _, Tag};

use super::{OpenPgpError, cleartext};

/// Most keys and signatures that are looked at.
pub(super) const LIMIT_KEYS: usize = 10_000;
const LIMIT_SIGNATURES: usize = 100;
/// How wrong the clocks of signers may be.
const CLOCK_SECONDS: i64 = 86_400;

/// Public keys that are trusted to sign.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<TrustedKey>,
}

/// A primary key or subkey that may sign data.
#[derive(Debug, Clone)]
struct TrustedKey {
    key: PublicPart,
    fingerprint: String,
    created_at: i64,
    expires_at: Option<i64>,
}

#[derive(Debug, Clone)]
enum PublicPart {
    Primary(Box<PublicKey>),
    Subkey(Box<PublicSubkey>),
}

/// Why a keyring could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// It is damaged, or no keyring.
    #[error("keyring can not be read")]
    Malformed(#[source] OpenPgpError),
    /// There is no key in it that may sign data, or none whose own signatures hold.
    #[error("keyring has no usable signing key")]
    NoKey,
}

/// Why nothing is known to be signed by a key of the keyring.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not one clearsigned message and nothing else.
    #[error("not a clearsigned message")]
    NotClearsigned,
    /// What was signed can not be read.
    #[error("signed content can not be read")]
    Read(#[source] io::Error),
    /// The signatures can not be read.
    #[error("signature can not be read")]
    Malformed(#[source] OpenPgpError),
    /// No signature is by a key of the keyring.
    #[error("signed by unknown keys: {issuers}")]
    UnknownKey {
        /// Key ids or fingerprints of the signers, separated by blanks.
        issuers: String,
    },
    /// A known key's signature does not fit the content.
    #[error("the signature by {fingerprint} does not fit the content")]
    Bad {
        /// Fingerprint of the key.
        fingerprint: String,
    },
    /// The signature or its key is not valid at this time, or the digest is too weak.
    #[error("the signature by {fingerprint} is not acceptable: {reason}")]
    NotAcceptable {
        /// Fingerprint of the key.
        fingerprint: String,
        /// Why, as a lower-case fragment.
        reason: &'static str,
    },
}

/// Content with a good signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What was signed; of clearsigned messages without trailing blanks, lines ended by LF. Empty for detached signatures.
    pub text: String,
    /// Fingerprint of the key or subkey, in upper-case hexadecimal.
    pub fingerprint: String,
    /// When it was signed, in seconds since 1970.
    pub signed_at: i64,
}

impl Keyring {
    /// Reads a keyring: binary, or one or more armoured blocks.
    ///
    /// Keys that are revoked, may not sign data or have no valid signature by themselves are left out.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        const BLOCK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
        let mut keyring = Self::default();
        let mut first_error = None;
        match std::str::from_utf8(bytes).ok().filter(|text| text.contains(BLOCK)) {
            Some(text) => {
                for start in text.match_indices(BLOCK).map(|(start, _)| start).take(LIMIT_KEYS) {
                    keyring.add_block(text.get(start..).unwrap_or_default().as_bytes(), &mut first_error);
                }
            }
            None => keyring.add_block(bytes, &mut first_error),
        }
        match first_error {
            _ if !keyring.keys.is_empty() => Ok(keyring),
            Some(error) => Err(KeyringError::Malformed(OpenPgpError(error))),
            None => Err(KeyringError::NoKey),
        }
    }

    /// A keyring with the keys of both.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        self.keys.extend(other.keys.iter().cloned());
        self
    }

    /// Fingerprints of the keys and subkeys that may sign, in upper-case hexadecimal, in the keyring's order.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.fingerprint.as_str())
    }

    /// One key of an unknown kind does not hide the others: errors are only noted.
    fn add_block(&mut self, bytes: &[u8], first_error: &mut Option<pgp::errors::Error>) {
        let keys = match PublicOrSecret::from_reader_many_buf(BufReader::new(bytes)) {
            Ok((keys, _)) => keys,
            Err(error) => {
                first_error.get_or_insert(error);
                return;
            }
        };
        for key in keys.take(LIMIT_KEYS) {
            match key {
                Ok(PublicOrSecret::Public(key)) => self.add_certificate(&key),
                // A secret key does not belong into a keyring of trusted ones.
                Ok(PublicOrSecret::Secret(_)) => {}
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
    }

    fn add_certificate(&mut self, certificate: &SignedPublicKey) {
        let primary = &certificate.primary_key;
        if certificate.details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok()) {
            return;
        }
        let Some(newest) = newest_self_signature(certificate) else { return };
        let expires_at = expiry(seconds(primary.created_at().as_secs()), newest);
        if may_sign(newest) {
            self.keys.push(TrustedKey {
                fingerprint: format!("{:X}", primary.fingerprint()),
                created_at: seconds(primary.created_at().as_secs()),
                expires_at,
                key: PublicPart::Primary(Box::new(primary.clone())),
            });
        }
        for subkey in &certificate.public_subkeys {
            let Some(binding) = subkey_binding(primary, subkey) else { continue };
            let own_expiry = expiry(seconds(subkey.key.created_at().as_secs()), binding);
            self.keys.push(TrustedKey {
                fingerprint: format!("{:X}", subkey.key.fingerprint()),
                created_at: seconds(subkey.key.created_at().as_secs()),
                expires_at: [expires_at, own_expiry].into_iter().flatten().min(),
                key: PublicPart::Subkey(Box::new(subkey.key.clone())),
            });
        }
    }

    /// Checks a clearsigned message (`InRelease`) and returns what was signed.
    ///
    /// One good signature by a key of the keyring suffices. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`VerifyError`], of the signature that came closest to being good.
    pub fn verify_clearsigned(&self, message: &[u8], now: i64) -> Result<Verified, VerifyError> {
        let message = std::str::from_utf8(message).map_err(|_| VerifyError::NotClearsigned)?;
        let parts = cleartext::split(message).ok_or(VerifyError::NotClearsigned)?;
        let verified = self.verify(&mut parts.signed.as_bytes(), parts.signature.as_bytes(), now)?;
        Ok(Verified { text: parts.signed.replace("\r\n", "\n") + "\n", ..verified })
    }

    /// Checks a detached signature (`Release.gpg`), armoured or binary.
    ///
    /// # Errors
    /// As [`Keyring::verify_clearsigned`].
    pub fn verify_detached(&self, content: &[u8], signature: &[u8], now: i64) -> Result<Verified, VerifyError> {
        self.verify(&mut &*content, signature, now)
    }

    /// As [`Keyring::verify_detached`], for content that is read: from `start` to its end, once for each signature that a
    /// key of the keyring may have made.
    ///
    /// # Errors
    /// As [`Keyring::verify_clearsigned`], and [`VerifyError::Read`].
    pub fn verify_detached_of(
        &self,
        content: &mut (impl Read + Seek),
        start: u64,
        signature: &[u8],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        self.verify(&mut FromPlace { reader: content, start }, signature, now)
    }

    fn verify(&self, content: &mut dyn Content, signatures: &[u8], now: i64) -> Result<Verified, VerifyError> {
        let malformed = |error| VerifyError::Malformed(OpenPgpError(error));
        let (signatures, _) = DetachedSignature::from_reader_many_buf(BufReader::new(signatures)).map_err(malformed)?;
        let mut closest = None;
        let mut issuers = Vec::new();
        for signature in signatures.take(LIMIT_SIGNATURES) {
            let signature = match signature {
                Ok(signature) => signature.signature,
                Err(error) => {
                    closest.get_or_insert(malformed(error));
                    continue;
                }
            };
            let known: Vec<&TrustedKey> = self.keys.iter().filter(|key| key.may_have_made(&signature)).collect();
            if known.is_empty() {
                issuers.extend(issuer(&signature));
            }
            for key in known {
                let reader = content.open().map_err(VerifyError::Read)?;
                match key.check(&signature, reader, now) {
                    Ok(verified) => return Ok(verified),
                    Err(error) => closest = Some(error),
                }
            }
        }
        Err(closest.unwrap_or_else(|| VerifyError::UnknownKey { issuers: issuers.join(" ") }))
    }
}

/// What was signed; may be read several times.
trait Content {
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>>;
}

impl Content for &[u8] {
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(*self))
    }
}

struct FromPlace<'r, R> {
    reader: &'r mut R,
    start: u64,
}

impl<R: Read + Seek> Content for FromPlace<'_, R> {
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.reader.seek(SeekFrom::Start(self.start))?;
        Ok(Box::new(&mut *self.reader))
    }
}

impl TrustedKey {
    /// Whether the signature names this key as its maker.
    fn may_have_made(&self, signature: &Signature) -> bool {
        let prints = signature.issuer_fingerprint();
        let ids = signature.issuer_key_id();
        match &self.key {
            PublicPart::Primary(key) => {
                prints.contains(&&key.fingerprint()) || prints.is_empty() && ids.contains(&&key.legacy_key_id())
            }
            PublicPart::Subkey(key) => {
                prints.contains(&&key.fingerprint()) || prints.is_empty() && ids.contains(&&key.legacy_key_id())
            }
        }
    }

    fn check(&self, signature: &Signature, content: impl Read, now: i64) -> Result<Verified, VerifyError> {
        let fingerprint = || self.fingerprint.clone();
        let refused = |reason| VerifyError::NotAcceptable { fingerprint: fingerprint(), reason };
        if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
            return Err(refused("it is not a signature over data"));
        }
        // What APT refuses since 2016.
        let strong = [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512, HashAlgorithm::Sha224];
        if !signature.hash_alg().is_some_and(|hash| strong.contains(&hash)) {
            return Err(refused("its digest algorithm is too weak"));
        }
        let checked = match &self.key {
            PublicPart::Primary(key) => signature.verify(key.as_ref(), content),
            PublicPart::Subkey(key) => signature.verify(key.as_ref(), content),
        };
        checked.map_err(|_| VerifyError::Bad { fingerprint: fingerprint() })?;
        let signed_at = signature.created().map(|time| seconds(time.as_secs()));
        let signed_at = signed_at.ok_or_else(|| refused("it has no time"))?;
        if signed_at > now.saturating_add(CLOCK_SECONDS) || self.created_at > signed_at.saturating_add(CLOCK_SECONDS) {
            return Err(refused("it is from the future, or older than its key"));
        }
        let lifetime = signature.signature_expiration_time().map_or(0, |duration| seconds(duration.as_secs()));
        if lifetime > 0 && signed_at.saturating_add(lifetime) < now {
            return Err(refused("it has expired"));
        }
        if self.expires_at.is_some_and(|expires_at| expires_at < now) {
            return Err(refused("its key has expired"));
        }
        Ok(Verified { text: String::new(), fingerprint: fingerprint(), signed_at })
    }
}

pub(super) fn seconds(value: u32) -> i64 {
    i64::from(value)
}

fn issuer(signature: &Signature) -> Option<String> {
    let print = signature.issuer_fingerprint().first().map(|print| format!("{print:X}"));
    print.or_else(|| signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase()))
}

pub(super) fn expiry(created_at: i64, signature: &Signature) -> Option<i64> {
    let lifetime = signature.key_expiration_time().map_or(0, |duration| seconds(duration.as_secs()));
    (lifetime > 0).then(|| created_at.saturating_add(lifetime))
}

/// Old keys say nothing of what they are for, and may do everything.
fn may_sign(signature: &Signature) -> bool {
    let flags = signature.key_flags();
    let says_nothing = !(flags.certify() || flags.encrypt_comms() || flags.encrypt_storage() || flags.authentication());
    flags.sign() || says_nothing
}

/// The newest valid signature of the primary key about itself.
pub(super) fn newest_self_signature(certificate: &SignedPublicKey) -> Option<&Signature> {
    let primary = &certificate.primary_key;
    let direct = certificate.details.direct_signatures.iter().filter(|signature| signature.verify_key(primary).is_ok());
    let users = certificate.details.users.iter().flat_map(|user| {
        let valid = move |signature: &&Signature| {
            signature.typ() != Some(SignatureType::CertRevocation)
                && names(signature, primary)
                && signature.verify_certification(primary, Tag::UserId, &user.id).is_ok()
        };
        user.signatures.iter().filter(valid)
    });
    direct.chain(users).max_by_key(|signature| signature.created().map_or(0, pgp::types::Timestamp::as_secs))
}

/// Cheap look before an expensive check: other people's certifications are the bulk of a keyring.
fn names(signature: &Signature, primary: &PublicKey) -> bool {
    let (prints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    prints.contains(&&primary.fingerprint()) || ids.contains(&&primary.legacy_key_id())
}

/// The newest valid binding of a subkey that may sign and is not revoked.
fn subkey_binding<'a>(primary: &PublicKey, subkey: &'a SignedPublicSubKey) -> Option<&'a Signature> {
    if subkey.signatures.iter().any(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation)) {
        return None;
    }
    let valid = |signature: &&Signature| {
        let back = signature.embedded_signature();
        signature.key_flags().sign()
            && signature.verify_subkey_binding(primary, &subkey.key).is_ok()
            && back.is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok())
    };
    let created = |signature: &&Signature| signature.created().map_or(0, pgp::types::Timestamp::as_secs);
    subkey.signatures.iter().filter(valid).max_by_key(created)
}
