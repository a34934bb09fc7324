//! Compressors of index files: same input, same bytes; results may be joined to one file.

use std::io::{self, Write as _};

pub use pkgfile::compression::{Bounded, Compression, Decoder, TooLong, decompress};

/// Compresses `content` as one gzip member, xz stream or zstd frame; joined results decompress to joined contents.
///
/// Deterministic: no names, no times. Levels: gzip 6, xz 6, zstd 10.
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
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
            encoder.write_all(content)?;
            encoder.finish()
        }
        Compression::Zstd => zstd::bulk::compress(content, 10),
        Compression::Lzma | Compression::Bzip2 => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_results_decompress_to_joined_contents() {
        for kind in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let joined = [compress(b"one ", kind).unwrap(), compress(b"two", kind).unwrap()].concat();
            assert_eq!(decompress(&joined, kind, 100).unwrap(), b"one two", "{kind:?}");
            assert_eq!(compress(b"one ", kind).unwrap(), compress(b"one ", kind).unwrap());
        }
    }
}
