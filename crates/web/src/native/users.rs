use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::UserName;

use super::error::NativeError;
use super::request::{Caller, JsonBody};
use super::wire::{Login, NewTokenRequest, NewUser, TokenAnswer};
use crate::app::App;

/// `GET /login`: who the credentials belong to.
pub(super) async fn login(Caller(user): Caller) -> Json<Login> {
    Json(Login { user: user.name, admin: user.admin })
}

/// `POST /users`.
pub(super) async fn create(
    State(app): State<App>,
    Caller(user): Caller,
    JsonBody(wanted): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<Login>), NativeError> {
    let created = app.service.create_user(&user, &wanted.name, wanted.admin).await?;
    Ok((StatusCode::CREATED, Json(Login { user: created.name, admin: created.admin })))
}

/// `POST /users/NAME/tokens`.
pub(super) async fn create_token(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
    JsonBody(wanted): JsonBody<NewTokenRequest>,
) -> Result<(StatusCode, Json<TokenAnswer>), NativeError> {
    let name = UserName::parse(&name).map_err(|error| NativeError::invalid(error.to_string()))?;
    let lifetime = Duration::from_secs(wanted.lifetime_seconds);
    let token = app.service.create_token(&user, &name, lifetime).await?;
    let answer = TokenAnswer { user: token.user, login: token.login, token: token.token, expires_at: token.expires_at };
    Ok((StatusCode::CREATED, Json(answer)))
}
