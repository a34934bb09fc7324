//! A configuration compiled against a pool: names become numbers, lists become look-ups.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::bits::BitSet;
use crate::config::{ExpandConfig, NamedAlternatives};
use crate::pool::{Pool, Providers};

/// How weak and file dependencies are treated; configuration and request can switch each on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Conflicts and obsoletes of packages do not count.
    pub ignore_conflicts: bool,
    /// A required path that nothing provides is a problem.
    pub keep_file_requires: bool,
    /// Recommended packages are taken as well.
    pub do_recommends: bool,
    /// Packages that supplement taken ones are taken as well.
    pub do_supplements: bool,
}

impl Options {
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            ignore_conflicts: self.ignore_conflicts || other.ignore_conflicts,
            keep_file_requires: self.keep_file_requires || other.keep_file_requires,
            do_recommends: self.do_recommends || other.do_recommends,
            do_supplements: self.do_supplements || other.do_supplements,
        }
    }
}

/// Names of dependencies and packages that are not followed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignores {
    /// By name number.
    pub(crate) names: BitSet,
    /// By package and name number.
    pub(crate) scoped: FxHashSet<(u32, u32)>,
}

impl Ignores {
    pub(crate) fn new(pool: &Pool) -> Self {
        Self { names: BitSet::new(pool.name_count()), scoped: FxHashSet::default() }
    }

    pub(crate) fn add_name(&mut self, pool: &Pool, name: &str) {
        if let Some(name) = pool.find_name(name) {
            self.names.insert(name);
        }
    }

    pub(crate) fn add_scoped(&mut self, pool: &Pool, package: &str, name: &str) {
        if let (Some(package), Some(name)) = (pool.find(package), pool.find_name(name)) {
            self.scoped.insert((package.0, name));
        }
    }

    /// Whether `name` is ignored, either always or for `package`.
    #[inline]
    pub(crate) fn contains(&self, package: Option<u32>, name: u32) -> bool {
        self.names.contains(name)
            || (!self.scoped.is_empty() && package.is_some_and(|package| self.scoped.contains(&(package, name))))
    }
}

/// Preferences among providers.
#[derive(Debug, Default)]
pub(crate) struct Prefers {
    plain: FxHashMap<u32, u32>,
    scoped: FxHashMap<(u32, u32), u32>,
    avoided: FxHashSet<u32>,
    scoped_avoided: FxHashSet<(u32, u32)>,
}

impl Prefers {
    /// Only plain names have scopes: `-p:q` avoids q for p, while `p:-q` names nothing.
    fn compile(pool: &Pool, entries: &[String]) -> Self {
        let mut prefers = Self::default();
        for (rank, entry) in (0_u32..).zip(entries) {
            let (avoid, entry) = entry.strip_prefix('-').map_or((false, entry.as_str()), |rest| (true, rest));
            let scoped =
                entry.split_once(':').and_then(|(package, name)| Some((pool.find(package)?.0, pool.find(name)?.0)));
            let plain = pool.find(entry).map(|package| package.0);
            match (scoped, plain) {
                (Some(pair), _) if avoid => _ = prefers.scoped_avoided.insert(pair),
                (Some(pair), _) => _ = prefers.scoped.entry(pair).or_insert(rank),
                (None, Some(package)) if avoid => _ = prefers.avoided.insert(package),
                (None, Some(package)) => _ = prefers.plain.entry(package).or_insert(rank),
                (None, None) => {}
            }
        }
        prefers
    }

    pub(crate) fn avoids(&self, requirer: Option<u32>, package: u32) -> bool {
        self.avoided.contains(&package)
            || requirer.is_some_and(|requirer| self.scoped_avoided.contains(&(requirer, package)))
    }

    /// The place in the list of the entry that prefers `package`, if there is one.
    pub(crate) fn rank(&self, requirer: Option<u32>, package: u32) -> Option<u32> {
        let scoped = || self.scoped.get(&(requirer?, package));
        self.plain.get(&package).or_else(scoped).copied()
    }
}

