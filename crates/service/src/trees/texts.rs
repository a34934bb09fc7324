use model::{FileName, Timestamp};
use pkg::{Md5, Sha256};
use recipe::link::{Content, Files, Link};
use store::{BlobError, Blobs, RevisionFile};

use crate::ServiceError;
use crate::inner::Inner;

/// Largest file that is merged, patched or compared.
pub(super) const MOST_BYTES: u64 = 8 << 20;
/// Largest description of a link.
const MOST_LINK_BYTES: u64 = 1 << 20;

/// A kept file, equal to any other of the same content.
#[derive(Debug, Clone)]
pub(super) struct Text(pub(super) RevisionFile);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.sha256 == other.0.sha256
    }
}

/// Files by name.
pub(super) fn by_name(files: &[RevisionFile]) -> Files<Text> {
    files.iter().map(|file| (file.name.to_string(), Text(file.clone()))).collect()
}

/// The content of a file; `None` if it is too large to be looked into, or can not be read, which `failure` keeps.
pub(super) fn read(blobs: &Blobs, text: &Text, failure: &mut Option<BlobError>) -> Option<Vec<u8>> {
    if text.0.bytes > MOST_BYTES {
        return None;
    }
    match blobs.read(&text.0.sha256) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            failure.get_or_insert(error);
            None
        }
    }
}

/// Keeps what was put together; gives the files by the order of their names.
pub(super) fn keep(blobs: &Blobs, files: Files<Content<Text>>, now: Timestamp) -> Result<Vec<RevisionFile>, BlobError> {
    let mut kept = Vec::new();
    for (name, content) in files {
        // Names come from kept files, or were checked by whoever made them.
        let Ok(name) = FileName::parse(&name) else { continue };
        kept.push(match content {
            Content::Known(Text(file)) => RevisionFile { name, ..file },
            Content::Made(bytes) => made(blobs, name, &bytes, now)?,
        });
    }
    Ok(kept)
}

/// Keeps a text that was made here.
pub(super) fn made(blobs: &Blobs, name: FileName, bytes: &[u8], now: Timestamp) -> Result<RevisionFile, BlobError> {
    let sha256: Sha256 = blobs.put(bytes)?;
    Ok(RevisionFile { name, bytes: bytes.len() as u64, md5: Md5::of(bytes), sha256, modified_at: now })
}

/// The link among files; the inner error says why it is none that can be followed.
pub(crate) async fn link_of(
    inner: &Inner,
    files: &[RevisionFile],
) -> Result<Option<Result<Link, String>>, ServiceError> {
    let Some(file) = files.iter().find(|file| file.name.as_str() == recipe::link::FILE) else { return Ok(None) };
    if file.bytes > MOST_LINK_BYTES {
        return Ok(Some(Err("_link is bad: it is too large".to_owned())));
    }
    let sha256 = file.sha256;
    let bytes = inner.with_blobs(move |blobs| blobs.read(&sha256)).await?;
    Ok(Some(Link::parse(&bytes).map_err(|error| format!("_link is bad: {error}"))))
}

/// A link as a file.
pub(super) async fn link_file(inner: &Inner, link: &Link) -> Result<RevisionFile, ServiceError> {
    let (text, now) = (link.write(), inner.now());
    let name = FileName::parse(recipe::link::FILE)?;
    inner.with_blobs(move |blobs| made(blobs, name, text.as_bytes(), now)).await
}
