use std::collections::BTreeMap;

use pkg::Arch;
use serde::{Deserialize, Serialize};

use crate::{ProjectId, ProjectName, RepositoryId, RepositoryName, Timestamp, UserName};

/// A project: packages, repositories and one build configuration. A distribution is a project like any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Number.
    pub id: ProjectId,
    /// Name.
    pub name: ProjectName,
    /// Who created it.
    pub owner: UserName,
    /// When.
    pub created_at: Timestamp,
    /// What people may change.
    pub settings: ProjectSettings,
}

/// What the owner of a project may change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectSettings {
    /// Free text.
    pub description: String,
    /// Free text: how to use the repositories.
    pub instructions: String,
    /// Address of the project's own page.
    pub homepage: Option<String>,
    /// Address or mail address of a person.
    pub contact: Option<String>,
    /// Further repositories available to builds: `http(s)` addresses or other projects, in the owner's words.
    pub extra_repositories: Vec<String>,
    /// Whether new results are published by themselves.
    pub publish: bool,
    /// Whether builds may reach the network unless they say otherwise.
    pub network: bool,
    /// When builds start.
    pub trigger: TriggerPolicy,
    /// Whether a build configuration with errors is stored as it comes; without, it is refused.
    pub takes_any_config: bool,
    /// Whether it is left out of lists of what is new here.
    pub unlisted: bool,
    /// Whether neither it nor its builds can be deleted.
    pub persistent: bool,
    /// Whether old builds stay although newer ones succeeded.
    pub keep_old_builds: bool,
    /// Whether it stays with the releases it was made for when a distribution branches.
    pub fixed_releases: bool,
    /// Days after which everything of it is deleted; `None` means never.
    pub delete_after_days: Option<u32>,
    /// What package managers are told of the repository: packages of modules do not hide its packages.
    pub module_hotfixes: bool,
    /// What package managers are told of the repository: its priority, lower is stronger.
    pub repository_priority: Option<u32>,
    /// Further repositories that users of its packages need, as `extra_repositories`.
    pub runtime_repositories: Vec<String>,
    /// What clients of other services said that makes no difference here, by name; kept so that they are told the same.
    pub echoes: BTreeMap<String, String>,
}

/// When builds of a project start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerPolicy {
    /// When somebody submits one.
    #[default]
    OnRequest,
    /// Also when a source, the configuration or a dependency changes.
    OnChange,
}

/// A repository of a project: where packages come from (its path, strongest first) and for which architectures it builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Number.
    pub id: RepositoryId,
    /// Project it belongs to.
    pub project: ProjectName,
    /// Name.
    pub name: RepositoryName,
    /// Other repositories it builds against, strongest first; its own results come before all of them.
    pub path: Vec<PathElement>,
    /// Architectures, in the order they were added.
    pub arches: Vec<RepositoryArch>,
    /// Where packages are downloaded from on demand, if this repository mirrors a distribution.
    pub mirror: Option<Mirror>,
    /// Which changes make its packages be built again, where builds follow changes.
    #[serde(default)]
    pub rebuild: RebuildMode,
    /// What such builds wait for.
    #[serde(default)]
    pub block: BlockMode,
}

/// Which changes make a package be built again, besides its own source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebuildMode {
    /// Any change of what it is built with, however indirect.
    #[default]
    Transitive,
    /// A change of what is in its root, but not of what that was built with.
    Direct,
    /// None.
    Local,
}

impl RebuildMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Transitive, Self::Direct, Self::Local];

    /// The spelling in the store and on every wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transitive => "transitive",
            Self::Direct => "direct",
            Self::Local => "local",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Which unfinished builds of what a package is built with hold its own build up, where builds follow changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockMode {
    /// Those of every repository of the path.
    #[default]
    All,
    /// Those of its own repository.
    Local,
    /// None.
    Never,
}

