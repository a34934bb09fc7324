//! Deciding open dependencies, in passes from the surest rule to the weakest.

use super::{ClauseKind, DepText, Native, Run, Todo, What};
use crate::pool::PackageId;
use crate::rich::{all_providers, normalize_conflicts};
use crate::trace::{Cause, DependencyRef, Rule, Trace};
use crate::{bits::BitSet, rich::Clauses};
use pkg::MultiArch;

/// The rules in the order they are tried; a rule that decides for anything ends the round once its pass is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pass {
    SingleProvider,
    Conflicts,
    OnePreferred,
    FirstPreferred,
    Recommended,
    Supplemented,
    GiveUp,
}

const PASSES: [Pass; 7] = [
    Pass::SingleProvider,
    Pass::Conflicts,
    Pass::OnePreferred,
    Pass::FirstPreferred,
    Pass::Recommended,
    Pass::Supplemented,
    Pass::GiveUp,
];

impl<'a, T: Trace> Run<'a, T> {
    /// Walks the open dependencies until a pass decides for a package or nothing is open.
    pub(super) fn decide_all(&mut self) {
        for pass in PASSES {
            if self.todo.is_empty() {
                return;
            }
            let mut todo = std::mem::take(&mut self.todo);
            todo.retain(|entry| self.stays_open(*entry, pass));
            self.todo = todo;
            if !self.batch.is_empty() {
                return;
            }
        }
    }

    /// Tries to settle one dependency; true if a later pass or round has to look at it again.
    fn stays_open(&mut self, entry: Todo, pass: Pass) -> bool {
        // Most dependencies have one provider, which is there or decided on already.
        if let What::Dep(DepText::Pool(dep)) = entry.what
            && let Some(package) = self.pool.target(dep).single()
            && (self.installed.contains(package) || (self.in_batch.contains(package) && !self.has_file_provides(dep)))
        {
            return false;
        }
        let candidates = self.candidates(entry.what);
        self.trace.looked_at(candidates.len());
        if candidates.iter().any(|package| self.installed.contains(*package)) {
            return false;
        }
        if self.is_left_out(entry, &candidates) {
            return false;
        }
        if candidates.is_empty() {
            self.report_missing(entry.what, entry.requirer);
            return false;
        }
        if candidates.len() > 1 && pass == Pass::SingleProvider {
            return true;
        }
        if let [package] = candidates[..]
            && !self.is_refused(package)
        {
            self.take(entry, package, Rule::Only);
            return false;
        }
        let left: Vec<u32> = candidates.iter().copied().filter(|package| !self.is_refused(*package)).collect();
        match left[..] {
            [] => {
                // DIFFERS from Build.pm, as libsolv does: recommends that can not be had are no problem.
                if !self.is_recommends(entry.what) {
                    self.report_refused(entry, &candidates);
                }
                false
            }
            [package] => {
                self.take(entry, package, Rule::OthersConflict);
                false
            }
            _ if pass < Pass::OnePreferred => true,
            _ => self.choose(entry, left, pass),
        }
    }

    /// Whether this is part of rich recommends.
    fn is_recommends(&self, what: What) -> bool {
        matches!(what, What::Clause(clause) if self.clauses[clause as usize].kind == ClauseKind::Recommends)
    }

    /// Whether the configuration may name further providers.
    fn has_file_provides(&self, dep: u32) -> bool {
        self.pool.deps().kind(dep).is_path()
    }

    /// Whether a dependency of a package is not followed.
    fn is_left_out(&self, entry: Todo, candidates: &[u32]) -> bool {
        let Some(requirer) = entry.requirer else { return false };
        if candidates.is_empty() {
            let What::Dep(DepText::Pool(dep)) = entry.what else { return false };
            let kind = self.pool.deps().kind(dep);
            return kind.is_rpmlib() || (kind.is_path() && !self.options.keep_file_requires);
        }
        if let What::Clause(clause) = entry.what
            && self.clauses[clause as usize].kind != ClauseKind::Requires
        {
            // DIFFERS from Build.pm, as libsolv does: what follows from a conflict is needed, ignored or not.
            return false;
        }
        let pool = self.pool;
        candidates.iter().any(|package| self.ignores.contains(Some(requirer), pool.name_number(*package)))
    }

    /// Chooses among several packages that could be installed.
    fn choose(&mut self, entry: Todo, mut left: Vec<u32>, pass: Pass) -> bool {
        let requirer = entry.requirer;
        let prefers = &self.rules.prefers;
        narrow(&mut left, |package| !prefers.avoids(requirer, package));
        let others_avoided = left.len() == 1;
        let mut preferred: Vec<(u32, u32)> =
            left.iter().filter_map(|package| Some((prefers.rank(requirer, *package)?, *package))).collect();
        preferred.sort_unstable();
        if let [(_, package)] = preferred[..] {
            left = vec![package];
        } else if pass >= Pass::FirstPreferred {
            match preferred.first() {
                Some((_, package)) => left = vec![*package],
                None => self.narrow_to_first_alternative(entry.what, &mut left),
            }
        }
        if let [package] = left[..] {
            let rule = match preferred.is_empty() {
                _ if others_avoided => Rule::OthersAvoided,
                true => Rule::FirstAlternative,
                false => Rule::Preferred,
            };
            self.take(entry, package, rule);
            return false;
        }
        if pass < Pass::Recommended {
            return true;
        }
        self.update_recommended();
        narrow(&mut left, |package| self.recommended.contains(package));
        if let [package] = left[..] {
            self.take(entry, package, Rule::Recommended);
            return false;
        }
        if pass < Pass::Supplemented {
            return true;
        }
        if self.options.do_supplements {
            let supplementing: Vec<u32> = left.iter().copied().filter(|package| self.supplements(*package)).collect();
            narrow(&mut left, |package| supplementing.contains(&package));
            if let [package] = left[..] {
                self.take(entry, package, Rule::Supplements);
                return false;
            }
        }
        if pass == Pass::GiveUp {
            self.report_choice(entry, &left);
            return false;
        }
        true
    }

