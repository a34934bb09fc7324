//! Puts a source together from uploaded files.

use model::{FailureCause, SourceFile};
use store::UploadedFile;

use super::cause::invalid;
use super::dsc::NamedFile;

/// The uploaded files that a recipe names, in its order, if all of them are there as it describes them. Others are left out.
pub(super) fn collect(
    recipe: &str,
    wanted: &[NamedFile],
    uploads: &[UploadedFile],
) -> Result<Vec<SourceFile>, FailureCause> {
    let find = |file: &NamedFile| uploads.iter().find(|upload| upload.name == file.name);
    let missing: Vec<&str> = wanted.iter().filter(|file| find(file).is_none()).map(|file| file.name.as_str()).collect();
    if !missing.is_empty() {
        let detail = format!("these files it names were not uploaded: {}", missing.join(", "));
        return Err(invalid(recipe, &detail));
    }
    let mut files = Vec::new();
    for (file, upload) in wanted.iter().filter_map(|file| Some((file, find(file)?))) {
        check(file, upload.bytes, &upload.sha256.to_string())?;
        files.push(SourceFile { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256 });
    }
    Ok(files)
}

fn check(file: &NamedFile, bytes: u64, sha256: &str) -> Result<(), FailureCause> {
    let mismatch = |what: &str, expected: String, found: String| FailureCause::SourceMismatch {
        file: file.name.to_string(),
        what: what.to_owned(),
        expected,
        found,
    };
    if bytes != file.bytes {
        return Err(mismatch("size", file.bytes.to_string(), bytes.to_string()));
    }
    let expected = file.sha256.to_string();
    if sha256 != expected {
        return Err(mismatch("SHA-256", expected, sha256.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::FileName;
    use pkg::Sha256;

    use super::*;

    fn upload(name: &str, content: &str) -> UploadedFile {
        let (bytes, sha256) = (content.len() as u64, Sha256::of(content.as_bytes()));
        UploadedFile { name: FileName::parse(name).unwrap(), bytes, sha256 }
    }

    fn named(name: &str, content: &str) -> NamedFile {
        let UploadedFile { name, bytes, sha256 } = upload(name, content);
        NamedFile { name, bytes, sha256 }
    }

    #[test]
    fn every_named_file_must_have_been_uploaded_as_described() {
        let wanted = [named("a.tar", "abc"), named("b.tar", "x")];
        let collect = |uploads: &[UploadedFile]| collect("a.dsc", &wanted, uploads);
        let complete = [upload("a.dsc", "r"), upload("b.tar", "x"), upload("a.tar", "abc"), upload("other", "")];
        assert_eq!(collect(&complete).unwrap().len(), 2);
        let error = collect(&[upload("a.dsc", "r")]).unwrap_err();
        assert_eq!(error.to_string(), "a.dsc: these files it names were not uploaded: a.tar, b.tar");
        let error = collect(&[upload("a.tar", "ab"), upload("b.tar", "x")]).unwrap_err();
        assert_eq!(error.to_string(), "a.tar: size is 2, but the recipe says 3");
        let error = collect(&[upload("a.tar", "abd"), upload("b.tar", "x")]).unwrap_err();
        assert!(error.to_string().starts_with("a.tar: SHA-256 is "));
    }
}
