//! Reading the request: what it excludes, what it names, what it leaves open.

use std::borrow::Cow;

use pkg::PackageFormat;
use pkg::dep::{Constraint, Dependency, Rich, alternatives, is_rich};
use pkg::problem::DependencyProblem;

use super::{ClauseKind, DepText, Local, LocalAtom, LocalRich, Reason, Run, Todo, What};
use crate::config::NamedAlternatives;
use crate::pool::Pool;
use crate::pool::deps::RichNode;
use crate::request::Wish;
use crate::rich::{Clauses, all_providers, is_plain_choice, normalize_conflicts, normalize_requires};
use crate::rules::{Ignores, Rules};
use crate::trace::{Rule, Trace};

/// Reads all dependencies of a request: the direct ones, the indirect ones, then what it excludes.
pub(super) fn read_dependencies<'a>(pool: &'a Pool, rules: &'a Rules, wish: &Wish<'a>) -> Vec<Local<'a>> {
    let lists = [&wish.requires, &wish.indirect_requires, &wish.excludes, &wish.excludes_named];
    lists.into_iter().flatten().map(|text| read_dependency(pool, rules, text)).collect()
}

fn read_dependency<'a>(pool: &'a Pool, rules: &'a Rules, text: &'a str) -> Local<'a> {
    let text = text.trim();
    if is_rich(text) {
        let mut atoms = Vec::new();
        let tree = Rich::parse(text).map(|rich| {
            RichNode::from_rich(rich, &mut |atom: &str| {
                let providers = rules.providers_of_text(pool, atom).into_owned();
                atoms.push(LocalAtom { text: atom.to_owned(), providers });
                atoms.len() as u32 - 1
            })
        });
        let rich = Some(LocalRich { tree, atoms });
        return Local { text, rich, ..Local::default() };
    }
    let singles: Vec<Vec<u32>> = if text.contains('|') {
        alternatives(text).map(|single| rules.providers_of_text(pool, single).into_owned()).collect()
    } else {
        Vec::new()
    };
    Local { text, providers: rules.providers_of_text(pool, text), alternatives: singles, rich: None }
}

/// The text with Debian's `<<` and `>>`.
pub(crate) fn shown(format: PackageFormat, text: &str) -> String {
    if format != PackageFormat::Deb || !text.contains(['<', '>']) {
        return text.to_owned();
    }
    let show = |single: &str| match Dependency::parse(single) {
        Dependency { name, constraint: Some(Constraint { operator: Some(operator), version }) } => {
            format!("{name} {} {version}", operator.display(format))
        }
        _ => single.to_owned(),
    };
    alternatives(text).map(show).collect::<Vec<_>>().join(" | ")
}

/// What the configuration and the request ignore together.
pub(crate) fn ignores<'a>(pool: &Pool, rules: &'a Rules, wish: &Wish<'_>) -> Cow<'a, Ignores> {
    if wish.ignores.is_empty() && !wish.voids_config_ignores {
        return Cow::Borrowed(&rules.ignores);
    }
    let mut ignores = if wish.voids_config_ignores { Ignores::new(pool) } else { rules.ignores.clone() };
    for name in &wish.ignores {
        ignores.add_name(pool, name);
        if let Some((package, name)) = name.split_once(':') {
            ignores.add_scoped(pool, package, name);
        }
    }
    Cow::Owned(ignores)
}

