//! Bytes and text: the language is defined on bytes, its results are `String`s.
//!
//! [`decode`] maps any bytes to a `String` and [`encode`] maps that `String` back to the same bytes. Valid UTF-8 is
//! copied. Each byte that is not part of valid UTF-8 becomes one private-use character `U+EE00 + byte`
//! (`U+EE80`..=`U+EEFF`). So that the mapping stays reversible, the UTF-8 spelling of exactly these characters counts
//! as undecodable itself and becomes three such characters.

use std::borrow::Cow;
use std::fmt::Write as _;

use memchr::{memchr, memchr2};

/// First character of the private-use range that stands for undecodable bytes (byte 0x00 would be here).
const ESCAPE_BASE: u32 = 0xEE00;

/// Whether a byte separates words: space, TAB, LF, VT, FF or CR. Bytes from 0x80 on never do.
#[must_use]
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Whether a byte may be part of a macro name.
pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The text without white space at its start.
pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    let skipped = text.iter().take_while(|byte| is_space(**byte)).count();
    text.get(skipped..).unwrap_or_default()
}

/// The text without white space at its end.
pub(crate) fn trim_end(text: &[u8]) -> &[u8] {
    let dropped = text.iter().rev().take_while(|byte| is_space(**byte)).count();
    text.get(..text.len() - dropped).unwrap_or_default()
}

/// The text without white space at both ends.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text))
}

/// The words of a text, separated by any run of white space.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| is_space(*byte)).filter(|word| !word.is_empty())
}

/// The position of the first `needle` at or behind `from`.
#[inline]
pub(crate) fn find_byte(text: &[u8], from: usize, needle: u8) -> Option<usize> {
    memchr(needle, text.get(from..)?).map(|position| from + position)
}

/// Calls a function with the position of each line feed.
///
/// Lines are short: a search that starts anew for each one would spend its time in starting.
#[inline]
pub(crate) fn for_each_line_feed(text: &[u8], mut each: impl FnMut(usize)) {
    const LOW_SEVEN: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    const PATTERN: u64 = 0x0101_0101_0101_0101 * b'\n' as u64;
    let (chunks, rest) = text.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let different = u64::from_le_bytes(*chunk) ^ PATTERN;
        // The highest bit of each byte that is no different.
        let mut hits = !(((different & LOW_SEVEN) + LOW_SEVEN) | different | LOW_SEVEN);
        while hits != 0 {
            each(index * 8 + (hits.trailing_zeros() / 8) as usize);
            hits &= hits - 1;
        }
    }
    let behind_chunks = chunks.len() * 8;
    for (index, _) in rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        each(behind_chunks + index);
    }
}

/// The position of the first `%` or `@` at or behind `from`: what pass 3 may have to act on.
pub(crate) fn find_mark(text: &[u8], from: usize) -> Option<usize> {
    memchr2(b'%', b'@', text.get(from..)?).map(|position| from + position)
}

/// The length of the word a text starts with.
#[inline]
pub(crate) fn word_len(text: &[u8]) -> usize {
    // Bytes below 0x21 are looked at one by one; there are hardly any but white space.
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut from = 0;
    let mut tail = text;
    while let Some((chunk, behind)) = tail.split_first_chunk::<8>() {
        let value = u64::from_le_bytes(*chunk);
        let below = value.wrapping_sub(LOW * 0x21) & !value & HIGH;
        if below != 0 {
            from += (below.trailing_zeros() / 8) as usize;
            if text.get(from).is_some_and(|byte| is_space(*byte)) {
                return from;
            }
            break;
        }
        from += 8;
        tail = behind;
    }
    let rest = text.get(from..).unwrap_or_default();
    rest.iter().position(|byte| is_space(*byte)).map_or(text.len(), |position| from + position)
}

/// The position of the first occurrence of a text at or behind `from`.
pub(crate) fn find(text: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = from;
    while let Some(position) = find_byte(text, at, first) {
        if text.get(position..).is_some_and(|rest| rest.starts_with(needle)) {
            return Some(position);
        }
        at = position + 1;
    }
    None
}

