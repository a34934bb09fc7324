//! In which order to install packages, and to build sources.
//!
//! Rules: `order` of obs-build's Build.pm for installing, `depsort` of perl-BSSolv for building. Both orders put
//! dependencies first wherever there is no cycle.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::expander::Expander;
use crate::pool::{PackageId, Pool};

/// A cycle of dependencies and how it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Each needs the next one, the last one the first.
    pub members: Vec<PackageId>,
    /// The dependency that was given up: the first one is installed before the second one, which it needs.
    pub broken: (PackageId, PackageId),
}

/// Packages in the order to install them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstallOrder {
    /// All packages, dependencies first.
    pub order: Vec<PackageId>,
    /// The cycles that had to be broken, in the order they were met.
    pub broken: Vec<Cycle>,
}

impl Expander<'_> {
    /// Orders packages for installation.
    ///
    /// A package comes behind all others of the set that provide something it requires (rich requirements do not count),
    /// and for `Order: a:b` b comes behind a. Among packages that are free at the same time, those with fewer
    /// requirements in the set come first, then the name decides. A cycle is broken where an `Order` line says so, else at
    /// the package that needs most.
    #[must_use]
    pub fn install_order(&self, packages: &[PackageId]) -> InstallOrder {
        let mut sorted: Vec<u32> = packages.iter().map(|package| package.0).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let hints = self.order_hints();
        let mut sorter = InstallSorter::new(self.install_edges(&sorted, &hints), sorted.len());
        let place: FxHashMap<u32, u32> = sorted.iter().copied().zip(0..).collect();
        sorter.hints =
            hints.iter().filter_map(|(first, second)| Some((*place.get(first)?, *place.get(second)?))).collect();
        sorter.sort();
        let id = |place: u32| PackageId(sorted[place as usize]);
        InstallOrder {
            order: sorter.result.iter().map(|place| id(*place)).collect(),
            broken: sorter
                .cycles
                .iter()
                .map(|(members, (from, to))| Cycle {
                    members: members.iter().map(|place| id(*place)).collect(),
                    broken: (id(*from), id(*to)),
                })
                .collect(),
        }
    }

    /// The pairs of `Order` lines: the first one before the second one.
    fn order_hints(&self) -> Vec<(u32, u32)> {
        let pairs = self.config.order.iter().filter_map(|entry| entry.split_once(':'));
        pairs.filter_map(|(first, second)| Some((self.pool.find(first)?.0, self.pool.find(second)?.0))).collect()
    }

    /// Who provides a requirement; of alternatives, those of the first one first.
    fn providers_in_order(&self, dep: u32) -> Vec<u32> {
        let alternatives = self.pool.deps().alternatives(dep);
        if alternatives.is_empty() {
            return self.rules().providers(self.pool, dep).into_owned();
        }
        alternatives.iter().flat_map(|single| self.rules().providers(self.pool, *single).into_owned()).collect()
    }

    /// For each package of the sorted set the places of those it needs, in the order it needs them.
    fn install_edges(&self, sorted: &[u32], hints: &[(u32, u32)]) -> Vec<Vec<u32>> {
        let place = |package: u32| sorted.binary_search(&package).ok().map(|place| place as u32);
        let mut edges: Vec<Vec<u32>> = sorted
            .iter()
            .map(|package| {
                let requires = self.pool.requires_of(*package).iter();
                let providers = requires.flat_map(|dep| self.providers_in_order(*dep));
                providers.filter(|other| other != package).filter_map(place).collect()
            })
            .collect();
        let mut hints: Vec<(u32, u32)> =
            hints.iter().filter_map(|(first, second)| Some((place(*first)?, place(*second)?))).collect();
        hints.sort_unstable();
        for (first, second) in hints {
            if first != second {
                edges[second as usize].push(first);
            }
        }
        for list in &mut edges {
            let mut seen = FxHashSet::default();
            list.retain(|other| seen.insert(*other));
        }
        edges
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Finished,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Visit(u32),
    /// Everything the package needs was looked at.
    Leave(u32),
}

/// Sorts places 0 to n by their edges.
struct InstallSorter {
    /// What each place needs.
    needs: Vec<Vec<u32>>,
    /// Who needs each place.
    needed_by: Vec<Vec<u32>>,
    /// How many open needs each place has.
    open: Vec<usize>,
    hints: FxHashSet<(u32, u32)>,
    result: Vec<u32>,
    cycles: Vec<(Vec<u32>, (u32, u32))>,
}

