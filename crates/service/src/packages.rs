use model::{Build, Package, PackageName, PackageSettings, PackageSource, ProjectId};
use store::NewestTask;

use crate::background::Reconciler;
use crate::deleted::kept_until;
use crate::projects::existing;
use crate::{Action, DistGit, Service, ServiceError, User, sources};

/// Most builds of one package that anybody may ask to be kept.
const MAX_KEPT: u32 = 100;

impl Service {
    /// The packages of a project in order of creation.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn packages(
        &self,
        project: ProjectId,
        limit: Option<u32>,
        offset: u32,
    ) -> Result<Vec<Package>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, project).await?;
        Ok(session.packages(project, limit, offset).await?)
    }

    /// A package by name.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`].
    pub async fn package(&self, project: ProjectId, name: &PackageName) -> Result<Package, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let found = existing(&mut session, project).await?;
        let package = session.package(project, name).await?;
        package.ok_or_else(|| ServiceError::PackageMissing { project: found.name, package: name.clone() })
    }

    /// Adds a package with a source.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageExists`],
    /// [`ServiceError::BadValue`].
    pub async fn add_package(
        &self,
        actor: &User,
        project: ProjectId,
        name: &PackageName,
        source: PackageSource,
        settings: PackageSettings,
    ) -> Result<Package, ServiceError> {
        check_package(Some(&source), &settings, &self.inner.config.dist_gits)?;
        let mut session = self.edit(actor, Action::EditProject, project).await?;
        let Some(package) = session.add_package(project, name, Some(&source), &settings).await? else {
            let project = existing(&mut session, project).await?.name;
            return Err(ServiceError::PackageExists { project, package: name.clone() });
        };
        session.commit().await?;
        Ok(package)
    }

    /// Replaces source and settings of a package; without a source, it is what builds have made known.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`],
    /// [`ServiceError::BadValue`].
    pub async fn update_package(
        &self,
        actor: &User,
        project: ProjectId,
        name: &PackageName,
        source: Option<PackageSource>,
        settings: PackageSettings,
    ) -> Result<Package, ServiceError> {
        check_package(source.as_ref(), &settings, &self.inner.config.dist_gits)?;
        let mut session = self.edit(actor, Action::EditProject, project).await?;
        let Some(known) = session.package(project, name).await? else {
            let project = existing(&mut session, project).await?.name;
            return Err(ServiceError::PackageMissing { project, package: name.clone() });
        };
        let package = Package { source, settings, ..known };
        session.set_package(&package).await?;
        session.commit().await?;
        Ok(package)
    }

    /// Deletes a package with its builds; gives what it was. Its sources are kept for a while.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`],
    /// [`ServiceError::NotFinished`] with its newest unfinished build, [`ServiceError::Persistent`].
    pub async fn delete_package(
        &self,
        actor: &User,
        project: ProjectId,
        name: &PackageName,
    ) -> Result<Package, ServiceError> {
        let mut session = self.edit(actor, Action::DeleteBuild, project).await?;
        let found = existing(&mut session, project).await?;
        if found.settings.persistent {
            return Err(ServiceError::Persistent { project: found.name });
        }
        let package = session.package(project, name).await?;
        let package = package
            .ok_or_else(|| ServiceError::PackageMissing { project: found.name.clone(), package: name.clone() })?;
        if let Some(build) = session.open_build_of_package(package.id).await? {
            return Err(ServiceError::NotFinished { build });
        }
        if session.newest_revision(package.id).await?.is_some() {
            session.keep_deleted_package(package.id, kept_until(self.inner.now())).await?;
        }
        session.delete_package(package.id).await?;
        session.touch_links_to(&found.name, &package.name).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Links);
        self.inner.poke(Reconciler::Publish);
        self.inner.poke(Reconciler::Planning);
        self.inner.changed();
        Ok(package)
    }

    /// The newest build of a package, and the newest that succeeded everywhere.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn newest_builds(&self, package: &Package) -> Result<(Option<Build>, Option<Build>), ServiceError> {
        let mut session = self.inner.store.read().await?;
        let newest = session.newest_build_of_package(package.id).await?;
        Ok((newest, session.newest_good_build_of_package(package.id).await?))
    }

    /// The newest task of each package of a project in each enabled target; by package.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn newest_tasks(&self, project: ProjectId) -> Result<Vec<NewestTask>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, project).await?;
        Ok(session.newest_tasks(project).await?)
    }
}

fn check_package(
    source: Option<&PackageSource>,
    settings: &PackageSettings,
    dist_gits: &[DistGit],
) -> Result<(), ServiceError> {
    if let Some(source) = source {
        sources::job::method::check(source, dist_gits)?;
    }
    if settings.max_builds > MAX_KEPT {
        let detail = format!("{} is more than {MAX_KEPT}", settings.max_builds);
        return Err(ServiceError::BadValue { field: "builds to keep", detail });
    }
    Ok(())
}
