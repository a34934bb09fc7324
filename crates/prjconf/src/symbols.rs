//! What stands where in a text, for editors: definitions and uses of macros, the symbol under a cursor, completions.
//!
//! All of it looks at the text alone, without an architecture; parts that a condition skips count too.

use crate::keyword::{KEYWORDS, Keyword};
use crate::multiline::starts_define;
use crate::reference::{self, Term, Topic};
use crate::text::{decode, is_space, is_word, trim_start, words};
use crate::tree::{Item, ItemKind, Span, Tree};

/// How a macro is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefinitionKind {
    /// `%define`: for this configuration, from there on.
    Define,
    /// `%global`: the same, expanded at once.
    Global,
    /// A line of a `Macros:` block: for recipes.
    Block,
    /// `DistMacro:`: for recipes.
    DistMacro,
}

/// The definition of a macro.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// How it is defined.
    pub kind: DefinitionKind,
    /// The name, without `%`.
    pub name: String,
    /// Where the name is.
    pub name_span: Span,
    /// The whole definition, from its first to its last byte, continued lines included.
    pub span: Span,
    /// The letters between the parentheses of a macro with arguments.
    pub options: Option<String>,
    /// The body as it is written, line feeds of continued lines included.
    pub body: String,
}

/// All definitions of macros, in the order of the text.
#[must_use]
pub fn definitions(tree: &Tree) -> Vec<Definition> {
    let mut found = Vec::new();
    let mut items = tree.items().iter();
    while let Some(item) = items.next() {
        if item.kind == ItemKind::MacrosBlock {
            block_definitions(tree, item, &mut found);
            continue;
        }
        let line = tree.item_text(item);
        let start = item.start as usize;
        let word = words(line).next().unwrap_or_default();
        if starts_define(line) {
            let mut end = item.end as usize;
            while tree.text().get(end.wrapping_sub(1)) == Some(&b'\\') {
                let Some(next) = items.next() else { break };
                end = next.end as usize;
            }
            let kind = if word == b"%global" { DefinitionKind::Global } else { DefinitionKind::Define };
            found.extend(definition(tree, kind, start, word.len(), end));
        } else if word.eq_ignore_ascii_case(b"distmacro:") {
            found.extend(definition(tree, DefinitionKind::DistMacro, start, word.len(), item.end as usize));
        }
    }
    found
}

/// Lines that start with `%`, each with the lines that continue it.
fn block_definitions(tree: &Tree, item: &Item, found: &mut Vec<Definition>) {
    let text = tree.item_text(item);
    let body = tree.block_body(item);
    let opener = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
    let base = item.start as usize + opener;
    let mut lines = crate::combine::lines(body);
    while let Some((offset, line)) = lines.next() {
        if line.first() != Some(&b'%') {
            continue;
        }
        let (mut end, mut last) = (offset + line.len(), line);
        while last.last() == Some(&b'\\') {
            let Some((next_offset, next)) = lines.next() else { break };
            (end, last) = (next_offset + next.len(), next);
        }
        found.extend(definition(tree, DefinitionKind::Block, base + offset, 1, base + end));
    }
}

/// The definition in a range, behind an introduction of some bytes after leading white space.
fn definition(tree: &Tree, kind: DefinitionKind, start: usize, intro: usize, end: usize) -> Option<Definition> {
    let text = tree.text().get(start..end)?;
    let indent = text.len() - trim_start(text).len();
    let rest = trim_start(text.get(indent + intro..)?);
    let name_start = end - rest.len();
    let name = rest.get(..rest.iter().take_while(|byte| is_word(**byte)).count()).filter(|name| !name.is_empty())?;
    let mut body = rest.get(name.len()..)?;
    let mut options = None;
    if body.first() == Some(&b'(')
        && let Some(close) = body.iter().position(|byte| *byte == b')')
    {
        options = body.get(1..close).map(decode);
        body = body.get(close + 1..)?;
    }
    Some(Definition {
        kind,
        name: decode(name),
        name_span: Span { start: name_start, end: name_start + name.len() },
        span: Span { start: start + indent, end },
        options,
        body: decode(trim_start(body)),
    })
}

