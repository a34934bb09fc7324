//! The protocol between server and worker: one [`JobSpec`] goes out, log bytes and one [`JobReport`] come back.

use std::collections::BTreeMap;
use std::time::Duration;

use pkg::{Arch, PackageFormat, RecipeKind, Sha256};
use serde::{Deserialize, Serialize};

use crate::{FailureCause, FileName, JobId, JobWork};

/// Everything a worker needs to run one attempt of a task; files are named by digest and fetched by the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The attempt.
    pub job: JobId,
    /// What people call it in logs: `PROJECT/PACKAGE REPOSITORY ARCH`.
    pub title: String,
    /// Architecture to build for.
    pub arch: Arch,
    /// What the root is made of.
    pub root: RootSpec,
    /// What is done in it.
    pub work: JobWork,
    /// Every file of the source tree, the recipe included; or the files a script finds.
    pub sources: Vec<JobFile>,
    /// What the build configuration says of the way to build.
    pub settings: BuildSettings,
    /// Bounds on the recipe's run.
    pub limits: Limits,
    /// Whether the recipe may reach the network.
    pub network: bool,
}

impl JobSpec {
    /// The name of the recipe; empty for a job that builds none.
    #[must_use]
    pub fn recipe_file(&self) -> &str {
        self.work.recipe().map_or("", |recipe| recipe.file.as_str())
    }
}

/// A file named by content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFile {
    /// Name without a folder.
    pub name: FileName,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// The root of a build: which packages, in which order, and how they get there.
///
/// Two jobs with equal `RootSpec`s (the names of files aside) share one prepared root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootSpec {
    /// Package format, hence installer.
    pub format: PackageFormat,
    /// Names of the packages unpacked first, without scripts, in this order; each is also in `packages`.
    pub preinstall: Vec<String>,
    /// Names of the preinstalled packages whose scripts run right after unpacking, in this order.
    pub run_scripts: Vec<String>,
    /// All packages in install order.
    pub packages: Vec<RootPackage>,
}

/// One package of a root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootPackage {
    /// Package name.
    pub name: String,
    /// `[epoch:]version[-release]`.
    pub version: String,
    /// Architecture as the package format spells it.
    pub arch: String,
    /// The package file.
    pub file: JobFile,
}

/// The recipe a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeSpec {
    /// Its kind, hence recipe engine.
    pub kind: RecipeKind,
    /// Which of the sources it is.
    pub file: FileName,
}

/// What the build configuration says of the way to build. Empty and `None` mean: the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuildSettings {
    /// Command instead of the engine's own (`Substitute: dsc:build_cmd`), one word an entry.
    pub command: Vec<String>,
    /// `Target:`.
    pub target: Option<String>,
    /// Words of `%deb_build_options`.
    pub build_options: Vec<String>,
    /// Words of `%deb_build_profiles`.
    pub build_profiles: Vec<String>,
    /// Jobs the recipe may run at once; `None` means as many as the worker has processors.
    pub parallel: Option<u32>,
    /// The configuration's raw `Macros:` text.
    pub raw_macros: String,
    /// Build conditions of a spec file switched on (`rpmbuild --with`).
    pub with: Vec<String>,
    /// Build conditions of a spec file switched off (`rpmbuild --without`).
    pub without: Vec<String>,
    /// Whether packages of debugging symbols are made too.
    pub debug_packages: bool,
    /// `OptFlags:`, what rpm compiles with: architecture (`*` adds to every other) and flags.
    pub optflags: BTreeMap<String, String>,
}

/// Bounds on one job; exceeding one ends it with the [`FailureCause`] of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory of all processes together, in bytes.
    pub memory_bytes: u64,
    /// Number of processes and threads at once.
    pub processes: u32,
    /// Disk the recipe may fill beyond its root, in bytes.
    pub disk_bytes: u64,
    /// Wall time of the recipe's run, in seconds.
    pub run_seconds: u64,
    /// Wall time without a byte of log, in seconds.
    pub silence_seconds: u64,
    /// Size of the log, in bytes.
    pub log_bytes: u64,
    /// Size of all results together, in bytes.
    pub result_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        Self {
            memory_bytes: 8 * GIB,
            processes: 4096,
            disk_bytes: 20 * GIB,
            run_seconds: 5 * 3600,
            silence_seconds: 3600,
            log_bytes: GIB / 4,
            result_bytes: 4 * GIB,
        }
    }
}

/// The steps of a job, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Packages and sources are fetched and checked.
    Fetch,
    /// The root is prepared, or found in the cache and mounted.
    Root,
    /// The recipe runs.
    Recipe,
    /// Results are collected, checked and handed over.
    Collect,
}

/// How long one step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTiming {
    /// The step.
    pub phase: Phase,
    /// Its wall time.
    pub duration: Duration,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    /// The recipe ran to its end and left valid results.
    Succeeded,
    /// It did not.
    Failed(FailureCause),
    /// The server asked to stop.
    Canceled,
    /// The recipe said, while it ran, that it needs packages its root does not have (`%generate_buildrequires`).
    ///
    /// Neither a success nor a failure: the task is planned again with these added to what the recipe requires, at most
    /// [`MOST_REQUIREMENT_ROUNDS`] times.
    NeedsPackages {
        /// Dependencies as recipes write them, in the order they were asked for.
        requires: Vec<String>,
    },
}

/// How often a task may be planned again because its recipe asked for more packages.
///
/// Each round can only ask for something new because of what the one before installed; real recipes need one or two.
pub const MOST_REQUIREMENT_ROUNDS: u32 = 10;

/// What kind of result a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultKind {
    /// A binary package, published.
    Package,
    /// A source package, published beside the binaries; or a file of a source that a job made.
    Source,
    /// Something about the build (`.changes`, `.buildinfo`), kept beside the log.
    Record,
}

/// One file a job leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultFile {
    /// Kind.
    pub kind: ResultKind,
    /// Name, size and digest.
    pub file: JobFile,
    /// Name and version, for packages.
    pub package: Option<(String, String)>,
}

/// What a worker says at the end of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobReport {
    /// How it ended.
    pub outcome: JobOutcome,
    /// The files it left; empty unless it succeeded.
    pub results: Vec<ResultFile>,
    /// Steps in order, with their wall time.
    pub timings: Vec<PhaseTiming>,
    /// Whether the prepared root came from the cache.
    pub warm_root: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_asks_for_packages_is_neither_a_success_nor_a_failure() {
        let outcome = JobOutcome::NeedsPackages { requires: vec!["python3dist(wheel) >= 0.40".to_owned()] };
        let text = serde_json::to_string(&outcome).unwrap();
        assert_eq!(text, r#"{"needs_packages":{"requires":["python3dist(wheel) >= 0.40"]}}"#);
        assert_eq!(serde_json::from_str::<JobOutcome>(&text).unwrap(), outcome);
    }
}
