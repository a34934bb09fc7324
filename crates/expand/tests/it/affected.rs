//! Which sources a changed package concerns, held against expanding all of them again.

use expand::{Affected, BuildRequest, ExpandConfig, Expander, PackageId, Pool, PoolBuilder, Users};
use pkg::{PackageFormat, PackageMeta};

const SOURCES: u32 = 300;

/// A world in which most packages ask for two others, some of them through names several provide.
fn packages() -> Vec<PackageMeta> {
    let package = |i: u32| PackageMeta {
        name: format!("p{i:03}"),
        evr: "1-1".to_owned(),
        provides: vec![format!("p{i:03} = 1-1"), format!("c{}", i % 90)],
        requires: [format!("p{:03}", i / 3)]
            .into_iter()
            .chain(i.is_multiple_of(5).then(|| format!("c{}", i * 13 % 90)))
            .collect(),
        ..PackageMeta::default()
    };
    (0..400).map(package).collect()
}

fn pool(packages: &[PackageMeta]) -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Rpm);
    packages.iter().for_each(|package| builder.add_repository_package(0, package));
    builder.finish()
}

fn requests() -> Vec<BuildRequest> {
    let request =
        |i: u32| BuildRequest { dependencies: vec![format!("p{:03}", i * 11 % 400)], own_binaries: Vec::new() };
    (0..SOURCES).map(request).collect()
}

fn config() -> ExpandConfig {
    ExpandConfig {
        prefer: (0..90).map(|i| format!("p{i:03}")).collect(),
        required: vec!["p390".to_owned()],
        support: vec!["p391".to_owned()],
        ..ExpandConfig::default()
    }
}

fn names(pool: &Pool, expander: &Expander<'_>) -> Vec<Result<Vec<String>, String>> {
    let name = |set: Vec<PackageId>| set.into_iter().map(|id| pool.name(id).to_owned()).collect();
    let sets = requests().into_iter().map(|request| expander.trigger_set(&request));
    sets.map(|set| set.map(name).map_err(|problems| format!("{problems:?}"))).collect()
}

#[test]
fn sources_outside_the_affected_ones_keep_their_result() {
    let (before, config) = (packages(), config());
    let pool_before = pool(&before);
    let expander = Expander::new(&pool_before, &config);
    let sets: Vec<Option<Vec<PackageId>>> =
        requests().iter().map(|request| expander.trigger_set(request).ok()).collect();
    let users = Users::new(&expander, &requests(), &sets);
    let old = names(&pool_before, &expander);
    let (mut concerned, mut changed) = (0, 0);
    for place in (0..before.len()).step_by(7) {
        let mut after = before.clone();
        match place % 3 {
            0 => after[place].provides.push(format!("c{}", place % 80)),
            1 => after[place].requires = vec!["p005".to_owned()],
            _ => after[place].provides.truncate(1),
        }
        let provides = before[place].provides.iter().chain(&after[place].provides).map(String::as_str);
        let Affected { sources, looked_at } = users.of_change(&pool_before, &before[place].name, provides);
        let pool_after = pool(&after);
        let new = names(&pool_after, &Expander::new(&pool_after, &config));
        for (source, (old, new)) in (0..).zip(old.iter().zip(&new)) {
            changed += usize::from(old != new);
            assert!(old == new || sources.contains(&source), "p{place:03} changes {source}");
        }
        concerned += sources.len();
        // Each name is mentioned by a few packages, each in the sets of some sources.
        assert!(looked_at < 200 * SOURCES as usize, "{looked_at}");
    }
    assert!(changed > 50 && concerned < before.len() / 7 * SOURCES as usize / 2, "{changed} {concerned}");
}

#[test]
fn new_content_concerns_those_whose_trigger_set_has_the_package() {
    let (pool, config) = (pool(&packages()), config());
    let expander = Expander::new(&pool, &config);
    let sets: Vec<Option<Vec<PackageId>>> =
        requests().iter().map(|request| expander.trigger_set(request).ok()).collect();
    let users = Users::new(&expander, &requests(), &sets);
    for package in pool.packages() {
        let wanted: Vec<u32> = (0..)
            .zip(&sets)
            .filter(|(_, set)| set.as_ref().is_some_and(|set| set.contains(&package)))
            .map(|(i, _)| i)
            .collect();
        let Affected { sources, looked_at } = users.of_content(package);
        assert_eq!(looked_at, wanted.len());
        assert_eq!(sources, wanted);
    }
}
