//! The file that somebody handed in: fetched from its address, or uploaded.

use model::{BuildSource, FileName, SourceFile};
use store::OpenSource;
use url::Url;

use super::address;
use super::cause::{invalid, not_fetched};
use super::dsc::RECIPE_BYTES;
use super::reconcile::NotMade;
use crate::fetch::Wanted;
use crate::formats::Submission;
use crate::inner::Inner;

/// A file that is a blob now.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) file: SourceFile,
    /// Where it was fetched from; nowhere, if it was uploaded.
    pub(super) url: Option<Url>,
}

/// Gets the file a build names as its source.
pub(super) async fn get(inner: &Inner, open: &OpenSource) -> Result<(Submission, Handed), NotMade> {
    match &open.source {
        BuildSource::Url { url } => fetch(inner, url).await,
        BuildSource::Upload { file } | BuildSource::Revision { file, .. } => uploaded(file, open),
        BuildSource::Job { .. } => {
            let recipe = open.uploads.first().map(|upload| &upload.name);
            uploaded(recipe.ok_or_else(|| invalid("what the job left", "has no files"))?, open)
        }
    }
}

fn uploaded(file: &FileName, open: &OpenSource) -> Result<(Submission, Handed), NotMade> {
    let submission = Submission::of(file)?;
    let Some(upload) = open.uploads.iter().find(|upload| upload.name == *file) else {
        return Err(invalid(file.as_str(), "was not uploaded").into());
    };
    let file = SourceFile { name: file.clone(), bytes: upload.bytes, sha256: upload.sha256 };
    Ok((submission, Handed { file, url: None }))
}

async fn fetch(inner: &Inner, url: &str) -> Result<(Submission, Handed), NotMade> {
    let parsed = Url::parse(url).map_err(|error| invalid(url, &error.to_string()))?;
    let name = address::file_name(&parsed)?;
    let submission = Submission::of(&name)?;
    let limit_bytes = match submission {
        Submission::Dsc | Submission::Spec => RECIPE_BYTES,
        Submission::SourceRpm => inner.config.source_bytes,
    };
    let wanted = Wanted { url: parsed.as_str(), limit_bytes, expected: None, known: None };
    let fetched = inner.sources.fetcher(inner)?.fetch_file(&wanted).await.map_err(|error| not_fetched(error, &name))?;
    let file = SourceFile { name, bytes: fetched.bytes, sha256: fetched.sha256 };
    Ok((submission, Handed { file, url: Some(parsed) }))
}
