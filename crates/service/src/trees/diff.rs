//! What differs between the files of two packages or revisions.

use std::collections::BTreeMap;

use model::{FileName, PackageName, ProjectId};
use recipe::delta::{self, Labels};
use store::{BlobError, Blobs, RevisionFile};

use super::texts::{Text, read};
use super::{Listing, TreeWish};
use crate::inner::blocking;
use crate::{Service, ServiceError};

/// Most bytes of differences in one answer; files behind that are only named.
const MOST_BYTES: usize = 32 << 20;

/// What is to be compared.
#[derive(Debug, Clone)]
pub struct DiffWish {
    /// The old side: project, package, files; nothing counts as no files.
    pub old: Option<(ProjectId, PackageName, TreeWish)>,
    /// The new side.
    pub new: Option<(ProjectId, PackageName, TreeWish)>,
    /// Only these files; all, if empty.
    pub files: Vec<FileName>,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The old side.
    pub old: Option<Listing>,
    /// The new side.
    pub new: Option<Listing>,
    /// The files that differ, by name.
    pub files: Vec<FileDifference>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// Name.
    pub name: FileName,
    /// The old file.
    pub old: Option<RevisionFile>,
    /// The new file.
    pub new: Option<RevisionFile>,
    /// The changes without labels, in the unified format; `None` if one is no text, or too large.
    pub changes: Option<Vec<u8>>,
}

impl Service {
    /// What differs between two packages or revisions.
    ///
    /// # Errors
    /// As [`Self::listing`].
    pub async fn difference(&self, wish: &DiffWish) -> Result<Difference, ServiceError> {
        let (old, new) = (self.side(wish.old.as_ref()).await?, self.side(wish.new.as_ref()).await?);
        let mut pairs: BTreeMap<FileName, (Option<RevisionFile>, Option<RevisionFile>)> = BTreeMap::new();
        for file in old.iter().flat_map(|side| &side.files) {
            pairs.entry(file.name.clone()).or_default().0 = Some(file.clone());
        }
        for file in new.iter().flat_map(|side| &side.files) {
            pairs.entry(file.name.clone()).or_default().1 = Some(file.clone());
        }
        let digest = |file: &Option<RevisionFile>| file.as_ref().map(|file| file.sha256);
        pairs.retain(|name, (old, new)| {
            digest(old) != digest(new) && (wish.files.is_empty() || wish.files.contains(name))
        });
        let blobs = self.inner.blobs.clone();
        let files = blocking(move || compare(&blobs, pairs)).await??;
        Ok(Difference { old, new, files })
    }

    async fn side(&self, side: Option<&(ProjectId, PackageName, TreeWish)>) -> Result<Option<Listing>, ServiceError> {
        match side {
            Some((project, package, wish)) => Ok(Some(self.listing(*project, package, wish).await?)),
            None => Ok(None),
        }
    }
}

type Pairs = BTreeMap<FileName, (Option<RevisionFile>, Option<RevisionFile>)>;

fn compare(blobs: &Blobs, pairs: Pairs) -> Result<Vec<FileDifference>, BlobError> {
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    for (name, (old, new)) in pairs {
        let changes = if bytes < MOST_BYTES { changes(blobs, old.as_ref(), new.as_ref())? } else { None };
        bytes = bytes.saturating_add(changes.as_ref().map_or(0, Vec::len));
        found.push(FileDifference { name, old, new, changes });
    }
    Ok(found)
}

fn changes(
    blobs: &Blobs,
    old: Option<&RevisionFile>,
    new: Option<&RevisionFile>,
) -> Result<Option<Vec<u8>>, BlobError> {
    let mut failure = None;
    let mut content = |file: Option<&RevisionFile>| match file {
        None => Some(Vec::new()),
        Some(file) => read(blobs, &Text(file.clone()), &mut failure).filter(|bytes| delta::is_text(bytes)),
    };
    let (old, new) = (content(old), content(new));
    if let Some(error) = failure {
        return Err(error);
    }
    let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
    let text = delta::unified(Labels { old: "", new: "" }, &old, &new);
    // The two lines with labels are the reader's business.
    Ok(text.map(|text| {
        let second = |(at, byte): (usize, &u8)| (*byte == b'\n').then_some(at + 1);
        let start = text.iter().enumerate().filter_map(second).nth(1).unwrap_or(0);
        text.get(start..).unwrap_or_default().to_vec()
    }))
}
