//! The finished pool: packages, their dependencies, and who provides what.

use std::borrow::Cow;

use pkg::dep::{Constraint, Dependency, alternatives, constraint_satisfied};
use pkg::{MultiArch, PackageFormat};

use super::csr::Csr;
use super::deps::{DepTable, RichNode};
use super::strings::StringTable;

/// A package of a [`Pool`]: its rank among all names, so that ids sort like names (by byte value).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageId(pub u32);

/// Who provides a dependency, in one word.
///
/// A package number, or one of the constants, or a row of the provider lists with the highest bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target(pub(super) u32);

impl Target {
    pub(super) const NOBODY: Self = Self(0x7fff_ffff);
    /// Many provide the name and the dependency has a version: found out when asked.
    pub(super) const LATER: Self = Self(0x7fff_fffe);
    /// A rich dependency; providers are not the question.
    pub(super) const RICH: Self = Self(0x7fff_fffd);
    pub(super) const LIST: u32 = 0x8000_0000;

    /// Whether it means something in a pool of `packages` packages and `rows` lists.
    pub(super) fn fits(self, packages: usize, rows: u32) -> bool {
        if self.0 & Self::LIST != 0 {
            return self.0 & !Self::LIST < rows;
        }
        self.0 >= Self::RICH.0 || (self.0 as usize) < packages
    }

    /// The one package that provides it.
    pub(crate) fn single(self) -> Option<u32> {
        (self.0 < Self::RICH.0).then_some(self.0)
    }
}

/// The packages that provide a dependency, sorted.
pub(crate) type Providers<'a> = Cow<'a, [u32]>;

/// All packages that can be installed, at most one of each name, with their dependencies resolved.
///
/// Immutable; any number of threads may expand requests on one pool at the same time.
#[derive(Debug)]
pub struct Pool {
    pub(super) format: PackageFormat,
    pub(super) names: StringTable,
    pub(super) versions: StringTable,
    pub(super) arches: StringTable,
    pub(super) deps: DepTable,
    pub(super) dep_targets: Vec<Target>,
    pub(super) name_targets: Vec<Target>,
    /// The package of each name, or `u32::MAX`.
    pub(super) name_packages: Vec<u32>,
    pub(super) lists: Csr,
    pub(super) package_names: Vec<u32>,
    pub(super) package_versions: Vec<u32>,
    pub(super) package_arches: Vec<u16>,
    pub(super) package_sources: Vec<u32>,
    pub(super) package_tokens: Vec<u32>,
    pub(super) package_repositories: Vec<u16>,
    pub(super) multi_arch: Vec<MultiArch>,
    /// Dependency numbers, sorted by name number.
    pub(super) provides: Csr,
    pub(super) requires: Csr,
    /// Without those that can never hit another package.
    pub(super) conflicts: Csr,
    /// Package numbers.
    pub(super) obsoletes: Csr,
    pub(super) recommends: Csr,
    pub(super) supplements: Csr,
}

impl Pool {
    /// The format of all packages.
    #[must_use]
    pub fn format(&self) -> PackageFormat {
        self.format
    }

    /// How many packages there are; ids count from 0 up to this.
    #[must_use]
    pub fn len(&self) -> usize {
        self.package_names.len()
    }

