use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::V3Error;
use super::request::Caller;
use crate::app::App;
use crate::pages::words::time;

/// How long a new token works.
const TOKEN_LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);

/// `GET /`.
pub(super) async fn version() -> Json<Value> {
    Json(json!({"version": 3}))
}

/// `GET /auth-check`.
pub(super) async fn auth_check(Caller { user, .. }: Caller) -> Json<Value> {
    Json(json!({"id": user.id, "name": user.name}))
}

/// `GET /gssapi_login`: there is no such login here.
pub(super) async fn gssapi() -> V3Error {
    V3Error::denied(
        "This server has no Kerberos login; get a token with `kiln token` and put it into the configuration",
    )
}

/// `POST /api-token`: a new token; the one of the request stops to work.
pub(super) async fn new_token(State(app): State<App>, Caller { user, login }: Caller) -> Result<Json<Value>, V3Error> {
    let token = app.service.renew_token(&user, &login, TOKEN_LIFETIME).await?;
    let expiration: String = time(token.expires_at).chars().take("YYYY-MM-DD".len()).collect();
    Ok(Json(json!({"api_login": token.login, "api_token": token.token, "expiration": expiration})))
}
