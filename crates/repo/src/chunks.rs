//! Cuts an index into chunks whose compressed forms outlive a change elsewhere.
//!
//! A chunk ends behind a package whose own digest says so, hence one package more or less changes one chunk, or joins or
//! splits two; the others keep their digest and are found in the cache. Compressing is nearly all the cost of an index, and what
//! is found needs not even be looked at: its text is never asked for.

mod layout;

use std::collections::HashMap;
use std::io;
use std::ops::Range;

use pkg::{Sha256, Sha256Hasher};
use pkgfile::compression::Compression;

use crate::compress;
use layout::FileLayout;
pub use layout::LayoutError;

/// A chunk ends at the latest behind this many packages.
const CHUNK_PIECES_MOST: usize = 1024;
/// Memory that is taken for a chunk before its texts are there.
const CHUNK_AHEAD_BYTES: u64 = 4 << 20;

/// Compressed chunks of the last indices written with it; owned by the caller, one a repository.
///
/// Memory only: losing it costs time, never correctness. It holds about as many bytes as the compressed indices have.
/// [`ChunkCache::layout`] and [`ChunkCache::refill`] bring it back from the published files.
#[derive(Debug, Default)]
pub struct ChunkCache {
    chunks: HashMap<(Sha256, Compression), Cached>,
    generation: u64,
    work: ChunkWork,
    /// Of the last publication.
    files: Vec<FileLayout>,
}

/// What a [`ChunkCache`] could save and what had to be done, counted since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChunkWork {
    /// Chunks that were found.
    pub hits: u64,
    /// Chunks that had to be compressed.
    pub misses: u64,
    /// Packages whose text was asked for.
    pub texts: u64,
    /// Bytes that had to be compressed.
    pub text_bytes: u64,
}

#[derive(Debug)]
struct Cached {
    bytes: Vec<u8>,
    generation: u64,
}

impl ChunkCache {
    /// What was done since the cache was made.
    #[must_use]
    pub const fn work(&self) -> ChunkWork {
        self.work
    }

    /// Starts a publication: what it does not use is dropped at its end.
    pub(crate) fn begin(&mut self) {
        self.generation += 1;
        self.files.clear();
    }

    /// Drops what the publication did not use.
    pub(crate) fn end(&mut self) {
        let generation = self.generation;
        self.chunks.retain(|_, cached| cached.generation == generation);
    }

    fn ensure(&mut self, chunk: &Chunk, compression: Compression, texts: &mut Texts<'_>) -> io::Result<()> {
        let key = (chunk.digest, compression);
        if let Some(cached) = self.chunks.get_mut(&key) {
            cached.generation = self.generation;
            self.work.hits += 1;
            return Ok(());
        }
        let mut text = String::with_capacity(chunk.bytes);
        match &chunk.content {
            Content::Text(own) => text.push_str(own),
            Content::Pieces(range) => {
                for place in range.clone() {
                    texts(place, &mut text)?;
                    self.work.texts += 1;
                }
            }
        }
        self.work.misses += 1;
        self.work.text_bytes += u64::try_from(text.len()).unwrap_or_default();
        let bytes = compress::compress(text.as_bytes(), compression)?;
        self.chunks.insert(key, Cached { bytes, generation: self.generation });
        Ok(())
    }

    fn get(&self, chunk: &Chunk, compression: Compression) -> &[u8] {
        self.chunks.get(&(chunk.digest, compression)).map_or(&[], |cached| &cached.bytes)
    }
}

/// Appends the text of the piece with that number.
pub(crate) type Texts<'a> = dyn FnMut(usize, &mut String) -> io::Result<()> + 'a;

/// What one package is in an index: digest and length of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) sha256: Sha256,
    pub(crate) bytes: u64,
}

impl Piece {
    pub(crate) fn of(text: &str) -> Self {
        Self { sha256: Sha256::of(text.as_bytes()), bytes: u64::try_from(text.len()).unwrap_or(u64::MAX) }
    }
}

/// Neighbouring packages of an index, or a text that belongs to none.
pub(crate) struct Chunk {
    content: Content,
    /// Digest over the pieces' digests.
    digest: Sha256,
    /// Length of the text, if that is not too much to believe.
    bytes: usize,
}

enum Content {
    /// The pieces with these numbers.
    Pieces(Range<usize>),
    Text(String),
}

impl Chunk {
    /// A chunk of a text that belongs to no package.
    pub(crate) fn of_text(text: String) -> Self {
        Self { digest: digest(&[Piece::of(&text)]), bytes: text.len(), content: Content::Text(text) }
    }

    fn of_pieces(pieces: &[Piece], range: Range<usize>) -> Self {
        let own = pieces.get(range.clone()).unwrap_or_default();
        // Pieces come from outside: nothing is taken for what they claim alone.
        let bytes = own.iter().fold(0_u64, |sum, piece| sum.saturating_add(piece.bytes)).min(CHUNK_AHEAD_BYTES);
        let bytes = usize::try_from(bytes).unwrap_or_default();
        Self { digest: digest(own), bytes, content: Content::Pieces(range) }
    }
}

fn digest(pieces: &[Piece]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for piece in pieces {
        hasher.update(piece.sha256.as_bytes());
    }
    hasher.finish()
}

/// Cuts sorted pieces into chunks behind those that are an end; no pieces are no chunk.
pub(crate) fn cut(pieces: &[Piece], is_end: fn(&Piece) -> bool) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut start = 0;
    for (place, piece) in pieces.iter().enumerate() {
        let end = place + 1;
        if is_end(piece) || end - start >= CHUNK_PIECES_MOST || end == pieces.len() {
            chunks.push(Chunk::of_pieces(pieces, start..end));
            start = end;
        }
    }
    chunks
}

/// A compressed index.
pub(crate) struct CompressedIndex {
    pub(crate) content: Vec<u8>,
    pub(crate) sha256: Sha256,
}

/// The whole index, compressed; chunks the cache knows are not compressed again, nor are their texts asked for.
///
/// Errors are those of the compressor and of `texts`.
pub(crate) fn compressed(
    chunks: &[Chunk],
    compression: Compression,
    cache: &mut ChunkCache,
    texts: &mut Texts<'_>,
) -> io::Result<CompressedIndex> {
    for chunk in chunks {
        cache.ensure(chunk, compression, texts)?;
    }
    let parts: Vec<&[u8]> = chunks.iter().map(|chunk| cache.get(chunk, compression)).collect();
    let content = compress::join(&parts, compression).ok_or(io::ErrorKind::InvalidData)?;
    let sha256 = Sha256::of(&content);
    let lengths = chunks.iter().zip(&parts).map(|(chunk, part)| (chunk.digest, part.len())).collect();
    cache.files.extend(FileLayout::new(sha256, compression, lengths));
    Ok(CompressedIndex { content, sha256 })
}
