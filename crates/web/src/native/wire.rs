//! The bodies of Kiln's own interface.
//!
//! Nouns of [`model`] are sent as they are. Requests refuse keys they do not know; answers may grow new ones.

mod accounts;

use model::{
    Build, BuildId, BuildState, Limits, Phase, Project, ProjectSettings, Repository, ResultFile, RootPackage, Task,
    TaskId, Timestamp, UserName,
};
use serde::{Deserialize, Serialize};

pub use accounts::{KnownSession, NewSshKey, PasswordRequest, SessionsAnswer, SshKey, SshKeysAnswer};
pub use service::{
    ConfigImpact, Fate, Held, NewestBuild, OutdatedPackage, Outlook, PackageWhy, Refreshed, TargetImpact,
};

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorAnswer {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Which of the kinds it is.
    pub code: ErrorCode,
    /// One sentence for people, causes included.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// The kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request makes no sense (400, 405, 408, 413).
    Invalid,
    /// Nobody is logged in, or the user may not (401, 403).
    Denied,
    /// What was named is not there (404).
    Missing,
    /// It does not fit the state things are in (409).
    Conflicting,
    /// Later it may work (503).
    Busy,
    /// The server failed (500).
    Broken,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `kiln`.
    pub name: String,
    /// Version of the program.
    pub version: String,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Name.
    pub user: UserName,
    /// Whether the user may do everything.
    pub admin: bool,
}

/// A user to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Name.
    pub name: UserName,
    /// Whether the user may do everything.
    #[serde(default)]
    pub admin: bool,
}

/// A token to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTokenRequest {
    /// How long it works, in seconds.
    pub lifetime_seconds: u64,
}

/// A fresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// Whose.
    pub user: UserName,
    /// Public half.
    pub login: String,
    /// Secret half.
    pub token: String,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

/// Every user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsersAnswer {
    /// By name.
    pub users: Vec<Login>,
}

/// What a user may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// Whether the user may do everything.
    pub admin: bool,
}

/// The tokens of a user, without their secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensAnswer {
    /// The last to expire first.
    pub tokens: Vec<KnownToken>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownToken {
    /// Public half.
    pub login: String,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

/// How many tokens were taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedAnswer {
    /// Their number.
    pub revoked: u64,
}

/// A group to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// Name: the first part of the names of its projects.
    pub name: UserName,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupAnswer {
    /// Name.
    pub name: UserName,
    /// Who belongs to it, by name.
    pub members: Vec<UserName>,
}

/// Every group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsAnswer {
    /// By name.
    pub groups: Vec<GroupAnswer>,
}

/// A project to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProjectRequest {
    /// Name.
    pub name: String,
    /// Targets to build for (`debian-12-x86_64`).
    #[serde(default)]
    pub targets: Vec<String>,
    /// Settings; without them, results are published and builds have no network.
    #[serde(default)]
    pub settings: Option<ProjectSettings>,
}

/// A project with its repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectAnswer {
    /// The project.
    pub project: Project,
    /// Its repositories in order of creation.
    pub repositories: Vec<Repository>,
}

/// Several projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectsAnswer {
    /// In order of creation.
    pub projects: Vec<Project>,
}

/// Something a project can build for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetAnswer {
    /// Name (`debian-12-x86_64`).
    pub name: String,
    /// What it builds against (`Debian:12/standard`).
    pub path: String,
    /// Whether it can be enabled.
    pub active: bool,
}

/// Several targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetsAnswer {
    /// In order of creation.
    pub targets: Vec<TargetAnswer>,
}

/// How a project builds for a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnableRequest {
    /// Packages every root gets in addition.
    #[serde(default)]
    pub extra_packages: Vec<String>,
    /// Conditions of spec files that are on (`rpmbuild --with`).
    #[serde(default)]
    pub with: Vec<String>,
    /// Conditions of spec files that are off (`rpmbuild --without`).
    #[serde(default)]
    pub without: Vec<String>,
    /// Whether packages of debugging symbols are made too.
    #[serde(default)]
    pub debug_packages: bool,
}

