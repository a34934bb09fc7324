//! Projects and packages as one document: words, persons, switches and repositories, replaced all at once or not at all.

use std::collections::BTreeSet;

use model::{
    About, ArchOptions, FlagKind, PackageName, PathElement, Person, Project, ProjectId, ProjectName, ProjectSettings,
};
use model::{BlockMode, PackageSettings, RebuildMode, Repository, RepositoryArch, RepositoryId, RepositoryName};
use model::{RightState, Role};
use model::{TriggerPolicy, UserName};
use pkg::Arch;
use serde::{Deserialize, Serialize};
use store::{Described, Session};

use crate::background::Reconciler;
use crate::descriptions::{DescribedProject, check_description, note};
use crate::permission::check_new_project;
use crate::projects::{check_size, existing};
use crate::references::relink;
use crate::trees::main_of;
use crate::{ProjectKey, Service, ServiceError, TargetName, User};

/// Most persons, switches or repositories of one project.
const MAX_ENTRIES: usize = 2000;

/// A project with everything its owner says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectView {
    /// The project.
    pub project: Project,
    /// Words, persons and switches; description and address are the settings', the switches say what is true now.
    pub about: About,
    /// Its repositories in the owner's order.
    pub repositories: Vec<Repository>,
}

/// What a project is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedProject {
    /// Words, persons and switches.
    pub about: About,
    /// Repositories; those it has and that are not here are taken away with their results.
    pub repositories: Vec<WantedRepository>,
}

/// How a project is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change<'a> {
    /// Whether repositories may be taken away that others build against; their paths stay as they are then.
    pub force: bool,
    /// Why.
    pub comment: &'a str,
}

/// What a repository is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedRepository {
    /// Name.
    pub name: RepositoryName,
    /// What it builds against, strongest first.
    pub path: Vec<PathElement>,
    /// Architectures.
    pub arches: Vec<Arch>,
    /// Which changes make its packages be built again.
    pub rebuild: RebuildMode,
    /// What that waits for.
    pub block: BlockMode,
}

impl From<Repository> for WantedRepository {
    fn from(repository: Repository) -> Self {
        let Repository { name, path, arches, rebuild, block, .. } = repository;
        Self { name, path, arches: arches.into_iter().map(|arch| arch.arch).collect(), rebuild, block }
    }
}

