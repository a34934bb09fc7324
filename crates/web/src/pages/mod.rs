//! Pages for people: what this server is and does, its projects, their packages, builds, logs and configurations.
//!
//! Everything can be read without a script. Read [`html`] first, which makes wrong markup impossible, then `layout`.

mod account;
mod actions;
mod again;
mod assets;
mod build;
mod config;
mod error;
mod home;
pub(crate) mod html;
mod layout;
mod log;
mod login;
mod matrix;
mod package;
mod project;
mod projects;
mod provider;
mod settings;
mod subject;
mod task;
mod timeline;
mod why;
pub(crate) mod words;

use axum::Router;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use model::{Project, ProjectName, RepositoryName};
use pkg::Arch;
use service::TargetName;

use self::error::PageError;
use self::html::{Html, tag};
use self::layout::Page;
pub(crate) use self::layout::page;
use self::login::see;
use crate::app::App;
use crate::session::{Posted, Visitor};

/// The routes of all pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home::show))
        .route("/assets/{tag}/{name}", get(assets::show))
        .route("/projects", get(projects::list))
        .route("/projects/{name}", get(matrix::show))
        .route("/projects/{name}/rebuild", post(actions::rebuild_outdated))
        .route("/projects/{name}/builds", get(project::builds))
        .route("/projects/{name}/repositories", get(project::repositories))
        .route("/projects/{name}/packages/{package}", get(package::show))
        .route("/projects/{name}/packages/{package}/why", get(why::show))
        .route("/projects/{name}/packages/{package}/again", get(again::show))
        .route("/projects/{name}/packages/{package}/rebuild", post(actions::rebuild))
        .route("/projects/{name}/config", get(config::show).post(config::save))
        .route("/projects/{name}/config/effective", get(config::effective))
        .route("/projects/{name}/config/history", get(config::history))
        .route("/projects/{name}/config/history/{number}", get(config::revision))
        .route("/projects/{name}/settings", get(settings::show).post(settings::save))
        .route("/projects/{name}/settings/targets", post(settings::save_targets))
        .route("/users/{name}", get(project::user))
        .route("/builds/{id}", get(build::show))
        .route("/builds/{id}/cancel", post(actions::cancel))
        .route("/tasks/{id}", get(task::show))
        .route("/tasks/{id}/lines", get(log::lines))
        .merge(login::routes())
        .merge(account::routes())
        .merge(provider::routes())
        .route("/api", get(home::tokens))
        .route("/api/", get(home::tokens))
        .route("/coprs/build/{id}", get(build::copr_build))
}

/// The project of a name in an address.
async fn project_called(app: &App, name: &str) -> Result<Project, PageError> {
    let name = ProjectName::parse(name).map_err(|_| PageError::Missing)?;
    Ok(app.service.project_by_name(&name).await?)
}

/// A target as `REPOSITORY/ARCH`.
fn target_called(text: &str) -> Result<TargetName, PageError> {
    let named = text.split_once('/').and_then(|(repository, arch)| {
        Some(TargetName { repository: RepositoryName::parse(repository).ok()?, arch: Arch::parse(arch).ok()? })
    });
    named.ok_or_else(|| PageError::Invalid("A target is a repository, a slash and an architecture.".to_owned()))
}

/// A table with a head; rows of it are put together already.
fn html_table(heads: &[&str], rows: Html) -> Html {
    let heads: Html = heads.iter().map(|head| tag("th").attr("scope", "col").add(*head)).collect();
    let head = tag("thead").add(tag("tr").add(heads));
    tag("table").class("list").add(head).add(tag("tbody").add(rows)).into()
}

/// A page whose body is HTML put together by hand, with everything from outside escaped.
fn answer(visitor: &Visitor, title: &str, body: &str) -> Response {
    Page::new(visitor, title, "/").add(Html::trusted(body)).answer()
}

/// A page or a redirection that nobody but the one who asked may keep.
fn private(mut response: Response) -> Response {
    layout::headers(&mut response);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page that says why something was not done.
pub(crate) fn refusal(status: StatusCode, title: &str, message: &str) -> Response {
    let visitor = Visitor::default();
    let page = Page::new(&visitor, title, "/").add(tag("h1").add(title));
    let mut response = private(page.add(tag("p").attr("id", "message").add(message)).answer());
    *response.status_mut() = status;
    response
}
