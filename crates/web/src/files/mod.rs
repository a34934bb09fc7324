//! Results and repositories as files: `/results/OWNER/PROJECT/CHROOT/BUILD-PACKAGE/` as Copr lays them out, and
//! `/repositories/PROJECT/REPOSITORY/` for package managers.
//!
//! Everything here was made by strangers' recipes: no answer may run as a page of this server.

mod answer;
mod listing;
mod repositories;
mod results;
mod serve;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(crate) use answer::{FileError, security_headers};
pub(crate) use results::{result_path, source_path};
pub(crate) use serve::{Document, media_type, serve_document};

/// The routes of both trees.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/results", get(results::show))
        .route("/results/", get(results::show))
        .route("/results/{*path}", get(results::show))
        .route("/repositories", get(repositories::show))
        .route("/repositories/", get(repositories::show))
        .route("/repositories/{*path}", get(repositories::show))
}
