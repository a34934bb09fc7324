use serde::{Deserialize, Serialize};

use crate::PackageName;

/// A package of a project, and where its sources come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Number.
    pub id: i64,
    /// Name.
    pub name: PackageName,
    /// Where its sources come from; `None` for a package that only builds have made known.
    pub source: Option<PackageSource>,
    /// What its owner may change.
    pub settings: PackageSettings,
    /// Number of the package whose files it is built of, if it is one of that package's flavors.
    #[serde(default)]
    pub main: Option<i64>,
}

/// What the owner of a package may change besides its source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PackageSettings {
    /// Whether a change of the sources that somebody tells us of makes a new build.
    pub auto_rebuild: bool,
    /// How many of its newest builds are kept; 0 means all.
    pub max_builds: u32,
    /// Wall time of its builds, in seconds; `None` means the service's.
    pub timeout_seconds: Option<u32>,
}

/// Where the sources of a package come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PackageSource {
    /// A checkout of a version control system.
    Checkout {
        /// Which.
        system: CheckoutSystem,
        /// Address.
        url: String,
        /// Branch, tag or commit; empty means the default branch.
        revision: String,
        /// Folder of the recipe; empty means the top.
        folder: String,
        /// Name of the recipe; empty means the only one.
        recipe: String,
        /// Tool that makes the source package.
        method: String,
    },
    /// A repository with the sources of a distribution.
    DistGit {
        /// Address of the repository.
        url: String,
        /// Name of the service it lies at.
        instance: String,
        /// Part of the address before the package.
        namespace: Option<String>,
        /// Branch, tag or commit.
        revision: Option<String>,
    },
    /// A release of the Python Package Index.
    Pypi {
        /// Project there.
        name: String,
        /// Version; `None` means the newest.
        version: Option<String>,
        /// Tool that writes the recipe.
        generator: String,
        /// Template of the tool.
        template: String,
        /// Versions of Python to build for.
        python_versions: Vec<u32>,
    },
    /// A Ruby gem.
    Gem {
        /// Its name.
        name: String,
    },
    /// A script that makes the sources.
    Script {
        /// Its text.
        script: String,
        /// Target whose root it runs in.
        root: String,
        /// Packages it needs, separated by blanks.
        packages: Option<String>,
        /// Folder it leaves the sources in.
        folder: Option<String>,
        /// Further repositories of the root, separated by blanks.
        repositories: String,
    },
}

/// A version control system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutSystem {
    /// Git.
    Git,
    /// Subversion.
    Svn,
}
