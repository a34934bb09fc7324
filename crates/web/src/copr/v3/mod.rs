//! Copr's API v3 below `/api_3`, as `copr` 2.7 and `copr-cli` 2.6 use it; `.repo` files below `/coprs`; web hooks.
//!
//! Every answer is a JSON object, errors included. What Kiln can not do is refused with an error that names it: nothing is
//! taken and then ignored. docs/formats/http-api.md lists the differences from the real server.

mod build_chroots;
mod build_create;
mod build_options;
mod builds;
mod chroots;
mod echoes;
mod error;
mod form;
mod general;
mod input;
mod monitor;
mod openapi;
mod package_source;
mod packages;
mod paging;
mod payloads;
mod permissions;
mod project_form;
mod projects;
mod repo_files;
mod request;
mod views;
mod webhooks;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::WARNING;
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get, post, put};

use crate::app::App;

/// Kind and fields of what a job makes a source from.
pub(super) fn shown_source(source: &model::PackageSource) -> (&'static str, serde_json::Value) {
    package_source::shown(Some(source))
}

/// The routes of the dialect.
pub(crate) fn routes() -> Router<App> {
    reading()
        .merge(writing())
        .route("/api_3/{*rest}", any(error::unknown_address))
        .method_not_allowed_fallback(error::unknown_address)
        .layer(middleware::map_response(error::always_json))
        .merge(Router::new().route("/coprs/{*path}", get(repo_files::show)))
        .merge(Router::new().route("/webhooks/{*path}", post(webhooks::receive)))
}

/// What anybody may ask.
fn reading() -> Router<App> {
    let at = |path: &str| format!("/api_3{path}");
    Router::new()
        .route("/api_3", get(general::version))
        .route("/api_3/", get(general::version))
        .route(&at("/openapi.json"), get(openapi::show))
        .route(&at("/gssapi_login"), get(general::gssapi))
        .route(&at("/mock-chroots/list"), get(chroots::offered))
        .route(&at("/project"), get(projects::get))
        .route(&at("/project/list"), get(projects::list))
        .route(&at("/project/search"), get(projects::search))
        .route(&at("/project/permissions/can_build_in/{who}/{owner}/{project}"), get(permissions::can_build_in))
        .route(&at("/project-chroot"), get(chroots::get))
        .route(&at("/project-chroot/build-config"), get(chroots::build_config))
        .route(&at("/build/list"), get(builds::list))
        .route(&at("/build/{id}"), get(builds::get))
        .route(&at("/build/source-chroot/{id}"), get(builds::source_chroot))
        .route(&at("/build/source-build-config/{id}"), get(builds::source_build_config))
        .route(&at("/build/built-packages/{id}"), get(builds::built_packages))
        .route(&at("/build-chroot"), get(build_chroots::get))
        .route(&at("/build-chroot/list"), get(build_chroots::list))
        .route(&at("/build-chroot/list/{id}"), get(build_chroots::list_in_path))
        .route(&at("/build-chroot/build-config"), get(build_chroots::build_config))
        .route(&at("/build-chroot/built-packages"), get(build_chroots::built_packages))
        .route(&at("/build-chroot/{id}/{chroot}"), get(build_chroots::get_in_path))
        .route(&at("/monitor"), get(monitor::show))
        .route(&at("/package"), get(packages::get))
        .route(&at("/package/list"), get(packages::list))
        .route(&at("/rpmrepo/{owner}/{project}/{release}"), get(repo_files::for_plugin))
}

/// What needs a token.
fn writing() -> Router<App> {
    let at = |path: &str| format!("/api_3{path}");
    Router::new()
        .route(&at("/auth-check"), get(general::auth_check))
        .route(&at("/api-token"), post(general::new_token))
        .route(&at("/project/add/{owner}"), post(projects::add))
        .route(&at("/project/edit/{owner}/{project}"), with_post(put(projects::edit), post(projects::edit)))
        .route(&at("/project/delete/{owner}/{project}"), with_post(delete(projects::delete), post(projects::delete)))
        .route(&at("/project/fork/{owner}/{project}"), post(projects::fork))
        .route(
            &at("/project/regenerate-repos/{owner}/{project}"),
            with_post(put(projects::regenerate), post(projects::regenerate)),
        )
        .route(&at("/project/permissions/get/{owner}/{project}"), get(permissions::get))
        .route(
            &at("/project/permissions/set/{owner}/{project}"),
            with_post(put(permissions::set), post(permissions::set)),
        )
        .route(
            &at("/project/permissions/request/{owner}/{project}"),
            with_post(put(permissions::request), post(permissions::request)),
        )
        .route(&at("/webhook/generate/{owner}/{project}"), post(projects::new_webhook_secret))
        .route(
            &at("/project-chroot/edit/{owner}/{project}/{chroot}"),
            with_post(put(chroots::edit), post(chroots::edit)),
        )
        .route(&at("/build/cancel/{id}"), with_post(put(builds::cancel), post(builds::cancel)))
        .route(&at("/build/delete/list"), with_post(delete(builds::delete_list), post(builds::delete_list)))
        .route(&at("/build/delete/{id}"), with_post(delete(builds::delete), post(builds::delete)))
        .route(&at("/build/check-before-build"), post(build_create::check))
        .route(&at("/build/create/url"), post(build_create::from_urls))
        .route(&at("/build/create/upload"), post(build_create::from_files))
        .route(&at("/build/create/scm"), post(build_create::scm))
        .route(&at("/build/create/distgit"), post(build_create::distgit))
        .route(&at("/build/create/pypi"), post(build_create::pypi))
        .route(&at("/build/create/rubygems"), post(build_create::rubygems))
        .route(&at("/build/create/custom"), post(build_create::custom))
        .route(&at("/build/create/rpm-upload"), post(build_create::rpm_upload))
        .route(&at("/package/add/{owner}/{project}/{name}/{type}"), post(packages::add))
        .route(&at("/package/edit/{owner}/{project}/{name}/{type}"), post(packages::edit).put(packages::edit))
        .route(
            &at("/package/edit/{owner}/{project}/{name}"),
            post(packages::edit_same_type).put(packages::edit_same_type),
        )
        .route(&at("/package/reset"), with_post(put(packages::reset), post(packages::reset)))
        .route(&at("/package/build"), post(packages::build))
        .route(&at("/package/delete"), with_post(delete(packages::delete), post(packages::delete)))
}

/// Older clients know only POST; they are told.
fn with_post(modern: MethodRouter<App>, old: MethodRouter<App>) -> MethodRouter<App> {
    modern.merge(old.layer(middleware::map_response(warn)))
}

async fn warn(mut response: Response) -> Response {
    let text = "299 - \"This method is deprecated: Use PUT or DELETE instead of POST\"";
    response.headers_mut().insert(WARNING, HeaderValue::from_static(text));
    response
}
