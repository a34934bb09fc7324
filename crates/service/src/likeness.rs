//! Whether a build made the same packages as the one before it, so that what is built with them can stay as it is.

use std::io::BufReader;

use model::{JobOutcome, JobReport, ResultFile, ResultKind, TaskId};
use pkg::Sha256;
use store::Blobs;

use crate::inner::{Inner, blocking};
use crate::{ServiceError, formats};

/// The older task whose packages a job has made once more; `None` if they differ, or if nobody wants to know.
///
/// What can not be read is not the same as anything. Reads every package of both builds whose bytes differ.
pub(crate) async fn same_before(
    inner: &Inner,
    task: TaskId,
    report: &JobReport,
) -> Result<Option<TaskId>, ServiceError> {
    if report.outcome != JobOutcome::Succeeded {
        return Ok(None);
    }
    let Some((older, results)) = inner.store.read().await?.predecessor(task).await? else { return Ok(None) };
    let (blobs, new) = (inner.blobs.clone(), packages(&report.results));
    let same = blocking(move || are_same(&blobs, &packages(&results), &new)).await?;
    Ok(same.then_some(older))
}

/// Names and digests of the packages among results, by name.
fn packages(results: &[ResultFile]) -> Vec<(String, Sha256)> {
    let packages = results.iter().filter(|result| result.kind == ResultKind::Package);
    let mut named: Vec<_> = packages.map(|result| (result.file.name.to_string(), result.file.sha256)).collect();
    named.sort();
    named
}

fn are_same(blobs: &Blobs, old: &[(String, Sha256)], new: &[(String, Sha256)]) -> bool {
    let names = |list: &[(String, Sha256)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let likeness = |name: &str, digest: &Sha256| {
        let found = open(blobs, digest).and_then(|file| formats::likeness(name, file));
        found.unwrap_or_else(|detail| {
            tracing::warn!("{name} can not be compared with the build before: {detail}");
            None
        })
    };
    let is_like = |((name, old), (_, new)): (&(String, Sha256), &(String, Sha256))| {
        old == new || likeness(name, old).is_some_and(|old| likeness(name, new) == Some(old))
    };
    !old.is_empty() && names(old) == names(new) && old.iter().zip(new).all(is_like)
}

fn open(blobs: &Blobs, digest: &Sha256) -> Result<BufReader<fs_err::File>, String> {
    fs_err::File::open(blobs.path(digest)).map(BufReader::new).map_err(|error| error.to_string())
}
