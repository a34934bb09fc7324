//! One line of a log as text to look at. What steers a terminal is left out, what hides or turns text is shown as a sign.

use crate::pages::html::hides;

/// Most characters of a line that are shown.
const LONGEST: usize = 4000;

/// Cleans the bytes of one line, without its line feed.
///
/// A carriage return begins the line anew, as progress bars do it; a backspace takes a character away.
pub(super) fn clean(raw: &[u8]) -> String {
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    let start = raw.iter().rposition(|byte| *byte == b'\r').map_or(0, |place| place + 1);
    let text = String::from_utf8_lossy(raw.get(start..).unwrap_or_default());
    let mut cleaned = String::with_capacity(text.len());
    let mut count = 0_usize;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape(&mut characters),
            '\u{9b}' => skip_control_sequence(&mut characters),
            '\u{8}' => {
                cleaned.pop();
                count = count.saturating_sub(1);
            }
            _ if count >= LONGEST => {
                let more = characters.count() + 1;
                cleaned.push_str(&format!("… and {more} more characters"));
                return cleaned;
            }
            c => {
                cleaned.push(if hides(c) { '\u{fffd}' } else { c });
                count += 1;
            }
        }
    }
    cleaned
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Leaves out an escape sequence, behind its first character.
///
/// Rule: ECMA-48: control sequences end with `@` to `~`; strings end with BEL or ESC \; others have intermediate characters
/// and one final one.
fn skip_escape(characters: &mut Characters<'_>) {
    match characters.next() {
        Some('[') => skip_control_sequence(characters),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(character) = characters.next() {
                if character == '\u{7}' || character == '\u{9c}' {
                    return;
                }
                if character == '\u{1b}' {
                    characters.next_if_eq(&'\\');
                    return;
                }
            }
        }
        Some(' '..='/') => {
            while characters.next_if(|character| (' '..='/').contains(character)).is_some() {}
            characters.next();
        }
        _ => {}
    }
}

fn skip_control_sequence(characters: &mut Characters<'_>) {
    while characters.next_if(|character| (' '..='?').contains(character)).is_some() {}
    characters.next_if(|character| ('@'..='~').contains(character));
}

/// Texts that begin the bad news in the tools that builds use, in lower case.
const SIGNS: [&str; 17] = [
    "error:",
    "error[",
    "fatal:",
    "fatal error",
    "undefined reference",
    "cannot find -l",
    "traceback (most recent call last)",
    "panicked at",
    "segmentation fault",
    "build stopped:",
    "failed build dependencies",
    "nothing provides",
    "no rule to make target",
    "command not found",
    "*** [",
    "subprocess returned exit status",
    "bad exit status from",
];

/// Whether a line looks as if it said what went wrong.
pub(super) fn is_error(line: &str) -> bool {
    let lower = line.to_lowercase();
    let word = lower.starts_with("e: ") || lower.starts_with("not ok ") || lower.starts_with("failed:");
    word || SIGNS.iter().any(|sign| lower.contains(sign)) && !lower.contains("0 error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        clean(text.as_bytes())
    }

    #[test]
    fn what_steers_a_terminal_is_left_out() {
        assert_eq!(of("\u{1b}[1;31merror:\u{1b}[0m x"), "error: x");
        assert_eq!(of("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://evil\u{1b}\\c"), "abc");
        assert_eq!(of("a\u{1b}(Bb\u{1b}=c\u{1b}"), "abc");
        assert_eq!(of("\u{9b}31mred"), "red");
        assert_eq!(of("10%\r20%\r100% done\r"), "100% done");
        assert_eq!(of("ab\u{8}c"), "ac");
        assert_eq!(of("\u{8}\u{8}x"), "x");
    }

    #[test]
    fn what_hides_text_is_shown_and_bytes_that_are_no_text_too() {
        assert_eq!(of("a\u{0}b\u{202e}c\td"), "a\u{fffd}b\u{fffd}c\td");
        assert_eq!(clean(b"\xff\xfex"), "\u{fffd}\u{fffd}x");
        assert_eq!(of("<script>"), "<script>");
    }

    #[test]
    fn endless_lines_end() {
        let line = of(&"x".repeat(5000));
        assert!(line.ends_with("x… and 1000 more characters") && line.len() < 4100, "{}", line.len());
    }

    #[test]
    fn errors_are_told_from_talk_about_errors() {
        for bad in [
            "main.c:3:1: error: expected",
            "make: *** [all] Error 2",
            "E: nothing",
            "Traceback (most recent call last):",
        ] {
            assert!(is_error(bad), "{bad}");
        }
        for good in ["gcc -Werror -c x.c", "0 errors: none", "checking for error_at_line... yes", ""] {
            assert!(!is_error(good), "{good}");
        }
    }
}
