//! What an editor shows about the word under the pointer.

use prjconf::keyword::Keyword;
use prjconf::{Options, evaluate};
use serde_json::{Value, json};
use web::native::entries::entries;
use web::native::wire::EntryAnswer;

use super::analysis::Analysis;
use super::words;
use crate::commands::config::{Visibility, in_configuration, names_in};
use crate::runner;

/// How many entries of a list are shown.
const MOST_ENTRIES: usize = 20;

/// The macro whose name is at an offset of the document, with its place.
pub(super) fn macro_at(analysis: &Analysis<'_>, offset: usize) -> Option<(String, usize, usize)> {
    let (start, line) = analysis.document.line_at(offset);
    let at = offset.checked_sub(start)?;
    let used = names_in(line.as_bytes()).into_iter().find(|(_, span)| span.start <= at + 3 && at <= span.end);
    if let Some((name, span)) = used.filter(|(_, span)| at >= front(line, span.start)) {
        let is_define = matches!(name.as_str(), "define" | "global");
        if !is_define {
            return Some((name, start + span.start, start + span.end));
        }
    }
    // The name in a definition has no percent sign.
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let head = line.get(..at)?;
    let word_start = head.trim_end_matches(is_word).len();
    let tail = line.get(word_start..)?;
    let name: String = tail.chars().take_while(|character| is_word(*character)).collect();
    let defined = analysis.definitions(&name).iter().any(|(_, own)| *own == Some(start + word_start));
    (defined && !name.is_empty()).then(|| (name.clone(), start + word_start, start + word_start + name.len()))
}

/// Where the `%{?` in front of a name begins.
fn front(line: &str, name_start: usize) -> usize {
    let head = line.get(..name_start).unwrap_or_default();
    head.trim_end_matches(['{', '?', '!']).len().saturating_sub(1)
}

/// The hover at an offset; null if there is nothing to say.
pub(super) fn hover(analysis: &Analysis<'_>, offset: usize) -> Value {
    let (start, line) = analysis.document.line_at(offset);
    let answer = |text: String, from: usize, to: usize| json!({"contents": {"kind": "markdown", "value": text}, "range": analysis.document.range(from, to)});
    let word_start = start + line.len() - line.trim_start().len();
    let word = line.trim_start().split([' ', '\t']).next().unwrap_or_default();
    let on_word = (word_start..=word_start + word.len()).contains(&offset);
    if on_word && let Some(keyword) = Keyword::of_word(word.as_bytes()) {
        return answer(keyword_text(analysis, keyword), word_start, word_start + word.len());
    }
    if on_word
        && matches!(word, "%if" | "%ifarch" | "%ifnarch" | "%ifos" | "%ifnos" | "%elif" | "%elifarch" | "%elifos")
    {
        return answer(condition_text(analysis, start, line.trim()), word_start, word_start + word.len());
    }
    match macro_at(analysis, offset) {
        Some((name, from, to)) => macro_text(analysis, &name, start).map_or(Value::Null, |text| answer(text, from, to)),
        None => Value::Null,
    }
}

fn own_arch() -> String {
    runner::arches().first().map_or_else(|| "noarch".to_owned(), ToString::to_string)
}

fn keyword_text(analysis: &Analysis<'_>, keyword: &Keyword) -> String {
    let mut text = format!("**{}**\n\n{}", keyword.spelling, words::section(keyword).unwrap_or_default());
    let arch = own_arch();
    let evaluated = evaluate(&analysis.tree, &Options::for_arch(&arch));
    let own = |entry: &&EntryAnswer| Keyword::named(&entry.keyword).is_some_and(|other| other.kind == keyword.kind);
    let all = entries(&analysis.tree, &evaluated);
    let values: Vec<String> = all.iter().filter(own).map(entry_text).collect();
    let shown: Vec<&str> = values.iter().take(MOST_ENTRIES).map(String::as_str).collect();
    let more = values.len().saturating_sub(MOST_ENTRIES);
    if values.is_empty() {
        text.push_str(&format!("\n\nNothing for {arch}."));
    } else {
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        text.push_str(&format!("\n\nFor {arch}:\n```text\n{}{more}\n```", shown.join("\n")));
    }
    text
}

fn entry_text(entry: &EntryAnswer) -> String {
    let text = match (&entry.entry, &entry.value) {
        (Some(key), Some(value)) => format!("{key} = {value}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    };
    prjconf::printable(&text).chars().take(200).collect()
}

/// For which architectures a condition is true.
fn condition_text(analysis: &Analysis<'_>, line_start: usize, line: &str) -> String {
    let before = analysis.tree_before(line_start);
    let line = line.strip_prefix("%el").map_or_else(|| line.to_owned(), |rest| format!("%{rest}"));
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
    let mut text = Vec::new();
    for (side, word) in sides.iter().zip(["true", "false", "wrong"]) {
        if !side.is_empty() {
            text.push(format!("**{word}** for {}", side.join(", ")));
        }
    }
    text.extend(errors.into_iter().take(1));
    text.join("\n\n")
}

fn macro_text(analysis: &Analysis<'_>, name: &str, line_start: usize) -> Option<String> {
    let definitions = analysis.definitions(name);
    let arch = own_arch();
    let view = in_configuration(&analysis.tree_before(line_start), &arch, &format!("%{{?{name}}}"));
    let mut text = vec![format!("**%{name}**")];
    if definitions.is_empty() && view.expanded.is_empty() {
        let is_built_in = words::BUILT_IN.contains(&name);
        text.push(if is_built_in { "built in".to_owned() } else { "not defined here".to_owned() });
        return Some(text.join("\n\n"));
    }
    if !view.expanded.is_empty() {
        text.push(format!("here, for {arch}: `{}`", prjconf::printable(&view.expanded)));
    }
    for (definition, _) in definitions.iter().take(MOST_ENTRIES) {
        let location = analysis.tree.locate(definition.span);
        let who = match definition.visibility {
            Visibility::Configuration => "the configuration",
            Visibility::Recipes => "recipes",
        };
        let body = prjconf::printable(&definition.body);
        text.push(format!("line {} of {}, seen by {who}: `{body}`", location.line, location.name));
    }
    Some(text.join("\n\n"))
}
