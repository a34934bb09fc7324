//! SSH public keys and the signatures `ssh-keygen -Y sign` makes.
//!
//! Rules: RFC 4253 section 6.6 and RFC 5656 section 3.1 for keys and signatures, RFC 8332 for RSA with SHA-2, OpenSSH's
//! PROTOCOL.sshsig for the envelope. Certificates, security keys, DSA and the curve P-521 are refused by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkg::Sha256;
use ring::{digest, signature};

/// Longest key or signature that is read, in bytes: more than RSA of 8192 bits needs.
const LONGEST: usize = 8192;

const MAGIC: &[u8] = b"SSHSIG";

/// A public key of a kind we can check signatures of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    blob: Vec<u8>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
    P384(Vec<u8>),
    Rsa { exponent: Vec<u8>, modulus: Vec<u8> },
}

/// Why a text is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKey {
    /// It does not look like a line of a file of public keys.
    #[error("it is not a public key: one has a kind, the key in base64, and a comment, as in a file that ends in .pub")]
    NoKey,
    /// A private key must never be sent.
    #[error(
        "it is a private key; the public one is in the file that ends in .pub. Somebody may have seen it: make a new one"
    )]
    Private,
    /// Keys of this kind are not checked here.
    #[error(
        "keys of the kind {kind} are not known here; there are ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ssh-rsa"
    )]
    Kind {
        /// What it says it is.
        kind: String,
    },
    /// RSA keys below 2048 bits can be broken.
    #[error("an RSA key must have 2048 to 8192 bits")]
    Size,
}

impl PublicKey {
    /// Reads a line of a file of public keys; gives the key and its comment.
    ///
    /// # Errors
    /// See [`MalformedKey`].
    pub fn parse_line(text: &str) -> Result<(Self, &str), MalformedKey> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(MalformedKey::Private);
        }
        if text.contains('\n') || text.len() > 2 * LONGEST {
            return Err(MalformedKey::NoKey);
        }
        let (kind, rest) = text.split_once([' ', '\t']).ok_or(MalformedKey::NoKey)?;
        let rest = rest.trim_start();
        let (encoded, comment) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let blob = STANDARD.decode(encoded).map_err(|_| MalformedKey::NoKey)?;
        let key = Self::parse(&blob)?;
        if key.kind() != kind {
            return Err(MalformedKey::NoKey);
        }
        Ok((key, comment.trim()))
    }

    fn parse(blob: &[u8]) -> Result<Self, MalformedKey> {
        let mut reader = Reader(blob);
        let kind = reader.text().ok_or(MalformedKey::NoKey)?;
        let material = match kind {
            "ssh-ed25519" => reader.string().filter(|key| key.len() == 32).map(|key| Material::Ed25519(key.to_vec())),
            "ecdsa-sha2-nistp256" => reader.point("nistp256", 65).map(Material::P256),
            "ecdsa-sha2-nistp384" => reader.point("nistp384", 97).map(Material::P384),
            "ssh-rsa" => reader.rsa()?,
            kind if is_kind(kind) => return Err(MalformedKey::Kind { kind: kind.to_owned() }),
            _ => None,
        };
        let material = material.filter(|_| reader.0.is_empty()).ok_or(MalformedKey::NoKey)?;
        Ok(Self { blob: blob.to_vec(), material })
    }

    const fn kind(&self) -> &'static str {
        match self.material {
            Material::Ed25519(_) => "ssh-ed25519",
            Material::P256(_) => "ecdsa-sha2-nistp256",
            Material::P384(_) => "ecdsa-sha2-nistp384",
            Material::Rsa { .. } => "ssh-rsa",
        }
    }

    /// SHA-256 of the key; what `ssh-keygen -l` shows, in another spelling.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.blob)
    }

    /// The key as a line without a comment.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{} {}", self.kind(), STANDARD.encode(&self.blob))
    }

    /// Whether a signature of SSH's is this key's, of these bytes.
    fn signed(&self, bytes: &[u8], signed: &[u8]) -> bool {
        let mut reader = Reader(signed);
        let (Some(kind), Some(value)) = (reader.text(), reader.string()) else { return false };
        if !reader.0.is_empty() {
            return false;
        }
        let plain = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8], value: &[u8]| {
            signature::UnparsedPublicKey::new(algorithm, key).verify(bytes, value).is_ok()
        };
        match (&self.material, kind) {
            (Material::Ed25519(key), "ssh-ed25519") => plain(&signature::ED25519, key, value),
            (Material::P256(key), "ecdsa-sha2-nistp256") => {
                pair(value, 32).is_some_and(|value| plain(&signature::ECDSA_P256_SHA256_FIXED, key, &value))
            }
            (Material::P384(key), "ecdsa-sha2-nistp384") => {
                pair(value, 48).is_some_and(|value| plain(&signature::ECDSA_P384_SHA384_FIXED, key, &value))
            }
            (Material::Rsa { exponent, modulus }, "rsa-sha2-256" | "rsa-sha2-512") => {
                let algorithm = match kind {
                    "rsa-sha2-256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA512,
                };
                let key = signature::RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(algorithm, bytes, value).is_ok()
            }
            _ => false,
        }
    }
}

