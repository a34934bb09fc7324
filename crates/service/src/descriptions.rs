//! What projects and packages were said to be, revision by revision; locks, single switches and attributes.

use std::collections::BTreeMap;

use model::{About, Flag, FlagKind, PackageName, PathElement, Project, ProjectId, ProjectName};
use serde::{Deserialize, Serialize};
use store::{Described, Description, Session};

use crate::about::WantedRepository;
use crate::background::Reconciler;
use crate::permission::{check_project, check_right};
use crate::projects::{check_size, existing};
use crate::{Action, Change, Service, ServiceError, User, WantedProject};

/// Most revisions of a history.
const MAX_REVISIONS: u32 = 1000;
/// Most attributes of one project or package.
const MAX_ATTRIBUTES: usize = 200;

/// What a project was said to be once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DescribedProject {
    /// Words, persons and switches.
    pub about: About,
    /// Repositories in the owner's order.
    pub repositories: Vec<WantedRepository>,
}

/// A revision with what it said.
pub type Said<T> = (Description, T);

/// Whether something is locked, or whether one of its switches is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwitchChange {
    /// A switch of exactly this place says this.
    Set(Flag),
    /// No switch of exactly this place says anything; whether on does not matter.
    Remove(Flag),
}

/// A package that a build left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltPlace {
    /// Repository of the build.
    pub place: PathElement,
    /// Package of the project.
    pub package: Option<PackageName>,
    /// Architecture of the task.
    pub arch: String,
    /// Its version, epoch included.
    pub version: String,
}

impl Service {
    /// What a project was said to be, oldest first: the newest revisions, a thousand at most.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn project_descriptions(&self, id: ProjectId) -> Result<Vec<Said<DescribedProject>>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        let found = session.descriptions(Described::Project(id), MAX_REVISIONS).await?;
        Ok(found.into_iter().map(said).collect())
    }

    /// What a package was said to be, as [`Self::project_descriptions`].
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`].
    pub async fn package_descriptions(
        &self,
        project: ProjectId,
        name: &PackageName,
    ) -> Result<Vec<Said<About>>, ServiceError> {
        let package = self.package(project, name).await?;
        let mut session = self.inner.store.read().await?;
        let found = session.descriptions(Described::Package(package.id), MAX_REVISIONS).await?;
        Ok(found.into_iter().map(said).collect())
    }

    /// Locks a project or a package of it, or takes the lock away. Nothing of what is locked can be changed or built.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::Denied`],
    /// [`ServiceError::Locked`] for a package of a locked project.
    pub async fn set_lock(
        &self,
        actor: &User,
        project: ProjectId,
        package: Option<&PackageName>,
        (locked, comment): (bool, &str),
    ) -> Result<(), ServiceError> {
        let flag = Flag { kind: FlagKind::Lock, on: locked, repository: None, arch: None };
        self.switch(actor, project, package, (SwitchChange::Set(flag), comment)).await
    }

    /// Changes one switch of a project or of a package of it.
    ///
    /// # Errors
    /// As [`Self::set_lock`] and [`Service::put_project`].
    pub async fn switch(
        &self,
        actor: &User,
        project: ProjectId,
        package: Option<&PackageName>,
        (change, comment): (SwitchChange, &str),
    ) -> Result<(), ServiceError> {
        let name = self.project(project).await?.name;
        match package {
            None => {
                let view = self.project_view(&name).await?;
                let repositories = view.repositories.into_iter().map(WantedRepository::from).collect();
                let mut wanted = WantedProject { about: view.about, repositories };
                apply(&mut wanted.about, &change);
                self.put_project(actor, &name, wanted, Change { force: false, comment }).await?;
            }
            Some(package) => {
                let mut about = self.about_package(project, package).await?;
                apply(&mut about, &change);
                self.put_about_package(actor, project, package, (&about, comment)).await?;
            }
        }
        Ok(())
    }

    /// Where builds have left a package of a name, newest first, at most a thousand.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn built_packages(&self, name: &str) -> Result<Vec<BuiltPlace>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let mut places = Vec::new();
        for found in session.results_named(name, MAX_REVISIONS).await? {
            let Some(repository) = session.repository_by_id(found.repository).await? else { continue };
            let place = PathElement { project: repository.project, repository: repository.name };
            places.push(BuiltPlace { place, package: found.package, arch: found.arch, version: found.version });
        }
        Ok(places)
    }

    /// The attributes of a project or of a package of it, with their values, by name.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`].
    pub async fn attributes(
        &self,
        project: ProjectId,
        package: Option<&PackageName>,
    ) -> Result<BTreeMap<String, Vec<String>>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let whose = described(&mut session, &project, package).await?;
        Ok(session.attributes(whose).await?)
    }

    /// Sets attributes of a project or of a package of it, all or none; those without values are taken away.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::Denied`],
    /// [`ServiceError::Locked`], [`ServiceError::BadValue`].
    pub async fn set_attributes(
        &self,
        actor: &User,
        project: ProjectId,
        package: Option<&PackageName>,
        attributes: &[(String, Option<Vec<String>>)],
    ) -> Result<(), ServiceError> {
        let sizes = attributes.iter().flat_map(|(_, values)| values.iter().flatten()).map(String::len);
        check_size("attributes", sizes.sum())?;
        let mut session = self.edit(actor, Action::EditProject, project).await?;
        let project = existing(&mut session, project).await?;
        let whose = described(&mut session, &project, package).await?;
        for (name, values) in attributes {
            match values {
                Some(values) => session.set_attribute(whose, name, values).await?,
                None => {
                    session.delete_attribute(whose, name).await?;
                }
            }
        }
        if session.attributes(whose).await?.len() > MAX_ATTRIBUTES {
            let detail = format!("more than {MAX_ATTRIBUTES}");
            return Err(ServiceError::BadValue { field: "attributes", detail });
        }
        session.commit().await?;
        self.inner.changed();
        Ok(())
    }

    /// A writing session for somebody who may describe a package anew, locked or not.
    pub(crate) async fn describe_package(
        &self,
        actor: &User,
        project: ProjectId,
    ) -> Result<(Session, Project), ServiceError> {
        let mut session = self.inner.store.write().await?;
        let project = existing(&mut session, project).await?;
        check_project(&mut session, actor, Action::EditProject, &project, &project.name).await?;
        Ok((session, project))
    }

    /// What follows from new switches: what is offered to builds and published is looked at again.
    pub(crate) fn switched(&self) {
        self.inner.poke(Reconciler::Planning);
        self.inner.poke(Reconciler::Publish);
        self.inner.changed();
    }
}

