use std::time::Duration;

use model::{ArchOptions, BuildId, Project, ProjectId, ProjectName, ProjectSettings, Repository, TargetAdditions};
use model::{RepositoryArch, Timestamp};
use store::Session;

use crate::background::Reconciler;
use crate::deleted::kept_until;
use crate::permission::{check_admin, check_new_project, check_project};
use crate::references::{check_references, derive_paths, relink};
use crate::{Action, NewProject, ProjectFilter, ProjectKey, Service, ServiceError, Target, TargetName, User};

/// Largest build configuration, and largest settings, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Longest life of a temporary project, in days.
const MAX_DAYS: u32 = 720;

const WEBHOOK_SECRET_BYTES: usize = 16;

/// Longest name of an extra package, in bytes.
const MAX_PACKAGE_BYTES: usize = 200;

impl Service {
    /// Creates a project.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::ProjectExists`], [`ServiceError::TargetUnknown`].
    pub async fn create_project(&self, actor: &User, new: NewProject) -> Result<Project, ServiceError> {
        check_settings(&new.settings)?;
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        check_new_project(&mut session, actor, &new.name).await?;
        check_admin_settings(actor, &new.name, &ProjectSettings::default(), &new.settings)?;
        check_references(&mut session, &new.settings.extra_repositories).await?;
        check_references(&mut session, &new.settings.runtime_repositories).await?;
        let targets = find_targets(&session.targets().await?, &new.targets)?;
        let id = session.add_project(&new.name, actor.id, &new.settings, now).await?;
        let id = id.ok_or(ServiceError::ProjectExists { project: new.name })?;
        for target in &targets {
            put_target(&mut session, id, target, Vec::new(), now).await?;
        }
        derive_paths(&mut session, id).await?;
        session.set_expiry(id, expiry(&new.settings, now)).await?;
        let project = existing(&mut session, id).await?;
        relink(&mut session, &project.name).await?;
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
        let before = existing(&mut session, id).await?;
        check_admin_settings(actor, &before.name, &before.settings, &settings)?;
        if settings.extra_repositories != before.settings.extra_repositories {
            check_references(&mut session, &settings.extra_repositories).await?;
        }
        if settings.runtime_repositories != before.settings.runtime_repositories {
            check_references(&mut session, &settings.runtime_repositories).await?;
        }
        session.set_project_settings(id, &settings).await?;
        if settings.delete_after_days != before.settings.delete_after_days {
            session.set_expiry(id, expiry(&settings, self.inner.now())).await?;
        }
        derive_paths(&mut session, id).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        self.inner.poke(Reconciler::Publish);
        Ok(())
    }

