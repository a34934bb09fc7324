//! What the `_meta` of a project or a package once was.

use model::{PackageName, Project};
use pkg::Md5;
use service::{Description, Said};

use super::call::{Answer, Call, document};
use super::error::ObsError;
use super::meta;
use super::xml::Node;

/// The name of a tree whose only file is a `_meta` with this text.
fn tree(text: &str) -> String {
    Md5::of(format!("{}  _meta\n", Md5::of(text.as_bytes())).as_bytes()).to_string()
}

/// `GET .../_history?meta=1` of a project.
pub(super) async fn of_project(call: &Call, project: &Project) -> Answer {
    let found = call.app.service.project_descriptions(project.id).await?;
    list(call, found, |said| meta::described(&project.name, said).render())
}

/// `GET .../_history?meta=1` of a package.
pub(super) async fn of_package(call: &Call, project: &Project, package: &PackageName) -> Answer {
    let found = call.app.service.package_descriptions(project.id, package).await?;
    list(call, found, |about| meta::package(&project.name, package, about).render())
}

/// `GET .../_meta?rev=` of a project.
pub(super) async fn project_meta(call: &Call, project: &Project, revision: &str) -> Answer {
    let found = call.app.service.project_descriptions(project.id).await?;
    pick(found, revision, |said| meta::described(&project.name, said))
}

/// `GET .../_meta?rev=` of a package.
pub(super) async fn package_meta(call: &Call, project: &Project, package: &PackageName, revision: &str) -> Answer {
    let found = call.app.service.package_descriptions(project.id, package).await?;
    pick(found, revision, |about| meta::package(&project.name, package, about))
}

fn pick<T>(found: Vec<Said<T>>, revision: &str, node: impl Fn(&T) -> Node) -> Answer {
    for (description, said) in found.iter().rev() {
        let node = node(said);
        if description.revision.to_string() == revision || tree(&node.render()) == revision {
            return Ok(document(&node));
        }
    }
    Err(ObsError::missing("no such revision"))
}

fn list<T>(call: &Call, found: Vec<Said<T>>, render: impl Fn(&T) -> String) -> Answer {
    let limit = call.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let skip = found.len().saturating_sub(limit);
    let node = |(description, said): &Said<T>| {
        let Description { revision, comment, author, created_at, .. } = description;
        Node::new("revision")
            .with("rev", revision)
            .with("vrev", revision)
            .child(Node::leaf("srcmd5", tree(&render(said))))
            .child(Node::leaf("version", "unknown"))
            .child(Node::leaf("time", created_at.as_seconds().to_string()))
            .child(Node::leaf("user", author.as_str()))
            .child(Node::leaf("comment", comment.as_str()))
    };
    Ok(document(&Node::new("revisionlist").children(found.iter().skip(skip).map(node))))
}
