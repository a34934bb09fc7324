//! Why each package was taken, as the expander tells it while it works: a few numbers, no texts.

use serde::{Deserialize, Serialize};

use crate::pool::PackageId;

/// The rule that decided for a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The request names the package.
    Named,
    /// No other package provides the dependency.
    Only,
    /// All other providers conflict with something.
    OthersConflict,
    /// `Prefer: -x` of the configuration rules all others out.
    OthersAvoided,
    /// `Prefer` of the configuration.
    Preferred,
    /// It stands first in a list of alternatives.
    FirstAlternative,
    /// Another taken package recommends it.
    Recommended,
    /// It supplements a taken package.
    Supplements,
    /// It was there already when the dependency was looked at; another one had brought it.
    AlreadyThere,
}

/// Where the text of a dependency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DependencyRef {
    /// A dependency of a package: its number in the pool.
    OfPackage(u32),
    /// A dependency of the request: its place among the direct ones, then the indirect ones.
    OfRequest(u32),
}

/// What made the expander take a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The package whose dependency it was; none for the request itself.
    pub requirer: Option<PackageId>,
    /// The dependency.
    pub dependency: DependencyRef,
    /// What settled it.
    pub rule: Rule,
}

/// Hears of every package the expander takes, in order; a package is reported once.
///
/// The cause is only put together if asked for, so a trace that ignores it costs nothing.
pub trait Trace {
    /// `package` was taken.
    fn taken(&mut self, package: PackageId, cause: impl FnOnce() -> Cause);

    /// A dependency, a conflict or a part of a rich dependency that names so many packages was looked at: the measure of
    /// the work done.
    #[inline]
    fn looked_at(&mut self, providers: usize) {
        _ = providers;
    }
}

/// Does not listen.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    #[inline]
    fn taken(&mut self, _package: PackageId, _cause: impl FnOnce() -> Cause) {}
}

/// Keeps the cause of every package taken, in the order they were taken.
#[derive(Debug, Clone)]
pub struct Derivation {
    steps: Vec<(PackageId, Cause)>,
}

impl Default for Derivation {
    fn default() -> Self {
        // Room for most roots: growing step by step would be what listening costs.
        Self { steps: Vec::with_capacity(512) }
    }
}

impl Trace for Derivation {
    #[inline]
    fn taken(&mut self, package: PackageId, cause: impl FnOnce() -> Cause) {
        self.steps.push((package, cause()));
    }
}

impl Derivation {
    /// Every package taken with its cause, in order.
    #[must_use]
    pub fn steps(&self) -> &[(PackageId, Cause)] {
        &self.steps
    }
}
