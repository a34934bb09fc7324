//! Fetches the files a recipe names.

use futures_util::{StreamExt as _, TryStreamExt as _};
use model::{FailureCause, SourceFile};
use url::Url;

use super::address;
use super::cause::not_fetched;
use super::dsc::NamedFile;
use super::reconcile::NotMade;
use crate::ServiceError;
use crate::fetch::{Fetcher, Wanted};
use crate::inner::Inner;

/// Files of one source fetched at once.
const AT_ONCE: usize = 3;

/// Fetches files that lie beside a recipe and whose digests it names.
pub(super) async fn fetch_beside(inner: &Inner, recipe: &Url, files: &[NamedFile]) -> Result<Vec<SourceFile>, NotMade> {
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
    fetcher.fetch_file(&wanted).await.map_err(|error| not_fetched(error, &file.name))?;
    Ok(found)
}
