//! Recommends and supplements, followed once everything required is settled.

use super::{ClauseKind, DepText, Run, Todo, What};
use crate::rich::{all_providers, is_fulfilled, is_plain_choice, normalize_requires};
use crate::trace::{Rule, Trace};

impl<T: Trace> Run<'_, T> {
    /// Queues recommended packages; if there is nothing to follow, decides for supplementing ones.
    pub(super) fn follow_weak(&mut self) {
        if self.options.do_recommends {
            while let Some(package) = self.order.get(self.followed_upto) {
                self.followed_upto += 1;
                self.queue_recommends(*package);
            }
            if !self.todo.is_empty() {
                return;
            }
        }
        if self.options.do_supplements && self.pool.has_supplements() {
            self.take_supplements();
        }
    }

    fn queue_recommends(&mut self, package: u32) {
        let pool = self.pool;
        for dep in pool.recommends_of(package) {
            let text = DepText::Pool(*dep);
            let entry = match pool.rich(*dep) {
                None => {
                    if !self.is_worth_following(&self.providers(text)) {
                        continue;
                    }
                    Todo { what: What::Dep(text), requirer: Some(package) }
                }
                Some(Some(tree)) if is_plain_choice(tree) => {
                    let providers = all_providers(tree, &self.atoms(Some(package), false));
                    if !self.is_worth_following(&providers) {
                        continue;
                    }
                    let clause = crate::rich::RichClause { negative: Vec::new(), positive: providers };
                    let clause = self.add_clause(text, Some(package), ClauseKind::Recommends, clause);
                    Todo { what: What::Clause(clause), requirer: Some(package) }
                }
                Some(tree) => {
                    let clauses = tree.map(|tree| normalize_requires(tree, &self.atoms(Some(package), false)));
                    // Recommends exclude nothing.
                    self.add_clauses_to(text, Some(package), ClauseKind::Recommends, clauses, &mut Vec::new());
                    continue;
                }
            };
            self.todo.push(entry);
        }
    }

    /// Whether none of the packages is installed and one of them could be.
    fn is_worth_following(&self, providers: &[u32]) -> bool {
        !providers.iter().any(|package| self.installed.contains(*package))
            && providers.iter().any(|package| !self.is_refused(*package))
    }

    fn take_supplements(&mut self) {
        for package in 0..self.pool.len() as u32 {
            let is_candidate = !self.pool.supplements_of(package).is_empty()
                && !self.installed.contains(package)
                && !self.is_refused(package);
            if !is_candidate {
                continue;
            }
            if let Some(dep) = self.fulfilled_supplement(package) {
                let entry = Todo { what: What::Dep(DepText::Pool(dep)), requirer: None };
                self.take(entry, package, Rule::Supplements);
            }
        }
    }

    /// Whether the installed packages ask for this one.
    pub(super) fn supplements(&self, package: u32) -> bool {
        self.fulfilled_supplement(package).is_some()
    }

    fn fulfilled_supplement(&self, package: u32) -> Option<u32> {
        let is_installed = |other: u32| self.installed.contains(other);
        self.pool.supplements_of(package).iter().copied().find(|dep| match self.pool.rich(*dep) {
            None => self.providers(DepText::Pool(*dep)).iter().any(|other| is_installed(*other)),
            Some(None) => false,
            Some(Some(tree)) => is_fulfilled(tree, &self.atoms(None, false), &is_installed),
        })
    }
}
