//! What a project, repository, package, build, task, job and worker are; which changes of state are legal; the protocol
//! between server and worker.
//!
//! Pure: no SQL, no clock, no wire words. Read [`TaskState`] first, then [`JobSpec`].

mod about;
mod build;
mod failure;
mod ids;
mod job;
mod names;
mod outcome;
mod package;
mod project;
mod right;
mod signature;
mod source_change;
mod source_job;
mod state;
mod time;
mod verdict;

pub use about::{About, Flag, FlagKind, GroupRole, Person, Role};
pub use build::{Build, BuildReason, BuildSource, BuiltPackage, SourceFile, Task};
pub use failure::{FailureCause, Fault};
pub use ids::{BuildId, JobId, ProjectId, RepositoryId, TaskId, UserId};
pub use job::{
    BuildSettings, JobFile, JobOutcome, JobReport, JobSpec, Limits, MOST_REQUIREMENT_ROUNDS, Phase, PhaseTiming,
    RecipeSpec, ResultFile, ResultKind, RootPackage, RootSpec,
};
pub use names::{FileName, NameError, PackageName, ProjectName, RepositoryName, UserName, WorkerName};
pub use outcome::Outcome;
pub use package::{CheckoutSystem, Package, PackageSettings, PackageSource};
pub use project::{
    ArchOptions, BlockMode, Mirror, MirrorSuite, PackageGroups, PathElement, Project, ProjectSettings, RebuildMode,
    Repository, RepositoryArch, RpmMdRepository, TargetAdditions, TriggerPolicy,
};
pub use right::{ProjectRight, RightState};
pub use signature::SourceSignature;
pub use source_change::{ChangedPlace, SourceChange};
pub use source_job::{JobWork, ScriptStep, SourceJob, SourceScript};
pub use state::{BuildState, SourceEvent, SourceState, TaskEvent, TaskState};
pub use time::Timestamp;
pub use verdict::{ExclusionReason, Verdict};
