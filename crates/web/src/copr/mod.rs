//! Copr's API v2 below `/api_2`, as its historic Python client knows it; [`v3`] has what today's tools use.
//!
//! Words of Copr live here and nowhere else: project and chroot names in [`names`], states in [`states`]. Where the real
//! server crashed or answered HTML, Kiln answers JSON with the status the client expects; docs/formats/http-api.md lists
//! the differences.

mod build_create;
mod builds;
mod chroots;
mod error;
mod fields;
mod mock_chroots;
pub(crate) mod names;
mod projects;
mod request;
mod root;
pub(crate) mod states;
mod tasks;
pub(crate) mod v3;
mod views;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get};

use crate::app::App;

/// The routes of the dialect.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api_2", get(root::show))
        .route("/api_2/", get(root::show))
        .route("/api_2/projects", get(projects::list).post(projects::create))
        .route("/api_2/projects/{id}", get(projects::show).put(projects::update).delete(projects::delete))
        .route("/api_2/projects/{id}/chroots", get(chroots::list).post(chroots::enable))
        .route("/api_2/projects/{id}/chroots/{name}", get(chroots::show).put(chroots::update).delete(chroots::disable))
        .route("/api_2/mock_chroots", get(mock_chroots::list))
        .route("/api_2/mock_chroots/{name}", get(mock_chroots::show))
        .route("/api_2/builds", get(builds::list).post(build_create::create))
        .route("/api_2/builds/{id}", get(builds::show).put(builds::cancel).delete(builds::delete))
        .route("/api_2/build_tasks", get(tasks::list))
        .route("/api_2/build_tasks/{id}/{chroot}", get(tasks::show))
        .route("/api_2/{*rest}", any(error::unknown_address))
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(middleware::map_response(error::always_json))
        .merge(v3::routes())
}
