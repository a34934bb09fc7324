//! Open Build Service's interface, as its command-line client `osc` knows it: `/source`, `/build` and a few more.
//!
//! Words of that service live here and nowhere else: `_meta` in [`meta`], states in [`codes`]. Everything but `/about` needs
//! credentials; the client sends them after a 401 only, so every request comes twice. What Kiln does not have is refused
//! with a summary that names it, never answered as if it were there.

mod attributes;
mod binaries;
mod blame;
mod buildinfo;
mod call;
mod codes;
mod commands;
mod config;
mod cpio;
mod depinfo;
mod dispatch;
mod error;
mod flags;
mod history;
mod instance;
mod keys;
mod log;
mod meta;
mod packages;
mod people;
mod published;
mod repository;
mod results;
mod search;
mod source_commands;
mod source_diff;
mod sources;
mod workers;
mod xml;
mod xpath;

use axum::Router;
use axum::routing::any;

use crate::app::App;

/// The first parts of its paths that have anything below them.
const TREES: [&str; 9] =
    ["source", "build", "person", "group", "search", "request", "published", "attribute", "worker"];

/// Paths of their own.
const LEAVES: [&str; 4] = ["/about", "/configuration", "/distributions", "/architectures"];

/// The routes of the dialect: one handler, which takes the path apart itself, since the client writes the same name both
/// with and without percent signs.
pub(crate) fn routes() -> Router<App> {
    let leaves = LEAVES.into_iter().fold(Router::new(), |router, path| router.route(path, any(dispatch::handle)));
    TREES.into_iter().fold(leaves, |router, tree| {
        router
            .route(&format!("/{tree}"), any(dispatch::handle))
            .route(&format!("/{tree}/"), any(dispatch::handle))
            .route(&format!("/{tree}/{{*path}}"), any(dispatch::handle))
    })
}
