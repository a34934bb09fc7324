//! Finding macro tokens in a text.

use crate::text::{find_byte, is_space, is_word};

/// What kind of token begins at a `%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// `%%`
    Percent,
    /// `%(`
    Shell,
    /// `%[`
    Expression,
    /// `%name`, `%?name`, `%*`, `%#`; the range is everything behind the `%`.
    Bare,
    /// `%{…}`; the range is the inside.
    Braced,
}

/// A token: where it is, and the range its name and data are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) inside: (usize, usize),
}

/// The first token at or behind `from`.
///
/// `brace_hint` remembers where the next `}` is, so that many unclosed `%{` do not each search the whole rest.
pub(crate) fn next_token(text: &[u8], from: usize, brace_hint: &mut BraceHint) -> Option<Token> {
    let mut at = from;
    loop {
        let start = find_byte(text, at, b'%')?;
        if let Some(token) = token_at(text, start, brace_hint) {
            return Some(token);
        }
        at = start + 1;
    }
}

/// The position of the next `}`, remembered between searches in one text.
#[derive(Debug, Default)]
pub(crate) struct BraceHint {
    /// There is no `}` in front of this position that was not passed already.
    next: Option<Option<usize>>,
}

impl BraceHint {
    fn next_brace(&mut self, text: &[u8], from: usize) -> Option<usize> {
        match self.next {
            Some(None) => None,
            Some(Some(position)) if position >= from => Some(position),
            _ => {
                let found = find_byte(text, from, b'}');
                self.next = Some(found);
                found
            }
        }
    }
}

fn token_at(text: &[u8], start: usize, brace_hint: &mut BraceHint) -> Option<Token> {
    let behind = start + 1;
    let (kind, end, inside) = match *text.get(behind)? {
        b'{' => {
            let (inside_end, end) = braced_end(text, behind, brace_hint)?;
            (TokenKind::Braced, end, (behind + 1, inside_end))
        }
        b'%' => (TokenKind::Percent, behind + 1, (behind, behind)),
        b'(' => (TokenKind::Shell, behind + 1, (behind, behind)),
        b'[' => (TokenKind::Expression, behind + 1, (behind, behind)),
        b'#' => (TokenKind::Bare, behind + 1, (behind, behind + 1)),
        b'*' => {
            let end = behind + 1 + usize::from(text.get(behind + 1) == Some(&b'*'));
            (TokenKind::Bare, end, (behind, end))
        }
        _ => {
            let end = bare_end(text, behind)?;
            (TokenKind::Bare, end, (behind, end))
        }
    };
    Some(Token { kind, start, end, inside })
}

/// The end of `[?!]*name`, if there is a name.
fn bare_end(text: &[u8], behind: usize) -> Option<usize> {
    let rest = text.get(behind..)?;
    let tests = rest.iter().take_while(|byte| matches!(byte, b'?' | b'!')).count();
    let name = rest.get(tests..)?.iter().take_while(|byte| is_word(**byte)).count();
    (name > 0).then_some(behind + tests + name)
}

/// The end of the inside of `{…}` and the end of the token, for the brace at `open`.
///
/// The inside has at least one character and ends at the first `}`. Only if it contains `{` or `\` the braces are
/// counted, and if they do not balance the token takes the whole rest, of which a `}` at the end is not part of the inside.
fn braced_end(text: &[u8], open: usize, brace_hint: &mut BraceHint) -> Option<(usize, usize)> {
    let first_close = brace_hint.next_brace(text, open + 1)?;
    if first_close == open + 1 {
        return None;
    }
    let inside = text.get(open + 1..first_close)?;
    if !inside.iter().any(|byte| matches!(byte, b'{' | b'\\')) {
        return Some((first_close, first_close + 1));
    }
    match balanced_end(text, open, b'{', b'}') {
        Some(end) => Some((end - 1, end)),
        None if text.last() == Some(&b'}') => Some((text.len() - 1, text.len())),
        None => Some((text.len(), text.len())),
    }
}

/// The offset behind the bracket that closes the one at `open`; `\` protects the next character.
pub(crate) fn balanced_end(text: &[u8], open: usize, opening: u8, closing: u8) -> Option<usize> {
    let mut level = 0_usize;
    let mut at = open;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' {
            at += 1;
        } else if byte == opening {
            level += 1;
        } else if byte == closing {
            level = level.saturating_sub(1);
            if level == 0 {
                return Some(at + 1);
            }
        }
        at += 1;
    }
    None
}

/// The test in front of a macro name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    None,
    IfDefined,
    IfUndefined,
}

/// A name with its test, and what follows it inside braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) test: Test,
    pub(crate) name: &'a [u8],
    /// Text behind `:`.
    pub(crate) alternative: Option<&'a [u8]>,
    /// Text behind the name, whichever the separator was.
    pub(crate) data: &'a [u8],
}

/// Takes the inside of a token apart.
pub(crate) fn parts(inside: &[u8], braced: bool) -> Parts<'_> {
    let name_len = if braced {
        inside.iter().take_while(|byte| **byte != b':' && !is_space(**byte)).count()
    } else {
        inside.len()
    };
    let full_name = inside.get(..name_len).unwrap_or_default();
    let data = inside.get(name_len + 1..).unwrap_or_default();
    let alternative = (inside.get(name_len) == Some(&b':')).then_some(data);
    let test = match full_name {
        [b'!', b'?', ..] | [b'?', b'!', ..] => Test::IfUndefined,
        [b'?' | b'-', ..] => Test::IfDefined,
        _ => Test::None,
    };
    let tests = full_name.iter().take_while(|byte| matches!(byte, b'?' | b'!')).count();
    Parts { test, name: full_name.get(tests..).unwrap_or_default(), alternative, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insides(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut at = 0;
        let mut hint = BraceHint::default();
        while let Some(token) = next_token(text.as_bytes(), at, &mut hint) {
            found.push(text[token.inside.0..token.inside.1].to_owned());
            at = token.end;
        }
        found
    }

    #[test]
    fn what_is_no_token_stays_text() {
        for text in ["%", "% x", "%{}", "%{x", "%-x", "%?", "%.", "%ä", "%{"] {
            assert!(insides(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn braces_are_counted_only_when_needed() {
        assert_eq!(insides("%{a}%{b{c}d}e%{f\\}g}"), ["a", "b{c}d", "f\\}g"]);
        assert_eq!(insides("%{?t:{}"), ["?t:{"]);
        assert_eq!(insides("%{?t:{} x"), ["?t:{} x"]);
    }

    #[test]
    fn tests_are_told_by_the_first_characters() {
        assert_eq!(parts(b"?!n", false).test, Test::IfUndefined);
        assert_eq!(parts(b"!!?n:x", true).test, Test::None);
        assert_eq!(
            parts(b"-a:text", true),
            Parts { test: Test::IfDefined, name: b"-a", alternative: Some(b"text"), data: b"text" }
        );
        assert_eq!(parts(b"?t :x", true).alternative, None);
    }
}
