//! Which packages the taken ones rule out.

use rustc_hash::FxHashMap;

use super::explain::Explainer;
use super::types::ConfigLine;
use crate::pool::{PackageId, Pool};
use crate::request::Wish;
use crate::rules::Rules;
use crate::trace::Cause;

/// Why a package can not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    /// `Conflict: x` of the configuration.
    Excluded,
    /// `!x` of the request.
    LeftOut,
    /// `Conflict: x:y` of the configuration, with a taken package.
    Configured(u32),
    /// A taken package conflicts with it.
    By(u32),
    /// It conflicts with a taken package.
    With(u32),
    /// A taken package obsoletes it.
    ObsoletedBy(u32),
}

/// The packages that are ruled out, each with the places of the taken packages that do so.
#[derive(Debug, Default)]
pub(super) struct Conflicts(FxHashMap<u32, Vec<(usize, Conflict)>>);

impl Conflicts {
    pub(super) fn new(pool: &Pool, rules: &Rules, wish: &Wish<'_>, steps: &[(PackageId, Cause)]) -> Self {
        let mut conflicts = Self::default();
        for package in &rules.excluded {
            conflicts.add(*package, 0, Conflict::Excluded);
        }
        for package in wish.excludes.iter().flat_map(|item| rules.providers_of_text(pool, item).into_owned()) {
            conflicts.add(package, 0, Conflict::LeftOut);
        }
        let ignores_conflicts = rules.options.or(wish.options).ignore_conflicts;
        for (place, (package, _)) in steps.iter().enumerate() {
            for other in rules.conflicts_of(package.0) {
                conflicts.add(*other, place, Conflict::Configured(package.0));
            }
            if ignores_conflicts {
                continue;
            }
            for dep in pool.conflicts_of(package.0) {
                for other in rules.providers(pool, *dep).iter().filter(|other| **other != package.0) {
                    conflicts.add(*other, place, Conflict::By(package.0));
                }
            }
            for other in pool.obsoletes_of(package.0) {
                conflicts.add(*other, place, Conflict::ObsoletedBy(package.0));
            }
        }
        conflicts
    }

    fn add(&mut self, package: u32, place: usize, conflict: Conflict) {
        self.0.entry(package).or_default().push((place, conflict));
    }

    /// Why a package could not be taken once the first `upto` packages were, for what others say.
    fn of(&self, package: u32, upto: usize) -> Option<Conflict> {
        let first = self.0.get(&package)?.iter().min_by_key(|(place, _)| *place)?;
        (first.0 < upto || matches!(first.1, Conflict::Excluded | Conflict::LeftOut)).then_some(first.1)
    }
}

impl Explainer<'_> {
    /// Why a package could not be taken once the first `upto` packages were.
    pub(super) fn conflict_of(&self, package: u32, upto: usize) -> Option<Conflict> {
        self.conflicts.of(package, upto).or_else(|| self.own_conflict(package, upto))
    }

    fn own_conflict(&self, package: u32, upto: usize) -> Option<Conflict> {
        if self.rules.options.or(self.wish.options).ignore_conflicts {
            return None;
        }
        let is_there = |other: &u32| *other != package && self.places.get(other).is_some_and(|place| *place < upto);
        let mut conflicts = self.pool.conflicts_of(package).iter();
        let with = |dep: &u32| self.rules.providers(self.pool, *dep).iter().copied().find(is_there);
        conflicts.find_map(with).map(Conflict::With)
    }

    pub(super) fn conflict_text(&self, conflict: Conflict) -> String {
        let name = |package: u32| self.pool.name(PackageId(package));
        match conflict {
            Conflict::Excluded | Conflict::LeftOut => "is in conflict".to_owned(),
            Conflict::Configured(other) | Conflict::By(other) => format!("is in conflict with {}", name(other)),
            Conflict::With(other) => format!("conflicts with {}", name(other)),
            Conflict::ObsoletedBy(other) => format!("is obsoleted by {}", name(other)),
        }
    }

    /// The `Conflict` line behind a conflict.
    pub(super) fn conflict_line(&self, package: u32, conflict: Conflict) -> Option<ConfigLine> {
        let name = |package: u32| self.pool.name(PackageId(package));
        match conflict {
            Conflict::Excluded => self.conflict_line_of(name(package), None),
            Conflict::Configured(other) => self.conflict_line_of(name(package), Some(name(other))),
            _ => None,
        }
    }

    /// The `Conflict` line that names a package, alone or together with another one.
    pub(super) fn conflict_line_of(&self, package: &str, with: Option<&str>) -> Option<ConfigLine> {
        let names = |entry: &&String| {
            let has = |name: &str| entry.split([':', ',']).any(|one| one == name);
            match with {
                None => entry.as_str() == package,
                Some(with) => has(package) && has(with) && package != with,
            }
        };
        self.expander.config.conflict.iter().find(names).map(|entry| self.line("Conflict", entry))
    }
}