impl BlockMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::All, Self::Local, Self::Never];

    /// The spelling in the store and on every wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Local => "local",
            Self::Never => "never",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// One (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryArch {
    /// Architecture.
    pub arch: Arch,
    /// Whether new builds run here.
    pub enabled: bool,
    /// Packages every root gets in addition.
    pub extra_packages: Vec<String>,
    /// What else its owner may change.
    #[serde(default)]
    pub options: ArchOptions,
}

/// Settings of one (repository, arch) beyond its packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArchOptions {
    /// Further repositories available to builds here, as those of the project.
    pub extra_repositories: Vec<String>,
    /// Groups of packages for the repository's metadata.
    pub groups: Option<PackageGroups>,
    /// Conditions of spec files that are on here (`rpmbuild --with`), by name.
    pub with: Vec<String>,
    /// Conditions of spec files that are off here (`rpmbuild --without`), by name.
    pub without: Vec<String>,
    /// Whether builds here make packages of debugging symbols too.
    pub debug_packages: bool,
    /// As those of the project.
    pub echoes: BTreeMap<String, String>,
}

/// What a (repository, arch) adds to the build configuration, for every build there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TargetAdditions {
    /// Packages that every root gets.
    pub packages: Vec<String>,
    /// As those of [`ArchOptions`].
    pub with: Vec<String>,
    /// As those of [`ArchOptions`].
    pub without: Vec<String>,
    /// As that of [`ArchOptions`].
    pub debug_packages: bool,
}

impl From<&RepositoryArch> for TargetAdditions {
    fn from(target: &RepositoryArch) -> Self {
        let ArchOptions { with, without, debug_packages, .. } = target.options.clone();
        Self { packages: target.extra_packages.clone(), with, without, debug_packages }
    }
}

/// A file that names groups of packages (`comps.xml`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageGroups {
    /// Name of the file, as its owner called it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// One step of a repository's path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PathElement {
    /// Project.
    pub project: ProjectName,
    /// Its repository.
    pub repository: RepositoryName,
}

impl std::fmt::Display for PathElement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.project, self.repository)
    }
}

/// A distribution's archive from which packages are downloaded when a root needs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mirror {
    /// A Debian archive.
    Debian {
        /// Address of the folder that holds `dists/`, one per entry of `suites`' archives.
        url: String,
        /// Suites, strongest first (`bookworm-security`, `bookworm-updates`, `bookworm`), each with its own archive address
        /// if it differs from `url`.
        suites: Vec<MirrorSuite>,
        /// Components (`main`).
        components: Vec<String>,
        /// File with the OpenPGP keys that must have signed `InRelease`.
        keyring: String,
    },
    /// One or more rpm-md repositories.
    RpmMd {
        /// The repositories; of a package in several the highest version counts.
        repositories: Vec<RpmMdRepository>,
        /// File with the OpenPGP keys of which one must have signed each `repomd.xml`. `None` is somebody's decision to believe
        /// what the server sends.
        keyring: Option<String>,
    },
}

/// One rpm-md repository of a mirrored distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpmMdRepository {
    /// What people call it (`fedora`, `updates`).
    pub name: String,
    /// Address of the folder that holds `repodata/`; `$basearch` in it stands for the architecture.
    pub url: String,
}

impl RpmMdRepository {
    /// The address for an architecture.
    ///
    /// Rule: dnf's `$basearch`.
    #[must_use]
    pub fn url_for(&self, arch: &Arch) -> String {
        let basearch = match arch.as_str() {
            "i386" | "i486" | "i586" | "i686" => "i386",
            "armv7l" | "armv7hl" => "armhfp",
            other => other,
        };
        self.url.replace("$basearch", basearch).trim_end_matches('/').to_owned()
    }
}

/// One suite of a mirrored archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorSuite {
    /// Name below `dists/`.
    pub name: String,
    /// Archive address, if it is not the mirror's.
    pub url: Option<String>,
}
