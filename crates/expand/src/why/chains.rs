//! How packages came in: the shortest proof for a problem, and all ways for a question.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustc_hash::{FxHashMap, FxHashSet};

use super::explain::Explainer;
use super::types::{Focus, Link};
use crate::pool::PackageId;
use crate::trace::{Cause, DependencyRef, Rule};

/// Ways that are shown.
const MOST_CHAINS: usize = 8;
/// Longest way that is shown, in packages.
const LONGEST_CHAIN: usize = 24;
/// Ways that are looked at before the search gives up.
const MOST_STEPS: usize = 50_000;

/// How each taken package can be proved to be necessary, in the fewest steps.
#[derive(Debug, Default)]
pub(super) struct Proofs(FxHashMap<u32, Cause>);

impl Explainer<'_> {
    /// Finds for each taken package the shortest chain of decisions that each stand by themselves: what took the package,
    /// or a dependency that only it provides.
    pub(super) fn proofs(&self) -> Proofs {
        let mut children: FxHashMap<Option<PackageId>, Vec<(PackageId, Cause)>> = FxHashMap::default();
        for (package, cause) in self.steps {
            children.entry(cause.requirer).or_default().push((*package, *cause));
        }
        let mut proofs = Proofs::default();
        let mut open: VecDeque<PackageId> = VecDeque::new();
        for (package, cause) in children.get(&None).into_iter().flatten() {
            proofs.0.insert(package.0, *cause);
            open.push_back(*package);
        }
        while let Some(package) = open.pop_front() {
            let own = children.get(&Some(package)).into_iter().flatten().copied();
            let only = self.pool.requires_of(package.0).iter().filter_map(|dep| self.only_provider(package, *dep));
            for (next, cause) in own.chain(only) {
                if self.places.contains_key(&next.0) && !proofs.0.contains_key(&next.0) {
                    proofs.0.insert(next.0, cause);
                    open.push_back(next);
                }
            }
        }
        proofs
    }

    fn only_provider(&self, package: PackageId, dep: u32) -> Option<(PackageId, Cause)> {
        let deps = self.pool.deps();
        if deps.kind(dep).is_rich() || self.ignores.contains(Some(package.0), deps.name(dep)) {
            return None;
        }
        let providers = self.rules.providers(self.pool, dep);
        let [provider] = providers[..] else { return None };
        let is_left_out = self.ignores.contains(Some(package.0), self.pool.name_number(provider));
        let dependency = DependencyRef::OfPackage(dep);
        let cause = Cause { requirer: Some(package), dependency, rule: Rule::Only };
        (!is_left_out && provider != package.0).then_some((PackageId(provider), cause))
    }

    /// The decisions from the request to a package, both included; empty if it was not taken.
    pub(super) fn chain(&self, proofs: &Proofs, package: PackageId) -> Vec<Link> {
        let mut chain = Vec::new();
        let mut next = Some(package);
        while let Some(package) = next {
            let Some(cause) = proofs.0.get(&package.0) else { break };
            chain.push(self.link(package, cause));
            next = cause.requirer;
        }
        chain.reverse();
        chain
    }

    /// How a package, or the packages that provide a dependency, came in.
    pub(super) fn focus(&self, dependency: &str) -> Focus {
        let named = self.pool.find(dependency).map(|package| vec![package.0]);
        let providers = named.unwrap_or_else(|| self.rules.providers_of_text(self.pool, dependency).into_owned());
        let (taken, others): (Vec<u32>, Vec<u32>) =
            providers.into_iter().partition(|package| self.places.contains_key(package));
        let names = |packages: &[u32]| packages.iter().map(|p| self.pool.name(PackageId(*p)).to_owned()).collect();
        let (chains, has_more) = self.all_chains(&taken);
        Focus { dependency: dependency.to_owned(), packages: names(&taken), others: names(&others), chains, has_more }
    }

    fn all_chains(&self, targets: &[u32]) -> (Vec<Vec<Link>>, bool) {
        let graph = Graph::new(self);
        let mut search = Search::default();
        for target in targets {
            search.push(&graph, vec![*target]);
        }
        let mut chains = Vec::new();
        let mut steps = 0;
        while let Some(Reverse((_, is_open, path))) = search.0.pop() {
            steps += 1;
            if chains.len() == MOST_CHAINS || steps > MOST_STEPS {
                return (chains, true);
            }
            if !is_open {
                chains.push(self.named_chain(&graph, &path));
                continue;
            }
            let Some(last) = path.last() else { continue };
            if graph.items.contains_key(last) {
                search.0.push(Reverse((path.len(), false, path.clone())));
            }
            for (requirer, _) in graph.requirers.get(last).into_iter().flatten() {
                if !path.contains(requirer) && path.len() < LONGEST_CHAIN {
                    let mut longer = path.clone();
                    longer.push(*requirer);
                    search.push(&graph, longer);
                }
            }
        }
        (chains, false)
    }

    /// A way with its reasons; the path leads up to the request.
    fn named_chain(&self, graph: &Graph, path: &[u32]) -> Vec<Link> {
        let mut chain = Vec::new();
        for (place, package) in path.iter().enumerate() {
            let (requirer, dependency) = match path.get(place + 1) {
                Some(requirer) => {
                    let edges = graph.requirers.get(package).into_iter().flatten();
                    let Some((_, dep)) = edges.into_iter().find(|(other, _)| other == requirer) else { break };
                    (Some(PackageId(*requirer)), DependencyRef::OfPackage(*dep))
                }
                None => {
                    let Some(item) = graph.items.get(package) else { break };
                    (None, DependencyRef::OfRequest(*item))
                }
            };
            chain.push(self.link(PackageId(*package), &self.cause_of_edge(*package, requirer, dependency)));
        }
        chain.reverse();
        chain
    }

    /// The decision itself, if this dependency took the package; else how it stands to it.
    fn cause_of_edge(&self, package: u32, requirer: Option<PackageId>, dependency: DependencyRef) -> Cause {
        let step = self.places.get(&package).and_then(|place| self.steps.get(*place));
        if let Some((_, cause)) = step.filter(|(_, cause)| cause.requirer == requirer && cause.dependency == dependency)
        {
            return *cause;
        }
        let is_only = self.providers(dependency).len() == 1;
        Cause { requirer, dependency, rule: if is_only { Rule::Only } else { Rule::AlreadyThere } }
    }
}

