//! Pass 4: keywords. Reads the records in order and collects what each keyword says, as places in the text.
//!
//! Nothing is copied here: values become texts in pass 5, when it is known which of them stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::keyword::{Keyword, Kind, List, Map, Scalar};
use crate::lines::{Lines, Record, RecordKind};
use crate::text::{is_space, join_words, trim_start, word_len};
use crate::tree::Tree;

/// Room that is made for the words of a keyword that is used at all.
const MANY: usize = 64;

/// Up to so many words are searched one by one for duplicates.
const SHORT: usize = 128;

/// A word, as offsets in the text its record is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Index of the record.
    pub(crate) record: u32,
    /// The offsets are in the expanded text, not in the text of the tree.
    pub(crate) is_expanded: bool,
    /// The word was written with `!`, which is cut off here, and removes what it names.
    pub(crate) removes: bool,
}

/// One line of a map keyword: a key and its new value, or (`key.removes`) the removal of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapEntry {
    pub(crate) key: Word,
    /// Range of the values in [`MapLines::values`].
    first_value: usize,
    end_value: usize,
}

/// The lines of a map keyword, in order.
#[derive(Debug, Default)]
pub(crate) struct MapLines {
    pub(crate) entries: Vec<MapEntry>,
    values: Vec<Word>,
}

impl MapLines {
    fn push(&mut self, key: Word, values: impl Iterator<Item = Word>) {
        if self.entries.is_empty() {
            self.entries.reserve(MANY);
            self.values.reserve(MANY);
        }
        let first_value = self.values.len();
        self.values.extend(values);
        self.entries.push(MapEntry { key, first_value, end_value: self.values.len() });
    }

    pub(crate) fn values(&self, entry: &MapEntry) -> &[Word] {
        self.values.get(entry.first_value..entry.end_value).unwrap_or_default()
    }

    /// Leaves the last line of each key, sorted by key, without the keys that were removed.
    pub(crate) fn settle(&mut self, texts: Texts<'_>) {
        let mut sorted: Vec<(u128, &MapEntry)> =
            self.entries.iter().map(|entry| (first_bytes(texts.word(entry.key)), entry)).collect();
        sorted.sort_by(|(left_bytes, left), (right_bytes, right)| {
            left_bytes.cmp(right_bytes).then_with(|| texts.word(left.key).cmp(texts.word(right.key)))
        });
        let mut settled: Vec<MapEntry> = Vec::with_capacity(self.entries.len());
        for (_, entry) in sorted {
            match settled.last_mut() {
                Some(last) if texts.word(last.key) == texts.word(entry.key) => *last = *entry,
                _ => settled.push(*entry),
            }
        }
        settled.retain(|entry| !entry.key.removes);
        self.entries = settled;
    }

    /// Leaves the first of equal values of each key.
    pub(crate) fn drop_duplicate_values(&mut self, texts: Texts<'_>) {
        let mut kept: Vec<Word> = Vec::with_capacity(self.values.len());
        let mut entries = std::mem::take(&mut self.entries);
        for entry in &mut entries {
            let first_value = kept.len();
            match self.values(entry) {
                values @ ([] | [_]) => kept.extend(values),
                values => {
                    let mut values = values.to_vec();
                    drop_duplicates(texts, &mut values);
                    kept.extend(values);
                }
            }
            (entry.first_value, entry.end_value) = (first_value, kept.len());
        }
        self.entries = entries;
        self.values = kept;
    }
}

/// Leaves the first of equal words.
pub(crate) fn drop_duplicates(texts: Texts<'_>, words: &mut Vec<Word>) {
    if words.len() > SHORT {
        let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
        words.retain(|word| seen.insert(texts.word(*word)));
        return;
    }
    let mut seen: Vec<&[u8]> = Vec::with_capacity(words.len());
    let mut digests: Vec<u64> = Vec::with_capacity(words.len());
    words.retain(|word| {
        let text = texts.word(*word);
        let digest = digest(text);
        if digests.contains(&digest) && seen.contains(&text) {
            return false;
        }
        digests.push(digest);
        seen.push(text);
        true
    });
}

