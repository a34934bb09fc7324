//! What is behind a problem.

use pkg::dep::{Dependency, alternatives};
use pkg::problem::{DependencyProblem, Exclusion};

use super::chains::Proofs;
use super::explain::Explainer;
use super::near::near_names;
use super::types::{Asker, ConfigLine, Hint, Link, Trouble};

/// Chains that are shown for one problem.
const MOST_CHAINS: usize = 6;

impl Trouble {
    /// A problem with nothing behind it.
    pub(super) fn bare(problem: DependencyProblem, needed_by: Option<Asker>) -> Self {
        Self {
            message: problem.to_string(),
            problem,
            needed_by,
            needed_by_line: None,
            chains: Vec::new(),
            lines: Vec::new(),
            hints: Vec::new(),
            fixes: Vec::new(),
        }
    }
}

impl Explainer<'_> {
    pub(super) fn trouble(&self, problem: DependencyProblem) -> Trouble {
        let mut trouble = Trouble::bare(problem.clone(), None);
        let proofs = self.proofs();
        match &problem {
            DependencyProblem::NothingProvides { dependency, needed_by, found } => {
                self.add_asker(&mut trouble, &proofs, dependency, needed_by.as_deref());
                if found.is_empty() {
                    let names = alternatives(dependency).map(|single| Dependency::parse(single).name);
                    let near = names.flat_map(|name| near_names(self.pool, name));
                    trouble.hints = near.map(|name| Hint::Near { name }).collect();
                }
            }
            DependencyProblem::Choice { dependency, needed_by, .. } => {
                self.add_asker(&mut trouble, &proofs, dependency, needed_by.as_deref());
            }
            DependencyProblem::ProvidersConflict { dependency, needed_by, refused } => {
                self.add_asker(&mut trouble, &proofs, dependency, needed_by.as_deref());
                for refused in refused {
                    self.add_exclusion(&mut trouble, &proofs, &refused.package, &refused.reason);
                }
            }
            DependencyProblem::Excluded { package, reason } => {
                self.add_chain(&mut trouble, &proofs, package);
                self.add_exclusion(&mut trouble, &proofs, package, reason);
            }
            DependencyProblem::Conflict { package, with } => {
                package.iter().chain([with]).for_each(|name| self.add_chain(&mut trouble, &proofs, name));
                let line = package.as_ref().and_then(|package| self.conflict_line_of(package, Some(with)));
                trouble.lines.extend(line);
            }
            DependencyProblem::Obsoletes { package, with } => {
                [package, with].into_iter().for_each(|name| self.add_chain(&mut trouble, &proofs, name));
            }
            DependencyProblem::Unparsable { dependency, package }
            | DependencyProblem::AlwaysConflicting { dependency, package } => {
                self.add_asker(&mut trouble, &proofs, dependency, package.as_deref());
            }
            DependencyProblem::Preinstalls(_) | DependencyProblem::VmInstalls(_) => {
                trouble.needed_by = Some(Asker::Preinstall);
            }
        }
        trouble
    }

    /// Notes who has the dependency and how that one came in.
    fn add_asker(&self, trouble: &mut Trouble, proofs: &Proofs, dependency: &str, needed_by: Option<&str>) {
        if let Some(name) = needed_by {
            trouble.needed_by = Some(Asker::Package { name: name.to_owned() });
            self.add_chain(trouble, proofs, name);
            return;
        }
        let shown = |item: &&str| crate::run::shown(self.pool.format(), item) == dependency;
        let item = self.wish_items().find(shown).unwrap_or(dependency);
        let (asker, line): (Asker, Option<ConfigLine>) = self.asker_of_item(item);
        trouble.needed_by = Some(asker);
        trouble.needed_by_line = line;
    }

    fn add_chain(&self, trouble: &mut Trouble, proofs: &Proofs, package: &str) {
        let Some(package) = self.pool.find(package) else { return };
        let chain: Vec<Link> = self.chain(proofs, package);
        if !chain.is_empty() && trouble.chains.len() < MOST_CHAINS && !trouble.chains.contains(&chain) {
            trouble.chains.push(chain);
        }
    }

    /// Adds what rules a package out.
    fn add_exclusion(&self, trouble: &mut Trouble, proofs: &Proofs, package: &str, reason: &Exclusion) {
        let line = match reason {
            Exclusion::InConflict => self.conflict_line_of(package, None),
            Exclusion::InConflictWith(other)
            | Exclusion::ObsoletedBy(other)
            | Exclusion::ConflictsWith(other)
            | Exclusion::Obsoletes(other) => {
                self.add_chain(trouble, proofs, other);
                self.conflict_line_of(package, Some(other))
            }
            Exclusion::ConflictsWithDependency { needed_by, .. } => {
                needed_by.iter().for_each(|name| self.add_chain(trouble, proofs, name));
                None
            }
        };
        trouble.lines.extend(line);
    }
}
