//! The files of a source on this machine: a recipe brings the files it names.

use std::path::{Path, PathBuf};

use pkg::deb822;
use recipe::spec::{self, SpecContext, SpecOptions};

use crate::failure::{Exit, Failure};

/// Largest recipe that is looked into, in bytes.
const RECIPE_BYTES: u64 = 4 << 20;

/// The given files, and beside each `.dsc` the files it names that were not given; of those a spec file names, the ones that are
/// there, for it may have addresses for the others.
///
/// # Errors
/// If a file is missing or a recipe can not be read.
pub(crate) fn with_companions(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in given {
        let bytes = fs_err::metadata(path)?.len();
        push_new(&mut files, path.clone());
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if matches!(ending, "dsc" | "spec") {
            if bytes > RECIPE_BYTES {
                return Err(Failure::new(Exit::Invalid, format!("{}: too large for a recipe", path.display())));
            }
            let text = fs_err::read(path)?;
            let is_spec = ending == "spec";
            let names = if is_spec { spec_files(&text) } else { named_files(&String::from_utf8_lossy(&text)) };
            let folder = path.parent().unwrap_or_else(|| Path::new("."));
            for name in names {
                let companion = folder.join(&name);
                if !companion.is_file() {
                    if is_spec {
                        continue;
                    }
                    return Err(Failure::new(
                        Exit::Missing,
                        format!("{} names {name}, which is not beside it", path.display()),
                    ));
                }
                push_new(&mut files, companion);
            }
        }
    }
    Ok(files)
}

fn push_new(files: &mut Vec<PathBuf>, path: PathBuf) {
    if !files.iter().any(|known| known.file_name() == path.file_name()) {
        files.push(path);
    }
}

/// The names in a `.dsc`'s list of files; names that would leave the folder are left out.
fn named_files(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for paragraph in deb822::paragraphs(text) {
        for field in paragraph.fields().filter(|field| field.is("Checksums-Sha256") || field.is("Files")) {
            for line in field.lines() {
                let name = line.split_whitespace().nth(2).unwrap_or_default();
                if model::FileName::parse(name).is_ok() && !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
    }
    names
}

/// The names of a spec file's sources and patches, as far as they can be told without a distribution's macros.
fn spec_files(text: &[u8]) -> Vec<String> {
    let config = prjconf::evaluate(&prjconf::parse(b""), &prjconf::Options::for_arch(std::env::consts::ARCH)).config;
    let (spec, _) = spec::parse(text, &SpecContext::new(&config), &SpecOptions::default());
    let names = spec.sources.iter().chain(&spec.patches).map(|file| file.file_name().to_owned());
    names.filter(|name| model::FileName::parse(name).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DSC: &str = "Format: 3.0 (quilt)\nSource: hello\nChecksums-Sha256:\n aa 1 hello.orig.tar.gz\n bb 2 ../evil\n\
                       Files:\n cc 1 hello.orig.tar.gz\n dd 3 hello.debian.tar.xz\n";

    #[test]
    fn a_recipe_names_each_file_once() {
        assert_eq!(named_files(DSC), ["hello.orig.tar.gz", "hello.debian.tar.xz"]);
    }

    #[test]
    fn a_recipe_brings_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = folder.path().join("hello.dsc");
        std::fs::write(&recipe, DSC).unwrap();
        assert_eq!(
            with_companions(std::slice::from_ref(&recipe)).err().map(|failure| failure.exit),
            Some(Exit::Missing)
        );
        for name in ["hello.orig.tar.gz", "hello.debian.tar.xz"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(with_companions(&[recipe]).unwrap().len(), 3);
    }
    #[test]
    fn a_spec_file_brings_what_of_its_files_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = folder.path().join("hello.spec");
        let text = "Name: hello\nVersion: 1\nSource0: https://example.org/%{name}-%{version}.tar.gz\nPatch0: a.patch\n\
                    Source1: ../evil\n";
        std::fs::write(&recipe, text).unwrap();
        assert_eq!(with_companions(std::slice::from_ref(&recipe)).unwrap().len(), 1);
        for name in ["hello-1.tar.gz", "a.patch", "other"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(with_companions(&[recipe]).unwrap().len(), 3);
    }
}
