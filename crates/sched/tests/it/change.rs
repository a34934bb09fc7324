//! Which packages are built again because something they are built with has changed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use expand::meta::MetaLine;
use expand::{PackageId, Pool, PoolBuilder};
use model::{BlockMode, RebuildMode, TargetAdditions};
use pkg::{Arch, PackageFormat};
use recipe::{Target, dsc};
use sched::{BlockPolicy, BuiltBy, Fate, KnownPackage, LastBuild, Origins, RebuildPolicy, Snapshot, WantedTask, fates};

/// Builds of a repository: package, what it needs, and the names of its source and of the archive's state, in which each
/// was built. `lib` is the archive's.
struct World {
    pool: Pool,
    archive: &'static str,
    built: BTreeMap<&'static str, (usize, Vec<MetaLine>)>,
    open: Vec<&'static str>,
}

impl Origins for World {
    fn content(&self, package: PackageId) -> Cow<'_, str> {
        Cow::Owned(format!("{}-{}", self.pool.name(package), self.archive))
    }

    fn built(&self, package: PackageId) -> Option<BuiltBy<'_>> {
        let (package, (layer, lines)) = self.built.get_key_value(self.pool.name(package))?;
        let fingerprint = lines.first().map_or("", |line| line.digest.as_str());
        Some(BuiltBy { layer: *layer, package, fingerprint, is_open: self.open.contains(package) })
    }

    fn fingerprint(&self, package: PackageId) -> Arc<Vec<MetaLine>> {
        Arc::new(self.built.get(self.pool.name(package)).map(|(_, lines)| lines.clone()).unwrap_or_default())
    }
}

fn line(text: &str) -> MetaLine {
    MetaLine::parse(text).unwrap()
}

fn world(archive: &'static str) -> World {
    let mut builder = PoolBuilder::new(PackageFormat::Deb);
    testkit::world::packages("P: lib\nP: a\nP: b\nP: c\nP: far\n")
        .iter()
        .for_each(|package| builder.add_repository_package(0, package));
    let built = [
        ("a", 0, vec![line("a1  a"), line("lib-1  lib")]),
        ("b", 0, vec![line("b1  b"), line("a1  a"), line("lib-1  a/lib")]),
        ("c", 0, vec![line("c1  c"), line("b1  b"), line("a1  b/a"), line("lib-1  b/a/lib")]),
        ("far", 1, vec![line("f1  far")]),
    ];
    let built = built.into_iter().map(|(name, layer, lines)| (name, (layer, lines))).collect();
    World { pool: builder.finish(), archive, built, open: Vec::new() }
}

fn known(package: &str, needs: &str, last: LastBuild) -> KnownPackage {
    let arch = Arch::parse("x86_64").unwrap();
    let text = format!("Source: {package}\nVersion: 1\nBinary: {package}\nBuild-Depends: {needs}\n");
    let recipe = dsc::parse(&text, &Target { arch: &arch, profiles: &[] }).0.ok_or_else(String::new);
    KnownPackage { package: package.to_owned(), recipe: Arc::new(recipe), last, seen: None }
}

/// The packages of [`world`], as they were built.
fn chain(world: &World) -> Vec<KnownPackage> {
    let last = |name: &str| LastBuild::Ended(Arc::new(world.built[name].1[1..].to_vec()));
    vec![known("c", "b", last("c")), known("b", "a", last("b")), known("a", "lib", last("a"))]
}

fn all(world: &World, policy: RebuildPolicy, known: &[KnownPackage]) -> Vec<Fate> {
    let text = b"Type: dsc\nBinaryType: deb\n";
    let config = prjconf::evaluate(&prjconf::parse(text), &prjconf::Options::for_arch("x86_64")).config;
    let (arch, tasks): (_, [WantedTask; 0]) = (Arch::parse("x86_64").unwrap(), []);
    let snapshot = Snapshot {
        arch: &arch,
        config: &config,
        config_error: None,
        pool: &world.pool,
        is_local: &|_| true,
        additions: &TargetAdditions::default(),
        block: BlockPolicy::Never,
        tasks: &tasks,
        open: &[],
        origins: Some(world),
    };
    fates(&snapshot, policy, known)
}

fn words(known: &[KnownPackage], fates: &[Fate]) -> String {
    let word = |fate: &Fate| match fate {
        Fate::Building => "building".to_owned(),
        Fate::Current { adopted: None, .. } => "current".to_owned(),
        Fate::Current { adopted: Some(lines), .. } => format!("from {} on", lines.len()),
        Fate::Waits { by } => format!("waits for {}", by.join(" ")),
        Fate::Outdated { what } => format!("outdated by {}", what.join(" ")),
        Fate::Impossible { verdict } => verdict.to_string(),
    };
    let all: Vec<String> =
        known.iter().zip(fates).map(|(one, fate)| format!("{}: {}", one.package, word(fate))).collect();
    all.join("; ")
}

