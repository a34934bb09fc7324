//! The few files pages are made of: one style sheet and small scripts, under addresses that change with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use pkg::Sha256;

/// Bytes of a digest that tell versions of a file apart, as hexadecimal digits.
const TAG_DIGITS: usize = 12;

/// A file that comes with the program.
#[derive(Debug)]
pub(crate) struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
    address: LazyLock<String>,
}

macro_rules! asset {
    ($name:literal, $media_type:literal) => {
        Asset {
            name: $name,
            media_type: $media_type,
            text: include_str!($name),
            address: LazyLock::new(|| address($name, include_str!($name))),
        }
    };
}

/// How everything looks.
pub(crate) static STYLE: Asset = asset!("style.css", "text/css; charset=utf-8");
/// Keeps parts of a page up to date.
pub(crate) static LIVE: Asset = asset!("live.js", "text/javascript; charset=utf-8");
/// Follows logs.
pub(crate) static LOG: Asset = asset!("log.js", "text/javascript; charset=utf-8");
/// The editor of build configurations.
pub(crate) static EDITOR: Asset = asset!("editor.js", "text/javascript; charset=utf-8");
/// Completion in that editor.
pub(crate) static COMPLETE: Asset = asset!("complete.js", "text/javascript; charset=utf-8");
/// Whether a package will be built again.
pub(crate) static AGAIN: Asset = asset!("again.js", "text/javascript; charset=utf-8");
/// The sign of the program, for tabs of browsers.
pub(crate) static ICON: Asset = asset!("icon.svg", "image/svg+xml");

static ALL: [&Asset; 7] = [&STYLE, &LIVE, &LOG, &EDITOR, &COMPLETE, &AGAIN, &ICON];

fn address(name: &str, text: &str) -> String {
    let digest = Sha256::of(text.as_bytes()).to_string();
    format!("/assets/{}/{name}", digest.get(..TAG_DIGITS).unwrap_or(&digest))
}

impl Asset {
    /// Where it is; another place for another content.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// `/assets/TAG/NAME`: of this content it may be kept for ever; under the tag of another program's, only for now.
pub(super) async fn show(Path((tag, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ALL.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let caching = if asset.address().contains(&format!("/{tag}/")) && tag.len() == TAG_DIGITS {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, caching),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (headers, asset.text).into_response()
}
