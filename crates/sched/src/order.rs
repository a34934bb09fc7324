//! In which order builds run that were submitted together: who needs what another one makes waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use expand::{build_order, for_each_name};
use model::TaskId;
use pkg::dep::Dependency;

use crate::block::makers;
use crate::{OpenTask, RootPlan, Snapshot, WantedTask};

/// Something about an ordered batch that whoever submitted it should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchFinding {
    /// Number of the batch.
    pub batch: i64,
    /// One sentence.
    pub message: String,
}

/// What the tasks of ordered batches wait for.
#[derive(Default)]
pub(crate) struct BatchOrder {
    blockers: HashMap<TaskId, Vec<String>>,
    pub(crate) findings: Vec<BatchFinding>,
}

/// One unfinished task of a batch.
struct Member<'a> {
    task: TaskId,
    package: &'a str,
    /// What it is going to make, as far as known.
    makes: HashSet<String>,
    /// Names it asks for, directly or through packages that are there.
    asks: HashSet<String>,
    /// Packages that would make what is in its root now.
    built_with: HashSet<&'a str>,
    /// Whether it could be built now.
    is_possible: bool,
}

impl BatchOrder {
    /// `roots` are the plan's, one a task.
    pub(crate) fn new<'a>(snapshot: &Snapshot<'a>, roots: &[Option<&RootPlan>]) -> Self {
        let mut batches: BTreeMap<i64, Vec<Member<'a>>> = BTreeMap::new();
        let known = known_products(snapshot);
        for (task, root) in snapshot.tasks.iter().zip(roots) {
            if let Some(batch) = task.ordered {
                batches.entry(batch).or_default().push(Member::of_task(snapshot, &known, (task, *root)));
            }
        }
        for task in snapshot.open {
            if let Some(batch) = task.ordered {
                batches.entry(batch).or_default().push(Member::of_open(&known, task));
            }
        }
        let mut order = Self::default();
        for (batch, mut members) in batches {
            // Whoever comes first goes first where they go round in circles: rather one that can be built now.
            members.sort_by_key(|member| (!member.is_possible, member.task));
            order.add(batch, &members);
        }
        order
    }

    fn add(&mut self, batch: i64, members: &[Member<'_>]) {
        let needs: Vec<Vec<u32>> = members.iter().map(|member| member.needs(members)).collect();
        let ordered = build_order(&needs);
        let package = |place: u32| members.get(place as usize).map_or("", |member| member.package);
        let broken: HashSet<(u32, u32)> = ordered.broken().collect();
        for (cycle, (first, second)) in ordered.cycles.iter().zip(ordered.broken()) {
            let names: Vec<&str> = cycle.iter().map(|place| package(*place)).collect();
            let message = format!(
                "{} need each other: {} is built before {}, with what there is of that",
                names.join(", "),
                package(first),
                package(second)
            );
            self.findings.push(BatchFinding { batch, message });
        }
        for (place, (member, needs)) in (0_u32..).zip(members.iter().zip(&needs)) {
            let kept = needs.iter().filter(|other| !broken.contains(&(place, **other)));
            let by: BTreeSet<&str> = kept.map(|other| package(*other)).collect();
            if !by.is_empty() {
                self.blockers.insert(member.task, by.into_iter().map(str::to_owned).collect());
            }
        }
    }

    /// The packages of its batch that a task waits for, sorted.
    pub(crate) fn blockers(&self, task: TaskId) -> &[String] {
        self.blockers.get(&task).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Member<'a> {
    fn of_task(
        snapshot: &Snapshot<'a>,
        known: &Products<'a>,
        (task, root): (&'a WantedTask, Option<&RootPlan>),
    ) -> Self {
        let mut asks = HashSet::new();
        let mut makes = known.get(task.package.as_str()).cloned().unwrap_or_default();
        if let Ok(recipe) = &task.recipe {
            // What is asked not to be there is asked for all the same by its name; waiting for that would be wrong.
            for item in recipe.build_requires.iter().filter(|item| !item.starts_with(['-', '!'])) {
                for_each_name(item, &mut |name| asks.extend([name.to_owned()]));
            }
            makes.extend(recipe.subpackages.iter().cloned());
        }
        let packages = root.into_iter().flat_map(|root| &root.packages);
        let built_with = packages.flat_map(|package| makers(snapshot.pool, snapshot.origins, *package)).collect();
        Self { task: task.task, package: &task.package, makes, asks, built_with, is_possible: root.is_some() }
    }

    fn of_open(known: &Products<'a>, task: &'a OpenTask) -> Self {
        let mut makes = known.get(task.package.as_str()).cloned().unwrap_or_default();
        makes.extend(task.makes.iter().cloned());
        let (asks, built_with) = (HashSet::new(), HashSet::new());
        Self { task: task.task, package: &task.package, makes, asks, built_with, is_possible: true }
    }

    /// The members it needs, by place.
    fn needs(&self, members: &[Self]) -> Vec<u32> {
        let is_needed = |other: &Self| {
            other.package != self.package
                && (self.built_with.contains(other.package) || !other.makes.is_disjoint(&self.asks))
        };
        (0_u32..).zip(members).filter(|(_, other)| is_needed(other)).map(|(place, _)| place).collect()
    }
}

/// Names that packages provide, by the package of the project that made them.
type Products<'a> = HashMap<&'a str, HashSet<String>>;

/// What the packages of ordered batches have made before: it need not be all in their recipes.
fn known_products<'a>(snapshot: &Snapshot<'a>) -> Products<'a> {
    let wanted = snapshot.tasks.iter().filter(|task| task.ordered.is_some()).map(|task| task.package.as_str());
    let open = snapshot.open.iter().filter(|task| task.ordered.is_some()).map(|task| task.package.as_str());
    let mut products: Products<'a> = wanted.chain(open).map(|package| (package, HashSet::new())).collect();
    if products.is_empty() {
        return products;
    }
    for package in snapshot.pool.packages() {
        for maker in makers(snapshot.pool, snapshot.origins, package) {
            if let Some(names) = products.get_mut(maker) {
                names.extend(snapshot.pool.provides(package).map(|one| Dependency::parse(&one).name.to_owned()));
            }
        }
    }
    products
}