/// A number that is the same for equal texts and seldom for others.
fn digest(text: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let (chunks, rest) = text.as_chunks::<8>();
    let mixed = |sum: u64, part: u64| (sum.rotate_left(23) ^ part).wrapping_mul(ODD);
    let whole = chunks.iter().fold(text.len() as u64, |sum, chunk| mixed(sum, u64::from_le_bytes(*chunk)));
    mixed(whole, rest.iter().fold(0, |part, byte| (part << 8) | u64::from(*byte)))
}

/// The first 16 bytes of a text, as a number that sorts like them; what is not there counts as 0.
fn first_bytes(text: &[u8]) -> u128 {
    match text.first_chunk() {
        Some(bytes) => u128::from_be_bytes(*bytes),
        None => text.iter().rev().fold(0, |number, byte| (number >> 8) | (u128::from(*byte) << 120)),
    }
}

/// Words of the last line of a scalar keyword.
#[derive(Debug, Clone)]
pub(crate) struct ScalarLine {
    pub(crate) keyword: Word,
    pub(crate) words: Vec<Word>,
}

/// A line for the macro list.
#[derive(Debug, Clone)]
pub(crate) enum MacroLine {
    /// `Target:`, with the architecture part of its value.
    Target(Vec<u8>),
    /// `DistMacro:`, with what follows the word.
    Dist(Vec<u8>),
}

/// Something noteworthy about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remark {
    UnknownKeyword(Word),
    LateFromScratch(Word),
}

/// What all keywords say.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    pub(crate) lists: [Vec<Word>; List::COUNT],
    /// Which lists have words that remove.
    pub(crate) has_removals: [bool; List::COUNT],
    pub(crate) order: BTreeMap<&'a [u8], Word>,
    pub(crate) maps: [MapLines; Map::COUNT],
    pub(crate) scalars: [Option<ScalarLine>; Scalar::COUNT],
    pub(crate) constraints: Vec<Vec<Word>>,
    pub(crate) rawmacros: Vec<u8>,
    pub(crate) macro_lines: Vec<MacroLine>,
    pub(crate) remarks: Vec<Remark>,
}

/// Reads texts of records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) lines: &'a Lines,
}

impl<'a> Texts<'a> {
    pub(crate) fn record(&self, record: &Record) -> &'a [u8] {
        self.slice(record.kind, record.start, record.end)
    }

    fn slice(&self, kind: RecordKind, start: u32, end: u32) -> &'a [u8] {
        match kind {
            RecordKind::Raw | RecordKind::Block => self.tree.slice(start, end),
            RecordKind::Expanded => self.lines.expanded.get(start as usize..end as usize).unwrap_or_default(),
        }
    }

    fn buffer(&self, is_expanded: bool) -> &'a [u8] {
        if is_expanded { &self.lines.expanded } else { self.tree.text() }
    }

    pub(crate) fn word(&self, word: Word) -> &'a [u8] {
        self.buffer(word.is_expanded).get(word.start as usize..word.end as usize).unwrap_or_default()
    }
}

/// Runs pass 4.
pub(crate) fn run<'a>(texts: Texts<'a>) -> Said<'a> {
    let mut state = Applier { texts, said: Said::default(), seen: [None; SEEN], seen_directive: false };
    for (index, record) in texts.lines.records.iter().enumerate() {
        state.record(u32::try_from(index).unwrap_or(u32::MAX), record);
    }
    state.said
}

/// How many keywords are remembered.
const SEEN: usize = 64;

/// A keyword as it was spelt before, with what ends it; most lines repeat one.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The first bytes of the line.
    head: u128,
    /// Which of them belong to the keyword or end it.
    mask: u128,
    len: u32,
    kind: Kind,
}

/// Where a keyword is remembered, below [`SEEN`]: some bytes that most keywords differ in.
fn seen_index(head: u128) -> usize {
    let [first, _, _, fourth, ..] = head.to_le_bytes();
    (usize::from(first) * 5 + usize::from(fourth)) % SEEN
}

struct Applier<'a> {
    texts: Texts<'a>,
    said: Said<'a>,
    seen: [Option<Seen>; SEEN],
    seen_directive: bool,
}

