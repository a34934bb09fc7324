//! Reads a recipe as far as making its source tree needs: its name, its version, its files.

use model::{FailureCause, FileName, PackageName};
use pkg::{Arch, RecipeKind, Sha256};
use recipe::{Grade, Target, dsc};

/// Longest recipe, in bytes.
pub(super) const RECIPE_BYTES: u64 = dsc::LIMIT_BYTES as u64;

/// What a recipe says of its source.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) kind: RecipeKind,
    pub(super) package: PackageName,
    pub(super) version: String,
    pub(super) files: Vec<NamedFile>,
    /// Whether it begins the armour of a signed text, whatever that is worth.
    pub(super) is_armoured: bool,
}

/// A file as a recipe names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedFile {
    pub(super) name: FileName,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
}

/// Refuses what is no recipe this service builds, by the name alone.
pub(super) fn check_name(file: &FileName) -> Result<(), FailureCause> {
    let name = file.as_str();
    let detail = if name.ends_with(".dsc") {
        return Ok(());
    } else if name.ends_with(".deb") || name.ends_with(".udeb") {
        "is a binary package; submit the source package it is built from (.dsc)"
    } else if name.ends_with(".changes") || name.ends_with(".buildinfo") {
        "describes a finished build; submit the source package (.dsc)"
    } else {
        "is no source this service can build; submit a Debian source package (.dsc)"
    };
    Err(invalid(name, detail))
}

/// Reads a recipe whose name was checked.
pub(super) fn read(file: &FileName, bytes: &[u8]) -> Result<Description, FailureCause> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(invalid(file.as_str(), "is no text in UTF-8"));
    };
    // Name, version and files do not depend on the architecture; dependencies are read again when the task is planned.
    let Ok(arch) = Arch::parse("noarch") else {
        return Err(invalid(file.as_str(), "can not be read"));
    };
    let (found, findings) = dsc::parse(text, &Target { arch: &arch, profiles: &[] });
    let errors: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.grade == Grade::Error && finding.code != "dsc-bad-dependency")
        .map(|finding| finding.message.as_str())
        .collect();
    let Some(found) = found.filter(|_| errors.is_empty()) else {
        return Err(invalid(file.as_str(), &errors.join("; ")));
    };
    let package = PackageName::parse(&found.name).map_err(|error| invalid(file.as_str(), &error.to_string()))?;
    let mut files = Vec::new();
    for source in &found.source_files {
        let Some(sha256) = source.sha256 else {
            let detail = format!("{} has no SHA-256 digest in Checksums-Sha256", source.name);
            return Err(invalid(file.as_str(), &detail));
        };
        let name = FileName::parse(&source.name).map_err(|error| invalid(file.as_str(), &error.to_string()))?;
        if name == *file {
            return Err(invalid(file.as_str(), "names itself as one of its files"));
        }
        files.push(NamedFile { name, bytes: source.bytes, sha256 });
    }
    if files.is_empty() {
        return Err(invalid(file.as_str(), "names no files"));
    }
    let is_armoured = found.is_signed || findings.iter().any(|finding| finding.code == "dsc-signature-cut-off");
    Ok(Description { kind: RecipeKind::Dsc, package, version: found.version, files, is_armoured })
}

/// The cause for a file that can not be used as a source.
pub(super) fn invalid(file: &str, detail: &str) -> FailureCause {
    FailureCause::SourceInvalid { file: file.to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, text: &str) -> String {
        let name = FileName::parse(name).unwrap();
        check_name(&name).and_then(|()| read(&name, text.as_bytes())).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_recipe_is_refused_with_advice() {
        assert_eq!(
            refusal("a_1_all.deb", ""),
            "a_1_all.deb: is a binary package; submit the source package it is built from (.dsc)"
        );
        assert!(refusal("a.spec", "").contains("submit a Debian source package (.dsc)"));
        assert!(refusal("a.dsc", "<html>").starts_with("a.dsc: "));
    }

    #[test]
    fn a_recipe_must_name_files_with_their_digests() {
        let head = "Source: a\nVersion: 1-1\n";
        assert_eq!(refusal("a.dsc", head), "a.dsc: names no files");
        let weak = format!("{head}Files:\n 6cd0ffea3884a4e79330338dcc2987d6 1 a.tar\n");
        assert_eq!(refusal("a.dsc", &weak), "a.dsc: a.tar has no SHA-256 digest in Checksums-Sha256");
        let own = format!("{head}Checksums-Sha256:\n {} 1 a.dsc\n", Sha256::of(b"x"));
        assert_eq!(refusal("a.dsc", &own), "a.dsc: names itself as one of its files");
        let outside = format!("{head}Checksums-Sha256:\n {} 1 ../a\n", Sha256::of(b"x"));
        assert!(refusal("a.dsc", &outside).contains("harmless"));
    }
}
