//! The header structure of rpm packages: an index of typed entries over a store of bytes.

use std::io::{self, Read};

use super::RpmError;
use super::tag::Tag;
use crate::ar::read_whole_or_nothing;

pub(super) const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
const PREAMBLE_BYTES: usize = 16;
const ENTRY_BYTES: usize = 16;
/// Memory that is taken for a header before it is there.
const READ_AHEAD_BYTES: usize = 64 << 10;
/// Entries of one header; rpm's own bound.
const MAX_ENTRIES: u32 = 0xffff;
/// Values of one entry, bytes of binary ones apart; the largest real packages have some 300,000 files.
const MAX_VALUES: usize = 1_000_000;

/// The type of an entry's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int8,
    Int16,
    Int32,
    Int64,
    /// Exactly one.
    Text,
    Binary,
    Texts,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u32,
    kind: Kind,
    offset: usize,
    count: usize,
}

/// A header whose index has been checked: every entry lies inside the store.
///
/// Values are read when they are asked for; an entry that is missing reads as empty, one of another type too. Where a
/// tag occurs twice, the first counts.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// The header as in the file, magic included.
    bytes: Vec<u8>,
    store_start: usize,
    /// Sorted by tag.
    entries: Vec<Entry>,
}

impl Header {
    /// Reads a header of at most `limit_bytes`; memory grows with what is there, not with what is claimed.
    pub(super) fn read(reader: &mut dyn Read, which: &'static str, limit_bytes: u64) -> Result<Self, RpmError> {
        let damaged = || RpmError::Header { which };
        let read_error = |source| RpmError::Read { part: which, source };
        let mut preamble = [0; PREAMBLE_BYTES];
        if !read_whole_or_nothing(reader, &mut preamble).map_err(read_error)? || !preamble.starts_with(&MAGIC) {
            return Err(damaged());
        }
        let entries = number32(&preamble, 8).filter(|entries| *entries <= MAX_ENTRIES).ok_or_else(damaged)?;
        let store_bytes = number32(&preamble, 12).ok_or_else(damaged)?;
        let length = u64::from(entries) * 16 + u64::from(store_bytes);
        if length > limit_bytes {
            return Err(RpmError::HeaderTooLong { which, limit_bytes });
        }
        let most = usize::try_from(length).unwrap_or(usize::MAX).min(READ_AHEAD_BYTES);
        let mut bytes = Vec::with_capacity(PREAMBLE_BYTES + most);
        bytes.extend_from_slice(&preamble);
        let count = reader.take(length).read_to_end(&mut bytes).map_err(read_error)?;
        if u64::try_from(count) != Ok(length) {
            return Err(read_error(io::ErrorKind::UnexpectedEof.into()));
        }
        let store_start = PREAMBLE_BYTES + usize::try_from(entries).unwrap_or(usize::MAX) * ENTRY_BYTES;
        Self::new(bytes, store_start).ok_or_else(damaged)
    }

    /// `None` if an entry does not lie inside the store.
    fn new(bytes: Vec<u8>, store_start: usize) -> Option<Self> {
        let store = bytes.get(store_start..)?;
        // A text that begins in front of this ends somewhere.
        let texts_end = store.iter().rposition(|byte| *byte == 0).unwrap_or_default();
        let mut entries = Vec::new();
        for raw in bytes.get(PREAMBLE_BYTES..store_start)?.chunks_exact(ENTRY_BYTES) {
            if let Some(entry) = entry(raw, store.len(), texts_end)? {
                entries.push(entry);
            }
        }
        // Stable: of two entries with one tag the first stays in front.
        entries.sort_by_key(|entry| entry.tag);
        Some(Self { bytes, store_start, entries })
    }

    /// The header as it is in the file, from its magic on.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is an entry of whatever type.
    #[must_use]
    pub fn has(&self, tag: Tag) -> bool {
        self.entry(tag).is_some()
    }