impl InstallSorter {
    fn new(needs: Vec<Vec<u32>>, count: usize) -> Self {
        let mut needed_by = vec![Vec::new(); count];
        for (place, list) in (0_u32..).zip(&needs) {
            for other in list {
                needed_by[*other as usize].push(place);
            }
        }
        let open = needs.iter().map(Vec::len).collect();
        Self { needs, needed_by, open, hints: FxHashSet::default(), result: Vec::new(), cycles: Vec::new() }
    }

    /// Emits round by round what is free, in the order of needs at the start; breaks cycles when nothing is.
    fn sort(&mut self) {
        let mut waiting: Vec<u32> = (0..self.needs.len() as u32).collect();
        waiting.sort_by_key(|place| self.open[*place as usize]);
        let mut rank = vec![0_u32; waiting.len()];
        for (position, place) in (0..).zip(&waiting) {
            rank[*place as usize] = position;
        }
        let mut is_emitted = vec![false; waiting.len()];
        while !waiting.is_empty() {
            let mut free: Vec<u32> = waiting.iter().copied().filter(|place| self.open[*place as usize] == 0).collect();
            if free.is_empty() {
                self.break_cycles(&waiting);
                continue;
            }
            while !free.is_empty() {
                let mut next = Vec::new();
                for place in free {
                    is_emitted[place as usize] = true;
                    self.result.push(place);
                    for other in &self.needed_by[place as usize] {
                        let open = &mut self.open[*other as usize];
                        *open -= 1;
                        if *open == 0 {
                            next.push(*other);
                        }
                    }
                }
                next.sort_unstable_by_key(|place| rank[*place as usize]);
                free = next;
            }
            waiting.retain(|place| !is_emitted[*place as usize]);
        }
    }

    /// Walks the packages that are left, depth first, and breaks every cycle it meets.
    fn break_cycles(&mut self, waiting: &[u32]) {
        let mut marks = vec![Mark::Finished; self.needs.len()];
        for place in waiting {
            marks[*place as usize] = Mark::New;
        }
        let mut todo: Vec<Step> = waiting.iter().rev().map(|place| Step::Visit(*place)).collect();
        while let Some(step) = todo.pop() {
            let place = match step {
                Step::Leave(place) => {
                    marks[place as usize] = Mark::Finished;
                    continue;
                }
                Step::Visit(place) => place,
            };
            if marks[place as usize] == Mark::Finished {
                continue;
            }
            let unfinished: Vec<u32> = self.needs[place as usize]
                .iter()
                .copied()
                .filter(|other| marks[*other as usize] != Mark::Finished)
                .collect();
            if unfinished.is_empty() {
                marks[place as usize] = Mark::Finished;
            } else if marks[place as usize] == Mark::New {
                marks[place as usize] = Mark::Open;
                todo.push(Step::Leave(place));
                todo.extend(unfinished.iter().rev().map(|other| Step::Visit(*other)));
            } else {
                let cycle = unwind(place, &mut todo, &mut marks);
                todo.push(Step::Visit(place));
                self.break_cycle(cycle);
            }
        }
    }

    /// Gives up one dependency of a cycle.
    fn break_cycle(&mut self, members: Vec<u32>) {
        let next = |index: usize| members[(index + 1) % members.len()];
        let hinted = (0..members.len()).find(|index| self.hints.contains(&(members[*index], next(*index))));
        let neediest = || (0..members.len()).max_by_key(|index| (self.open[members[*index] as usize], members[*index]));
        let Some(index) = hinted.or_else(neediest) else { return };
        let (from, to) = (members[index], next(index));
        self.needs[from as usize].retain(|other| *other != to);
        self.needed_by[to as usize].retain(|other| *other != from);
        self.open[from as usize] -= 1;
        self.cycles.push((members, (from, to)));
    }
}

/// Takes steps back up to where `place` was entered; the open packages on the way are the cycle.
fn unwind(place: u32, todo: &mut Vec<Step>, marks: &mut [Mark]) -> Vec<u32> {
    let mut members = Vec::new();
    while let Some(step) = todo.pop() {
        if let Step::Leave(other) = step {
            marks[other as usize] = Mark::New;
            members.push(other);
            if other == place {
                break;
            }
        }
    }
    members.reverse();
    members
}

