//! Changes of the configuration that solve a problem. Each is tried before it is offered.

use std::fmt;

use pkg::dep::{Dependency, alternatives};
use pkg::problem::DependencyProblem;
use rustc_hash::FxHashSet;

use super::explain::{Asked, Explainer};
use super::types::{Asker, Fix, Hint, Link, Outcome, Trouble, Why};
use crate::config::ExpandConfig;
use crate::expander::Expander;
use crate::trace::Rule;

/// Changes that are tried for one problem.
const MOST_TRIES: usize = 24;
/// Fixes that are shown for one problem.
const MOST_FIXES: usize = 8;
/// Problems that are solved one after the other.
const MOST_ROUNDS: usize = 24;
/// Problems for which fixes are looked for.
const MOST_PROBLEMS: usize = 8;

/// A line at the end of the project's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// `Prefer: NEW`, or `Prefer: !OLD NEW` where another line speaks for OLD.
    Prefer {
        /// What is preferred so far.
        instead_of: Option<String>,
        /// What is to be taken.
        package: String,
    },
    /// `Substitute: OLD NEW`.
    Substitute {
        /// The name that is asked for.
        old: String,
        /// What is to be taken for it.
        new: String,
    },
    /// `Ignore: PACKAGE:DEPENDENCY`.
    Ignore {
        /// The package with the dependency.
        package: String,
        /// The name it depends on.
        dependency: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefer { instead_of: None, package } => write!(f, "Prefer: {package}"),
            Self::Prefer { instead_of: Some(old), package } => write!(f, "Prefer: !{old} {package}"),
            Self::Substitute { old, new } => write!(f, "Substitute: {old} {new}"),
            Self::Ignore { package, dependency } => write!(f, "Ignore: {package}:{dependency}"),
        }
    }
}

impl Change {
    /// Does to a configuration what the line does.
    pub fn apply(&self, config: &mut ExpandConfig) {
        match self {
            Self::Prefer { instead_of, package } => {
                config.prefer.retain(|entry| Some(entry) != instead_of.as_ref());
                config.prefer.push(package.clone());
            }
            Self::Substitute { old, new } => _ = config.substitute.insert(old.clone(), vec![new.clone()]),
            Self::Ignore { package, dependency } => config.ignore.push(format!("{package}:{dependency}")),
        }
    }

    /// Whether a dependency that somebody has is not fulfilled then.
    fn leaves_out(&self) -> bool {
        matches!(self, Self::Ignore { .. })
    }
}

impl Explainer<'_> {
    /// Adds the fixes of each problem, and the lines that solve all of them.
    pub(super) fn add_fixes(&self, why: &mut Why) {
        let config = self.expander.config;
        for trouble in why.problems.iter_mut().take(MOST_PROBLEMS) {
            let tried = self.try_changes(config, trouble);
            trouble.fixes = tried.into_iter().take(MOST_FIXES).map(|tried| tried.fix()).collect();
        }
        why.remedy = self.remedy();
    }

    /// The changes that make a problem go away, best first.
    fn try_changes(&self, config: &ExpandConfig, trouble: &Trouble) -> Vec<Tried> {
        let mut tried: Vec<Tried> = Vec::new();
        for (order, change) in changes(config, trouble).into_iter().take(MOST_TRIES).enumerate() {
            let mut changed = config.clone();
            change.apply(&mut changed);
            let outcome = self.outcome(&changed);
            let is_gone = match &outcome {
                Outcome::Resolves { .. } => true,
                Outcome::Further { problems } => !problems.contains(&trouble.message),
            };
            if is_gone {
                tried.push(Tried { change, outcome, order });
            }
        }
        tried.sort_by_key(Tried::rank);
        // What leaves nothing out is better than what does.
        if tried.iter().any(|tried| !tried.change.leaves_out() && matches!(tried.outcome, Outcome::Resolves { .. })) {
            tried.retain(|tried| !tried.change.leaves_out());
        }
        tried
    }

    fn outcome(&self, config: &ExpandConfig) -> Outcome {
        match Expander::new(self.pool, config).build_set(self.request) {
            Ok(packages) => Outcome::Resolves { packages: packages.len() as u64 },
            Err(problems) => Outcome::Further { problems: problems.iter().map(ToString::to_string).collect() },
        }
    }

    /// Solves one problem after the other, then leaves out every line that is not needed.
    fn remedy(&self) -> Option<Fix> {
        let mut config = self.expander.config.clone();
        let mut changes: Vec<Change> = Vec::new();
        let mut seen = FxHashSet::default();
        for _ in 0..MOST_ROUNDS {
            let found =
                Expander::new(self.pool, &config).why(self.request, Asked { with_fixes: false, ..Asked::default() });
            let Some(trouble) = found.problems.first() else { break };
            if !seen.insert(trouble.message.clone()) {
                return None;
            }
            let best = self.try_changes(&config, trouble).into_iter().next()?;
            best.change.apply(&mut config);
            changes.push(best.change);
        }
        self.without_superfluous(changes)
    }

    fn without_superfluous(&self, mut changes: Vec<Change>) -> Option<Fix> {
        let outcome_of = |changes: &[Change]| {
            let mut config = self.expander.config.clone();
            changes.iter().for_each(|change| change.apply(&mut config));
            self.outcome(&config)
        };
        let mut place = 0;
        while place < changes.len() {
            let mut fewer = changes.clone();
            fewer.remove(place);
            match outcome_of(&fewer) {
                Outcome::Resolves { .. } => changes = fewer,
                Outcome::Further { .. } => place += 1,
            }
        }
        match outcome_of(&changes) {
            outcome @ Outcome::Resolves { .. } => Some(Fix {
                lines: changes.iter().map(ToString::to_string).collect(),
                leaves_out: changes.iter().any(Change::leaves_out),
                outcome,
            }),
            Outcome::Further { .. } => None,
        }
    }
}

