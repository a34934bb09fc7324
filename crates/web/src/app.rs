//! What every handler shares, and the one router of all dialects.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware;
use service::Service;
use tokio_util::sync::CancellationToken;

use crate::auth::ClientSessions;
use crate::guesses::Guesses;
use crate::signature::Replays;
use crate::{copr, files, native, obs, pages};

/// What the interface needs to know besides the service.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Address people reach the server at, for requests that do not say where they came to.
    pub public_url: String,
    /// Largest request with files, in bytes.
    pub upload_bytes: u64,
    /// Canceled when the server stops: streams that follow something end then.
    pub stop: CancellationToken,
}

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) service: Service,
    pub(crate) options: Arc<WebOptions>,
    pub(crate) guesses: Arc<Guesses>,
    pub(crate) replays: Arc<Replays>,
    pub(crate) client_sessions: Arc<ClientSessions>,
}

/// Every address Kiln answers.
pub fn router(service: Service, options: WebOptions) -> Router {
    let app = App {
        service,
        options: Arc::new(options),
        guesses: Arc::default(),
        replays: Arc::default(),
        client_sessions: Arc::default(),
    };
    let routes =
        copr::routes().merge(native::routes()).merge(obs::routes()).merge(files::routes()).merge(pages::routes());
    // The outer router has no routes, so its layer sees a request before the inner one looks at the path.
    Router::new().fallback_service(routes.with_state(app)).layer(middleware::map_request(collapse_slashes))
}

/// Clients with a root address that ends in a slash ask for `//api_2/...`.
///
/// Below `/api_3`, a slash at the end means nothing.
async fn collapse_slashes(mut request: Request) -> Request {
    let path = request.uri().path();
    let plain = path.trim_start_matches('/');
    let trailing = plain.starts_with("api_3/") && plain.ends_with('/');
    if path.starts_with("//") || trailing {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let plain = if trailing { plain.trim_end_matches('/') } else { plain };
        let text = format!("/{plain}{query}");
        if let Ok(path_and_query) = text.parse::<PathAndQuery>() {
            *request.uri_mut() = Uri::from(path_and_query);
        }
    }
    request
}
