//! Pass 4: keywords. Reads the records in order and collects what each keyword says, as places in the text.
//!
//! Nothing is copied here: values become texts in pass 5, when it is known which of them stay.

use std::collections::BTreeMap;

use crate::keyword::{Keyword, Kind, List, Map, Scalar};
use crate::lines::{Lines, Record, RecordKind};
use crate::text::{is_space, join_words, trim_start, word_len};
use crate::tree::Tree;

/// A word, as offsets in the text its record is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Index of the record.
    pub(crate) record: u32,
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
        let first_value = self.values.len();
        self.values.extend(values);
        self.entries.push(MapEntry { key, first_value, end_value: self.values.len() });
    }

    pub(crate) fn values(&self, entry: &MapEntry) -> &[Word] {
        self.values.get(entry.first_value..entry.end_value).unwrap_or_default()
    }

    /// Leaves the last line of each key, sorted by key, without the keys that were removed.
    pub(crate) fn settle(&mut self, texts: Texts<'_>) {
        self.entries.sort_by(|left, right| texts.word(left.key).cmp(texts.word(right.key)));
        let mut settled: Vec<MapEntry> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            match settled.last_mut() {
                Some(last) if texts.word(last.key) == texts.word(entry.key) => *last = *entry,
                _ => settled.push(*entry),
            }
        }
        settled.retain(|entry| !entry.key.removes);
        self.entries = settled;
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

    pub(crate) fn word(&self, word: Word) -> &'a [u8] {
        let Some(record) = self.lines.records.get(word.record as usize) else { return &[] };
        self.slice(record.kind, word.start, word.end)
    }
}

/// Runs pass 4.
pub(crate) fn run<'a>(texts: Texts<'a>) -> Said<'a> {
    let mut state = Applier { texts, said: Said::default(), last: None, seen_directive: false };
    for (index, record) in texts.lines.records.iter().enumerate() {
        state.record(u32::try_from(index).unwrap_or(u32::MAX), record);
    }
    state.said
}

struct Applier<'a> {
    texts: Texts<'a>,
    said: Said<'a>,
    /// The keyword of the last line as it was spelt; most lines repeat it.
    last: Option<(&'a [u8], Kind)>,
    seen_directive: bool,
}

impl<'a> Applier<'a> {
    fn record(&mut self, index: u32, record: &Record) {
        if record.kind == RecordKind::Block {
            self.seen_directive = true;
            return self.macros_block(index);
        }
        let text = self.texts.record(record);
        let mut words = Words::new(text, record.start, index);
        let Some(first) = words.next() else { return };
        let keyword = self.texts.slice(record.kind, first.start, first.end);
        if matches!(keyword.first(), Some(b'#' | b'%')) {
            return;
        }
        match self.kind_of(keyword) {
            Some(kind) => self.directive(kind, first, words),
            None => {
                self.seen_directive = true;
                self.said.remarks.push(Remark::UnknownKeyword(first));
            }
        }
    }

    fn kind_of(&mut self, keyword: &'a [u8]) -> Option<Kind> {
        if let Some((spelt, kind)) = self.last
            && spelt == keyword
        {
            return Some(kind);
        }
        let kind = Keyword::of_word(keyword)?.kind;
        self.last = Some((keyword, kind));
        Some(kind)
    }

    fn directive(&mut self, kind: Kind, keyword: Word, words: Words<'a>) {
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
            Kind::Macros => self.said.rawmacros.extend_from_slice(words.text),
            Kind::DistMacro => self.dist_macro(keyword, &words),
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
        let text = words.text;
        let base = words.base;
        for mut word in words {
            if text.get((word.start - base) as usize) != Some(&b'!') {
                said.push(word);
                continue;
            }
            word.start += 1;
            if text.get((word.start - base) as usize..(word.end - base) as usize) == Some(b"*") {
                said.clear();
                continue;
            }
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
    fn dist_macro(&mut self, keyword: Word, words: &Words<'a>) {
        let behind = words.text.get((keyword.end - words.base) as usize..).unwrap_or_default();
        if !behind.is_empty() {
            self.said.macro_lines.push(MacroLine::Dist(trim_start(behind).to_vec()));
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
    text: &'a [u8],
    pos: usize,
    base: u32,
    record: u32,
}

impl<'a> Words<'a> {
    /// `base` is the offset of the record's text in the text it is a part of.
    pub(crate) fn new(text: &'a [u8], base: u32, record: u32) -> Self {
        Self { text, pos: 0, base, record }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let rest = self.text.get(self.pos..)?;
        let skipped = rest.iter().position(|byte| !is_space(*byte))?;
        let len = word_len(rest.get(skipped..)?);
        let start = self.pos + skipped;
        self.pos = start + len;
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX).saturating_add(self.base);
        Some(Word { start: narrow(start), end: narrow(self.pos), record: self.record, removes: false })
    }
}
