use model::{
    BuildId, FileName, JobId, NameError, PackageName, PathElement, ProjectId, ProjectName, RepositoryName, TaskId,
    UserName,
};
use pkg::{ArchError, Sha256};
use store::{BlobError, StoreError};

use crate::TargetName;

/// What every interface needs to know of an error to answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was asked makes no sense, and never will.
    Invalid,
    /// This user may not.
    Denied,
    /// What was named is not there.
    Missing,
    /// It does not fit the state things are in.
    Conflicting,
    /// Not now; later it may work.
    Busy,
    /// The service failed; somebody must look.
    Broken,
}

/// Something that needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Create users, tokens of other users, distributions.
    Administer,
    /// Create a project under this name.
    CreateProject,
    /// Change a project, its repositories or its configuration.
    EditProject,
    /// Delete a project.
    DeleteProject,
    /// Submit a build to a project.
    SubmitBuild,
    /// Cancel a build.
    CancelBuild,
    /// Delete a build.
    DeleteBuild,
}

impl Action {
    /// The action as the words that follow "may not".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administer => "administer",
            Self::CreateProject => "create project",
            Self::EditProject => "change project",
            Self::DeleteProject => "delete project",
            Self::SubmitBuild => "submit builds to project",
            Self::CancelBuild => "cancel build",
            Self::DeleteBuild => "delete build",
        }
    }
}

/// How a project was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectKey {
    /// By number.
    Id(ProjectId),
    /// By name.
    Name(ProjectName),
}

impl std::fmt::Display for ProjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

