//! What an editor offers while somebody writes.

use prjconf::{Completion, CompletionKind, Span};
use serde_json::{Value, json};

use super::analysis::Analysis;
use crate::commands::config::USUAL_ARCHES;

/// The words that fit at an offset, with the range they replace.
pub(super) fn complete(analysis: &Analysis<'_>, offset: usize) -> Vec<Value> {
    let (span, found) = prjconf::completions_at(&analysis.own, offset);
    if found.is_empty() {
        return arches(analysis, offset);
    }
    found.iter().map(|completion| item(analysis, span, completion)).collect()
}

fn item(analysis: &Analysis<'_>, span: Span, completion: &Completion) -> Value {
    // The numbers of the protocol for keyword, value, keyword, variable.
    let kind = match completion.kind {
        CompletionKind::Keyword | CompletionKind::Condition => 14,
        CompletionKind::Value => 12,
        CompletionKind::Macro => 6,
    };
    json!({
        "label": completion.label,
        "kind": kind,
        "detail": completion.form,
        "documentation": {"kind": "markdown", "value": completion.effect},
        "textEdit": {"range": analysis.document.range(span.start, span.end), "newText": completion.label},
    })
}

/// Architectures behind the words of conditions that take them.
fn arches(analysis: &Analysis<'_>, offset: usize) -> Vec<Value> {
    let (start, line) = analysis.document.line_at(offset);
    let head = line.get(..offset.saturating_sub(start)).unwrap_or(line);
    let mut words = head.split_ascii_whitespace();
    if !matches!(words.next(), Some("%ifarch" | "%ifnarch" | "%elifarch")) || !head.trim_start().contains(' ') {
        return Vec::new();
    }
    let word_start = head.rfind(' ').map_or(0, |blank| blank + 1);
    let typed = head.get(word_start..).unwrap_or_default();
    let fitting = USUAL_ARCHES.iter().filter(|arch| arch.starts_with(typed));
    let range = analysis.document.range(start + word_start, offset);
    fitting.map(|arch| json!({"label": arch, "kind": 12, "textEdit": {"range": range, "newText": arch}})).collect()
}
