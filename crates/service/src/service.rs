use std::sync::Arc;

use crate::inner::Inner;
use crate::{Background, NewToken, ServiceConfig, ServiceError};

/// The service. Clones share one.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) inner: Arc<Inner>,
}

impl Service {
    /// Opens a data folder, brings its database up to date and puts right what an interrupted program left.
    ///
    /// # Errors
    /// If the folder or its database can not be used.
    pub async fn open(_config: ServiceConfig) -> Result<Self, ServiceError> {
        todo!()
    }

    /// A token for the first administrator, `admin`; `Some` exactly once in the life of a data folder.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn first_admin(&self) -> Result<Option<NewToken>, ServiceError> {
        todo!()
    }

    /// Starts the background work. Call it once, inside a tokio runtime.
    #[must_use]
    pub fn start(&self) -> Background {
        todo!()
    }

    /// Resolves when any build, task or log has changed after `seen`, the number this function gave last (0 at first).
    pub async fn wait_for_change(&self, _seen: u64) -> u64 {
        todo!()
    }
}
