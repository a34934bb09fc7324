use std::io::BufReader;

use pgp::composed::{ArmorOptions, PublicOrSecret, SignedPublicKey};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, PublicParams};

use super::OpenPgpError;
use super::keyring::{KeyringError, LIMIT_KEYS, expiry, newest_self_signature, seconds};

/// What people are told of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDescription {
    /// Fingerprint in lower-case hexadecimal.
    pub fingerprint: String,
    /// Long key id in lower-case hexadecimal.
    pub key_id: String,
    /// The first user id; bytes that are no text are replaced.
    pub user_id: String,
    /// Algorithm in lower case (`rsa`, `ed25519`); empty if it is none of the usual ones.
    pub algorithm: &'static str,
    /// Size of the key in bits, where it varies or people expect it.
    pub bits: Option<u64>,
    /// When it expires, in seconds since 1970.
    pub expires_at: Option<i64>,
    /// The key itself.
    pub armoured: String,
}

/// Describes the public keys of a keyring, binary or armoured, in its order. Nothing is checked but that they can be read; keys
/// of unknown kinds are left out.
///
/// # Errors
/// [`KeyringError`] if there is none.
pub fn describe_keys(bytes: &[u8]) -> Result<Vec<KeyDescription>, KeyringError> {
    const BLOCK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let mut found = Vec::new();
    let mut add = |bytes: &[u8]| -> Result<(), pgp::errors::Error> {
        let (keys, _) = PublicOrSecret::from_reader_many_buf(BufReader::new(bytes))?;
        for key in keys.take(LIMIT_KEYS) {
            if let PublicOrSecret::Public(key) = key? {
                found.push(describe(&key)?);
            }
        }
        Ok(())
    };
    let read = match std::str::from_utf8(bytes).ok().filter(|text| text.contains(BLOCK)) {
        Some(text) => {
            let mut read = Ok(());
            for start in text.match_indices(BLOCK).map(|(start, _)| start).take(LIMIT_KEYS) {
                // One block of an unknown kind does not hide the others.
                read = read.and(add(text.get(start..).unwrap_or_default().as_bytes()));
            }
            read
        }
        None => add(bytes),
    };
    match read {
        _ if !found.is_empty() => Ok(found),
        Err(error) => Err(KeyringError::Malformed(OpenPgpError(error))),
        Ok(()) => Err(KeyringError::NoKey),
    }
}

fn describe(key: &SignedPublicKey) -> Result<KeyDescription, pgp::errors::Error> {
    let primary = &key.primary_key;
    let created_at = seconds(primary.created_at().as_secs());
    let (algorithm, bits) = match primary.public_params() {
        params @ PublicParams::RSA(_) => ("rsa", rsa_bits(params)),
        PublicParams::DSA(_) => ("dsa", None),
        PublicParams::ECDSA(_) => ("ecdsa", None),
        PublicParams::EdDSALegacy(_) | PublicParams::Ed25519(_) => ("ed25519", Some(256)),
        PublicParams::Ed448(_) => ("ed448", Some(456)),
        _ => ("", None),
    };
    let user = key.details.users.first().map(|user| String::from_utf8_lossy(user.id.id()).into_owned());
    Ok(KeyDescription {
        fingerprint: format!("{:x}", primary.fingerprint()),
        key_id: primary.legacy_key_id().to_string().to_lowercase(),
        user_id: user.unwrap_or_default(),
        algorithm,
        bits,
        expires_at: newest_self_signature(key).and_then(|newest| expiry(created_at, newest)),
        armoured: key.to_armored_string(ArmorOptions { headers: None, include_checksum: true })?,
    })
}

/// A number of OpenPGP begins with its length in bits; an RSA key begins with its modulus.
fn rsa_bits(params: &PublicParams) -> Option<u64> {
    let bytes = params.to_bytes().ok()?;
    bytes.first_chunk().map(|length| u64::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgp::SigningKey;

    #[test]
    fn a_key_is_described_as_it_was_made_armoured_and_binary() {
        let key = SigningKey::generate("Project a:b", [7; 32], 1_700_000_000).unwrap();
        let armoured = key.public_armoured().unwrap();
        for bytes in [armoured.clone().into_bytes(), key.public_binary().unwrap()] {
            let found = describe_keys(&bytes).unwrap();
            let [only] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!(only.fingerprint, key.fingerprint().to_lowercase());
            assert!(only.fingerprint.ends_with(&only.key_id), "{only:?}");
            assert_eq!((only.user_id.as_str(), only.algorithm, only.bits), ("Project a:b", "ed25519", Some(256)));
            assert_eq!((only.expires_at, &only.armoured), (None, &armoured));
        }
        let two = format!("{armoured}\nwords\n{armoured}");
        assert_eq!(describe_keys(two.as_bytes()).unwrap().len(), 2);
        assert!(describe_keys(b"nonsense").is_err());
    }
}
