use axum::Json;
use axum::extract::{Path, Request, State};
use model::RightState;
use serde_json::{Map, Value, json};
use service::{ErrorKind, RightChange, ServiceError};

use super::error::{V3Error, short};
use super::form::Form;
use super::input::Input;
use super::request::{Caller, project as find, user_name};
use crate::app::App;

/// Most users whose rights one request may change.
const MOST_USERS: usize = 500;

const fn word(state: RightState) -> &'static str {
    match state {
        RightState::Nothing => "nothing",
        RightState::Requested => "request",
        RightState::Approved => "approved",
    }
}

fn state(text: &str) -> Option<RightState> {
    RightState::ALL.into_iter().find(|state| word(*state) == text)
}

/// `GET /project/permissions/get/OWNER/PROJECT`.
pub(super) async fn get(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, V3Error> {
    let project = find(&app, &owner, &name).await?;
    let rights = app.service.rights(&user, project.id).await?;
    if rights.is_empty() {
        return Err(V3Error::missing(format!("No permissions set on {}/{} project", short(&owner), short(&name))));
    }
    let shown: Map<String, Value> = rights
        .into_iter()
        .map(|right| (right.user.to_string(), json!({"admin": word(right.edit), "builder": word(right.build)})))
        .collect();
    Ok(Json(json!({ "permissions": shown })))
}

/// `PUT /project/permissions/set/OWNER/PROJECT`: all of it or nothing.
pub(super) async fn set(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let form = Input::read(&app, &user, request).await?.form();
    let project = find(&app, &owner, &name).await?;
    let changes = changes(form)?;
    match app.service.set_rights(&user, project.id, &changes).await {
        Ok(()) => {
            let updated: Vec<String> = changes.iter().map(|change| change.user.to_string()).collect();
            Ok(Json(json!({ "updated": updated })))
        }
        Err(ServiceError::UserMissing { user }) => {
            Err(V3Error::invalid(format!("user '{user}' doesn't exist in database")))
        }
        Err(ServiceError::OwnsProject { user, .. }) => Err(owner_error(user.as_str(), &owner, &name)),
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(V3Error::denied("only owners and admins may update their projects permissions"))
        }
        Err(error) => Err(error.into()),
    }
}

fn owner_error(user: &str, owner: &str, name: &str) -> V3Error {
    V3Error::invalid(format!("user '{user}' is owner of the '{owner}/{name}' project"))
}

fn changes(form: Form) -> Result<Vec<RightChange>, V3Error> {
    let wanted = form.into_values();
    if wanted.is_empty() {
        return Err(V3Error::invalid("request contains no permissions"));
    }
    if wanted.len() > MOST_USERS {
        return Err(V3Error::invalid(format!("more than {MOST_USERS} users in one request")));
    }
    wanted.into_iter().map(|(user, roles)| change(&user, &roles)).collect()
}

fn change(user: &str, roles: &Value) -> Result<RightChange, V3Error> {
    let mut change = RightChange { user: user_name(user)?, edit: None, build: None };
    let Some(roles) = roles.as_object().filter(|roles| !roles.is_empty()) else {
        return Err(V3Error::invalid(format!("no permission specified for user '{user}'")));
    };
    for (role, wanted) in roles {
        let place = match role.as_str() {
            "admin" => &mut change.edit,
            "builder" => &mut change.build,
            _ => return Err(V3Error::invalid(format!("invalid permission name '{}'", short(role)))),
        };
        let found = wanted.as_str().and_then(state);
        let wrong = || V3Error::invalid(format!("invalid permission {} for '{role}'", short(&wanted.to_string())));
        *place = Some(found.ok_or_else(wrong)?);
    }
    Ok(change)
}

/// `PUT /project/permissions/request/OWNER/PROJECT`.
pub(super) async fn request(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = find(&app, &owner, &name).await?;
    let (edit, build) = (form.boolean("admin"), form.boolean("builder"));
    form.finish()?;
    if edit.is_none() && build.is_none() {
        return Err(V3Error::invalid("no permission requested: name admin or builder"));
    }
    match app.service.request_rights(&user, project.id, edit, build).await {
        Ok(updated) => Ok(Json(json!({ "updated": updated }))),
        Err(ServiceError::OwnsProject { user, .. }) => Err(owner_error(user.as_str(), &owner, &name)),
        Err(error) => Err(error.into()),
    }
}

/// `GET /project/permissions/can_build_in/WHO/OWNER/PROJECT`.
pub(super) async fn can_build_in(
    State(app): State<App>,
    Path((who, owner, name)): Path<(String, String, String)>,
) -> Result<Json<Value>, V3Error> {
    let missing = || V3Error::missing(format!("User {} does not exist", short(&who)));
    let user = app.service.user(&user_name(&who).map_err(|_| missing())?).await?.ok_or_else(missing)?;
    let project = find(&app, &owner, &name).await?;
    let can = app.service.may_build(&user, project.id).await?;
    Ok(Json(json!({"who": who, "ownername": owner, "projectname": name, "can_build_in": can})))
}
