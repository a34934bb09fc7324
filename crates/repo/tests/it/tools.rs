//! Tools and data of the machine, if they are there.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Output of a tool; `None`, with a word about it, where the tool is missing.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<(bool, String, String)> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((output.status.success(), text(&output.stdout), text(&output.stderr)))
        }
        Err(error) => {
            eprintln!("skipped: {program} can not be run: {error}");
            None
        }
    }
}

/// Files of APT's lists whose names end in `suffix`, read and decompressed by lz4 if need be.
pub(crate) fn apt_lists(suffix: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new("/var/lib/apt/lists");
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found = Vec::new();
    for path in names {
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(suffix) {
            found.extend(std::fs::read(&path).ok().map(|bytes| (path, bytes)));
        } else if name.ends_with(&format!("{suffix}.lz4"))
            && let Ok(output) = Command::new("lz4").args(["-dqc", &name]).output()
        {
            found.push((path, output.stdout));
        }
    }
    if found.is_empty() {
        eprintln!("skipped: no {suffix} in {}", folder.display());
    }
    found.sort();
    found
}
