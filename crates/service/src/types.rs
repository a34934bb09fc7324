use model::{
    BuildId, Limits, PackageName, PackageSource, ProjectId, ProjectName, ProjectSettings, Timestamp, UserName,
};
use store::{TargetName, UploadedFile};

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
    /// When its turn comes.
    pub queue: QueueWish,
}

/// When the turn of a new build comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueWish {
    /// Whether the owner's other builds go first.
    pub background: bool,
    /// How it is tied to other builds.
    pub order: BuildOrder,
}

/// How a new build is tied to others. Builds that are tied together are a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BuildOrder {
    /// Not at all.
    #[default]
    Free,
    /// What waits for that build waits for this one too.
    With(BuildId),
    /// It waits until that build, and all that belong to its batch, are finished; whether they succeed does not matter.
    After(BuildId),
}

/// Where the source of a new build comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewSource {
    /// A recipe at an `http` or `https` address; files it names lie beside it.
    Url(String),
    /// Uploaded files, the recipe first.
    Files(Vec<UploadedFile>),
    /// What a job makes, for a package of that name if one is given, or for the one its recipe names.
    Job(Option<PackageName>, PackageSource),
}