/// All rules of a configuration, by package and name number.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) ignores: Ignores,
    pub(crate) prefers: Prefers,
    /// Packages that must never be taken.
    pub(crate) excluded: Vec<u32>,
    /// Packages that exclude each other.
    conflicts: FxHashMap<u32, Vec<u32>>,
    /// Providers of paths named by `FileProvides`, by name number, together with those the packages declare.
    file_provides: FxHashMap<u32, Vec<u32>>,
    /// The same for paths that no package mentions.
    other_file_provides: FxHashMap<String, Vec<u32>>,
    pub(crate) options: Options,
    pub(crate) named_alternatives: NamedAlternatives,
}

impl Rules {
    pub(crate) fn compile(pool: &Pool, config: &ExpandConfig) -> Self {
        let mut rules = Self {
            ignores: compile_ignores(pool, &config.ignore),
            prefers: Prefers::compile(pool, &config.prefer),
            excluded: Vec::new(),
            conflicts: FxHashMap::default(),
            file_provides: FxHashMap::default(),
            other_file_provides: FxHashMap::default(),
            options: Options {
                ignore_conflicts: config.has_flag("ignoreconflicts"),
                keep_file_requires: config.has_flag("keepfilerequires") || pool.format() != pkg::PackageFormat::Rpm,
                do_recommends: config.has_flag("dorecommends"),
                do_supplements: config.has_flag("dosupplements"),
            },
            named_alternatives: config.named_alternatives,
        };
        for entry in &config.conflict {
            rules.add_conflict(pool, entry);
        }
        for (path, packages) in &config.file_provides {
            rules.add_file_provides(pool, path, packages);
        }
        rules
    }

    fn add_conflict(&mut self, pool: &Pool, entry: &str) {
        let mut names = entry.split([':', ',']);
        let first = names.next().and_then(|name| pool.find(name));
        let Some(first) = first else { return };
        if !entry.contains([':', ',']) {
            self.excluded.push(first.0);
            return;
        }
        for second in names.filter_map(|name| pool.find(name)) {
            for (one, other) in [(first.0, second.0), (second.0, first.0)] {
                let partners = self.conflicts.entry(one).or_default();
                // A package named twice does not conflict with itself.
                if one != other && !partners.contains(&other) {
                    partners.push(other);
                }
            }
        }
    }

    fn add_file_provides(&mut self, pool: &Pool, path: &str, packages: &[String]) {
        let mut providers: Vec<u32> = packages.iter().filter_map(|name| pool.find(name)).map(|id| id.0).collect();
        let name = pool.find_name(path);
        providers.extend(name.map_or(&[][..], |name| pool.providers_of_name(name)));
        providers.sort_unstable();
        providers.dedup();
        if let Some(name) = name {
            self.file_provides.insert(name, providers);
        } else {
            self.other_file_provides.insert(path.to_owned(), providers);
        }
    }

    pub(crate) fn conflicts_of(&self, package: u32) -> &[u32] {
        if self.conflicts.is_empty() {
            return &[];
        }
        self.conflicts.get(&package).map_or(&[], Vec::as_slice)
    }

    /// The providers of a dependency of the pool under this configuration.
    pub(crate) fn providers<'a>(&'a self, pool: &'a Pool, dep: u32) -> Providers<'a> {
        if !self.file_provides.is_empty()
            && pool.deps().kind(dep).is_path()
            && let Some(providers) = self.file_provides.get(&pool.deps().name(dep))
        {
            return Providers::Borrowed(providers);
        }
        pool.providers_of(dep)
    }

    /// The providers of a plain dependency or list of alternatives given as text, sorted.
    pub(crate) fn providers_of_text<'a>(&'a self, pool: &'a Pool, text: &str) -> Providers<'a> {
        if text.starts_with('/') {
            let known = pool.find_name(text).and_then(|name| self.file_provides.get(&name));
            if let Some(providers) = known.or_else(|| self.other_file_provides.get(text)) {
                return Providers::Borrowed(providers);
            }
        }
        pool.providers_of_text(text)
    }
}

fn compile_ignores(pool: &Pool, entries: &[String]) -> Ignores {
    let mut ignores = Ignores::new(pool);
    for entry in entries {
        if !entry.contains(':') {
            ignores.add_name(pool, entry);
            continue;
        }
        let mut words = entry.split([':', ',']);
        let package = words.next().unwrap_or_default();
        for name in words {
            ignores.add_scoped(pool, package, name);
        }
    }
    ignores
}
