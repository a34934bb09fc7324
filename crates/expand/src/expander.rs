//! The expander: a pool and a configuration, ready to answer requests.

use pkg::problem::DependencyProblem;

use crate::config::ExpandConfig;
use crate::pool::{PackageId, Pool};
use crate::request::Request;
use crate::rules::Rules;
use crate::run::Run;
use crate::sets::Preinstalls;
use crate::trace::{NoTrace, Trace};

/// Answers requests for one pool under one configuration.
///
/// Made once and used for any number of requests, from any number of threads: asking changes nothing.
#[derive(Debug)]
pub struct Expander<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) config: &'a ExpandConfig,
    rules: Rules,
    /// `Preinstall` and `VMInstall`, expanded if the configuration says so.
    pub(crate) preinstalls: Result<Preinstalls, DependencyProblem>,
}

/// The packages of an expansion and what a cross build leaves to its build host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expansion {
    /// The packages to install, sorted by name.
    pub packages: Vec<PackageId>,
    /// Dependencies to be fulfilled on the build host: the direct ones, then, behind an item `--directdepsend--`, those
    /// of packages.
    pub native: Vec<String>,
}

impl<'a> Expander<'a> {
    /// Compiles the configuration for the pool and works out what has to be installed before everything else.
    #[must_use]
    pub fn new(pool: &'a Pool, config: &'a ExpandConfig) -> Self {
        let mut expander = Self {
            pool,
            config,
            rules: Rules::compile(pool, config),
            preinstalls: Ok(Preinstalls::unexpanded(config)),
        };
        if config.has_flag("preinstallexpand") {
            expander.preinstalls = expander.expand_preinstalls();
        }
        expander
    }

    /// The pool this expander chooses from.
    #[must_use]
    pub fn pool(&self) -> &'a Pool {
        self.pool
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The packages to install for a request, sorted by name.
    ///
    /// # Errors
    /// The problems of the first round that had any, in the order they were met.
    pub fn expand(&self, request: &Request) -> Result<Vec<PackageId>, Vec<DependencyProblem>> {
        self.expand_traced(request, &mut NoTrace)
    }

    /// As [`expand`](Self::expand), telling `trace` about every package taken.
    ///
    /// # Errors
    /// As [`expand`](Self::expand); the trace has then heard of everything up to the problem.
    pub fn expand_traced<T: Trace>(
        &self,
        request: &Request,
        trace: &mut T,
    ) -> Result<Vec<PackageId>, Vec<DependencyProblem>> {
        Run::expand(self.pool, &self.rules, request, false, trace).map(|expanded| sorted(expanded.packages))
    }

    /// As [`expand`](Self::expand), for the target side of a cross build: dependencies that a package for another
    /// architecture can fulfil (`Multi-Arch: foreign`, or `allowed` and asked for with `:any`) are left to the build host.
    ///
    /// # Errors
    /// As [`expand`](Self::expand).
    pub fn expand_cross(&self, request: &Request) -> Result<Expansion, Vec<DependencyProblem>> {
        let expanded = Run::expand(self.pool, &self.rules, request, true, &mut NoTrace)?;
        Ok(Expansion { packages: sorted(expanded.packages), native: expanded.native })
    }
}

fn sorted(mut packages: Vec<u32>) -> Vec<PackageId> {
    packages.sort_unstable();
    packages.into_iter().map(PackageId).collect()
}
