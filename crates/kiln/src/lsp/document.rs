//! An open text, and the positions of the protocol in it: lines and UTF-16 units, both from 0.

use serde_json::{Value, json};

/// A text that an editor has open.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    text: String,
    /// Offset of each line; lines end in LF, CR LF or CR.
    starts: Vec<usize>,
    /// The version the editor gave it.
    pub(super) version: Option<i64>,
}

impl Document {
    pub(super) fn new(text: String, version: Option<i64>) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes
            .iter()
            .enumerate()
            .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')));
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts, version }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The offset of a position; what is behind the end of a line or of the text counts as that end, and the middle of a
    /// character as its start.
    pub(super) fn offset(&self, position: &Value) -> Option<usize> {
        let number =
            |name: &str| position.get(name)?.as_u64().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let (line, units) = (number("line")?, number("character")?);
        let Some(start) = self.starts.get(line).copied() else { return Some(self.text.len()) };
        let end = self.starts.get(line.saturating_add(1)).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end)?.trim_end_matches(['\r', '\n']);
        let mut left = units;
        for (at, character) in line.char_indices() {
            if left < character.len_utf16() {
                return Some(start + at);
            }
            left -= character.len_utf16();
        }
        Some(start + line.len())
    }

    /// The position of an offset; the middle of a character counts as its start.
    pub(super) fn position(&self, offset: usize) -> Value {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let units: usize = self.text.get(start..offset).unwrap_or_default().chars().map(char::len_utf16).sum();
        json!({"line": line, "character": units})
    }

    /// The range of two offsets.
    pub(super) fn range(&self, start: usize, end: usize) -> Value {
        json!({"start": self.position(start), "end": self.position(end.max(start))})
    }

    /// The text with a change of the editor's; without a range it is the whole new text. `None` if it is no change.
    pub(super) fn changed(&self, change: &Value, version: Option<i64>) -> Option<Self> {
        let new = change.get("text")?.as_str()?;
        let Some(range) = change.get("range").filter(|range| !range.is_null()) else {
            return Some(Self::new(new.to_owned(), version));
        };
        let start = self.offset(range.get("start")?)?;
        let end = self.offset(range.get("end")?)?.max(start);
        let mut text = self.text.clone();
        text.replace_range(start..end, new);
        Some(Self::new(text, version))
    }

    /// The line an offset is in: its start, and its text without line end.
    pub(super) fn line_at(&self, offset: usize) -> (usize, &str) {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        (start, self.text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf_16_units() {
        let document = Document::new("aä😀b\r\nx\ry\n".to_owned(), None);
        for (offset, line, character) in
            [(0, 0, 0), (1, 0, 1), (3, 0, 2), (7, 0, 4), (8, 0, 5), (10, 1, 0), (12, 2, 0), (14, 3, 0)]
        {
            let position = json!({"line": line, "character": character});
            assert_eq!(document.position(offset), position);
            assert_eq!(document.offset(&position), Some(offset), "{position}");
        }
        // The middle of a pair of units, of a character, and beyond every end.
        assert_eq!(document.offset(&json!({"line": 0, "character": 3})), Some(3));
        assert_eq!(document.position(5), json!({"line": 0, "character": 2}));
        assert_eq!(document.offset(&json!({"line": 0, "character": 99})), Some(8));
        assert_eq!(document.offset(&json!({"line": 99, "character": 0})), Some(14));
        assert_eq!(document.offset(&json!({"line": -1, "character": 0})), None);
    }

    #[test]
    fn changes_replace_ranges_or_all() {
        let document = Document::new("a😀b\nc".to_owned(), Some(1));
        let range = json!({"start": {"line": 0, "character": 3}, "end": {"line": 1, "character": 1}});
        let changed = document.changed(&json!({"range": range, "text": "é"}), Some(2)).unwrap();
        assert_eq!((changed.text(), changed.version), ("a😀é", Some(2)));
        assert_eq!(changed.changed(&json!({"text": "new"}), None).unwrap().text(), "new");
        assert!(document.changed(&json!({"range": 5, "text": "x"}), None).is_none());
    }
}
