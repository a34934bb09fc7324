//! Where the chunks lie in published files, so that a cache can be filled again without compressing.

use pkg::Sha256;
use pkgfile::compression::Compression;

use super::{Cached, ChunkCache};
use crate::fields::{Fields, push_number};

/// First bytes of a layout. To be changed with levels or libraries of the compressors, so old chunks do not stay for ever.
const MAGIC: &[u8; 16] = b"kiln chunks 1\0\0\0";

/// The bytes are no layout, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the layout of a repository's files is damaged or of another version")]
pub struct LayoutError;

/// The chunks of a file, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileLayout {
    sha256: Sha256,
    compression: Compression,
    /// Digests of the chunks, and their compressed lengths.
    chunks: Vec<(Sha256, usize)>,
}

impl FileLayout {
    /// `None` for files that are more than their joined chunks: xz has one index for all blocks.
    pub(super) fn new(sha256: Sha256, compression: Compression, chunks: Vec<(Sha256, usize)>) -> Option<Self> {
        code(compression).map(|_| Self { sha256, compression, chunks })
    }
}

const fn code(compression: Compression) -> Option<u8> {
    match compression {
        Compression::Gzip => Some(1),
        Compression::Zstd => Some(2),
        _ => None,
    }
}

impl ChunkCache {
    /// Where the chunks lie in the files of the last publication; some 36 bytes a chunk. To be kept beside these files, for
    /// [`ChunkCache::refill`]. Files compressed with xz are not in it.
    #[must_use]
    pub fn layout(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        push_number(&mut bytes, self.files.len());
        for file in &self.files {
            bytes.extend(file.sha256.as_bytes());
            bytes.extend(code(file.compression));
            push_number(&mut bytes, file.chunks.len());
            for (digest, length) in &file.chunks {
                bytes.extend(digest.as_bytes());
                push_number(&mut bytes, *length);
            }
        }
        bytes.extend(Sha256::of(&bytes).as_bytes());
        bytes
    }

    /// Takes the chunks of published files, as a layout says where they are; `file` gives the content by its digest. Returns how
    /// many chunks these were. Files that are not given, or are other bytes than they were, are passed over: their chunks will be
    /// compressed anew.
    ///
    /// # Errors
    /// [`LayoutError`]; the cache is as it was then.
    pub fn refill(
        &mut self,
        layout: &[u8],
        file: &mut dyn FnMut(&Sha256) -> Option<Vec<u8>>,
    ) -> Result<usize, LayoutError> {
        let mut count = 0;
        for layout in parse(layout).ok_or(LayoutError)? {
            let Some(content) = file(&layout.sha256).filter(|content| Sha256::of(content) == layout.sha256) else {
                continue;
            };
            let mut rest = content.as_slice();
            for (digest, length) in layout.chunks {
                let Some((bytes, behind)) = rest.split_at_checked(length) else { break };
                rest = behind;
                let cached = Cached { bytes: bytes.to_vec(), generation: self.generation };
                self.chunks.insert((digest, layout.compression), cached);
                count += 1;
            }
        }
        Ok(count)
    }
}

fn parse(bytes: &[u8]) -> Option<Vec<FileLayout>> {
    let (bytes, digest) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if Sha256::of(bytes).as_bytes() != digest {
        return None;
    }
    let mut fields = Fields::new(bytes.strip_prefix(MAGIC)?);
    let count = fields.number()?;
    let mut files = Vec::new();
    for _ in 0..count {
        let sha256 = fields.sha256()?;
        let compression = match fields.take(1)? {
            [1] => Compression::Gzip,
            [2] => Compression::Zstd,
            _ => return None,
        };
        let chunks = fields.number()?;
        // One at a time: memory grows with what is there.
        let mut file = FileLayout { sha256, compression, chunks: Vec::new() };
        for _ in 0..chunks {
            file.chunks.push((fields.sha256()?, fields.number()?));
        }
        files.push(file);
    }
    fields.is_empty().then_some(files)
}
