//! From the numbers the expander told to an explanation with names.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::conflicts::Conflicts;
use super::types::{Asker, Candidate, ConfigLine, DropReason, Dropped, LineOrigin, Link, MAX_CANDIDATES, Trouble, Why};
use crate::expander::Expander;
use crate::pool::{PackageId, Pool};
use crate::request::Wish;
use crate::rules::{Ignores, Rules};
use crate::sets::BuildRequest;
use crate::trace::{Cause, DependencyRef, Derivation, Rule};

/// Finds the line of the configuration with an entry, by keyword without colon and entry.
pub type LineFinder<'a> = &'a dyn Fn(&str, &str) -> Option<LineOrigin>;

/// What an explanation needs besides the request.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// A package or dependency to tell more about.
    pub dependency: Option<&'a str>,
    /// Finds lines of the configuration.
    pub line: LineFinder<'a>,
    /// Names the repository a package comes from.
    pub repository: &'a dyn Fn(PackageId) -> Option<String>,
    /// Whether fixes are to be looked for; that takes some dozens of expansions.
    pub with_fixes: bool,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self { dependency: None, line: &|_, _| None, repository: &|_| None, with_fixes: true }
    }
}

impl Expander<'_> {
    /// Explains what [`build_set`](Self::build_set) answers. The same arguments give the same explanation.
    #[must_use]
    pub fn why(&self, request: &BuildRequest, asked: Asked<'_>) -> Why {
        let wish = match self.build_wish(request) {
            Ok(wish) => wish,
            Err(problem) => {
                let needed_by = Some(Asker::Preinstall);
                return Why { problems: vec![Trouble::bare(problem, needed_by)], ..Why::default() };
            }
        };
        let mut derivation = Derivation::default();
        let result = self.expand_wish(&wish, &mut derivation);
        let explainer = Explainer::new(self, request, wish, &derivation, asked);
        let mut why = Why {
            taken: explainer.links(),
            dropped: explainer.dropped(),
            focus: asked.dependency.map(|dependency| explainer.focus(dependency)),
            ..Why::default()
        };
        if let Err(problems) = result {
            why.problems = problems.into_iter().map(|problem| explainer.trouble(problem)).collect();
            if asked.with_fixes {
                explainer.add_fixes(&mut why);
            }
        }
        why
    }
}

/// One traced expansion with everything that is needed to read it.
pub(super) struct Explainer<'a> {
    pub(super) expander: &'a Expander<'a>,
    pub(super) pool: &'a Pool,
    pub(super) rules: &'a Rules,
    pub(super) request: &'a BuildRequest,
    pub(super) wish: Wish<'a>,
    pub(super) ignores: Cow<'a, Ignores>,
    pub(super) steps: &'a [(PackageId, Cause)],
    /// Place of each package in `steps`.
    pub(super) places: FxHashMap<u32, usize>,
    pub(super) conflicts: Conflicts,
    pub(super) asked: Asked<'a>,
}

impl<'a> Explainer<'a> {
    fn new(
        expander: &'a Expander<'a>,
        request: &'a BuildRequest,
        wish: Wish<'a>,
        derivation: &'a Derivation,
        asked: Asked<'a>,
    ) -> Self {
        let (pool, rules, steps) = (expander.pool, expander.rules(), derivation.steps());
        Self {
            expander,
            pool,
            rules,
            request,
            ignores: crate::run::ignores(pool, rules, &wish),
            conflicts: Conflicts::new(pool, rules, &wish, steps),
            wish,
            steps,
            places: steps.iter().enumerate().map(|(place, (package, _))| (package.0, place)).collect(),
            asked,
        }
    }

    fn links(&self) -> Vec<Link> {
        self.steps.iter().map(|(package, cause)| self.link(*package, cause)).collect()
    }

    /// A decision with names.
    pub(super) fn link(&self, package: PackageId, cause: &Cause) -> Link {
        let (needed_by, needed_by_line) = self.asker(cause.requirer, cause.dependency);
        Link {
            package: self.pool.name(package).to_owned(),
            version: self.pool.evr(package).to_owned(),
            repository: (self.asked.repository)(package),
            needed_by,
            needed_by_line,
            dependency: self.text(cause.dependency),
            rule: cause.rule,
            others: self.others(package, cause),
            rule_line: self.rule_line(package, cause),
        }
    }

    /// The dependency as messages show it.
    pub(super) fn text(&self, dependency: DependencyRef) -> String {
        match dependency {
            DependencyRef::OfPackage(dep) => self.pool.dep_text(dep),
            DependencyRef::OfRequest(place) => crate::run::shown(self.pool.format(), self.wish_text(place)),
        }
    }

