//! Where the bytes of a joined text come from.

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
}

impl SourceMap {
    /// The map of a text that is its own only source.
    pub(crate) fn single(_len: usize) -> Self {
        let from = Some(SegmentOrigin { source: SourceId(0), offset: 0, line: 1 });
        Self { names: vec![String::new()], segments: vec![Segment { start: 0, from }] }
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

    pub(crate) fn locate(&self, text: &[u8], span: Span) -> Location {
        let segment = self.segment_at(span.start);
        let Some((segment, from)) = segment.and_then(|segment| segment.from.map(|from| (segment, from))) else {
            let line = count_lines(text, 0, span.start) + 1;
            return Location { source: None, name: String::new(), line, span };
        };
        let shift = |offset: usize| offset.saturating_sub(segment.start) + from.offset;
        Location {
            source: Some(from.source),
            name: self.names.get(from.source.0).cloned().unwrap_or_default(),
            line: from.line + count_lines(text, segment.start, span.start),
            span: Span { start: shift(span.start), end: shift(span.end) },
        }
    }
}

fn count_lines(text: &[u8], start: usize, end: usize) -> usize {
    let end = end.min(text.len());
    text.get(start..end).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}

/// Collects a joined text together with its map.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    pub(crate) text: Vec<u8>,
    pub(crate) map: SourceMap,
}

impl Joiner {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { text: Vec::new(), map: SourceMap { names, segments: Vec::new() } }
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
