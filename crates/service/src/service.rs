use std::sync::Arc;

use model::{Limits, Timestamp};

use crate::inner::Inner;
use crate::{DistGit, ServiceConfig, ServiceError, leases};

/// The service. Clones share one.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) inner: Arc<Inner>,
}

impl Service {
    /// Opens a data folder, brings its database up to date and puts right what an interrupted program left: every job that
    /// ran is given to a worker again, every source that was being made is made again. Nobody else may use the folder.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] if another program uses the folder; else if it or its database can not be used.
    pub async fn open(config: ServiceConfig) -> Result<Self, ServiceError> {
        let inner = Inner::open(config).await?;
        let mut session = inner.store.write().await?;
        let sources = session.recover_sources().await?;
        session.commit().await?;
        // Workers live in this program: those of an earlier one are dead, whatever their lease says.
        let jobs = leases::take_back(&inner, None, "the service was interrupted").await?;
        if sources > 0 || jobs > 0 {
            tracing::warn!(sources, jobs, "an interrupted program left {sources} sources and {jobs} jobs to do again");
        }
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Resolves when any build, task or log has changed after `seen`, the number this function gave last (0 at first).
    pub async fn wait_for_change(&self, seen: u64) -> u64 {
        self.inner.wait_for_change(seen).await
    }

    /// The bounds of builds that name none of their own.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.config.limits
    }

    /// Where distributions keep the sources of their packages; the first is the usual one.
    #[must_use]
    pub fn dist_gits(&self) -> &[DistGit] {
        &self.inner.config.dist_gits
    }

    /// The service's own time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.now()
    }

    /// Closes the database. Not needed for durability: what was answered is kept anyway.
    pub async fn close(self) {
        self.inner.store.close().await;
    }
}
