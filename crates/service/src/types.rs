use std::time::Duration;

use model::{
    BuildId, FileName, Limits, PathElement, ProjectId, ProjectName, ProjectSettings, RepositoryName, TaskState,
    Timestamp, UserId, UserName,
};
use pkg::{Arch, Sha256};

/// Somebody who has proved who they are, or whom somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Number.
    pub id: UserId,
    /// Name.
    pub name: UserName,
    /// Whether the user may do everything.
    pub admin: bool,
}

/// A fresh token: the only time its secret is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose.
    pub user: UserName,
    /// The public half; the user name of HTTP's basic authentication.
    pub login: String,
    /// The secret half; the password.
    pub token: String,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("user", &self.user).field("login", &self.login).finish_non_exhaustive()
    }
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

/// A project somebody wants to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// Name. A user may create projects whose first part, or whose part after `home:`, is the user's name.
    pub name: ProjectName,
    /// Settings.
    pub settings: ProjectSettings,
    /// Targets to enable; unknown ones are an error that lists them.
    pub targets: Vec<TargetName>,
}

/// Which projects to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    /// Created by this user.
    pub owner: Option<UserName>,
    /// Called exactly this.
    pub name: Option<ProjectName>,
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

/// A build somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBuild {
    /// Project.
    pub project: ProjectId,
    /// What to build.
    pub source: NewSource,
    /// What to build for; `None` or empty means every enabled target. Targets the project has not enabled are an error.
    pub targets: Option<Vec<TargetName>>,
    /// Whether the recipe may reach the network; `None` means what the project says.
    pub network: Option<bool>,
    /// Limits of its jobs; `None` means the service's.
    pub limits: Option<Limits>,
}

/// Where the source of a new build comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewSource {
    /// A recipe at an `http` or `https` address; files it names lie beside it.
    Url(String),
    /// Uploaded files, the recipe first.
    Files(Vec<UploadedFile>),
}

/// A file whose bytes the service has.
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

/// Longest life of a token.
pub(crate) const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
