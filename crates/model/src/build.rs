use pkg::{Arch, Md5, Sha256};
use serde::{Deserialize, Serialize};

use crate::{
    BuildId, BuildState, FailureCause, FileName, PackageName, PackageSource, ProjectId, ProjectName, RepositoryName,
    SourceSignature, SourceState, TaskId, TaskState, Timestamp, UserName, Verdict,
};

/// One source revision of one package, wanted in a set of (repository, arch), by someone, for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Number.
    pub id: BuildId,
    /// Project number.
    pub project_id: ProjectId,
    /// Project name.
    pub project: ProjectName,
    /// Package; known once the source was read.
    pub package: Option<PackageName>,
    /// Version of the source; known once the source was read.
    pub version: Option<String>,
    /// Where the source comes from.
    pub source: BuildSource,
    /// Digest of the stored source tree.
    pub source_tree: Option<Sha256>,
    /// What the recipe's signature was found to be; known once the recipe was read.
    pub source_signature: Option<SourceSignature>,
    /// Where the source stands.
    pub source_state: SourceState,
    /// Why the source could not be made.
    pub source_failure: Option<FailureCause>,
    /// Whether somebody canceled it.
    pub canceled: bool,
    /// Why it exists.
    pub reason: BuildReason,
    /// Whether its recipes may reach the network.
    pub network: bool,
    /// The project's further repositories when it was submitted.
    pub extra_repositories: Vec<String>,
    /// Whether builds that somebody waits for go first.
    #[serde(default)]
    pub background: bool,
    /// Whether its tasks wait until other builds are finished.
    #[serde(default)]
    pub held: bool,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// Its tasks in the order they were asked for.
    pub tasks: Vec<Task>,
}

impl Build {
    /// The state of the whole.
    #[must_use]
    pub fn state(&self) -> BuildState {
        BuildState::aggregate(self.canceled, self.source_state, &self.task_states())
    }

    /// Whether nothing of it runs or will run.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        BuildState::is_finished(self.canceled, self.source_state, &self.task_states())
    }

    /// When its first task started.
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        self.tasks.iter().filter_map(|task| task.started_at).min()
    }

    /// When its last task ended; `None` until every task has ended, and without tasks.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        let ends: Option<Vec<_>> = self.tasks.iter().map(|task| task.ended_at).collect();
        ends?.into_iter().max()
    }

    /// The packages of the first task that succeeded.
    #[must_use]
    pub fn built_packages(&self) -> &[BuiltPackage] {
        self.tasks.iter().find(|task| task.state == TaskState::Succeeded).map_or(&[], |task| &task.built_packages)
    }

    fn task_states(&self) -> Vec<TaskState> {
        self.tasks.iter().map(|task| task.state).collect()
    }
}

/// Why a build exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum BuildReason {
    /// Somebody submitted it.
    Submitted {
        /// Who.
        by: UserName,
    },
    /// The planner saw a change; package names of what changed, or a word for it.
    Changed {
        /// What changed.
        what: Vec<String>,
    },
}

/// Where the source of a build comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BuildSource {
    /// A recipe at an address; files it names lie beside it.
    Url {
        /// Address.
        url: String,
    },
    /// Files somebody uploaded.
    Upload {
        /// The recipe's name.
        file: FileName,
    },
    /// A revision of a package's files; the package is called as the one it belongs to, whatever the recipe says.
    Revision {
        /// Package.
        package: PackageName,
        /// Number of the revision.
        revision: u64,
        /// The recipe's name.
        file: FileName,
        /// What names the files, if they are not the revision's own but what a link was found to stand for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tree: Option<Md5>,
    },
    /// What a job makes.
    Job {
        /// The package it is built for, whatever the recipe says; `None` if the recipe says.
        package: Option<PackageName>,
        /// How.
        source: PackageSource,
    },
}

/// One file of a source tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceFile {
    /// Name.
    pub name: FileName,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// One build in one (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Number.
    pub id: TaskId,
    /// Build it belongs to.
    pub build: BuildId,
    /// Repository.
    pub repository: RepositoryName,
    /// Architecture.
    pub arch: Arch,
    /// Where it stands.
    pub state: TaskState,
    /// What the planner said last, while it is pending.
    pub verdict: Option<Verdict>,
    /// Why it failed.
    pub failure: Option<FailureCause>,
    /// When a worker first claimed the current attempt.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// What it built.
    pub built_packages: Vec<BuiltPackage>,
}

/// A binary package a task built.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BuiltPackage {
    /// Name.
    pub name: String,
    /// Version without epoch.
    pub version: String,
}