#[track_caller]
fn check(world: &World, policy: RebuildPolicy, known: &[KnownPackage], expected: &str) {
    assert_eq!(words(known, &all(world, policy, known)), expected);
}

fn mode(mode: RebuildMode) -> RebuildPolicy {
    RebuildPolicy { mode, block: BlockMode::All }
}

#[test]
fn what_has_not_changed_is_current_and_says_so_at_once_the_next_time() {
    let world = world("1");
    let mut packages = chain(&world);
    check(&world, RebuildPolicy::default(), &packages, "c: current; b: current; a: current");
    for (package, fate) in packages.iter_mut().zip(all(&world, RebuildPolicy::default(), &chain(&world))) {
        let Fate::Current { mark, .. } = fate else { panic!("{fate:?}") };
        package.seen = mark;
        // Nothing would be found equal to this.
        package.last = match &package.last {
            LastBuild::Ended(lines) => LastBuild::Ended(Arc::clone(lines)),
            other => other.clone(),
        };
    }
    check(&world, RebuildPolicy::default(), &packages, "c: current; b: current; a: current");
}

#[test]
fn the_first_of_a_chain_is_outdated_and_the_others_wait() {
    let world = world("2");
    let packages = chain(&world);
    check(&world, RebuildPolicy::default(), &packages, "c: waits for b; b: waits for a; a: outdated by lib");
    check(&world, mode(RebuildMode::Local), &packages, "c: current; b: current; a: current");
    let never = RebuildPolicy { block: BlockMode::Never, ..RebuildPolicy::default() };
    check(&world, never, &packages, "c: current; b: current; a: outdated by lib");
}

#[test]
fn a_change_further_away_counts_unless_only_direct_ones_do() {
    let mut world = world("1");
    let packages = chain(&world);
    world.built.get_mut("a").unwrap().1[0] = line("a2  a");
    check(&world, RebuildPolicy::default(), &packages, "c: waits for b; b: outdated by a; a: current");
    world.built.get_mut("b").unwrap().1[1] = line("a2  a");
    let packages = [chain(&world), packages].concat();
    let packages = [packages[1].clone(), packages[3].clone()];
    check(&world, RebuildPolicy::default(), &packages, "b: current; c: outdated by b/a");
    check(&world, mode(RebuildMode::Direct), &packages, "b: current; c: current");
}

#[test]
fn what_is_being_built_holds_up_those_it_is_built_into_if_it_can_run() {
    let world = world("1");
    let mut packages = chain(&world);
    packages[2].last = LastBuild::Open { can_run: true };
    check(&world, RebuildPolicy::default(), &packages, "c: waits for b; b: waits for a; a: building");
    packages[2].last = LastBuild::Open { can_run: false };
    check(&world, RebuildPolicy::default(), &packages, "c: current; b: current; a: building");
}

#[test]
fn builds_of_other_repositories_hold_up_unless_only_the_own_one_counts() {
    let mut world = world("1");
    let packages = [known("d", "far", LastBuild::Ended(Arc::new(vec![line("f0  far")])))];
    world.open.push("far");
    check(&world, RebuildPolicy::default(), &packages, "d: waits for far");
    let local = RebuildPolicy { block: BlockMode::Local, ..RebuildPolicy::default() };
    check(&world, local, &packages, "d: outdated by far");
}

#[test]
fn what_could_not_be_built_is_when_it_can() {
    let world = world("1");
    let packages = [
        known("d", "lib", LastBuild::Impossible),
        known("e", "nosuch", LastBuild::Impossible),
        known("f", "lib", LastBuild::Unknown),
        known("g", "nosuch", LastBuild::Ended(Arc::default())),
    ];
    check(
        &world,
        RebuildPolicy::default(),
        &packages,
        "d: outdated by it can be built now; e: unresolvable: nothing provides nosuch; f: from 1 on; \
         g: unresolvable: nothing provides nosuch",
    );
}

#[test]
fn packages_that_need_each_other_are_not_each_others_reason_for_ever() {
    let mut world = world("1");
    world.built.insert("a", (0, vec![line("a1  a"), line("b1  b")]));
    world.built.insert("b", (0, vec![line("b1  b"), line("a1  a")]));
    let last = |line_of: &str| LastBuild::Ended(Arc::new(vec![line(line_of)]));
    let packages = [known("a", "b", last("b1  b")), known("b", "a", last("a1  a"))];
    check(&world, RebuildPolicy::default(), &packages, "a: current; b: current");
    // b has a new source: a follows, then nothing does.
    world.built.insert("b", (0, vec![line("b2  b"), line("a1  a")]));
    check(&world, RebuildPolicy::default(), &packages, "a: outdated by b; b: waits for a");
    world.built.insert("a", (0, vec![line("a1  a"), line("b2  b")]));
    let packages = [known("a", "b", last("b2  b")), known("b", "a", last("a1  a"))];
    check(&world, RebuildPolicy::default(), &packages, "a: current; b: current");
}
