//! OpenPGP keys and clearsigned texts, made with the library's own writer: what is checked was not written by what checks.

use pgp::composed::{CleartextSignedMessage, DetachedSignature, KeyType, SecretKeyParamsBuilder, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, Password, Timestamp};
use rand::SeedableRng as _;

/// A key that signs: an archive's, or a packager's.
#[derive(Debug)]
pub struct Key {
    key: SignedSecretKey,
}

impl Key {
    /// The Ed25519 key of an owner (`Alice <alice@example.org>`), made at a time in seconds since 1970; the same `seed` gives
    /// the same key.
    #[must_use]
    pub fn new(owner: &str, seed: u8, created_at: i64) -> Self {
        let parameters = SecretKeyParamsBuilder::default()
            .key_type(KeyType::Ed25519Legacy)
            .can_sign(true)
            .can_certify(true)
            .created_at(time(created_at))
            .primary_user_id(owner.to_owned())
            .build()
            .unwrap();
        Self { key: parameters.generate(rand::rngs::StdRng::from_seed([seed; 32])).unwrap() }
    }

    /// The public key in binary: a keyring of one.
    #[must_use]
    pub fn keyring(&self) -> Vec<u8> {
        self.key.to_public_key().to_bytes().unwrap()
    }

    /// Fingerprint in upper-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.key.primary_key.fingerprint())
    }

    /// `text` with a signature around it, made at a time in seconds since 1970.
    #[must_use]
    pub fn clearsign(&self, text: &str, signed_at: i64) -> String {
        let key = &self.key.primary_key;
        let mut config = SignatureConfig::v4(SignatureType::Text, key.algorithm(), HashAlgorithm::Sha256);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(time(signed_at))).unwrap(),
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).unwrap(),
        ];
        // The last line's end belongs to the armour.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let message = CleartextSignedMessage::new(text, config, key, &Password::empty()).unwrap();
        message.to_armored_string(None.into()).unwrap()
    }

    /// A signature over some bytes, as a binary packet, made at a time in seconds since 1970.
    #[must_use]
    pub fn detach(&self, content: &[u8], signed_at: i64) -> Vec<u8> {
        let key = &self.key.primary_key;
        let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), HashAlgorithm::Sha256);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(time(signed_at))).unwrap(),
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).unwrap(),
        ];
        let signature = config.sign(key, &Password::empty(), content).unwrap();
        DetachedSignature::new(signature).to_bytes().unwrap()
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_secs(u32::try_from(seconds).unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_each_time_and_its_text_stays_readable() {
        let key = Key::new("Alice <alice@example.org>", 1, 1_000_000);
        assert_eq!(key.fingerprint(), Key::new("Alice <alice@example.org>", 1, 1_000_000).fingerprint());
        assert_ne!(key.fingerprint(), Key::new("Alice <alice@example.org>", 2, 1_000_000).fingerprint());
        let signed = key.clearsign("A: 1\nB: 2\n", 1_000_000);
        assert!(signed.contains("\n\nA: 1\nB: 2\n-----BEGIN PGP SIGNATURE-----\n"), "{signed}");
    }
}
