//! Texts in XML.

/// Appends `text` as content of an element. Characters that XML can not have are dropped.
pub(super) fn push_text(out: &mut String, text: &str) {
    push(out, text, false);
}

/// Appends ` name="value"`.
pub(super) fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    push(out, value, true);
    out.push('"');
}

/// Appends `<name>text</name>` on a line of its own; `<name/>` if the text is empty.
pub(super) fn push_element(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    if text.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push('>');
    push_text(out, text);
    out.push_str("</");
    out.push_str(name);
    out.push_str(">\n");
}

fn push(out: &mut String, text: &str, is_attribute: bool) {
    let is_plain = |byte: u8| (0x20..0x7f).contains(&byte) & !matches!(byte, b'&' | b'<' | b'>' | b'"');
    // Nearly all texts need nothing; to look at every byte is faster than to stop at the first.
    if text.bytes().fold(true, |is_all_plain, byte| is_all_plain & is_plain(byte)) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if is_attribute => out.push_str("&quot;"),
            '\t' | '\n' if !is_attribute => out.push(character),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            // Readers would turn a bare one into a line feed.
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_can_not_leave_their_place() {
        let mut out = String::new();
        push_attribute(&mut out, "a", "x\"><&\n\u{1}ä");
        push_element(&mut out, "b", "</b>\r\n\"");
        push_element(&mut out, "c", "");
        assert_eq!(out, " a=\"x&quot;&gt;&lt;&amp;&#10;ä\"<b>&lt;/b&gt;&#13;\n\"</b>\n<c/>\n");
    }
}
