//! Telling what went wrong.

use pkg::dep::Dependency;
use pkg::problem::{DependencyProblem, Exclusion, FoundVersion, RefusedProvider};

use super::{ClauseKind, DepText, Reason, Run, Todo, What};
use crate::pool::PackageId;
use crate::trace::Trace;

/// More versions than this are no help.
const MAX_FOUND_VERSIONS: usize = 4;

impl<T: Trace> Run<'_, T> {
    pub(super) fn package_name(&self, package: u32) -> String {
        self.pool.name(PackageId(package)).to_owned()
    }

    pub(super) fn report_missing(&mut self, what: What, requirer: Option<u32>) {
        let text = self.text_of(what);
        let found = match what {
            What::Dep(text) => self.found_versions(text),
            What::Clause(_) => Vec::new(),
        };
        self.problems.push(DependencyProblem::NothingProvides {
            dependency: self.text(text),
            needed_by: requirer.map(|package| self.package_name(package)),
            found,
        });
    }

    /// The versions there are of something asked for in another version.
    fn found_versions(&self, text: DepText) -> Vec<FoundVersion> {
        let name = match text {
            DepText::Pool(dep) => {
                let deps = self.pool.deps();
                deps.kind(dep).is_versioned().then(|| deps.name(dep))
            }
            DepText::Local(local) => {
                let local = &self.locals[local as usize];
                let parsed = Dependency::parse(&local.text);
                let is_plain = local.rich.is_none() && local.alternatives.is_empty() && parsed.constraint.is_some();
                let (name, _) = parsed.split_any(self.pool.format());
                if is_plain { self.pool.find_name(name) } else { None }
            }
        };
        let Some(name) = name else { return Vec::new() };
        let is_own = |package: u32, version: &str| {
            self.pool.name_number(package) == name && self.pool.evr(PackageId(package)) == version
        };
        let versions = self.pool.provided_versions(name).take(MAX_FOUND_VERSIONS);
        versions
            .map(|(package, version)| FoundVersion {
                version: version.to_owned(),
                provided_by: (!is_own(package, version)).then(|| self.package_name(package)),
            })
            .collect()
    }

    pub(super) fn report_choice(&mut self, entry: Todo, packages: &[u32]) {
        self.problems.push(DependencyProblem::Choice {
            dependency: self.text(self.text_of(entry.what)),
            needed_by: entry.requirer.map(|package| self.package_name(package)),
            providers: packages.iter().map(|package| self.package_name(*package)).collect(),
        });
    }

    pub(super) fn report_refused(&mut self, entry: Todo, candidates: &[u32]) {
        let mut refused = Vec::new();
        for package in candidates {
            let name = self.package_name(*package);
            refused.extend(
                self.refusals(*package).into_iter().map(|reason| RefusedProvider { package: name.clone(), reason }),
            );
        }
        refused.sort_by_cached_key(ToString::to_string);
        self.problems.push(DependencyProblem::ProvidersConflict {
            dependency: self.text(self.text_of(entry.what)),
            needed_by: entry.requirer.map(|package| self.package_name(package)),
            refused,
        });
    }

    /// Why a candidate can not be installed: because of others, else by its own conflicts, else by its obsoletes.
    fn refusals(&self, package: u32) -> Vec<Exclusion> {
        let excluded = self.exclusions_of(package);
        if !excluded.is_empty() || self.options.ignore_conflicts {
            return excluded;
        }
        let mut hit = Vec::new();
        for dep in self.pool.conflicts_of(package) {
            if self.pool.deps().kind(*dep).is_rich() {
                hit.extend(self.violated_by(package, *dep));
            } else {
                let providers = self.providers(DepText::Pool(*dep));
                hit.extend(providers.iter().copied().filter(|other| self.installed.contains(*other)));
            }
        }
        if !hit.is_empty() {
            return hit.into_iter().map(|other| Exclusion::ConflictsWith(self.package_name(other))).collect();
        }
        let obsoletes = self.pool.obsoletes_of(package).iter();
        obsoletes
            .filter(|other| self.installed.contains(**other))
            .map(|other| Exclusion::Obsoletes(self.package_name(*other)))
            .collect()
    }

    fn exclusions_of(&self, package: u32) -> Vec<Exclusion> {
        if !self.excluded.contains(package) {
            return Vec::new();
        }
        let reasons = self.exclusions.iter().filter(|(excluded, _)| *excluded == package);
        reasons.map(|(_, reason)| self.exclusion(*reason)).collect()
    }

    fn exclusion(&self, reason: Reason) -> Exclusion {
        match reason {
            Reason::InConflict => Exclusion::InConflict,
            Reason::InConflictWith(package) => Exclusion::InConflictWith(self.package_name(package)),
            Reason::ObsoletedBy(package) => Exclusion::ObsoletedBy(self.package_name(package)),
            Reason::Dependency(text, requirer) => Exclusion::ConflictsWithDependency {
                dependency: self.text(text),
                needed_by: requirer.map(|package| self.package_name(package)),
            },
        }
    }

    pub(super) fn report_excluded(&mut self, package: u32) {
        for reason in self.exclusions_of(package) {
            self.problems.push(DependencyProblem::Excluded { package: self.package_name(package), reason });
        }
    }

    /// Reports a clause all of whose negative packages are installed and that has no positive ones.
    pub(super) fn report_violated(&mut self, clause: u32) {
        let clause = &self.clauses[clause as usize];
        if clause.negative.is_empty() {
            return;
        }
        match clause.kind {
            ClauseKind::Recommends => {}
            ClauseKind::Requires => {
                let (text, requirer) = (clause.text, clause.requirer);
                self.report_missing(What::Dep(text), requirer);
            }
            ClauseKind::Conflicts => {
                let package = clause.requirer.map(|package| self.package_name(package));
                let mut negative = clause.negative.clone();
                negative.sort_unstable();
                let problems: Vec<DependencyProblem> = negative
                    .into_iter()
                    .map(|other| DependencyProblem::Conflict {
                        package: package.clone(),
                        with: self.package_name(other),
                    })
                    .collect();
                self.problems.extend(problems);
            }
        }
    }
}