/// Why an operation of the service did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No such project, or it was deleted.
    #[error("there is no project {project}")]
    ProjectMissing {
        /// As it was asked for.
        project: ProjectKey,
    },
    /// No such repository in the project.
    #[error("project {project} has no repository {repository}")]
    RepositoryMissing {
        /// Project.
        project: ProjectName,
        /// Repository.
        repository: RepositoryName,
    },
    /// The target exists, but the project has never enabled it.
    #[error("project {project} has no target {target}")]
    TargetMissing {
        /// Project.
        project: ProjectName,
        /// Target.
        target: TargetName,
    },
    /// The project has no package of that name with a source.
    #[error("project {project} has no package {package}")]
    PackageMissing {
        /// Project.
        project: ProjectName,
        /// Package.
        package: PackageName,
    },
    /// No such revision of a package's files.
    #[error("package {package} has no revision {revision}")]
    FilesMissing {
        /// Package.
        package: PackageName,
        /// As it was asked for.
        revision: String,
    },
    /// No such file in the newest revision of a package.
    #[error("package {package} has no file {file}")]
    FileMissing {
        /// Package.
        package: PackageName,
        /// File.
        file: FileName,
    },
    /// The files that a package stands for are not to be had.
    #[error("the sources of package {package} are broken: {detail}")]
    SourceBroken {
        /// Package.
        package: PackageName,
        /// Why.
        detail: String,
    },
    /// A branch would overwrite a package.
    #[error("branch target package already exists: {project}/{package}")]
    BranchExists {
        /// Project.
        project: ProjectName,
        /// Package.
        package: PackageName,
    },
    /// Others build against a repository that is to be taken away.
    #[error("{by} builds against {repository}")]
    RepositoryUsed {
        /// Which.
        repository: PathElement,
        /// One that builds against it.
        by: PathElement,
    },
    /// The build configuration has an error.
    #[error("{project}, line {line}: {message}")]
    ConfigRefused {
        /// Project.
        project: ProjectName,
        /// Line, from 1.
        line: usize,
        /// The first error.
        message: String,
    },
    /// No such revision of the build configuration.
    #[error("the build configuration of project {project} has no revision {revision}")]
    RevisionMissing {
        /// Project.
        project: ProjectName,
        /// Number.
        revision: u64,
    },
    /// No distribution offers these targets.
    #[error("no distribution offers {}", list(.targets))]
    TargetUnknown {
        /// What was asked for, in that order.
        targets: Vec<TargetName>,
    },
    /// The project has the target already.
    #[error("project {project} has target {target} already")]
    TargetExists {
        /// Project.
        project: ProjectName,
        /// Target.
        target: TargetName,
    },
    /// Nothing to build for: no target is enabled, or none of the wanted ones.
    #[error("project {project} has no enabled target to build for")]
    NoTarget {
        /// Project.
        project: ProjectName,
    },
    /// No such build, or it was deleted.
    #[error("there is no build {build}")]
    BuildMissing {
        /// Number.
        build: BuildId,
    },
    /// No such task.
    #[error("there is no task {task}")]
    TaskMissing {
        /// Number.
        task: TaskId,
    },
    /// No such job.
    #[error("there is no job {job}")]
    JobMissing {
        /// Number.
        job: JobId,
    },
    /// No worker has begun the task yet, or it ended without one.
    #[error("task {task} has no log")]
    LogMissing {
        /// Number.
        task: TaskId,
    },
    /// No such user.
    #[error("there is no user {user}")]
    UserMissing {
        /// Name.
        user: UserName,
    },
    /// The name is taken.
    #[error("there is a user {user} already")]
    UserExists {
        /// Name.
        user: UserName,
    },
    /// No such group.
    #[error("there is no group {group}")]
    GroupMissing {
        /// Name.
        group: UserName,
    },
    /// The name is taken.
    #[error("project {project} has a package {package} already")]
    PackageExists {
        /// Project.
        project: ProjectName,
        /// Package.
        package: PackageName,
    },
    /// Somebody who owns a project needs no rights in it.
    #[error("{user} is an owner of project {project}")]
    OwnsProject {
        /// Who.
        user: UserName,
        /// Project.
        project: ProjectName,
    },
    /// The project is protected against deletion, and its builds with it.
    #[error("project {project} is protected against deletion")]
    Persistent {
        /// Project.
        project: ProjectName,
    },
    /// Nobody is waiting for anything there any more, so nothing can join it or wait for it.
    #[error("build {build} is finished: no other build can be tied to it")]
    BatchFinished {
        /// The build that was named.
        build: BuildId,
    },
    /// This program can not do that, at least not yet.
    #[error("{what} is not possible here: {instead}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What can be done instead.
        instead: &'static str,
    },
    /// The name is taken.
    #[error("there is a project {project} already")]
    ProjectExists {
        /// Name.
        project: ProjectName,
    },
    /// The build is over.
    #[error("build {build} is finished and can not be canceled")]
    NotCancelable {
        /// Number.
        build: BuildId,
    },
    /// The build is not over.
    #[error("build {build} is not finished")]
    NotFinished {
        /// Number.
        build: BuildId,
    },
    /// The user may not do that.
    #[error("{user} may not {} {object}", .action.as_str())]
    Denied {
        /// Who.
        user: UserName,
        /// What.
        action: Action,
        /// With what: the name of a project, the number of a build, a user name.
        object: String,
    },
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An architecture is not one.
    #[error(transparent)]
    Arch(#[from] ArchError),
    /// An address can not be used.
    #[error("{url:?} can not be used as an address: {detail}")]
    BadUrl {
        /// Address, cut to a readable length.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// A value can not be used.
    #[error("{field}: {detail}")]
    BadValue {
        /// What the value is for.
        field: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// An upload or all files of a source are larger than the service takes.
    #[error("{name}: larger than the limit of {limit_bytes} bytes")]
    UploadTooLarge {
        /// File name.
        name: String,
        /// Limit in bytes.
        limit_bytes: u64,
    },
    /// Nothing is published under the path.
    #[error("{path}: nothing is published there")]
    PublishedMissing {
        /// Path as asked for.
        path: String,
    },
    /// No such preset of a distribution.
    #[error("{preset:?} is not a known distribution; known are {}", .known.join(", "))]
    PresetUnknown {
        /// As asked for.
        preset: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A worker reported a result that it never handed over.
    #[error("job {job} reported the result {file}, but never stored it")]
    ResultMissing {
        /// Job.
        job: JobId,
        /// File name.
        file: String,
    },
    /// Something outside answered in a way that may change: a mirror, a disk that is full.
    #[error("{what}: {detail}")]
    Unavailable {
        /// What.
        what: String,
        /// How it failed.
        detail: String,
    },
    /// A blob that rows refer to is gone.
    #[error("blob {sha256} is missing")]
    BlobMissing {
        /// Digest.
        sha256: Sha256,
    },
    /// The database failed.
    #[error("the database could not be used")]
    Store(#[from] StoreError),
    /// The blob folder failed, or bytes were not the promised ones.
    #[error("a blob could not be kept")]
    Blob(#[from] BlobError),
    /// A file of the data folder failed.
    #[error("the data folder could not be used")]
    Io(#[from] std::io::Error),
    /// Something else failed.
    #[error("{what}")]
    Failed {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn list(targets: &[TargetName]) -> String {
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl ServiceError {
    /// Which of the six kinds it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::ProjectMissing { .. }
            | Self::RepositoryMissing { .. }
            | Self::TargetMissing { .. }
            | Self::PackageMissing { .. }
            | Self::RevisionMissing { .. }
            | Self::FilesMissing { .. }
            | Self::FileMissing { .. }
            | Self::BuildMissing { .. }
            | Self::TaskMissing { .. }
            | Self::JobMissing { .. }
            | Self::LogMissing { .. }
            | Self::UserMissing { .. }
            | Self::GroupMissing { .. }
            | Self::PublishedMissing { .. } => ErrorKind::Missing,
            Self::TargetUnknown { .. }
            | Self::NoTarget { .. }
            | Self::Name(_)
            | Self::Arch(_)
            | Self::BadUrl { .. }
            | Self::BadValue { .. }
            | Self::SourceBroken { .. }
            | Self::UploadTooLarge { .. }
            | Self::PresetUnknown { .. }
            | Self::OwnsProject { .. }
            | Self::Unsupported { .. }
            | Self::ConfigRefused { .. }
            | Self::ResultMissing { .. }
            | Self::Blob(BlobError::Mismatch { .. } | BlobError::NotAFile { .. }) => ErrorKind::Invalid,
            Self::TargetExists { .. }
            | Self::RepositoryUsed { .. }
            | Self::UserExists { .. }
            | Self::ProjectExists { .. }
            | Self::PackageExists { .. }
            | Self::BranchExists { .. }
            | Self::BatchFinished { .. }
            | Self::NotCancelable { .. }
            | Self::NotFinished { .. } => ErrorKind::Conflicting,
            Self::Denied { .. } | Self::Persistent { .. } => ErrorKind::Denied,
            Self::Unavailable { .. } => ErrorKind::Busy,
            Self::BlobMissing { .. } | Self::Store(_) | Self::Blob(_) | Self::Io(_) | Self::Failed { .. } => {
                ErrorKind::Broken
            }
        }
    }

    /// What to do about it, where there is something to say; one sentence without a full stop.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::TargetUnknown { .. } => {
                Some("an administrator adds distributions with `kiln dist add NAME`".to_owned())
            }
            Self::NoTarget { project } => Some(format!("enable a target of project {project} first")),
            Self::NotFinished { build } => Some(format!("cancel build {build} first, or wait for its end")),
            Self::Denied { .. } => Some("ask the owner of the project or an administrator".to_owned()),
            Self::LogMissing { .. } => Some("the log begins when a worker has claimed the task".to_owned()),
            Self::UploadTooLarge { .. } => Some("the limit is set by whoever runs the service".to_owned()),
            Self::Unavailable { .. } => Some("try again later".to_owned()),
            _ => None,
        }
    }
}