/// The definition that holds for a use of a macro at an offset: the last one in front of it, or else the first behind it.
///
/// Conditions are not looked at, and definitions for the configuration come before those for recipes.
#[must_use]
pub fn definition_of(tree: &Tree, name: &str, offset: usize) -> Option<Definition> {
    let mut all: Vec<Definition> = definitions(tree).into_iter().filter(|definition| definition.name == name).collect();
    let rank = |definition: &Definition| {
        let for_recipes = matches!(definition.kind, DefinitionKind::Block | DefinitionKind::DistMacro);
        let is_behind = definition.name_span.start > offset;
        (for_recipes, is_behind, if is_behind { definition.span.start } else { usize::MAX - definition.span.start })
    };
    all.sort_by_key(rank);
    all.into_iter().next()
}

/// The places where a macro is used, in the order of the text; comments are not looked at.
#[must_use]
pub fn uses(tree: &Tree, name: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for item in tree.items() {
        let line = tree.item_text(item);
        if item.kind == ItemKind::Line && is_comment(line) {
            continue;
        }
        for (at, _) in line.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
            if let Some(span) = macro_name_behind(tree.text(), item.start as usize + at)
                && tree.text().get(span.start..span.end) == Some(name.as_bytes())
            {
                spans.push(span);
            }
        }
    }
    spans
}

/// The name behind a `%`: `%name`, `%?name`, `%{name`, `%{?name`.
fn macro_name_behind(text: &[u8], percent: usize) -> Option<Span> {
    let mut start = percent + 1;
    start += usize::from(text.get(start) == Some(&b'{'));
    start += text.get(start..)?.iter().take_while(|byte| matches!(byte, b'?' | b'!')).count();
    let len = text.get(start..)?.iter().take_while(|byte| is_word(**byte)).count();
    (len > 0).then_some(Span { start, end: start + len })
}

fn is_comment(line: &[u8]) -> bool {
    trim_start(line).first() == Some(&b'#') && !line.starts_with(b"#!")
}

