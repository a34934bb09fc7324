//! Lines that go on: continued defines and `%{?name:` blocks.

use crate::text::{is_space, is_word, trim_start};

/// Whether a line is a `%define` or `%global`, which a `\` at its end continues.
pub(crate) fn starts_define(line: &[u8]) -> bool {
    let start = trim_start(line);
    let rest = start.strip_prefix(b"%define").or_else(|| start.strip_prefix(b"%global"));
    rest.and_then(<[u8]>::first).is_some_and(|byte| is_space(*byte))
}

/// Whether a line is nothing but `%{?name:` (any of `?!`, an optional `-`).
pub(crate) fn starts_block(line: &[u8]) -> bool {
    let Some(rest) = trim_start(line).strip_prefix(b"%{") else { return false };
    let tests = rest.iter().take_while(|byte| matches!(byte, b'?' | b'!')).count();
    let rest = rest.get(tests..).unwrap_or_default();
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let name = rest.iter().take_while(|byte| is_word(**byte)).count();
    match rest.split_at(name) {
        (_, [b':', tail @ ..]) if name > 0 => trim_start(tail).is_empty(),
        _ => false,
    }
}

/// `# neededforbuild …`, the inert line of old spec files; it continues nothing.
pub(crate) fn is_needed_for_build(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"#").map(trim_start).and_then(|rest| rest.strip_prefix(b"neededforbuild"));
    rest.is_some_and(|rest| !trim_start(rest).is_empty())
}

/// Counts the open brackets of a block while its lines come in.
#[derive(Debug)]
pub(crate) struct BlockScan {
    text: Vec<u8>,
    /// Open `{`, `(` and `[`.
    open: [usize; 3],
    /// The last line break inside the text was escaped.
    escaped_break: bool,
    scanned: usize,
}

impl BlockScan {
    pub(crate) fn start(line: &[u8]) -> Self {
        let mut scan = Self { text: line.to_vec(), open: [0; 3], escaped_break: false, scanned: 0 };
        scan.scan();
        scan
    }

    pub(crate) fn add_line(&mut self, line: &[u8]) {
        self.text.push(b'\n');
        self.text.extend_from_slice(line);
        self.scan();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.escaped_break || self.open.iter().any(|level| *level > 0)
    }

    pub(crate) fn take_text(self) -> Vec<u8> {
        self.text
    }

    fn scan(&mut self) {
        let mut at = self.scanned;
        while let Some(&byte) = self.text.get(at) {
            let next = self.text.get(at + 1).copied();
            match byte {
                // What it protects is known only when the next line is there.
                b'\\' if next.is_none() => break,
                b'\\' => {
                    self.escaped_break |= next == Some(b'\n');
                    at += 1;
                }
                b'\n' => self.escaped_break = false,
                b'%' => {
                    if let Some(level) = next.and_then(opening).and_then(|kind| self.open.get_mut(kind)) {
                        *level += 1;
                        at += 1;
                    } else if next == Some(b'%') {
                        at += 1;
                    }
                }
                _ => self.plain_bracket(byte),
            }
            at += 1;
        }
        self.scanned = at;
    }

    fn plain_bracket(&mut self, byte: u8) {
        if let Some(level) = opening(byte).and_then(|kind| self.open.get_mut(kind)) {
            if *level > 0 {
                *level += 1;
            }
        } else if let Some(level) = closing(byte).and_then(|kind| self.open.get_mut(kind)) {
            *level = level.saturating_sub(1);
        }
    }
}

fn opening(byte: u8) -> Option<usize> {
    b"{([".iter().position(|bracket| *bracket == byte)
}

fn closing(byte: u8) -> Option<usize> {
    b"})]".iter().position(|bracket| *bracket == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_starts_with_a_lone_test() {
        for line in ["%{?x:", "  %{!?x:  ", "%{-a:", "%{?!abc_1:"] {
            assert!(starts_block(line.as_bytes()), "{line}");
        }
        for line in ["%{?x:a", "%{?:", "%{?x", "x %{?x:", "%{?x:}"] {
            assert!(!starts_block(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_block_is_open_until_its_brackets_close() {
        let mut scan = BlockScan::start(b"%{?x:");
        scan.add_line(b"a {b");
        assert!(scan.is_open());
        scan.add_line(b"}");
        assert!(scan.is_open());
        scan.add_line(b"}\\");
        assert!(!scan.is_open());
        assert_eq!(scan.take_text(), b"%{?x:\na {b\n}\n}\\");
    }

    #[test]
    fn an_escaped_line_break_in_front_of_the_end_asks_for_one_line_more() {
        let mut scan = BlockScan::start(b"%{?x:");
        scan.add_line(b"a \\");
        scan.add_line(b"}");
        assert!(scan.is_open());
        scan.add_line(b"b");
        assert!(!scan.is_open());
    }
}
