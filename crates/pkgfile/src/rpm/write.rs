//! Writes header structures, as signing a package needs them.

use std::collections::BTreeMap;

use super::header::{Header, MAGIC};
use super::tag::Tag;

/// Bytes of an entry of the index.
const ENTRY_BYTES: usize = 16;
const KIND_INT16: u32 = 3;
const KIND_INT32: u32 = 4;
const KIND_TEXT: u32 = 6;
const KIND_BINARY: u32 = 7;
const KIND_TEXTS: u32 = 8;

/// Collects entries and writes the header that has them.
///
/// Entries are written sorted by tag, whatever their order here; the same entries give the same bytes. They are all part of
/// the region that rpm takes for unchangeable.
#[derive(Debug, Clone)]
pub struct HeaderWriter {
    region: Tag,
    entries: BTreeMap<u32, Value>,
}

#[derive(Debug, Clone)]
struct Value {
    kind: u32,
    count: usize,
    bytes: Vec<u8>,
}

impl HeaderWriter {
    /// Begins a signature header.
    #[must_use]
    pub const fn signature_header() -> Self {
        Self { region: Tag::HEADER_SIGNATURES, entries: BTreeMap::new() }
    }

    /// Begins a main header.
    #[must_use]
    pub const fn main_header() -> Self {
        Self { region: Tag::HEADER_IMMUTABLE, entries: BTreeMap::new() }
    }

    /// Takes an entry as another header has it (translated texts as texts); nothing if that one has none.
    pub fn copy(&mut self, header: &Header, tag: Tag) {
        if let Some((kind, count, bytes)) = header.raw(tag) {
            self.entries.insert(tag.0, Value { kind, count, bytes: bytes.to_vec() });
        }
    }

    /// Sets an entry to bytes; none if there are no bytes, for entries can not be empty.
    pub fn binary(&mut self, tag: Tag, bytes: &[u8]) {
        self.set(tag, KIND_BINARY, bytes.len(), bytes.to_vec());
    }

    /// Sets an entry to one text, up to its first NUL.
    pub fn text(&mut self, tag: Tag, text: &str) {
        self.set(tag, KIND_TEXT, 1, ended(text));
    }

    /// Sets an entry to texts, each up to its first NUL.
    pub fn texts(&mut self, tag: Tag, texts: &[&str]) {
        self.set(tag, KIND_TEXTS, texts.len(), texts.iter().flat_map(|text| ended(text)).collect());
    }

    /// Sets an entry to numbers.
    pub fn numbers(&mut self, tag: Tag, numbers: &[u32]) {
        self.set(tag, KIND_INT32, numbers.len(), numbers.iter().flat_map(|number| number.to_be_bytes()).collect());
    }

    /// Sets an entry to numbers of 16 bits, as modes and device numbers have.
    pub fn short_numbers(&mut self, tag: Tag, numbers: &[u16]) {
        self.set(tag, KIND_INT16, numbers.len(), numbers.iter().flat_map(|number| number.to_be_bytes()).collect());
    }

    fn set(&mut self, tag: Tag, kind: u32, count: usize, bytes: Vec<u8>) {
        if count > 0 {
            self.entries.insert(tag.0, Value { kind, count, bytes });
        }
    }

    /// The header from its magic on; `None` if an entry or the whole is larger than the format can say.
    #[must_use]
    pub fn finish(self) -> Option<Vec<u8>> {
        let mut index = Vec::new();
        let mut store: Vec<u8> = Vec::new();
        for (tag, value) in &self.entries {
            let width = match value.kind {
                KIND_INT16 => 2,
                KIND_INT32 => 4,
                5 => 8,
                _ => 1,
            };
            store.resize(store.len().next_multiple_of(width), 0);
            push_entry(&mut index, *tag, value.kind, narrow(store.len())?, narrow(value.count)?);
            store.extend_from_slice(&value.bytes);
        }
        // The region is the first entry; its value stands at the end of the store and says how far back it reaches.
        let index_bytes = index.len() + ENTRY_BYTES;
        let mut region = Vec::new();
        push_entry(&mut region, self.region.0, KIND_BINARY, narrow(store.len())?, narrow(ENTRY_BYTES)?);
        push_entry(&mut store, self.region.0, KIND_BINARY, narrow(index_bytes)?.wrapping_neg(), narrow(ENTRY_BYTES)?);
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 4]);
        bytes.extend(narrow(index_bytes / ENTRY_BYTES)?.to_be_bytes());
        bytes.extend(narrow(store.len())?.to_be_bytes());
        bytes.extend([region, index, store].concat());
        Some(bytes)
    }
}

fn narrow(number: usize) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number < 1 << 31)
}

fn ended(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    bytes.push(0);
    bytes
}

fn push_entry(bytes: &mut Vec<u8>, tag: u32, kind: u32, offset: u32, count: u32) {
    bytes.extend([tag, kind, offset, count].iter().flat_map(|number| number.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Header {
        let mut reader = bytes;
        let header = Header::read(&mut reader, "header", 1 << 20).unwrap();
        assert!(reader.is_empty());
        header
    }

    #[test]
    fn what_is_written_is_read_back_and_copied_as_it_is() {
        let mut writer = HeaderWriter::main_header();
        writer.binary(Tag(2000), b"a\0b");
        writer.binary(Tag(2001), b"");
        writer.text(Tag::NAME, "kiln\0hidden");
        writer.texts(Tag::BASE_NAMES, &["a", "", "c"]);
        writer.short_numbers(Tag::FILE_MODES, &[0o100_644]);
        writer.numbers(Tag::FILE_SIZES, &[1, u32::MAX]);
        let bytes = writer.finish().unwrap();
        let header = read(&bytes);
        assert_eq!(header.binary(Tag(2000)), Some(&b"a\0b"[..]));
        assert!(!header.has(Tag(2001)));
        assert_eq!(header.text(Tag::NAME), Some(&b"kiln"[..]));
        assert_eq!(header.texts(Tag::BASE_NAMES).collect::<Vec<_>>(), [&b"a"[..], b"", b"c"]);
        assert_eq!(header.number(Tag::FILE_MODES), Some(0o100_644));
        assert_eq!(header.numbers(Tag::FILE_SIZES).collect::<Vec<_>>(), [1, u64::from(u32::MAX)]);

        let mut copy = HeaderWriter::main_header();
        for tag in header.tags().filter(|tag| *tag != Tag::HEADER_IMMUTABLE) {
            copy.copy(&header, tag);
        }
        assert_eq!(copy.finish().unwrap(), bytes);
    }

    #[test]
    fn a_header_without_entries_is_a_header() {
        let header = read(&HeaderWriter::signature_header().finish().unwrap());
        assert_eq!(header.tags().collect::<Vec<_>>(), [Tag::HEADER_SIGNATURES]);
    }
}
