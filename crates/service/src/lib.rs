//! The use cases of a build service, each once: who may, in which transaction, which steps; and the background work.
//!
//! Speaks no wire dialect and runs no build. Read [`Service`] first; [`ServiceError`] says how things go wrong.

mod about;
mod accounts;
mod background;
mod builds;
mod config;
mod config_diff;
mod configurations;
mod constraints;
mod crew;
mod deleted;
mod descriptions;
mod distributions;
mod error;
mod expiry;
mod fetch;
mod fields;
mod fork;
mod formats;
mod groups;
mod inner;
mod jobs;
mod leases;
mod log_gaps;
mod matrix;
mod mirror;
mod outcomes;
mod packages;
mod permission;
mod planning;
mod projects;
mod prune;
mod publish;
mod rebuild;
mod references;
mod results;
mod revisions;
mod service;
mod sources;
mod status;
mod switches;
mod trees;
mod types;
mod uploads;
mod users;

pub use about::{Change, ProjectView, WantedProject, WantedRepository};
pub use accounts::{MalformedKey, NewSession, OidcConfig, OidcError, ProviderAnswer, PublicKey};
pub use background::Background;
pub use config::{Clock, RetryPolicy, ServiceConfig, SourceTarget};
pub use config_diff::ConfigDifferences;
pub use configurations::{ConfigFinding, ConfigLayer, EffectiveConfig};
pub use constraints::WorkerTraits;
pub use descriptions::{BuiltPlace, DescribedProject, Said, SwitchChange};
pub use distributions::{DistributionOptions, MirrorStatus};
pub use error::{Action, ErrorKind, ProjectKey, ServiceError};
pub use expand::{LineOrigin, Why};
pub use fork::NewFork;
pub use groups::RightChange;
pub use jobs::{Heartbeat, JobLog};
pub use log_gaps::LogGap;
pub use matrix::{Matrix, RunningTask};
pub use planning::{BuildNeeds, LocalBuild, LocalBuildWish, LocalPackage, OfferedPackage, PackageNeeds, SentRecipe};
pub use planning::{ConfigImpact, Held, NewestBuild, OutdatedPackage, Outlook, PackageWhy, Refreshed, TargetImpact};
pub use rebuild::PackageTarget;
pub use recipe::delta::{blame, lines};
pub use recipe::special::Worker as Machine;
pub use recipe::xml;
pub use references::{PROJECT_REFERENCE, referenced_project};
pub use repo::pgp::KeyDescription;
pub use results::{Entry, Published, StoredResult, TaskLog};
pub use revisions::{Commit, RevisionWish, WantedFile};
pub use sched::{Fate, PackageImpact};
pub use service::Service;
pub use sources::job::DistGit;
pub use status::{ReconcilerStatus, ServiceStatus};
pub use store::Description;
pub use store::tree_md5;
pub use store::{AttemptRow, PackageOutline, PackageTask, Revision, RevisionFile, TargetActivity};
pub use store::{
    BuildFilter, ConfigChange, ConfigRevision, Group, MatrixFilter, MatrixRow, NewestTask, OutcomeCount, ProjectFilter,
    Target, TargetName, TaskFilter, UploadedFile, User,
};
pub use store::{LoginKind, LoginRow, SshKeyRow};
pub use trees::{
    BranchWish, Branched, CommitHow, CopyWish, DiffWish, Difference, FileDifference, LinkView, Listing, ServiceState,
    ServiceView, TreeWish,
};
pub use types::{BuildOrder, NewBuild, NewProject, NewSource, NewToken, QueueWish};
pub use uploads::Upload;
pub use users::random_secret;
