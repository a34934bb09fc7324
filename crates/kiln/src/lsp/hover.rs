//! What an editor shows about the word under the pointer.

use prjconf::keyword::Keyword;
use prjconf::reference::{self, Term, Topic};
use prjconf::{DefinitionKind, Options, SymbolKind, evaluate, printable};
use serde_json::{Value, json};

use super::analysis::Analysis;
use crate::commands::config::in_configuration;
use crate::runner;

/// How many entries of a list are shown.
const MOST_ENTRIES: usize = 20;

/// The hover at an offset; null if there is nothing to say.
pub(super) fn hover(analysis: &Analysis<'_>, offset: usize) -> Value {
    let Some(symbol) = prjconf::symbol_at(&analysis.own, offset) else { return Value::Null };
    let (line_start, line) = analysis.document.line_at(offset);
    let paragraphs = match &symbol.kind {
        SymbolKind::Keyword(keyword) => about_keyword(analysis, keyword),
        SymbolKind::Term(term) => {
            let mut paragraphs = about_term(term);
            if term.topic == Topic::Condition {
                paragraphs.extend(about_condition(analysis, line_start, line.trim()));
            }
            paragraphs
        }
        SymbolKind::Macro(name) => about_macro(analysis, name, line_start),
        SymbolKind::Entry(keyword, entry) => about_entry(analysis, keyword, entry),
    };
    if paragraphs.is_empty() {
        return Value::Null;
    }
    let range = analysis.document.range(symbol.span.start, symbol.span.end);
    json!({"contents": {"kind": "markdown", "value": paragraphs.join("\n\n")}, "range": range})
}

fn own_arch() -> String {
    runner::arches().first().map_or_else(|| "noarch".to_owned(), ToString::to_string)
}

/// Its grammar, its meaning, its value.
fn about_keyword(analysis: &Analysis<'_>, keyword: &Keyword) -> Vec<String> {
    let arch = own_arch();
    let evaluated = evaluate(&analysis.tree, &Options::for_arch(&arch));
    let values = prjconf::values(&evaluated.config, keyword.name());
    let shown: Vec<String> =
        values.iter().take(MOST_ENTRIES).map(|value| printable(value).chars().take(200).collect()).collect();
    let value = match values.len() {
        0 => format!("Nothing for {arch}."),
        count if count > MOST_ENTRIES => {
            format!("For {arch}:\n```text\n{}\nand {} more\n```", shown.join("\n"), count - MOST_ENTRIES)
        }
        _ => format!("For {arch}:\n```text\n{}\n```", shown.join("\n")),
    };
    vec![format!("`{} {}`", keyword.spelling, keyword.arguments), keyword.effect.to_owned(), value]
}

fn about_term(term: &Term) -> Vec<String> {
    let mut paragraphs = vec![format!("`{}`", term.form), term.effect.to_owned()];
    paragraphs.extend(term.instead.map(str::to_owned));
    paragraphs
}

/// For which architectures the condition of a line is true; nothing if it is none.
fn about_condition(analysis: &Analysis<'_>, line_start: usize, line: &str) -> Vec<String> {
    let line = line.strip_prefix("%el").map_or_else(|| line.to_owned(), |rest| format!("%{rest}"));
    if !line.starts_with("%if") {
        return Vec::new();
    }
    let before = analysis.tree_before(line_start);
    let mut sides: [Vec<String>; 3] = Default::default();
    let mut errors = Vec::new();
    for arch in analysis.arches() {
        let view = in_configuration(&before, &arch, &line);
        let side = match view.condition {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        };
        if let Some(side) = sides.get_mut(side) {
            side.push(arch);
        }
        errors.extend(view.errors);
    }
    let sides = sides.iter().zip(["true", "false", "wrong"]).filter(|(side, _)| !side.is_empty());
    let mut paragraphs: Vec<String> = sides.map(|(side, word)| format!("**{word}** for {}", side.join(", "))).collect();
    paragraphs.extend(errors.into_iter().take(1));
    paragraphs
}

/// What it means, its value at this line, and where it is defined.
fn about_macro(analysis: &Analysis<'_>, name: &str, line_start: usize) -> Vec<String> {
    let mut paragraphs = match reference::find_macro(name) {
        Some(term) => about_term(term),
        None => vec![format!("`%{name}`")],
    };
    let definitions = analysis.definitions(name);
    let arch = own_arch();
    let is_call = definitions.iter().any(|definition| definition.options.is_some());
    let is_built_in = reference::find(Topic::BuiltinMacro, name).is_some();
    if !is_call && !is_built_in {
        let view = in_configuration(&analysis.tree_before(line_start), &arch, &format!("%{{?{name}}}"));
        if !view.expanded.is_empty() {
            paragraphs.push(format!("Here, for {arch}: `{}`", printable(&view.expanded)));
        }
    }
    if definitions.is_empty() && reference::find_macro(name).is_none() {
        paragraphs.push("Not defined here.".to_owned());
    }
    for definition in definitions.iter().take(MOST_ENTRIES) {
        let location = analysis.tree.locate(definition.name_span);
        let who = match definition.kind {
            DefinitionKind::Define | DefinitionKind::Global => "the configuration",
            DefinitionKind::Block | DefinitionKind::DistMacro => "recipes",
        };
        let body = printable(definition.body.lines().next().unwrap_or_default());
        paragraphs.push(format!("Line {} of {}, seen by {who}: `{body}`", location.line, location.name));
    }
    paragraphs
}

/// Which architectures have it in the end.
fn about_entry(analysis: &Analysis<'_>, keyword: &Keyword, entry: &str) -> Vec<String> {
    let has = |arch: &String| {
        let evaluated = evaluate(&analysis.tree, &Options::for_arch(arch));
        prjconf::values(&evaluated.config, keyword.name())
            .iter()
            .any(|value| value == entry || value.strip_prefix(entry).is_some_and(|rest| rest.starts_with(' ')))
    };
    let (with, without): (Vec<String>, Vec<String>) = analysis.arches().into_iter().partition(has);
    if with.is_empty() {
        return Vec::new();
    }
    let mut paragraphs = vec![format!("`{}` has `{}` for {}", keyword.spelling, printable(entry), with.join(", "))];
    if !without.is_empty() {
        paragraphs.push(format!("not for {}", without.join(", ")));
    }
    paragraphs
}
