//! Which packages are built again because something they are built with has changed.
//!
//! Rule: the Open Build Service's scheduler (obs-build's PBuild::Checker states the same): what a build was made from is
//! kept as a fingerprint ([`expand::meta`]) and compared with the one a build would have now. A package waits while
//! something it is built with is itself being built, or about to be, so that one change is one build of each package.
//!
//! DIFFERS from the Open Build Service: packages that other projects of the path have built count with what they were built
//! from as well, not with their bytes. Two projects that build against each other thus do not start each other for ever when
//! their builds are not reproducible, and a build that is repeated as it was starts nothing anywhere.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use expand::meta::{self, MetaChange, MetaLine};
use expand::{PackageId, build_order};
use model::{BlockMode, RebuildMode, Verdict};
use pkg::Md5;
use recipe::Recipe;
use serde::{Deserialize, Serialize};

use crate::block::makers;
use crate::plan::{Planner, unresolvable};
use crate::{Origins, Snapshot, expand_config};

/// Most changes that are named as the reason of one build.
const MOST_NAMED: usize = 100;

/// The word for a change that is not one of packages: what could not be built can be built now.
const POSSIBLE: &str = "it can be built now";

/// A package as its newest build left it.
#[derive(Debug, Clone)]
pub struct KnownPackage {
    /// Package of the project.
    pub package: String,
    /// The recipe of its newest build, read for this architecture and configuration; or why it can not be built from.
    pub recipe: Arc<Result<Recipe, String>>,
    /// What became of that build.
    pub last: LastBuild,
    /// [`Fate::Current`]'s mark of the last look.
    pub seen: Option<Md5>,
}

/// What became of the newest build of a package.
#[derive(Debug, Clone)]
pub enum LastBuild {
    /// It has not ended.
    Open {
        /// Whether it could run as things are: others wait for it then.
        can_run: bool,
    },
    /// It ended, made from this. Without the line of its own source, which a build again does not change.
    Ended(Arc<Vec<MetaLine>>),
    /// It could not be built then.
    Impossible,
    /// It ended, and nobody knows what it was made from.
    Unknown,
}

/// Which changes count, and what is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RebuildPolicy {
    /// Which changes count.
    pub mode: RebuildMode,
    /// What is waited for.
    pub block: BlockMode,
}

/// What is to be done with a package whose source has not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Fate {
    /// It is being built.
    Building,
    /// It is up to date.
    Current {
        /// Stands for everything this was found from; equal to [`KnownPackage::seen`] next time, the work can be saved.
        #[serde(skip)]
        mark: Option<Md5>,
        /// What it counts as made from, if its build did not say: what it would be made from now.
        #[serde(skip)]
        adopted: Option<Vec<MetaLine>>,
    },
    /// Whether it is up to date shows when these packages are built; sorted.
    Waits {
        /// The packages.
        by: Vec<String>,
    },
    /// It is to be built again.
    Outdated {
        /// What has changed: packages, behind a slash what they are built with; or a word for it. At most a hundred.
        what: Vec<String>,
    },
    /// It could not be built again as things are.
    Impossible {
        /// Why not.
        verdict: Verdict,
    },
}

