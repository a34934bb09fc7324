//! Users and groups: `/person`, `/group`.

use axum::body::Body;
use model::UserName;
use service::Group;

use super::call::{Answer, Call, directory, document, ok, read_xml};
use super::error::ObsError;
use super::xml::Node;

fn name(text: &str) -> Result<UserName, ObsError> {
    UserName::parse(text).map_err(|error| ObsError::invalid(error.to_string()))
}

/// `GET /person[?prefix=]`.
pub(super) async fn list(call: &Call) -> Answer {
    let prefix = call.query.get("prefix").unwrap_or_default();
    let users = call.app.service.users().await?;
    Ok(directory(users.iter().map(|user| user.name.as_str()).filter(|name| name.starts_with(prefix))))
}

/// `PUT /person/LOGIN`: of oneself, and with nothing that is not known already: Kiln keeps no mail addresses.
pub(super) async fn put_person(call: &Call, login: &str, body: Body) -> Answer {
    let login = name(login)?;
    let denied =
        |what: &str| ObsError::new(axum::http::StatusCode::FORBIDDEN, "change_user_no_permission", what.to_owned());
    if login != call.user.name && !call.user.admin {
        return Err(denied("only the user and administrators may change a user"));
    }
    let known = call.app.service.user(&login).await?;
    let known = known.ok_or_else(|| ObsError::missing(format!("there is no user {login}")))?;
    let root = read_xml(body).await?;
    if root.name != "person" {
        return Err(ObsError::invalid("the document is no <person>"));
    }
    let role = root.children.iter().any(|child| child.name == "globalrole" && child.text().trim() == "Admin");
    for child in &root.children {
        let text = child.text().trim();
        match child.name.as_str() {
            "login" if text == login.as_str() => {}
            "login" => return Err(ObsError::invalid(format!("the login in the document is not {login}"))),
            "state" if text == "confirmed" => {}
            "globalrole" if text == "Admin" => {}
            _ if text.is_empty() && child.children.is_empty() => {}
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(ObsError::not_yet(format_args!("<{other}> of a user")));
            }
        }
    }
    if role != known.admin {
        if !call.user.admin {
            return Err(denied("only administrators make administrators"));
        }
        call.app.service.set_admin(&call.user, &login, role).await?;
    }
    Ok(ok())
}

/// `GET /group[?login=]`.
pub(super) async fn groups(call: &Call) -> Answer {
    let member = call.query.get("login");
    let is_wanted = |group: &&Group| member.is_none_or(|login| group.members.iter().any(|one| one.as_str() == login));
    let groups = call.app.service.groups().await?;
    Ok(directory(groups.iter().filter(is_wanted).map(|group| group.name.clone())))
}

/// `GET /group/NAME`.
pub(super) async fn group(call: &Call, group: &str) -> Answer {
    let found = call.app.service.group(&name(group)?).await?;
    let found = found.ok_or_else(|| ObsError::missing(format!("there is no group {group}")))?;
    let person = |user: &UserName| Node::new("person").with("userid", user);
    Ok(document(
        &Node::new("group")
            .child(Node::leaf("title", found.name.as_str()))
            .child(Node::new("person").children(found.members.iter().map(person))),
    ))
}

/// `PUT /group/NAME`: creates it, and brings its members to those of the document.
pub(super) async fn put_group(call: &Call, group: &str, body: Body) -> Answer {
    let group = name(group)?;
    let root = read_xml(body).await?;
    if root.name != "group" {
        return Err(ObsError::invalid("the document is no <group>"));
    }
    let mut members = Vec::new();
    for child in &root.children {
        match child.name.as_str() {
            "title" if child.text().trim() == group.as_str() => {}
            "title" => return Err(ObsError::invalid(format!("the title in the document is not {group}"))),
            "person" => {
                for person in &child.children {
                    let user =
                        person.attribute("userid").ok_or_else(|| ObsError::invalid("<person> without userid"))?;
                    members.push(name(user)?);
                }
            }
            _ if child.text().trim().is_empty() && child.children.is_empty() => {}
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(ObsError::not_yet(format_args!("<{other}> of a group")));
            }
        }
    }
    let service = &call.app.service;
    for user in &members {
        if service.user(user).await?.is_none() {
            return Err(ObsError::missing(format!("there is no user {user}")));
        }
    }
    let known = service.group(&group).await?;
    if known.is_none() {
        service.create_group(&call.user, &group).await?;
    }
    let before = known.map(|known| known.members).unwrap_or_default();
    for user in before.iter().filter(|user| !members.contains(user)) {
        service.set_member(&call.user, &group, user, false).await?;
    }
    for user in members.iter().filter(|user| !before.contains(user)) {
        service.set_member(&call.user, &group, user, true).await?;
    }
    Ok(ok())
}

/// `POST /group/NAME?cmd=`.
pub(super) async fn command(call: &Call, group: &str) -> Answer {
    let group = name(group)?;
    let user = || name(call.query.get("userid").ok_or_else(|| ObsError::parameter("userid"))?);
    let is_member = match call.query.get("cmd") {
        Some("add_user") => true,
        Some("remove_user") => false,
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            return Err(ObsError::not_yet(format_args!("cmd={other} of a group")));
        }
        None => return Err(ObsError::parameter("cmd")),
    };
    call.app.service.set_member(&call.user, &group, &user()?, is_member).await?;
    Ok(ok())
}

/// `DELETE /group/NAME`.
pub(super) async fn delete_group(call: &Call, group: &str) -> Answer {
    call.app.service.delete_group(&call.user, &name(group)?).await?;
    Ok(ok())
}
