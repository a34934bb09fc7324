use model::FileName;

use crate::{Service, ServiceError, UploadedFile, User};

/// A file that is being uploaded; dropped without [`Self::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    name: FileName,
}

impl Service {
    /// Begins an upload. Any user may; a file that no build takes is forgotten after a day.
    ///
    /// # Errors
    /// If the data folder can not be used.
    pub async fn upload(&self, _actor: &User, name: FileName) -> Result<Upload, ServiceError> {
        let _upload = Upload { name };
        todo!()
    }
}

impl Upload {
    /// Adds the next bytes.
    ///
    /// # Errors
    /// [`ServiceError::UploadTooLarge`].
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), ServiceError> {
        todo!()
    }

    /// Ends the upload.
    ///
    /// # Errors
    /// If the data folder can not be used.
    pub async fn finish(self) -> Result<UploadedFile, ServiceError> {
        let _name = self.name;
        todo!()
    }
}
