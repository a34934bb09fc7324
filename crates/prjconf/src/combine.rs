//! Joining several configuration texts into one, keeping where each byte comes from.

use crate::source::{Joiner, Part, SourceId};
use crate::text::{find_byte, is_space};
use crate::tree::{Tree, is_marker};

/// One of several texts that make up a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceText<'a> {
    /// What people call it: a project, a file.
    pub name: &'a str,
    /// The text.
    pub text: &'a [u8],
}

/// Joins texts, base first: lists add up, everything else of a later text wins.
///
/// Open `Macros:` sections of all texts end up together at the end; closed ones stay in place. A text that starts from
/// scratch drops all before it. The joined text is [`Tree::text`]; empty lines at its end are no items.
///
/// Rule: Build.pm's `combine_configs`.
#[must_use]
pub fn combine(texts: &[SourceText<'_>]) -> Tree {
    let names = texts.iter().map(|text| text.name.to_owned()).collect();
    let mut combiner = Combiner::new(names);
    for (index, text) in texts.iter().enumerate() {
        combiner.add(&[], &Part::whole(text.text, SourceId(index)));
    }
    combiner.finish()
}

/// A joined text in the making.
pub(crate) struct Combiner {
    pub(crate) out: Joiner,
    /// What follows the openers of open `Macros:` sections.
    pub(crate) macros: Joiner,
}

impl Combiner {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { out: Joiner::new(names), macros: Joiner::default() }
    }

    /// Adds a text with generated lines in front of it.
    pub(crate) fn add(&mut self, prefix: &[u8], part: &Part<'_>) {
        if starts_from_scratch(part.text) {
            self.out.clear();
            self.macros.clear();
        }
        let mut rest = *part;
        let closed = last_closer_end(part.text);
        if closed.is_some() && !self.macros.is_empty() {
            self.flush();
        }
        self.out.generated(prefix);
        if let Some(end) = closed {
            let (head, tail) = part.split_at(end);
            self.out.part(&head);
            rest = tail;
        }
        if let Some(section) = last_opener(rest.text) {
            let (head, tail) = rest.split_at(section.line_start);
            self.out.part(&head);
            let (_, body) = tail.split_at(section.body_start - section.line_start);
            self.macros.part(&body);
        } else {
            self.out.part(&rest);
        }
    }

    /// Writes the collected macros as a closed block.
    pub(crate) fn flush(&mut self) {
        self.out.generated(b"\nMacros:\n");
        self.out.joined(&self.macros);
        self.out.generated(b":Macros\n\n");
        self.macros.clear();
    }

    pub(crate) fn finish(mut self) -> Tree {
        if !self.macros.is_empty() {
            self.out.generated(b"\nMacros:\n");
            self.out.joined(&self.macros);
        }
        Tree::of_joined(&self.out.text, self.out.map, true)
    }
}

/// The lines of a text with their offsets; a line feed at the end does not start another.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let end = find_byte(text, start, b'\n').unwrap_or(text.len());
        let line = (start, text.get(start..end).unwrap_or_default());
        start = end + 1;
        Some(line)
    })
}

fn starts_with_ignoring_case(line: &[u8], prefix: &[u8]) -> bool {
    line.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn without_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    line.get(blanks..).unwrap_or_default()
}

/// Whether nothing but comments and empty lines is in front of the first `FromScratch:` line.
fn starts_from_scratch(text: &[u8]) -> bool {
    for (_, line) in lines(text) {
        if starts_with_ignoring_case(line, b"fromscratch:") {
            return true;
        }
        if without_blanks(line).first().is_some_and(|byte| *byte != b'#' && !is_space(*byte)) {
            return false;
        }
    }
    false
}

/// The offset behind the line of the last `:Macros`.
pub(crate) fn last_closer_end(text: &[u8]) -> Option<usize> {
    let closers = lines(text).filter(|(_, line)| is_marker(line, b":macros"));
    closers.last().map(|(start, line)| (start + line.len() + 1).min(text.len()))
}

/// An open section: where the line of its opener starts and where its body starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) line_start: usize,
    pub(crate) body_start: usize,
}

/// The last opener at the start of a line; text behind `Macros:` is tolerated here.
pub(crate) fn last_opener(text: &[u8]) -> Option<Section> {
    let openers = lines(text).filter(|(_, line)| starts_with_ignoring_case(without_blanks(line), b"macros:"));
    openers
        .last()
        .map(|(start, line)| Section { line_start: start, body_start: (start + line.len() + 1).min(text.len()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(texts: &[&str]) -> Tree {
        let texts: Vec<SourceText<'_>> =
            texts.iter().map(|text| SourceText { name: "x", text: text.as_bytes() }).collect();
        combine(&texts)
    }

    #[test]
    fn every_byte_knows_its_source() {
        let tree = joined(&["Prefer: a\nMacros:\n%a 1\n", "Prefer: b"]);
        assert_eq!(tree.text(), b"Prefer: a\nPrefer: b\n\nMacros:\n%a 1\n");
        let at = |needle: &str| {
            let text = std::str::from_utf8(tree.text()).unwrap();
            let start = text.find(needle).unwrap();
            let place = tree.locate(crate::tree::Span { start, end: start + needle.len() });
            (place.source.map(|source| source.0), place.line, place.span.start)
        };
        assert_eq!(at("Prefer: b"), (Some(1), 1, 0));
        assert_eq!(at("%a 1"), (Some(0), 3, 18));
        assert_eq!(at("Macros:").0, None);
    }

    #[test]
    fn a_text_that_starts_from_scratch_drops_those_before_it() {
        assert_eq!(
            joined(&["Prefer: a\n", "# c\n\nFromScratch:\nPrefer: b\n"]).text(),
            b"# c\n\nFromScratch:\nPrefer: b\n"
        );
        assert!(joined(&["Prefer: a\n", "%define x 1\nFromScratch:\n"]).text().starts_with(b"Prefer: a\n"));
    }
}
