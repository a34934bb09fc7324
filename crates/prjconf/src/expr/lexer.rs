//! The operands of expressions, as pieces of text.

use crate::macros::token::balanced_end;
use crate::text::{find_byte, is_word};

/// The end of a run of digits.
pub(crate) fn digits_end(text: &[u8], from: usize) -> usize {
    from + text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count()
}

/// The end of an operand of the value form that mixes digits and macros.
pub(crate) fn mixed_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = match text.get(at) {
            Some(b'0'..=b'9') => digits_end(text, at),
            Some(b'%') => macro_end(text, at),
            _ => return at,
        };
    }
}

/// The end of the macro token that begins with the `%` at `start`.
///
/// A `%[` reaches to the end of the text, like everywhere in this language.
fn macro_end(text: &[u8], start: usize) -> usize {
    let behind = start + 1;
    let to_close = |opening, closing| balanced_end(text, behind, opening, closing).unwrap_or(text.len());
    match text.get(behind) {
        Some(b'{') => to_close(b'{', b'}'),
        Some(b'(') => to_close(b'(', b')'),
        Some(b'[') => text.len(),
        Some(b'%') => behind + 1,
        _ => {
            let rest = text.get(behind..).unwrap_or_default();
            let mut len = rest.iter().take_while(|byte| matches!(byte, b'?' | b'!')).count();
            len += usize::from(rest.get(len) == Some(&b'-'));
            len += rest.iter().skip(len).take_while(|byte| is_word(**byte)).count();
            behind + len + usize::from(matches!(rest.get(len), Some(b'*' | b'#')))
        }
    }
}

/// The end of a bare word that begins at `from`.
pub(crate) fn word_end(text: &[u8], from: usize) -> usize {
    from + text.iter().skip(from).take_while(|byte| is_word(**byte)).count()
}

/// The end of a function name, if one with its parenthesis begins at `from`.
pub(crate) fn function_name_end(text: &[u8], from: usize) -> Option<usize> {
    let part_of_name = |byte: &&u8| is_word(**byte) || matches!(byte, b':' | b'.');
    let end = from + text.iter().skip(from).take_while(part_of_name).count();
    (text.get(end) == Some(&b'(')).then_some(end)
}

/// The end of the text of a string of the value form that begins at `from`: a `"` outside of macros, or the end.
pub(crate) fn mixed_string_end(text: &[u8], from: usize) -> usize {
    let mut at = from.min(text.len());
    loop {
        at = match text.get(at) {
            None | Some(b'"') => return at,
            Some(b'%') => macro_end(text, at),
            Some(_) => at + 1,
        };
    }
}

/// The end of the text of a string that begins at `from`: the next `"`.
pub(crate) fn string_end(text: &[u8], from: usize) -> Option<usize> {
    find_byte(text, from, b'"')
}
