//! What can be wrong with the dependencies of a package, as data; the messages are those people know from OBS.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of the wanted name that exists but does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FoundVersion {
    /// The version that is provided.
    pub version: String,
    /// The package providing it, unless it is the package of that name itself.
    pub provided_by: Option<String>,
}

impl fmt::Display for FoundVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provided_by {
            Some(package) => write!(f, "(got version {} provided by {package})", self.version),
            None => write!(f, "(got version {})", self.version),
        }
    }
}

/// Why a package must not be installed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// The request or the configuration says so.
    InConflict,
    /// An installed package, or the configuration for an installed package, says so.
    InConflictWith(String),
    /// An installed package obsoletes it.
    ObsoletedBy(String),
    /// Its own conflicts name an installed package.
    ConflictsWith(String),
    /// It obsoletes an installed package.
    Obsoletes(String),
    /// A rich requirement leaves no room for it.
    ConflictsWithDependency {
        /// The rich requirement.
        dependency: String,
        /// The package that has it; none for the request.
        needed_by: Option<String>,
    },
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InConflict => f.write_str("is in conflict"),
            Self::InConflictWith(package) => write!(f, "is in conflict with {package}"),
            Self::ObsoletedBy(package) => write!(f, "is obsoleted by {package}"),
            Self::ConflictsWith(package) => write!(f, "conflicts with {package}"),
            Self::Obsoletes(package) => write!(f, "obsoletes {package}"),
            Self::ConflictsWithDependency { dependency, needed_by } => {
                write!(f, "conflicts with {dependency}{}", NeededBy(needed_by.as_deref()))
            }
        }
    }
}

/// A candidate for a dependency and why it was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RefusedProvider {
    /// Name of the candidate.
    pub package: String,
    /// Why it can not be taken.
    pub reason: Exclusion,
}

impl fmt::Display for RefusedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(provider {} {})", self.package, self.reason)
    }
}

/// A reason why a set of packages can not be found for a request.
///
/// `needed_by` is the package whose dependency it is, none for the request itself. `dependency` is the dependency as its
/// package or the request writes it; Debian's operators are `<<` and `>>`.
///
/// The texts are those of obs-build and the Open Build Service. [`Display`](fmt::Display) gives the whole problem on one
/// line, its lines joined by `, `; [`lines`](Self::lines) gives them one by one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependencyProblem {
    /// No package provides the dependency.
    NothingProvides {
        /// The dependency.
        dependency: String,
        /// Who needs it.
        needed_by: Option<String>,
        /// Other versions of that name, at most four.
        found: Vec<FoundVersion>,
    },
    /// Several packages do, and nothing says which one to take.
    Choice {
        /// The dependency.
        dependency: String,
        /// Who needs it.
        needed_by: Option<String>,
        /// The candidates, sorted by name.
        providers: Vec<String>,
    },
    /// Packages provide it, but none of them can be installed.
    ProvidersConflict {
        /// The dependency.
        dependency: String,
        /// Who needs it.
        needed_by: Option<String>,
        /// The candidates with their reasons, sorted by text.
        refused: Vec<RefusedProvider>,
    },
    /// A package the request names must not be installed.
    Excluded {
        /// The package.
        package: String,
        /// Why.
        reason: Exclusion,
    },
    /// Two packages that both got chosen conflict with each other.
    Conflict {
        /// The package with the conflict; none for a conflict of the request.
        package: Option<String>,
        /// The package it can not be installed with.
        with: String,
    },
    /// A chosen package obsoletes another chosen one.
    Obsoletes {
        /// The package with the obsoletes.
        package: String,
        /// The package it replaces.
        with: String,
    },
    /// A rich dependency does not follow the grammar.
    Unparsable {
        /// The dependency.
        dependency: String,
        /// Whose it is.
        package: Option<String>,
    },
    /// A rich conflict that no set of packages can avoid.
    AlwaysConflicting {
        /// The conflict.
        dependency: String,
        /// Whose it is.
        package: Option<String>,
    },
    /// The packages to unpack first can not be expanded.
    Preinstalls(Box<Self>),
    /// The packages to unpack first in a virtual machine can not be expanded.
    VmInstalls(Box<Self>),
}

