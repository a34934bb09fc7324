//! Cuts an index into chunks whose compressed forms outlive a change elsewhere.
//!
//! A chunk ends behind a stanza whose own digest says so, hence one package more or less changes one chunk, or joins or
//! splits two; the others keep their digest and are found in the cache. Compressing is nearly all the cost of an index.

use std::collections::HashMap;
use std::io;

use pkg::{Sha256, Sha256Hasher};
use pkgfile::compression::Compression;

use super::Stanza;
use crate::compress;

/// A chunk ends at the latest behind this many stanzas. On average it has 128, some 100 kB: smaller ones compress worse,
/// larger ones cost more than hashing the whole index does.
const CHUNK_STANZAS_MOST: usize = 1024;

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
    pub(super) fn begin(&mut self) {
        self.generation += 1;
    }

    /// Drops what the publication did not use.
    pub(super) fn end(&mut self) {
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

/// Neighbouring stanzas of an index.
pub(super) struct Chunk<'a> {
    stanzas: Vec<&'a Stanza>,
    /// Digest over the stanzas' digests.
    digest: Sha256,
}

impl<'a> Chunk<'a> {
    fn new(stanzas: Vec<&'a Stanza>) -> Self {
        let mut hasher = Sha256Hasher::new();
        for stanza in &stanzas {
            hasher.update(stanza.sha256().as_bytes());
        }
        Self { stanzas, digest: hasher.finish() }
    }

    fn text(&self) -> String {
        self.stanzas.iter().map(|stanza| stanza.text()).collect()
    }
}

/// Cuts sorted stanzas into chunks; no stanzas are one empty chunk.
pub(super) fn cut<'a>(stanzas: &[&'a Stanza]) -> Vec<Chunk<'a>> {
    let mut chunks = Vec::new();
    let mut current = Vec::new();
    for stanza in stanzas {
        current.push(*stanza);
        let ends_chunk = matches!(stanza.sha256().as_bytes(), [0 | 1, ..]);
        if ends_chunk || current.len() >= CHUNK_STANZAS_MOST {
            chunks.push(Chunk::new(std::mem::take(&mut current)));
        }
    }
    if !current.is_empty() || chunks.is_empty() {
        chunks.push(Chunk::new(current));
    }
    chunks
}

/// The whole index, compressed; chunks the cache knows are not compressed again.
pub(super) fn compressed(
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
