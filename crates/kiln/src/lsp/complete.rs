//! What an editor offers while somebody writes.

use std::collections::BTreeSet;

use prjconf::keyword::{KEYWORDS, Keyword};
use prjconf::{Options, evaluate};
use serde_json::{Value, json};

use super::analysis::Analysis;
use super::words;
use crate::commands::config::definitions;

/// Kinds of the protocol.
const KEYWORD: u8 = 14;
const VARIABLE: u8 = 6;
const VALUE: u8 = 12;
const FUNCTION: u8 = 3;

/// The words that fit at an offset. Editors choose by what is written already.
pub(super) fn complete(analysis: &Analysis<'_>, offset: usize) -> Vec<Value> {
    let (start, line) = analysis.document.line_at(offset);
    let head = line.get(..offset.saturating_sub(start)).unwrap_or(line);
    let word_start = head.rfind([' ', '\t']).map_or(0, |blank| blank + 1);
    let typed = head.get(word_start..).unwrap_or_default();
    let is_first = head.trim_start().len() == typed.len();
    let item = |label: &str, kind: u8, from: usize| {
        json!({
            "label": label,
            "kind": kind,
            "textEdit": {"range": analysis.document.range(start + from, offset), "newText": label},
        })
    };
    if let Some(percent) = open_macro(typed) {
        let name_start = word_start + percent;
        let mut items: Vec<Value> = macros(analysis).iter().map(|name| item(name, VARIABLE, name_start)).collect();
        items.extend(words::BUILT_IN.iter().map(|name| item(name, FUNCTION, name_start)));
        if is_first && typed.trim_start_matches('%').len() + 1 == typed.len() {
            items.extend(words::CONDITIONS.iter().map(|word| item(word, KEYWORD, word_start)));
        }
        return items;
    }
    if is_first {
        let mut items: Vec<Value> =
            KEYWORDS.iter().map(|keyword| keyword_item(keyword, item(keyword.spelling, KEYWORD, word_start))).collect();
        items.extend(words::CONDITIONS.iter().map(|word| item(word, KEYWORD, word_start)));
        return items;
    }
    let first = head.split_ascii_whitespace().next().unwrap_or_default();
    let arguments = match Keyword::of_word(first.as_bytes()) {
        Some(keyword) => words::arguments(keyword.kind),
        None if matches!(first, "%ifarch" | "%ifnarch" | "%elifarch") => words::ARCHES,
        None => &[],
    };
    let from = word_start + usize::from(typed.starts_with('!'));
    arguments.iter().map(|word| item(word, VALUE, from)).collect()
}

fn keyword_item(keyword: &Keyword, mut item: Value) -> Value {
    if let (Some(section), Some(fields)) = (words::section(keyword), item.as_object_mut()) {
        fields.insert("documentation".to_owned(), json!({"kind": "markdown", "value": section}));
    }
    item
}

/// Where the name starts, if a word ends in the beginning of a macro.
fn open_macro(typed: &str) -> Option<usize> {
    let percent = typed.rfind('%')?;
    let rest = typed.get(percent + 1..)?;
    let name = rest.trim_start_matches(['{', '?', '!']);
    let is_name = name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    is_name.then_some(percent + 1 + rest.len() - name.len())
}

/// The macros of the text and the standard ones.
fn macros(analysis: &Analysis<'_>) -> BTreeSet<String> {
    let own = definitions(&analysis.tree).into_iter().map(|definition| definition.name);
    let config = evaluate(&prjconf::parse(b""), &Options::for_arch("")).config;
    let standard = config.macros.iter().filter_map(|line| line.strip_prefix("%define "));
    let standard = standard.filter_map(|line| line.split([' ', '(']).next()).map(str::to_owned);
    own.chain(standard).filter(|name| !name.is_empty()).collect()
}