impl<T: Trace> Run<'_, T> {
    /// Applies exclusions, decides for packages named by the request and queues everything else.
    pub(super) fn start(&mut self, wish: &Wish<'_>) {
        for package in &self.rules.excluded {
            self.exclude(*package, Reason::InConflict);
        }
        let direct = wish.requires.len();
        let indirect = direct + wish.indirect_requires.len();
        let excludes = indirect + wish.excludes.len();
        for local in indirect..self.locals.len() {
            self.apply_exclude(local as u32, local >= excludes);
        }
        let mut open = Vec::new();
        for local in 0..direct as u32 {
            if !self.take_named(local) {
                open.push(local);
            }
        }
        if let Some(native) = &mut self.native {
            native.push(super::Native::DirectsEnd);
        }
        open.extend(direct as u32..indirect as u32);
        for local in open {
            self.queue_local(local);
        }
        self.report_excluded_batch();
    }

    fn apply_exclude(&mut self, local: u32, named_only: bool) {
        let dependency = &self.locals[local as usize];
        if let Some(rich) = &dependency.rich {
            let clauses = rich.tree.as_ref().map(|tree| normalize_conflicts(tree, rich.atoms.as_slice()));
            self.add_clauses(DepText::Local(local), None, ClauseKind::Conflicts, clauses);
            return;
        }
        for package in dependency.providers.iter() {
            if !named_only || self.is_named(*package, dependency.text) {
                self.exclude(*package, Reason::InConflict);
            }
        }
    }

    fn is_named(&self, package: u32, text: &str) -> bool {
        let mut is_named = alternatives(text).map(|single| self.pool.is_named(package, &Dependency::parse(single)));
        match self.rules.named_alternatives {
            NamedAlternatives::Any => is_named.any(|is_named| is_named),
            NamedAlternatives::First => is_named.next() == Some(true),
        }
    }

    /// Decides for the only provider that has the very name and version asked for; false if there is none or several.
    ///
    /// Rule: that of [`NamedAlternatives`].
    fn take_named(&mut self, local: u32) -> bool {
        let dependency = &self.locals[local as usize];
        let mut providers = Cow::Borrowed(&*dependency.providers);
        let named: Vec<u32> = if let Some(rich) = &dependency.rich {
            if self.rules.named_alternatives == NamedAlternatives::First {
                return false;
            }
            let Some(tree) = rich.tree.as_ref().filter(|tree| is_plain_choice(tree)) else { return false };
            providers = Cow::Owned(all_providers(tree, rich.atoms.as_slice()));
            providers.iter().copied().filter(|package| self.is_rich_named(*package, tree, &rich.atoms)).collect()
        } else {
            providers.iter().copied().filter(|package| self.is_named(*package, dependency.text)).collect()
        };
        let [package] = named[..] else { return false };
        if providers.len() > 1 && self.excluded.contains(package) {
            return false;
        }
        let what = What::Dep(DepText::Local(local));
        self.take(Todo { what, requirer: None }, package, Rule::Named);
        true
    }

    fn is_rich_named(&self, package: u32, tree: &RichNode, atoms: &[LocalAtom]) -> bool {
        match tree {
            RichNode::Atom(atom) => atoms
                .get(*atom as usize)
                .is_some_and(|atom| self.pool.is_named(package, &Dependency::parse(&atom.text))),
            RichNode::Or(terms) => terms.iter().any(|term| self.is_rich_named(package, term, atoms)),
            RichNode::With(terms) => terms.iter().all(|term| self.is_rich_named(package, term, atoms)),
            RichNode::Without(one, other) => {
                self.is_rich_named(package, one, atoms) && !self.is_rich_named(package, other, atoms)
            }
            _ => false,
        }
    }

    fn queue_local(&mut self, local: u32) {
        let text = DepText::Local(local);
        let Some(rich) = &self.locals[local as usize].rich else {
            self.todo.push(Todo { what: What::Dep(text), requirer: None });
            return;
        };
        let clauses = rich.tree.as_ref().map(|tree| normalize_requires(tree, rich.atoms.as_slice()));
        self.add_clauses(text, None, ClauseKind::Requires, clauses);
    }

    /// Turns the normal form of a rich dependency into clauses and looks at each of them.
    ///
    /// `clauses` is none for a dependency that can not be parsed. Exclusions that follow apply at once.
    pub(super) fn add_clauses(
        &mut self,
        text: DepText,
        requirer: Option<u32>,
        kind: ClauseKind,
        clauses: Option<Clauses>,
    ) {
        let mut fresh = Vec::new();
        self.add_clauses_to(text, requirer, kind, clauses, &mut fresh);
        super::install::keep_last_reasons(&mut fresh);
        for (package, reason) in fresh {
            self.exclude(package, reason);
        }
    }

    /// As [`Self::add_clauses`], with the exclusions left to the caller.
    pub(super) fn add_clauses_to(
        &mut self,
        text: DepText,
        requirer: Option<u32>,
        kind: ClauseKind,
        clauses: Option<Clauses>,
        fresh: &mut Vec<(u32, Reason)>,
    ) {
        let package = requirer.map(|package| self.package_name(package));
        match clauses {
            None | Some(Clauses::TooLarge) => {
                self.problems.push(DependencyProblem::Unparsable { dependency: self.text(text), package });
            }
            Some(Clauses::True) => {}
            Some(Clauses::False) => match kind {
                ClauseKind::Recommends => {}
                ClauseKind::Requires => self.report_missing(What::Dep(text), requirer),
                ClauseKind::Conflicts => {
                    self.problems.push(DependencyProblem::AlwaysConflicting { dependency: self.text(text), package });
                }
            },
            Some(Clauses::All(clauses)) => {
                for clause in clauses {
                    let id = self.add_clause(text, requirer, kind, clause);
                    self.evaluate_clause(id, true, fresh);
                }
            }
        }
    }
}
