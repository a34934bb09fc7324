//! Debian's control files: paragraphs of `Name: value` fields (deb822(5), Debian policy 5.1).
//!
//! Reads without copying and keeps byte offsets for messages; tolerant, for what is not a field is reported as
//! [`Entry::Malformed`] and skipped. It does not judge which fields must be there. Read [`Paragraph`] first.

mod architecture;
mod meta;
mod relation;
mod writer;

pub use architecture::architecture_matches;
pub use meta::package_meta;
pub use relation::{
    Alternatives, Constraint, Operator, Relation, RelationProblem, Term, build_dependencies, build_ignores,
    normalize_relations, parse_relations,
};
pub use writer::{ControlFields, push_field};

use std::borrow::Cow;
use std::ops::Range;

/// The paragraphs of `text`, in order; paragraphs without any field are skipped.
#[must_use]
pub fn paragraphs(text: &str) -> Paragraphs<'_> {
    Paragraphs { text, position: 0 }
}

/// Iterates over the paragraphs of a control file.
#[derive(Debug, Clone)]
pub struct Paragraphs<'a> {
    text: &'a str,
    position: usize,
}

/// One paragraph: neighbouring lines that are not blank.
#[derive(Debug, Clone, Copy)]
pub struct Paragraph<'a> {
    text: &'a str,
    start: usize,
}

/// One field of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as written; compare it with [`Field::is`].
    pub name: &'a str,
    /// The value without blanks around it; it starts with a newline if the first line is empty, continuation lines keep
    /// their leading blank, and comment lines between them are still there (see [`Field::unfolded`]).
    pub value: &'a str,
    /// Byte offset of the name in the text the paragraphs were read from.
    pub start: usize,
    /// Byte offset of the value in that text.
    pub value_start: usize,
}

/// What a line, with its continuation lines, turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A field.
    Field(Field<'a>),
    /// Bytes that are neither a field, a continuation nor a comment.
    Malformed(Range<usize>),
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Paragraph<'a>;

    fn next(&mut self) -> Option<Paragraph<'a>> {
        let mut lines = LineWalk { text: self.text, position: self.position };
        let mut start = None;
        let mut has_content = false;
        let mut end = self.text.len();
        for (offset, line) in lines.by_ref() {
            if is_blank(line) {
                if has_content {
                    end = offset;
                    break;
                }
                start = None;
                continue;
            }
            start.get_or_insert(offset);
            has_content |= !line.starts_with('#');
        }
        self.position = lines.position;
        let start = start.filter(|_| has_content)?;
        Some(Paragraph { text: self.text.get(start..end)?, start })
    }
}

impl<'a> Paragraph<'a> {
    /// A paragraph from text that is known to hold no blank line, such as one cut out of an index by its reader.
    #[must_use]
    pub const fn from_text(text: &'a str) -> Self {
        Self { text, start: 0 }
    }

    /// The paragraph as written, comments included.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Byte range of the paragraph in the text it was read from.
    #[must_use]
    pub const fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Fields and malformed lines, in order.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a> {
        Entries { lines: LineWalk { text: self.text, position: 0 }, base: self.start }
    }

    /// The fields, in order; malformed lines are skipped.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        self.entries().filter_map(|entry| match entry {
            Entry::Field(field) => Some(field),
            Entry::Malformed(_) => None,
        })
    }

    /// The first field called `name`, whatever the case of its letters.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.is(name))
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.field(name).map(|field| field.value)
    }
}

impl<'a> Field<'a> {
    /// Whether the field has this name; the case of letters does not count.
    #[must_use]
    pub const fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value without the comment lines inside it; borrowed when there are none.
    #[must_use]
    pub fn unfolded(&self) -> Cow<'a, str> {
        if !self.value.contains("\n#") {
            return Cow::Borrowed(self.value);
        }
        let kept: Vec<&str> = self.value.split('\n').filter(|line| !line.starts_with('#')).collect();
        Cow::Owned(kept.join("\n"))
    }

    /// The lines of the value that hold something, trimmed, without comment lines.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.value.split('\n').filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty())
    }
}