/// What a symbol is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SymbolKind {
    /// A keyword at the start of a line.
    Keyword(&'static Keyword),
    /// A flag, format, type or condition word.
    Term(&'static Term),
    /// The name of a macro, where it is used or defined; [`reference::find_macro`] and [`definition_of`] say more.
    Macro(String),
    /// A word behind a keyword: an entry, without `!`.
    Entry(&'static Keyword, String),
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// What it is.
    pub kind: SymbolKind,
    /// Where it is.
    pub span: Span,
}

/// The symbol that an offset is in or directly behind.
#[must_use]
pub fn symbol_at(tree: &Tree, offset: usize) -> Option<Symbol> {
    let item = item_at(tree, offset)?;
    let (line_start, line) = line_at(tree, item, offset)?;
    if item.kind == ItemKind::Line && is_comment(line) {
        return None;
    }
    if let Some(symbol) = defined_at(tree, line_start, line, offset).or_else(|| macro_at(tree, line_start, offset)) {
        return Some(symbol);
    }
    let span = word_around(line, line_start, offset)?;
    let word = tree.text().get(span.start..span.end)?;
    let first = words(line).next()?;
    let is_first = line_start + line.len() - trim_start(line).len() == span.start;
    if item.kind == ItemKind::MacrosBlock {
        let keyword = Keyword::named("Macros").filter(|_| is_first && word.eq_ignore_ascii_case(b"macros:"))?;
        return Some(Symbol { kind: SymbolKind::Keyword(keyword), span });
    }
    if let Some(term) = reference::find(Topic::Condition, &decode(word)) {
        return Some(Symbol { kind: SymbolKind::Term(term), span });
    }
    let keyword = Keyword::of_word(first)?;
    if is_first {
        return Some(Symbol { kind: SymbolKind::Keyword(keyword), span });
    }
    let bang = usize::from(word.first() == Some(&b'!'));
    let span = Span { start: span.start + bang, end: span.end };
    let entry = decode(word.get(bang..)?);
    let name = entry.split(':').next().unwrap_or_default();
    let kind = match keyword.topic().and_then(|topic| reference::find(topic, name)) {
        Some(term) => SymbolKind::Term(term),
        None => SymbolKind::Entry(keyword, entry),
    };
    Some(Symbol { kind, span })
}

/// The name in a definition.
fn defined_at(tree: &Tree, line_start: usize, line: &[u8], offset: usize) -> Option<Symbol> {
    if !starts_define(line) {
        return None;
    }
    let word = words(line).next()?;
    let found = definition(tree, DefinitionKind::Define, line_start, word.len(), line_start + line.len())?;
    let span = found.name_span;
    (span.start <= offset && offset <= span.end).then_some(Symbol { kind: SymbolKind::Macro(found.name), span })
}

/// The macro whose `%`, braces or name an offset is in.
fn macro_at(tree: &Tree, line_start: usize, offset: usize) -> Option<Symbol> {
    let head = tree.text().get(line_start..offset.min(tree.text().len()))?;
    let in_name = head.iter().rev().take_while(|byte| is_word(**byte) || matches!(byte, b'?' | b'!' | b'{')).count();
    let before = offset.checked_sub(in_name + 1).filter(|at| *at >= line_start);
    let percent = [before, Some(offset)].into_iter().flatten().find(|at| tree.text().get(*at) == Some(&b'%'))?;
    let span = macro_name_behind(tree.text(), percent).filter(|span| offset <= span.end)?;
    let name = decode(tree.text().get(span.start..span.end)?);
    let is_condition = reference::find(Topic::Condition, &format!("%{name}")).is_some();
    (!is_condition).then_some(Symbol { kind: SymbolKind::Macro(name), span })
}

fn item_at(tree: &Tree, offset: usize) -> Option<&Item> {
    let index = tree.items().partition_point(|item| item.start as usize <= offset);
    tree.items().get(index.checked_sub(1)?).filter(|item| offset <= item.end as usize)
}

/// The line of an item that an offset is in.
fn line_at<'a>(tree: &'a Tree, item: &Item, offset: usize) -> Option<(usize, &'a [u8])> {
    let (start, end) = (item.start as usize, item.end as usize);
    let head = tree.text().get(start..offset)?;
    let line_start = head.iter().rposition(|byte| *byte == b'\n').map_or(start, |at| start + at + 1);
    let tail = tree.text().get(offset..end)?;
    let line_end = tail.iter().position(|byte| *byte == b'\n').map_or(end, |at| offset + at);
    Some((line_start, tree.text().get(line_start..line_end)?))
}

fn word_around(line: &[u8], line_start: usize, offset: usize) -> Option<Span> {
    let at = offset.checked_sub(line_start)?;
    let before = line.get(..at)?.iter().rev().take_while(|byte| !is_space(**byte)).count();
    let behind = line.get(at..)?.iter().take_while(|byte| !is_space(**byte)).count();
    (before + behind > 0).then_some(Span { start: offset - before, end: offset + behind })
}

/// What a completion inserts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionKind {
    /// A keyword with its colon.
    Keyword,
    /// A flag, format or type.
    Value,
    /// A condition word.
    Condition,
    /// The name of a macro.
    Macro,
}

/// Something that could stand at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What it is.
    pub kind: CompletionKind,
    /// The text to insert.
    pub label: String,
    /// How it is written with its arguments.
    pub form: String,
    /// What it means, in one line.
    pub effect: String,
}