impl Service {
    /// A project with everything its owner says of it.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn project_view(&self, name: &ProjectName) -> Result<ProjectView, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = session.project_by_name(name).await?;
        let project =
            project.ok_or_else(|| ServiceError::ProjectMissing { project: ProjectKey::Name(name.clone()) })?;
        let mut about = session.about_project(project.id).await?;
        let repositories = ordered(session.repositories(project.id).await?, &about);
        let maintainers = maintainers(&mut session, &project).await?;
        about.people.retain(|person| person.role != Role::Maintainer || maintainers.contains(&person.user));
        for user in maintainers {
            let person = Person { user, role: Role::Maintainer };
            if !about.people.contains(&person) {
                about.people.push(person);
            }
        }
        about.description.clone_from(&project.settings.description);
        about.url.clone_from(&project.settings.homepage);
        about.set(FlagKind::Publish, None, project.settings.publish);
        for repository in &repositories {
            for arch in &repository.arches {
                let place = Some((&repository.name, &arch.arch));
                about.set(FlagKind::Build, place, arch.enabled);
                about.set(FlagKind::DebugInfo, place, arch.options.debug_packages);
            }
        }
        Ok(ProjectView { project, about, repositories })
    }

    /// Makes a project what it is to be, creating it if it is missing. A project created so builds when something changes.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`], [`ServiceError::ProjectMissing`] and
    /// [`ServiceError::RepositoryMissing`] of a path, [`ServiceError::RepositoryUsed`], [`ServiceError::NotFinished`] if
    /// something still builds in what is taken away, [`ServiceError::BadValue`], [`ServiceError::Unsupported`].
    pub async fn put_project(
        &self,
        actor: &User,
        name: &ProjectName,
        mut wanted: WantedProject,
        change: Change<'_>,
    ) -> Result<Project, ServiceError> {
        check_about(&wanted.about)?;
        wanted.about.repositories = wanted.repositories.iter().map(|repository| repository.name.clone()).collect();
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let about = &wanted.about;
        let publish = about.is_on(FlagKind::Publish, None, true);
        let texts = |settings: ProjectSettings| ProjectSettings {
            description: about.description.clone(),
            homepage: about.url.clone(),
            publish,
            ..settings
        };
        let id = match session.project_by_name(name).await? {
            Some(project) => {
                check_description(&mut session, actor, &project, name, about).await?;
                session.set_project_settings(project.id, &texts(project.settings)).await?;
                project.id
            }
            None => {
                check_new_project(&mut session, actor, name).await?;
                let settings =
                    texts(ProjectSettings { trigger: TriggerPolicy::OnChange, ..ProjectSettings::default() });
                let id = session.add_project(name, actor.id, &settings, now).await?;
                id.ok_or_else(|| ServiceError::ProjectExists { project: name.clone() })?
            }
        };
        let project = existing(&mut session, id).await?;
        put_people(&mut session, &project, &about.people).await?;
        check_groups(&mut session, about).await?;
        let kept = About { description: String::new(), url: None, ..about.clone() };
        session.set_about_project(id, &kept).await?;
        let fresh = self.put_repositories(&mut session, &project, &wanted, change.force).await?;
        let said = DescribedProject { about: wanted.about.clone(), repositories: wanted.repositories.clone() };
        note(&mut session, Described::Project(id), (&said, change.comment), (actor, now)).await?;
        relink(&mut session, name).await?;
        session.commit().await?;
        tracing::info!(project.name = %name, "project {name} is described anew");
        self.inner.poke(Reconciler::Planning);
        self.inner.poke(Reconciler::Publish);
        self.inner.changed();
        self.build_for(actor, &project, &fresh).await?;
        Ok(project)
    }

    /// Brings repositories to what is wanted; gives the targets that are new.
    async fn put_repositories(
        &self,
        session: &mut Session,
        project: &Project,
        wanted: &WantedProject,
        force: bool,
    ) -> Result<Vec<TargetName>, ServiceError> {
        let known = session.repositories(project.id).await?;
        for repository in &wanted.repositories {
            check_path(session, project, &wanted.repositories, repository).await?;
        }
        for repository in &known {
            if !wanted.repositories.iter().any(|other| other.name == repository.name) {
                remove(session, project, repository, force).await?;
            }
        }
        let mut fresh = Vec::new();
        for repository in &wanted.repositories {
            let id = session.put_repository(project.id, &repository.name, self.inner.now()).await?;
            session.set_path(id, &repository.path).await?;
            session.set_rebuild_modes(id, (repository.rebuild, repository.block)).await?;
            let before = known.iter().find(|other| other.name == repository.name);
            for arch in before.into_iter().flat_map(|repository| &repository.arches) {
                if !repository.arches.contains(&arch.arch) {
                    check_idle(session, id, Some(&arch.arch)).await?;
                    session.delete_arch(id, &arch.arch).await?;
                }
            }
            for arch in &repository.arches {
                let place = Some((&repository.name, arch));
                let enabled = wanted.about.is_on(FlagKind::Build, place, true);
                let debug_packages = wanted.about.is_on(FlagKind::DebugInfo, place, false);
                let old = before.and_then(|before| before.arches.iter().find(|old| old.arch == *arch));
                if enabled && !old.is_some_and(|old| old.enabled) {
                    fresh.push(TargetName { repository: repository.name.clone(), arch: arch.clone() });
                }
                let options = old.map(|old| old.options.clone()).unwrap_or_default();
                let new = RepositoryArch {
                    arch: arch.clone(),
                    enabled,
                    extra_packages: old.map(|old| old.extra_packages.clone()).unwrap_or_default(),
                    options: ArchOptions { debug_packages, ..options },
                };
                session.put_arch(id, &new).await?;
            }
        }
        Ok(fresh)
    }

    /// What the owner of a package says of it; of a flavor, what is said of the package it is a flavor of.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`].
    pub async fn about_package(&self, project: ProjectId, name: &PackageName) -> Result<About, ServiceError> {
        let package = self.package(project, name).await?;
        let mut session = self.inner.store.read().await?;
        let main = main_of(&mut session, package).await?;
        Ok(session.about_package(main.id).await?)
    }

    /// Replaces what the owner of a package says of it, creating the package if it is missing.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::UserMissing`],
    /// [`ServiceError::GroupMissing`], [`ServiceError::Locked`], [`ServiceError::BadValue`].
    pub async fn put_about_package(
        &self,
        actor: &User,
        project: ProjectId,
        name: &PackageName,
        (about, comment): (&About, &str),
    ) -> Result<(), ServiceError> {
        check_about(about)?;
        let (mut session, project) = self.describe_package(actor, project).await?;
        check_people(&mut session, &about.people).await?;
        check_groups(&mut session, about).await?;
        let package = match session.package(project.id, name).await? {
            Some(package) => package,
            None => {
                let added = session.add_package(project.id, name, None, &PackageSettings::default()).await?;
                let project = project.name.clone();
                added.ok_or_else(|| ServiceError::PackageExists { project, package: name.clone() })?
            }
        };
        if session.about_package(package.id).await?.is_locked() && about.is_locked() {
            return Err(ServiceError::Locked { object: format!("package {}/{name}", project.name) });
        }
        session.set_about_package(package.id, about).await?;
        note(&mut session, Described::Package(package.id), (about, comment), (actor, self.inner.now())).await?;
        session.commit().await?;
        self.switched();
        Ok(())
    }
}

