//! Adds distributions from presets.

mod apt_sources;

use model::{Project, ProjectId, Timestamp};
use pkg::Arch;

use crate::{Service, ServiceError, User};

/// How a preset is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistributionOptions {
    /// Address of the archive; `None` takes the one this machine's package manager uses.
    pub mirror_url: Option<String>,
    /// Address of the security archive; `None` takes the one this machine's package manager uses.
    pub security_url: Option<String>,
    /// Architectures; empty takes the preset's.
    pub arches: Vec<Arch>,
}

/// How a mirrored distribution stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorStatus {
    /// Packages it offers, over all its suites and architectures.
    pub packages: u64,
    /// Index files that were fetched because they had changed.
    pub fetched: u64,
    /// When the indices were last known to be current.
    pub checked_at: Timestamp,
}

impl Service {
    /// Adds a distribution, or brings one that is there to these options. Only for administrators.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::PresetUnknown`].
    pub async fn add_distribution(
        &self,
        _actor: &User,
        _preset: &str,
        _options: DistributionOptions,
    ) -> Result<Project, ServiceError> {
        todo!()
    }

    /// Fetches the changed indices of a mirrored distribution now.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Unavailable`].
    pub async fn refresh_mirrors(&self, _project: ProjectId) -> Result<MirrorStatus, ServiceError> {
        todo!()
    }
}