/// Which packages to build need which others: the input of [`build_order`].
///
/// `sources` names the source of each package to order, `triggers` holds its trigger set. A package needs all packages to
/// order whose source is that of a binary in its trigger set, whatever repository the binary comes from. Where the trigger
/// set can not be found, what the request names is the best guess ([`Pool::find`]).
#[must_use]
pub fn build_needs<Set: AsRef<[PackageId]>>(pool: &Pool, sources: &[&str], triggers: &[Set]) -> Vec<Vec<u32>> {
    let mut places: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
    for (place, source) in (0_u32..).zip(sources) {
        places.entry(source).or_default().push(place);
    }
    let of_binary: Vec<&[u32]> =
        pool.packages().map(|binary| places.get(pool.source(binary)).map_or(&[][..], Vec::as_slice)).collect();
    let needs_of = |set: &Set| {
        let mut needs: Vec<u32> =
            set.as_ref().iter().flat_map(|binary| of_binary[binary.0 as usize]).copied().collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    };
    triggers.iter().map(needs_of).collect()
}

/// Packages in the order to look at them for building.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildOrder {
    /// All packages, dependencies first outside of cycles.
    pub order: Vec<u32>,
    /// The cycles met, each member needing the next one.
    pub cycles: Vec<Vec<u32>>,
    /// Packages that need each other, directly or not: sorted, by their first member.
    pub groups: Vec<Vec<u32>>,
}

impl BuildOrder {
    /// For each cycle, in their order, the need that was given up: that of the member met first for the next one.
    ///
    /// The first of the pair comes before the second in [`order`](Self::order) although it needs it.
    pub fn broken(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.cycles.iter().filter_map(|cycle| Some((*cycle.first()?, *cycle.get(1)?)))
    }
}

/// Orders packages 0 to n for building; `needs` lists for each the packages it depends on.
///
/// The walk is depth first, packages in the order given, their needs from last to first. On meeting a package that is still open, the dependency of that package on
/// the next one of the cycle is forgotten and the walk goes on from there. A package needing itself is no cycle, and
/// numbers beyond the last package are skipped.
#[must_use]
pub fn build_order(needs: &[Vec<u32>]) -> BuildOrder {
    let groups = groups(needs);
    let mut walk = BuildWalk {
        needs: needs.to_vec(),
        marks: vec![Mark::New; needs.len()],
        path: Vec::new(),
        result: BuildOrder { groups, ..BuildOrder::default() },
    };
    for (package, list) in (0_u32..).zip(&mut walk.needs) {
        let mut seen = FxHashSet::default();
        list.retain(|other| *other != package && (*other as usize) < needs.len() && seen.insert(*other));
        list.reverse();
    }
    for package in 0..needs.len() as u32 {
        walk.visit(package);
    }
    walk.result
}

struct BuildWalk {
    needs: Vec<Vec<u32>>,
    marks: Vec<Mark>,
    /// Open packages, each with how many of its needs were looked at.
    path: Vec<(u32, usize)>,
    result: BuildOrder,
}

impl BuildWalk {
    fn visit(&mut self, package: u32) {
        if self.marks[package as usize] != Mark::New {
            return;
        }
        self.enter(package);
        while let Some((package, looked_at)) = self.path.last_mut() {
            let package = *package;
            let Some(other) = self.needs[package as usize].get(*looked_at).copied() else {
                self.path.pop();
                self.marks[package as usize] = Mark::Finished;
                self.result.order.push(package);
                continue;
            };
            match self.marks[other as usize] {
                Mark::Finished => *looked_at += 1,
                Mark::New => self.enter(other),
                Mark::Open => self.break_cycle(other),
            }
        }
    }

    fn enter(&mut self, package: u32) {
        self.marks[package as usize] = Mark::Open;
        self.path.push((package, 0));
    }

    /// Forgets that `first` needs the package behind it on the path, and goes back to `first`.
    fn break_cycle(&mut self, first: u32) {
        let Some(start) = self.path.iter().rposition(|(package, _)| *package == first) else { return };
        let members: Vec<u32> = self.path[start..].iter().map(|(package, _)| *package).collect();
        for (package, _) in self.path.drain(start + 1..) {
            self.marks[package as usize] = Mark::New;
        }
        if let (Some((_, looked_at)), Some(second)) = (self.path.last(), members.get(1)) {
            debug_assert_eq!(self.needs[first as usize].get(*looked_at), Some(second));
            self.needs[first as usize].remove(*looked_at);
        }
        self.result.cycles.push(members);
    }
}

