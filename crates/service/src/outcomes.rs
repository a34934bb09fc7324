//! What became of the packages of a project in its targets, and what goes on there.

use model::{PackageName, ProjectId, RepositoryId, TaskState};
use pkg::Arch;
use store::{PackageOutline, PackageTask, Session, TargetActivity, TargetName};

use crate::projects::{existing, find_arch};
use crate::{Service, ServiceError};

impl Service {
    /// The packages of a project by name, or one of them with its flavors, with what decides where they are built.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn package_outlines(
        &self,
        project: ProjectId,
        package: Option<&PackageName>,
    ) -> Result<Vec<PackageOutline>, ServiceError> {
        Ok(self.inner.store.read().await?.package_outlines(project, package).await?)
    }

    /// What goes on in each target of a project, disabled ones included, in order of creation.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn target_activity(&self, project: ProjectId) -> Result<Vec<TargetActivity>, ServiceError> {
        Ok(self.inner.store.read().await?.target_activity(project).await?)
    }

    /// The newest task of each package of a project, or of one, in each target, disabled ones included; by package.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn package_tasks(
        &self,
        project: ProjectId,
        package: Option<&PackageName>,
    ) -> Result<Vec<PackageTask>, ServiceError> {
        Ok(self.inner.store.read().await?.package_tasks(project, package).await?)
    }

    /// The tasks of a package in a target, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::TargetMissing`].
    pub async fn tasks_of_package(
        &self,
        project: ProjectId,
        package: &PackageName,
        target: &TargetName,
        limit: u32,
    ) -> Result<Vec<PackageTask>, ServiceError> {
        let package = self.package(project, package).await?;
        let mut session = self.inner.store.read().await?;
        let (repository, arch) = place(&mut session, project, target).await?;
        Ok(session.tasks_of_package(package.id, (repository, &arch), limit).await?)
    }

    /// The tasks of a target that ran and ended, those that ended last first, at most `limit`; or those in one state, newest
    /// first.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::TargetMissing`].
    pub async fn ended_tasks(
        &self,
        project: ProjectId,
        target: &TargetName,
        state: Option<TaskState>,
        limit: u32,
    ) -> Result<Vec<PackageTask>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let (repository, arch) = place(&mut session, project, target).await?;
        Ok(session.ended_tasks((repository, &arch), state, limit).await?)
    }

    /// The packages of a project that have a task in a target, by name.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::TargetMissing`].
    pub async fn packages_with_tasks(
        &self,
        project: ProjectId,
        target: &TargetName,
    ) -> Result<Vec<PackageName>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let (repository, arch) = place(&mut session, project, target).await?;
        Ok(session.packages_with_tasks(project, (repository, &arch)).await?)
    }
}

/// The repository of a target of a project.
async fn place(
    session: &mut Session,
    project: ProjectId,
    target: &TargetName,
) -> Result<(RepositoryId, Arch), ServiceError> {
    let repositories = session.repositories(project).await?;
    if let Some((repository, arch)) = find_arch(&repositories, target) {
        return Ok((repository.id, arch.arch.clone()));
    }
    let project = existing(session, project).await?.name;
    Err(ServiceError::TargetMissing { project, target: target.clone() })
}
