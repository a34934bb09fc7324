//! How users say who they are, beside tokens: passwords, SSH keys, sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use service::SshKeyRow;

use super::error::NativeError;
use super::request::{Caller, CallerWithToken, JsonBody};
use super::users::user_called;
use super::wire::{KnownSession, NewSshKey, PasswordRequest, RevokedAnswer, SessionsAnswer, SshKey, SshKeysAnswer};
use crate::app::App;

/// `PUT /users/NAME/password`: not with a session alone, for then a browser left alone would be an account lost.
pub(super) async fn set_password(
    State(app): State<App>,
    CallerWithToken(user): CallerWithToken,
    Path(name): Path<String>,
    JsonBody(wanted): JsonBody<PasswordRequest>,
) -> Result<StatusCode, NativeError> {
    app.service.set_password(&user, &user_called(&name)?, &wanted.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /users/NAME/password`.
pub(super) async fn remove_password(
    State(app): State<App>,
    CallerWithToken(user): CallerWithToken,
    Path(name): Path<String>,
) -> Result<StatusCode, NativeError> {
    app.service.remove_password(&user, &user_called(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn ssh_key(row: SshKeyRow) -> SshKey {
    SshKey { id: row.id, key: row.key, comment: row.comment, created_at: row.created_at }
}

/// `GET /users/NAME/ssh-keys`.
pub(super) async fn ssh_keys(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
) -> Result<Json<SshKeysAnswer>, NativeError> {
    let keys = app.service.ssh_keys(&user, &user_called(&name)?).await?;
    Ok(Json(SshKeysAnswer { keys: keys.into_iter().map(ssh_key).collect() }))
}

/// `POST /users/NAME/ssh-keys`.
pub(super) async fn add_ssh_key(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
    JsonBody(wanted): JsonBody<NewSshKey>,
) -> Result<(StatusCode, Json<SshKey>), NativeError> {
    let added = app.service.add_ssh_key(&user, &user_called(&name)?, &wanted.key).await?;
    Ok((StatusCode::CREATED, Json(ssh_key(added))))
}

/// `DELETE /users/NAME/ssh-keys/ID`.
pub(super) async fn remove_ssh_key(
    State(app): State<App>,
    Caller(user): Caller,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<RevokedAnswer>, NativeError> {
    let removed = app.service.remove_ssh_key(&user, &user_called(&name)?, number(&id)?).await?;
    Ok(Json(RevokedAnswer { revoked: u64::from(removed) }))
}

/// `GET /users/NAME/sessions`.
pub(super) async fn sessions(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
) -> Result<Json<SessionsAnswer>, NativeError> {
    let sessions = app.service.sessions(&user, &user_called(&name)?).await?.into_iter();
    let sessions = sessions.map(|row| KnownSession {
        id: row.id,
        kind: row.kind.as_str().to_owned(),
        agent: row.agent,
        created_at: row.created_at,
        expires_at: row.expires_at,
    });
    Ok(Json(SessionsAnswer { sessions: sessions.collect() }))
}

/// `DELETE /users/NAME/sessions`.
pub(super) async fn end_sessions(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
) -> Result<Json<RevokedAnswer>, NativeError> {
    Ok(Json(RevokedAnswer { revoked: app.service.end_sessions(&user, &user_called(&name)?, None).await? }))
}

/// `DELETE /users/NAME/sessions/ID`.
pub(super) async fn end_session(
    State(app): State<App>,
    Caller(user): Caller,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<RevokedAnswer>, NativeError> {
    let ended = app.service.end_sessions(&user, &user_called(&name)?, Some(number(&id)?)).await?;
    Ok(Json(RevokedAnswer { revoked: ended }))
}

fn number(text: &str) -> Result<i64, NativeError> {
    text.parse().map_err(|_| NativeError::missing("there is no such number"))
}
