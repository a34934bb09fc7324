use pkg::{Sha256, Sha256Hasher};
use sha2::Digest as _;

/// A digest as metadata names files by; nothing weaker than SHA-256 is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileDigest {
    /// `sha256`
    Sha256(Sha256),
    /// `sha512`, which openSUSE uses.
    Sha512([u8; 64]),
}

impl FileDigest {
    /// Reads hexadecimal digits; `kind` is `sha256` or `sha512`.
    #[must_use]
    pub fn parse(kind: &str, digits: &str) -> Option<Self> {
        match kind {
            "sha256" => Sha256::parse(digits).ok().map(Self::Sha256),
            "sha512" => {
                let (high, low) = digits.split_at_checked(64)?;
                let halves = [Sha256::parse(high).ok()?, Sha256::parse(low).ok()?];
                let mut bytes = [0; 64];
                for (place, half) in bytes.chunks_exact_mut(32).zip(&halves) {
                    place.copy_from_slice(half.as_bytes());
                }
                Some(Self::Sha512(bytes))
            }
            _ => None,
        }
    }

    /// A hasher of the same kind.
    #[must_use]
    pub fn hasher(&self) -> FileHasher {
        FileHasher(match self {
            Self::Sha256(_) => Kind::Sha256(Sha256Hasher::new()),
            Self::Sha512(_) => Kind::Sha512(sha2::Sha512::new()),
        })
    }

    /// The digest of the same kind that `bytes` have.
    #[must_use]
    pub fn of_same_kind(&self, bytes: &[u8]) -> Self {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl std::fmt::Display for FileDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sha256(digest) => write!(f, "{digest}"),
            Self::Sha512(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl std::fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileDigest({self})")
    }
}

/// Computes a [`FileDigest`] over bytes that arrive in pieces.
#[derive(Debug, Clone)]
pub struct FileHasher(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Sha256(Sha256Hasher),
    Sha512(sha2::Sha512),
}

impl FileHasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Kind::Sha256(hasher) => hasher.update(bytes),
            Kind::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of everything seen.
    #[must_use]
    pub fn finish(self) -> FileDigest {
        match self.0 {
            Kind::Sha256(hasher) => FileDigest::Sha256(hasher.finish()),
            Kind::Sha512(hasher) => FileDigest::Sha512(hasher.finalize().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_both_kinds_print_and_read_back() {
        for (kind, zeros) in [("sha256", "0".repeat(64)), ("sha512", "0".repeat(128))] {
            let digest = FileDigest::parse(kind, &zeros).unwrap().of_same_kind(b"abc");
            assert_eq!(FileDigest::parse(kind, &digest.to_string()), Some(digest));
        }
        let long = FileDigest::Sha512([0; 64]).of_same_kind(b"abc").to_string();
        assert!(long.starts_with("ddaf35a193617aba") && long.ends_with("a54ca49f"), "{long}");
    }

    #[test]
    fn weak_and_damaged_digests_are_none() {
        assert_eq!(FileDigest::parse("sha", &"0".repeat(40)), None);
        assert_eq!(FileDigest::parse("md5", &"0".repeat(32)), None);
        assert_eq!(FileDigest::parse("sha512", &"0".repeat(64)), None);
        assert_eq!(FileDigest::parse("sha512", &"\u{e9}".repeat(64)), None);
    }
}
