use model::{Project, ProjectId, ProjectName, ProjectSettings, Repository, RepositoryArch, Timestamp};
use store::Session;

use crate::background::Reconciler;
use crate::permission::{check_new_project, check_project};
use crate::{Action, NewProject, ProjectFilter, ProjectKey, Service, ServiceError, Target, TargetName, User};

/// Largest build configuration, and largest settings, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Longest name of an extra package, in bytes.
const MAX_PACKAGE_BYTES: usize = 200;

impl Service {
    /// Creates a project.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::ProjectExists`], [`ServiceError::TargetUnknown`].
    pub async fn create_project(&self, actor: &User, new: NewProject) -> Result<Project, ServiceError> {
        check_new_project(actor, &new.name)?;
        check_settings(&new.settings)?;
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let targets = find_targets(&session.targets().await?, &new.targets)?;
        let id = session.add_project(&new.name, actor.id, &new.settings, now).await?;
        let id = id.ok_or(ServiceError::ProjectExists { project: new.name })?;
        for target in &targets {
            put_target(&mut session, id, target, Vec::new(), now).await?;
        }
        let project = existing(&mut session, id).await?;
        session.commit().await?;
        Ok(project)
    }

    /// A project by number.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn project(&self, id: ProjectId) -> Result<Project, ServiceError> {
        existing(&mut self.inner.store.read().await?, id).await
    }

    /// A project by name.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn project_by_name(&self, name: &ProjectName) -> Result<Project, ServiceError> {
        let project = self.inner.store.read().await?.project_by_name(name).await?;
        project.ok_or_else(|| ServiceError::ProjectMissing { project: ProjectKey::Name(name.clone()) })
    }

    /// Projects, lowest number first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn projects(&self, filter: &ProjectFilter) -> Result<Vec<Project>, ServiceError> {
        Ok(self.inner.store.read().await?.projects(filter).await?)
    }

    /// Replaces the settings of a project.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn update_project(
        &self,
        actor: &User,
        id: ProjectId,
        settings: ProjectSettings,
    ) -> Result<(), ServiceError> {
        check_settings(&settings)?;
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        session.set_project_settings(id, &settings).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        self.inner.poke(Reconciler::Publish);
        Ok(())
    }

    /// Deletes a project with its builds; its number is never used again, its name is free.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::NotFinished`] with its newest
    /// unfinished build.
    pub async fn delete_project(&self, actor: &User, id: ProjectId) -> Result<(), ServiceError> {
        let mut session = self.edit(actor, Action::DeleteProject, id).await?;
        if let Some(build) = session.newest_unfinished_build(id).await? {
            return Err(ServiceError::NotFinished { build });
        }
        session.delete_project(id, self.inner.now()).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        self.inner.poke(Reconciler::Publish);
        self.inner.changed();
        Ok(())
    }

    /// The repositories of a project in order of creation, disabled architectures included.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn repositories(&self, id: ProjectId) -> Result<Vec<Repository>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        Ok(session.repositories(id).await?)
    }

    /// Lets a project build for a target; one that was disabled comes back with these extra packages.
    ///
    /// # Errors
    /// [`ServiceError::TargetUnknown`], [`ServiceError::TargetExists`], [`ServiceError::Denied`].
    pub async fn enable_target(
        &self,
        actor: &User,
        id: ProjectId,
        target: &TargetName,
        extra_packages: Vec<String>,
    ) -> Result<(), ServiceError> {
        check_packages(&extra_packages)?;
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        let known = find_targets(&session.targets().await?, std::slice::from_ref(target))?;
        let repositories = session.repositories(id).await?;
        if find_arch(&repositories, target).is_some_and(|(_, arch)| arch.enabled) {
            let project = existing(&mut session, id).await?.name;
            return Err(ServiceError::TargetExists { project, target: target.clone() });
        }
        for target in &known {
            put_target(&mut session, id, target, extra_packages.clone(), self.inner.now()).await?;
        }
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        Ok(())
    }

    /// Replaces the packages that every root of a target gets in addition.
    ///
    /// # Errors
    /// [`ServiceError::TargetMissing`], [`ServiceError::Denied`].
    pub async fn set_extra_packages(
        &self,
        actor: &User,
        id: ProjectId,
        target: &TargetName,
        packages: Vec<String>,
    ) -> Result<(), ServiceError> {
        check_packages(&packages)?;
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        let repositories = session.repositories(id).await?;
        let Some((repository, arch)) = find_arch(&repositories, target) else {
            let project = existing(&mut session, id).await?.name;
            return Err(ServiceError::TargetMissing { project, target: target.clone() });
        };
        let arch = RepositoryArch { extra_packages: packages, ..arch.clone() };
        session.put_arch(repository.id, &arch).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        Ok(())
    }

    /// Stops new builds for a target; nothing happens if there is no such target. Results stay.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn disable_target(&self, actor: &User, id: ProjectId, target: &TargetName) -> Result<(), ServiceError> {
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        let repositories = session.repositories(id).await?;
        if let Some((repository, arch)) = find_arch(&repositories, target) {
            session.put_arch(repository.id, &RepositoryArch { enabled: false, ..arch.clone() }).await?;
        }
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        Ok(())
    }

    /// Every target of every distribution, in order of creation.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn targets(&self) -> Result<Vec<Target>, ServiceError> {
        Ok(self.inner.store.read().await?.targets().await?)
    }

    /// A writing session for somebody who may change a project.
    pub(crate) async fn edit(&self, actor: &User, action: Action, id: ProjectId) -> Result<Session, ServiceError> {
        let mut session = self.inner.store.write().await?;
        let project = existing(&mut session, id).await?;
        check_project(actor, action, &project, &project.name)?;
        Ok(session)
    }
}

