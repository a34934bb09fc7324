//! Kiln's own interface below `/api/kiln/v1`: JSON in Kiln's words, for the command line and for scripts.
//!
//! [`wire`] has every body; the command line reads answers with the same types.

mod accounts;
mod builds;
mod complete;
mod configs;
mod distributions;
pub mod entries;
mod error;
mod groups;
mod logs;
mod projects;
pub mod reasons;
mod request;
mod status;
mod submit;
mod tasks;
mod users;
mod why;
pub mod wire;

pub(crate) use logs::follow;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post, put};

use crate::app::App;

/// Where the interface begins.
pub const BASE: &str = "/api/kiln/v1";

/// The routes of the dialect.
pub(crate) fn routes() -> Router<App> {
    let at = |path: &str| format!("{BASE}{path}");
    Router::new()
        .route(BASE, get(status::server))
        .route(&at("/login"), get(users::login))
        .route(&at("/users"), get(users::list).post(users::create))
        .route(&at("/users/{name}"), put(users::set_role))
        .route(&at("/users/{name}/tokens"), get(users::tokens).post(users::create_token).delete(users::revoke_all))
        .route(&at("/users/{name}/tokens/{login}"), axum::routing::delete(users::revoke))
        .route(&at("/users/{name}/password"), put(accounts::set_password).delete(accounts::remove_password))
        .route(&at("/users/{name}/ssh-keys"), get(accounts::ssh_keys).post(accounts::add_ssh_key))
        .route(&at("/users/{name}/ssh-keys/{id}"), axum::routing::delete(accounts::remove_ssh_key))
        .route(&at("/users/{name}/sessions"), get(accounts::sessions).delete(accounts::end_sessions))
        .route(&at("/users/{name}/sessions/{id}"), axum::routing::delete(accounts::end_session))
        .route(&at("/groups"), get(groups::list).post(groups::create))
        .route(&at("/groups/{name}"), get(groups::show).delete(groups::delete))
        .route(&at("/groups/{name}/members/{user}"), put(groups::add_member).delete(groups::remove_member))
        .route(&at("/status"), get(status::show))
        .route(&at("/changes"), get(status::changes))
        .route(&at("/targets"), get(projects::targets))
        .route(&at("/distributions"), get(distributions::list).post(distributions::add))
        .route(&at("/distributions/{name}/refresh"), post(distributions::refresh))
        .route(&at("/projects"), get(projects::list).post(projects::create))
        .route(&at("/projects/{name}"), get(projects::show).put(projects::update).delete(projects::delete))
        .route(&at("/projects/{name}/rebuild"), post(projects::rebuild_outdated))
        .route(&at("/projects/{name}/config"), get(configs::show).put(configs::set))
        .route(&at("/projects/{name}/config/check"), post(configs::check))
        .route(&at("/projects/{name}/config/complete"), post(complete::complete))
        .route(&at("/projects/{name}/config/effective"), get(configs::effective))
        .route(&at("/projects/{name}/config/impact"), post(why::impact))
        .route(&at("/projects/{name}/config/revisions"), get(configs::revisions))
        .route(&at("/projects/{name}/config/revisions/{revision}"), get(configs::revision))
        .route(&at("/projects/{name}/packages/{package}/why"), get(why::show))
        .route(&at("/projects/{name}/targets/{target}"), put(projects::enable).delete(projects::disable))
        .route(&at("/builds"), get(builds::list).post(submit::create))
        .route(&at("/builds/{id}"), get(builds::show).delete(builds::delete))
        .route(&at("/builds/{id}/cancel"), post(builds::cancel))
        .route(&at("/tasks/{id}/log"), get(logs::show))
        .route(&at("/tasks/{id}/results"), get(tasks::results))
        .route(&at("/tasks/{id}/results/{file}"), get(tasks::result))
        .route(&at("/tasks/{id}/environment"), get(tasks::environment))
        .route(&at("/{*rest}"), any(error::unknown_address))
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(middleware::map_response(error::always_json))
}

#[cfg(test)]
mod tests {
    /// Reads the routes out of this very file, so that none can be added without its line in the page.
    #[test]
    fn every_route_is_in_the_page_of_the_interface() {
        let page = include_str!("../../../../docs/formats/http-api.md");
        let routes = include_str!("mod.rs").split("&at(\"").skip(1).filter_map(|text| text.split('"').next());
        let routes: Vec<&str> = routes.filter(|route| *route != "/{*rest}").collect();
        assert!(routes.len() > 15, "{routes:?}");
        for route in routes {
            assert!(page.contains(&format!("`{route}`")) || page.contains(&format!("`{route}?")), "{route}");
        }
    }
}
