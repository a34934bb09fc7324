//! Brings published repositories to what the results say; answers what is published.

use model::{ProjectId, ProjectName, RepositoryName};

use crate::background::Pass;
use crate::inner::Inner;
use crate::{Published, Service, ServiceError};

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug, Default)]
pub(crate) struct State {}

/// One pass: idempotent, re-reads the state of things.
///
/// # Errors
/// If the pass could not be ended; it is run again.
pub(crate) async fn run_once(_inner: &Inner) -> Result<Pass, ServiceError> {
    Ok(Pass::default())
}

/// A file or folder of a published repository.
///
/// # Errors
/// [`ServiceError::PublishedMissing`].
pub(crate) async fn published(
    _inner: &Inner,
    _project: &ProjectName,
    _repository: &RepositoryName,
    path: &str,
) -> Result<Published, ServiceError> {
    Err(ServiceError::PublishedMissing { path: path.to_owned() })
}

impl Service {
    /// The OpenPGP key that signs what a project publishes, armoured; made when it is first asked for.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn public_key(&self, _id: ProjectId) -> Result<String, ServiceError> {
        todo!()
    }
}