    /// An item of the request: the direct ones are numbered before the indirect ones.
    fn wish_text(&self, place: u32) -> &'a str {
        self.wish_items().nth(place as usize).unwrap_or_default()
    }

    pub(super) fn wish_items(&self) -> impl Iterator<Item = &'a str> {
        self.wish.requires.iter().chain(&self.wish.indirect_requires).map(|item| item.trim())
    }

    /// The packages that provide a dependency; none for rich ones, whose candidates depend on what is there.
    pub(super) fn providers(&self, dependency: DependencyRef) -> Vec<u32> {
        match dependency {
            DependencyRef::OfPackage(dep) => self.rules.providers(self.pool, dep).into_owned(),
            DependencyRef::OfRequest(place) => {
                self.rules.providers_of_text(self.pool, self.wish_text(place)).into_owned()
            }
        }
    }

    fn others(&self, package: PackageId, cause: &Cause) -> Vec<Candidate> {
        if matches!(cause.rule, Rule::Named | Rule::Only) {
            return Vec::new();
        }
        let upto = self.places.get(&package.0).copied().unwrap_or(self.steps.len());
        let others = self.providers(cause.dependency).into_iter().filter(|other| *other != package.0);
        others
            .take(MAX_CANDIDATES)
            .map(|other| Candidate {
                package: self.pool.name(PackageId(other)).to_owned(),
                refused: self.refusal(cause.requirer, other, upto),
            })
            .collect()
    }

    fn refusal(&self, requirer: Option<PackageId>, package: u32, upto: usize) -> Option<String> {
        let conflict = self.conflict_of(package, upto).map(|reason| self.conflict_text(reason));
        conflict.or_else(|| {
            let requirer = requirer.map(|requirer| requirer.0);
            let is_avoided = self.rules.prefers.avoids(requirer, package);
            is_avoided.then(|| self.avoiding_line(requirer, package)).flatten().map(|line| line.to_string())
        })
    }

    /// The line that settled a decision.
    fn rule_line(&self, package: PackageId, cause: &Cause) -> Option<ConfigLine> {
        let requirer = cause.requirer.map(|requirer| requirer.0);
        match cause.rule {
            Rule::Preferred => {
                let rank = self.rules.prefers.rank(requirer, package.0)?;
                Some(self.line("Prefer", self.expander.config.prefer.get(rank as usize)?))
            }
            Rule::OthersAvoided => {
                let others = self.providers(cause.dependency);
                let mut others = others.into_iter().filter(|other| *other != package.0);
                others.find_map(|other| self.avoiding_line(requirer, other))
            }
            Rule::OthersConflict => {
                let upto = self.places.get(&package.0).copied().unwrap_or(self.steps.len());
                let others = self.providers(cause.dependency);
                let mut others = others.into_iter().filter(|other| *other != package.0);
                others.find_map(|other| self.conflict_line(other, self.conflict_of(other, upto)?))
            }
            _ => {
                let text = self.text(cause.dependency);
                let providers = self.expander.config.file_provides.get(&text)?;
                providers.iter().any(|name| name == self.pool.name(package)).then(|| self.line("FileProvides", &text))
            }
        }
    }

    /// The `Prefer: -x` line that speaks against a package.
    fn avoiding_line(&self, requirer: Option<u32>, package: u32) -> Option<ConfigLine> {
        let name = self.pool.name(PackageId(package));
        let scoped = requirer.map(|requirer| format!("{}:{name}", self.pool.name(PackageId(requirer))));
        let speaks = |entry: &&String| {
            entry.strip_prefix('-').is_some_and(|rest| rest == name || scoped.as_deref() == Some(rest))
        };
        self.expander.config.prefer.iter().find(speaks).map(|entry| self.line("Prefer", entry))
    }

    pub(super) fn line(&self, keyword: &str, entry: &str) -> ConfigLine {
        ConfigLine { text: format!("{keyword}: {entry}"), origin: (self.asked.line)(keyword, entry) }
    }

    /// Who has a dependency, and the line if it is the configuration.
    pub(super) fn asker(&self, requirer: Option<PackageId>, dependency: DependencyRef) -> (Asker, Option<ConfigLine>) {
        match (requirer, dependency) {
            (Some(package), _) => (Asker::Package { name: self.pool.name(package).to_owned() }, None),
            (None, DependencyRef::OfPackage(_)) => (Asker::Weak, None),
            (None, DependencyRef::OfRequest(place)) => self.asker_of_item(self.wish_text(place)),
        }
    }

    /// Who asks for an item of the request: the first of recipe, its kind, Preinstall, Required, Support, Substitute.
    pub(super) fn asker_of_item(&self, item: &str) -> (Asker, Option<ConfigLine>) {
        let config = self.expander.config;
        let has = |list: &[String]| list.iter().any(|entry| entry.trim() == item);
        if has(&self.request.dependencies) {
            return (Asker::Recipe, None);
        }
        let kind = self.expander.build_packages();
        if kind.contains(&item) {
            let key = format!("build-packages:{}", config.build_type);
            let line = config.substitute.contains_key(&key).then(|| self.line("Substitute", &key));
            return (Asker::BuildPackages, line);
        }
        let preinstall = self.expander.preinstalls().map(|lists| lists.preinstall.as_slice()).unwrap_or_default();
        let lists = [
            (Asker::Preinstall, "Preinstall", preinstall),
            (Asker::Required, "Required", &config.required),
            (Asker::Support, "Support", &config.support),
        ];
        for (asker, keyword, list) in lists {
            if has(list) {
                return (asker, Some(self.line(keyword, item)));
            }
        }
        self.substituted_item(item).unwrap_or((Asker::Recipe, None))
    }

    fn substituted_item(&self, item: &str) -> Option<(Asker, Option<ConfigLine>)> {
        let config = self.expander.config;
        let kind = self.expander.build_packages();
        let recipe = self.request.dependencies.iter().map(String::as_str);
        let lists = config.preinstall.iter().chain(&config.required).chain(&config.support).map(String::as_str);
        let mut all = recipe.chain(kind).chain(lists);
        let of = all.find(|original| {
            *original != item && config.substitute(&[(*original).to_owned()]).iter().any(|new| new == item)
        })?;
        let name = of.split([' ', '<', '=', '>']).next().unwrap_or(of);
        Some((Asker::Substitute { of: of.to_owned() }, Some(self.line("Substitute", name))))
    }

    /// Dependencies that are not followed and that nothing in the root provides.
    fn dropped(&self) -> Vec<Dropped> {
        let mut dropped = self.dropped_items();
        for (package, _) in self.steps {
            for dep in self.pool.requires_of(package.0) {
                let kind = self.pool.deps().kind(*dep);
                let providers = self.rules.providers(self.pool, *dep);
                if kind.is_rich() || kind.is_rpmlib() || providers.iter().any(|other| self.places.contains_key(other)) {
                    continue;
                }
                let names = providers.iter().map(|provider| self.pool.name_number(*provider));
                let mut names = std::iter::once(self.pool.deps().name(*dep)).chain(names);
                let Some(name) = names.find(|name| self.ignores.contains(Some(package.0), *name)) else { continue };
                let line = self.ignoring_line(*package, name);
                dropped.push(Dropped {
                    dependency: self.pool.dep_text(*dep),
                    needed_by: Asker::Package { name: self.pool.name(*package).to_owned() },
                    reason: if line.is_some() { DropReason::Ignored } else { DropReason::LeftOut },
                    line,
                });
            }
        }
        dropped
    }

    /// What the recipe asks for and the request has no more.
    fn dropped_items(&self) -> Vec<Dropped> {
        let kept: Vec<&str> = self.wish_items().collect();
        let asked = self.request.dependencies.iter().map(|item| item.trim());
        let gone = asked.filter(|item| !item.starts_with(['-', '!']) && !kept.contains(item));
        gone.map(|item| {
            let name = item.split([' ', '<', '=', '>']).next().unwrap_or(item);
            let is_substituted = self.expander.config.substitute.contains_key(name);
            Dropped {
                dependency: item.to_owned(),
                needed_by: Asker::Recipe,
                reason: if is_substituted { DropReason::Substituted } else { DropReason::LeftOut },
                line: is_substituted.then(|| self.line("Substitute", name)),
            }
        })
        .collect()
    }

    /// The `Ignore` line that leaves a name out for a package.
    fn ignoring_line(&self, package: PackageId, name: u32) -> Option<ConfigLine> {
        if self.wish.voids_config_ignores {
            return None;
        }
        let (package, name) = (self.pool.name(package), self.pool.name_of_number(name));
        let ignores = |entry: &&String| match entry.split_once(':') {
            None => entry.as_str() == name,
            Some((scope, names)) => scope == package && names.split([':', ',']).any(|one| one == name),
        };
        self.expander.config.ignore.iter().find(ignores).map(|entry| self.line("Ignore", entry))
    }
}