fn apply(about: &mut About, change: &SwitchChange) {
    let (SwitchChange::Set(wanted) | SwitchChange::Remove(wanted)) = change;
    about
        .flags
        .retain(|flag| flag.kind != wanted.kind || flag.repository != wanted.repository || flag.arch != wanted.arch);
    if let SwitchChange::Set(flag) = change {
        about.flags.push(flag.clone());
    }
}

/// Content that an older program wrote in another way counts as nothing.
fn said<T: Default + for<'de> Deserialize<'de>>(description: Description) -> Said<T> {
    let content = serde_json::from_str(&description.content).unwrap_or_default();
    (description, content)
}

async fn described(
    session: &mut Session,
    project: &Project,
    package: Option<&PackageName>,
) -> Result<Described, ServiceError> {
    let Some(name) = package else { return Ok(Described::Project(project.id)) };
    match session.package(project.id, name).await? {
        Some(package) => Ok(Described::Package(package.id)),
        None => Err(ServiceError::PackageMissing { project: project.name.clone(), package: name.clone() }),
    }
}

/// Notes what a project is said to be now, if it differs from before.
pub(crate) async fn note<T: Serialize>(
    session: &mut Session,
    whose: Described,
    (said, comment): (&T, &str),
    (actor, now): (&User, model::Timestamp),
) -> Result<(), ServiceError> {
    check_size("comment", comment.len())?;
    let failed = |error: serde_json::Error| ServiceError::Failed {
        what: "writing a description".to_owned(),
        source: error.into(),
    };
    let content = serde_json::to_string(said).map_err(failed)?;
    Ok(session.add_description(whose, (&content, comment), actor.id, now).await?)
}

/// Whether somebody may describe a project anew: one that is locked only if that takes the lock away.
pub(crate) async fn check_description(
    session: &mut Session,
    actor: &User,
    project: &Project,
    name: &ProjectName,
    about: &About,
) -> Result<(), ServiceError> {
    check_right(session, actor, Action::EditProject, project, name).await?;
    let is_locked = session.about_project(project.id).await?.is_locked();
    if is_locked && about.is_locked() {
        return Err(ServiceError::Locked { object: format!("project {name}") });
    }
    Ok(())
}
