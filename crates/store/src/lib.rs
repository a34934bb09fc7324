//! Remembers: SQL rows in SQLite, blobs named by SHA-256 in a folder, the queue of tasks.
//!
//! Decides nothing: who may do what and which steps belong together is `service`'s business. Read [`Store`] first, then
//! [`Session`], whose methods are spread over the files by noun; everything that is a file and not a row is in [`Blobs`].
//!
//! Durability: the write-ahead log survives the death of the program at any instant; a power cut may take the newest
//! transactions, but never leaves a half one, and never a row whose blob is torn (blobs are synced before their row).

mod about;
mod accounts;
mod aggregates;
mod batches;
mod blobs;
mod builds;
#[cfg(test)]
mod costs;
mod current;
mod deleted;
mod derived;
mod descriptions;
mod error;
mod fields;
mod fork;
mod jobs;
mod keys;
mod matrix;
mod mirror;
mod outcomes;
mod packages;
mod pages;
mod people;
mod plan;
mod plans;
mod projects;
mod publication;
mod references;
mod repositories;
mod requirements;
mod results;
mod revisions;
mod services;
mod session;
mod settled;
mod source;
mod source_jobs;
mod sources;
mod states;
mod types;
mod users;

pub use accounts::{LoginKind, LoginRow, NewLogin, SshKeyRow};
pub use aggregates::{AggregateRow, AggregateWish, TakenOver};
pub use batches::{BatchId, OrderedBatch};
pub use blobs::{BlobError, BlobWriter, Blobs};
pub use builds::NewBuildRow;
pub use current::{CurrentSource, PackageResult};
pub use derived::{DerivedTree, PackageLink};
pub use descriptions::{Described, Description};
pub use error::StoreError;
pub use jobs::{AttemptRow, JobRow, QueuedJob};
pub use keys::SigningKey;
pub use matrix::{MatrixFilter, MatrixRow, OutcomeCount};
pub use mirror::{IndexKind, MirrorCheck, MirrorIndexRow, MirrorSuiteRow};
pub use outcomes::{PackageOutline, PackageTask, TargetActivity};
pub use packages::NewestTask;
pub use people::Group;
pub use plans::{PendingTask, PendingWork, TaskPlan};
pub use publication::{PublicationChange, PublishableRow, PublishedEntry, PublishedFile};
pub use results::RepositoryResult;
pub use revisions::{Revision, RevisionFile, tree_md5};
pub use services::{EndedRun, ServiceRun, services_of};
pub use session::{Session, Store};
pub use settled::{Fingerprint, OpenTaskRow, Rebuild, ResultOrigin, SettledTask};
pub use sources::{OpenSource, SourceTree};
pub use states::TaskChange;
pub use types::{
    BuildFilter, ConfigChange, ConfigRevision, ProjectFilter, Target, TargetName, TaskFilter, TokenRow, UploadedFile,
    User,
};