/// A project that is there.
pub(crate) async fn existing(session: &mut Session, id: ProjectId) -> Result<Project, ServiceError> {
    let project = session.project(id).await?;
    project.ok_or(ServiceError::ProjectMissing { project: ProjectKey::Id(id) })
}

/// The repository and architecture a target of a project is.
pub(crate) fn find_arch<'a>(
    repositories: &'a [Repository],
    target: &TargetName,
) -> Option<(&'a Repository, &'a RepositoryArch)> {
    let repository = repositories.iter().find(|repository| repository.name == target.repository)?;
    let arch = repository.arches.iter().find(|arch| arch.arch == target.arch)?;
    Some((repository, arch))
}

fn find_targets(known: &[Target], wanted: &[TargetName]) -> Result<Vec<Target>, ServiceError> {
    let find = |name: &TargetName| known.iter().find(|target| target.active && target.name == *name);
    let unknown: Vec<_> = wanted.iter().filter(|name| find(name).is_none()).cloned().collect();
    if unknown.is_empty() {
        Ok(wanted.iter().filter_map(find).cloned().collect())
    } else {
        Err(ServiceError::TargetUnknown { targets: unknown })
    }
}

async fn put_target(
    session: &mut Session,
    project: ProjectId,
    target: &Target,
    extra_packages: Vec<String>,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let repository = session.put_repository(project, &target.name.repository, now).await?;
    session.set_path(repository, std::slice::from_ref(&target.path)).await?;
    let arch = RepositoryArch { arch: target.name.arch.clone(), enabled: true, extra_packages };
    Ok(session.put_arch(repository, &arch).await?)
}

fn check_settings(settings: &ProjectSettings) -> Result<(), ServiceError> {
    let texts = [Some(&settings.description), Some(&settings.instructions)];
    let texts = texts.into_iter().chain([settings.homepage.as_ref(), settings.contact.as_ref()]).flatten();
    check_size("project settings", texts.chain(&settings.extra_repositories).map(String::len).sum())
}

pub(crate) fn check_size(field: &'static str, bytes: usize) -> Result<(), ServiceError> {
    if bytes <= MAX_TEXT_BYTES {
        return Ok(());
    }
    Err(ServiceError::BadValue { field, detail: format!("larger than {MAX_TEXT_BYTES} bytes") })
}

fn check_packages(packages: &[String]) -> Result<(), ServiceError> {
    check_size("extra packages", packages.iter().map(String::len).sum())?;
    let bad = |name: &&String| {
        name.is_empty() || name.len() > MAX_PACKAGE_BYTES || name.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    match packages.iter().find(bad) {
        None => Ok(()),
        Some(name) => {
            let name: String = name.chars().take(80).collect();
            Err(ServiceError::BadValue { field: "extra packages", detail: format!("{name:?} is not a package name") })
        }
    }
}
