//! A finding as a good compiler shows it: message, place, line, underline, help.
//!
//! The crate annotate-snippets draws, because it knows the width of every character; here lines are cut and bytes decoded.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use web::native::wire::FindingAnswer;

/// Lines up to this length are given to the renderer whole, in bytes; it cuts them to the width of a terminal.
const LONG_LINE: usize = 4000;

/// How much of a longer line is kept on each side of a finding, in bytes.
const WINDOW: usize = 160;

/// The finding as text; the last line has no line feed. Nothing in it controls a terminal but our own colours.
pub(crate) fn render(finding: &FindingAnswer, path: &str, text: &[u8], colors: bool) -> String {
    let cut = Cut::of(finding, text);
    let level = match finding.grade.as_str() {
        "error" => Level::ERROR,
        "warning" => Level::WARNING,
        _ => Level::INFO.with_name("hint"),
    };
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let path = prjconf::printable(path);
    let mark = AnnotationKind::Primary.span(cut.start..cut.end);
    let snippet = Snippet::source(&cut.line).line_start(number(finding.line)).annotation(mark);
    let title = level.primary_title(&finding.message).id(&finding.code);
    let mut group: Group<'_> = if cut.is_whole {
        title.element(snippet.path(path))
    } else {
        // The renderer would count columns from the start of what is left of the line.
        let origin = Origin::path(path).line(number(finding.line)).char_column(number(finding.column));
        title.element(origin).element(snippet)
    };
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = if colors { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The line of a finding, decoded, and the finding in it.
struct Cut {
    line: String,
    start: usize,
    end: usize,
    /// Whether it is the whole line.
    is_whole: bool,
}

impl Cut {
    fn of(finding: &FindingAnswer, text: &[u8]) -> Self {
        let offset = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        let start = offset(finding.start);
        let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let line_start = slice(0, start).iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
        let rest = slice(start, text.len());
        let line_end = start + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let is_whole = line_end - line_start <= LONG_LINE;
        let window = if is_whole { LONG_LINE } else { WINDOW };
        let end = offset(finding.end).clamp(start, line_end).min(start + window);
        let front = slice(line_start.max(start.saturating_sub(window)), start);
        let mut line = String::new();
        if start - line_start > window {
            line.push('…');
        }
        line.push_str(&String::from_utf8_lossy(front));
        let shown_start = line.len();
        line.push_str(&String::from_utf8_lossy(slice(start, end)));
        let shown_end = line.len();
        line.push_str(&String::from_utf8_lossy(slice(end, line_end.min(end + window))));
        if line_end > end + window {
            line.push('…');
        }
        let kept = line.trim_end_matches(['\r', '\n']).len().max(shown_end);
        line.truncate(kept);
        Self { line, start: shown_start, end: shown_end, is_whole }
    }
}

#[cfg(test)]
mod tests {
    use prjconf::{Code, Finding, Span};

    use super::*;

    fn shown(text: &[u8], span: (usize, usize)) -> String {
        let finding = Finding {
            code: Code::UnknownKeyword,
            span: Span { start: span.0, end: span.1 },
            message: "unknown keyword `x`".to_owned(),
            help: Some("did you mean `y`?".to_owned()),
        };
        let tree = prjconf::parse(text);
        render(&FindingAnswer::of(&finding, &tree.locate(finding.span), text), "a.conf", text, false)
    }

    #[test]
    fn a_finding_is_underlined_in_its_line() {
        expect_test::expect![[r"
            warning[K001]: unknown keyword `x`
             --> a.conf:2:4
              |
            2 |     ä Perfer: b
              |       ^^^^^^^
              |
              = help: did you mean `y`?"]]
        .assert_eq(&shown("a\n\tä Perfer: b\r\n".as_bytes(), (6, 13)));
    }

    #[test]
    fn odd_bytes_and_long_lines_are_shown_safely() {
        let mut text = vec![b'a'; 5000];
        text.extend_from_slice(b"\x1b[31m\xff bad ");
        text.extend_from_slice(&[b'z'; 5000]);
        let shown = shown(&text, (5000, 5010));
        assert!(!shown.contains('\x1b') && shown.contains("a.conf:1:5001") && shown.len() < 1500, "{shown}");
    }

    #[test]
    fn spans_outside_the_text_do_not_matter() {
        for span in [(0, 0), (5, 2), (900, 1000), (2, 900)] {
            assert!(shown(b"abc\ndef", span).contains("K001"));
        }
        assert!(shown(b"", (0, 0)).contains("K001"));
    }
}
