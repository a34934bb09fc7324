//! The lossless tree of one configuration text: its lines, with `Macros:` blocks cut out.
//!
//! This is pass 1 and 2 of the language: it looks at bytes only, before any condition or macro. Nothing is lost and
//! nothing fails; the evaluation reads this tree and never the text. [`Tree`] is the type to read first.

use std::sync::Arc;

use crate::source::{Location, SourceId, SourceMap};
use crate::text::{find_byte, is_space, line_feeds, plain_text, trim};

/// What one item of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    /// An ordinary line.
    Line,
    /// A whole `Macros:` block, its opener and closer included.
    MacrosBlock,
}

/// One line, or one `Macros:` block, of a [`Tree`].
///
/// All positions are byte offsets into [`Tree::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// What the item is.
    pub kind: ItemKind,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte, without the line feed.
    pub end: u32,
}

/// A part of a text, as byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

/// A configuration text cut into items, without loss: the items and the line feeds between them are the text.
///
/// Texts of more than 4 GiB keep only their first 4 GiB as items.
#[derive(Debug, Clone)]
pub struct Tree {
    text: TreeText,
    items: Vec<Item>,
    sources: SourceMap,
}

/// The text of a tree. It is shared with the results of evaluations where words of it can be taken as they are.
#[derive(Debug, Clone)]
enum TreeText {
    Plain(Arc<str>),
    Bytes(Arc<[u8]>),
}

impl TreeText {
    fn new(bytes: &[u8]) -> Self {
        match plain_text(bytes) {
            Some(text) => Self::Plain(text.into()),
            None => Self::Bytes(bytes.into()),
        }
    }
}

/// Cuts a text into lines and blocks. Never fails.
///
/// Lines are separated by LF; the part behind a final LF is no line. Rule: section "lines" of the manual,
/// prjconf(5).
#[must_use]
pub fn parse(bytes: &[u8]) -> Tree {
    Tree { items: split_items(bytes, usable_len(bytes)), text: TreeText::new(bytes), sources: SourceMap::single() }
}

impl Tree {
    /// Cuts a text that was put together from several sources; empty lines at its end are no items.
    #[must_use]
    pub(crate) fn of_joined(text: &[u8], sources: SourceMap, drop_empty_tail: bool) -> Self {
        let mut len = usable_len(text);
        if drop_empty_tail {
            len -= text.iter().take(len).rev().take_while(|byte| **byte == b'\n').count();
        }
        Self { items: split_items(text, len), text: TreeText::new(text), sources }
    }

    /// The whole text, unchanged.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match &self.text {
            TreeText::Plain(text) => text.as_bytes(),
            TreeText::Bytes(bytes) => bytes,
        }
    }

    /// The text to take words from, if decoding it would change nothing.
    pub(crate) fn plain_text(&self) -> Option<&Arc<str>> {
        match &self.text {
            TreeText::Plain(text) => Some(text),
            TreeText::Bytes(_) => None,
        }
    }

    /// The lines and blocks, in order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The bytes of an item, without its final line feed.
    #[must_use]
    pub fn item_text(&self, item: &Item) -> &[u8] {
        self.slice(item.start, item.end)
    }

    /// The bytes between opener and closer of a block, each line with its line feed; empty for a line.
    ///
    /// A missing line feed at the end of the text is not added here.
    #[must_use]
    pub fn block_body(&self, item: &Item) -> &[u8] {
        if item.kind == ItemKind::Line {
            return &[];
        }
        let block = self.item_text(item);
        let Some(first) = find_byte(block, 0, b'\n') else { return &[] };
        let last_line = block.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
        let closed = is_marker(block.get(last_line..).unwrap_or_default(), b":macros");
        let end = if closed { last_line } else { block.len() };
        block.get(first + 1..end).unwrap_or_default()
    }

    /// Where the sources of this text are.
    #[must_use]
    pub fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// The source, line and span inside that source of a span of this text.
    #[must_use]
    pub fn locate(&self, span: Span) -> Location {
        self.sources.locate(self.text(), span)
    }

    /// The line number, counted from 1, of an offset in the whole text.
    #[must_use]
    pub fn line_number(&self, offset: usize) -> usize {
        self.sources.line_number(self.text(), offset)
    }

    /// The source a span of this text comes from, if it is not generated text.
    #[must_use]
    pub fn source_of(&self, span: Span) -> Option<SourceId> {
        self.sources.source_at(span.start)
    }

    pub(crate) fn slice(&self, start: u32, end: u32) -> &[u8] {
        self.text().get(start as usize..end as usize).unwrap_or_default()
    }
}

