use std::io::Read;

use pgp::composed::{ArmorOptions, Deserializable as _, DetachedSignature, KeyType, SignedKeyDetails, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{
    Features, KeyFlags, PacketTrait as _, PubKeyInner, PublicKey, SecretKey, Signature, SignatureConfig, SignatureType,
    Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, KeyVersion, Password, SignedUser, Timestamp};
use rand::SeedableRng as _;

use super::{OpenPgpError, cleartext};

/// Signs what is published.
///
/// Times are in seconds since 1970 and end up in the signature; the same content, time and key give the same bytes.
pub trait Signer {
    /// An armoured detached signature over `content`.
    ///
    /// # Errors
    /// [`SignError`].
    fn detached(&self, content: &[u8], signed_at: i64) -> Result<String, SignError>;

    /// `text` as a clearsigned message.
    ///
    /// # Errors
    /// [`SignError`].
    fn clearsign(&self, text: &str, signed_at: i64) -> Result<String, SignError>;
}

/// A secret key that signs; without a passphrase, so the caller keeps it safe.
#[derive(Clone)]
pub struct SigningKey {
    key: SignedSecretKey,
}

/// Why a key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The time of its making does not fit into OpenPGP's 32 bits.
    #[error("key time {seconds} is before 1970 or after 2106")]
    Time {
        /// The time given, in seconds since 1970.
        seconds: i64,
    },
    /// The library refused.
    #[error("key can not be made or read")]
    Library(#[source] OpenPgpError),
}

/// Why something could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The time does not fit into OpenPGP's 32 bits.
    #[error("signature time {seconds} is before 1970 or after 2106")]
    Time {
        /// The time given, in seconds since 1970.
        seconds: i64,
    },
    /// The library refused, for instance because the key has a passphrase.
    #[error("signing failed")]
    Library(#[source] OpenPgpError),
}

impl From<pgp::errors::Error> for KeyError {
    fn from(error: pgp::errors::Error) -> Self {
        Self::Library(OpenPgpError(error))
    }
}

impl From<pgp::errors::Error> for SignError {
    fn from(error: pgp::errors::Error) -> Self {
        Self::Library(OpenPgpError(error))
    }
}

const HASH: HashAlgorithm = HashAlgorithm::Sha512;
const HASH_NAME: &str = "SHA512";

impl SigningKey {
    /// Makes an Ed25519 key.
    ///
    /// `user_id` names the owner (`Project home:alice <alice@example.org>`); `entropy` are 32 bytes nobody can guess, the
    /// only secret there is; `created_at` is in seconds since 1970.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn generate(user_id: &str, entropy: [u8; 32], created_at: i64) -> Result<Self, KeyError> {
        let created = u32::try_from(created_at).map_err(|_| KeyError::Time { seconds: created_at })?;
        let created = Timestamp::from_secs(created);
        let mut rng = rand::rngs::StdRng::from_seed(entropy);
        let (public, secret) = KeyType::Ed25519Legacy.generate(&mut rng)?;
        let algorithm = KeyType::Ed25519Legacy.to_alg();
        let public = PublicKey::from_inner(PubKeyInner::new(KeyVersion::V4, algorithm, created, None, public)?)?;
        let primary_key = SecretKey::new(public.clone(), secret)?;
        let user = UserId::from_str(pgp::types::PacketHeaderVersion::New, user_id)?;
        let mut flags = KeyFlags::default();
        flags.set_certify(true);
        flags.set_sign(true);
        let mut config = SignatureConfig::v4(SignatureType::CertPositive, algorithm, HASH);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(created))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(public.fingerprint()))?,
            Subpacket::regular(SubpacketData::KeyFlags(flags))?,
            Subpacket::regular(SubpacketData::Features(Features::default()))?,
            Subpacket::regular(SubpacketData::IsPrimary(true))?,
        ];
        config.unhashed_subpackets = vec![Subpacket::regular(SubpacketData::IssuerKeyId(public.legacy_key_id()))?];
        let signature = config.sign_certification(&primary_key, &public, &Password::empty(), user.tag(), &user)?;
        let users = vec![SignedUser::new(user, vec![signature])];
        let details = SignedKeyDetails::new(Vec::new(), Vec::new(), users, Vec::new());
        Ok(Self { key: SignedSecretKey::new(primary_key, details, Vec::new(), Vec::new()) })
    }

    /// Reads an armoured secret key; it signs with its primary key.
    ///
    /// # Errors
    /// [`KeyError::Library`] if it is damaged or its own signatures do not hold.
    pub fn from_armoured(text: &str) -> Result<Self, KeyError> {
        let (key, _) = SignedSecretKey::from_string(text)?;
        key.verify_bindings()?;
        Ok(Self { key })
    }

    /// The armoured secret key, to be kept secret.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn secret_armoured(&self) -> Result<String, KeyError> {
        Ok(self.key.to_armored_string(ArmorOptions { headers: None, include_checksum: true })?)
    }

    /// The armoured public key (`.asc`), for APT's Signed-By and for rpm.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn public_armoured(&self) -> Result<String, KeyError> {
        Ok(self.key.to_public_key().to_armored_string(ArmorOptions { headers: None, include_checksum: true })?)
    }

    /// The public key in binary, for `/usr/share/keyrings/*.gpg`.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn public_binary(&self) -> Result<Vec<u8>, KeyError> {
        Ok(self.key.to_public_key().to_bytes()?)
    }

    /// Fingerprint in upper-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.key.primary_key.fingerprint())
    }

    /// A detached signature as a binary OpenPGP packet, as rpm headers hold it.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn detached_packet(&self, content: &[u8], signed_at: i64) -> Result<Vec<u8>, SignError> {
        self.detached_packet_of(&mut &*content, signed_at)
    }

    /// As [`SigningKey::detached_packet`], over what a reader gives.
    ///
    /// # Errors
    /// [`SignError`], also if the reader fails.
    pub fn detached_packet_of(&self, content: &mut dyn Read, signed_at: i64) -> Result<Vec<u8>, SignError> {
        Ok(DetachedSignature::new(self.sign(SignatureType::Binary, content, signed_at)?).to_bytes()?)
    }

    /// Whether it is an RSA key, for whose signatures rpm has tags of their own.
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        matches!(self.key.primary_key.algorithm(), PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign)
    }

    fn sign(&self, kind: SignatureType, content: impl Read, signed_at: i64) -> Result<Signature, SignError> {
        let key = &self.key.primary_key;
        let time = u32::try_from(signed_at).map_err(|_| SignError::Time { seconds: signed_at })?;
        let mut config = SignatureConfig::v4(kind, key.algorithm(), HASH);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(time)))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        ];
        config.unhashed_subpackets = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
        Ok(config.sign(key, &Password::empty(), content)?)
    }
}

impl Signer for SigningKey {
    fn detached(&self, content: &[u8], signed_at: i64) -> Result<String, SignError> {
        armoured(self.sign(SignatureType::Binary, content, signed_at)?)
    }

    fn clearsign(&self, text: &str, signed_at: i64) -> Result<String, SignError> {
        // Trailing blanks are not covered by the signature; readers drop them.
        let lines: Vec<&str> =
            cleartext::body(text).split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
        let signature = self.sign(SignatureType::Text, lines.join("\r\n").as_bytes(), signed_at)?;
        Ok(cleartext::join(&lines.join("\n"), HASH_NAME, &armoured(signature)?))
    }
}

fn armoured(signature: Signature) -> Result<String, SignError> {
    let options = ArmorOptions { headers: None, include_checksum: true };
    Ok(DetachedSignature::new(signature).to_armored_string(options)?)
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.fingerprint()).finish()
    }
}
