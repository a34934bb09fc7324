//! The exact place of an error in a line.
//!
//! The evaluation sees an expression only after its macros are expanded, so its messages have no place in the text. Here
//! the expression is walked as it is written, with macros as operands. What cannot be told for sure has the place of
//! the whole expression. [`of_error`] is the function to read first.

use std::ops::Range;

use crate::condition::{Branch, ConditionKind, find_condition};
use crate::expr::lexer::{function_name_end, mixed_end, mixed_string_end, word_end};
use crate::macros::token::balanced_end;
use crate::text::{find, find_byte, is_space, is_word, trim, trim_start};

/// Longer lines are not walked; a hostile line could have many errors.
const MAX_BYTES: usize = 4096;

/// The part of a line a message is about; without a better answer the line without the white space around it.
///
/// `undefined` are the macros of the line that are used without a test but are not defined.
pub(crate) fn of_error(line: &[u8], message: &str, undefined: &[&[u8]]) -> Range<usize> {
    if line.len() > MAX_BYTES {
        return trimmed(line, 0..line.len());
    }
    if let Some(range) = of_macro(line, message) {
        return range;
    }
    let Some(range) = expression(line).or_else(|| value_form(line)) else {
        return only_macro(line).unwrap_or_else(|| trimmed(line, 0..line.len()));
    };
    let Some(text) = line.get(range.clone()).filter(|text| !text.is_empty()) else {
        return trimmed(line, 0..line.len());
    };
    match in_expression(text, message, undefined) {
        Some(found) => range.start + found.start..range.start + found.end,
        None => range,
    }
}

/// The expression of a line that is an `%if` or `%elif`, without the white space around it.
pub(super) fn expression(line: &[u8]) -> Option<Range<usize>> {
    let start = match Branch::of_line(line) {
        Some(Branch::Elif(position)) => {
            let end = word_end(line, position);
            (line.get(position..end) == Some(b"elif")).then_some(end)?
        }
        _ => {
            let condition = find_condition(line).filter(|condition| condition.kind == ConditionKind::If)?;
            line.len() - condition.text.len()
        }
    };
    Some(trimmed(line, start..line.len()))
}

/// Whether the expression of a line has a macro; of a line without one, whether that has a macro.
pub(crate) fn has_macro(line: &[u8]) -> bool {
    let range = expression(line).or_else(|| value_form(line)).unwrap_or(0..line.len());
    line.get(range).is_some_and(|text| text.contains(&b'%'))
}

/// The inside of the first `%[…]` of a line.
fn value_form(line: &[u8]) -> Option<Range<usize>> {
    let open = find(line, 0, b"%[")? + 1;
    let end = balanced_end(line, open, b'[', b']').map_or(line.len(), |end| end - 1);
    Some(trimmed(line, open + 1..end))
}

fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let text = line.get(range.clone()).unwrap_or_default();
    let start = range.start + text.len() - trim_start(text).len();
    start..start + trim(text).len()
}

/// The place of a message that names a macro.
fn of_macro(line: &[u8], message: &str) -> Option<Range<usize>> {
    if message == "cannot expand %(...)" {
        let start = find(line, 0, b"%(")?;
        return Some(start..balanced_end(line, start + 1, b'(', b')').unwrap_or(line.len()));
    }
    let name = message.strip_prefix("unsupported builtin macro %")?;
    word(line, name.as_bytes(), |before| matches!(before, Some(b'%' | b'{')))
}

/// The one macro of a line that has no other.
fn only_macro(line: &[u8]) -> Option<Range<usize>> {
    let start = find_byte(line, 0, b'%')?;
    let end = mixed_end(line, start);
    find_byte(line, end, b'%').is_none().then_some(start..end)
}

