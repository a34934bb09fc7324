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

/// The lowest bit of each of eight bytes.
const LOWEST: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each of eight bytes.
const HIGHEST: u64 = 0x8080_8080_8080_8080;

/// The positions of all line feeds; of a text below 4 GiB.
///
/// Where a line ends cannot be foreseen, so a loop with a decision for each one spends its time in guessing wrong. This one
/// always notes four positions of a block and then says how many of them are true.
pub(crate) fn line_feeds(text: &[u8]) -> Vec<u32> {
    const PATTERN: u64 = LOWEST * b'\n' as u64;
    const BLOCK: usize = 64;
    const USUAL: usize = 4;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut found = vec![0; text.len() / 16 + BLOCK + USUAL];
    let mut count = 0;
    let mut at = 0;
    for block in blocks {
        if found.len() < count + BLOCK + USUAL {
            found.resize(found.len() * 2, 0);
        }
        let (chunks, _) = block.as_chunks::<8>();
        let mut bits = chunks
            .iter()
            .rev()
            .fold(0, |bits, chunk| (bits << 8) | gathered(zero_bytes(u64::from_le_bytes(*chunk) ^ PATTERN)));
        let ones = bits.count_ones() as usize;
        let Some(places) = found.get_mut(count..count + BLOCK) else { break };
        let (usual, unusual) = places.split_at_mut(USUAL);
        for place in usual {
            *place = at + bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
        }
        if ones > USUAL {
            for place in unusual.iter_mut().take(ones - USUAL) {
                *place = at + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
        }
        count += ones;
        at += 64;
    }
    found.truncate(count);
    for byte in rest {
        if *byte == b'\n' {
            found.push(at);
        }
        at += 1;
    }
    found
}

/// The highest bits of eight bytes, side by side.
const fn gathered(highest: u64) -> u64 {
    // Each bit of the factor moves the bit of one byte to its place in the top byte; no two meet.
    (highest >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The highest bit of each byte that is zero.
const fn zero_bytes(bytes: u64) -> u64 {
    !(((bytes & !HIGHEST) + !HIGHEST) | bytes | !HIGHEST)
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

/// The same for bytes that are not needed any more.
pub(crate) fn decode_all(bytes: Vec<u8>) -> String {
    if find_byte(&bytes, 0, 0xEE).is_some() {
        return decode_slowly(&bytes);
    }
    String::from_utf8(bytes).unwrap_or_else(|error| decode_slowly(error.as_bytes()))
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
    fn every_line_feed_is_found_however_many_there_are() {
        for len in [0, 1, 7, 63, 64, 65, 200, 1000] {
            for step in [1, 2, 13, 16, 17, 64] {
                let text: Vec<u8> = (0..len).map(|index| if index % step == 0 { b'\n' } else { 0x8A }).collect();
                let expected: Vec<u32> = (0..len).step_by(step).map(|index| index as u32).collect();
                assert_eq!(line_feeds(&text), expected, "{len} {step}");
            }
        }
        let all: Vec<u8> = (0..=255).cycle().take(1024).collect();
        assert_eq!(line_feeds(&all), [10, 266, 522, 778]);
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
