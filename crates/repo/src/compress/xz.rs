//! Joins xz streams of one block each into one stream of many blocks (the .xz file format, version 1.2).
//!
//! Simply concatenating streams is valid too, but APT's reader stops at the end of the first.

const HEADER_MAGIC: &[u8; 6] = b"\xFD7zXZ\0";
const FOOTER_MAGIC: &[u8; 2] = b"YZ";
/// Size of the header, and of the footer.
const FRAME_BYTES: usize = 12;

/// The stream that holds the blocks of all `streams`, in order; `None` if they are not xz streams with one kind of check.
pub(super) fn join(streams: &[&[u8]]) -> Option<Vec<u8>> {
    let mut flags = None;
    let mut joined = vec![0; FRAME_BYTES];
    let mut records: Vec<(u64, u64)> = Vec::new();
    for stream in streams {
        let parts = split(stream)?;
        if *flags.get_or_insert(parts.flags) != parts.flags {
            return None;
        }
        joined.extend_from_slice(parts.blocks);
        records.extend(parts.records);
    }
    let flags = flags?;
    joined.get_mut(..6)?.copy_from_slice(HEADER_MAGIC);
    joined.get_mut(6..8)?.copy_from_slice(&flags);
    joined.get_mut(8..12)?.copy_from_slice(&crc32(&flags));
    let index = index(&records);
    joined.extend_from_slice(&index);
    let mut tail = u32::try_from(index.len() / 4 - 1).ok()?.to_le_bytes().to_vec();
    tail.extend_from_slice(&flags);
    joined.extend_from_slice(&crc32(&tail));
    joined.extend_from_slice(&tail);
    joined.extend_from_slice(FOOTER_MAGIC);
    Some(joined)
}

struct Parts<'a> {
    flags: [u8; 2],
    blocks: &'a [u8],
    /// Unpadded and uncompressed size of each block.
    records: Vec<(u64, u64)>,
}

fn split(stream: &[u8]) -> Option<Parts<'_>> {
    let flags: [u8; 2] = stream.strip_prefix(HEADER_MAGIC)?.get(..2)?.try_into().ok()?;
    let footer = stream.get(stream.len().checked_sub(FRAME_BYTES)?..)?;
    let backward = u32::from_le_bytes(footer.get(4..8)?.try_into().ok()?);
    let index_bytes = usize::try_from(backward).ok()?.checked_add(1)?.checked_mul(4)?;
    let index_start = stream.len().checked_sub(FRAME_BYTES)?.checked_sub(index_bytes)?;
    let mut index = stream.get(index_start..)?.strip_prefix(b"\0")?;
    let count = take_number(&mut index)?;
    let mut records = Vec::new();
    for _ in 0..count {
        records.push((take_number(&mut index)?, take_number(&mut index)?));
    }
    Some(Parts { flags, blocks: stream.get(FRAME_BYTES..index_start)?, records })
}

fn index(records: &[(u64, u64)]) -> Vec<u8> {
    let mut index = vec![0];
    push_number(&mut index, u64::try_from(records.len()).unwrap_or(u64::MAX));
    for (unpadded, uncompressed) in records {
        push_number(&mut index, *unpadded);
        push_number(&mut index, *uncompressed);
    }
    index.resize(index.len().next_multiple_of(4), 0);
    let sum = crc32(&index);
    index.extend_from_slice(&sum);
    index
}

/// Seven bits a byte, lowest first; the highest bit says that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..9 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::{Compression, compress, decompress};
    use super::*;

    #[test]
    fn a_decoder_that_knows_one_stream_only_reads_everything() {
        let parts: Vec<Vec<u8>> = (0..200).map(|number| vec![b'a' + number % 26; 1000 * usize::from(number)]).collect();
        let streams: Vec<Vec<u8>> = parts.iter().map(|part| compress(part, Compression::Xz).unwrap()).collect();
        let joined = join(&streams.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        let mut content = Vec::new();
        let single = liblzma::stream::Stream::new_stream_decoder(u64::MAX, 0).unwrap();
        let mut decoder = liblzma::read::XzDecoder::new_stream(joined.as_slice(), single);
        std::io::Read::read_to_end(&mut decoder, &mut content).unwrap();
        assert_eq!(content, parts.concat());
        assert_eq!(decompress(&joined, Compression::Xz, 1 << 30).unwrap(), content);
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        let good = compress(b"abc", Compression::Xz).unwrap();
        assert!(join(&[&good, b"abc"]).is_none());
        assert!(join(&[&good[..10]]).is_none());
        assert!(join(&[]).is_none());
        for length in 0..good.len() {
            drop(join(&[&good[..length]]));
        }
    }
}