struct NeededBy<'a>(Option<&'a str>);

impl fmt::Display for NeededBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |package| write!(f, " needed by {package}"))
    }
}

impl DependencyProblem {
    /// The headline and, behind it, one line per hint or refused candidate.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline()];
        match self {
            Self::NothingProvides { found, .. } => lines.extend(found.iter().map(ToString::to_string)),
            Self::ProvidersConflict { refused, .. } => lines.extend(refused.iter().map(ToString::to_string)),
            _ => {}
        }
        lines
    }

    /// The first line alone.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::NothingProvides { dependency, needed_by, .. } => {
                format!("nothing provides {dependency}{}", NeededBy(needed_by.as_deref()))
            }
            Self::Choice { dependency, needed_by, providers } => {
                format!("have choice for {dependency}{}: {}", NeededBy(needed_by.as_deref()), providers.join(" "))
            }
            Self::ProvidersConflict { dependency, needed_by, .. } => {
                format!("conflict for providers of {dependency}{}", NeededBy(needed_by.as_deref()))
            }
            Self::Excluded { package, reason } => format!("{package} {reason}"),
            Self::Conflict { package: Some(package), with } => format!("{package} conflicts with {with}"),
            Self::Conflict { package: None, with } => format!("conflicts with {with}"),
            Self::Obsoletes { package, with } => format!("{package} obsoletes {with}"),
            Self::Unparsable { dependency, package: Some(package) } => {
                format!("cannot parse dependency {dependency} from {package}")
            }
            Self::Unparsable { dependency, package: None } => format!("cannot parse dependency {dependency}"),
            Self::AlwaysConflicting { dependency, package: Some(package) } => {
                format!("{package} conflicts with always true {dependency}")
            }
            Self::AlwaysConflicting { dependency, package: None } => format!("conflict with always true {dependency}"),
            Self::Preinstalls(problem) => format!("preinstalls: {}", problem.headline()),
            Self::VmInstalls(problem) => format!("vminstalls: {}", problem.headline()),
        }
    }
}

impl fmt::Display for DependencyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_lists_every_refused_candidate() {
        let problem = DependencyProblem::ProvidersConflict {
            dependency: "p".to_owned(),
            needed_by: Some("x".to_owned()),
            refused: vec![
                RefusedProvider { package: "a".to_owned(), reason: Exclusion::InConflictWith("k".to_owned()) },
                RefusedProvider {
                    package: "b".to_owned(),
                    reason: Exclusion::ConflictsWithDependency { dependency: "(b if c)".to_owned(), needed_by: None },
                },
            ],
        };
        assert_eq!(
            problem.lines(),
            [
                "conflict for providers of p needed by x",
                "(provider a is in conflict with k)",
                "(provider b conflicts with (b if c))",
            ]
        );
    }

    #[test]
    fn a_missing_version_tells_what_there_is() {
        let problem = DependencyProblem::NothingProvides {
            dependency: "a >= 3".to_owned(),
            needed_by: None,
            found: vec![
                FoundVersion { version: "2-1".to_owned(), provided_by: None },
                FoundVersion { version: "1.5".to_owned(), provided_by: Some("x".to_owned()) },
            ],
        };
        assert_eq!(problem.to_string(), "nothing provides a >= 3, (got version 2-1), (got version 1.5 provided by x)");
    }

    #[test]
    fn preinstall_problems_keep_only_the_headline() {
        let inner = DependencyProblem::NothingProvides {
            dependency: "nope".to_owned(),
            needed_by: None,
            found: vec![FoundVersion { version: "1".to_owned(), provided_by: None }],
        };
        let problem = DependencyProblem::Preinstalls(Box::new(inner));
        assert_eq!(problem.to_string(), "preinstalls: nothing provides nope");
    }
}
