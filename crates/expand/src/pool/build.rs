//! Collecting packages into a pool.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use pkg::version::compare;
use pkg::{MultiArch, PackageFormat, PackageMeta};

use super::csr::Csr;
use super::deps::{DepInterner, RichNode};
use super::strings::StringTable;
use super::view::{PackageId, Pool, Target};

/// Names with more providers than this do not get a list for each version asked for.
const MAX_EAGER_PROVIDERS: usize = 256;

/// The lists of dependency numbers of one package: places among its rows of [`PoolBuilder::lists`].
const PROVIDES: u32 = 0;
const REQUIRES: u32 = 1;
const CONFLICTS: u32 = 2;
const OBSOLETES: u32 = 3;
const RECOMMENDS: u32 = 4;
const SUPPLEMENTS: u32 = 5;

/// A package that is, so far, the best of its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) name: u32,
    pub(super) version: u32,
    pub(super) arch: u16,
    pub(super) source: u32,
    pub(super) token: u32,
    pub(super) repository: u16,
    pub(super) multi_arch: MultiArch,
    /// Whether it belongs to a module (one that is enabled: others are not kept).
    pub(super) is_modular: bool,
    /// The first of its rows of [`PoolBuilder::lists`].
    pub(super) lists: u32,
}

impl Candidate {
    fn list<'a>(&self, lists: &'a Csr, place: u32) -> &'a [u32] {
        lists.row(self.lists + place)
    }
}

/// Collects packages into a [`Pool`].
///
/// Of each name one package is kept: the one of the repository with the lowest index; inside a repository one of an
/// enabled module; then the highest version; of equal versions the larger spelling; of the same version a package for all
/// architectures before one for a particular one; else the larger architecture name. The others contribute nothing, not
/// even provides. Packages of architecture `src` and `nosrc` are skipped, and those of modules none of which is enabled.
///
/// Unordered repositories: instead of the index the priority decides, the higher one wins; the index (here the highest
/// one) only decides between packages that are equal in everything else.
///
/// Which package of a name is kept does not depend on the order of the calls, so a distribution can be read once and
/// finished many times, each time a clone with a few more packages.
///
/// Rule: `createwhatprovides` of perl-BSSolv.
#[derive(Debug, Clone)]
pub struct PoolBuilder {
    pub(super) format: PackageFormat,
    pub(super) interner: DepInterner,
    pub(super) arches: StringTable,
    pub(super) candidates: Vec<Candidate>,
    /// Dependency numbers, a few rows a candidate; those of candidates that lost stay unused.
    pub(super) lists: Csr,
    /// The candidate of each name, or `u32::MAX`.
    pub(super) best: Vec<u32>,
    pub(super) tokens: u32,
    pub(super) is_unordered: bool,
    /// Of repositories that have one; 0 for all others.
    pub(super) priorities: BTreeMap<u16, i32>,
    /// The modules whose packages are kept, as `NAME-STREAM`.
    pub(super) modules: BTreeSet<String>,
}

impl PoolBuilder {
    /// A builder without packages.
    #[must_use]
    pub fn new(format: PackageFormat) -> Self {
        Self {
            format,
            interner: DepInterner::new(format),
            arches: StringTable::new(),
            candidates: Vec::new(),
            lists: Csr::new(),
            best: Vec::new(),
            tokens: 0,
            is_unordered: false,
            priorities: BTreeMap::new(),
            modules: BTreeSet::new(),
        }
    }

    /// Lets the highest priority, then the highest version win whatever the repository (image builds with
    /// `unorderedimagerepos`). To be said before packages are added.
    #[must_use]
    pub fn with_unordered_repositories(mut self) -> Self {
        self.is_unordered = true;
        self
    }

    /// Gives a repository a priority other than 0; it counts if repositories are unordered. To be said before packages
    /// are added.
    #[must_use]
    pub fn with_repository_priority(mut self, repo_index: u16, priority: i32) -> Self {
        self.priorities.insert(repo_index, priority);
        self
    }

