//! Layout of a configuration text.

use crate::keyword::{Keyword, Kind};
use crate::multiline::{BlockScan, is_needed_for_build, starts_block, starts_define};
use crate::text::{join_words, starts_with_word, trim, trim_end, trim_start, words};
use crate::tree::{ItemKind, Tree};

/// The text with a uniform layout; its meaning is the same for every architecture.
///
/// Directives start in column 0 with the usual spelling of their keyword and have one blank between words; runs of empty lines
/// become one; white space at the end of comments and of `%else` and `%endif` goes. Lines with macros, defines with their
/// continuations, `Macros:` blocks and whatever is not understood stay as they are. Only the line numbers of messages
/// may change. A second formatting changes nothing.
#[must_use]
pub fn format(tree: &Tree) -> Vec<u8> {
    let mut formatter = Formatter::default();
    for item in tree.items() {
        let text = tree.item_text(item);
        match item.kind {
            // An open block reaches to the end of the text, its last line feed included.
            ItemKind::MacrosBlock => formatter.push(text.strip_suffix(b"\n").unwrap_or(text)),
            ItemKind::Line => formatter.line(text),
        }
    }
    formatter.finish()
}

#[derive(Default)]
struct Formatter {
    out: Vec<u8>,
    /// Empty lines seen, but not yet written.
    empty_lines: usize,
    pending_define: bool,
    pending_block: Option<BlockScan>,
}

impl Formatter {
    fn push(&mut self, line: &[u8]) {
        if self.empty_lines > 0 && !self.out.is_empty() {
            self.out.push(b'\n');
        }
        self.empty_lines = 0;
        self.out.extend_from_slice(line);
        self.out.push(b'\n');
    }

    fn line(&mut self, line: &[u8]) {
        if is_needed_for_build(line) {
            return self.push(line);
        }
        if self.pending_define || starts_define(line) {
            self.pending_define = line.last() == Some(&b'\\');
            return self.push(line);
        }
        if self.pending_block.is_some() || starts_block(line) {
            let scan = match self.pending_block.take() {
                Some(mut scan) => {
                    scan.add_line(line);
                    scan
                }
                None => BlockScan::start(line),
            };
            self.pending_block = Some(scan).filter(BlockScan::is_open);
            return self.push(line);
        }
        if trim(line).is_empty() {
            self.empty_lines += 1;
            return;
        }
        let laid_out = laid_out(line);
        self.push(laid_out.as_deref().unwrap_or(line));
    }

    fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// The line in its usual layout; `None` if it is to stay as it is.
fn laid_out(line: &[u8]) -> Option<Vec<u8>> {
    if line.starts_with(b"#!") {
        return None;
    }
    let start = trim_start(line);
    if start.first() == Some(&b'#') {
        return Some(trim_end(line).to_vec());
    }
    if starts_with_word(start, b"%else") || starts_with_word(start, b"%endif") {
        let is_bare = !start.get(1..)?.contains(&b'%');
        return is_bare.then(|| trim(line).to_vec());
    }
    if line.contains(&b'%') {
        return None;
    }
    let mut parts = words(line);
    let keyword = Keyword::of_word(parts.next()?)?;
    if matches!(keyword.kind, Kind::Macros | Kind::DistMacro | Kind::FromScratch) {
        return None;
    }
    Some(join_words(std::iter::once(keyword.spelling.as_bytes()).chain(parts)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;

    fn formatted(text: &str) -> String {
        String::from_utf8(format(&parse(text.as_bytes()))).unwrap()
    }

    #[test]
    fn directives_get_one_layout() {
        assert_eq!(formatted("\n\n  PREFER:  a \t b \r\n\n\n\n# c  \n %endif \n"), "Prefer: a b\n\n# c\n%endif\n");
    }

    #[test]
    fn what_has_macros_or_goes_on_stays() {
        for text in [
            "prefer:  %x  y \n",
            "%define x  a \\\n\n\nPrefer: b\n",
            "%{?x:\n\n\n prefer:  a\n}\n",
            "Macros:\n\n\n%x  1\n:Macros\n",
            " FromScratch:\n",
            "DistMacro:  x  y \n",
            "nonsense   here\n",
        ] {
            assert_eq!(formatted(text), text);
        }
    }
}
