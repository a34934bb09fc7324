//! The built-in macros.

use super::expand::Expander;
use super::strings::StringFunction;
use super::table::Macro;
use crate::expr;

/// A built-in macro. `define`, `global` and `dnl` are handled where tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    Defined,
    Undefined,
    With,
    Without,
    Bcond,
    BcondWith,
    BcondWithout,
    BcondOverrideDefault,
    Expr,
    Basename,
    Dirname,
    Suffix,
    Shrink,
    Span,
    Expand,
    Quote,
    Load,
    String(StringFunction),
}

impl Builtin {
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"defined" => Self::Defined,
            b"undefined" => Self::Undefined,
            b"with" => Self::With,
            b"without" => Self::Without,
            b"bcond" => Self::Bcond,
            b"bcond_with" => Self::BcondWith,
            b"bcond_without" => Self::BcondWithout,
            b"bcond_override_default" => Self::BcondOverrideDefault,
            b"expr" => Self::Expr,
            b"basename" => Self::Basename,
            b"dirname" => Self::Dirname,
            b"suffix" => Self::Suffix,
            b"shrink" => Self::Shrink,
            b"span" => Self::Span,
            b"expand" => Self::Expand,
            b"quote" => Self::Quote,
            b"load" => Self::Load,
            _ => return StringFunction::from_name(name).map(Self::String),
        })
    }

    /// Appends the result for some arguments.
    pub(crate) fn call(self, arguments: &[Vec<u8>], expander: &mut Expander<'_>, out: &mut Vec<u8>) {
        let first = arguments.first().map(Vec::as_slice).unwrap_or_default();
        match self {
            Self::Defined => push_flag(expander.table.is_defined(first), out),
            Self::Undefined => push_flag(!expander.table.is_defined(first), out),
            Self::With => push_flag(expander.table.is_defined(&[b"with_", first].concat()), out),
            Self::Without => push_flag(!expander.table.is_defined(&[b"with_", first].concat()), out),
            Self::Bcond => bcond(first, is_on(arguments.get(1)), expander),
            Self::BcondWith => bcond(first, false, expander),
            Self::BcondWithout => bcond(first, true, expander),
            Self::BcondOverrideDefault => {
                let value = arguments.get(1).map(Vec::as_slice).unwrap_or_default();
                expander.table.define(&[b"bcond_override_default_", first].concat(), Macro::plain(value));
            }
            Self::Expr => out.extend_from_slice(&expr::evaluate_to_text(first, expander)),
            Self::Basename => out.extend_from_slice(split_last(first, b'/').map_or(first, |(_, behind)| behind)),
            Self::Dirname => out.extend_from_slice(split_last(first, b'/').map_or(first, |(front, _)| front)),
            Self::Suffix => out.extend_from_slice(split_last(first, b'.').map_or(&[], |(_, behind)| behind)),
            Self::Shrink => out.extend_from_slice(&shrink(first)),
            Self::Span | Self::Expand => out.extend_from_slice(first),
            Self::Quote => quote(arguments, expander.is_quoting, out),
            Self::Load => expander.error("unsupported builtin macro %load"),
            Self::String(function) => {
                let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
                function.call(&arguments, expander, out);
            }
        }
    }
}

/// The words, joined. While the arguments of a macro are collected, their blanks are written so that they do not split.
fn quote(words: &[Vec<u8>], is_quoting: bool, out: &mut Vec<u8>) {
    let no_word = [Vec::new()];
    let words = if words.is_empty() { no_word.as_slice() } else { words };
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        match word.as_slice() {
            b"" if is_quoting => out.extend_from_slice(b"\x1f00"),
            word => {
                for &byte in word {
                    match byte {
                        b' ' if is_quoting => out.extend_from_slice(b"\x1f20"),
                        b'\t' if is_quoting => out.extend_from_slice(b"\x1f09"),
                        _ => out.push(byte),
                    }
                }
            }
        }
    }
}

/// Undoes what [`quote`] wrote in place of blanks.
pub(crate) fn unquote(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|code| byte == 0x1f && code.iter().all(|digit| is_upper_hex(*digit)));
        match code.map(|code| u8::from_str_radix(&String::from_utf8_lossy(code), 16).unwrap_or_default()) {
            None => {
                plain.push(byte);
                rest = tail;
            }
            Some(coded) => {
                plain.extend((coded != 0).then_some(coded));
                rest = tail.get(2..).unwrap_or_default();
            }
        }
    }
    plain
}

fn is_upper_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

fn push_flag(value: bool, out: &mut Vec<u8>) {
    out.push(if value { b'1' } else { b'0' });
}

/// Perl's truth of an argument: missing, empty and `0` are false.
fn is_on(argument: Option<&Vec<u8>>) -> bool {
    argument.is_some_and(|value| !value.is_empty() && value != b"0")
}

/// Defines `with_NAME` as the default, an override of the default and the user's choice say.
fn bcond(name: &[u8], default: bool, expander: &mut Expander<'_>) {
    let replaced = expander.table.look_up(&[b"bcond_override_default_", name].concat());
    let replaced = replaced.map(|found| expander.expand_inner(found.body.bytes())).unwrap_or_default();
    let default = if replaced.is_empty() { default } else { is_on(Some(&replaced)) };
    let on = if default {
        !expander.table.is_defined(&[b"_without_", name].concat())
    } else {
        expander.table.is_defined(&[b"_with_", name].concat())
    };
    if on {
        expander.table.define(&[b"with_", name].concat(), Macro::plain(b"1"));
    }
}

fn split_last(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().rposition(|byte| *byte == separator)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}

/// Makes one blank of each run of blanks and TABs and takes one away at each end.
fn shrink(text: &[u8]) -> Vec<u8> {
    let mut shrunk: Vec<u8> = Vec::with_capacity(text.len());
    let mut in_run = false;
    for &byte in text {
        let blank = matches!(byte, b' ' | b'\t');
        if !blank {
            shrunk.push(byte);
        } else if !in_run && !shrunk.is_empty() {
            shrunk.push(b' ');
        }
        in_run = blank;
    }
    if in_run && shrunk.last() == Some(&b' ') {
        shrunk.pop();
    }
    shrunk
}
