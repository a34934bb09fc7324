//! Answers what is published.

use model::{ProjectName, RepositoryName};
use store::PublishedFile;

use crate::inner::Inner;
use crate::{Entry, Published, ServiceError};

/// A file or folder of a published repository.
///
/// Files that disappeared a short while ago are still there for whoever knows their path; folders do not list them.
///
/// # Errors
/// [`ServiceError::PublishedMissing`].
pub(crate) async fn published(
    inner: &Inner,
    project: &ProjectName,
    repository: &RepositoryName,
    path: &str,
) -> Result<Published, ServiceError> {
    let missing = || ServiceError::PublishedMissing { path: format!("{project}/{repository}/{path}") };
    let path = path.trim_matches('/');
    let mut session = inner.store.read().await?;
    let id = session.published_repository(project, repository).await?.ok_or_else(missing)?;
    if let Some(file) = session.published_file(id, path).await? {
        return Ok(answer(inner, &file));
    }
    let entries = session.published_folder(id, path).await?;
    if !entries.is_empty() {
        let entries = entries.into_iter().map(|entry| Entry {
            name: entry.name,
            bytes: entry.bytes,
            modified: entry.published_at,
        });
        return Ok(Published::Folder(entries.collect()));
    }
    let former = session.formerly_published_file(id, path).await?;
    former.map(|file| answer(inner, &file)).ok_or_else(missing)
}

fn answer(inner: &Inner, file: &PublishedFile) -> Published {
    Published::File {
        path: inner.blobs.path(&file.sha256),
        bytes: file.bytes,
        sha256: file.sha256,
        media_type: media_type(&file.path),
    }
}

fn media_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "deb" => "application/vnd.debian.binary-package",
        "rpm" => "application/x-rpm",
        "xml" => "application/xml",
        "gz" => "application/gzip",
        "xz" => "application/x-xz",
        "zst" => "application/zstd",
        "asc" if name.ends_with(".xml.asc") => "application/pgp-signature",
        "asc" | "key" => "application/pgp-keys",
        "gpg" if name == "Release.gpg" => "application/pgp-signature",
        "gpg" => "application/octet-stream",
        _ if path.contains("/by-hash/") => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    }
}