fn usable_len(text: &[u8]) -> usize {
    text.len().min(u32::MAX as usize - 1)
}

fn split_items(text: &[u8], len: usize) -> Vec<Item> {
    let text = text.get(..len).unwrap_or_default();
    let mut items = Vec::with_capacity(len / 32 + 1);
    let mut start = 0;
    for end in line_feeds(text) {
        let end = end as usize;
        // The line feeds of a block that was cut out are behind.
        if end >= start {
            start = push_item(text, start, end, &mut items);
        }
    }
    if start < len {
        push_item(text, start, len, &mut items);
    }
    items
}

/// Adds a line, or the block it opens; gives the start of the next line.
#[inline]
fn push_item(text: &[u8], start: usize, end: usize, items: &mut Vec<Item>) -> usize {
    let may_open = text.get(start).is_some_and(|byte| matches!(byte, b'm' | b'M') || is_space(*byte));
    if may_open && is_marker(text.get(start..end).unwrap_or_default(), b"macros:") {
        let block_end = find_block_end(text, end);
        items.push(item(ItemKind::MacrosBlock, start, block_end));
        return block_end + 1;
    }
    items.push(item(ItemKind::Line, start, end));
    end + 1
}

/// The end of the closing line, without its line feed; without a closer, the end of the text.
fn find_block_end(text: &[u8], opener_end: usize) -> usize {
    let mut start = opener_end + 1;
    while start < text.len() {
        let end = find_byte(text, start, b'\n').unwrap_or(text.len());
        if is_marker(text.get(start..end).unwrap_or_default(), b":macros") {
            return end;
        }
        start = end + 1;
    }
    text.len()
}

/// Offsets fit because `usable_len` is below `u32::MAX`.
fn item(kind: ItemKind, start: usize, end: usize) -> Item {
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Item { kind, start: narrow(start), end: narrow(end) }
}

/// Whether a line is, apart from surrounding white space and letter case, exactly `marker`.
pub(crate) fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    let first = marker.first().copied().unwrap_or_default();
    match line.first() {
        Some(byte) if byte.eq_ignore_ascii_case(&first) || is_space(*byte) => trim(line).eq_ignore_ascii_case(marker),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(ItemKind, String)> {
        let tree = parse(text.as_bytes());
        tree.items().iter().map(|i| (i.kind, String::from_utf8_lossy(tree.item_text(i)).into_owned())).collect()
    }

    #[test]
    fn a_block_is_one_item_and_reaches_to_its_closer_or_the_end() {
        let cut = kinds("a\nMacros:\n%x 1\n:Macros\nb\n macros: \n%y");
        assert_eq!(cut.len(), 4);
        assert_eq!(cut[1], (ItemKind::MacrosBlock, "Macros:\n%x 1\n:Macros".to_owned()));
        assert_eq!(cut[3], (ItemKind::MacrosBlock, " macros: \n%y".to_owned()));
    }

    #[test]
    fn the_body_of_a_block_has_neither_opener_nor_closer() {
        for (text, body) in [
            ("Macros:\n%x 1\n:Macros\n", "%x 1\n"),
            ("Macros:\n:Macros\n", ""),
            ("Macros:\n%x\n", "%x\n"),
            ("Macros:\n%x", "%x"),
            ("Macros:", ""),
        ] {
            let tree = parse(text.as_bytes());
            assert_eq!(tree.block_body(&tree.items()[0]), body.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn items_and_line_feeds_are_the_text() {
        for text in ["", "\n", "a", "a\n", "a\n\nb", "Macros:\nx\n:Macros\n\n"] {
            let tree = parse(text.as_bytes());
            let mut joined: Vec<u8> = Vec::new();
            for item in tree.items() {
                joined.extend_from_slice(tree.item_text(item));
                joined.push(b'\n');
            }
            if joined.len() > text.len() {
                joined.pop();
            }
            assert_eq!(joined, text.as_bytes(), "{text:?}");
        }
    }
}