/// Whether a text starts with `prefix` and no word character follows it.
pub(crate) fn starts_with_word(text: &[u8], prefix: &[u8]) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| !rest.first().is_some_and(|byte| is_word(*byte)))
}

/// Words joined by one blank.
pub(crate) fn join_words<'a>(words: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut joined = Vec::new();
    for (index, word) in words.enumerate() {
        if index > 0 {
            joined.push(b' ');
        }
        joined.extend_from_slice(word);
    }
    joined
}

/// Turns bytes of a configuration into a `String` without loss; see the module comment for the mapping.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    match plain_text(bytes) {
        Some(text) => text.to_owned(),
        None => decode_slowly(bytes),
    }
}

/// The text, if decoding it would copy it. The characters that decoding treats specially begin with byte 0xEE.
pub(crate) fn plain_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    find_byte(bytes, 0, 0xEE).is_none().then_some(text)
}

fn decode_slowly(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_escape(character) {
                let mut buffer = [0; 4];
                text.extend(character.encode_utf8(&mut buffer).bytes().map(escape));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(escape));
    }
    text
}

fn escape(byte: u8) -> char {
    char::from_u32(ESCAPE_BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn is_escape(character: char) -> bool {
    unescape(character).is_some()
}

fn unescape(character: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(character).checked_sub(ESCAPE_BASE)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

/// Gives back the bytes that [`decode`] made a `String` of.
#[must_use]
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if plain_text(text.as_bytes()).is_some() || !text.contains(is_escape) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        if let Some(byte) = unescape(character) {
            bytes.push(byte);
        } else {
            let mut buffer = [0; 4];
            bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
    }
    Cow::Owned(bytes)
}

/// A text as it is shown to people: undecodable bytes and control characters become `\xNN`.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if let Some(byte) = unescape(character) {
            let _ = write!(shown, "\\x{byte:02x}");
        } else if character.is_control() {
            let _ = write!(shown, "\\x{:02x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_decoding_and_encoding() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [&all[..], b"plain", "\u{ee80}x\u{eeff}\u{ee7f}ä".as_bytes(), b"\xee\xba", b"\xff\xee\xba\x80"] {
            assert_eq!(encode(&decode(bytes)).as_ref(), bytes);
        }
    }

    #[test]
    fn valid_text_is_copied() {
        assert_eq!(decode("Prefer: ä".as_bytes()), "Prefer: ä");
        assert_eq!(decode(b"a\xe4b"), "a\u{eee4}b");
    }

    #[test]
    fn a_word_ends_at_white_space_only() {
        for (text, len) in [
            ("abc", 3),
            ("abcdefghijkl mno", 12),
            ("abcdefg\th", 7),
            ("ab\u{1}cdefghi jk", 10),
            ("ä\u{c}b", 2),
            ("", 0),
            (" a", 0),
        ] {
            assert_eq!(word_len(text.as_bytes()), len, "{text:?}");
        }
    }

    #[test]
    fn a_mark_is_found_wherever_it_is() {
        for position in [0, 1, 31, 32, 33, 70] {
            let mut text = vec![b'x'; 71];
            text[position] = b'%';
            assert_eq!(find_mark(&text, 0), Some(position));
            text[position] = b'@';
            assert_eq!(find_mark(&text, position), Some(position));
            assert_eq!(find_mark(&text, position + 1), None);
        }
    }

    #[test]
    fn a_byte_is_found_in_chunks_and_in_the_rest() {
        let text = b"0123456789abcdef%01";
        assert_eq!(find_byte(text, 0, b'%'), Some(16));
        assert_eq!(find_byte(text, 0, b'1'), Some(1));
        assert_eq!(find_byte(text, 2, b'1'), Some(18));
        assert_eq!(find_byte(text, 17, b'%'), None);
        assert_eq!(find_byte(text, 99, b'%'), None);
    }
}
