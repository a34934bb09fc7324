//! The server as a whole: what it is, what it offers, who is known.

use axum::response::Response;
use model::{TaskState, UserName};
use service::{ProjectFilter, TaskFilter, User};

use super::call::{Answer, Call, directory, document};
use super::error::ObsError;
use super::xml::Node;
use crate::address;
use crate::app::App;

/// `GET /about`, for anybody.
pub(super) fn about() -> Response {
    document(
        &Node::new("about")
            .child(Node::leaf("title", "Kiln"))
            .child(Node::leaf("description", "Builds packages from sources; this interface is Open Build Service's"))
            .child(Node::leaf("revision", env!("CARGO_PKG_VERSION"))),
    )
}

/// `GET /configuration`.
pub(super) async fn configuration(call: &Call) -> Answer {
    let base = address::base_url(&call.headers, &call.app.options.public_url);
    let schedulers = arches(&call.app).await?.into_iter().map(|arch| Node::leaf("arch", arch));
    Ok(document(
        &Node::new("configuration")
            .child(Node::leaf("title", "Kiln"))
            .child(Node::leaf("name", "kiln"))
            .child(Node::leaf("anonymous", "false"))
            .child(Node::leaf("registration", "deny"))
            .child(Node::leaf("allow_user_to_create_home_project", "true"))
            .child(Node::leaf("download_on_demand", "true"))
            .child(Node::leaf("api_url", base.as_str()))
            .child(Node::leaf("obs_url", base.as_str()))
            .child(Node::new("schedulers").children(schedulers)),
    ))
}

async fn arches(app: &App) -> Result<Vec<String>, ObsError> {
    let mut arches: Vec<String> =
        app.service.targets().await?.iter().map(|target| target.name.arch.to_string()).collect();
    arches.sort();
    arches.dedup();
    Ok(arches)
}

/// `GET /architectures`.
pub(super) async fn architectures(call: &Call) -> Answer {
    Ok(directory(arches(&call.app).await?))
}

/// `GET /distributions`: what new repositories can build against.
pub(super) async fn distributions(call: &Call) -> Answer {
    let mut list: Vec<(String, model::PathElement, Vec<String>)> = Vec::new();
    for target in call.app.service.targets().await?.into_iter().filter(|target| target.active) {
        let (name, arch) = (target.name.repository.to_string(), target.name.arch.to_string());
        match list.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, _, arches)) => arches.push(arch),
            None => list.push((name, target.path, vec![arch])),
        }
    }
    let node = |(number, (name, path, arches)): (usize, (String, model::PathElement, Vec<String>))| {
        let (vendor, version) = name.split_once('-').unwrap_or((&name, ""));
        Node::new("distribution")
            .with("vendor", vendor)
            .with("version", version)
            .with("id", number + 1)
            .child(Node::leaf("name", name.clone()))
            .child(Node::leaf("project", path.project.as_str()))
            .child(Node::leaf("reponame", name.clone()))
            .child(Node::leaf("repository", path.repository.as_str()))
            .child(Node::leaf("link", ""))
            .children(arches.into_iter().map(|arch| Node::leaf("architecture", arch)))
    };
    Ok(document(&Node::new("distributions").children(list.into_iter().enumerate().map(node))))
}

/// `GET /source`.
pub(super) async fn projects(call: &Call) -> Answer {
    if call.flag("deleted")? {
        return Ok(directory(call.app.service.deleted_projects().await?));
    }
    let mut names: Vec<String> = call
        .app
        .service
        .projects(&ProjectFilter::default())
        .await?
        .iter()
        .map(|project| project.name.to_string())
        .collect();
    names.sort();
    Ok(directory(names))
}

/// `GET /person/NAME`.
pub(super) async fn person(call: &Call, name: &str) -> Answer {
    let user = find(call, name).await?.ok_or_else(|| ObsError::missing(format!("there is no user {name}")))?;
    Ok(document(&person_node(&user)))
}

async fn find(call: &Call, name: &str) -> Result<Option<User>, ObsError> {
    match UserName::parse(name) {
        Ok(name) => Ok(call.app.service.user(&name).await?),
        Err(_) => Ok(None),
    }
}

/// A user as a document.
pub(super) fn person_node(user: &User) -> Node {
    let admin = user.admin.then(|| Node::leaf("globalrole", "Admin"));
    Node::new("person")
        .child(Node::leaf("login", user.name.as_str()))
        .child(Node::leaf("email", ""))
        .child(Node::leaf("realname", ""))
        .child(Node::leaf("state", "confirmed"))
        .children(admin)
}

/// `GET /request?view=collection`: asked for after each commit.
pub(super) fn requests(call: &Call) -> Answer {
    match call.query.get("view") {
        Some("collection") => Ok(no_requests()),
        _ => Err(ObsError::not_yet("requests")),
    }
}

/// An answer without requests.
pub(super) fn no_requests() -> Response {
    document(&Node::new("collection").with("matches", 0))
}

/// `GET /worker/_status`: what is built now. Workers are known while they build only.
pub(super) async fn workers(call: &Call) -> Answer {
    let service = &call.app.service;
    let filter = TaskFilter { states: vec![TaskState::Starting, TaskState::Running], ..TaskFilter::default() };
    let mut building = Vec::new();
    for task in service.tasks(&filter).await? {
        let build = service.build(task.build).await?;
        let started = task.started_at.map_or(0, model::Timestamp::as_seconds);
        let node = Node::new("building")
            .with("workerid", format!("task-{}", task.id))
            .with("hostarch", &task.arch)
            .with("project", &build.project)
            .with("repository", &task.repository)
            .with("package", build.package.as_ref().map_or("", model::PackageName::as_str))
            .with("arch", &task.arch)
            .with("starttime", started);
        building.push(node);
    }
    let status = service.status().await?;
    let waiting = status.tasks.get(&TaskState::Pending).copied().unwrap_or_default();
    let waiting = arches(&call.app)
        .await?
        .into_iter()
        .take(1)
        .map(|arch| Node::new("waiting").with("arch", arch).with("jobs", waiting));
    Ok(document(&Node::new("workerstatus").with("clients", building.len()).children(building).children(waiting)))
}