impl<'a> Applier<'a> {
    fn record(&mut self, index: u32, record: &Record) {
        if record.kind == RecordKind::Block {
            self.seen_directive = true;
            return self.macros_block(index);
        }
        let mut words = Words::new(self.texts, record, index);
        if let Some((kind, keyword)) = self.repeated(&mut words) {
            return self.directive(index, kind, keyword, words);
        }
        let Some(first) = words.next() else { return };
        let keyword = self.texts.word(first);
        if matches!(keyword.first(), Some(b'#' | b'%')) {
            return;
        }
        match Keyword::of_word(keyword) {
            Some(keyword) => {
                self.remember(record, first, keyword.kind);
                self.directive(index, keyword.kind, first, words);
            }
            None => {
                self.seen_directive = true;
                self.said.remarks.push(Remark::UnknownKeyword(first));
            }
        }
    }

    /// The keyword of a line that starts like an earlier one.
    ///
    /// The bytes compared may lie behind the line. But what ended the earlier keyword is compared too, and it was no line feed.
    #[inline]
    fn repeated(&self, words: &mut Words<'a>) -> Option<(Kind, Word)> {
        let head = words.head()?;
        let seen = self.seen.get(seen_index(head))?.as_ref()?;
        if head & seen.mask != seen.head {
            return None;
        }
        Some((seen.kind, words.take_len(seen.len)))
    }

    fn remember(&mut self, record: &Record, keyword: Word, kind: Kind) {
        let len = keyword.end - keyword.start;
        if keyword.start != record.start || keyword.end >= record.end || len >= 16 {
            return;
        }
        let Some(head) = Words::new(self.texts, record, keyword.record).head() else { return };
        let mask = u128::MAX >> (8 * (15 - len));
        if let Some(seen) = self.seen.get_mut(seen_index(head)) {
            *seen = Some(Seen { head: head & mask, mask, len, kind });
        }
    }

    fn directive(&mut self, index: u32, kind: Kind, keyword: Word, words: Words<'a>) {
        match kind {
            Kind::List(list) => self.list(list, words),
            Kind::ReplaceList(list) => {
                let words: Vec<Word> = words.collect();
                self.replace(list, words);
            }
            Kind::Constraint => self.constraint(words),
            Kind::Order => self.order(words),
            Kind::Map(map) => return self.map(map, words),
            Kind::Scalar(scalar) => self.scalar(scalar, keyword, words),
            Kind::Macros => self.macros_line(index),
            Kind::DistMacro => self.dist_macro(&words, keyword),
            Kind::FromScratch => {
                if self.seen_directive {
                    self.said.remarks.push(Remark::LateFromScratch(keyword));
                }
                return;
            }
        }
        self.seen_directive = true;
    }

    fn list(&mut self, list: List, words: Words<'a>) {
        let Some(said) = self.said.lists.get_mut(list as usize) else { return };
        if said.is_empty() {
            said.reserve(MANY);
        }
        for mut word in words {
            let text = self.texts.word(word);
            if text.first() != Some(&b'!') {
                said.push(word);
                continue;
            }
            if text == b"!*" {
                said.clear();
                continue;
            }
            word.start += 1;
            word.removes = true;
            said.push(word);
            if let Some(flag) = self.said.has_removals.get_mut(list as usize) {
                *flag = true;
            }
        }
    }

    fn replace(&mut self, list: List, words: Vec<Word>) {
        if let Some(said) = self.said.lists.get_mut(list as usize) {
            *said = words;
        }
    }

    fn constraint(&mut self, words: Words<'a>) {
        let words: Vec<Word> = words.collect();
        match words.as_slice() {
            [only] if self.texts.word(*only) == b"!*" => self.said.constraints.clear(),
            _ => self.said.constraints.push(words),
        }
    }

    fn order(&mut self, words: Words<'a>) {
        for mut word in words {
            let text = self.texts.word(word);
            match text.strip_prefix(b"!") {
                Some(b"*") => self.said.order.clear(),
                Some(removed) => {
                    self.said.order.remove(removed);
                }
                None => {
                    word.removes = false;
                    self.said.order.insert(text, word);
                }
            }
        }
    }

