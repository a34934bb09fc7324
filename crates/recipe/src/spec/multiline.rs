//! Lines that go on: continued defines and macros whose brackets are still open.

/// White space of the language: ASCII only.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// A character of macro names.
pub(super) fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The text behind `word` if that is what a line starts with, blanks apart, and no longer word does.
pub(super) fn behind_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.trim_start_matches(is_space).strip_prefix(word)?;
    (!rest.starts_with(is_word)).then_some(rest)
}

/// Whether a line is a `%define` or `%global`, which a `\` at its end continues.
pub(super) fn starts_define(line: &str) -> bool {
    ["%define", "%global"].iter().any(|word| behind_word(line, word).is_some_and(|rest| rest.starts_with(is_space)))
}

/// Counts the brackets of macros while lines come in.
///
/// Rule: rpm's `copyNextLineFromOFI`: `%{`, `%(` and `%[` open a level of their kind, and while it is open plain brackets
/// of the kind count too; a backslash protects one character.
#[derive(Debug, Default)]
pub(super) struct OpenMacros {
    open: [u32; 3],
}

const OPENING: &[u8; 3] = b"{([";
const CLOSING: &[u8; 3] = b"})]";

impl OpenMacros {
    /// Takes in a line, without its line feed; true if it needs another.
    pub(super) fn add_line(&mut self, line: &str) -> bool {
        let bytes = line.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let next = bytes.get(at + 1).copied();
            match byte {
                b'\\' => at += 1,
                b'%' => {
                    if let Some(level) = level(OPENING, next).and_then(|kind| self.open.get_mut(kind)) {
                        *level = level.saturating_add(1);
                        at += 1;
                    } else if next == Some(b'%') {
                        at += 1;
                    }
                }
                _ => self.plain(byte),
            }
            at += 1;
        }
        self.open.iter().any(|level| *level > 0)
    }

    fn plain(&mut self, byte: u8) {
        if let Some(level) = level(OPENING, Some(byte)).and_then(|kind| self.open.get_mut(kind)) {
            if *level > 0 {
                *level = level.saturating_add(1);
            }
        } else if let Some(level) = level(CLOSING, Some(byte)).and_then(|kind| self.open.get_mut(kind)) {
            *level = level.saturating_sub(1);
        }
    }
}

fn level(brackets: &[u8; 3], byte: Option<u8>) -> Option<usize> {
    brackets.iter().position(|bracket| Some(*bracket) == byte)
}

/// Whether a line may open a macro; most do not, and need no counting.
pub(super) fn may_open(line: &str) -> bool {
    line.contains("%{") || line.contains("%(") || line.contains("%[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_is_open_until_its_brackets_close() {
        let mut open = OpenMacros::default();
        assert!(open.add_line("%{?x:"));
        assert!(open.add_line("a {b"));
        assert!(open.add_line("}"));
        assert!(open.add_line("\\}"));
        assert!(!open.add_line("} \\"));
        assert!(!OpenMacros::default().add_line("%%{ 100%"));
        assert!(!OpenMacros::default().add_line("%{a}%(b c)%[1] {"));
    }

    #[test]
    fn defines_are_told_by_their_first_word() {
        assert!(starts_define("  %define x") && starts_define("%global\tx"));
        assert!(!starts_define("%defined x") && !starts_define("%global") && !starts_define("x %define x"));
    }
}
