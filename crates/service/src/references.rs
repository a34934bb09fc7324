//! Further repositories of a project: other projects of this service, which become part of the path of its repositories.

use model::{PathElement, Project, ProjectId, ProjectName, Repository, RepositoryArch, RepositoryId};
use pkg::Arch;
use store::Session;

use crate::projects::existing;
use crate::{ProjectKey, ServiceError, Target};

/// What stands before the name of a project in a list of further repositories.
pub const PROJECT_REFERENCE: &str = "project://";

/// Longest list of further repositories.
const MAX_REFERENCES: usize = 50;

/// The project that an entry of a list of further repositories names; `None` for the address of a foreign repository.
#[must_use]
pub fn referenced_project(entry: &str) -> Option<ProjectName> {
    ProjectName::parse(entry.strip_prefix(PROJECT_REFERENCE)?).ok()
}

/// Checks entries that builds are to take packages from: web addresses, or projects that exist.
pub(crate) async fn check_references(session: &mut Session, entries: &[String]) -> Result<(), ServiceError> {
    check_count(entries)?;
    for entry in entries {
        match referenced_project(entry) {
            Some(name) => check_exists(session, &name).await?,
            None => check_address(entry)?,
        }
    }
    Ok(())
}

/// Refuses to build where foreign repositories are asked for: a build that silently lacks them would be wrong.
pub(crate) fn check_buildable(
    project: &Project,
    repositories: &[Repository],
    targets: &[(RepositoryId, Arch)],
) -> Result<(), ServiceError> {
    let of_targets = repositories.iter().flat_map(|repository| {
        let wanted = |arch: &&RepositoryArch| targets.contains(&(repository.id, arch.arch.clone()));
        repository.arches.iter().filter(wanted).flat_map(|arch| &arch.options.extra_repositories)
    });
    let mut entries = project.settings.extra_repositories.iter().chain(of_targets);
    match entries.find(|entry| referenced_project(entry).is_none()) {
        None => Ok(()),
        Some(foreign) => Err(ServiceError::Unsupported {
            what: format!("building against the foreign repository {}", foreign.chars().take(200).collect::<String>()),
            instead: "take it out of the project and name a project of this server, or let an administrator add it as \
                      a distribution",
        }),
    }
}

fn check_address(entry: &str) -> Result<(), ServiceError> {
    let web = entry.starts_with("http://") || entry.starts_with("https://");
    // Unknown projects of other dialects come as they were written; they can not be built against, which is said then.
    let other = entry.contains("://") || !entry.contains(':');
    if (web || other) && !entry.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Ok(());
    }
    let url = entry.chars().take(200).collect();
    Err(ServiceError::BadUrl { url, detail: "it must begin with http:// or https://".to_owned() })
}

fn check_count(entries: &[String]) -> Result<(), ServiceError> {
    if entries.len() <= MAX_REFERENCES {
        return Ok(());
    }
    Err(ServiceError::BadValue { field: "further repositories", detail: format!("more than {MAX_REFERENCES}") })
}

async fn check_exists(session: &mut Session, name: &ProjectName) -> Result<(), ServiceError> {
    match session.project_by_name(name).await? {
        Some(_) => Ok(()),
        None => Err(ServiceError::ProjectMissing { project: ProjectKey::Name(name.clone()) }),
    }
}

/// Brings the paths of a project's repositories to what its settings and targets say: further projects first, then what
/// the target builds against. Architectures of one repository share its path.
///
/// A project without a repository of that name has nothing to offer there and is left out.
pub(crate) async fn derive_paths(session: &mut Session, id: ProjectId) -> Result<(), ServiceError> {
    let project = existing(session, id).await?;
    let targets = session.targets().await?;
    for repository in session.repositories(id).await? {
        let Some(base) = base_path(&targets, &repository) else { continue };
        let own = repository.arches.iter().flat_map(|arch| &arch.options.extra_repositories);
        let mut path: Vec<PathElement> = Vec::new();
        for entry in own.chain(&project.settings.extra_repositories) {
            let Some(name) = referenced_project(entry).filter(|name| *name != project.name) else { continue };
            let element = PathElement { project: name, repository: repository.name.clone() };
            let offered = session.repository(&element.project, &element.repository).await?.is_some();
            if offered && !path.contains(&element) {
                path.push(element);
            }
        }
        path.push(base);
        if path != repository.path {
            session.set_path(repository.id, &path).await?;
        }
    }
    Ok(())
}

/// Brings the paths of projects up to date that name a project which may have gained or lost a repository.
pub(crate) async fn relink(session: &mut Session, name: &ProjectName) -> Result<(), ServiceError> {
    for id in session.projects_naming(&format!("{PROJECT_REFERENCE}{name}")).await? {
        derive_paths(session, id).await?;
    }
    Ok(())
}

/// What the target that a repository was made for builds against.
fn base_path(targets: &[Target], repository: &Repository) -> Option<PathElement> {
    targets.iter().find(|target| target.name.repository == repository.name).map(|target| target.path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_projects_are_references() {
        let name = |entry: &str| referenced_project(entry).map(|name| name.to_string());
        assert_eq!(name("project://home:alice:tools").as_deref(), Some("home:alice:tools"));
        for other in ["", "project://", "project://a b", "http://example.org/", "home:alice:tools"] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
