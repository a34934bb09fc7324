use serde::{Deserialize, Serialize};

/// The kind of binary package a build environment is made of; decides installer, version order and dependency syntax.
///
/// The configuration language calls this `BinaryType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageFormat {
    /// RPM packages (`.rpm`).
    Rpm,
    /// Debian packages (`.deb`).
    Deb,
    /// Arch Linux packages (`.pkg.tar.*`).
    Arch,
    /// Alpine packages (`.apk`).
    Apk,
}

impl PackageFormat {
    /// Every format, in a fixed order.
    pub const ALL: [Self; 4] = [Self::Rpm, Self::Deb, Self::Arch, Self::Apk];

    /// The spelling used by `BinaryType:` in a build configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rpm => "rpm",
            Self::Deb => "deb",
            Self::Arch => "arch",
            Self::Apk => "apk",
        }
    }

    /// Reads the spelling of `BinaryType:`; `None` for `UNDEFINED` and everything else.
    #[must_use]
    pub fn from_binary_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }
}

impl std::fmt::Display for PackageFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