    fn narrow_to_first_alternative(&self, what: What, left: &mut Vec<u32>) {
        let mut take = |providers: &[u32]| {
            let matching: Vec<u32> =
                left.iter().copied().filter(|package| providers.binary_search(package).is_ok()).collect();
            let is_any = !matching.is_empty();
            if is_any {
                *left = matching;
            }
            is_any
        };
        match what {
            What::Dep(DepText::Pool(dep)) => {
                let mut singles = self.pool.deps().alternatives(dep).iter();
                _ = singles.any(|single| take(&self.providers(DepText::Pool(*single))));
            }
            What::Dep(DepText::Local(local)) => {
                _ = self.locals[local as usize].alternatives.iter().any(|providers| take(providers));
            }
            What::Clause(_) => {}
        }
    }

    /// Decides for a package, or leaves the dependency to the build host.
    pub(super) fn take(&mut self, entry: Todo, package: u32, rule: Rule) {
        if self.is_native(entry.what, package) {
            return;
        }
        if self.in_batch.insert(package) {
            self.batch.push(package);
            let text = self.text_of(entry.what);
            self.trace.taken(PackageId(package), || Cause {
                requirer: entry.requirer.map(PackageId),
                dependency: match text {
                    DepText::Pool(dep) => DependencyRef::OfPackage(dep),
                    DepText::Local(local) => DependencyRef::OfRequest(local),
                },
                rule,
            });
        }
    }

    /// Notes the dependency for the build host, if this run collects such ones and it is one.
    fn is_native(&mut self, what: What, package: u32) -> bool {
        if self.native.is_none() {
            return false;
        }
        let text = self.text_of(what);
        let has_any = match text {
            DepText::Pool(dep) => self.pool.deps().kind(dep).has_any(),
            DepText::Local(local) => self.locals[local as usize].text.contains(":any"),
        };
        let is_native = match self.pool.multi_arch(PackageId(package)) {
            MultiArch::Foreign => true,
            MultiArch::Allowed => has_any,
            MultiArch::No | MultiArch::Same => false,
        };
        if let Some(native) = self.native.as_mut().filter(|_| is_native) {
            native.push(Native::Dependency(text));
        }
        is_native
    }

    /// The dependencies for the build host, without those an installed package fulfils anyway.
    pub(super) fn native_texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for entry in self.native.iter().flatten() {
            let text = match entry {
                Native::DirectsEnd => "--directdepsend--".to_owned(),
                Native::Dependency(text) => {
                    if self.providers(*text).iter().any(|package| self.installed.contains(*package)) {
                        continue;
                    }
                    self.request_text(*text)
                }
            };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        if texts.last().is_some_and(|text| text == "--directdepsend--") {
            texts.pop();
        }
        texts
    }

    /// Whether a package can not be installed next to the installed ones.
    #[inline]
    pub(super) fn is_refused(&self, package: u32) -> bool {
        self.excluded.contains(package)
            || (!self.options.ignore_conflicts && (self.conflicts_with_any(package) || self.obsoletes_any(package)))
    }

    fn obsoletes_any(&self, package: u32) -> bool {
        self.pool.obsoletes_of(package).iter().any(|other| self.installed.contains(*other))
    }

    fn conflicts_with_any(&self, package: u32) -> bool {
        self.pool.conflicts_of(package).iter().any(|dep| {
            if self.pool.deps().kind(*dep).is_rich() {
                return !self.violated_by(package, *dep).is_empty();
            }
            self.providers(DepText::Pool(*dep)).iter().any(|other| self.installed.contains(*other))
        })
    }

    /// The installed packages that a rich conflict of a candidate hits.
    pub(super) fn violated_by(&self, package: u32, dep: u32) -> Vec<u32> {
        let Some(tree) = self.pool.rich(dep).flatten() else { return Vec::new() };
        let Clauses::All(clauses) = normalize_conflicts(tree, &self.atoms(Some(package), false)) else {
            return Vec::new();
        };
        let mut hit = Vec::new();
        for mut clause in clauses {
            clause.negative.retain(|other| *other != package);
            let is_violated = clause.positive.is_empty()
                && !clause.negative.is_empty()
                && clause.negative.iter().all(|other| self.installed.contains(*other));
            if is_violated {
                clause.negative.sort_unstable();
                hit.extend(clause.negative);
            }
        }
        hit
    }

    /// Brings the set of packages that installed ones recommend up to date.
    fn update_recommended(&mut self) {
        if self.recommended_upto == 0 {
            self.recommended = BitSet::new(self.pool.len());
        }
        while let Some(package) = self.order.get(self.recommended_upto) {
            self.recommended_upto += 1;
            for dep in self.pool.recommends_of(*package) {
                let providers = match self.pool.rich(*dep) {
                    Some(Some(tree)) => all_providers(tree, &self.atoms(None, false)),
                    Some(None) => Vec::new(),
                    None => self.providers(DepText::Pool(*dep)).into_owned(),
                };
                for provider in providers {
                    self.recommended.insert(provider);
                }
            }
        }
    }
}

/// Keeps the packages that `belong`, unless that leaves none.
fn narrow(packages: &mut Vec<u32>, belongs: impl Fn(u32) -> bool) {
    if packages.iter().any(|package| belongs(*package)) {
        packages.retain(|package| belongs(*package));
    }
}