    /// Deletes a project with its builds; its number is never used again, its name is free, its sources are kept for a while.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::NotFinished`] with its newest
    /// unfinished build.
    pub async fn delete_project(&self, actor: &User, id: ProjectId) -> Result<(), ServiceError> {
        let mut session = self.edit(actor, Action::DeleteProject, id).await?;
        let project = existing(&mut session, id).await?;
        if project.settings.persistent {
            return Err(ServiceError::Persistent { project: project.name });
        }
        if let Some(build) = session.newest_unfinished_build(id).await? {
            return Err(ServiceError::NotFinished { build });
        }
        session.delete_project(id, self.inner.now(), kept_until(self.inner.now())).await?;
        session.touch_links_into(&project.name).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Links);
        self.inner.poke(Reconciler::Planning);
        self.inner.poke(Reconciler::Publish);
        self.inner.changed();
        Ok(())
    }

    /// The repositories of a project in the owner's order or else that of creation, disabled architectures included.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn repositories(&self, id: ProjectId) -> Result<Vec<Repository>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        let about = session.about_project(id).await?;
        Ok(crate::about::ordered(session.repositories(id).await?, &about))
    }

    /// The enabled targets of projects, in order of the projects' numbers and of creation.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn enabled_targets(&self, projects: &[ProjectId]) -> Result<Vec<(ProjectId, TargetName)>, ServiceError> {
        Ok(self.inner.store.read().await?.enabled_targets(projects).await?)
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
        derive_paths(&mut session, id).await?;
        let name = existing(&mut session, id).await?.name;
        relink(&mut session, &name).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        Ok(())
    }

    /// Replaces what a target adds to the build configuration.
    ///
    /// # Errors
    /// [`ServiceError::TargetMissing`], [`ServiceError::Denied`], [`ServiceError::BadValue`].
    pub async fn set_additions(
        &self,
        actor: &User,
        id: ProjectId,
        target: &TargetName,
        additions: TargetAdditions,
    ) -> Result<(), ServiceError> {
        let TargetAdditions { packages, with, without, debug_packages } = additions;
        check_packages(&packages)?;
        check_conditions(with.iter().chain(&without))?;
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        let repositories = session.repositories(id).await?;
        let Some((repository, arch)) = find_arch(&repositories, target) else {
            let project = existing(&mut session, id).await?.name;
            return Err(ServiceError::TargetMissing { project, target: target.clone() });
        };
        let options = ArchOptions { with, without, debug_packages, ..arch.options.clone() };
        let arch = RepositoryArch { extra_packages: packages, options, ..arch.clone() };
        session.put_arch(repository.id, &arch).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        Ok(())
    }

    /// Replaces the packages and the other settings of a target.
    ///
    /// # Errors
    /// [`ServiceError::TargetMissing`], [`ServiceError::Denied`], [`ServiceError::ProjectMissing`] for a repository of
    /// another project that does not exist, [`ServiceError::BadUrl`].
    pub async fn set_target(
        &self,
        actor: &User,
        id: ProjectId,
        target: &TargetName,
        packages: Vec<String>,
        options: ArchOptions,
    ) -> Result<(), ServiceError> {
        check_packages(&packages)?;
        check_conditions(options.with.iter().chain(&options.without))?;
        check_size("groups of packages", options.groups.as_ref().map_or(0, |groups| groups.text.len()))?;
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        let repositories = session.repositories(id).await?;
        let Some((repository, arch)) = find_arch(&repositories, target) else {
            let project = existing(&mut session, id).await?.name;
            return Err(ServiceError::TargetMissing { project, target: target.clone() });
        };
        if arch.options.extra_repositories != options.extra_repositories {
            check_references(&mut session, &options.extra_repositories).await?;
        }
        let arch = RepositoryArch { extra_packages: packages, options, ..arch.clone() };
        session.put_arch(repository.id, &arch).await?;
        derive_paths(&mut session, id).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        self.inner.poke(Reconciler::Publish);
        Ok(())
    }

    /// Gives a project a new secret for web hooks; the old one stops to work.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn new_webhook_secret(&self, actor: &User, id: ProjectId) -> Result<String, ServiceError> {
        let secret = crate::users::random_hex::<WEBHOOK_SECRET_BYTES>()?;
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        session.set_webhook_secret(id, &secret).await?;
        session.commit().await?;
        Ok(secret)
    }

    /// Whether a text is the secret that web hooks of a project carry, in a time that does not depend on where they differ.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn is_webhook_secret(&self, id: ProjectId, text: &str) -> Result<bool, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        let known = session.webhook_secret(id).await?;
        Ok(known.is_some_and(|known| crate::users::same_secret(&known, text)))
    }

    /// The unfinished builds of a project, oldest first, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unfinished_builds(&self, id: ProjectId, limit: u32) -> Result<Vec<BuildId>, ServiceError> {
        Ok(self.inner.store.read().await?.unfinished_builds(id, limit).await?)
    }

    /// Writes the metadata of a project's repositories soon.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn publish_again(&self, actor: &User, id: ProjectId) -> Result<(), ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, id).await?;
        check_project(&mut session, actor, Action::EditProject, &project, &project.name).await?;
        self.inner.poke(Reconciler::Publish);
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
        check_project(&mut session, actor, action, &project, &project.name).await?;
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
    let options = session.repository_arch(repository, &target.name.arch).await?.map(|known| known.options);
    let options = options.unwrap_or_default();
    let arch = RepositoryArch { arch: target.name.arch.clone(), enabled: true, extra_packages, options };
    Ok(session.put_arch(repository, &arch).await?)
}

fn check_settings(settings: &ProjectSettings) -> Result<(), ServiceError> {
    let texts = [Some(&settings.description), Some(&settings.instructions)];
    let texts = texts.into_iter().chain([settings.homepage.as_ref(), settings.contact.as_ref()]).flatten();
    if settings.delete_after_days.is_some_and(|days| days > MAX_DAYS) {
        let detail = format!("not between 0 and {MAX_DAYS}");
        return Err(ServiceError::BadValue { field: "days until deletion", detail });
    }
    let repositories = settings.extra_repositories.iter().chain(&settings.runtime_repositories);
    let echoes = settings.echoes.iter().flat_map(|(name, text)| [name, text]);
    check_size("project settings", texts.chain(repositories).chain(echoes).map(String::len).sum())
}

/// Some settings cost the service more than its owner may decide.
fn check_admin_settings(
    actor: &User,
    name: &ProjectName,
    before: &ProjectSettings,
    after: &ProjectSettings,
) -> Result<(), ServiceError> {
    let same = before.persistent == after.persistent && (before.keep_old_builds || !after.keep_old_builds);
    if same { Ok(()) } else { check_admin(actor, format_args!("how long builds of project {name} are kept")) }
}

/// When a temporary project goes away.
fn expiry(settings: &ProjectSettings, now: Timestamp) -> Option<Timestamp> {
    let days = settings.delete_after_days?;
    Some(now.plus(Duration::from_secs(u64::from(days) * 24 * 3600)))
}

pub(crate) fn check_size(field: &'static str, bytes: usize) -> Result<(), ServiceError> {
    if bytes <= MAX_TEXT_BYTES {
        return Ok(());
    }
    Err(ServiceError::BadValue { field, detail: format!("larger than {MAX_TEXT_BYTES} bytes") })
}

/// Names of conditions become parts of macro names and words of commands.
fn check_conditions<'a>(names: impl Iterator<Item = &'a String> + Clone) -> Result<(), ServiceError> {
    check_size("build conditions", names.clone().map(String::len).sum())?;
    let is_name = |name: &str| {
        let is_first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.len() <= MAX_PACKAGE_BYTES
            && name.starts_with(is_first)
            && name.chars().all(|c| is_first(c) || "-+.".contains(c))
    };
    match names.clone().find(|name| !is_name(name)) {
        None => Ok(()),
        Some(name) => {
            let name: String = name.chars().take(80).collect();
            let detail = format!("{name:?} is not the name of a condition: letters, digits, and -+._");
            Err(ServiceError::BadValue { field: "build conditions", detail })
        }
    }
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
