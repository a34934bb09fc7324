//! Pages for people: what this server is, its projects, a project, a build. No script anywhere.

mod build;
pub(crate) mod html;
mod index;
mod project;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::address::encode_segment;
use crate::app::App;
use crate::files::security_headers;

/// The routes of all pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(index::show))
        .route("/style.css", get(style))
        .route("/projects/{name}", get(project::show))
        .route("/builds/{id}", get(build::show))
        .route("/api", get(index::tokens))
        .route("/api/", get(index::tokens))
        // Copr's clients print this address after a submission.
        .route("/coprs/build/{id}", get(copr_build))
}

async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=3600")];
    (headers, include_str!("style.css"))
}

async fn copr_build(Path(id): Path<String>) -> Redirect {
    Redirect::temporary(&format!("/builds/{}", encode_segment(&id)))
}

/// A finished page.
fn answer(title: &str, body: &str) -> Response {
    let mut response = Html(html::page(title, body)).into_response();
    security_headers(&mut response);
    response
}