/// The first place of a whole word behind a byte that fits.
fn word(text: &[u8], name: &[u8], fits: impl Fn(Option<u8>) -> bool) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let start = find(text, at, name)?;
        let end = start + name.len();
        let before = start.checked_sub(1).and_then(|before| text.get(before)).copied();
        if fits(before) && !text.get(end).is_some_and(|byte| is_word(*byte)) {
            return Some(start..end);
        }
        at = start + 1;
    }
}

fn in_expression(text: &[u8], message: &str, undefined: &[&[u8]]) -> Option<Range<usize>> {
    let tokens = tokens(text);
    if message == "division by zero" {
        return divisor(text, &tokens);
    }
    if let Some(rest) = message.strip_prefix("argument of ") {
        return argument(text, &tokens, rest.as_bytes().first().copied()?);
    }
    if message.starts_with("unsupported ") {
        let name = message.rsplit(' ').next()?;
        return word(text, name.as_bytes(), |before| !before.is_some_and(is_word));
    }
    if !message.starts_with("syntax error") && !message.starts_with("unmatched") {
        return None;
    }
    let is_test = |before| matches!(before, Some(b'%' | b'{'));
    let missing = || undefined.iter().find_map(|name| word(text, name, is_test));
    fault(&tokens).or_else(missing).or_else(|| may_be_empty(text, &tokens))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A quoted text or a bare word.
    Text,
    /// Digits and macros.
    Number,
    /// An operator between two operands.
    Binary,
    /// `-`, which may also stand in front of an operand.
    Minus,
    /// `!`
    Not,
    /// `(`, with the name of the function in front of it, if there is one.
    Open,
    Close,
    Question,
    Colon,
    Comma,
    /// What belongs nowhere.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

impl Token {
    const fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if is_space(byte) {
            at += 1;
            continue;
        }
        let (kind, end) = token(text, at, byte);
        // Broken quotes and macros may reach behind the end.
        let end = end.clamp(at + 1, text.len());
        tokens.push(Token { kind, start: at, end });
        at = end;
    }
    tokens
}

fn token(text: &[u8], at: usize, byte: u8) -> (Kind, usize) {
    let second = text.get(at + 1).copied();
    match byte {
        b'&' | b'|' | b'=' if second == Some(byte) => (Kind::Binary, at + 2),
        b'!' | b'<' | b'>' if second == Some(b'=') => (Kind::Binary, at + 2),
        b'<' | b'>' | b'+' | b'*' | b'/' => (Kind::Binary, at + 1),
        b'-' => (Kind::Minus, at + 1),
        b'!' => (Kind::Not, at + 1),
        b'(' => (Kind::Open, at + 1),
        b')' => (Kind::Close, at + 1),
        b'?' => (Kind::Question, at + 1),
        b':' => (Kind::Colon, at + 1),
        b',' => (Kind::Comma, at + 1),
        b'"' => quoted(text, at + 1),
        b'v' if second == Some(b'"') => quoted(text, at + 2),
        b'%' | b'0'..=b'9' => number(text, at),
        _ if byte == b'_' || byte.is_ascii_alphabetic() => match function_name_end(text, at) {
            Some(end) => (Kind::Open, end + 1),
            None if byte == b'_' => (Kind::Other, word_end(text, at)),
            None => (Kind::Text, macros_and_words_end(text, word_end(text, at))),
        },
        _ => (Kind::Other, at + 1 + text.iter().skip(at + 1).take_while(|byte| !byte.is_ascii()).count()),
    }
}

fn quoted(text: &[u8], inside: usize) -> (Kind, usize) {
    let end = mixed_string_end(text, inside);
    if text.get(end) == Some(&b'"') { (Kind::Text, end + 1) } else { (Kind::Other, text.len()) }
}

/// Digits and macros; letters behind a macro may be part of what it begins.
fn number(text: &[u8], at: usize) -> (Kind, usize) {
    let end = mixed_end(text, at).max(at + 1);
    let has_macro = text.get(at..end).is_some_and(|text| text.contains(&b'%'));
    (Kind::Number, if has_macro { macros_and_words_end(text, end) } else { end })
}

