//! What the results of a spec file must be, and the record of what they were made in.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use model::{FailureCause, FileName, JobFile, JobSpec, ResultFile, ResultKind};
use pkg::{Arch, Sha256};
use pkgfile::rpm::{RpmLimits, RpmPackage, RpmReader};

use super::macros;
use crate::builder::{chain, invalid, parallel, trouble};

/// Longest name, version or release.
const WORD_BYTES: usize = 200;

/// Reads a package to its end, compares its digests, and gives its name and version.
pub(super) fn check(
    job: &JobSpec,
    file: &JobFile,
    kind: ResultKind,
    path: &Path,
) -> Result<(String, String), FailureCause> {
    let name = file.name.as_str();
    let open = File::open(path).map_err(|error| trouble(path, &error))?;
    // What a package holds had to be on the recipe's disk.
    let limits = RpmLimits { payload_bytes: job.limits.disk_bytes, ..RpmLimits::default() };
    let reader = RpmReader::open(BufReader::with_capacity(1 << 17, open), limits)
        .map_err(|error| invalid(name, chain(&error)))?;
    let package = reader.package();
    check_names(package, name, kind).map_err(|detail| invalid(name, detail))?;
    let named = (package.meta().name.clone(), package.meta().evr.clone());
    reader.list().map_err(|error| invalid(name, chain(&error)))?;
    Ok(named)
}

/// The file must be called what the header says, in letters that paths, indices and links can hold.
fn check_names(package: &RpmPackage, file: &str, kind: ResultKind) -> Result<(), String> {
    let meta = package.meta();
    let (version, release) = (package.version(), package.release());
    check_word("name", &meta.name, "._+-")?;
    check_word("version", &version, "._+~^")?;
    check_word("release", &release, "._+~^")?;
    Arch::parse(&meta.arch).map_err(|error| error.to_string())?;
    if package.is_source() != (kind == ResultKind::Source) {
        let what = if package.is_source() { "a source package" } else { "not a source package" };
        return Err(format!("is {what}, whatever its name says"));
    }
    let expected = format!("{}-{version}-{release}.{}.rpm", meta.name, meta.arch);
    if file == expected { Ok(()) } else { Err(format!("its header says it is {expected}")) }
}

fn check_word(what: &str, word: &str, marks: &str) -> Result<(), String> {
    let known = word.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
    let begins = word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let fits = known && begins && word.len() <= WORD_BYTES;
    if fits { Ok(()) } else { Err(format!("{:?} is no usable {what}", word.chars().take(64).collect::<String>())) }
}

/// Writes down exactly what the results were made in.
pub(super) fn environment(
    job: &JobSpec,
    folder: &Path,
    command: &[String],
    variables: &[(String, String)],
) -> Result<(ResultFile, PathBuf), FailureCause> {
    let recipe = job.recipe_file();
    let stem = ["spec", "rpm", "src", "nosrc"]
        .iter()
        .fold(recipe, |stem, ending| stem.strip_suffix(ending).and_then(|stem| stem.strip_suffix('.')).unwrap_or(stem));
    let name = format!("{stem}.buildenv");
    let name = FileName::parse(&name).map_err(|error| invalid(&name, error.to_string()))?;
    let text = describe(job, command, variables);
    let path = folder.join(name.as_str());
    fs::write(&path, &text).map_err(|error| trouble(&path, &error))?;
    let file = JobFile { name, bytes: text.len() as u64, sha256: Sha256::of(text.as_bytes()) };
    Ok((ResultFile { kind: ResultKind::Record, file, package: None }, path))
}

/// The environment as text; see job(5).
fn describe(job: &JobSpec, command: &[String], variables: &[(String, String)]) -> String {
    let mut text = format!("Format: 1\nRecipe: {}\nArchitecture: {}\n", job.recipe_file(), job.arch);
    // Writing to a text can not fail.
    let _ = writeln!(text, "Network: {}", if job.network { "yes" } else { "no" });
    let section = |text: &mut String, name: &str, lines: &mut dyn Iterator<Item = String>| {
        let _ = writeln!(text, "{name}:");
        for line in lines {
            let _ = writeln!(text, " {line}");
        }
    };
    section(&mut text, "Command", &mut command.iter().map(|word| format!("{word:?}")));
    section(&mut text, "Environment", &mut variables.iter().map(|(name, value)| format!("{name}={value:?}")));
    let macros = macros::macros(&job.settings, &super::topdir(), parallel(job));
    section(&mut text, "Macros", &mut macros.lines().map(str::to_owned));
    section(&mut text, "Flags", &mut macros::rpmrc(&job.settings).unwrap_or_default().lines().map(str::to_owned));
    let file = |file: &JobFile| format!("{} {} {}", file.sha256, file.bytes, file.name);
    section(&mut text, "Sources", &mut job.sources.iter().map(file));
    section(&mut text, "Preinstalled", &mut job.root.preinstall.iter().cloned());
    let package = |package: &model::RootPackage| {
        format!("{} {} {} {}", package.file.sha256, package.name, package.version, package.arch)
    };
    section(&mut text, "Installed", &mut job.root.packages.iter().map(package));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_paths_or_markup_are_refused() {
        assert_eq!(check_word("name", "gcc-c++", "._+-"), Ok(()));
        assert_eq!(check_word("version", "1.0~rc1^git5", "._+~^"), Ok(()));
        for bad in ["", "../x", "a/b", "a b", ".a", "-a", "a\n", "a<b", "é"] {
            assert!(check_word("name", bad, "._+-").is_err(), "{bad:?}");
        }
        assert!(check_word("version", "1-2", "._+~^").is_err());
    }
}
