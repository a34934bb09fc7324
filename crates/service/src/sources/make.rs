use futures_util::{StreamExt as _, TryStreamExt as _};
use model::{BuildSource, FailureCause, FileName, SourceFile};
use store::{OpenSource, SourceTree};
use url::Url;

use super::recipe_file::{self, Description, NamedFile, RECIPE_BYTES};
use super::reconcile::{Made, NotMade};
use super::{address, collect};
use crate::ServiceError;
use crate::fetch::{FetchError, Fetcher, Wanted};
use crate::inner::Inner;

/// Files of one source fetched at once.
const AT_ONCE: usize = 3;

/// Makes the source of a build: every file is a blob afterwards.
pub(super) async fn make(inner: &Inner, open: &OpenSource) -> Result<Made, NotMade> {
    let (recipe, description, files) = match &open.source {
        BuildSource::Url { url } => from_url(inner, url).await?,
        BuildSource::Upload { file } => from_uploads(inner, file, open).await?,
    };
    tracing::debug!(build.id = %open.build, signed = description.is_signed, "recipe {} is read", recipe.name);
    let recipe_file = recipe.name.clone();
    let mut all = vec![recipe];
    all.extend(files);
    all.sort_by(|left, right| left.name.cmp(&right.name));
    let tree = SourceTree { recipe_file, recipe_kind: description.kind, files: all };
    Ok(Made { tree, package: description.package, version: description.version })
}

type Parts = (SourceFile, Description, Vec<SourceFile>);

async fn from_uploads(inner: &Inner, file: &FileName, open: &OpenSource) -> Result<Parts, NotMade> {
    recipe_file::check_name(file)?;
    let Some(upload) = open.uploads.iter().find(|upload| upload.name == *file) else {
        return Err(recipe_file::invalid(file.as_str(), "was not uploaded").into());
    };
    let description = read_recipe(inner, file, upload.bytes, upload.sha256).await?;
    check_total(inner, file, upload.bytes, &description.files)?;
    let files = collect::collect(file.as_str(), &description.files, &open.uploads)?;
    Ok((SourceFile { name: file.clone(), bytes: upload.bytes, sha256: upload.sha256 }, description, files))
}

async fn from_url(inner: &Inner, url: &str) -> Result<Parts, NotMade> {
    let parsed = Url::parse(url).map_err(|error| recipe_file::invalid(url, &error.to_string()))?;
    let name = address::file_name(&parsed)?;
    recipe_file::check_name(&name)?;
    let fetcher = inner.sources.fetcher(inner)?;
    let wanted = Wanted { url: parsed.as_str(), limit_bytes: RECIPE_BYTES, expected: None, known: None };
    let fetched = fetcher.fetch_file(&wanted).await.map_err(|error| not_made(error, &name))?;
    let description = read_recipe(inner, &name, fetched.bytes, fetched.sha256).await?;
    check_total(inner, &name, fetched.bytes, &description.files)?;
    let fetches: Vec<_> = description.files.iter().map(|file| fetch_one(inner, &fetcher, &parsed, file)).collect();
    let files = futures_util::stream::iter(fetches).buffered(AT_ONCE).try_collect().await?;
    Ok((SourceFile { name, bytes: fetched.bytes, sha256: fetched.sha256 }, description, files))
}

/// Fetches a file beside the recipe, unless its bytes are here already.
async fn fetch_one(inner: &Inner, fetcher: &Fetcher, recipe: &Url, file: &NamedFile) -> Result<SourceFile, NotMade> {
    let found = SourceFile { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256 };
    if inner.blobs.touch(&file.sha256).map_err(ServiceError::from)? {
        let known = fs_err::metadata(inner.blobs.path(&file.sha256)).map_err(ServiceError::from)?.len();
        if known == file.bytes {
            return Ok(found);
        }
        let (file, what) = (file.name.to_string(), "size".to_owned());
        let (expected, found) = (found.bytes.to_string(), known.to_string());
        return Err(FailureCause::SourceMismatch { file, what, expected, found }.into());
    }
    let url = address::beside(recipe, &file.name);
    let expected = Some((file.bytes, file.sha256));
    let limit_bytes = inner.config.source_bytes;
    let wanted = Wanted { url: url.as_str(), limit_bytes, expected, known: None };
    fetcher.fetch_file(&wanted).await.map_err(|error| not_made(error, &file.name))?;
    Ok(found)
}

async fn read_recipe(inner: &Inner, name: &FileName, bytes: u64, sha256: pkg::Sha256) -> Result<Description, NotMade> {
    if bytes > RECIPE_BYTES {
        return Err(FailureCause::SourceTooLarge { file: name.to_string(), limit_bytes: RECIPE_BYTES }.into());
    }
    let (blobs, file) = (inner.blobs.clone(), name.clone());
    let read = tokio::task::spawn_blocking(move || {
        let bytes = blobs.read(&sha256).map_err(|error| NotMade::from(ServiceError::from(error)))?;
        recipe_file::read(&file, &bytes).map_err(NotMade::from)
    });
    match read.await {
        Ok(read) => read,
        Err(error) => Err(ServiceError::Failed { what: format!("reading {name}"), source: error.into() }.into()),
    }
}

fn check_total(inner: &Inner, name: &FileName, recipe_bytes: u64, files: &[NamedFile]) -> Result<(), NotMade> {
    let total = files.iter().fold(recipe_bytes, |total, file| total.saturating_add(file.bytes));
    let limit_bytes = inner.config.source_bytes;
    if total > limit_bytes {
        return Err(FailureCause::SourceTooLarge { file: name.to_string(), limit_bytes }.into());
    }
    Ok(())
}

/// The cause for a fetch that failed.
fn not_made(error: FetchError, file: &FileName) -> NotMade {
    let mismatch = |what: &str, expected: String, found: String| FailureCause::SourceMismatch {
        file: file.to_string(),
        what: what.to_owned(),
        expected,
        found,
    };
    let transient = error.is_transient();
    let cause = match error {
        FetchError::Status { url, status } if transient => {
            FailureCause::SourceUnreachable { url, detail: format!("the server answered {status}") }
        }
        FetchError::Status { url, status } => FailureCause::SourceMissing { url, status },
        FetchError::TooLarge { limit_bytes, .. } => {
            FailureCause::SourceTooLarge { file: file.to_string(), limit_bytes }
        }
        FetchError::Size { expected, found, .. } => mismatch("size", expected.to_string(), found.to_string()),
        FetchError::Digest { expected, found, .. } => mismatch("SHA-256", expected.to_string(), found.to_string()),
        FetchError::Transport { url, detail } => FailureCause::SourceUnreachable { url, detail },
        FetchError::Address { url, detail } => recipe_file::invalid(&url, &detail),
        FetchError::Keep(error) => return NotMade::Broken(error.into()),
    };
    NotMade::Cause(cause)
}
