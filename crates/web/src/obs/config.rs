//! The build configuration of a project: `_config`, and its history in the pseudo package `_project`.

use axum::body::Body;
use axum::response::Response;
use model::Project;
use pkg::Md5;
use service::ConfigRevision;

use super::blame::{self, Version};
use super::call::{Answer, Call, document, ok, plain, read_bytes};
use super::error::ObsError;
use super::xml::Node;

/// Most revisions of a history.
const MAX_REVISIONS: u32 = 1000;

/// `GET /source/P/_config?rev=`: the exact bytes; empty without one.
pub(super) async fn show(call: &Call, project: &Project) -> Answer {
    match call.query.get("view") {
        None => Ok(plain(wanted(call, project).await?.text)),
        Some("blame") => {
            let version = |revision: ConfigRevision| Version {
                revision: revision.revision,
                author: revision.author,
                at: revision.created_at,
                text: revision.text,
            };
            let versions = history(call, project).await?.into_iter().map(version).collect();
            blame::answer(&blame::until(call, versions)?)
        }
        Some(_) => Err(ObsError::not_yet("this view of a build configuration")),
    }
}

async fn wanted(call: &Call, project: &Project) -> Result<ConfigRevision, ObsError> {
    let service = &call.app.service;
    let revision = match call.query.get("rev") {
        None | Some("latest" | "") => return Ok(service.config(project.id).await?),
        Some(text) => text,
    };
    if let Ok(number) = revision.parse() {
        return Ok(service.config_revision(project.id, number).await?);
    }
    for revision in history(call, project).await? {
        if call.query.get("rev") == Some(tree(&revision).as_str()) {
            return Ok(revision);
        }
    }
    Err(ObsError::missing("no such revision"))
}

/// `PUT /source/P/_config`: refused if the text has an error, with the first one's place.
pub(super) async fn store(call: &Call, project: &Project, body: Body) -> Answer {
    let text = read_bytes(body).await?;
    call.app.service.set_checked_config(&call.user, project.id, text, call.comment()).await?;
    Ok(ok())
}

async fn history(call: &Call, project: &Project) -> Result<Vec<ConfigRevision>, ObsError> {
    let service = &call.app.service;
    let mut revisions = Vec::new();
    for change in service.config_changes(project.id, Some(MAX_REVISIONS), 0).await? {
        revisions.push(service.config_revision(project.id, change.revision).await?);
    }
    revisions.reverse();
    Ok(revisions)
}

/// The name of a revision's tree, whose only file is the configuration.
fn tree(revision: &ConfigRevision) -> String {
    let lines =
        if revision.text.is_empty() { String::new() } else { format!("{}  _config\n", Md5::of(&revision.text)) };
    Md5::of(lines.as_bytes()).to_string()
}

/// `GET /source/P/_project/_history`.
pub(super) async fn revisions(call: &Call, project: &Project) -> Answer {
    if call.flag("meta")? {
        return super::history::of_project(call, project).await;
    }
    let limit = call.number("limit")?.and_then(|limit| usize::try_from(limit).ok());
    let mut all = history(call, project).await?;
    if let Some(limit) = limit {
        all.drain(..all.len().saturating_sub(limit));
    }
    let node = |revision: &ConfigRevision| {
        Node::new("revision")
            .with("rev", revision.revision)
            .child(Node::leaf("srcmd5", tree(revision)))
            .child(Node::leaf("version", "unknown"))
            .child(Node::leaf("time", revision.created_at.as_seconds().to_string()))
            .child(Node::leaf("user", revision.author.as_ref().map(ToString::to_string).unwrap_or_default()))
            .child(Node::leaf("comment", revision.comment.as_str()))
    };
    Ok(document(&Node::new("revisionlist").children(all.iter().map(node))))
}

/// `GET /source/P/_project`.
pub(super) async fn listing(call: &Call, project: &Project) -> Result<Response, ObsError> {
    let revision = wanted(call, project).await?;
    let root = Node::new("directory").with("name", "_project");
    if revision.revision == 0 {
        return Ok(document(&root.with("srcmd5", tree(&revision))));
    }
    let entry = Node::new("entry")
        .with("name", "_config")
        .with("md5", Md5::of(&revision.text))
        .with("size", revision.text.len())
        .with("mtime", revision.created_at.as_seconds());
    let entry = (!revision.text.is_empty()).then_some(entry);
    Ok(document(&root.with("rev", revision.revision).with("srcmd5", tree(&revision)).children(entry)))
}
