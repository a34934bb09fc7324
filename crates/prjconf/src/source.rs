//! Where the bytes of a joined text come from.

use std::sync::OnceLock;

use crate::text::find_byte;
use crate::tree::Span;

/// The number of a source: its place in the list of texts that were joined, base first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub usize);

/// A place in one of the joined sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The source; `None` for text that was generated while joining.
    pub source: Option<SourceId>,
    /// Name of the source (a project, a file), empty for a single unnamed text.
    pub name: String,
    /// Line in the source, counted from 1; in generated text the line of the joined text.
    pub line: usize,
    /// Byte offsets in the source; in generated text offsets of the joined text.
    pub span: Span,
}

/// One run of bytes of a joined text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    /// Offset in the joined text.
    start: usize,
    /// Where it was taken from; `None` for generated text.
    from: Option<SegmentOrigin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SegmentOrigin {
    source: SourceId,
    offset: usize,
    line: usize,
}

/// Maps offsets of a joined text to offsets of its sources.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    names: Vec<String>,
    segments: Vec<Segment>,
    line_feeds: OnceLock<LineFeeds>,
}

/// The offsets of all line feeds of a text, made when the first line number is asked for.
#[derive(Debug, Clone)]
struct LineFeeds(Vec<usize>);

impl LineFeeds {
    fn of(text: &[u8]) -> Self {
        let mut offsets = Vec::new();
        let mut at = 0;
        while let Some(found) = find_byte(text, at, b'\n') {
            offsets.push(found);
            at = found + 1;
        }
        Self(offsets)
    }

    /// How many there are in front of an offset.
    fn before(&self, offset: usize) -> usize {
        self.0.partition_point(|line_feed| *line_feed < offset)
    }
}

impl SourceMap {
    /// The map of a text that is its own only source.
    pub(crate) fn single() -> Self {
        let from = Some(SegmentOrigin { source: SourceId(0), offset: 0, line: 1 });
        Self { names: vec![String::new()], segments: vec![Segment { start: 0, from }], ..Self::default() }
    }

    /// The names of all sources, base first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The source of the byte at an offset of the joined text; `None` for generated text.
    #[must_use]
    pub fn source_at(&self, offset: usize) -> Option<SourceId> {
        self.segment_at(offset).and_then(|segment| segment.from).map(|from| from.source)
    }

    fn segment_at(&self, offset: usize) -> Option<&Segment> {
        let index = self.segments.partition_point(|segment| segment.start <= offset);
        index.checked_sub(1).and_then(|index| self.segments.get(index))
    }

    /// The line, counted from 1, of an offset of the joined text. `text` must be the same in all calls.
    pub(crate) fn line_number(&self, text: &[u8], offset: usize) -> usize {
        self.line_feeds.get_or_init(|| LineFeeds::of(text)).before(offset) + 1
    }

    pub(crate) fn locate(&self, text: &[u8], span: Span) -> Location {
        let segment = self.segment_at(span.start);
        let Some((segment, from)) = segment.and_then(|segment| segment.from.map(|from| (segment, from))) else {
            let line = self.line_number(text, span.start);
            return Location { source: None, name: String::new(), line, span };
        };
        let shift = |offset: usize| offset.saturating_sub(segment.start) + from.offset;
        Location {
            source: Some(from.source),
            name: self.names.get(from.source.0).cloned().unwrap_or_default(),
            line: from.line + self.line_number(text, span.start) - self.line_number(text, segment.start),
            span: Span { start: shift(span.start), end: shift(span.end) },
        }
    }
}

/// Collects a joined text together with its map.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    pub(crate) text: Vec<u8>,
    pub(crate) map: SourceMap,
}

impl Joiner {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { text: Vec::new(), map: SourceMap { names, ..SourceMap::default() } }
    }

    /// Appends text that no source has.
    pub(crate) fn generated(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.map.segments.push(Segment { start: self.text.len(), from: None });
            self.text.extend_from_slice(text);
        }
    }

    /// Appends a part of a source.
    pub(crate) fn part(&mut self, part: &Part<'_>) {
        if part.text.is_empty() {
            return;
        }
        let from = SegmentOrigin { source: part.source, offset: part.offset, line: part.line };
        self.map.segments.push(Segment { start: self.text.len(), from: Some(from) });
        self.text.extend_from_slice(part.text);
        if part.missing_line_feed {
            self.generated(b"\n");
        }
    }

    /// Appends another joined text.
    pub(crate) fn joined(&mut self, other: &Self) {
        let shift = self.text.len();
        self.map
            .segments
            .extend(other.map.segments.iter().map(|segment| Segment { start: segment.start + shift, ..*segment }));
        self.text.extend_from_slice(&other.text);
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.map.segments.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// A part of one source, on its way into a joined text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) source: SourceId,
    pub(crate) offset: usize,
    pub(crate) line: usize,
    /// Whether a line feed is added behind it.
    pub(crate) missing_line_feed: bool,
}

impl<'a> Part<'a> {
    pub(crate) fn whole(text: &'a [u8], source: SourceId) -> Self {
        let missing_line_feed = text.last().is_some_and(|byte| *byte != b'\n');
        Self { text, source, offset: 0, line: 1, missing_line_feed }
    }

    /// Cuts at an offset of this part.
    pub(crate) fn split_at(&self, at: usize) -> (Self, Self) {
        let at = at.min(self.text.len());
        let (head, tail) = self.text.split_at(at);
        let line = self.line + head.iter().filter(|byte| **byte == b'\n').count();
        let head_part = Self { text: head, missing_line_feed: self.missing_line_feed && tail.is_empty(), ..*self };
        (head_part, Self { text: tail, offset: self.offset + at, line, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_are_those_of_counting() {
        for text in ["", "\n", "a", "a\n\nb\n", "\n\n\n", "ab\ncd"] {
            let map = SourceMap::single();
            for offset in 0..=text.len() + 1 {
                let counted = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
                let place = map.locate(text.as_bytes(), Span { start: offset, end: offset });
                assert_eq!((place.line, place.span.start), (counted, offset), "{text:?} {offset}");
            }
        }
    }

    #[test]
    fn parts_of_a_source_count_from_their_own_line() {
        let part = Part { text: b"x\ny\n", source: SourceId(0), offset: 10, line: 7, missing_line_feed: false };
        let mut joiner = Joiner::new(vec!["base".to_owned()]);
        joiner.generated(b"one\ntwo\n");
        joiner.part(&part);
        let line = |offset| joiner.map.locate(&joiner.text, Span { start: offset, end: offset + 1 }).line;
        assert_eq!([line(0), line(4), line(8), line(10)], [1, 2, 7, 8]);
    }
}