/// What is to be done with each package, in the order of `known`. The tasks of the snapshot are not looked at.
///
/// Without [`Snapshot::origins`] nothing counts as changed.
#[must_use]
pub fn fates(snapshot: &Snapshot<'_>, policy: RebuildPolicy, known: &[KnownPackage]) -> Vec<Fate> {
    let config = expand_config(snapshot.config, &snapshot.additions.packages);
    let planner = Planner::new(snapshot, &config);
    let Some(origins) = snapshot.origins else {
        return known.iter().map(|_| Fate::Current { mark: None, adopted: None }).collect();
    };
    let decider = Decider { planner: &planner, origins, policy };
    let places: HashMap<&str, u32> = (0_u32..).zip(known).map(|(place, one)| (one.package.as_str(), place)).collect();
    let needs: Vec<Vec<u32>> = known.iter().map(|one| decider.needs(one, &places)).collect();
    let mut fates: Vec<Option<Fate>> = vec![None; known.len()];
    let is_running = |one: &&KnownPackage| matches!(one.last, LastBuild::Open { can_run: true });
    let mut busy: HashSet<&str> = known.iter().filter(is_running).map(|one| one.package.as_str()).collect();
    // Dependencies first: whoever is built with what is about to be built waits for it.
    for place in build_order(&needs).order {
        let Some(one) = known.get(place as usize) else { continue };
        let fate = decider.fate(one, &busy);
        if matches!(fate, Fate::Waits { .. } | Fate::Outdated { .. }) {
            busy.insert(&one.package);
        }
        if let Some(slot) = fates.get_mut(place as usize) {
            *slot = Some(fate);
        }
    }
    fates.into_iter().map(|fate| fate.unwrap_or(Fate::Building)).collect()
}

/// Decides for one package at a time.
struct Decider<'a> {
    planner: &'a Planner<'a>,
    origins: &'a dyn Origins,
    policy: RebuildPolicy,
}

impl Decider<'_> {
    /// The packages of the same repository that a package is built with.
    fn needs(&self, one: &KnownPackage, places: &HashMap<&str, u32>) -> Vec<u32> {
        let Ok(recipe) = one.recipe.as_ref() else { return Vec::new() };
        let Ok(triggers) = self.planner.triggers_of(recipe) else { return Vec::new() };
        let pool = self.planner.snapshot().pool;
        let makers = triggers.iter().flat_map(|package| makers(pool, Some(self.origins), *package));
        let needs: BTreeSet<u32> = makers.filter_map(|maker| places.get(maker).copied()).collect();
        needs.into_iter().collect()
    }

    fn fate(&self, one: &KnownPackage, busy: &HashSet<&str>) -> Fate {
        if matches!(one.last, LastBuild::Open { .. }) {
            return Fate::Building;
        }
        let recipe = match one.recipe.as_ref() {
            Ok(recipe) => recipe,
            Err(detail) => return Fate::Impossible { verdict: Verdict::Broken { detail: detail.clone() } },
        };
        let triggers = match self.planner.triggers_of(recipe) {
            Ok(triggers) => triggers,
            Err(verdict) => return Fate::Impossible { verdict },
        };
        let by = self.blockers(one, &triggers, busy);
        if !by.is_empty() {
            return Fate::Waits { by };
        }
        match &one.last {
            LastBuild::Ended(stored) => self.compare(one, recipe, (&triggers, stored)),
            LastBuild::Impossible => self.if_possible(recipe, vec![POSSIBLE.to_owned()]),
            LastBuild::Unknown | LastBuild::Open { .. } => {
                let adopted = fingerprint(self.planner, self.origins, &one.package, (recipe, &triggers));
                Fate::Current { mark: None, adopted: Some(adopted) }
            }
        }
    }

    /// The packages in a trigger set that are being built, or about to be.
    fn blockers(&self, one: &KnownPackage, triggers: &[PackageId], busy: &HashSet<&str>) -> Vec<String> {
        let block = self.policy.block;
        if block == BlockMode::Never {
            return Vec::new();
        }
        let pool = self.planner.snapshot().pool;
        let mut by = BTreeSet::new();
        for package in triggers {
            let own = makers(pool, Some(self.origins), *package);
            by.extend(own.filter(|maker| *maker != one.package && busy.contains(maker)).map(str::to_owned));
            let elsewhere = self.origins.built(*package).filter(|built| built.layer > 0 && built.is_open);
            by.extend(elsewhere.filter(|_| block == BlockMode::All).map(|built| built.package.to_owned()));
        }
        by.into_iter().collect()
    }

    fn compare(
        &self,
        one: &KnownPackage,
        recipe: &Recipe,
        (triggers, stored): (&[PackageId], &Arc<Vec<MetaLine>>),
    ) -> Fate {
        let mode = match self.policy.mode {
            RebuildMode::Local => return Fate::Current { mark: None, adopted: None },
            RebuildMode::Transitive => meta::Rebuild::Transitive,
            RebuildMode::Direct => meta::Rebuild::Direct,
        };
        let mark = self.mark(stored, mode, triggers);
        let current = Fate::Current { mark: Some(mark), adopted: None };
        if one.seen == Some(mark) {
            return current;
        }
        let now = fingerprint(self.planner, self.origins, &one.package, (recipe, triggers));
        let is_same = match mode {
            meta::Rebuild::Transitive => **stored == now,
            meta::Rebuild::Direct => meta::is_same_directly(stored, &now),
        };
        if is_same { current } else { self.if_possible(recipe, changes(stored, &now, mode)) }
    }

    /// Outdated, if a root can be made at all.
    fn if_possible(&self, recipe: &Recipe, what: Vec<String>) -> Fate {
        let verdict = match self.planner.request_for(Ok(recipe)) {
            Ok(request) => match self.planner.expander.build_set(&request) {
                Ok(_) => return Fate::Outdated { what },
                Err(problems) => unresolvable(&problems),
            },
            Err(verdict) => verdict,
        };
        Fate::Impossible { verdict }
    }

    fn mark(&self, stored: &[MetaLine], mode: meta::Rebuild, triggers: &[PackageId]) -> Md5 {
        let pool = self.planner.snapshot().pool;
        let identities: Vec<(&str, String)> = triggers
            .iter()
            .map(|package| {
                let identity = match self.origins.built(*package) {
                    Some(built) => built.fingerprint.to_owned(),
                    None => self.origins.content(*package).into_owned(),
                };
                (pool.name(*package), identity)
            })
            .collect();
        let named: Vec<(&str, &str)> = identities.iter().map(|(name, identity)| (*name, identity.as_str())).collect();
        meta::shortcut(meta::fingerprint_digest(stored), self.planner.meta_algorithm(), mode, &named, &[])
    }
}

