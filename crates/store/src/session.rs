use std::path::Path;

use crate::StoreError;

/// The database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {}

/// One transaction.
#[derive(Debug)]
pub struct Session {}

impl Store {
    /// Opens it.
    ///
    /// # Errors
    /// [`StoreError`].
    #[expect(clippy::unused_async, reason = "skeleton")]
    pub async fn open(_path: &Path) -> Result<Self, StoreError> {
        Ok(Self {})
    }
}
