//! Compressors of index files: same input, same bytes; results may be joined to one file.

mod xz;

use std::io::{self, Write as _};

pub use pkgfile::compression::{Bounded, Compression, Decoder, TooLong, decompress};

/// Compresses `content` as one gzip member, xz stream or zstd frame; [`join`] puts results together.
///
/// Deterministic: no names, no times. Levels: gzip 6, xz 3 (a block of an index is much smaller than the dictionary of the
/// higher ones), zstd 7 (as small as gzip in half its time; 10 saves 7 % more and takes twice as long).
///
/// # Errors
/// If the compressor can not get its memory; and for [`Compression::Lzma`] and [`Compression::Bzip2`], which are only read.
pub fn compress(content: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(content.to_vec()),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(content)?;
            encoder.finish()
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
            encoder.write_all(content)?;
            encoder.finish()
        }
        Compression::Zstd => zstd::bulk::compress(content, 7),
        Compression::Lzma | Compression::Bzip2 => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// One zstd frame, ten times as fast as [`compress`] and half as good: for what is stored and not published.
pub(crate) fn compress_fast(content: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(content, 1)
}

/// Joins results of [`compress`] to the file that decompresses to the joined contents.
///
/// `None` for xz if a part is no xz stream.
#[must_use]
pub fn join(parts: &[&[u8]], compression: Compression) -> Option<Vec<u8>> {
    match compression {
        Compression::Xz if !parts.is_empty() => xz::join(parts),
        _ => Some(parts.concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_results_decompress_to_joined_contents() {
        for kind in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let parts = [compress(b"one ", kind).unwrap(), compress(b"two", kind).unwrap()];
            let joined = join(&[&parts[0], &parts[1]], kind).unwrap();
            assert_eq!(decompress(&joined, kind, 100).unwrap(), b"one two", "{kind:?}");
            assert_eq!(compress(b"one ", kind).unwrap(), compress(b"one ", kind).unwrap());
        }
    }
}