/// Who may edit a project: its creator, and whom it was granted to.
async fn maintainers(session: &mut Session, project: &Project) -> Result<Vec<UserName>, ServiceError> {
    let mut users = vec![project.owner.clone()];
    let rights = session.rights(project.id).await?;
    users.extend(rights.into_iter().filter(|right| right.edit == RightState::Approved).map(|right| right.user));
    Ok(users)
}

/// Grants the right to edit to maintainers, and takes it from whoever is none any more. The creator keeps it.
async fn put_people(session: &mut Session, project: &Project, people: &[Person]) -> Result<(), ServiceError> {
    check_people(session, people).await?;
    let named = people.iter().filter(|person| person.role == Role::Maintainer).map(|person| &person.user);
    let mut wanted: BTreeSet<&UserName> = named.collect();
    wanted.remove(&project.owner);
    for right in session.rights(project.id).await? {
        let edit = match (wanted.remove(&right.user), right.edit) {
            (true, RightState::Approved) | (false, RightState::Nothing | RightState::Requested) => continue,
            (true, _) => RightState::Approved,
            (false, RightState::Approved) => RightState::Nothing,
        };
        if let Some(user) = session.user(&right.user).await? {
            session.set_right(project.id, user.id, (edit, right.build)).await?;
        }
    }
    for name in wanted {
        if let Some(user) = session.user(name).await? {
            session.set_right(project.id, user.id, (RightState::Approved, RightState::Nothing)).await?;
        }
    }
    Ok(())
}

/// The repositories in the order their project's owner wrote them; those of others behind them.
pub(crate) fn ordered(mut repositories: Vec<Repository>, about: &About) -> Vec<Repository> {
    let place = |repository: &Repository| about.repositories.iter().position(|name| *name == repository.name);
    repositories.sort_by_key(|repository| place(repository).unwrap_or(usize::MAX));
    repositories
}

async fn check_groups(session: &mut Session, about: &About) -> Result<(), ServiceError> {
    for group in &about.groups {
        if session.group(&group.group).await?.is_none() {
            return Err(ServiceError::GroupMissing { group: group.group.clone() });
        }
    }
    Ok(())
}

async fn check_people(session: &mut Session, people: &[Person]) -> Result<(), ServiceError> {
    for person in people {
        if session.user(&person.user).await?.is_none() {
            return Err(ServiceError::UserMissing { user: person.user.clone() });
        }
    }
    Ok(())
}

/// Every repository of a path must be there, or be one of the project's own to be.
async fn check_path(
    session: &mut Session,
    project: &Project,
    own: &[WantedRepository],
    repository: &WantedRepository,
) -> Result<(), ServiceError> {
    for element in &repository.path {
        if element.project == project.name {
            if element.repository == repository.name {
                let detail = format!("{element} is in its own path");
                return Err(ServiceError::BadValue { field: "repository", detail });
            }
            if own.iter().any(|other| other.name == element.repository) {
                continue;
            }
        } else if session.repository(&element.project, &element.repository).await?.is_some() {
            continue;
        } else if session.project_by_name(&element.project).await?.is_none() {
            return Err(ServiceError::ProjectMissing { project: ProjectKey::Name(element.project.clone()) });
        }
        let (project, repository) = (element.project.clone(), element.repository.clone());
        return Err(ServiceError::RepositoryMissing { project, repository });
    }
    Ok(())
}

async fn check_idle(session: &mut Session, id: RepositoryId, arch: Option<&Arch>) -> Result<(), ServiceError> {
    match session.open_build_in(id, arch).await? {
        Some(build) => Err(ServiceError::NotFinished { build }),
        None => Ok(()),
    }
}

async fn remove(
    session: &mut Session,
    project: &Project,
    repository: &Repository,
    force: bool,
) -> Result<(), ServiceError> {
    let element = PathElement { project: project.name.clone(), repository: repository.name.clone() };
    if !force {
        let users = session.repositories_building_against(&element).await?;
        for user in users {
            let Some(user) = session.repository_by_id(user).await? else { continue };
            if user.project != project.name {
                let by = PathElement { project: user.project, repository: user.name };
                return Err(ServiceError::RepositoryUsed { repository: element, by });
            }
        }
    }
    check_idle(session, repository.id, None).await?;
    Ok(session.delete_repository(project.id, repository.id).await?)
}

fn check_about(about: &About) -> Result<(), ServiceError> {
    let texts = [about.title.len(), about.description.len(), about.url.as_ref().map_or(0, String::len)];
    check_size("description", texts.into_iter().sum())?;
    if about.people.len().max(about.flags.len()).max(about.groups.len()) > MAX_ENTRIES {
        let detail = format!("more than {MAX_ENTRIES} persons or flags");
        return Err(ServiceError::BadValue { field: "description", detail });
    }
    Ok(())
}