/// A distribution to add.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDistribution {
    /// Preset (`debian-12`).
    pub preset: String,
    /// Address of the archive; without it, the one of the server's own package manager.
    #[serde(default)]
    pub mirror_url: Option<String>,
    /// Address of the security archive; without it, the one of the server's own package manager.
    #[serde(default)]
    pub security_url: Option<String>,
    /// Architectures; none means the server's own.
    #[serde(default)]
    pub arches: Vec<String>,
    /// File of the server with the keys of the archive; without it, the distribution's own.
    #[serde(default)]
    pub keyring: Option<String>,
    /// Whether rpm-md metadata is believed without a signature.
    #[serde(default)]
    pub believes_unsigned: bool,
    /// Names and addresses of rpm-md repositories instead of the preset's; `$basearch` stands for the architecture.
    #[serde(default)]
    pub repositories: Vec<(String, String)>,
}

/// How a mirrored distribution stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorAnswer {
    /// Packages it offers.
    pub packages: u64,
    /// Index files that were fetched.
    pub fetched: u64,
    /// When the indices were last known to be current.
    pub checked_at: Timestamp,
}

/// A revision of a build configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigAnswer {
    /// Number within the project; 0 if it never had one.
    pub revision: u64,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Why it was changed.
    pub comment: String,
    /// Who changed it.
    pub author: Option<UserName>,
    /// When.
    pub created_at: Timestamp,
    /// What is odd about the text, seen together with what the project builds against.
    #[serde(default)]
    pub findings: Vec<FindingAnswer>,
}

/// What is odd about a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigCheckAnswer {
    /// In the order of the text, seen together with what the project builds against.
    pub findings: Vec<FindingAnswer>,
}

/// Something odd about a build configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingAnswer {
    /// Stable code (`K001`).
    pub code: String,
    /// Stable name of the code (`unknown-keyword`).
    pub name: String,
    /// `hint`, `warning` or `error`.
    pub grade: String,
    /// Line, counted from 1.
    pub line: u64,
    /// Column in characters, counted from 1; bytes that are no UTF-8 count one each.
    pub column: u64,
    /// Offset of the first byte in the text.
    pub start: u64,
    /// Offset behind the last byte.
    pub end: u64,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// The history of a build configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigRevisionsAnswer {
    /// Newest first.
    pub revisions: Vec<ConfigRevisionAnswer>,
}

/// A revision of a build configuration without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigRevisionAnswer {
    /// Number within the project.
    pub revision: u64,
    /// Why it was changed.
    pub comment: String,
    /// Who changed it.
    pub author: Option<UserName>,
    /// When.
    pub created_at: Timestamp,
    /// Size of the text.
    pub bytes: u64,
    /// Digest of the text.
    pub sha256: String,
}

/// What the configurations along the path of a repository come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveAnswer {
    /// Project.
    pub project: String,
    /// Repository.
    pub repository: String,
    /// Architecture.
    pub arch: String,
    /// The configurations it is made of, strongest first.
    pub layers: Vec<LayerAnswer>,
    /// Elements of the path that do not exist (`PROJECT/REPOSITORY`).
    pub missing: Vec<String>,
    /// Every entry with its origin, keywords in the order of the manual.
    pub entries: Vec<EntryAnswer>,
    /// The first error; builds go on without what it spoils.
    pub parse_error: Option<String>,
}

/// One configuration of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerAnswer {
    /// Project.
    pub project: String,
    /// Its repository.
    pub repository: String,
    /// Revision; 0 if the project has no configuration.
    pub revision: u64,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// One entry of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryAnswer {
    /// Keyword without its colon.
    pub keyword: String,
    /// The entry of a list or the key of a map; null for keywords with one value.
    pub entry: Option<String>,
    /// The value of a key or of a keyword with one value; null for lists.
    pub value: Option<String>,
    /// Where it is written; null for defaults.
    pub origin: Option<OriginAnswer>,
}

