//! Cuts an index into chunks whose compressed forms outlive a change elsewhere.
//!
//! A chunk ends behind a package whose own digest says so, hence one package more or less changes one chunk, or joins or
//! splits two; the others keep their digest and are found in the cache. Compressing is nearly all the cost of an index.

use std::collections::HashMap;
use std::io;

use pkg::{Sha256, Sha256Hasher};
use pkgfile::compression::Compression;

use crate::compress;

/// A chunk ends at the latest behind this many packages.
const CHUNK_PIECES_MOST: usize = 1024;

/// Compressed chunks of the last indices written with it; owned by the caller, one a repository.
///
/// Memory only: losing it costs time, never correctness. It holds about as many bytes as the compressed indices have.
#[derive(Debug, Default)]
pub struct ChunkCache {
    chunks: HashMap<(Sha256, Compression), Cached>,
    generation: u64,
    hits: u64,
    misses: u64,
}

#[derive(Debug)]
struct Cached {
    bytes: Vec<u8>,
    generation: u64,
}

impl ChunkCache {
    /// How many chunks were found and how many had to be compressed since the cache was made.
    #[must_use]
    pub const fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits, self.misses)
    }

    /// Starts a publication: what it does not use is dropped at its end.
    pub(crate) fn begin(&mut self) {
        self.generation += 1;
    }

    /// Drops what the publication did not use.
    pub(crate) fn end(&mut self) {
        let generation = self.generation;
        self.chunks.retain(|_, cached| cached.generation == generation);
    }

    fn ensure(&mut self, chunk: &Chunk<'_>, compression: Compression) -> io::Result<()> {
        let key = (chunk.digest, compression);
        if let Some(cached) = self.chunks.get_mut(&key) {
            cached.generation = self.generation;
            self.hits += 1;
            return Ok(());
        }
        self.misses += 1;
        let bytes = compress::compress(chunk.text().as_bytes(), compression)?;
        self.chunks.insert(key, Cached { bytes, generation: self.generation });
        Ok(())
    }

    fn get(&self, chunk: &Chunk<'_>, compression: Compression) -> &[u8] {
        self.chunks.get(&(chunk.digest, compression)).map_or(&[], |cached| &cached.bytes)
    }
}

/// What one package is in an index, and the digest of that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) sha256: Sha256,
}

/// Neighbouring packages of an index.
pub(crate) struct Chunk<'a> {
    pieces: Vec<Piece<'a>>,
    /// Digest over the pieces' digests.
    digest: Sha256,
}

impl<'a> Chunk<'a> {
    pub(crate) fn new(pieces: Vec<Piece<'a>>) -> Self {
        let mut hasher = Sha256Hasher::new();
        for piece in &pieces {
            hasher.update(piece.sha256.as_bytes());
        }
        Self { pieces, digest: hasher.finish() }
    }

    /// A chunk of a text that belongs to no package.
    pub(crate) fn of_text(text: &'a str) -> Self {
        Self::new(vec![Piece { text, sha256: Sha256::of(text.as_bytes()) }])
    }

    /// The texts in order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.pieces.iter().map(|piece| piece.text)
    }

    fn text(&self) -> String {
        self.texts().collect()
    }
}

/// Cuts sorted pieces into chunks behind those that are an end; no pieces are no chunk.
pub(crate) fn cut<'a>(pieces: impl Iterator<Item = Piece<'a>>, is_end: fn(&Piece<'a>) -> bool) -> Vec<Chunk<'a>> {
    let mut chunks = Vec::new();
    let mut current = Vec::new();
    for piece in pieces {
        current.push(piece);
        if is_end(&piece) || current.len() >= CHUNK_PIECES_MOST {
            chunks.push(Chunk::new(std::mem::take(&mut current)));
        }
    }
    if !current.is_empty() {
        chunks.push(Chunk::new(current));
    }
    chunks
}

/// The whole index, compressed; chunks the cache knows are not compressed again.
pub(crate) fn compressed(
    chunks: &[Chunk<'_>],
    compression: Compression,
    cache: &mut ChunkCache,
) -> io::Result<Vec<u8>> {
    for chunk in chunks {
        cache.ensure(chunk, compression)?;
    }
    let parts: Vec<&[u8]> = chunks.iter().map(|chunk| cache.get(chunk, compression)).collect();
    compress::join(&parts, compression).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
