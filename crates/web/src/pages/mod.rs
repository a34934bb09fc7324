//! Pages for people: what this server is, its projects, a project, a build. No script anywhere.

mod account;
mod build;
pub(crate) mod html;
mod index;
mod login;
mod project;
mod provider;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::address::encode_segment;
use crate::app::App;
use crate::files::page_headers;

/// The routes of all pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(index::show))
        .route("/style.css", get(style))
        .route("/projects/{name}", get(project::show))
        .route("/builds/{id}", get(build::show))
        .merge(login::routes())
        .merge(account::routes())
        .merge(provider::routes())
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
    page_headers(&mut response);
    response
}

/// A page or a redirection that nobody but the one who asked may keep.
fn private(mut response: Response) -> Response {
    page_headers(&mut response);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page that says why something was not done.
pub(crate) fn refusal(status: StatusCode, title: &str, message: &str) -> Response {
    let body = format!("<h1>{}</h1>\n<p id=\"message\">{}</p>\n", html::escape(title), html::escape(message));
    let mut response = private(answer(title, &body));
    *response.status_mut() = status;
    response
}