/// A change and what it does.
struct Tried {
    change: Change,
    outcome: Outcome,
    /// Its place among the changes that were tried.
    order: usize,
}

impl Tried {
    /// What leaves nothing out first, then what solves everything, then the smallest root; then the order of the trials:
    /// the dependency that is left out is the one nearest to the problem.
    fn rank(&self) -> (bool, bool, u64, usize) {
        let leaves_out = self.change.leaves_out();
        let (is_open, count) = match &self.outcome {
            Outcome::Resolves { packages } => (false, *packages),
            Outcome::Further { problems } => (true, problems.len() as u64),
        };
        (leaves_out, is_open, if leaves_out { 0 } else { count }, self.order)
    }

    fn fix(self) -> Fix {
        Fix { lines: vec![self.change.to_string()], leaves_out: self.change.leaves_out(), outcome: self.outcome }
    }
}

/// What could solve a problem: choices, other choices on the way to it, other names, leaving something out.
fn changes(config: &ExpandConfig, trouble: &Trouble) -> Vec<Change> {
    let mut changes = Vec::new();
    if let DependencyProblem::Choice { providers, .. } = &trouble.problem {
        changes.extend(providers.iter().map(|package| prefer(None, package)));
        return changes;
    }
    let links = || trouble.chains.iter().flat_map(|chain| chain.iter().rev());
    changes.extend(links().flat_map(|link| other_choices(config, link)));
    // What another package of the chains needs anyway is the smaller change.
    let is_there = |package: &str| links().any(|link| link.package == package);
    changes.sort_by_key(|change| !matches!(change, Change::Prefer { package, .. } if is_there(package)));
    let asks_itself = !matches!(trouble.needed_by, Some(Asker::Package { .. }));
    for name in trouble.hints.iter().filter_map(|hint| match hint {
        Hint::Near { name } if asks_itself => Some(name),
        _ => None,
    }) {
        let old = wanted_name(&trouble.problem);
        changes.extend(old.map(|old| Change::Substitute { old, new: name.clone() }));
    }
    if let (Some(Asker::Package { name }), Some(dependency)) = (&trouble.needed_by, wanted_name(&trouble.problem)) {
        changes.push(Change::Ignore { package: name.clone(), dependency });
    }
    for link in links() {
        if let Asker::Package { name } = &link.needed_by {
            let dependency = name_of(&link.dependency);
            changes.push(Change::Ignore { package: name.clone(), dependency });
        }
    }
    let mut seen = FxHashSet::default();
    changes.retain(|change| seen.insert(change.clone()));
    changes
}

fn prefer(instead_of: Option<&str>, package: &str) -> Change {
    Change::Prefer { instead_of: instead_of.map(str::to_owned), package: package.to_owned() }
}

/// The other ways a decision could have gone.
fn other_choices(config: &ExpandConfig, link: &Link) -> Vec<Change> {
    let is_free =
        matches!(link.rule, Rule::Preferred | Rule::FirstAlternative | Rule::Recommended | Rule::OthersAvoided);
    if !is_free {
        return Vec::new();
    }
    let old = config.prefer.contains(&link.package).then_some(link.package.as_str());
    let others = link.others.iter().filter(|other| other.refused.is_none());
    others.map(|other| prefer(old, &other.package)).collect()
}

fn wanted_name(problem: &DependencyProblem) -> Option<String> {
    match problem {
        DependencyProblem::NothingProvides { dependency, .. }
        | DependencyProblem::ProvidersConflict { dependency, .. } => Some(name_of(dependency)),
        _ => None,
    }
}

/// The first name of a dependency.
fn name_of(dependency: &str) -> String {
    let first = alternatives(dependency).next().unwrap_or(dependency);
    Dependency::parse(first).name.to_owned()
}