    /// Whether there is no package at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.package_names.is_empty()
    }

    /// All packages, sorted by name.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = PackageId> + use<> {
        (0..self.package_names.len() as u32).map(PackageId)
    }

    /// The package of that name, if there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PackageId> {
        self.names.find(name).and_then(|name| self.package_of_name(name)).map(PackageId)
    }

    /// Name of a package.
    #[must_use]
    pub fn name(&self, package: PackageId) -> &str {
        self.names.get(self.package_names[package.0 as usize])
    }

    /// `[epoch:]version[-release]` of a package.
    #[must_use]
    pub fn evr(&self, package: PackageId) -> &str {
        self.versions.get(self.package_versions[package.0 as usize])
    }

    /// Architecture of a package in the spelling of its format.
    #[must_use]
    pub fn arch(&self, package: PackageId) -> &str {
        self.arches.get(u32::from(self.package_arches[package.0 as usize]))
    }

    /// Name of the source package; the package's own name if it names none.
    #[must_use]
    pub fn source(&self, package: PackageId) -> &str {
        self.names.get(self.package_sources[package.0 as usize])
    }

    /// Debian's Multi-Arch field of a package.
    #[must_use]
    pub fn multi_arch(&self, package: PackageId) -> MultiArch {
        self.multi_arch[package.0 as usize]
    }

    /// How many packages had been handed to the builder before this one: an index into lists kept by the caller.
    #[must_use]
    pub fn token(&self, package: PackageId) -> u32 {
        self.package_tokens[package.0 as usize]
    }

    /// The index of the repository the package comes from, as given to the builder.
    #[must_use]
    pub fn repository(&self, package: PackageId) -> u16 {
        self.package_repositories[package.0 as usize]
    }

    /// The packages that provide a plain dependency (`name`, `name OP version`, `a | b`), sorted by name.
    ///
    /// Rich dependencies have no providers here.
    #[must_use]
    pub fn providers(&self, dependency: &str) -> Vec<PackageId> {
        self.providers_of_text(dependency).iter().copied().map(PackageId).collect()
    }

    /// The requirements of a package as it writes them, in its order.
    pub fn requires(&self, package: PackageId) -> impl Iterator<Item = String> + '_ {
        self.requires.row(package.0).iter().map(|dep| self.dep_text(*dep))
    }

    /// The names of what a package provides, sorted by no rule anyone should rely on.
    pub fn provides(&self, package: PackageId) -> impl Iterator<Item = String> + '_ {
        self.provides.row(package.0).iter().map(|dep| self.dep_text(*dep))
    }

    /// Memory held by this pool, in bytes, without the allocator's own overhead.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let rows = [&self.lists, &self.provides, &self.requires, &self.conflicts, &self.obsoletes, &self.recommends];
        let rows: usize = rows.iter().map(|rows| rows.bytes()).sum();
        let per_package = 4 * 4 + 2 * 2 + 1;
        self.names.bytes()
            + self.versions.bytes()
            + self.arches.bytes()
            + self.deps.bytes()
            + 4 * (self.dep_targets.capacity() + self.name_targets.capacity() + self.name_packages.capacity())
            + rows
            + self.supplements.bytes()
            + per_package * self.package_names.capacity()
    }

    pub(crate) fn package_of_name(&self, name: u32) -> Option<u32> {
        self.name_packages.get(name as usize).copied().filter(|package| *package != u32::MAX)
    }

    pub(crate) fn name_number(&self, package: u32) -> u32 {
        self.package_names[package as usize]
    }

    pub(crate) fn name_of_number(&self, name: u32) -> &str {
        self.names.get(name)
    }

    pub(crate) fn find_name(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    pub(crate) fn name_count(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn dep_text(&self, dep: u32) -> String {
        self.deps.text(&self.names, &self.versions, dep)
    }

    pub(crate) fn deps(&self) -> &DepTable {
        &self.deps
    }

    pub(crate) fn target(&self, dep: u32) -> Target {
        self.dep_targets[dep as usize]
    }

    pub(crate) fn requires_of(&self, package: u32) -> &[u32] {
        self.requires.row(package)
    }

    pub(crate) fn conflicts_of(&self, package: u32) -> &[u32] {
        self.conflicts.row(package)
    }

    pub(crate) fn obsoletes_of(&self, package: u32) -> &[u32] {
        self.obsoletes.row(package)
    }

    pub(crate) fn recommends_of(&self, package: u32) -> &[u32] {
        self.recommends.row(package)
    }

    pub(crate) fn supplements_of(&self, package: u32) -> &[u32] {
        self.supplements.row(package)
    }

    pub(crate) fn has_supplements(&self) -> bool {
        !self.supplements.is_empty()
    }

    pub(crate) fn has_multi_arch(&self) -> bool {
        self.multi_arch.iter().any(|kind| *kind != MultiArch::No)
    }

    /// The packages that provide dependency number `dep`.
    pub(crate) fn providers_of(&self, dep: u32) -> Providers<'_> {
        match self.dep_targets[dep as usize] {
            Target::LATER => {
                let mut found = Vec::new();
                self.collect_plain(self.deps.name(dep), self.deps.constraint(&self.versions, dep), &mut found);
                Cow::Owned(found)
            }
            target => Cow::Borrowed(self.target_slice(target, &self.dep_targets[dep as usize..=dep as usize])),
        }
    }

    /// The packages that provide a name, whatever the version.
    pub(crate) fn providers_of_name(&self, name: u32) -> &[u32] {
        let slot = &self.name_targets[name as usize..=name as usize];
        self.target_slice(self.name_targets[name as usize], slot)
    }

    /// The packages behind a target; `slot` is the place the target is stored in.
    fn target_slice<'a>(&'a self, target: Target, slot: &'a [Target]) -> &'a [u32] {
        if target.0 & Target::LIST != 0 {
            return self.lists.row(target.0 & !Target::LIST);
        }
        if target.single().is_some() { self.single_slice(slot) } else { &[] }
    }

    /// A package number, seen as a list of one.
    fn single_slice<'a>(&'a self, slot: &'a [Target]) -> &'a [u32] {
        slot.first().map_or(&[], |target| std::slice::from_ref(&target.0))
    }

    /// Appends the packages providing `name`, restricted to versions, in order.
    pub(super) fn collect_plain(&self, name: u32, constraint: Option<Constraint<'_>>, found: &mut Vec<u32>) {
        let providers = self.providers_of_name(name);
        match constraint {
            None => found.extend_from_slice(providers),
            Some(_) => {
                found.extend(providers.iter().copied().filter(|p| self.provides_constraint(*p, name, constraint)));
            }
        }
    }

    fn provides_constraint(&self, package: u32, name: u32, constraint: Option<Constraint<'_>>) -> bool {
        self.provides_of_name(package, name).iter().any(|dep| {
            let provided = self.deps.constraint(&self.versions, *dep);
            constraint_satisfied(self.format, provided, constraint)
        })
    }

    /// What a package provides under one name.
    fn provides_of_name(&self, package: u32, name: u32) -> &[u32] {
        let provides = self.provides.row(package);
        let start = provides.partition_point(|dep| self.deps.name(*dep) < name);
        let length = provides[start..].iter().take_while(|dep| self.deps.name(**dep) == name).count();
        &provides[start..start + length]
    }

    /// The versions in which packages provide `name`, in order of packages, each with its package.
    pub(crate) fn provided_versions(&self, name: u32) -> impl Iterator<Item = (u32, &str)> {
        self.providers_of_name(name).iter().flat_map(move |package| {
            let versions = self.provides_of_name(*package, name).iter();
            versions.filter_map(move |dep| Some((*package, self.deps.constraint(&self.versions, *dep)?.version)))
        })
    }

    /// Whether the package itself, by its own name and version, satisfies a plain dependency.
    pub(crate) fn is_named(&self, package: u32, dependency: &Dependency<'_>) -> bool {
        let (name, _) = dependency.split_any(self.format);
        let id = PackageId(package);
        let own = Constraint { operator: Some(pkg::dep::Operator::Equal), version: self.evr(id) };
        let own = (!self.evr(id).is_empty()).then_some(own);
        self.name(id) == name && constraint_satisfied(self.format, own, dependency.constraint)
    }

    /// The packages providing a plain dependency or a list of alternatives given as text, sorted.
    pub(crate) fn providers_of_text(&self, text: &str) -> Providers<'_> {
        let mut found = Vec::new();
        for single in alternatives(text) {
            let parsed = Dependency::parse(single);
            let Some(name) = self.names.find(parsed.split_any(self.format).0) else { continue };
            if parsed.constraint.is_none() && single.len() == text.len() {
                return Cow::Borrowed(self.providers_of_name(name));
            }
            self.collect_plain(name, parsed.constraint, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        Cow::Owned(found)
    }

    /// The tree of a rich dependency; outer `None` for other dependencies, inner for one that can not be parsed.
    pub(crate) fn rich(&self, dep: u32) -> Option<Option<&RichNode>> {
        self.deps.rich(dep).map(|rich| rich.tree.as_ref())
    }
}
