//! Installing decided packages: what they need, and what they rule out.

use std::rc::Rc;

use pkg::problem::DependencyProblem;

use super::{Clause, ClauseKind, DepText, Reason, Run, Todo, What};
use crate::rich::{RichClause, normalize_conflicts, normalize_requires};
use crate::trace::Trace;

/// Keeps the last reason given for each package, sorted by package.
pub(super) fn keep_last_reasons(fresh: &mut Vec<(u32, Reason)>) {
    if fresh.len() > 1 {
        fresh.reverse();
        fresh.sort_by_key(|(package, _)| *package);
        fresh.dedup_by_key(|(package, _)| *package);
    }
}

impl<T: Trace> Run<'_, T> {
    /// Installs the decided packages together: all of them count as installed before any is looked at.
    pub(super) fn install_batch(&mut self) {
        if self.batch.is_empty() || !self.problems.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        for package in &batch {
            self.report_excluded(*package);
        }
        if self.problems.is_empty() {
            for package in &batch {
                self.install(*package);
            }
        }
        if self.problems.is_empty() {
            for package in &batch {
                self.follow(*package);
            }
        }
        for package in &batch {
            self.in_batch.remove(*package);
        }
        // Keep the buffer.
        self.batch = batch;
        self.batch.clear();
    }

    /// Errors for decided packages that must not be installed.
    pub(super) fn report_excluded_batch(&mut self) {
        for package in self.batch.clone() {
            self.report_excluded(package);
        }
    }

    fn install(&mut self, package: u32) {
        self.installed.insert(package);
        self.order.push(package);
        if !self.waiting.is_empty() {
            for clause in self.waiting.remove(&package).unwrap_or_default() {
                let mut fresh = Vec::new();
                self.evaluate_clause(clause, false, &mut fresh);
                keep_last_reasons(&mut fresh);
                for (other, reason) in fresh {
                    self.exclude(other, reason);
                }
            }
            if self.excluded.contains(package) {
                self.excluded.remove(package);
                self.exclusions.retain(|(excluded, _)| *excluded != package);
            }
        }
    }

    /// Queues the requirements of an installed package and applies its conflicts.
    fn follow(&mut self, package: u32) {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.extend(self.rules.conflicts_of(package).iter().map(|other| (*other, Reason::InConflictWith(package))));
        self.queue_requires(package, &mut fresh);
        if !self.options.ignore_conflicts {
            self.add_conflicts(package, &mut fresh);
        }
        self.apply_conflicts(package, &mut fresh, false);
        if !self.options.ignore_conflicts {
            let obsoletes = self.pool.obsoletes_of(package).iter();
            fresh.extend(obsoletes.map(|other| (*other, Reason::ObsoletedBy(package))));
            self.apply_conflicts(package, &mut fresh, true);
        }
        self.fresh = fresh;
    }

    fn queue_requires(&mut self, package: u32, fresh: &mut Vec<(u32, Reason)>) {
        let pool = self.pool;
        let deps = pool.deps();
        for dep in pool.requires_of(package) {
            // Most requirements have one provider, which is there already.
            if let Some(provider) = pool.target(*dep).single()
                && self.installed.contains(provider)
            {
                continue;
            }
            let kind = deps.kind(*dep);
            if kind.is_rich() {
                let tree = pool.rich(*dep).flatten();
                let clauses = tree.map(|tree| normalize_requires(tree, &self.atoms(Some(package), true)));
                self.add_clauses_to(DepText::Pool(*dep), Some(package), ClauseKind::Requires, clauses, fresh);
                continue;
            }
            if self.ignores.contains(Some(package), deps.name(*dep)) || kind.is_rpmlib() {
                continue;
            }
            self.todo.push(Todo { what: What::Dep(DepText::Pool(*dep)), requirer: Some(package) });
        }
    }

    fn add_conflicts(&mut self, package: u32, fresh: &mut Vec<(u32, Reason)>) {
        let pool = self.pool;
        for dep in pool.conflicts_of(package) {
            if pool.deps().kind(*dep).is_rich() {
                let tree = pool.rich(*dep).flatten();
                let clauses = tree.map(|tree| normalize_conflicts(tree, &self.atoms(Some(package), false)));
                self.add_clauses_to(DepText::Pool(*dep), Some(package), ClauseKind::Conflicts, clauses, fresh);
                continue;
            }
            let providers = self.providers(DepText::Pool(*dep));
            self.trace.looked_at(providers.len());
            fresh.extend(providers.iter().map(|other| (*other, Reason::InConflictWith(package))));
        }
    }

    /// Excludes packages because of an installed one; those that are installed already are problems.
    fn apply_conflicts(&mut self, package: u32, fresh: &mut Vec<(u32, Reason)>, is_obsoletes: bool) {
        keep_last_reasons(fresh);
        for (other, reason) in fresh.drain(..) {
            if other == package {
                continue;
            }
            if self.installed.contains(other) {
                let (name, with) = (self.package_name(package), self.package_name(other));
                self.problems.push(if is_obsoletes {
                    DependencyProblem::Obsoletes { package: name, with }
                } else {
                    DependencyProblem::Conflict { package: Some(name), with }
                });
            }
            self.exclude(other, reason);
        }
    }

    pub(super) fn exclude(&mut self, package: u32, reason: Reason) {
        self.excluded.insert(package);
        self.exclusions.push((package, reason));
    }

    pub(super) fn add_clause(
        &mut self,
        text: DepText,
        requirer: Option<u32>,
        kind: ClauseKind,
        clause: RichClause,
    ) -> u32 {
        let mut negative = clause.negative;
        negative.retain(|package| Some(*package) != requirer);
        let id = self.clauses.len() as u32;
        self.clauses.push(Clause {
            text,
            requirer,
            kind,
            negative,
            positive: Rc::from(clause.positive),
            is_done: false,
        });
        id
    }

    /// Looks at a clause: it may be fulfilled, become a requirement, exclude a package, be violated, or wait.
    ///
    /// `is_new` clauses are registered with the packages they wait for; exclusions go to `fresh`.
    pub(super) fn evaluate_clause(&mut self, id: u32, is_new: bool, fresh: &mut Vec<(u32, Reason)>) {
        let clause = &self.clauses[id as usize];
        self.trace.looked_at(clause.negative.len() + clause.positive.len());
        if clause.is_done || clause.positive.iter().any(|package| self.installed.contains(*package)) {
            return;
        }
        let missing: Vec<u32> =
            clause.negative.iter().copied().filter(|package| !self.installed.contains(*package)).collect();
        match (&missing[..], clause.positive.is_empty()) {
            ([], false) => {
                let requirer = clause.requirer;
                self.clauses[id as usize].is_done = true;
                self.todo.push(Todo { what: What::Clause(id), requirer });
            }
            ([], true) => {
                self.clauses[id as usize].is_done = true;
                self.report_violated(id);
            }
            ([package], true) => match clause.kind {
                ClauseKind::Recommends => {}
                ClauseKind::Requires => fresh.push((*package, Reason::Dependency(clause.text, clause.requirer))),
                ClauseKind::Conflicts => {
                    fresh.push((*package, clause.requirer.map_or(Reason::InConflict, Reason::InConflictWith)));
                }
            },
            _ => {
                if is_new {
                    for package in missing {
                        self.waiting.entry(package).or_default().push(id);
                    }
                }
            }
        }
    }
}
