//! The compressions packages and indexes use, and readers that undo them within bounds.

use std::io::{self, BufReader, Read};

use liblzma::stream::{CONCATENATED, Stream};

/// Memory that one xz or lzma decoder may take: enough for `xz -9` (65 MiB) and for custom dictionaries of 256 MiB.
const LZMA_MEMORY_BYTES: u64 = 320 << 20;
/// Largest zstd window, as a power of two: 128 MiB, what the zstd tool accepts without being asked.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, several members allowed.
    Gzip,
    /// xz, several streams allowed.
    Xz,
    /// The old lzma format.
    Lzma,
    /// Zstandard, several frames allowed.
    Zstd,
    /// bzip2, several streams allowed.
    Bzip2,
}

impl Compression {
    /// The compression a file name ends in (`Packages.xz`, `control.tar.gz`); [`Compression::None`] if it names none.
    #[must_use]
    pub fn from_file_name(name: &str) -> Self {
        match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "gz" | "tgz" => Self::Gzip,
            "xz" => Self::Xz,
            "lzma" => Self::Lzma,
            "zst" | "zstd" => Self::Zstd,
            "bz2" => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// The ending of file names, with its dot; empty for none.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Lzma => ".lzma",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
        }
    }
}

/// Undoes a compression while reading.
pub struct Decoder<R: Read>(Kind<R>);

enum Kind<R: Read> {
    None(R),
    Gzip(flate2::bufread::MultiGzDecoder<BufReader<R>>),
    Lzma(liblzma::bufread::XzDecoder<BufReader<R>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<R>>),
    Bzip2(bzip2::bufread::MultiBzDecoder<BufReader<R>>),
}

impl<R: Read> Decoder<R> {
    /// A decoder over `reader`. Damage in the input shows as an error of `read`, with the decompressor's own words.
    ///
    /// # Errors
    /// If the decompressor can not get its memory.
    pub fn new(reader: R, compression: Compression) -> io::Result<Self> {
        let buffered = |reader| BufReader::with_capacity(64 << 10, reader);
        Ok(Self(match compression {
            Compression::None => Kind::None(reader),
            Compression::Gzip => Kind::Gzip(flate2::bufread::MultiGzDecoder::new(buffered(reader))),
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(LZMA_MEMORY_BYTES, CONCATENATED)?;
                Kind::Lzma(liblzma::bufread::XzDecoder::new_stream(buffered(reader), stream))
            }
            Compression::Lzma => {
                let stream = Stream::new_lzma_decoder(LZMA_MEMORY_BYTES)?;
                Kind::Lzma(liblzma::bufread::XzDecoder::new_stream(buffered(reader), stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(reader))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Kind::Zstd(decoder)
            }
            Compression::Bzip2 => Kind::Bzip2(bzip2::bufread::MultiBzDecoder::new(buffered(reader))),
        }))
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::None(reader) => reader.read(buffer),
            Kind::Gzip(reader) => reader.read(buffer),
            Kind::Lzma(reader) => reader.read(buffer),
            Kind::Zstd(reader) => reader.read(buffer),
            Kind::Bzip2(reader) => reader.read(buffer),
        }
    }
}

impl<R: Read> std::fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.0 {
            Kind::None(_) => "none",
            Kind::Gzip(_) => "gzip",
            Kind::Lzma(_) => "lzma",
            Kind::Zstd(_) => "zstd",
            Kind::Bzip2(_) => "bzip2",
        };
        f.debug_tuple("Decoder").field(&name).finish()
    }
}

/// More bytes came out of a reader than it may give; found inside the `io::Error` that [`Bounded`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit_bytes} bytes after decompression")]
pub struct TooLong {
    /// How many are allowed.
    pub limit_bytes: u64,
}

/// Fails instead of giving more than a number of bytes; ending early would make a bomb look like a short file.
#[derive(Debug)]
pub struct Bounded<R> {
    reader: R,
    left: u64,
    limit_bytes: u64,
}

impl<R: Read> Bounded<R> {
    /// Allows `limit_bytes` bytes.
    pub const fn new(reader: R, limit_bytes: u64) -> Self {
        Self { reader, left: limit_bytes, limit_bytes }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // One byte more than allowed is asked for, to tell the end from an excess.
        let room = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.reader.read(buffer.get_mut(..room).unwrap_or_default())?;
        match self.left.checked_sub(u64::try_from(count).unwrap_or(u64::MAX)) {
            Some(left) => self.left = left,
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong { limit_bytes: self.limit_bytes })),
        }
        Ok(count)
    }
}

/// Decompresses a whole file into memory.
///
/// # Errors
/// If the input is damaged or cut off, or holds more than `limit_bytes` ([`TooLong`] inside the error).
pub fn decompress(bytes: &[u8], compression: Compression, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    Bounded::new(Decoder::new(bytes, compression)?, limit_bytes).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn compressed(content: &[u8], compression: Compression) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        match compression {
            Compression::Gzip => gzip.write_all(content).and_then(|()| gzip.finish()).unwrap(),
            Compression::Xz => xz.write_all(content).and_then(|()| xz.finish()).unwrap(),
            Compression::Zstd => zstd::encode_all(content, 1).unwrap(),
            Compression::Bzip2 => bzip2.write_all(content).and_then(|()| bzip2.finish()).unwrap(),
            Compression::None | Compression::Lzma => content.to_vec(),
        }
    }

    const ALL: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2];

    #[test]
    fn joined_members_read_as_one_text() {
        for kind in ALL {
            let bytes = [compressed(b"one ", kind), compressed(b"two", kind)].concat();
            assert_eq!(decompress(&bytes, kind, 7).unwrap(), b"one two", "{kind:?}");
        }
    }

    #[test]
    fn a_bomb_is_an_error_and_not_a_short_file() {
        let zeros = vec![0; 1 << 20];
        for kind in ALL {
            let error = decompress(&compressed(&zeros, kind), kind, (1 << 20) - 1).unwrap_err();
            assert!(error.get_ref().is_some_and(|inner| inner.is::<TooLong>()), "{kind:?}: {error}");
        }
    }

    #[test]
    fn cut_off_input_is_an_error() {
        for kind in ALL.into_iter().filter(|kind| *kind != Compression::None) {
            let bytes = compressed(b"some content that is long enough", kind);
            assert!(decompress(&bytes[..bytes.len() - 6], kind, 1000).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn file_names_tell_the_compression() {
        assert_eq!(Compression::from_file_name("data.tar.zst"), Compression::Zstd);
        assert_eq!(Compression::from_file_name("Packages"), Compression::None);
    }
}