/// The strongly connected components with more than one member.
fn groups(needs: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let count = needs.len();
    let mut components = Components {
        index: vec![0; count],
        low: vec![0; count],
        on_stack: vec![false; count],
        stack: Vec::new(),
        next: 1,
        found: Vec::new(),
    };
    for package in 0..count as u32 {
        components.visit(package, needs);
    }
    let mut found = components.found;
    found.sort_unstable();
    found
}

/// Tarjan's algorithm without recursion.
struct Components {
    /// When each package was entered, counted from 1; 0 for not yet.
    index: Vec<u32>,
    low: Vec<u32>,
    on_stack: Vec<bool>,
    stack: Vec<u32>,
    next: u32,
    found: Vec<Vec<u32>>,
}

impl Components {
    fn visit(&mut self, root: u32, needs: &[Vec<u32>]) {
        if self.index[root as usize] != 0 {
            return;
        }
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((package, looked_at)) = path.last_mut() {
            let package = *package;
            if let Some(other) = needs[package as usize].get(*looked_at).copied() {
                *looked_at += 1;
                let place = other as usize;
                if place >= needs.len() {
                    continue;
                }
                if self.index[place] == 0 {
                    self.enter(other);
                    path.push((other, 0));
                } else if self.on_stack[place] {
                    self.low[package as usize] = self.low[package as usize].min(self.index[place]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                let low = self.low[package as usize];
                self.low[*parent as usize] = self.low[*parent as usize].min(low);
            }
            self.leave(package);
        }
    }

    fn enter(&mut self, package: u32) {
        self.index[package as usize] = self.next;
        self.low[package as usize] = self.next;
        self.next += 1;
        self.on_stack[package as usize] = true;
        self.stack.push(package);
    }

    /// Takes a finished component off the stack.
    fn leave(&mut self, package: u32) {
        if self.low[package as usize] != self.index[package as usize] {
            return;
        }
        let mut members = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.on_stack[member as usize] = false;
            members.push(member);
            if member == package {
                break;
            }
        }
        if members.len() > 1 {
            members.sort_unstable();
            self.found.push(members);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_three_builds_from_its_end() {
        let order = build_order(&[vec![1], vec![2], vec![]]);
        assert_eq!(order.order, [2, 1, 0]);
        assert!(order.cycles.is_empty() && order.groups.is_empty());
    }

    #[test]
    fn each_cycle_names_the_need_given_up() {
        let order = build_order(&[vec![1], vec![2], vec![0]]);
        assert_eq!(order.broken().collect::<Vec<_>>(), [(0, 1)]);
        let place = |package| order.order.iter().position(|other| *other == package);
        assert!(place(0) < place(1));
    }

    #[test]
    fn a_cycle_is_broken_behind_its_first_member() {
        let order = build_order(&[vec![1, 4], vec![2], vec![0], vec![0], vec![]]);
        assert_eq!(order.order, [4, 0, 2, 1, 3]);
        assert_eq!(order.cycles, [[0, 1, 2]]);
        assert_eq!(order.groups, [[0, 1, 2]]);
    }

    #[test]
    fn binaries_lead_to_all_packages_of_their_source() {
        let mut builder = crate::PoolBuilder::new(pkg::PackageFormat::Rpm);
        for (name, source) in [("liba", Some("a")), ("b", None), ("other", None)] {
            let package = pkg::PackageMeta {
                name: name.to_owned(),
                source: source.map(str::to_owned),
                ..pkg::PackageMeta::default()
            };
            builder.add_repository_package(0, &package);
        }
        let pool = builder.finish();
        let set = |names: &[&str]| names.iter().filter_map(|name| pool.find(name)).collect::<Vec<_>>();
        let triggers = [set(&["liba", "other"]), set(&[]), set(&["b", "liba"])];
        assert_eq!(build_needs(&pool, &["b", "a", "a"], &triggers), [vec![1, 2], vec![], vec![0, 1, 2]]);
    }

    #[test]
    fn self_needs_and_unknown_packages_are_skipped() {
        let order = build_order(&[vec![0, 9, 1, 1], vec![]]);
        assert_eq!(order.order, [1, 0]);
        assert!(order.cycles.is_empty() && order.groups.is_empty());
    }

    #[test]
    fn a_path_of_a_million_packages_needs_no_deep_stack() {
        let needs: Vec<Vec<u32>> = (1..=1_000_000).map(|next| vec![next]).collect();
        assert_eq!(build_order(&needs).order.first(), Some(&999_999));
    }
}
