use serde::{Deserialize, Serialize};

/// An architecture as build configurations and Copr chroots spell it (`x86_64`, `aarch64`, `i586`, `noarch`).
///
/// One to 32 characters of `a-z`, `A-Z`, `0-9`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arch(String);

/// Why a text is not an architecture name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an architecture name (1 to 32 letters, digits or underscores)")]
pub struct ArchError {
    text: String,
}

/// Debian's name beside ours, for the architectures where the two differ.
const DEBIAN_NAMES: &[(&str, &str)] = &[
    ("x86_64", "amd64"),
    ("i586", "i386"),
    ("aarch64", "arm64"),
    ("armv7l", "armhf"),
    ("armv5el", "armel"),
    ("ppc64le", "ppc64el"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
    ("loongarch64", "loong64"),
    ("mips64el", "mips64el"),
    ("noarch", "all"),
];

impl Arch {
    /// Validates an architecture name.
    ///
    /// # Errors
    /// [`ArchError`] if the text is empty, too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, ArchError> {
        let valid = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if valid { Ok(Self(text.to_owned())) } else { Err(ArchError { text: text.chars().take(64).collect() }) }
    }

    /// The architecture as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name Debian uses for this architecture (`amd64` for `x86_64`); unknown ones stay as they are.
    #[must_use]
    pub fn debian_name(&self) -> &str {
        DEBIAN_NAMES.iter().find(|(ours, _)| *ours == self.0).map_or(self.as_str(), |(_, debian)| debian)
    }

    /// The architecture that Debian calls `name` (`x86_64` for `amd64`).
    ///
    /// # Errors
    /// [`ArchError`] if `name` is not an architecture name at all.
    pub fn from_debian(name: &str) -> Result<Self, ArchError> {
        let ours = DEBIAN_NAMES.iter().find(|(_, debian)| *debian == name).map_or(name, |(ours, _)| ours);
        Self::parse(ours)
    }
}

impl TryFrom<String> for Arch {
    type Error = ArchError;

    fn try_from(text: String) -> Result<Self, ArchError> {
        Self::parse(&text)
    }
}

impl From<Arch> for String {
    fn from(arch: Arch) -> Self {
        arch.0
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