/// A place in one of several texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginAnswer {
    /// The text: `PROJECT/REPOSITORY`, or the name of a file.
    pub source: String,
    /// Line, counted from 1.
    pub line: u64,
    /// Offset of the first byte.
    pub start: u64,
    /// Offset behind the last byte.
    pub end: u64,
    /// Whether macros made the line, so that the bytes there may differ.
    pub expanded: bool,
}

/// A build configuration to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigRequest {
    /// The text.
    pub text: String,
    /// Why it is changed.
    #[serde(default)]
    pub comment: String,
}

/// A build to submit; in a form, the part `build` holds it and each part `file` one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// Name of the project.
    pub project: String,
    /// Address of the recipe; absent if files are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Targets; none means every enabled one.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Whether the recipe may reach the network; absent means what the project says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<bool>,
    /// Limits of its jobs; absent means the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// A build whose batch this one joins; with `after_build_id: "auto"`, one of the same ordered submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_build_id: Option<i64>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_build_id: Option<AfterBuild>,
    /// How many builds the ordered submission has; needed with `after_build_id: "auto"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u32>,
    /// Whether the owner's other builds go first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

/// What a build waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AfterBuild {
    /// This build, and all that belong to its batch.
    Build(i64),
    /// `auto`: those of the same submission that make what it needs.
    Word(String),
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Number of the build.
    pub build: BuildId,
}

/// Why a task is not running and not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// For machines.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A build as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildAnswer {
    /// The build.
    pub build: Build,
    /// Where it stands.
    pub state: BuildState,
    /// Whether nothing of it runs or will run.
    pub finished: bool,
    /// When its first task started.
    pub started_at: Option<Timestamp>,
    /// When its last task ended.
    pub ended_at: Option<Timestamp>,
    /// The task whose jobs make its source, for its log; null if no job does. Only in answers about one build.
    #[serde(default)]
    pub source_task: Option<TaskId>,
    /// Its tasks, in the order of the build's.
    pub tasks: Vec<TaskAnswer>,
    /// What was found of the ordered submission it belongs to; only of a single build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_findings: Vec<String>,
}

/// What is not in a task itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAnswer {
    /// The task.
    pub task: Task,
    /// Its target (`debian-12-x86_64`).
    pub target: String,
    /// Why it is not running and not done.
    pub cause: Option<Cause>,
    /// Address of the folder of its results, below the server's; null until the source is known.
    pub results_path: Option<String>,
    /// How long each phase of its last attempt took, in order; empty until it has ended, and in lists of builds.
    #[serde(default)]
    pub phases: Vec<PhaseAnswer>,
    /// Whether the root of the last attempt came from the cache; null as long as `phases` is empty.
    #[serde(default)]
    pub warm_root: Option<bool>,
}

/// A phase of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseAnswer {
    /// Which.
    pub phase: Phase,
    /// Its wall time, in milliseconds.
    pub duration_ms: u64,
}

/// Several builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildsAnswer {
    /// Newest first.
    pub builds: Vec<BuildAnswer>,
}

/// What a task left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultsAnswer {
    /// By name.
    pub results: Vec<ResultFile>,
}

/// The root a task was built in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentAnswer {
    /// In install order; null before it was planned.
    pub packages: Option<Vec<RootPackage>>,
}

/// A number that grows with every change of a build, a task or a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesAnswer {
    /// The number to ask with next time.
    pub seen: u64,
}

/// The server at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// Projects.
    pub projects: u64,
    /// Builds.
    pub builds: u64,
    /// Builds that are not finished.
    pub unfinished_builds: u64,
    /// Unfinished tasks by state, only states that some task has.
    pub tasks: std::collections::BTreeMap<String, u64>,
    /// Background work.
    pub reconcilers: Vec<ReconcilerAnswer>,
}

/// One piece of background work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcilerAnswer {
    /// Name.
    pub name: String,
    /// Passes so far.
    pub passes: u64,
    /// When the last pass began.
    pub last_started_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub last_duration_ms: u64,
    /// What it changed.
    pub last_changes: u64,
    /// Why it failed, if it did.
    pub last_error: Option<String>,
}

/// A build configuration to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImpactRequest {
    /// The text.
    pub text: String,
}