/// The key that made a signature of a message for a namespace; `None` if it did not.
pub(super) fn verify(envelope: &[u8], namespace: &str, message: &[u8]) -> Option<PublicKey> {
    if envelope.len() > LONGEST {
        return None;
    }
    let mut reader = Reader(envelope.strip_prefix(MAGIC)?);
    let version = reader.number()?;
    let key = PublicKey::parse(reader.string()?).ok()?;
    let given = reader.string()?;
    let reserved = reader.string()?;
    let hash = reader.text()?;
    let signed = reader.string()?;
    if version != 1 || given != namespace.as_bytes() || !reader.0.is_empty() {
        return None;
    }
    let algorithm = match hash {
        "sha256" => &digest::SHA256,
        "sha512" => &digest::SHA512,
        _ => return None,
    };
    let mut bytes = MAGIC.to_vec();
    for part in [given, reserved, hash.as_bytes(), digest::digest(algorithm, message).as_ref()] {
        bytes.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
        bytes.extend(part);
    }
    key.signed(&bytes, signed).then_some(key)
}

fn is_kind(text: &str) -> bool {
    text.len() < 80
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_graphic())
}

/// Two integers of SSH's as one text of fixed width.
fn pair(value: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut reader = Reader(value);
    let mut fixed = Vec::with_capacity(2 * width);
    for _ in 0..2 {
        let integer = reader.integer()?;
        fixed.resize(fixed.len() + width.checked_sub(integer.len())?, 0);
        fixed.extend(integer);
    }
    reader.0.is_empty().then_some(fixed)
}

/// Reads SSH's wire format.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*first))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.string()?).ok()
    }

    /// An integer that is not negative, without leading zeros.
    fn integer(&mut self) -> Option<&'a [u8]> {
        let bytes = self.string()?;
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return None;
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(zeros..)
    }

    /// A point of a curve, uncompressed.
    fn point(&mut self, curve: &str, length: usize) -> Option<Vec<u8>> {
        let same = self.text()? == curve;
        let point = self.string()?;
        (same && point.len() == length && point.first() == Some(&4)).then(|| point.to_vec())
    }

    fn rsa(&mut self) -> Result<Option<Material>, MalformedKey> {
        let (Some(exponent), Some(modulus)) = (self.integer(), self.integer()) else { return Ok(None) };
        if !(256..=1024).contains(&modulus.len()) {
            return Err(MalformedKey::Size);
        }
        Ok(Some(Material::Rsa { exponent: exponent.to_vec(), modulus: modulus.to_vec() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ssh-keygen -t KIND` and `printf '(created): 1795259576' | ssh-keygen -Y sign -n Kiln -f KEY`.
    fn cases() -> Vec<(&'static str, Vec<u8>)> {
        let text = include_str!("../../../../corpus/sshsig/ssh-keygen.tsv");
        let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
        pairs.map(|(key, envelope)| (key, STANDARD.decode(envelope).unwrap())).collect()
    }

    const MESSAGE: &[u8] = b"(created): 1795259576";

    #[test]
    fn signatures_of_ssh_keygen_are_understood() {
        assert_eq!(cases().len(), 4);
        for (line, envelope) in cases() {
            let (key, comment) = PublicKey::parse_line(line).unwrap();
            assert_eq!(comment, "tests");
            assert_eq!(format!("{} tests", key.to_line()), line);
            assert_eq!(verify(&envelope, "Kiln", MESSAGE), Some(key), "{line}");
            assert_eq!(verify(&envelope, "Kiln2", MESSAGE), None);
            assert_eq!(verify(&envelope, "Kiln", b"(created): 1795259577"), None);
        }
    }

    #[test]
    fn a_changed_signature_is_nobodys() {
        for (line, envelope) in cases() {
            let key = PublicKey::parse_line(line).unwrap().0;
            for place in 0..envelope.len() {
                let mut changed = envelope.clone();
                changed[place] ^= 1;
                assert_ne!(verify(&changed, "Kiln", MESSAGE), Some(key.clone()), "{line}: byte {place}");
                assert_eq!(verify(&envelope[..place], "Kiln", MESSAGE), None);
            }
            assert_eq!(verify(&[&*envelope, b"x"].concat(), "Kiln", MESSAGE), None);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_reason() {
        let of = |text: &str| PublicKey::parse_line(text).unwrap_err();
        for text in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !!! x", "x\ny"] {
            assert_eq!(of(text), MalformedKey::NoKey, "{text}");
        }
        assert_eq!(of("-----BEGIN OPENSSH PRIVATE KEY-----\nx"), MalformedKey::Private);
        let blob = |parts: &[&[u8]]| {
            let parts = parts.iter().flat_map(|part| [&(part.len() as u32).to_be_bytes(), *part].concat());
            STANDARD.encode(parts.collect::<Vec<u8>>())
        };
        let other = blob(&[b"ssh-dss", b"x"]);
        assert_eq!(of(&format!("ssh-dss {other}")), MalformedKey::Kind { kind: "ssh-dss".to_owned() });
        let small = blob(&[b"ssh-rsa", &[1, 0, 1], &[0x7f; 128]]);
        assert_eq!(of(&format!("ssh-rsa {small}")), MalformedKey::Size);
        let key = blob(&[b"ssh-ed25519", &[1; 32]]);
        assert_eq!(of(&format!("ssh-rsa {key}")), MalformedKey::NoKey);
        let long = blob(&[b"ssh-ed25519", &[1; 32], b"x"]);
        assert_eq!(of(&format!("ssh-ed25519 {long}")), MalformedKey::NoKey);
    }
}