/// What could be written at an offset, and the bytes it would replace: what is there of the word already.
///
/// Keywords at the start of a line, fixed names behind a keyword that has some, macros behind `%`. Only what begins with
/// what is there, letter case aside; sorted by label.
#[must_use]
pub fn completions_at(tree: &Tree, offset: usize) -> (Span, Vec<Completion>) {
    let offset = offset.min(tree.text().len());
    let head = tree.text().get(..offset).unwrap_or_default();
    let line_start = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = head.get(line_start..).unwrap_or_default();
    let name_len = line.iter().rev().take_while(|byte| is_word(**byte)).count();
    let before_name = line.len() - name_len;
    let tests = line.get(..before_name).unwrap_or_default();
    let percent = tests.iter().rev().take_while(|byte| matches!(byte, b'?' | b'!' | b'{')).count();
    let is_macro = tests.len().checked_sub(percent + 1).and_then(|at| tests.get(at)) == Some(&b'%');
    let word_len = line.iter().rev().take_while(|byte| !is_space(**byte)).count();
    let is_first = trim_start(line).len() == word_len;
    let (len, mut found) = if is_macro {
        let mut found = macros_for(tree);
        if percent == 0 && trim_start(line).len() == name_len + 1 {
            found.extend(conditions());
        }
        (name_len, found)
    } else if is_first {
        (word_len, keywords())
    } else {
        (word_len, values_for(line))
    };
    let span = Span { start: offset - len, end: offset };
    let typed = decode(tree.text().get(span.start..span.end).unwrap_or_default()).to_ascii_lowercase();
    found.retain(|completion| completion.label.to_ascii_lowercase().starts_with(&typed));
    found.sort_by(|left, right| left.label.cmp(&right.label));
    found.dedup_by(|left, right| left.label == right.label);
    (span, found)
}

fn keywords() -> Vec<Completion> {
    let of_keyword = |keyword: &Keyword| Completion {
        kind: CompletionKind::Keyword,
        label: keyword.spelling.to_owned(),
        form: keyword.grammar(),
        effect: keyword.effect.to_owned(),
    };
    KEYWORDS.iter().filter(|keyword| !keyword.is_old()).map(of_keyword).collect()
}

fn of_term(kind: CompletionKind, term: &Term) -> Completion {
    let label = term.name.trim_start_matches('%').to_owned();
    Completion { kind, label, form: term.form.to_owned(), effect: term.effect.to_owned() }
}

fn conditions() -> Vec<Completion> {
    reference::of_topic(Topic::Condition).map(|term| of_term(CompletionKind::Condition, term)).collect()
}

fn values_for(line: &[u8]) -> Vec<Completion> {
    let topic = words(line).next().and_then(Keyword::of_word).and_then(Keyword::topic);
    let terms = topic.into_iter().flat_map(reference::of_topic).filter(|term| term.instead.is_none());
    terms.map(|term| of_term(CompletionKind::Value, term)).collect()
}

