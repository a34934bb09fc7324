use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::error::CoprError;
use super::names::parse_chroot;
use super::views;
use crate::app::App;
use crate::query::{Link, Query};

/// `GET /api_2/mock_chroots`: what distributions offer, in order of creation.
pub(super) async fn list(State(app): State<App>, query: Query) -> Result<Json<Value>, CoprError> {
    let active_only = query.boolean("active_only")?.filter(|only| *only);
    let targets = app.service.targets().await?;
    let shown: Vec<Value> =
        targets.iter().filter(|target| target.active || active_only.is_none()).filter_map(views::mock_chroot).collect();
    let link = Link::new("/api_2/mock_chroots").with_boolean("active_only", active_only);
    Ok(Json(json!({"chroots": shown, "_links": {"self": {"href": link.finish()}}})))
}

/// `GET /api_2/mock_chroots/NAME`.
pub(super) async fn show(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, CoprError> {
    let wanted = parse_chroot(&name).ok_or_else(CoprError::missing)?;
    let targets = app.service.targets().await?;
    let found = targets.iter().find(|target| target.name == wanted).and_then(views::mock_chroot);
    found.map(Json).ok_or_else(CoprError::missing)
}