fn macros_and_words_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let end = mixed_end(text, word_end(text, at));
        if end <= at {
            return at;
        }
        at = end;
    }
}

/// The first token that cannot stand where it stands.
fn fault(tokens: &[Token]) -> Option<Range<usize>> {
    let mut open: Vec<&Token> = Vec::new();
    let mut needs_operand = true;
    let mut last = None;
    for token in tokens {
        let top = open.last().map(|token| token.kind);
        let in_function = open.last().is_some_and(|token| token.kind == Kind::Open && token.end - token.start > 1);
        match (needs_operand, token.kind) {
            (true, Kind::Not | Kind::Minus) => {}
            (true, Kind::Text | Kind::Number) => needs_operand = false,
            (true, Kind::Open) => open.push(token),
            (true, Kind::Close) if in_function => {
                open.pop();
                needs_operand = false;
            }
            (false, Kind::Binary | Kind::Minus) => needs_operand = true,
            (false, Kind::Question) => {
                open.push(token);
                needs_operand = true;
            }
            (false, Kind::Colon) if top == Some(Kind::Question) => {
                open.pop();
                needs_operand = true;
            }
            (false, Kind::Comma) if in_function => needs_operand = true,
            (false, Kind::Close) if top == Some(Kind::Open) => {
                open.pop();
            }
            (false, Kind::Close) if top == Some(Kind::Question) => return open.last().map(|token| token.range()),
            _ => return Some(token.range()),
        }
        last = Some(token);
    }
    if needs_operand { last.map(Token::range) } else { open.last().map(|token| token.range()) }
}

/// The operand behind the `/` that must be the one that divided by zero.
fn divisor(text: &[u8], tokens: &[Token]) -> Option<Range<usize>> {
    let mut zero = Vec::new();
    let mut unknown = Vec::new();
    for (index, _) in tokens.iter().enumerate().filter(|(_, token)| text.get(token.start) == Some(&b'/')) {
        let operand = tokens.get(index + 1..).unwrap_or_default();
        let Some(range) = operand_range(operand) else { continue };
        let written = text.get(range.clone()).unwrap_or_default();
        if written.iter().all(|byte| *byte == b'0') {
            zero.push(range);
        } else if !written.iter().all(u8::is_ascii_digit) {
            unknown.push(range);
        }
    }
    match (&zero[..], &unknown[..]) {
        ([only], _) | ([], [only]) => Some(only.clone()),
        _ => None,
    }
}

/// The first operand of some tokens, its signs and brackets included.
fn operand_range(tokens: &[Token]) -> Option<Range<usize>> {
    let start = tokens.first()?.start;
    let mut level = 0_usize;
    for token in tokens {
        match token.kind {
            Kind::Open => level += 1,
            Kind::Close => level = level.checked_sub(1)?,
            _ => {}
        }
        if level == 0 && !matches!(token.kind, Kind::Not | Kind::Minus) {
            return Some(start..token.end);
        }
    }
    None
}

/// A text beside an operator that takes numbers only, or the operator if there is just one.
fn argument(text: &[u8], tokens: &[Token], operator: u8) -> Option<Range<usize>> {
    let is_operator = |token: &Token| token.end == token.start + 1 && text.get(token.start) == Some(&operator);
    let mut places = tokens.iter().enumerate().filter(|(_, token)| is_operator(token)).map(|(index, _)| index);
    let beside = |index: usize| {
        let left = index.checked_sub(1).and_then(|left| tokens.get(left));
        let texts = [left, tokens.get(index + 1)].into_iter().flatten();
        texts.filter(|token| token.kind == Kind::Text).map(Token::range).next()
    };
    if let Some(found) = places.clone().find_map(beside) {
        return Some(found);
    }
    let first = tokens.get(places.next()?)?;
    places.next().is_none().then(|| first.range())
}

