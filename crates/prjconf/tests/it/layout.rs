//! Formatting changes the layout only: proven over all cases and shipped configurations.

use std::path::{Path, PathBuf};

use prjconf::{Evaluated, Options, diff, dump, evaluate, format, parse};

fn configurations() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    let mut folders = vec![root.join("corpus/config"), root.join("../shared/cases/config-real")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            eprintln!("SKIPPED: {} is not there", folder.display());
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "conf") {
                found.push(path);
            }
        }
    }
    found
}

/// The canonical text of a result, with the line number of an error left out.
fn meaning(text: &[u8], arch: &str) -> (Vec<u8>, Evaluated) {
    let mut evaluated = evaluate(&parse(text), &Options::for_arch(arch));
    let without_line = |error: String| error.split_once(": ").map(|(_, text)| text.to_owned());
    evaluated.parse_error = evaluated.parse_error.and_then(without_line);
    (dump(&evaluated), evaluated)
}

#[test]
fn formatting_keeps_the_meaning_and_is_stable() {
    let paths = configurations();
    assert!(paths.len() > 200);
    for path in paths {
        let text = std::fs::read(&path).unwrap();
        let formatted = format(&parse(&text));
        for arch in ["x86_64", "i586"] {
            let (before, left) = meaning(&text, arch);
            let (after, right) = meaning(&formatted, arch);
            assert!(before == after, "{}: formatting changes the result", path.display());
            assert_eq!(left.warnings, right.warnings, "{}", path.display());
            assert!(diff(&left.config, &right.config).is_empty());
        }
        assert!(format(&parse(&formatted)) == formatted, "{}: a second formatting changes it", path.display());
    }
}
