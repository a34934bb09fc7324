use model::{
    BuildId, FileName, PathElement, ProjectId, ProjectName, RepositoryName, TaskState, Timestamp, UserId, UserName,
};
use pkg::{Arch, Sha256};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Number.
    pub id: UserId,
    /// Name.
    pub name: UserName,
    /// Whether the user may do everything.
    pub admin: bool,
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Whose it is.
    pub user: User,
    /// Digest of the secret.
    pub secret_sha256: Sha256,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

/// Something a project can build for: a repository name and an architecture.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetName {
    /// Repository.
    pub repository: RepositoryName,
    /// Architecture.
    pub arch: Arch,
}

impl std::fmt::Display for TargetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.repository, self.arch)
    }
}

/// A target some distribution offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name.
    pub name: TargetName,
    /// What a repository of that name builds against.
    pub path: PathElement,
    /// Whether it can be enabled now.
    pub active: bool,
}

/// Which projects to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    /// Created by this user.
    pub owner: Option<UserName>,
    /// Called exactly this.
    pub name: Option<ProjectName>,
    /// Whose name begins with this and a colon.
    pub below: Option<String>,
    /// With this text, in any case, in its name or description.
    pub text: Option<String>,
    /// Without those that targets build against, and without unlisted ones.
    pub listed: bool,
    /// Highest number first.
    pub descending: bool,
    /// At most so many.
    pub limit: Option<u32>,
    /// After so many.
    pub offset: u32,
}

/// Which builds to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Of projects created by this user.
    pub owner: Option<UserName>,
    /// Of the package with this number.
    pub package: Option<i64>,
    /// Only finished, or only unfinished ones.
    pub finished: Option<bool>,
    /// At most so many.
    pub limit: Option<u32>,
    /// After so many.
    pub offset: u32,
}

/// Which tasks to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Of this build.
    pub build: Option<BuildId>,
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Of projects created by this user.
    pub owner: Option<UserName>,
    /// In one of these states; any, if empty.
    pub states: Vec<TaskState>,
    /// At most so many.
    pub limit: Option<u32>,
    /// After so many.
    pub offset: u32,
}

/// A file whose bytes are in the blob folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedFile {
    /// Name.
    pub name: FileName,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// One revision of a project's build configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRevision {
    /// Number within the project, from 1; 0 is the empty configuration of a project that never had one.
    pub revision: u64,
    /// Digest of the text.
    pub sha256: Sha256,
    /// The text, as it was written.
    pub text: Vec<u8>,
    /// Why it was changed.
    pub comment: String,
    /// Who changed it; `None` for revision 0.
    pub author: Option<UserName>,
    /// When; the beginning of time for revision 0.
    pub created_at: Timestamp,
}

/// One row of the history of a build configuration: a revision without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// Number within the project, from 1.
    pub revision: u64,
    /// Digest of the text.
    pub sha256: Sha256,
    /// Size of the text in bytes.
    pub bytes: u64,
    /// Why it was changed.
    pub comment: String,
    /// Who changed it.
    pub author: Option<UserName>,
    /// When.
    pub created_at: Timestamp,
}