/// An operand that is nothing but a macro that may be empty, such as `%{?name}`.
fn may_be_empty(text: &[u8], tokens: &[Token]) -> Option<Range<usize>> {
    let is_tested = |token: &&Token| {
        let written = text.get(token.range()).unwrap_or_default();
        let inside = written.strip_prefix(b"%{").or_else(|| written.strip_prefix(b"%"));
        inside.is_some_and(|inside| inside.starts_with(b"?") || inside.starts_with(b"!?"))
    };
    tokens.iter().filter(|token| token.kind == Kind::Number).find(is_tested).map(Token::range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(line: &'a str, message: &str, undefined: &[&str]) -> &'a str {
        let undefined: Vec<&[u8]> = undefined.iter().map(|name| name.as_bytes()).collect();
        &line[of_error(line.as_bytes(), message, &undefined)]
    }

    #[test]
    fn a_syntax_error_is_where_the_expression_can_not_go_on() {
        for (line, marked) in [
            ("%if 1 +", "+"),
            ("%if 1 == == 2", "=="),
            ("  %if > 1500  ", ">"),
            ("%if 0%{?suse_version} 15", "15"),
            ("%if 15sp1 > 0", "sp1"),
            ("%if 1.5 > 1", "."),
            ("%if \"a\" == \"b", "\"b"),
            ("%if _x", "_x"),
            ("%if (1 + 2", "("),
            ("%if 1 + 2)", ")"),
            ("%if (1 2)", "2"),
            ("%if 1 ? 2", "?"),
            ("%if (1 ? 2)", "?"),
            ("%if 1 : 2", ":"),
            ("%if 0%{?a} = 1", "="),
            ("%if 0%{?a} & 0%{?b}", "&"),
            ("%if 1 not 2", "not"),
            ("%if !", "!"),
            ("%if lua:string.len(\"a\"", "lua:string.len("),
            ("%if 1 ä 2", "ä"),
            ("%if", "%if"),
            (" %elif 1 +\r", "+"),
            ("Prefer: %[1 +]x", "+"),
            ("Prefer: %[1 +", "+"),
        ] {
            assert_eq!(place(line, "syntax error in expression", &[]), marked, "{line}");
        }
    }

    #[test]
    fn what_is_right_as_written_is_wrong_by_its_macros() {
        let syntax = "syntax error in expression";
        assert_eq!(place("%if 1 && %foo > 2", syntax, &["foo"]), "foo");
        assert_eq!(place("%if 1 && %{?foo} > 2", syntax, &[]), "%{?foo}");
        assert_eq!(place("%if 1 && %foo > 2", syntax, &[]), "1 && %foo > 2");
        assert_eq!(place("%if -(1 ? !2 : f(), 3)", syntax, &[]), ",");
    }

    #[test]
    fn other_errors_have_the_operand_they_are_about() {
        for (line, message, marked) in [
            ("%if 1 / %n", "division by zero", "%n"),
            ("%if 8 / 2 / 0 == 1", "division by zero", "0"),
            ("%if 1 / (%n - 1) > 2", "division by zero", "(%n - 1)"),
            ("%if 1 / %n / %m", "division by zero", "1 / %n / %m"),
            ("%if \"a\" * 2 > 1", "argument of * is not a number", "\"a\""),
            ("%if 1 + 2 - vim", "argument of - is not a number", "vim"),
            ("%if %a * %b", "argument of * is not a number", "*"),
            ("%if 1 + foo(2)", "unsupported expression function foo", "foo"),
            ("%if lua:string.fo(2)", "unsupported lua macro fo", "fo"),
            ("%if 1 == %(date)", "cannot expand %(...)", "%(date)"),
            ("Prefer: %{load:x} y", "unsupported builtin macro %load", "load"),
            ("Prefer: %{a} y", "macro too deeply nested", "%{a}"),
            ("Prefer: %{a} %b ", "macro too deeply nested", "Prefer: %{a} %b"),
        ] {
            assert_eq!(place(line, message, &[]), marked, "{line}");
        }
    }
}