    /// All tags, sorted.
    pub fn tags(&self) -> impl Iterator<Item = Tag> + '_ {
        self.entries.iter().map(|entry| Tag(entry.tag))
    }

    fn entry(&self, tag: Tag) -> Option<Entry> {
        let place = self.entries.partition_point(|entry| entry.tag < tag.0);
        self.entries.get(place).filter(|entry| entry.tag == tag.0).copied()
    }

    fn from(&self, entry: Entry) -> &[u8] {
        self.bytes.get(self.store_start + entry.offset..).unwrap_or_default()
    }

    /// The first text of an entry; of translated texts, that of the C locale.
    #[must_use]
    pub fn text(&self, tag: Tag) -> Option<&[u8]> {
        self.texts(tag).next()
    }

    /// The first text of an entry, undecodable bytes replaced; empty if there is none.
    #[must_use]
    pub fn string(&self, tag: Tag) -> String {
        self.text(tag).map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    }

    /// The texts of an entry, in order.
    pub fn texts(&self, tag: Tag) -> impl Iterator<Item = &[u8]> {
        let entry = self.entry(tag).filter(|entry| matches!(entry.kind, Kind::Text | Kind::Texts));
        let count = entry.map_or(0, |entry| entry.count);
        let mut rest = entry.map(|entry| self.from(entry)).unwrap_or_default();
        (0..count).map_while(move |_| {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (text, behind) = rest.split_at_checked(end)?;
            rest = behind.get(1..)?;
            Some(text)
        })
    }

    /// The numbers of an entry of any integer type, in order.
    pub fn numbers(&self, tag: Tag) -> impl Iterator<Item = u64> {
        let entry = self.entry(tag);
        let width = entry.map_or(0, |entry| match entry.kind {
            Kind::Int8 => 1,
            Kind::Int16 => 2,
            Kind::Int32 => 4,
            Kind::Int64 => 8,
            _ => 0,
        });
        let count = entry.filter(|_| width > 0).map_or(0, |entry| entry.count);
        let bytes = entry.and_then(|entry| self.from(entry).get(..count * width)).unwrap_or_default();
        bytes
            .chunks_exact(width.max(1))
            .map(|number| number.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The first number of an entry.
    #[must_use]
    pub fn number(&self, tag: Tag) -> Option<u64> {
        self.numbers(tag).next()
    }

    /// An entry as it is in the file: number of its type, count, bytes. `None` if it is not there, or has texts that do not
    /// end.
    pub(crate) fn raw(&self, tag: Tag) -> Option<(u32, usize, &[u8])> {
        let entry = self.entry(tag)?;
        let bytes = self.from(entry);
        let (kind, length) = match entry.kind {
            Kind::Int8 => (2, entry.count),
            Kind::Int16 => (3, entry.count.checked_mul(2)?),
            Kind::Int32 => (4, entry.count.checked_mul(4)?),
            Kind::Int64 => (5, entry.count.checked_mul(8)?),
            Kind::Text => (6, texts_length(bytes, 1)?),
            Kind::Binary => (7, entry.count),
            Kind::Texts => (8, texts_length(bytes, entry.count)?),
        };
        Some((kind, entry.count, bytes.get(..length)?))
    }

    /// The bytes of a binary entry.
    #[must_use]
    pub fn binary(&self, tag: Tag) -> Option<&[u8]> {
        let entry = self.entry(tag).filter(|entry| entry.kind == Kind::Binary)?;
        self.from(entry).get(..entry.count)
    }
}

/// The length of texts with their ends; `None` if there are fewer.
fn texts_length(bytes: &[u8], count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    bytes.iter().enumerate().filter(|(_, byte)| **byte == 0).nth(last).map(|(place, _)| place + 1)
}

/// Reads and checks one entry; `Some(None)` if it is of the type that has no values.
fn entry(raw: &[u8], store_bytes: usize, texts_end: usize) -> Option<Option<Entry>> {
    let (tag, kind) = (number32(raw, 0)?, number32(raw, 4)?);
    let offset = usize::try_from(number32(raw, 8)?).ok()?;
    let count = usize::try_from(number32(raw, 12)?).ok()?;
    let (kind, width, most) = match kind {
        0 => return Some(None),
        1 | 2 => (Kind::Int8, 1, MAX_VALUES),
        3 => (Kind::Int16, 2, MAX_VALUES),
        4 => (Kind::Int32, 4, MAX_VALUES),
        5 => (Kind::Int64, 8, MAX_VALUES),
        6 => (Kind::Text, 1, 1),
        7 => (Kind::Binary, 1, usize::MAX),
        8 | 9 => (Kind::Texts, 1, MAX_VALUES),
        _ => return None,
    };
    // A text takes one byte at least; how many there are shows when they are read.
    let is_inside = store_bytes.checked_sub(offset)? >= count.checked_mul(width)?;
    let is_ended = !matches!(kind, Kind::Text | Kind::Texts) || offset <= texts_end;
    (is_inside && is_ended && (1..=most).contains(&count)).then_some(Some(Entry { tag, kind, offset, count }))
}

/// A big-endian number.
pub(super) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
