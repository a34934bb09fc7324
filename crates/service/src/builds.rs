use model::{Build, BuildId, Task};

use crate::{BuildFilter, NewBuild, Service, ServiceError, TaskFilter, User};

impl Service {
    /// Takes a build in: from now on it exists, with its tasks.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::NoTarget`],
    /// [`ServiceError::TargetMissing`], [`ServiceError::BadUrl`].
    pub async fn submit(&self, _actor: &User, _new: NewBuild) -> Result<BuildId, ServiceError> {
        todo!()
    }

    /// A build with its tasks.
    ///
    /// # Errors
    /// [`ServiceError::BuildMissing`], also for deleted ones.
    pub async fn build(&self, _id: BuildId) -> Result<Build, ServiceError> {
        todo!()
    }

    /// Builds with their tasks, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn builds(&self, _filter: &BuildFilter) -> Result<Vec<Build>, ServiceError> {
        todo!()
    }

    /// Tasks, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tasks(&self, _filter: &TaskFilter) -> Result<Vec<Task>, ServiceError> {
        todo!()
    }

    /// Cancels a build: every unfinished task is canceled at once, and workers are told to stop.
    ///
    /// # Errors
    /// [`ServiceError::BuildMissing`], [`ServiceError::Denied`], [`ServiceError::NotCancelable`] if it is finished.
    pub async fn cancel(&self, _actor: &User, _id: BuildId) -> Result<(), ServiceError> {
        todo!()
    }

    /// Deletes a finished build with its results; what it published is taken back.
    ///
    /// # Errors
    /// [`ServiceError::BuildMissing`], [`ServiceError::Denied`], [`ServiceError::NotFinished`].
    pub async fn delete(&self, _actor: &User, _id: BuildId) -> Result<(), ServiceError> {
        todo!()
    }
}