    /// Enables modules, written `NAME-STREAM` ([`ExpandConfig::modules`](crate::ExpandConfig::modules)). To be said before
    /// packages are added.
    #[must_use]
    pub fn with_modules<'a>(mut self, modules: impl IntoIterator<Item = &'a str>) -> Self {
        self.modules.extend(modules.into_iter().map(str::to_owned));
        self
    }

    /// Adds a package of the repository with the given place in the path (0 is looked at first).
    ///
    /// The n-th call of this or [`add_module_package`](Self::add_module_package) makes a package with [`Pool::token`] n,
    /// counted from 0.
    pub fn add_repository_package(&mut self, repo_index: u16, package: &PackageMeta) {
        self.add(repo_index, package, false);
    }

    /// As [`add_repository_package`](Self::add_repository_package), for a package that its repository says is of `modules`
    /// (`NAME-STREAM`). It is skipped unless one of them is enabled; if there are none, it is an ordinary package.
    ///
    /// Rule: perl-BSSolv and PBuild::Modules.
    pub fn add_module_package(&mut self, repo_index: u16, package: &PackageMeta, modules: &[String]) {
        if modules.is_empty() || modules.iter().any(|module| self.modules.contains(module)) {
            self.add(repo_index, package, !modules.is_empty());
        } else {
            self.tokens = self.tokens.saturating_add(1);
        }
    }

    fn add(&mut self, repo_index: u16, package: &PackageMeta, is_modular: bool) {
        let token = self.tokens;
        self.tokens = self.tokens.saturating_add(1);
        if matches!(package.arch.as_str(), "src" | "nosrc") || package.name.is_empty() {
            return;
        }
        let name = self.interner.names.intern(&package.name);
        if self.best.len() <= name as usize {
            self.best.resize(name as usize + 1, u32::MAX);
        }
        let known = self.best[name as usize];
        if let Some(known) = self.candidates.get(known as usize)
            && self.rank(known, repo_index, package, is_modular).is_le()
        {
            return;
        }
        let candidate = Candidate { is_modular, ..self.candidate(name, repo_index, token, package) };
        if let Some(known) = self.candidates.get_mut(known as usize) {
            *known = candidate;
        } else {
            self.best[name as usize] = self.candidates.len() as u32;
            self.candidates.push(candidate);
        }
    }

    /// Compares a new package with the best one known: `Greater` if the new one wins.
    fn rank(&self, known: &Candidate, repo_index: u16, package: &PackageMeta, is_modular: bool) -> Ordering {
        let version = self.interner.versions.get(known.version);
        let arch = self.arches.get(u32::from(known.arch));
        let priority = |repository: u16| self.priorities.get(&repository).copied().unwrap_or(0);
        let repository = if self.is_unordered {
            priority(repo_index).cmp(&priority(known.repository))
        } else {
            known.repository.cmp(&repo_index)
        };
        repository
            .then_with(|| is_modular.cmp(&known.is_modular))
            .then_with(|| compare(self.format, &package.evr, version))
            .then_with(|| package.evr.as_str().cmp(version))
            .then_with(|| self.is_noarch(&package.arch).cmp(&self.is_noarch(arch)))
            .then_with(|| package.arch.as_str().cmp(arch))
            .then_with(|| repo_index.cmp(&known.repository))
    }

    fn is_noarch(&self, arch: &str) -> bool {
        match self.format {
            PackageFormat::Rpm | PackageFormat::Apk => arch == "noarch",
            PackageFormat::Deb => matches!(arch, "all" | "noarch"),
            PackageFormat::Arch => matches!(arch, "any" | "noarch"),
        }
    }

    fn candidate(&mut self, name: u32, repository: u16, token: u32, package: &PackageMeta) -> Candidate {
        let lists = self.push_list(&package.provides);
        self.push_list(&package.requires);
        let conflicts = package.conflicts.iter().map(|text| {
            let other = text.strip_prefix("otherproviders(").and_then(|rest| rest.strip_suffix(')'));
            self.interner.intern(other.unwrap_or(text))
        });
        self.lists.push(conflicts);
        self.push_list(&package.obsoletes);
        self.push_list(&package.recommends);
        self.push_list(&package.supplements);
        Candidate {
            name,
            version: self.interner.versions.intern(&package.evr),
            arch: u16::try_from(self.arches.intern(&package.arch)).unwrap_or(0),
            source: package.source.as_ref().map_or(name, |source| self.interner.names.intern(source)),
            token,
            repository,
            multi_arch: package.multi_arch,
            is_modular: false,
            lists,
        }
    }

    fn push_list(&mut self, texts: &[String]) -> u32 {
        self.lists.push(texts.iter().map(|text| self.interner.intern(text)))
    }

    /// Numbers the packages, resolves all dependencies and lets go of everything else.
    #[must_use]
    pub fn finish(self) -> Pool {
        let DepInterner { names, versions, table, .. } = self.interner;
        let candidates = sorted_by_name(self.candidates, &names);
        let lists = self.lists;
        let mut pool = Pool {
            format: self.format,
            name_targets: vec![Target::NOBODY; names.len()],
            name_packages: vec![u32::MAX; names.len()],
            dep_targets: vec![Target::NOBODY; table.len()],
            names,
            versions,
            arches: self.arches,
            deps: table,
            lists: Csr::new(),
            package_names: candidates.iter().map(|package| package.name).collect(),
            package_versions: candidates.iter().map(|package| package.version).collect(),
            package_arches: candidates.iter().map(|package| package.arch).collect(),
            package_sources: candidates.iter().map(|package| package.source).collect(),
            package_tokens: candidates.iter().map(|package| package.token).collect(),
            package_repositories: candidates.iter().map(|package| package.repository).collect(),
            multi_arch: candidates.iter().map(|package| package.multi_arch).collect(),
            provides: Csr::new(),
            requires: Csr::new(),
            conflicts: Csr::new(),
            obsoletes: Csr::new(),
            recommends: Csr::new(),
            supplements: Csr::new(),
        };
        pool.index_provides(&candidates, &lists);
        pool.resolve_dependencies(&candidates, &lists);
        for package in &candidates {
            pool.add_lists(package, &lists);
        }
        pool.shrink();
        pool
    }
}

