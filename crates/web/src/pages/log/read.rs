//! Reads a window of a log's lines in one pass, and notes on the way what a reader may want to jump to.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use fs_err as fs;

use super::clean::{clean, is_error};

/// Lines of one page.
pub(super) const WINDOW: u64 = 500;

/// Of a larger log only the end is looked through for errors and words; lines are counted in all of it.
const SEARCHED_BYTES: u64 = 64 << 20;

/// Most lines that a search gives.
const MATCHES: usize = 100;

/// Longest piece of a line that is read, in bytes.
const LINE_BYTES: u64 = 64 * 1024;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    /// Offset of its first byte.
    pub(super) offset: u64,
    /// What it says.
    pub(super) text: String,
    /// Whether it looks like what went wrong.
    pub(super) is_error: bool,
}

/// A part of a log, and what is known of the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The lines of the window.
    pub(super) lines: Vec<Line>,
    /// Lines of the log.
    pub(super) total: u64,
    /// Bytes of the log that make whole lines.
    pub(super) bytes: u64,
    /// The first line that looks like an error.
    pub(super) first_error: Option<u64>,
    /// Lines with the words that are searched for.
    pub(super) matches: Vec<Line>,
    /// Whether there are more of them.
    pub(super) more_matches: bool,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The first line of the window; without, the last ones.
    pub(super) from: Option<u64>,
    /// Words to search for, in any case.
    pub(super) search: Option<String>,
    /// Whether the log is complete: then what stands behind the last line feed is a line too.
    pub(super) is_complete: bool,
}

/// Reads a log. Blocks.
///
/// # Errors
/// If the file can not be read.
pub(super) fn read(path: &Path, wanted: &Wanted) -> std::io::Result<View> {
    let mut file = fs::File::open(path)?;
    let bytes = file.metadata()?.len();
    let skipped = bytes.saturating_sub(SEARCHED_BYTES);
    let far = wanted.from.is_some();
    // A window that is asked for may begin anywhere; only the last lines can do without a look at the first.
    let mut view = View::default();
    let mut reader = BufReader::with_capacity(256 * 1024, &mut file);
    if skipped > 0 && !far {
        view.total = count_lines(&mut reader, skipped)?;
        view.bytes = skipped;
    }
    let search = wanted.search.as_ref().map(|search| search.to_lowercase());
    let mut window: VecDeque<Line> = VecDeque::new();
    let mut raw = Vec::new();
    loop {
        let offset = view.bytes;
        raw.clear();
        let read = read_line(&mut reader, &mut raw)?;
        let ends = raw.last() == Some(&b'\n');
        if read == 0 || !ends && !wanted.is_complete {
            break;
        }
        view.bytes += read;
        view.total += 1;
        let text = clean(raw.strip_suffix(b"\n").unwrap_or(&raw));
        let line = Line { number: view.total, offset, is_error: is_error(&text), text };
        if line.is_error {
            view.first_error.get_or_insert(line.number);
        }
        if search.as_ref().is_some_and(|search| line.text.to_lowercase().contains(search)) {
            if view.matches.len() < MATCHES { view.matches.push(line.clone()) } else { view.more_matches = true }
        }
        match wanted.from {
            Some(from) if line.number < from || line.number >= from.saturating_add(WINDOW) => {}
            _ => window.push_back(line),
        }
        if u64::try_from(window.len()).unwrap_or(0) > WINDOW {
            window.pop_front();
        }
    }
    view.lines = window.into();
    Ok(view)
}

/// The whole lines from an offset on, whose first has a number; at most a window of them, and where the next one begins.
///
/// # Errors
/// If the file can not be read.
pub(super) fn read_on(path: &Path, offset: u64, number: u64, is_complete: bool) -> std::io::Result<(Vec<Line>, u64)> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::new(file);
    let (mut lines, mut at) = (Vec::new(), offset);
    let mut raw = Vec::new();
    for number in number..number.saturating_add(WINDOW) {
        raw.clear();
        let read = read_line(&mut reader, &mut raw)?;
        if read == 0 || raw.last() != Some(&b'\n') && !is_complete {
            break;
        }
        let text = clean(raw.strip_suffix(b"\n").unwrap_or(&raw));
        lines.push(Line { number, offset: at, is_error: is_error(&text), text });
        at += read;
    }
    Ok((lines, at))
}

