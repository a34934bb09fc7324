//! Recorded cases of dependency expansion.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::CaseTally;

#[path = "../../crates/expand/tests/it/case.rs"]
pub(crate) mod case;

/// Runs the cases of a folder, one folder a case; what went wrong is printed in front of the name of a failed one.
///
/// # Errors
///
/// A file can not be read. A wrong answer is no error, but counted.
pub(crate) fn run(folder: &Path) -> anyhow::Result<CaseTally> {
    let mut tally = CaseTally::default();
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    folders.retain(|path| path.join("request").is_file());
    folders.sort();
    for folder in folders {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match case::run(&folder).with_context(|| folder.display().to_string())? {
            case::Outcome::Passed => tally.add(&name, true),
            case::Outcome::Failed(text) => {
                println!("{text}");
                tally.add(&name, false);
            }
            case::Outcome::NotOurs => {}
        }
    }
    Ok(tally)
}
