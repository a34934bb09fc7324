//! The derivation of a set: for each package the dependency that brought it in, who has that dependency, which rule chose.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use crate::pool::{PackageId, Pool};
use crate::trace::{Cause, Rule, Trace};

/// Keeps the cause of every package taken, in the order they were taken.
#[derive(Debug, Clone, Default)]
pub struct Derivation {
    steps: Vec<(PackageId, Cause)>,
    places: FxHashMap<PackageId, usize>,
}

impl Trace for Derivation {
    fn taken(&mut self, package: PackageId, cause: impl FnOnce() -> Cause) {
        self.places.insert(package, self.steps.len());
        self.steps.push((package, cause()));
    }
}

impl Derivation {
    /// Every package taken with its cause, in order.
    #[must_use]
    pub fn steps(&self) -> &[(PackageId, Cause)] {
        &self.steps
    }

    /// Why a package was taken; none if it was not.
    #[must_use]
    pub fn cause(&self, package: PackageId) -> Option<&Cause> {
        self.places.get(&package).and_then(|place| self.steps.get(*place)).map(|(_, cause)| cause)
    }

    /// The way from a package up to the request: the package, what required it, what required that, and so on.
    #[must_use]
    pub fn chain(&self, package: PackageId) -> Vec<(PackageId, &Cause)> {
        let mut chain = Vec::new();
        let mut next = Some(package);
        while let Some(package) = next {
            let Some(cause) = self.cause(package) else { break };
            chain.push((package, cause));
            next = cause.requirer;
        }
        chain
    }

    /// The whole derivation as an indented text, one line a package; what the request itself asks for stands leftmost.
    #[must_use]
    pub fn tree(&self, pool: &Pool) -> String {
        let mut children: FxHashMap<Option<PackageId>, Vec<usize>> = FxHashMap::default();
        for (place, (_, cause)) in self.steps.iter().enumerate() {
            children.entry(cause.requirer).or_default().push(place);
        }
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut push = |open: &mut Vec<(usize, usize)>, parent, depth| {
            let places = children.remove(&parent).unwrap_or_default();
            open.extend(places.into_iter().rev().map(|place| (place, depth)));
        };
        push(&mut open, None, 0);
        let mut text = String::new();
        while let Some((place, depth)) = open.pop() {
            let Some((package, cause)) = self.steps.get(place) else { continue };
            let indent = 2 * depth.min(MAX_SHOWN_DEPTH);
            // Writing into a string does not fail.
            _ = writeln!(text, "{:indent$}{}{}", "", pool.name(*package), reason(pool.name(*package), cause));
            push(&mut open, Some(*package), depth + 1);
        }
        text
    }
}

/// Deeper levels are not indented further.
const MAX_SHOWN_DEPTH: usize = 40;

/// What the tree says behind a name; nothing where it would only repeat the name.
fn reason(name: &str, cause: &Cause) -> String {
    let rule = match cause.rule {
        Rule::Named | Rule::Only => "",
        Rule::OthersConflict => ", the others conflict",
        Rule::Preferred => ", preferred",
        Rule::FirstAlternative => ", first alternative",
        Rule::Recommended => ", recommended",
        Rule::Supplements => ", supplements it",
    };
    if rule.is_empty() && cause.dependency == name { String::new() } else { format!(" ({}{rule})", cause.dependency) }
}
