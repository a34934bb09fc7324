use std::borrow::Cow;
use std::sync::Arc;

use expand::meta::MetaLine;
use expand::{PackageId, Pool};
use model::{BuildSettings, TargetAdditions, TaskId, Verdict};
use pkg::Arch;
use prjconf::BuildConfig;
use recipe::Recipe;

/// Everything a plan depends on, for one (repository, arch).
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    /// The architecture.
    pub arch: &'a Arch,
    /// The configuration, merged along the path and evaluated for the architecture.
    pub config: &'a BuildConfig,
    /// The first error of that evaluation, in the words of the configuration's reader; nothing is built with one.
    pub config_error: Option<&'a str>,
    /// The packages of the path: own results first, then the path's repositories, download-on-demand ones last.
    pub pool: &'a Pool,
    /// Whether the file of a package is at hand.
    pub is_local: &'a dyn Fn(PackageId) -> bool,
    /// What the repository adds to the configuration for the architecture.
    pub additions: &'a TargetAdditions,
    /// Which tasks wait for which others.
    pub block: BlockPolicy,
    /// The tasks, in any order.
    pub tasks: &'a [WantedTask],
    /// Tasks that were planned and have not ended: they need no plan, but others may have to wait for them.
    pub open: &'a [OpenTask],
    /// Where the packages of the pool come from. With `None` no plan says what it was made from.
    pub origins: Option<&'a dyn Origins>,
}

/// A task that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTask {
    /// Number; lower ones are older.
    pub task: TaskId,
    /// Package of the project.
    pub package: String,
}

/// Where the packages of a pool come from, which decides whether one counts as changed.
pub trait Origins {
    /// Names the content of a package's file: another text, another content.
    fn content(&self, package: PackageId) -> Cow<'_, str>;

    /// The build that left the package; `None` for one that an archive offers.
    fn built(&self, package: PackageId) -> Option<BuiltBy<'_>>;

    /// The fingerprint of that build, its own line first; empty if that is not known, and for packages of archives.
    fn fingerprint(&self, package: PackageId) -> Arc<Vec<MetaLine>>;
}

/// The build that left a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltBy<'a> {
    /// Place of its repository in the path; 0 is the one that is planned.
    pub layer: usize,
    /// Package of its project.
    pub package: &'a str,
    /// Names the build's fingerprint: another text, another fingerprint.
    pub fingerprint: &'a str,
    /// Whether a build of that package has begun there and not ended.
    pub is_open: bool,
}

/// A task that wants to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTask {
    /// Number; lower ones are older.
    pub task: TaskId,
    /// Package of the project.
    pub package: String,
    /// The recipe, read for this architecture and configuration; or why it can not be built from.
    pub recipe: Result<Recipe, String>,
}

/// Which tasks wait for which others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum BlockPolicy {
    /// None: a build uses what is there when it is planned (builds on request).
    #[default]
    Never,
    /// A task waits for each older one whose packages its root contains (builds on change).
    ///
    /// Only for older ones, so that two packages that need each other do not wait for ever.
    Older,
}

/// What is to be done with each task, in the order of the snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One entry a task.
    pub tasks: Vec<PlannedTask>,
}

/// What is to be done with a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTask {
    /// Task.
    pub task: TaskId,
    /// The verdict.
    pub verdict: Verdict,
    /// Its root, if the verdict is scheduled, fetching or blocked.
    pub root: Option<RootPlan>,
    /// What triggers another build of it when it changes, without the line of its own source; known only with
    /// [`Snapshot::origins`], and if there is a root.
    pub fingerprint: Option<Vec<MetaLine>>,
}

/// The root of a build, as far as it can be told before anything is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootPlan {
    /// Names of the packages that are unpacked first, in this order; each is also in `packages`.
    pub preinstall: Vec<String>,
    /// Names of the preinstalled packages whose scripts run right after unpacking, in this order.
    pub run_scripts: Vec<String>,
    /// All packages in install order.
    pub packages: Vec<PackageId>,
    /// Those of them whose file has to be fetched, in the same order.
    pub missing: Vec<PackageId>,
    /// What the configuration says of the way to build.
    pub settings: BuildSettings,
}
