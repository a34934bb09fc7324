use std::io::Write as _;
use std::sync::Arc;

use model::FileName;
use store::BlobWriter;

use crate::inner::{Inner, blocking};
use crate::{Service, ServiceError, UploadedFile, User};

/// Bytes collected before they are written.
const PIECE_BYTES: usize = 1 << 20;

/// A file that is being uploaded; dropped without [`Self::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    inner: Arc<Inner>,
    name: FileName,
    piece: Vec<u8>,
    /// `None` only while a helper thread has it, or after that thread died.
    writer: Option<BlobWriter>,
    bytes: u64,
}

impl Service {
    /// Begins an upload. Any user may; a file that no build takes is forgotten after a day.
    ///
    /// # Errors
    /// If the data folder can not be used.
    pub async fn upload(&self, _actor: &User, name: FileName) -> Result<Upload, ServiceError> {
        let writer = self.inner.with_blobs(|blobs| blobs.create()).await?;
        Ok(Upload { inner: Arc::clone(&self.inner), name, piece: Vec::new(), writer: Some(writer), bytes: 0 })
    }
}

impl Upload {
    /// Adds the next bytes.
    ///
    /// # Errors
    /// [`ServiceError::UploadTooLarge`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ServiceError> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        let limit_bytes = self.inner.config.upload_bytes;
        if self.bytes > limit_bytes {
            return Err(ServiceError::UploadTooLarge { name: self.name.to_string(), limit_bytes });
        }
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES { self.write_piece().await } else { Ok(()) }
    }

    /// Ends the upload.
    ///
    /// # Errors
    /// If the data folder can not be used.
    pub async fn finish(mut self) -> Result<UploadedFile, ServiceError> {
        self.write_piece().await?;
        let writer = self.take_writer()?;
        let (sha256, bytes) = blocking(move || writer.finish()).await??;
        Ok(UploadedFile { name: self.name, bytes, sha256 })
    }

    async fn write_piece(&mut self) -> Result<(), ServiceError> {
        let mut writer = self.take_writer()?;
        let piece = std::mem::take(&mut self.piece);
        let (writer, written) = blocking(move || {
            let written = writer.write_all(&piece);
            (writer, written)
        })
        .await?;
        self.writer = Some(writer);
        Ok(written?)
    }

    fn take_writer(&mut self) -> Result<BlobWriter, ServiceError> {
        self.writer.take().ok_or_else(|| {
            let died = std::io::Error::other("an earlier piece was not written");
            ServiceError::Failed { what: format!("{}: the upload is broken", self.name), source: died.into() }
        })
    }
}
