use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::UserName;

use super::error::NativeError;
use super::request::{Caller, JsonBody};
use super::wire::{KnownToken, Login, NewTokenRequest, NewUser, RevokedAnswer, RoleRequest, TokenAnswer};
use super::wire::{TokensAnswer, UsersAnswer};
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
    let name = user_called(&name)?;
    let lifetime = Duration::from_secs(wanted.lifetime_seconds);
    let token = app.service.create_token(&user, &name, lifetime).await?;
    let answer = TokenAnswer { user: token.user, login: token.login, token: token.token, expires_at: token.expires_at };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The name of a user or group in a path.
pub(super) fn user_called(text: &str) -> Result<UserName, NativeError> {
    UserName::parse(text).map_err(|error| NativeError::invalid(error.to_string()))
}

/// `GET /users`.
pub(super) async fn list(State(app): State<App>, Caller(_): Caller) -> Result<Json<UsersAnswer>, NativeError> {
    let users = app.service.users().await?.into_iter();
    Ok(Json(UsersAnswer { users: users.map(|user| Login { user: user.name, admin: user.admin }).collect() }))
}

/// `PUT /users/NAME`.
pub(super) async fn set_role(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
    JsonBody(wanted): JsonBody<RoleRequest>,
) -> Result<Json<Login>, NativeError> {
    let name = user_called(&name)?;
    app.service.set_admin(&user, &name, wanted.admin).await?;
    Ok(Json(Login { user: name, admin: wanted.admin }))
}

/// `GET /users/NAME/tokens`.
pub(super) async fn tokens(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
) -> Result<Json<TokensAnswer>, NativeError> {
    let tokens = app.service.tokens(&user, &user_called(&name)?).await?.into_iter();
    Ok(Json(TokensAnswer { tokens: tokens.map(|(login, expires_at)| KnownToken { login, expires_at }).collect() }))
}

/// `DELETE /users/NAME/tokens`.
pub(super) async fn revoke_all(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
) -> Result<Json<RevokedAnswer>, NativeError> {
    let revoked = app.service.revoke_tokens(&user, &user_called(&name)?, None).await?;
    Ok(Json(RevokedAnswer { revoked }))
}

/// `DELETE /users/NAME/tokens/LOGIN`.
pub(super) async fn revoke(
    State(app): State<App>,
    Caller(user): Caller,
    Path((name, login)): Path<(String, String)>,
) -> Result<Json<RevokedAnswer>, NativeError> {
    let revoked = app.service.revoke_tokens(&user, &user_called(&name)?, Some(&login)).await?;
    Ok(Json(RevokedAnswer { revoked }))
}
