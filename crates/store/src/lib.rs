//! Remembers: SQL rows in SQLite, blobs named by SHA-256 in a folder, the queue of tasks.
//!
//! Decides nothing: who may do what and which steps belong together is `service`'s business. Read [`Store`] first, then
//! [`Session`]; everything that is a file and not a row is in [`Blobs`].

mod blobs;
mod error;
mod session;

pub use blobs::{BlobError, BlobWriter, Blobs};
pub use error::StoreError;
pub use session::{Session, Store};
