//! Where macros are defined and used in a text, for people: nothing here decides what a configuration means.

use prjconf::{ItemKind, Span, Tree};
use web::native::entries::macro_definitions;

/// Who sees a macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// `%define` and `%global`: the configuration itself.
    Configuration,
    /// `Macros:` and `DistMacro:`: recipes.
    Recipes,
}

/// One definition of a macro.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    /// Name.
    pub(crate) name: String,
    /// The name in the text of the tree.
    pub(crate) span: Span,
    /// The rest of its line.
    pub(crate) body: String,
    /// Who sees it.
    pub(crate) visibility: Visibility,
}

/// The definitions of a text in its order, whether or not a condition leaves them out; of those for recipes the last
/// of each name.
pub(crate) fn definitions(tree: &Tree) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    for item in tree.items().iter().filter(|item| item.kind == ItemKind::Line) {
        let text = tree.item_text(item);
        if text.trim_ascii_start().first() != Some(&b'#') {
            in_line(text, item.start as usize, &mut found);
        }
    }
    for (name, span) in macro_definitions(tree) {
        let skipped = usize::from(tree.text().get(span.start) == Some(&b'%'));
        let span = Span { start: span.start + skipped, end: span.end };
        let body = body(tree.text().get(span.end..).unwrap_or_default());
        found.push(Definition { name, span, body, visibility: Visibility::Recipes });
    }
    found.sort_by_key(|definition| definition.span);
    found
}

fn in_line(line: &[u8], offset: usize, found: &mut Vec<Definition>) {
    let uses = names_in(line).into_iter().filter(|(name, _)| matches!(name.as_str(), "define" | "global"));
    for (_, span) in uses {
        let rest = line.get(span.end..).unwrap_or_default();
        let start = span.end + rest.len() - rest.trim_ascii_start().len();
        let rest = line.get(start..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| is_word(**byte)).count();
        let name = String::from_utf8_lossy(rest.get(..len).unwrap_or_default()).into_owned();
        if start > span.end && len > 0 {
            let body = body(rest.get(len..).unwrap_or_default());
            let span = Span { start: offset + start, end: offset + start + len };
            found.push(Definition { name, span, body, visibility: Visibility::Configuration });
        }
    }
}

/// The text to the end of the line, or to a brace that was opened before.
fn body(rest: &[u8]) -> String {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut depth = 0_usize;
    let end = line.iter().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return true,
            b'}' => depth -= 1,
            _ => {}
        }
        false
    });
    String::from_utf8_lossy(line.get(..end.unwrap_or(line.len())).unwrap_or_default()).trim().to_owned()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The names behind percent signs with their places, built-in ones included, in order of the text.
pub(crate) fn names_in(text: &[u8]) -> Vec<(String, Span)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(position) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'%')) {
        at += position + 1;
        if text.get(at) == Some(&b'%') {
            at += 1;
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let marks = rest.iter().take_while(|byte| matches!(byte, b'{' | b'?' | b'!')).count();
        let name = rest.get(marks..).unwrap_or_default();
        let name: Vec<u8> = name.iter().copied().take_while(|byte| is_word(*byte)).collect();
        if name.first().is_some_and(|byte| !byte.is_ascii_digit()) {
            let start = at + marks;
            let end = start + name.len();
            found.push((String::from_utf8_lossy(&name).into_owned(), Span { start, end }));
            at = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_of_every_kind_are_found() {
        let text = "# %define no 1\n%define a 1\n%{!?b:%define b {2}}\nMacros:\n%c(x) 3\n%c 4\n:Macros\nDistMacro: d 5\n%global e f\n";
        let tree = prjconf::parse(text.as_bytes());
        let found: Vec<String> = definitions(&tree)
            .iter()
            .map(|one| {
                format!(
                    "{} {:?} {} {}",
                    one.name,
                    &text[one.span.start..one.span.end],
                    one.body,
                    one.visibility == Visibility::Recipes
                )
            })
            .collect();
        assert_eq!(
            found,
            ["a \"a\" 1 false", "b \"b\" {2} false", "c \"c\" 4 true", "d \"d\" 5 true", "e \"e\" f false",]
        );
    }

    #[test]
    fn names_are_found_wherever_macros_are_used() {
        let names: Vec<String> =
            names_in(b"%a %{b} %{?c:%{!?d:x}} %% %1 %%e %-f %{expr:%g}%").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "c", "d", "expr", "g"]);
    }
}