/// Iterates over what a paragraph holds.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    lines: LineWalk<'a>,
    base: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let (offset, line) = self.lines.next()?;
            if line.starts_with('#') || is_blank(line) {
                continue;
            }
            let end = self.skip_continuations(offset + line.len());
            let malformed = Entry::Malformed(self.base + offset..self.base + end);
            let Some(colon) = line.find(':').filter(|colon| is_field_name(&line[..*colon])) else {
                return Some(malformed);
            };
            let raw = &self.lines.text[offset + colon + 1..end];
            let value = raw.trim_start_matches([' ', '\t', '\r']);
            let value_start = self.base + offset + colon + 1 + (raw.len() - value.len());
            let value = value.trim_end();
            return Some(Entry::Field(Field { name: &line[..colon], value, start: self.base + offset, value_start }));
        }
    }
}

impl Entries<'_> {
    /// Moves over the continuation and comment lines that follow, and tells where the last continuation line ends.
    fn skip_continuations(&mut self, first_end: usize) -> usize {
        let mut end = first_end;
        loop {
            let before = self.lines.position;
            let Some((offset, line)) = self.lines.next() else { return end };
            if line.starts_with([' ', '\t']) {
                end = offset + line.len();
            } else if !line.starts_with('#') {
                self.lines.position = before;
                return end;
            }
        }
    }
}

/// Walks over lines with their offsets; the line end is not part of the line.
#[derive(Debug, Clone)]
struct LineWalk<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Iterator for LineWalk<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let start = self.position;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let (line, consumed) = rest.find('\n').map_or((rest, rest.len()), |end| (&rest[..end], end + 1));
        self.position = start + consumed;
        Some((start, line))
    }
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// Policy 5.1: printable ASCII without space and colon; not starting with `#` or `-`.
fn is_field_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['#', '-']) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<Vec<(String, String)>> {
        paragraphs(text)
            .map(|paragraph| {
                paragraph.fields().map(|field| (field.name.into(), field.unfolded().into_owned())).collect()
            })
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn paragraphs_are_separated_by_any_number_of_blank_lines() {
        let text = "\n\nA: 1\nB: 2\n \t\n\nC:3\n\n";
        assert_eq!(flat(text), vec![vec![pair("A", "1"), pair("B", "2")], vec![pair("C", "3")]]);
    }

    #[test]
    fn continuation_lines_keep_their_blank_and_comments_vanish() {
        let text = "# head\nBuild-Depends: a,\n# not this\n b,\n\tc\nX: y\n";
        assert_eq!(flat(text), vec![vec![pair("Build-Depends", "a,\n b,\n\tc"), pair("X", "y")]]);
    }

    #[test]
    fn names_are_found_whatever_their_case() {
        let paragraph = paragraphs("PACKAGE: hello\n").next().unwrap();
        assert_eq!(paragraph.get("package"), Some("hello"));
        assert_eq!(paragraph.get("Version"), None);
    }

    #[test]
    fn offsets_point_into_the_whole_text() {
        let text = "A: 1\n\nB:  two\n";
        let field = paragraphs(text).nth(1).unwrap().field("b").unwrap();
        assert_eq!(&text[field.start..=field.start], "B");
        assert_eq!(&text[field.value_start..field.value_start + field.value.len()], "two");
    }

    #[test]
    fn lines_that_are_no_fields_are_reported_with_their_place() {
        let text = "A: 1\nnonsense\n more\nB: 2\n: x\n";
        let entries: Vec<_> = paragraphs(text).next().unwrap().entries().collect();
        assert_eq!(entries.len(), 4);
        assert_eq!(entries[1], Entry::Malformed(5..19));
        assert!(matches!(entries[3], Entry::Malformed(_)));
    }

    #[test]
    fn carriage_returns_and_a_missing_last_newline_do_no_harm() {
        assert_eq!(flat("A: 1\r\n\r\nB: 2"), vec![vec![pair("A", "1")], vec![pair("B", "2")]]);
    }

    #[test]
    fn a_comment_alone_is_no_paragraph() {
        assert!(flat("# only\n# comments\n\n").is_empty());
        assert!(flat("").is_empty());
        assert_eq!(flat("# c\n\nA: 1\n"), vec![vec![pair("A", "1")]]);
    }
}
