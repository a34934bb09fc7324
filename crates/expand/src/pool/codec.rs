//! Reading and writing the parts of pool files: little-endian, each part padded to eight bytes.

use super::csr::Csr;
use super::strings::StringTable;

/// The length of the header: magic, version, key, checksum.
const HEADER_BYTES: usize = 56;
const CHECKSUM_AT: usize = 48;
const VERSION: u32 = 2;

/// Why bytes are not the pool that was asked for. Whoever kept them makes the pool anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolFileError {
    /// It is no pool file, or one of another version.
    Foreign,
    /// It was made from other inputs.
    OtherInputs,
    /// It is cut off or changed; the part that does not fit.
    Damaged(&'static str),
}

impl std::fmt::Display for PoolFileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a pool file of this version"),
            Self::OtherInputs => f.write_str("pool file made from other inputs"),
            Self::Damaged(part) => write!(f, "pool file damaged: {part} does not fit"),
        }
    }
}

impl std::error::Error for PoolFileError {}

type Result<T> = std::result::Result<T, PoolFileError>;

/// Fails with the name of the part unless `holds`.
pub(super) fn ensure(holds: bool, part: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(PoolFileError::Damaged(part)) }
}

/// Whether all numbers are below `bound`.
pub(super) fn all_below(numbers: &[u32], bound: usize) -> bool {
    numbers.iter().fold(0, |largest, number| largest.max(u64::from(*number) + 1)) <= bound as u64
}

/// Puts a file together.
pub(super) struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(magic: [u8; 8], key: &[u8; 32]) -> Self {
        let mut out = Vec::with_capacity(1 << 16);
        out.extend_from_slice(&magic);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(key);
        out.extend_from_slice(&[0; 8]);
        Self { out }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.out.extend_from_slice(bytes);
        self.out.resize(self.out.len().next_multiple_of(8), 0);
    }

    pub(super) fn words(&mut self, words: impl ExactSizeIterator<Item = u32>) {
        self.out.extend_from_slice(&(4 * words.len() as u64).to_le_bytes());
        self.out.extend(words.flat_map(u32::to_le_bytes));
        self.out.resize(self.out.len().next_multiple_of(8), 0);
    }

    pub(super) fn numbers(&mut self, words: &[u32]) {
        self.words(words.iter().copied());
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        seal(&mut self.out);
        self.out
    }
}

/// Writes the checksum into the header.
pub(super) fn seal(file: &mut [u8]) {
    let sum = file.get(HEADER_BYTES..).map_or(0, checksum);
    if let Some(place) = file.get_mut(CHECKSUM_AT..HEADER_BYTES) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
}

/// Detects accidents, not malice: what is read is checked part by part as well.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [1_u64, 2, 3, 4];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29);
        }
    }
    let rest = rest.iter().fold(bytes.len() as u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(FACTOR));
    lanes.into_iter().fold(rest, |sum, lane| (sum ^ lane).wrapping_mul(FACTOR).rotate_left(31))
}

/// Takes a file apart.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Checks header and checksum.
    pub(super) fn new(magic: [u8; 8], key: &[u8; 32], file: &'a [u8]) -> Result<Self> {
        let (header, rest) = file.split_at_checked(HEADER_BYTES).ok_or(PoolFileError::Foreign)?;
        if !header.starts_with(&magic) || header.get(8..12) != Some(&VERSION.to_le_bytes()[..]) {
            return Err(PoolFileError::Foreign);
        }
        if header.get(16..CHECKSUM_AT) != Some(&key[..]) {
            return Err(PoolFileError::OtherInputs);
        }
        ensure(header.get(CHECKSUM_AT..) == Some(&checksum(rest).to_le_bytes()[..]), "checksum")?;
        Ok(Self { rest })
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let part = || {
            let (length, rest) = self.rest.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (padded, behind) = rest.split_at_checked(length.checked_next_multiple_of(8)?)?;
            Some((padded.get(..length)?, behind))
        };
        let (bytes, behind) = part().ok_or(PoolFileError::Damaged("length"))?;
        self.rest = behind;
        Ok(bytes)
    }

    pub(super) fn words(&mut self) -> Result<Vec<u32>> {
        let (words, rest) = self.bytes()?.as_chunks::<4>();
        ensure(rest.is_empty(), "length")?;
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// One number for each of `count` things, all below `bound`.
    pub(super) fn column(&mut self, count: usize, bound: usize, part: &'static str) -> Result<Vec<u32>> {
        let words = self.words()?;
        ensure(words.len() == count && all_below(&words, bound), part)?;
        Ok(words)
    }

    /// Rows of numbers below `bound`.
    pub(super) fn rows(&mut self, bound: usize, part: &'static str) -> Result<Csr> {
        let rows = Csr::decode(self)?;
        ensure(all_below(rows.values(), bound), part)?;
        Ok(rows)
    }

    pub(super) fn strings(&mut self) -> Result<StringTable> {
        StringTable::decode(self)
    }

    /// That nothing is left.
    pub(super) fn end(self) -> Result<()> {
        ensure(self.rest.is_empty(), "end")
    }
}
