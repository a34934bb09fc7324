//! Small worlds that show what keywords do, one text file each.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::CaseTally;
use crate::cases_expand::case;

#[path = "../../crates/expand/tests/it/effects.rs"]
mod effects;

/// Runs the worlds of a folder; a world passes if all its calls give what is recorded.
///
/// # Errors
///
/// A file can not be read. A wrong answer is no error, but counted.
pub(crate) fn run(folder: &Path) -> anyhow::Result<CaseTally> {
    let mut tally = CaseTally::default();
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (_, wrong) = effects::run(&text);
        for line in &wrong {
            println!("{line}");
        }
        tally.add(&name, wrong.is_empty());
    }
    Ok(tally)
}
