use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use model::{BuildSource, FailureCause, FileName, SourceFile, SourceSignature};
use store::{OpenSource, SourceTree};
use url::Url;

use super::recipe_file::{self, Description, NamedFile, RECIPE_BYTES};
use super::reconcile::{Made, Making, NotMade};
use super::{address, collect, signature};
use crate::ServiceError;
use crate::fetch::{FetchError, Fetcher, Wanted};
use crate::inner::Inner;

/// Files of one source fetched at once.
const AT_ONCE: usize = 3;

/// A recipe that was read.
struct Recipe {
    file: SourceFile,
    description: Description,
    signature: SourceSignature,
    /// Where it was fetched from; nowhere, if it was uploaded.
    url: Option<Url>,
}

/// Makes the source of a build: every file is a blob afterwards.
pub(super) async fn make(inner: &Inner, open: &OpenSource) -> Making {
    match read(inner, open).await {
        Ok(recipe) => {
            let signature = Some(recipe.signature.clone());
            Making { signature, end: complete(inner, open, recipe).await }
        }
        Err(not_made) => Making { signature: None, end: Err(not_made) },
    }
}

async fn read(inner: &Inner, open: &OpenSource) -> Result<Recipe, NotMade> {
    let (file, url) = match &open.source {
        BuildSource::Url { url } => fetch_recipe(inner, url).await?,
        BuildSource::Upload { file } => (uploaded_recipe(file, open)?, None),
    };
    let (description, signature) = read_recipe(inner, &file).await?;
    tracing::debug!(build.id = %open.build, "recipe {} is read; its signature: {signature}", file.name);
    Ok(Recipe { file, description, signature, url })
}

/// Brings the files a recipe names.
async fn complete(inner: &Inner, open: &OpenSource, recipe: Recipe) -> Result<Made, NotMade> {
    let Recipe { file, description, signature, url } = recipe;
    if let SourceSignature::Bad { key } = signature {
        return Err(FailureCause::SourceForged { file: file.name.to_string(), key }.into());
    }
    check_total(inner, &file.name, file.bytes, &description.files)?;
    let mut files = match url {
        Some(url) => fetch_files(inner, &url, &description.files).await?,
        None => collect::collect(file.name.as_str(), &description.files, &open.uploads)?,
    };
    let recipe_file = file.name.clone();
    files.push(file);
    files.sort_by(|left, right| left.name.cmp(&right.name));
    let tree = SourceTree { recipe_file, recipe_kind: description.kind, files };
    Ok(Made { tree, package: description.package, version: description.version })
}

fn uploaded_recipe(file: &FileName, open: &OpenSource) -> Result<SourceFile, FailureCause> {
    recipe_file::check_name(file)?;
    let Some(upload) = open.uploads.iter().find(|upload| upload.name == *file) else {
        return Err(recipe_file::invalid(file.as_str(), "was not uploaded"));
    };
    Ok(SourceFile { name: file.clone(), bytes: upload.bytes, sha256: upload.sha256 })
}

async fn fetch_recipe(inner: &Inner, url: &str) -> Result<(SourceFile, Option<Url>), NotMade> {
    let parsed = Url::parse(url).map_err(|error| recipe_file::invalid(url, &error.to_string()))?;
    let name = address::file_name(&parsed)?;
    recipe_file::check_name(&name)?;
    let wanted = Wanted { url: parsed.as_str(), limit_bytes: RECIPE_BYTES, expected: None, known: None };
    let fetched = inner.sources.fetcher(inner)?.fetch_file(&wanted).await.map_err(|error| not_made(error, &name))?;
    Ok((SourceFile { name, bytes: fetched.bytes, sha256: fetched.sha256 }, Some(parsed)))
}

async fn fetch_files(inner: &Inner, recipe: &Url, files: &[NamedFile]) -> Result<Vec<SourceFile>, NotMade> {
    let fetcher = inner.sources.fetcher(inner)?;
    let fetches: Vec<_> = files.iter().map(|file| fetch_one(inner, &fetcher, recipe, file)).collect();
    futures_util::stream::iter(fetches).buffered(AT_ONCE).try_collect().await
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

async fn read_recipe(inner: &Inner, file: &SourceFile) -> Result<(Description, SourceSignature), NotMade> {
    if file.bytes > RECIPE_BYTES {
        return Err(FailureCause::SourceTooLarge { file: file.name.to_string(), limit_bytes: RECIPE_BYTES }.into());
    }
    let (blobs, keyring, now) = (inner.blobs.clone(), Arc::clone(&inner.sources.keyring), inner.now());
    let (name, sha256) = (file.name.clone(), file.sha256);
    let read = tokio::task::spawn_blocking(move || {
        let bytes = blobs.read(&sha256).map_err(|error| NotMade::from(ServiceError::from(error)))?;
        let description = recipe_file::read(&name, &bytes)?;
        let signature = signature::read(&bytes, description.is_armoured, &keyring, now);
        Ok((description, signature))
    });
    match read.await {
        Ok(read) => read,
        Err(error) => Err(ServiceError::Failed { what: format!("reading {}", file.name), source: error.into() }.into()),
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
