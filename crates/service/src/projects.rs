use model::{Project, ProjectId, ProjectName, ProjectSettings, Repository};

use crate::{ConfigRevision, NewProject, ProjectFilter, Service, ServiceError, Target, TargetName, User};

impl Service {
    /// Creates a project.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::ProjectExists`], [`ServiceError::TargetUnknown`].
    pub async fn create_project(&self, _actor: &User, _new: NewProject) -> Result<Project, ServiceError> {
        todo!()
    }

    /// A project by number.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn project(&self, _id: ProjectId) -> Result<Project, ServiceError> {
        todo!()
    }

    /// A project by name.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn project_by_name(&self, _name: &ProjectName) -> Result<Project, ServiceError> {
        todo!()
    }

    /// Projects, lowest number first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn projects(&self, _filter: &ProjectFilter) -> Result<Vec<Project>, ServiceError> {
        todo!()
    }

    /// Replaces the settings of a project.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn update_project(
        &self,
        _actor: &User,
        _id: ProjectId,
        _settings: ProjectSettings,
    ) -> Result<(), ServiceError> {
        todo!()
    }

    /// Deletes a project with its builds; its number is never used again, its name is free.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::NotFinished`] with its newest
    /// unfinished build.
    pub async fn delete_project(&self, _actor: &User, _id: ProjectId) -> Result<(), ServiceError> {
        todo!()
    }

    /// The repositories of a project in order of creation, disabled architectures included.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn repositories(&self, _id: ProjectId) -> Result<Vec<Repository>, ServiceError> {
        todo!()
    }

    /// Lets a project build for a target; one that was disabled comes back with these extra packages.
    ///
    /// # Errors
    /// [`ServiceError::TargetUnknown`], [`ServiceError::TargetExists`], [`ServiceError::Denied`].
    pub async fn enable_target(
        &self,
        _actor: &User,
        _id: ProjectId,
        _target: &TargetName,
        _extra_packages: Vec<String>,
    ) -> Result<(), ServiceError> {
        todo!()
    }

    /// Replaces the packages that every root of a target gets in addition.
    ///
    /// # Errors
    /// [`ServiceError::TargetMissing`], [`ServiceError::Denied`].
    pub async fn set_extra_packages(
        &self,
        _actor: &User,
        _id: ProjectId,
        _target: &TargetName,
        _packages: Vec<String>,
    ) -> Result<(), ServiceError> {
        todo!()
    }

    /// Stops new builds for a target; nothing happens if there is no such target. Results stay.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn disable_target(
        &self,
        _actor: &User,
        _id: ProjectId,
        _target: &TargetName,
    ) -> Result<(), ServiceError> {
        todo!()
    }

    /// Every target of every distribution, in order of creation.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn targets(&self) -> Result<Vec<Target>, ServiceError> {
        todo!()
    }

    /// The newest build configuration of a project.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn config(&self, _id: ProjectId) -> Result<ConfigRevision, ServiceError> {
        todo!()
    }

    /// Adds a revision of the build configuration; the same text again adds none.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn set_config(
        &self,
        _actor: &User,
        _id: ProjectId,
        _text: Vec<u8>,
        _comment: &str,
    ) -> Result<ConfigRevision, ServiceError> {
        todo!()
    }
}
