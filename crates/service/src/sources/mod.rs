//! Makes source trees for builds that wait for one: fetches or collects the files, checks them against the recipe, reads
//! name and version.
//!
//! It decides nothing about what is built where; that is planning. Which kind of source a file is says
//! [`crate::formats::Submission`]. Read [`run_once`] first.

mod address;
mod cause;
mod collect;
mod dsc;
mod fetching;
mod handed;
pub(crate) mod job;
mod make;
mod reconcile;
mod remote;
mod signature;
mod spec;
mod srpm;
mod target_specs;

pub(crate) use job::HOOK_PAYLOAD;
pub(crate) use reconcile::{State, run_once};

/// Names and locations of the files that a spec file among `files` names, as the targets of a build have them; nothing, if
/// it can not be read.
pub(crate) async fn named_by_spec(
    inner: &crate::inner::Inner,
    build: model::BuildId,
    recipe: &model::FileName,
    files: &[model::SourceFile],
) -> Result<Vec<(String, String)>, crate::ServiceError> {
    match target_specs::read(inner, build, recipe, files).await {
        Ok(readings) => Ok(readings.named.into_iter().map(|(name, named)| (name, named.location)).collect()),
        Err(reconcile::NotMade::Broken(error)) => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}