/// Reads a line, keeping only its beginning if it is very long; gives the number of bytes that were read.
fn read_line(reader: &mut impl std::io::BufRead, raw: &mut Vec<u8>) -> std::io::Result<u64> {
    let mut read = 0;
    let mut piece = Vec::new();
    loop {
        piece.clear();
        let count = reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut piece)?;
        read += u64::try_from(count).unwrap_or(0);
        let ends = piece.last() == Some(&b'\n');
        if raw.is_empty() {
            raw.append(&mut piece);
        } else if ends {
            raw.push(b'\n');
        }
        if count == 0 || ends {
            return Ok(read);
        }
    }
}

/// Counts the line feeds of the next bytes.
fn count_lines(reader: &mut impl std::io::Read, bytes: u64) -> std::io::Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let (mut left, mut lines) = (bytes, 0_u64);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = reader.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            break;
        }
        let feeds = buffer.iter().take(count).filter(|byte| **byte == b'\n').count();
        lines += u64::try_from(feeds).unwrap_or(0);
        left -= u64::try_from(count).unwrap_or(0);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn numbers(view: &View) -> (u64, u64) {
        (view.lines.first().map_or(0, |line| line.number), view.lines.last().map_or(0, |line| line.number))
    }

    #[test]
    fn the_last_lines_are_shown_or_those_that_are_asked_for() {
        let text: String = (1..=1234).map(|number| format!("line {number}\n")).collect();
        let file = file(text.as_bytes());
        let view = read(file.path(), &Wanted::default()).unwrap();
        assert_eq!((view.total, numbers(&view)), (1234, (735, 1234)));
        assert_eq!(view.bytes, text.len() as u64);
        let view = read(file.path(), &Wanted { from: Some(100), ..Wanted::default() }).unwrap();
        assert_eq!((view.total, numbers(&view)), (1234, (100, 599)));
        let view = read(file.path(), &Wanted { from: Some(5000), ..Wanted::default() }).unwrap();
        assert!(view.lines.is_empty());
    }

    #[test]
    fn a_line_without_an_end_waits_for_it() {
        let file = file(b"one\ntwo");
        let open = read(file.path(), &Wanted::default()).unwrap();
        assert_eq!((open.total, open.bytes), (1, 4));
        let done = read(file.path(), &Wanted { is_complete: true, ..Wanted::default() }).unwrap();
        assert_eq!((done.total, done.bytes), (2, 7));
        let (lines, next) = read_on(file.path(), 4, 2, false).unwrap();
        assert!(lines.is_empty() && next == 4);
        let (lines, next) = read_on(file.path(), 4, 2, true).unwrap();
        assert_eq!((lines.len(), lines[0].number, lines[0].text.as_str(), next), (1, 2, "two", 7));
    }

    #[test]
    fn errors_and_words_are_found_on_the_way() {
        let file = file(b"a\nx.c:1: error: no\nWord\nerror: again\nword\n");
        let wanted = Wanted { search: Some("wORD".to_owned()), ..Wanted::default() };
        let view = read(file.path(), &wanted).unwrap();
        assert_eq!(view.first_error, Some(2));
        assert_eq!(view.matches.iter().map(|line| (line.number, line.offset)).collect::<Vec<_>>(), [(3, 19), (5, 37)]);
    }

    #[test]
    fn a_line_as_long_as_a_log_costs_no_memory() {
        let mut text = vec![b'x'; 300_000];
        text.extend_from_slice(b"\nend\n");
        let file = file(&text);
        let view = read(file.path(), &Wanted::default()).unwrap();
        assert_eq!((view.total, view.bytes), (2, 300_005));
        assert!(view.lines[0].text.len() < 5000 && view.lines[1].text == "end");
    }
}
