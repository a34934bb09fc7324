//! `/published`: what lies in the published repositories.

use model::Project;
use service::{Entry, Published};

use super::call::{Answer, Call, directory, document, repository_name};
use super::error::ObsError;
use super::xml::Node;
use crate::files::{Document, serve_document};

/// `GET /published/...`, of a known project.
pub(super) async fn show(call: &Call, project: &Project, path: &[&str]) -> Answer {
    let [repository, rest @ ..] = path else {
        let repositories = call.app.service.repositories(project.id).await?;
        return Ok(directory(repositories.iter().map(|repository| repository.name.clone())));
    };
    let name = repository_name(repository)?;
    match call.query.get("view") {
        None => {}
        Some("publishedpath") => {
            let path = format!("{}/{name}", project.name);
            return Ok(document(
                &Node::new("publishedpath")
                    .with("project", &project.name)
                    .with("repository", &name)
                    .child(Node::leaf("path", path)),
            ));
        }
        Some(view) => {
            let view: String = view.chars().take(40).collect();
            return Err(ObsError::not_yet(format_args!("the view {view:?} of a published repository")));
        }
    }
    if rest.iter().any(|part| matches!(*part, "." | "..") || part.contains('/')) {
        return Err(ObsError::invalid("not a path of a published repository"));
    }
    match call.app.service.published(&project.name, &name, &rest.join("/")).await? {
        Published::Folder(entries) => Ok(directory(entries.iter().map(|entry: &Entry| entry.name.clone()))),
        Published::File { path, sha256, media_type, .. } => {
            let found = Document { path, sha256: Some(sha256), media_type };
            Ok(serve_document(&call.headers, &found).await?)
        }
    }
}