impl Pool {
    /// Fills the lists of provides and, for each name, who provides it.
    fn index_provides(&mut self, candidates: &[Candidate], lists: &Csr) {
        let mut pairs = Vec::new();
        let mut provides = Vec::new();
        for (package, candidate) in (0_u32..).zip(candidates) {
            self.name_packages[candidate.name as usize] = package;
            provides.clear();
            provides.extend_from_slice(candidate.list(lists, PROVIDES));
            provides.sort_by_key(|dep| self.deps.name(*dep));
            let mut last = None;
            for dep in &provides {
                let name = self.deps.name(*dep);
                if last != Some(name) && !self.deps.kind(*dep).is_rich() {
                    pairs.push((name, package));
                }
                last = Some(name);
            }
            self.provides.push(provides.iter().copied());
        }
        let providers = Csr::grouped(self.names.len(), &pairs);
        for name in 0..self.names.len() as u32 {
            self.name_targets[name as usize] = store_list(&mut self.lists, providers.row(name));
        }
    }

    /// Works out who provides each dependency that any package asks for.
    fn resolve_dependencies(&mut self, candidates: &[Candidate], lists: &Csr) {
        let mut wanted = vec![false; self.deps.len()];
        for candidate in candidates {
            for list in [REQUIRES, CONFLICTS, RECOMMENDS, SUPPLEMENTS] {
                for dep in candidate.list(lists, list) {
                    self.mark_wanted(*dep, &mut wanted);
                }
            }
        }
        let mut found = Vec::new();
        for dep in (0..self.deps.len() as u32).filter(|dep| wanted[*dep as usize]) {
            self.dep_targets[dep as usize] = self.resolve(dep, &mut found);
        }
    }

