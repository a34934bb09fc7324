//! What an explanation is made of: plain data, the same for people, pages and programs.

use std::fmt;

use pkg::problem::DependencyProblem;
use serde::{Deserialize, Serialize};

use crate::trace::Rule;

/// Where a line of the configuration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineOrigin {
    /// The project whose configuration has it; empty for lines that were generated.
    pub project: String,
    /// Line of that configuration, counted from 1.
    pub line: u64,
    /// Offset of the first byte of the entry in that configuration.
    pub start: u64,
    /// Offset behind its last byte.
    pub end: u64,
}

/// A line of the configuration that decided something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLine {
    /// Keyword and entry (`Prefer: libssl3`), even if the line has more entries.
    pub text: String,
    /// Its place, if it is known.
    pub origin: Option<LineOrigin>,
}

impl fmt::Display for ConfigLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin.as_ref().filter(|origin| !origin.project.is_empty()) {
            Some(LineOrigin { project, line, .. }) => write!(f, "{} ({project}:{line})", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Who has a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Asker {
    /// The recipe.
    Recipe,
    /// Every recipe of its kind (`Substitute: build-packages:KIND`).
    BuildPackages,
    /// `Preinstall` of the configuration.
    Preinstall,
    /// `Required` of the configuration.
    Required,
    /// `Support` of the configuration.
    Support,
    /// `Substitute` of the configuration, in place of something else.
    Substitute {
        /// What was asked for.
        of: String,
    },
    /// A package of the root.
    Package {
        /// Its name.
        name: String,
    },
    /// Nobody: the package supplements another one.
    Weak,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipe => f.write_str("the recipe"),
            Self::BuildPackages => f.write_str("every recipe of this kind"),
            Self::Preinstall => f.write_str("Preinstall"),
            Self::Required => f.write_str("Required"),
            Self::Support => f.write_str("Support"),
            Self::Substitute { of } => write!(f, "Substitute for {of}"),
            Self::Package { name } => f.write_str(name),
            Self::Weak => f.write_str("nobody"),
        }
    }
}

/// A package that could have been taken instead.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub package: String,
    /// Why it could not be taken; absent if it could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// One decision: a dependency and the package that was taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The repository it comes from, if the asker of the explanation named them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Who has the dependency.
    pub needed_by: Asker,
    /// The line of the configuration that asks, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_by_line: Option<ConfigLine>,
    /// The dependency as it is written there.
    pub dependency: String,
    /// What settled it.
    pub rule: Rule,
    /// The other candidates, sorted by name; at most [`MAX_CANDIDATES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Candidate>,
    /// The line of the configuration that settled it, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_line: Option<ConfigLine>,
}

/// More candidates than this are not listed.
pub(super) const MAX_CANDIDATES: usize = 32;

/// Why a dependency is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// `Ignore` of the configuration.
    Ignored,
    /// The recipe says so (`-x`), or the build makes the package itself.
    LeftOut,
    /// `Substitute` of the configuration puts other packages, or none, in its place.
    Substituted,
}

/// A dependency that is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The dependency.
    pub dependency: String,
    /// Who has it.
    pub needed_by: Asker,
    /// Why.
    pub reason: DropReason,
    /// The line of the configuration that says so, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<ConfigLine>,
}

/// Something that may help, without a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Hint {
    /// There is something of nearly the same name.
    Near {
        /// That name.
        name: String,
    },
    /// The server has it elsewhere.
    Elsewhere {
        /// Package that provides it.
        package: String,
        /// Its version.
        version: String,
        /// Project of the repository.
        project: String,
        /// The repository.
        repository: String,
        /// The architecture.
        arch: String,
        /// Whether the repository is on the path, so that only the architecture is another one.
        on_path: bool,
    },
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Near { name } => write!(f, "there is {name}"),
            Self::Elsewhere { package, version, project, repository, arch, on_path } => {
                write!(f, "{project}/{repository} has {package} {version} for {arch}")?;
                f.write_str(if *on_path { ", another architecture" } else { ", which is not on the path" })
            }
        }
    }
}

/// What a change was found to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The root can be made.
    Resolves {
        /// How many packages it has.
        packages: u64,
    },
    /// This problem is gone, others are left.
    Further {
        /// Their texts.
        problems: Vec<String>,
    },
}

/// Lines of the configuration that were tried, and what they do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The lines, to be added to the end of the project's configuration.
    pub lines: Vec<String>,
    /// Whether a dependency that somebody has is left out.
    pub leaves_out: bool,
    /// What they do.
    pub outcome: Outcome,
}

/// A problem and all that is behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The problem.
    pub problem: DependencyProblem,
    /// Its text, as verdicts have it.
    pub message: String,
    /// Who has the dependency, if the problem is about one.
    pub needed_by: Option<Asker>,
    /// The line of the configuration that has it, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_by_line: Option<ConfigLine>,
    /// How each package that takes part came in, from the request on. These decisions alone make the problem, and none of
    /// them can be left away.
    pub chains: Vec<Vec<Link>>,
    /// Lines of the configuration that take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ConfigLine>,
    /// What may help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
    /// Lines that were tried and solve this problem, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<Fix>,
}

/// How one package or dependency came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Focus {
    /// What was asked about.
    pub dependency: String,
    /// The packages of the root that provide it, sorted.
    pub packages: Vec<String>,
    /// Packages that provide it and are not in the root, sorted.
    pub others: Vec<String>,
    /// Ways from the request to one of those packages, shortest first.
    pub chains: Vec<Vec<Link>>,
    /// Whether there are more ways than these.
    pub has_more: bool,
}

/// Why a build gets the root it gets, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Each package taken, with what took it, in the order of the decisions. With problems: up to them.
    pub taken: Vec<Link>,
    /// Dependencies that are not followed and would have mattered.
    pub dropped: Vec<Dropped>,
    /// What is in the way, in the order it was met; none if the root can be made.
    pub problems: Vec<Trouble>,
    /// Lines that together make the root possible, if such were found; each is necessary.
    pub remedy: Option<Fix>,
    /// How what was asked about came in.
    pub focus: Option<Focus>,
}