/// What a build of a recipe would be made from now, without the line of its own source.
pub(crate) fn fingerprint(
    planner: &Planner<'_>,
    origins: &dyn Origins,
    package: &str,
    (recipe, triggers): (&Recipe, &[PackageId]),
) -> Vec<MetaLine> {
    let pool = planner.snapshot().pool;
    let mut lines = Vec::new();
    for trigger in triggers {
        let name = pool.name(*trigger);
        let stored = origins.fingerprint(*trigger);
        if stored.is_empty() {
            lines.push(MetaLine { path: name.to_owned(), digest: origins.content(*trigger).into_owned() });
            continue;
        }
        // What a package of the same name elsewhere has built is not its own.
        let is_here = origins.built(*trigger).is_some_and(|built| built.layer == 0);
        lines.extend(meta::lines_of_dependency(name, &stored, is_here.then_some(package)));
    }
    meta::fingerprint(&recipe.subpackages, lines, planner.meta_algorithm())
}

/// The differences that count, as people read them.
fn changes(stored: &[MetaLine], now: &[MetaLine], mode: meta::Rebuild) -> Vec<String> {
    let path = |change: MetaChange<'_>| match change {
        MetaChange::Changed(path) | MetaChange::Added(path) | MetaChange::Removed(path) => path.to_owned(),
    };
    let mut found: Vec<String> = meta::differences(stored, now).into_iter().map(path).collect();
    if mode == meta::Rebuild::Direct {
        found.retain(|path| !path.contains('/'));
    }
    // The nearest first: further ones often only follow from them.
    found.sort_by_key(|path| (path.matches('/').count(), path.clone()));
    found.dedup();
    found.truncate(MOST_NAMED);
    found
}
