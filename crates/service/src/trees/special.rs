//! Files of a package that say how it is built: checked when they are sent, read when it is built.

use model::FileName;
use pkg::{RecipeKind, Sha256};
use recipe::special::{Aggregate, Constraints, file, flavors, services};
use store::{RevisionFile, UploadedFile};

use super::services::problem_of;
use crate::ServiceError;
use crate::inner::{Inner, blocking};

/// Largest such file.
const MOST_BYTES: u64 = 1 << 20;
/// Largest recipe in which a flavor is put.
const RECIPE_BYTES: u64 = 16 << 20;
/// What stands in a recipe for the flavor.
const FLAVOR: &[u8] = b"@BUILD_FLAVOR@";

fn find<'a>(files: &'a [RevisionFile], name: &str) -> Option<&'a RevisionFile> {
    files.iter().find(|file| file.name.as_str() == name)
}

pub(super) async fn read(inner: &Inner, file: &RevisionFile) -> Result<Result<Vec<u8>, String>, ServiceError> {
    if file.bytes > MOST_BYTES {
        return Ok(Err(format!("{}: it is too large", file.name)));
    }
    let sha256 = file.sha256;
    Ok(Ok(inner.with_blobs(move |blobs| blobs.read(&sha256)).await?))
}

/// Refuses files that can not be read.
///
/// # Errors
/// [`ServiceError::BadValue`] with the first thing that is wrong.
pub(crate) async fn check_special(inner: &Inner, files: &[RevisionFile]) -> Result<(), ServiceError> {
    for name in [file::FLAVORS, file::CONSTRAINTS, file::AGGREGATE, file::SERVICES] {
        let Some(found) = find(files, name) else { continue };
        let bad = |detail: String| ServiceError::BadValue { field: "special file", detail };
        let bytes = read(inner, found).await?.map_err(bad)?;
        let checked = match name {
            file::FLAVORS => flavors(&bytes).map(drop),
            file::CONSTRAINTS => Constraints::parse(&bytes).map(drop),
            file::AGGREGATE => Aggregate::parse(&bytes).map(drop),
            _ => match services(&bytes) {
                Ok(list) => match problem_of(&list) {
                    Some(problem) => return Err(bad(format!("{name}: {problem}"))),
                    None => Ok(()),
                },
                Err(error) => Err(error),
            },
        };
        checked.map_err(|error| bad(format!("{name}: {error}")))?;
    }
    Ok(())
}

/// The flavors that files ask for; the inner error says why that can not be told.
pub(crate) async fn flavors_of(
    inner: &Inner,
    files: &[RevisionFile],
) -> Result<Result<Vec<String>, String>, ServiceError> {
    let Some(found) = find(files, file::FLAVORS) else { return Ok(Ok(Vec::new())) };
    let bytes = read(inner, found).await?;
    Ok(bytes.and_then(|bytes| flavors(&bytes).map_err(|error| format!("{}: {error}", file::FLAVORS))))
}

/// The blob that says what a package needs of a worker.
pub(crate) fn constraints_of(files: &[RevisionFile]) -> Option<Sha256> {
    find(files, file::CONSTRAINTS).map(|file| file.sha256)
}

/// The files with a flavor put into the spec files, where they ask for it.
///
/// Rule: obs-build's `build-recipe-spec`, which does so for packages without flavors as well, with nothing.
pub(crate) async fn with_flavor(
    inner: &Inner,
    files: &[RevisionFile],
    flavor: &str,
) -> Result<Vec<UploadedFile>, ServiceError> {
    let mut uploads = Vec::new();
    for file in files {
        let upload = UploadedFile { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256 };
        uploads.push(if is_spec(&file.name) && file.bytes <= RECIPE_BYTES {
            put_in(inner, upload, flavor).await?
        } else {
            upload
        });
    }
    Ok(uploads)
}

fn is_spec(name: &FileName) -> bool {
    name.as_str().ends_with(".spec")
}

async fn put_in(inner: &Inner, upload: UploadedFile, flavor: &str) -> Result<UploadedFile, ServiceError> {
    let (blobs, flavor) = (inner.blobs.clone(), flavor.as_bytes().to_vec());
    blocking(move || {
        let text = blobs.read(&upload.sha256)?;
        let Some(text) = replaced(&text, &flavor) else { return Ok(upload) };
        let sha256 = blobs.put(&text)?;
        Ok(UploadedFile { bytes: text.len() as u64, sha256, ..upload })
    })
    .await?
}

/// A recipe with the flavor of a package in it, if it asks for one.
pub(crate) fn flavored(kind: RecipeKind, text: Vec<u8>, package: &str) -> Vec<u8> {
    let flavor = package.split_once(':').map_or("", |(_, flavor)| flavor);
    if kind == RecipeKind::Spec { replaced(&text, flavor.as_bytes()).unwrap_or(text) } else { text }
}

/// The text with the flavor in it; nothing, if it does not ask for one.
fn replaced(text: &[u8], flavor: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at, mut found) = (Vec::new(), 0, false);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(FLAVOR) {
            out.extend_from_slice(flavor);
            (at, found) = (at + FLAVOR.len(), true);
        } else {
            out.extend(rest.first());
            at += 1;
        }
    }
    found.then_some(out)
}

/// Names the flavor of a package among its main package's results.
pub(crate) fn flavor_name(main: &str, flavor: &str) -> String {
    format!("{main}:{flavor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flavor_stands_wherever_the_recipe_asks_for_it() {
        let text = b"%global flavor @BUILD_FLAVOR@%{nil}\nName: a-@BUILD_FLAVOR@";
        assert_eq!(replaced(text, b"mpi").unwrap(), b"%global flavor mpi%{nil}\nName: a-mpi");
        assert_eq!(replaced(b"@BUILD_FLAVOR", b"x"), None);
    }
}
