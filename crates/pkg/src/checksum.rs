use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// Why a text is not a checksum of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind} checksum in lower- or upper-case hexadecimal")]
pub struct ChecksumError {
    kind: &'static str,
    text: String,
}

/// A SHA-256 digest; Kiln names every stored blob by one. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

/// An MD5 digest: no protection, only the word OBS and Debian use to name things.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Md5([u8; 16]);

/// A checksum of any kind that repository metadata uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// SHA-256.
    Sha256(Sha256),
    /// MD5.
    Md5(Md5),
}

/// Computes a [`Sha256`] over bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything seen.
    #[must_use]
    pub fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

impl std::fmt::Debug for Sha256Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256Hasher")
    }
}

impl Sha256 {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha256Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Computes an [`Md5`] over bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct Md5Hasher(md5::Md5);

impl Md5Hasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        use md5::Digest as _;
        self.0.update(bytes);
    }

    /// The digest of everything seen.
    #[must_use]
    pub fn finish(self) -> Md5 {
        use md5::Digest as _;
        Md5(self.0.finalize().into())
    }
}

impl std::fmt::Debug for Md5Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Md5Hasher")
    }
}

impl Md5 {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use md5::Digest as _;
        Self(md5::Md5::digest(bytes).into())
    }
}

fn decode_hex<const N: usize>(kind: &'static str, text: &str) -> Result<[u8; N], ChecksumError> {
    let error = || ChecksumError { kind, text: text.chars().take(80).collect() };
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(error());
    }
    let value = |digit: u8| char::from(digit).to_digit(16);
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (Some(high), Some(low)) = (value(pair[0]), value(pair[1])) else {
            return Err(error());
        };
        *byte = u8::try_from(high * 16 + low).map_err(|_| error())?;
    }
    Ok(bytes)
}

macro_rules! digest_text {
    ($name:ident, $bytes:literal, $kind:literal) => {
        impl $name {
            /// Reads hexadecimal digits of either case.
            ///
            /// # Errors
            /// [`ChecksumError`] if the length or a digit is wrong.
            pub fn parse(text: &str) -> Result<Self, ChecksumError> {
                decode_hex::<$bytes>($kind, text).map(Self)
            }

            /// A digest from its raw bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The raw bytes of the digest.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ChecksumError;

            fn try_from(text: String) -> Result<Self, ChecksumError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> Self {
                digest.to_string()
            }
        }
    };
}

digest_text!(Sha256, 32, "SHA-256");
digest_text!(Md5, 16, "MD5");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_print_and_read_back() {
        let digest = Sha256::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Sha256::parse(&digest.to_string().to_uppercase()), Ok(digest));
        assert_eq!(Md5::of(b"").to_string(), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn wrong_digits_and_lengths_are_refused() {
        assert!(Sha256::parse("ba78").is_err());
        assert!(Md5::parse("d41d8cd98f00b204e9800998ecf8427\u{e9}").is_err());
        assert!(Md5::parse("g41d8cd98f00b204e9800998ecf8427e").is_err());
    }
}
