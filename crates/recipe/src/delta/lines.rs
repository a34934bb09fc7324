/// Most lines of a text that is compared.
pub const MOST_LINES: usize = 200_000;

/// Bytes looked at to tell texts from other files.
const LOOKED_AT: usize = 4096;

/// The lines of a text, each with its line end; the last one may have none.
#[must_use]
pub fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Whether a file may be taken for text: its beginning has no control characters but white space.
///
/// Rule: Open Build Service's source server decides so what it merges.
#[must_use]
pub fn is_text(content: &[u8]) -> bool {
    let beginning = content.get(..LOOKED_AT).unwrap_or(content);
    !beginning.iter().any(|byte| matches!(byte, 0..=8 | 14..=31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_ends() {
        assert_eq!(lines(b"a\n\nb"), [&b"a\n"[..], b"\n", b"b"]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn texts_have_no_control_characters() {
        assert!(is_text("ü\ta\r\n\u{c}".as_bytes()) && is_text(b""));
        assert!(!is_text(b"a\0b") && !is_text(b"\x1f\x8b"));
    }
}
