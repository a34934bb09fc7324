//! Why each package was taken.

use crate::pool::PackageId;

/// The rule that decided for a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The request names the package.
    Named,
    /// No other package provides the dependency.
    Only,
    /// All other providers conflict with something.
    OthersConflict,
    /// `Prefer` of the configuration.
    Preferred,
    /// It stands first in a list of alternatives.
    FirstAlternative,
    /// Another taken package recommends it.
    Recommended,
    /// It supplements a taken package.
    Supplements,
}

/// What made the expander take a package.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The package whose dependency it was; none for the request itself.
    pub requirer: Option<PackageId>,
    /// The dependency as written.
    pub dependency: String,
    /// What settled it.
    pub rule: Rule,
}

/// Hears of every package the expander takes, in order; a package is reported once.
///
/// The cause is only worked out if asked for, so a trace that ignores it costs nothing.
pub trait Trace {
    /// `package` was taken.
    fn taken(&mut self, package: PackageId, cause: impl FnOnce() -> Cause);
}

/// Does not listen.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    #[inline]
    fn taken(&mut self, _package: PackageId, _cause: impl FnOnce() -> Cause) {}
}