/// Who needs whom among the taken packages.
struct Graph {
    /// For each package those that need it, each with its dependency, sorted.
    requirers: FxHashMap<u32, Vec<(u32, u32)>>,
    /// For each package that the request asks for the place of the item.
    items: FxHashMap<u32, u32>,
    /// How many packages are above each one at least.
    depths: FxHashMap<u32, usize>,
}

impl Graph {
    fn new(explainer: &Explainer<'_>) -> Self {
        let mut graph =
            Self { requirers: FxHashMap::default(), items: FxHashMap::default(), depths: FxHashMap::default() };
        for place in 0..explainer.wish_items().count() as u32 {
            for package in explainer.providers(DependencyRef::OfRequest(place)) {
                if explainer.places.contains_key(&package) {
                    graph.items.entry(package).or_insert(place);
                }
            }
        }
        let mut needs: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (package, _) in explainer.steps {
            let mut seen = FxHashSet::default();
            for dep in explainer.pool.requires_of(package.0) {
                let deps = explainer.pool.deps();
                if deps.kind(*dep).is_rich() || explainer.ignores.contains(Some(package.0), deps.name(*dep)) {
                    continue;
                }
                for provider in explainer.rules.providers(explainer.pool, *dep).iter() {
                    if explainer.places.contains_key(provider) && *provider != package.0 && seen.insert(*provider) {
                        graph.requirers.entry(*provider).or_default().push((package.0, *dep));
                        needs.entry(package.0).or_default().push(*provider);
                    }
                }
            }
        }
        graph.requirers.values_mut().for_each(|list| list.sort_unstable());
        let mut open: VecDeque<u32> = graph.items.keys().copied().collect();
        graph.depths.extend(open.iter().map(|package| (*package, 0)));
        while let Some(package) = open.pop_front() {
            let depth = graph.depths.get(&package).map_or(0, |depth| depth + 1);
            for next in needs.get(&package).into_iter().flatten() {
                if !graph.depths.contains_key(next) {
                    graph.depths.insert(*next, depth);
                    open.push_back(*next);
                }
            }
        }
        graph
    }
}

/// Ways from a package upwards: least length with the least rest first, then by package numbers.
#[derive(Default)]
struct Search(BinaryHeap<Reverse<(usize, bool, Vec<u32>)>>);

impl Search {
    fn push(&mut self, graph: &Graph, path: Vec<u32>) {
        let Some(rest) = path.last().and_then(|last| graph.depths.get(last)) else { return };
        self.0.push(Reverse((path.len() + rest, true, path)));
    }
}
