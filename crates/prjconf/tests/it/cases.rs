//! Every recorded case, ours and (if they are there) the shared ones.

use std::path::{Path, PathBuf};

use prjconf::cases::{Files, answer, answer_for_file};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read_case(folder: &Path) -> Files {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

fn sorted_entries(folder: &Path) -> Option<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    Some(paths)
}

/// The first line that differs, to be shown.
fn first_difference(expected: &[u8], found: &[u8]) -> String {
    let (expected, found) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(found));
    let mut pairs = expected.lines().zip(found.lines()).enumerate();
    match pairs.find(|(_, (left, right))| left != right) {
        Some((line, (left, right))) => {
            format!("line {}: expected {:.200} found {:.200}", line + 1, left.trim(), right.trim())
        }
        None => "one is longer".to_owned(),
    }
}

fn check_folders(folder: &Path) {
    let Some(paths) = sorted_entries(folder) else {
        eprintln!("SKIPPED: {} is not there", folder.display());
        return;
    };
    let mut failed = Vec::new();
    let mut passed = 0;
    for path in paths.iter().filter(|path| path.join("expected.json").is_file()) {
        let files = read_case(path);
        let (expected, found) = (&files["expected.json"], answer(&files));
        if *expected == found {
            passed += 1;
        } else {
            failed.push(format!(
                "{}: {}",
                path.file_name().unwrap().to_string_lossy(),
                first_difference(expected, &found)
            ));
        }
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(passed > 0, "no cases in {}", folder.display());
    eprintln!("{}: {passed} cases", folder.display());
}

#[test]
fn the_peer_answers_the_cases_of_the_corpus_like_we_do() {
    check_folders(&workspace().join("corpus/config"));
}

#[test]
fn the_peer_answers_the_shared_cases_like_we_do() {
    check_folders(&workspace().join("../shared/cases/config"));
}

#[test]
fn shipped_configurations_give_what_the_peer_gives_for_three_architectures() {
    let folder = workspace().join("../shared/cases/config-real");
    let Some(paths) = sorted_entries(&folder) else {
        eprintln!("SKIPPED: {} is not there", folder.display());
        return;
    };
    let mut failed = Vec::new();
    let mut passed = 0;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "conf")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read(path).unwrap();
        for arch in ["x86_64", "i586", "aarch64"] {
            let Ok(expected) = std::fs::read(path.with_extension(format!("{arch}.json"))) else { continue };
            let found = answer_for_file(&name, &text, arch);
            if expected == found {
                passed += 1;
            } else {
                failed.push(format!("{name} {arch}: {}", first_difference(&expected, &found)));
            }
        }
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(passed > 0);
    eprintln!("{}: {passed} results", folder.display());
}
