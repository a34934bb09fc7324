//! Recorded cases of build configurations.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use prjconf::cases::{Files, answer, answer_for_file};

use crate::CaseTally;

/// Runs the cases of a folder. `config`: one folder a case; `config-real`: `NAME.conf` with `NAME.ARCH.json`.
///
/// # Errors
///
/// A file can not be read, or the kind is not known. A wrong answer is no error, but counted.
pub(crate) fn run(kind: &str, folder: &Path) -> anyhow::Result<CaseTally> {
    let mut tally = CaseTally::default();
    for path in sorted_entries(folder)? {
        match kind {
            "config" if path.join("expected.json").is_file() => folder_case(&path, &mut tally)?,
            "config" => {}
            "config-real" if path.extension().is_some_and(|extension| extension == "conf") => {
                real_file(&path, &mut tally)?;
            }
            "config-real" => {}
            _ => bail!("{kind}: not a kind of configuration cases"),
        }
    }
    Ok(tally)
}

fn folder_case(folder: &Path, tally: &mut CaseTally) -> anyhow::Result<()> {
    let mut files = Files::new();
    for path in sorted_entries(folder)?.iter().filter(|path| path.is_file()) {
        files.insert(file_name(path), read(path)?);
    }
    let passed = files.get("expected.json").is_some_and(|expected| *expected == answer(&files));
    tally.add(&file_name(folder), passed);
    Ok(())
}

fn real_file(path: &Path, tally: &mut CaseTally) -> anyhow::Result<()> {
    let text = read(path)?;
    let name = file_name(path);
    for arch in ["x86_64", "i586", "aarch64"] {
        let expected = path.with_extension(format!("{arch}.json"));
        if expected.is_file() {
            tally.add(&format!("{name} {arch}"), read(&expected)? == answer_for_file(&name, &text, arch));
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

fn sorted_entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}
