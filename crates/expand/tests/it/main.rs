//! Public behaviour of dependency expansion.
#![cfg(test)]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "cases are files, hostile input is timed")]

mod affected;
mod case;
mod effects;
mod flags;
mod hostile;
mod manual;
#[expect(dead_code, reason = "also used by the chore that keeps differences as cases")]
mod peer;
mod universe;
mod why;

use std::path::{Path, PathBuf};

use expand::NamedAlternatives;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The recorded cases next to the workspace; none on machines without them.
fn shared_cases(name: &str) -> Option<PathBuf> {
    let folder = workspace().join("../shared/cases").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no recorded cases at {}", folder.display());
    None
}

fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Runs all cases in `folder`.
fn check_cases(folder: &Path) {
    let (mut passed, mut failed) = (0, Vec::new());
    for folder in sorted_entries(folder).into_iter().filter(|path| path.join("request").exists()) {
        match case::run(&folder).unwrap() {
            case::Outcome::Passed => passed += 1,
            case::Outcome::Failed(text) => failed.push(format!("{}\n{text}", folder.display())),
            case::Outcome::NotOurs => {}
        }
    }
    eprintln!("{passed} passed, {} failed", failed.len());
    assert!(passed > 300 && failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_case_of_the_corpus_is_answered_as_recorded() {
    check_cases(&workspace().join("corpus/expand/cases"));
}

#[test]
fn every_recorded_case_is_answered_as_recorded() {
    if let Some(folder) = shared_cases("expand") {
        check_cases(&folder);
    }
}

#[test]
fn keywords_have_the_recorded_effects() {
    let (mut passed, mut failed) = (0, Vec::new());
    for path in sorted_entries(&workspace().join("corpus/expand/effects")) {
        let (right, wrong) = effects::run(&std::fs::read_to_string(&path).unwrap());
        passed += right;
        failed.extend(wrong.into_iter().map(|text| format!("{}\n{text}", path.display())));
    }
    eprintln!("{passed} passed, {} failed", failed.len());
    assert!(passed > 20 && failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn the_examples_of_the_manual_are_true() {
    let manual = std::fs::read_to_string(workspace().join("docs/formats/expansion.7.md")).unwrap();
    let worlds: Vec<&str> =
        manual.split("```expansion\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    let (mut passed, mut failed) = (0, Vec::new());
    for world in worlds {
        let (right, wrong) = effects::run(world);
        passed += right;
        failed.extend(wrong);
    }
    assert!(passed > 5 && failed.is_empty(), "{passed} are true, but not\n{}", failed.join("\n"));
}

#[test]
fn debian_sources_get_the_recorded_packages() {
    let Some(folder) = shared_cases("debian-universe") else { return };
    let universe = universe::Universe::read(&folder, "Sources.slim.xz").unwrap();
    let pool = universe.pool();
    assert!(pool.memory_bytes() < 17_000_000, "{} bytes", pool.memory_bytes());
    let sample = universe.sample("debian12", 1500);
    for (recorded, engine, has_extra) in [
        ("expected-bssolv-sched", NamedAlternatives::Any, false),
        ("expected-bssolv-prefers", NamedAlternatives::Any, true),
        ("expected-obsbuild-sched", NamedAlternatives::First, false),
        ("expected-obsbuild-prefers", NamedAlternatives::First, true),
    ] {
        let mut config = case::read_config("x86_64", &universe::config(&folder, has_extra).unwrap());
        config.named_alternatives = engine;
        let expander = expand::Expander::new(&pool, &config);
        let recorded = folder.join(format!("{recorded}.jsonl.xz"));
        let (passed, differences) = universe::compare(&universe, &expander, &recorded, &sample, engine).unwrap();
        let shown: Vec<String> = differences.iter().take(5).map(ToString::to_string).collect();
        eprintln!("{passed} passed, {} failed", differences.len());
        assert!(differences.is_empty() && passed > 0, "{} failed\n{}", differences.len(), shown.join("\n"));
    }
}

#[test]
fn random_worlds_are_answered_as_the_peers_do() {
    let Some(mut oracle) = peer::Oracle::start(&peer::Places::default()) else {
        eprintln!("skipped: obs-build or libbssolv-perl is not installed");
        return;
    };
    let ours = |world: &peer::World| case::answer_texts(&world.config, &world.packages, &world.request);
    let tally = peer::run(&mut oracle, &ours, 1, 400, 3);
    for (index, world, ours, theirs) in &tally.differences {
        eprintln!("world {index} {:?}\n{}{}{}", world.side, world.config, world.packages, world.request);
        eprintln!("ours   {ours}\ntheirs {theirs}");
    }
    assert!(tally.differences.is_empty() && tally.agreed == 400, "{} agreed", tally.agreed);
}