fn macros_for(tree: &Tree) -> Vec<Completion> {
    let own = definitions(tree).into_iter().filter(|definition| definition.kind <= DefinitionKind::Global);
    let own = own.map(|definition| Completion {
        kind: CompletionKind::Macro,
        form: format!("%{}", definition.name),
        effect: definition.body,
        label: definition.name,
    });
    let topics = [Topic::BuiltinMacro, Topic::StandardMacro, Topic::ServerMacro];
    let known = topics.into_iter().flat_map(reference::of_topic).map(|term| of_term(CompletionKind::Macro, term));
    own.chain(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;

    const TEXT: &str = "\
# %gcc in a comment
%define gcc 13
  %global long(ab:) one \\
two
Required: gcc%{gcc} %{?gcc}
BuildFlags: !nochecks vmfstype:ext4
%if 0%{!?gcc:1}
Prefer: -vim
%endif
DistMacro: dist .el9
Macros:
%gcc 14
%two a\\
b
:Macros
";

    fn text_of(span: Span) -> &'static str {
        &TEXT[span.start..span.end]
    }

    #[test]
    fn definitions_have_name_body_and_place() {
        let tree = parse(TEXT.as_bytes());
        let found = definitions(&tree);
        let shown: Vec<String> = found
            .iter()
            .map(|found| {
                assert_eq!(text_of(found.name_span), found.name);
                format!(
                    "{:?} {} {:?} {:?} {:?}",
                    found.kind,
                    found.name,
                    found.options,
                    found.body,
                    text_of(found.span)
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                r#"Define gcc None "13" "%define gcc 13""#,
                r#"Global long Some("ab:") "one \\\ntwo" "%global long(ab:) one \\\ntwo""#,
                r#"DistMacro dist None ".el9" "DistMacro: dist .el9""#,
                r#"Block gcc None "14" "%gcc 14""#,
                r#"Block two None "a\\\nb" "%two a\\\nb""#,
            ]
        );
    }

    #[test]
    fn a_use_leads_to_the_definition_before_it() {
        let tree = parse(TEXT.as_bytes());
        let at = TEXT.find("%{?gcc").unwrap();
        assert_eq!(definition_of(&tree, "gcc", at).unwrap().body, "13");
        assert_eq!(definition_of(&tree, "two", 0).unwrap().kind, DefinitionKind::Block);
        assert_eq!(definition_of(&tree, "nosuch", at), None);
        let found = uses(&tree, "gcc");
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found.iter().all(|span| text_of(*span) == "gcc"));
    }

    fn symbol(needle: &str, shift: usize) -> Option<(String, &'static str)> {
        let offset = TEXT.find(needle).unwrap() + shift;
        let symbol = symbol_at(&parse(TEXT.as_bytes()), offset)?;
        let kind = match symbol.kind {
            SymbolKind::Keyword(keyword) => format!("keyword {}", keyword.spelling),
            SymbolKind::Term(term) => format!("term {}", term.name),
            SymbolKind::Macro(name) => format!("macro {name}"),
            SymbolKind::Entry(keyword, entry) => format!("entry {} {entry}", keyword.spelling),
        };
        Some((kind, text_of(symbol.span)))
    }

    #[test]
    fn the_symbol_under_a_cursor_is_told() {
        let some = |kind: &str, text: &'static str| Some((kind.to_owned(), text));
        assert_eq!(symbol("%gcc in", 1), None);
        assert_eq!(symbol("Required", 3), some("keyword Required:", "Required:"));
        assert_eq!(symbol("%{gcc}", 0), some("macro gcc", "gcc"));
        assert_eq!(symbol("%{?gcc}", 5), some("macro gcc", "gcc"));
        assert_eq!(symbol("define gcc", 8), some("macro gcc", "gcc"));
        assert_eq!(symbol("!nochecks", 2), some("term nochecks", "nochecks"));
        assert_eq!(symbol("vmfstype", 10), some("term vmfstype", "vmfstype:ext4"));
        assert_eq!(symbol("%if 0", 1), some("term %if", "%if"));
        assert_eq!(symbol("-vim", 2), some("entry Prefer: -vim", "-vim"));
        assert_eq!(symbol("\nMacros:", 3), some("keyword Macros:", "Macros:"));
        assert_eq!(symbol("%two", 2), some("macro two", "two"));
    }

    fn completions(text: &str) -> Vec<String> {
        let (span, found) = completions_at(&parse(text.as_bytes()), text.len());
        assert_eq!(span.end, text.len());
        found.into_iter().map(|completion| completion.label).collect()
    }

    #[test]
    fn completions_fit_the_place() {
        assert_eq!(completions("pre"), ["Prefer:", "Preinstall:"]);
        assert_eq!(completions("BuildFlags: a vm"), ["vmfsoptions", "vmfstype"]);
        assert_eq!(completions("%define my 1\nPrefer: x%{?m"), ["mips", "mips32", "mips64", "mipseb", "mipsel", "my"]);
        assert_eq!(completions("%elifa"), ["elifarch"]);
        assert_eq!(completions("Prefer: a"), Vec::<String>::new());
        assert!(completions("").len() > 35);
    }
}
