//! The string functions, which are built-in macros and functions of expressions (`lua:string.…`).

use super::expand::Expander;
use super::gsub;
use crate::expr::number::Number;

/// A string function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StringFunction {
    Gsub,
    Len,
    Lower,
    Upper,
    Rep,
    Reverse,
    Sub,
}

impl StringFunction {
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"gsub" => Self::Gsub,
            b"len" => Self::Len,
            b"lower" => Self::Lower,
            b"upper" => Self::Upper,
            b"rep" => Self::Rep,
            b"reverse" => Self::Reverse,
            b"sub" => Self::Sub,
            _ => return None,
        })
    }

    /// Appends the result for some arguments.
    pub(crate) fn call(self, arguments: &[&[u8]], expander: &mut Expander<'_>, out: &mut Vec<u8>) {
        let text = arguments.first().copied().unwrap_or_default();
        match self {
            Self::Gsub => substitute(arguments, expander, out),
            Self::Len => out.extend_from_slice(text.len().to_string().as_bytes()),
            Self::Lower => out.extend(text.iter().map(u8::to_ascii_lowercase)),
            Self::Upper => out.extend(text.iter().map(u8::to_ascii_uppercase)),
            Self::Rep => repeat(text, arguments.get(1).map_or(0, |count| integer(count)), expander, out),
            Self::Reverse => out.extend(text.iter().rev()),
            Self::Sub => {
                let first = arguments.get(1).map_or(1, |value| integer(value));
                let last = arguments.get(2).map_or(-1, |value| integer(value));
                out.extend_from_slice(part(text, first, last));
            }
        }
    }
}

/// The number a text starts with, as a whole number.
fn integer(text: &[u8]) -> i64 {
    Number::leading(text).to_integer()
}

fn repeat(text: &[u8], count: i64, expander: &mut Expander<'_>, out: &mut Vec<u8>) {
    let count = usize::try_from(count).unwrap_or(0);
    let Some(len) = text.len().checked_mul(count).filter(|len| *len <= expander.budget.max_text_bytes()) else {
        expander.error("macro expansion is too large");
        return;
    };
    if expander.budget.spend(len) {
        out.extend_from_slice(&text.repeat(count));
    }
}

/// The bytes `first` to `last`, counted from 1, from the end if negative; 0 counts as 1.
fn part(text: &[u8], first: i64, last: i64) -> &[u8] {
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let index = |position: i64| if position < 0 { len.saturating_add(position) } else { (position - 1).max(0) };
    let start = index(first).max(0);
    let end = index(last).saturating_add(1).min(len);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range.and_then(|(start, end)| text.get(start..end)).unwrap_or_default()
}

fn substitute(arguments: &[&[u8]], expander: &mut Expander<'_>, out: &mut Vec<u8>) {
    let [text, pattern, new, rest @ ..] = arguments else { return };
    let limit = match rest.first() {
        None => usize::MAX,
        Some(limit) => usize::try_from(integer(limit)).unwrap_or(0),
    };
    match gsub::replace(text, pattern, new, limit, expander.budget) {
        Ok(result) => out.extend_from_slice(&result),
        Err(message) => expander.error_bytes(message),
    }
}