    fn mark_wanted(&self, dep: u32, wanted: &mut [bool]) {
        if std::mem::replace(&mut wanted[dep as usize], true) {
            return;
        }
        for single in self.deps.alternatives(dep) {
            wanted[*single as usize] = true;
        }
        if let Some(tree) = self.rich(dep).flatten() {
            RichNode::for_each_atom(tree, &mut |atom| wanted[atom as usize] = true);
        }
    }

    fn resolve(&mut self, dep: u32, found: &mut Vec<u32>) -> Target {
        let kind = self.deps.kind(dep);
        if kind.is_rich() {
            return Target::RICH;
        }
        found.clear();
        if kind.is_alternatives() {
            for single in self.deps.alternatives(dep) {
                self.collect_plain(self.deps.name(*single), self.deps.constraint(&self.versions, *single), found);
            }
            found.sort_unstable();
            found.dedup();
            return store_list(&mut self.lists, found);
        }
        let name = self.deps.name(dep);
        let target = self.name_targets[name as usize];
        if !kind.is_versioned() {
            return target;
        }
        if self.providers_of_name(name).len() > MAX_EAGER_PROVIDERS {
            return Target::LATER;
        }
        self.collect_plain(name, self.deps.constraint(&self.versions, dep), found);
        if found.len() > 1 && found.len() == self.providers_of_name(name).len() {
            return target;
        }
        store_list(&mut self.lists, found)
    }

    fn add_lists(&mut self, candidate: &Candidate, lists: &Csr) {
        let package = self.requires.rows();
        let list = |place| candidate.list(lists, place).iter().copied();
        self.requires.push(list(REQUIRES));
        let conflicts: Vec<u32> = list(CONFLICTS).filter(|dep| self.can_hit_others(package, *dep)).collect();
        self.conflicts.push(conflicts);
        let obsoletes: Vec<u32> =
            list(OBSOLETES).filter_map(|dep| self.obsoleted_by(dep)).filter(|other| *other != package).collect();
        self.obsoletes.push(obsoletes);
        self.recommends.push(list(RECOMMENDS));
        self.supplements.push(list(SUPPLEMENTS));
    }

    /// Whether a conflict names any package but the one that has it.
    fn can_hit_others(&self, package: u32, dep: u32) -> bool {
        let kind = self.deps.kind(dep);
        // A path may get providers from the configuration.
        let target = self.target(dep);
        kind.is_path() || (target != Target::NOBODY && target.single() != Some(package))
    }

    /// The package an obsoletes names, by its own name and version.
    fn obsoleted_by(&self, dep: u32) -> Option<u32> {
        if self.deps.kind(dep).is_rich() {
            return None;
        }
        let other = self.package_of_name(self.deps.name(dep))?;
        let own =
            pkg::dep::Constraint { operator: Some(pkg::dep::Operator::Equal), version: self.evr(PackageId(other)) };
        let own = (!own.version.is_empty()).then_some(own);
        let required = self.deps.constraint(&self.versions, dep);
        pkg::dep::constraint_satisfied(self.format, own, required).then_some(other)
    }

    fn shrink(&mut self) {
        self.names.shrink();
        self.versions.freeze();
        self.arches.freeze();
        self.deps.shrink();
        self.lists.shrink();
        for lists in [
            &mut self.provides,
            &mut self.requires,
            &mut self.conflicts,
            &mut self.obsoletes,
            &mut self.recommends,
            &mut self.supplements,
        ] {
            lists.shrink();
        }
    }
}

fn sorted_by_name(candidates: Vec<Candidate>, names: &StringTable) -> Vec<Candidate> {
    let mut keyed: Vec<(&str, Candidate)> =
        candidates.into_iter().map(|candidate| (names.get(candidate.name), candidate)).collect();
    keyed.sort_unstable_by_key(|(name, _)| *name);
    keyed.into_iter().map(|(_, candidate)| candidate).collect()
}

fn store_list(lists: &mut Csr, packages: &[u32]) -> Target {
    match packages {
        [] => Target::NOBODY,
        [package] => Target(*package),
        _ => Target(lists.push(packages.iter().copied()) | Target::LIST),
    }
}
