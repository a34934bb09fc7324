//! Makes the source of a Debian source control file: reads it, brings the files it names, checks each of them.

use std::sync::Arc;

use model::{FailureCause, FileName, PackageName, SourceFile, SourceSignature};
use pkg::{Arch, RecipeKind, Sha256};
use recipe::{Grade, Target, dsc};
use store::{OpenSource, SourceTree};

use super::cause::invalid;
use super::handed::Handed;
use super::reconcile::{Made, Making, NotMade};
use super::{collect, fetching, signature};
use crate::ServiceError;
use crate::inner::{Inner, blocking};

/// Longest recipe, in bytes.
pub(super) const RECIPE_BYTES: u64 = dsc::LIMIT_BYTES as u64;

/// What a recipe says of its source.
#[derive(Debug)]
pub(super) struct Description {
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

/// Makes the source of a recipe that is here: every file is a blob afterwards.
pub(super) async fn make(inner: &Inner, open: &OpenSource, handed: Handed) -> Making {
    match read_recipe(inner, &handed.file).await {
        Ok((description, signature)) => {
            tracing::debug!(build.id = %open.build, "{} is read; its signature: {signature}", handed.file.name);
            let end = complete(inner, open, handed, description, &signature).await;
            Making { signature: Some(signature), end }
        }
        Err(not_made) => Making { signature: None, end: Err(not_made) },
    }
}

/// Brings the files a recipe names.
async fn complete(
    inner: &Inner,
    open: &OpenSource,
    handed: Handed,
    description: Description,
    signature: &SourceSignature,
) -> Result<Made, NotMade> {
    let Handed { file, url } = handed;
    signature::refuse_bad(&file.name, signature)?;
    check_total(inner, &file.name, file.bytes, &description.files)?;
    let mut files = match url {
        Some(url) => fetching::fetch_beside(inner, &url, &description.files).await?,
        None => collect::collect(file.name.as_str(), &description.files, &open.uploads)?,
    };
    let recipe_file = file.name.clone();
    files.push(file);
    files.sort_by(|left, right| left.name.cmp(&right.name));
    let tree = SourceTree { recipe_file, recipe_kind: RecipeKind::Dsc, files };
    Ok(Made { tree, package: description.package, version: description.version })
}

async fn read_recipe(inner: &Inner, file: &SourceFile) -> Result<(Description, SourceSignature), NotMade> {
    if file.bytes > RECIPE_BYTES {
        return Err(FailureCause::SourceTooLarge { file: file.name.to_string(), limit_bytes: RECIPE_BYTES }.into());
    }
    let (blobs, keyring, now) = (inner.blobs.clone(), Arc::clone(&inner.sources.keyring), inner.now());
    let (name, sha256) = (file.name.clone(), file.sha256);
    blocking(move || {
        let bytes = blobs.read(&sha256).map_err(|error| NotMade::from(ServiceError::from(error)))?;
        let description = read(&name, &bytes)?;
        let signature = signature::read(&bytes, description.is_armoured, &keyring, now);
        Ok((description, signature))
    })
    .await?
}

fn check_total(inner: &Inner, name: &FileName, recipe_bytes: u64, files: &[NamedFile]) -> Result<(), NotMade> {
    let total = files.iter().fold(recipe_bytes, |total, file| total.saturating_add(file.bytes));
    let limit_bytes = inner.config.source_bytes;
    if total > limit_bytes {
        return Err(FailureCause::SourceTooLarge { file: name.to_string(), limit_bytes }.into());
    }
    Ok(())
}

/// Reads a recipe.
fn read(file: &FileName, bytes: &[u8]) -> Result<Description, FailureCause> {
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
    Ok(Description { package, version: found.version, files, is_armoured })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, text: &str) -> String {
        let name = FileName::parse(name).unwrap();
        read(&name, text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_recipe_must_name_files_with_their_digests() {
        assert!(refusal("a.dsc", "<html>").starts_with("a.dsc: "));
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
