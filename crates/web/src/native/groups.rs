use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use service::ServiceError;

use super::error::NativeError;
use super::request::{Caller, JsonBody};
use super::users::user_called;
use super::wire::{GroupAnswer, GroupsAnswer, NewGroup};
use crate::app::App;

async fn answer(app: &App, name: &str) -> Result<Json<GroupAnswer>, NativeError> {
    let name = user_called(name)?;
    match app.service.group(&name).await? {
        Some(group) => Ok(Json(GroupAnswer { name: group.name, members: group.members })),
        None => Err(ServiceError::GroupMissing { group: name }.into()),
    }
}

/// `GET /groups`.
pub(super) async fn list(State(app): State<App>) -> Result<Json<GroupsAnswer>, NativeError> {
    let groups = app.service.groups().await?.into_iter();
    let groups = groups.map(|group| GroupAnswer { name: group.name, members: group.members });
    Ok(Json(GroupsAnswer { groups: groups.collect() }))
}

/// `POST /groups`.
pub(super) async fn create(
    State(app): State<App>,
    Caller(user): Caller,
    JsonBody(wanted): JsonBody<NewGroup>,
) -> Result<(StatusCode, Json<GroupAnswer>), NativeError> {
    app.service.create_group(&user, &wanted.name).await?;
    Ok((StatusCode::CREATED, answer(&app, wanted.name.as_str()).await?))
}

/// `GET /groups/NAME`.
pub(super) async fn show(State(app): State<App>, Path(name): Path<String>) -> Result<Json<GroupAnswer>, NativeError> {
    answer(&app, &name).await
}

/// `DELETE /groups/NAME`.
pub(super) async fn delete(
    State(app): State<App>,
    Caller(user): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, NativeError> {
    app.service.delete_group(&user, &user_called(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /groups/NAME/members/USER`.
pub(super) async fn add_member(
    State(app): State<App>,
    Caller(user): Caller,
    Path((name, member)): Path<(String, String)>,
) -> Result<Json<GroupAnswer>, NativeError> {
    app.service.set_member(&user, &user_called(&name)?, &user_called(&member)?, true).await?;
    answer(&app, &name).await
}

/// `DELETE /groups/NAME/members/USER`.
pub(super) async fn remove_member(
    State(app): State<App>,
    Caller(user): Caller,
    Path((name, member)): Path<(String, String)>,
) -> Result<StatusCode, NativeError> {
    app.service.set_member(&user, &user_called(&name)?, &user_called(&member)?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
