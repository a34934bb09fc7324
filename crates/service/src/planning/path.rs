//! The repositories a build takes packages and configuration from.

use model::{PathElement, ProjectId, Repository};
use store::Session;

use crate::ServiceError;

/// Longest path that is followed.
const LONGEST: usize = 64;

/// One repository of an expanded path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) repository: Repository,
    pub(crate) project: ProjectId,
}

impl Layer {
    /// How paths name it.
    pub(super) fn element(&self) -> PathElement {
        element(&self.repository)
    }
}

fn element(repository: &Repository) -> PathElement {
    PathElement { project: repository.project.clone(), repository: repository.name.clone() }
}

/// The repository itself, then its path, strongest first. Elements that do not exist are named in the second list.
///
/// Rule: Open Build Service's path expansion: only the last element so far is expanded by its own path; each element
/// counts once.
pub(crate) async fn expand(
    session: &mut Session,
    start: Repository,
) -> Result<(Vec<Layer>, Vec<PathElement>), ServiceError> {
    let mut seen = vec![element(&start)];
    let mut next = start.path.clone();
    let mut layers = Vec::new();
    let mut missing = Vec::new();
    layers.extend(layer(session, start).await?);
    while !next.is_empty() && seen.len() < LONGEST {
        let mut last_path = Vec::new();
        for element in std::mem::take(&mut next) {
            last_path = Vec::new();
            if seen.contains(&element) {
                continue;
            }
            seen.push(element.clone());
            let Some(repository) = session.repository(&element.project, &element.repository).await? else {
                missing.push(element);
                continue;
            };
            last_path.clone_from(&repository.path);
            layers.extend(layer(session, repository).await?);
        }
        next = last_path;
    }
    Ok((layers, missing))
}

async fn layer(session: &mut Session, repository: Repository) -> Result<Option<Layer>, ServiceError> {
    let project = session.project_by_name(&repository.project).await?;
    Ok(project.map(|project| Layer { project: project.id, repository }))
}
