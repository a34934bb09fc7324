use axum::response::{Html, IntoResponse, Response};
use model::Timestamp;

use super::answer::security_headers;
use crate::address::encode_segment;
use crate::pages::html::escape;
use crate::pages::page;
use crate::pages::words::time;

/// One line of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Name; of a folder without a slash.
    pub(super) name: String,
    /// Size in bytes; `None` for a folder.
    pub(super) bytes: Option<u64>,
    /// When it was made, if that is known.
    pub(super) modified: Option<Timestamp>,
}

impl Line {
    /// A folder.
    pub(super) fn folder(name: impl Into<String>) -> Self {
        Self { name: name.into(), bytes: None, modified: None }
    }

    /// A file.
    pub(super) fn file(name: impl Into<String>, bytes: u64, modified: Option<Timestamp>) -> Self {
        Self { name: name.into(), bytes: Some(bytes), modified }
    }
}

/// A folder as a page whose links are relative, as download tools want them.
pub(super) fn listing(path: &str, lines: &[Line]) -> Response {
    let mut rows = String::from("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    for line in lines {
        let slash = if line.bytes.is_none() { "/" } else { "" };
        // A name with a colon before the first slash would read as a scheme.
        rows.push_str(&format!(
            "<tr><td><a href=\"./{}{slash}\">{}{slash}</a></td><td class=\"number\">{}</td><td>{}</td></tr>\n",
            encode_segment(&line.name),
            escape(&line.name),
            line.bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            line.modified.map(time).unwrap_or_default(),
        ));
    }
    let body = format!(
        "<h1>{}</h1>\n<table class=\"files\">\n<tr><th>Name</th><th>Bytes</th><th>Time</th></tr>\n{rows}</table>\n",
        escape(path)
    );
    let mut response = Html(page(path, &body)).into_response();
    security_headers(&mut response);
    response
}
