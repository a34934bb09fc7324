//! Words that fit a place of a build configuration, for editors in browsers.

use axum::Json;
use prjconf::CompletionKind;
use serde::{Deserialize, Serialize};

use super::error::NativeError;
use super::request::{InProject, JsonBody};

/// A place in a text that somebody writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompleteRequest {
    /// The text.
    pub(super) text: String,
    /// Bytes before the cursor.
    pub(super) at: usize,
}

/// What could stand at a place of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CompleteAnswer {
    /// Bytes before what a word replaces.
    pub(super) start: usize,
    /// Bytes before its end.
    pub(super) end: usize,
    /// The words that fit, sorted.
    pub(super) completions: Vec<CompletionAnswer>,
}

/// A word that could stand there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CompletionAnswer {
    /// What is put in.
    pub(super) label: String,
    /// `keyword`, `value`, `condition` or `macro`.
    pub(super) kind: String,
    /// How it is used.
    pub(super) form: String,
    /// What it means.
    pub(super) effect: String,
}

/// `POST /projects/NAME/config/complete`: what could stand at a place of a text; nothing is stored.
pub(super) async fn complete(
    InProject(_): InProject,
    JsonBody(wanted): JsonBody<CompleteRequest>,
) -> Result<Json<CompleteAnswer>, NativeError> {
    let text = wanted.text.as_bytes();
    if wanted.at > text.len() {
        return Err(NativeError::invalid(format!("at: the text has only {} bytes", text.len())));
    }
    let (span, found) = prjconf::completions_at(&prjconf::parse(text), wanted.at);
    let completions = found.into_iter().map(|found| CompletionAnswer {
        label: found.label,
        kind: kind_word(found.kind).to_owned(),
        form: found.form,
        effect: found.effect,
    });
    Ok(Json(CompleteAnswer { start: span.start, end: span.end, completions: completions.collect() }))
}

const fn kind_word(kind: CompletionKind) -> &'static str {
    match kind {
        CompletionKind::Keyword => "keyword",
        CompletionKind::Value => "value",
        CompletionKind::Condition => "condition",
        CompletionKind::Macro => "macro",
    }
}
