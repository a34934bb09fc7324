//! Which sources a changed package can concern, without expanding any of them.

use pkg::dep::{Dependency, Rich, alternatives, is_rich};
use rustc_hash::FxHashMap;

use crate::expander::Expander;
use crate::pool::deps::RichNode;
use crate::pool::{Csr, PackageId, Pool};
use crate::sets::BuildRequest;

/// Who uses what: made once from the last results of all sources, asked whenever a package changes.
///
/// Sources have the numbers of their places in the lists given to [`new`](Self::new).
#[derive(Debug)]
pub struct Users {
    /// Sources whose set has a package.
    of_package: Csr,
    /// Packages that mention a name in any of their lists.
    of_name: Csr,
    /// Sources whose request mentions a name.
    requests: FxHashMap<Box<str>, Vec<u32>>,
    /// Sources whose last result was a problem: any new package may help.
    unresolved: Vec<u32>,
    /// Packages that are in every root, though not in the sets.
    everywhere: Vec<u32>,
    /// Names every request has.
    always: Vec<Box<str>>,
    sources: u32,
}

/// What a change concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// Sources to look at again, in order; all others keep their result.
    pub sources: Vec<u32>,
    /// How many entries of the index were looked at: the cost of the question.
    pub looked_at: usize,
}

impl Users {
    /// Notes what each source asked for and the trigger set it got; nothing for one with problems.
    #[must_use]
    pub fn new<Set: AsRef<[PackageId]>>(
        expander: &Expander<'_>,
        requests: &[BuildRequest],
        sets: &[Option<Set>],
    ) -> Self {
        let pool = expander.pool();
        let mut pairs = Vec::new();
        let mut unresolved = Vec::new();
        let mut by_name: FxHashMap<Box<str>, Vec<u32>> = FxHashMap::default();
        for (source, request) in (0_u32..).zip(requests) {
            match sets.get(source as usize) {
                Some(Some(set)) => pairs.extend(set.as_ref().iter().map(|package| (package.0, source))),
                _ => unresolved.push(source),
            }
            for item in &request.dependencies {
                for_each_name(item, &mut |name| {
                    let sources = by_name.entry(name.into()).or_default();
                    if sources.last() != Some(&source) {
                        sources.push(source);
                    }
                });
            }
        }
        let config = expander.config;
        let lists = [&config.required, &config.support, &config.preinstall].into_iter().flatten();
        let mut always = Vec::new();
        for item in config.substitute(&lists.cloned().collect::<Vec<_>>()) {
            for_each_name(&item, &mut |name| always.push(name.into()));
        }
        Self {
            of_package: Csr::grouped(pool.len(), &pairs),
            of_name: mentions(pool),
            requests: by_name,
            unresolved,
            everywhere: pool.packages().map(|id| id.0).filter(|id| expander.untriggering.contains(*id)).collect(),
            always,
            sources: requests.len() as u32,
        }
    }

    /// The sources to rebuild if a package changes its content and nothing else: those whose trigger set has it.
    #[must_use]
    pub fn of_content(&self, package: PackageId) -> Affected {
        let sources =
            if package.0 < self.of_package.rows() { self.of_package.row(package.0).to_vec() } else { Vec::new() };
        Affected { looked_at: sources.len(), sources }
    }

    /// The sources whose result can be another one once a package has come, gone or changed what it says of itself.
    ///
    /// `pool` is the one the index was made from. `name` is the package's; `provides` holds all it provides and provided,
    /// as dependencies. Sources with problems always count. With `dosupplements`, a package with supplements of its own
    /// can concern any source and must be asked for by those as well.
    #[must_use]
    pub fn of_change<'a>(&self, pool: &Pool, name: &str, provides: impl IntoIterator<Item = &'a str>) -> Affected {
        let mut hit = vec![false; self.sources as usize];
        let mut looked_at = 0;
        let mut mark = |sources: &[u32], looked_at: &mut usize| {
            *looked_at += sources.len();
            for source in sources {
                if let Some(hit) = hit.get_mut(*source as usize) {
                    *hit = true;
                }
            }
        };
        let own = pool.find(name).map(|package| package.0);
        let mut is_everywhere = own.is_some_and(|package| self.everywhere.contains(&package));
        if let Some(package) = own {
            mark(self.of_package.row(package), &mut looked_at);
        }
        mark(&self.unresolved, &mut looked_at);
        let names = provides.into_iter().map(|provided| Dependency::parse(provided).name).chain([name]);
        for name in names {
            is_everywhere |= self.always.iter().any(|always| **always == *name);
            mark(self.requests.get(name).map_or(&[], Vec::as_slice), &mut looked_at);
            let askers = pool.find_name(name).map_or(&[][..], |name| self.of_name.row(name));
            looked_at += askers.len();
            for asker in askers {
                is_everywhere |= self.everywhere.binary_search(asker).is_ok();
                mark(self.of_package.row(*asker), &mut looked_at);
            }
        }
        let sources =
            (0..self.sources).filter(|source| is_everywhere || hit.get(*source as usize) == Some(&true)).collect();
        Affected { sources, looked_at }
    }
}

/// For each name the packages that mention it, each once.
fn mentions(pool: &Pool) -> Csr {
    let mut pairs = Vec::new();
    for package in 0..pool.len() as u32 {
        let start = pairs.len();
        let lists = [pool.requires_of(package), pool.conflicts_of(package), pool.recommends_of(package)];
        for dep in lists.into_iter().flatten().chain(pool.supplements_of(package)) {
            let mut mention = |dep: u32| pairs.push((pool.deps().name(dep), package));
            match (pool.rich(*dep), pool.deps().alternatives(*dep)) {
                (Some(tree), _) => tree.into_iter().for_each(|tree| RichNode::for_each_atom(tree, &mut mention)),
                (None, []) => mention(*dep),
                (None, singles) => singles.iter().copied().for_each(mention),
            }
        }
        if let Some(new) = pairs.get_mut(start..) {
            new.sort_unstable();
        }
    }
    pairs.dedup();
    Csr::grouped(pool.name_count(), &pairs)
}

/// The names in an item of a request.
/// Visits every name that an item of a request mentions, in any of its alternatives and conditions.
pub fn for_each_name(item: &str, visit: &mut impl FnMut(&str)) {
    let item = item.trim_start_matches(['!', '-']).trim();
    if is_rich(item) {
        if let Some(rich) = Rich::parse(item) {
            let mut names = Vec::new();
            _ = RichNode::from_rich(rich, &mut |atom: &str| {
                names.push(Dependency::parse(atom).name.to_owned());
                0
            });
            names.iter().for_each(|name| visit(name));
        }
        return;
    }
    for single in alternatives(item) {
        let name = Dependency::parse(single).name;
        visit(name.strip_suffix(":any").unwrap_or(name));
    }
}
