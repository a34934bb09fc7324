//! Sources that foreign code makes: says what a job has to do, and picks the recipe out of what it left.
//!
//! Nothing of such a source runs in this program. A method is a [`SourceJob`]: packages wanted in a root, files, and a
//! script of fixed programs whose values come in through variables. [`Delegation`] is how any source asks for one: give it
//! as [`NotMade::Job`](super::reconcile::NotMade::Job), and the source is tried again when the job has left its files in
//! [`OpenSource::made`]. Read [`method::compose`] for the methods there are.

mod dist_git;
pub(crate) mod method;
mod target;

use model::{BuildSource, FailureCause, FileName, RepositoryId, SourceJob};
use pkg::Arch;
use store::{OpenSource, UploadedFile};

use super::cause::invalid;
use super::reconcile::NotMade;
use crate::formats::Submission;
use crate::inner::Inner;

pub use dist_git::DistGit;
pub(super) use target::SourceRoot;

/// A source that a job has to make, and where.
#[derive(Debug)]
pub(super) struct Delegation {
    /// Whose root the job runs in.
    pub(super) target: (RepositoryId, Arch),
    /// What it does there.
    pub(super) job: SourceJob,
}

/// The files a job has made for a source that is nothing else, the recipe first; or what the job has to do.
///
/// # Errors
/// [`NotMade::Job`] if no job has made any yet; the cause, if there is no recipe among what it left.
pub(super) async fn files(inner: &Inner, open: &OpenSource) -> Result<Vec<UploadedFile>, NotMade> {
    let BuildSource::Job { source, package } = &open.source else {
        return Err(invalid("source", "is not made by a job").into());
    };
    if let Some(made) = &open.made {
        return Ok(recipe_first(made)?);
    }
    let root = SourceRoot::find(inner, open.build, method::wanted_target(source).as_deref()).await?;
    let mut job =
        method::compose(source, package.as_ref(), (root.format, &inner.config.dist_gits)).map_err(NotMade::Cause)?;
    for (name, value) in &inner.config.source_variables {
        job.script.variables.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Err(NotMade::Job(Box::new(Delegation { target: root.target, job })))
}

/// What a job left, the recipe first: a source package, or else the recipe with its files.
fn recipe_first(made: &[UploadedFile]) -> Result<Vec<UploadedFile>, FailureCause> {
    let kinds = [Submission::SourceRpm, Submission::Dsc, Submission::Spec];
    let of_kind = |kind| made.iter().filter(move |file| Submission::of(&file.name).is_ok_and(|found| found == kind));
    let Some(kind) = kinds.into_iter().find(|kind| of_kind(*kind).next().is_some()) else {
        let left = names(made.iter());
        return Err(invalid("what the job left", &format!("has no source package, .dsc or spec file: {left}")));
    };
    let mut found = of_kind(kind);
    match (found.next(), found.next()) {
        (Some(recipe), None) => {
            let others = made.iter().filter(|file| file.name != recipe.name);
            Ok(std::iter::once(recipe).chain(others).cloned().collect())
        }
        _ => Err(invalid("what the job left", &format!("has several recipes: {}", names(of_kind(kind))))),
    }
}

/// Names for people; not all, if there are many.
fn names<'a>(files: impl Iterator<Item = &'a UploadedFile>) -> String {
    const NAMED: usize = 20;
    let names: Vec<&str> = files.map(|file| FileName::as_str(&file.name)).collect();
    let more = if names.len() > NAMED { ", and more" } else { "" };
    let named: Vec<&str> = names.into_iter().take(NAMED).collect();
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use pkg::Sha256;

    use super::*;

    fn first(names: &[&str]) -> Result<String, String> {
        let file = |name: &&str| UploadedFile {
            name: FileName::parse(name).unwrap(),
            bytes: 1,
            sha256: Sha256::of(name.as_bytes()),
        };
        let made: Vec<UploadedFile> = names.iter().map(file).collect();
        let files = recipe_first(&made).map_err(|cause| cause.to_string())?;
        assert_eq!(files.len(), made.len());
        Ok(files[0].name.to_string())
    }

    #[test]
    fn a_source_package_says_more_than_a_recipe() {
        assert_eq!(first(&["a.spec", "a-1-1.src.rpm", "a.tar"]).unwrap(), "a-1-1.src.rpm");
        assert_eq!(first(&["a_1.tar.gz", "a_1.dsc"]).unwrap(), "a_1.dsc");
        assert_eq!(first(&["a.tar", "a.spec"]).unwrap(), "a.spec");
    }

    #[test]
    fn there_must_be_one_recipe() {
        assert_eq!(
            first(&["a.tar", "b"]).unwrap_err(),
            "what the job left: has no source package, .dsc or spec file: a.tar, b"
        );
        assert_eq!(first(&["a.spec", "b.spec"]).unwrap_err(), "what the job left: has several recipes: a.spec, b.spec");
    }
}