    fn map(&mut self, map: Map, mut words: Words<'a>) {
        let Some(key) = words.next() else { return };
        self.seen_directive = true;
        let text = self.texts.word(key);
        let Some(lines) = self.said.maps.get_mut(map as usize) else { return };
        if map.removes() && text.first() == Some(&b'!') {
            if text == b"!*" {
                lines.entries.clear();
            } else {
                lines.push(Word { start: key.start + 1, removes: true, ..key }, std::iter::empty());
            }
            return;
        }
        lines.push(key, words);
    }

    fn scalar(&mut self, scalar: Scalar, keyword: Word, words: Words<'a>) {
        let words: Vec<Word> = words.collect();
        if scalar == Scalar::Target {
            let value = join_words(words.iter().map(|word| self.texts.word(*word)));
            if !value.is_empty() && value != b"0" {
                self.said.macro_lines.push(MacroLine::Target(until_dash(&value)));
            }
        }
        if let Some(said) = self.said.scalars.get_mut(scalar as usize) {
            *said = Some(ScalarLine { keyword, words });
        }
    }

    /// The text behind the keyword and the white space after it; nothing at all there is no entry.
    fn dist_macro(&mut self, words: &Words<'a>, keyword: Word) {
        let behind = words.behind(keyword);
        if !behind.is_empty() {
            self.said.macro_lines.push(MacroLine::Dist(trim_start(behind).to_vec()));
        }
    }

    /// `Macros:` with something behind it is no opener; the whole line goes to the macros.
    fn macros_line(&mut self, index: u32) {
        if let Some(record) = self.texts.lines.records.get(index as usize) {
            self.said.rawmacros.extend_from_slice(self.texts.record(record));
        }
    }

    /// A block whose first line is exactly `!` replaces what was there.
    fn macros_block(&mut self, index: u32) {
        let record = self.texts.lines.records.get(index as usize);
        let Some(item) = record.and_then(|record| self.texts.tree.items().get(record.item as usize)) else { return };
        let mut body = self.texts.tree.block_body(item);
        if body == b"!" || body.starts_with(b"!\n") {
            self.said.rawmacros.clear();
            body = body.get(2..).unwrap_or_default();
        }
        self.said.rawmacros.extend_from_slice(body);
        if !body.is_empty() && body.last() != Some(&b'\n') {
            self.said.rawmacros.push(b'\n');
        }
    }
}

fn until_dash(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b'-').next().unwrap_or_default().to_vec()
}

/// The words of a record.
pub(crate) struct Words<'a> {
    /// The text the record is a part of. Words are looked for in it, not in the record alone, because that goes eight bytes
    /// at a time; what follows a record is a line feed, which ends words.
    buffer: &'a [u8],
    pos: usize,
    end: usize,
    index: u32,
    is_expanded: bool,
}

impl<'a> Words<'a> {
    pub(crate) fn new(texts: Texts<'a>, record: &Record, index: u32) -> Self {
        let is_expanded = record.kind == RecordKind::Expanded;
        let buffer = texts.buffer(is_expanded);
        Self { buffer, pos: record.start as usize, end: record.end as usize, index, is_expanded }
    }

    /// The first 16 bytes from where the record begins, if the text goes on for so long.
    #[inline]
    fn head(&self) -> Option<u128> {
        self.buffer.get(self.pos..)?.first_chunk().map(|bytes| u128::from_le_bytes(*bytes))
    }

    /// The part of the record behind a word.
    fn behind(&self, word: Word) -> &'a [u8] {
        self.buffer.get(word.end as usize..self.end).unwrap_or_default()
    }

    /// Takes a word whose length is known and that starts here.
    #[inline]
    fn take_len(&mut self, len: u32) -> Word {
        let start = self.pos;
        self.take(start, start + len as usize)
    }

    #[inline]
    fn take(&mut self, start: usize, end: usize) -> Word {
        // What ends a word is white space or the end of the record, and is looked at once only.
        self.pos = end + 1;
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let Self { index: record, is_expanded, .. } = *self;
        Word { start: narrow(start), end: narrow(end), record, is_expanded, removes: false }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    #[inline]
    fn next(&mut self) -> Option<Word> {
        let mut start = self.pos;
        while start < self.end && is_space(*self.buffer.get(start)?) {
            start += 1;
        }
        if start >= self.end {
            return None;
        }
        let end = (start + word_len(self.buffer.get(start..)?)).min(self.end);
        Some(self.take(start, end))
    }
}
