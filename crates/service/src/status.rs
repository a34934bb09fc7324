use std::collections::BTreeMap;
use std::time::Duration;

use model::{TaskState, Timestamp};

use crate::{Service, ServiceError};

/// The service at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Projects that are not deleted.
    pub projects: u64,
    /// Builds that are not deleted.
    pub builds: u64,
    /// Builds that are not finished.
    pub unfinished_builds: u64,
    /// Unfinished tasks by state; a state without tasks is left out.
    pub tasks: BTreeMap<TaskState, u64>,
    /// Every reconciler, in a fixed order.
    pub reconcilers: Vec<ReconcilerStatus>,
}

/// How one reconciler fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcilerStatus {
    /// Name.
    pub name: &'static str,
    /// Passes so far.
    pub passes: u64,
    /// When the last pass began.
    pub last_started_at: Option<Timestamp>,
    /// How long it took.
    pub last_duration: Duration,
    /// What it changed.
    pub last_changes: u64,
    /// Why it failed, if it did.
    pub last_error: Option<String>,
}

impl Service {
    /// The service at a glance.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn status(&self) -> Result<ServiceStatus, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let (projects, builds, unfinished_builds) = session.totals().await?;
        let tasks = session.open_task_counts().await?.into_iter().collect();
        Ok(ServiceStatus { projects, builds, unfinished_builds, tasks, reconcilers: self.inner.reports.all() })
    }
}
