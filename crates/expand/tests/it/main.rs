//! Public behaviour of dependency expansion.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod case;
mod universe;

use std::path::{Path, PathBuf};

/// The recorded cases next to the workspace; none on machines without them.
fn shared_cases(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no recorded cases at {}", folder.display());
    None
}

/// Runs all cases in `folder` and gives how many passed and a text about each that failed.
fn run_all(folder: &Path) -> (usize, Vec<String>) {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("request").exists())
        .collect();
    folders.sort();
    let mut passed = 0;
    let mut failed = Vec::new();
    for folder in folders {
        match case::run(&folder).unwrap() {
            case::Outcome::Passed => passed += 1,
            case::Outcome::Failed(text) => failed.push(format!("{}\n{text}", folder.display())),
            case::Outcome::NotOurs => {}
        }
    }
    (passed, failed)
}

#[test]
fn every_recorded_case_is_answered_as_recorded() {
    let Some(folder) = shared_cases("expand") else { return };
    let (passed, failed) = run_all(&folder);
    eprintln!("{passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn debian_sources_get_the_recorded_packages() {
    let Some(folder) = shared_cases("debian-universe") else { return };
    let universe = universe::Universe::read(&folder, "Sources.slim.xz").unwrap();
    let pool = universe.pool();
    eprintln!("{} packages in {} bytes", pool.len(), pool.memory_bytes());
    let sample = universe.sample("debian12", 1500);
    let debian = std::fs::read_to_string(folder.join("debian12.conf")).unwrap();
    let extra = std::fs::read_to_string(folder.join("extra-prefers.conf")).unwrap();
    for (recorded, text) in [("expected-bssolv-sched", debian.clone()), ("expected-bssolv-prefers", debian + &extra)] {
        let config = case::read_config("x86_64", &text);
        let expander = expand::Expander::new(&pool, &config);
        let recorded = folder.join(format!("{recorded}.jsonl.xz"));
        let (passed, differences) = universe::compare(&universe, &expander, &recorded, &sample, true).unwrap();
        let shown: Vec<String> =
            differences.iter().take(5).map(|d| format!("{} {}\n{}", d.source, d.what, d.text)).collect();
        eprintln!("{passed} passed, {} failed", differences.len());
        assert!(differences.is_empty() && passed > 0, "{} failed\n{}", differences.len(), shown.join("\n"));
    }
}
