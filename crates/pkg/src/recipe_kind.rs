use serde::{Deserialize, Serialize};

/// The kind of build description a package is built from; the configuration language calls it `Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecipeKind {
    /// An rpm spec file.
    Spec,
    /// A Debian source control file (`.dsc`).
    Dsc,
    /// An Arch Linux `PKGBUILD`.
    Arch,
}

impl RecipeKind {
    /// The spelling of `Type:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Dsc => "dsc",
            Self::Arch => "arch",
        }
    }
}

impl std::fmt::Display for RecipeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
