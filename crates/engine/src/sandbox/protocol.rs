//! What the engine tells its helper, and what it hears back.

use std::path::PathBuf;

use pkg::PackageFormat;
use serde::{Deserialize, Serialize};

/// One line of a user namespace's id map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdSpan {
    /// First id inside.
    pub inside: u32,
    /// First id of the host.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// The id maps of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdMaps {
    /// Users.
    pub users: Vec<IdSpan>,
    /// Groups.
    pub groups: Vec<IdSpan>,
}

/// Something with files in it that the helper mounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Storage {
    /// An ext4 image, through a loop device.
    Image {
        /// The image file.
        path: PathBuf,
        /// Whether nothing is written.
        read_only: bool,
    },
    /// A folder of the host.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Whether nothing is written.
        read_only: bool,
    },
    /// A fresh tmpfs.
    Memory {
        /// Its size.
        bytes: u64,
    },
}

/// What `/` of the sandbox is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RootMount {
    /// The folder `root` of a storage.
    Plain(Storage),
    /// The folder `root` of `lower`, changes go to `upper`.
    Overlay {
        /// Read only.
        lower: Storage,
        /// Written.
        upper: Storage,
    },
}

/// Everything a helper needs for one sandbox, from first mount to last process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SandboxSpec {
    /// An empty folder of the host to assemble mounts on; the host does not see them.
    pub assembly: PathBuf,
    /// Whether the helper has real root rights: it then mounts images before it gives them up.
    pub privileged: bool,
    /// Id maps.
    pub ids: IdMaps,
    /// `cgroup.procs` files the inner half is written to.
    pub cgroups: Vec<PathBuf>,
    /// Host files opened before the host gets out of sight, for [`Action::CopyIn`].
    pub files: Vec<PathBuf>,
    /// Host folders shown read-only inside, with their place relative to the root.
    pub folders: Vec<(PathBuf, String)>,
    /// What `/` is.
    pub root: RootMount,
    /// Where [`Action::Persist`] copies the root.
    pub store: Option<Storage>,
    /// Whether the host's network is reachable.
    pub network: bool,
    /// Whether programs see a 32-bit machine.
    pub personality_32bit: bool,
    /// Bounds the inner half watches itself.
    pub watch: Watch,
    /// What to do, in order; the first failure ends it.
    pub actions: Vec<Action>,
}

/// Bounds watched from inside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// Bytes written to the root's storage.
    pub disk_bytes: Option<u64>,
    /// Resident memory of all processes, where no control group bounds it.
    pub memory_bytes: Option<u64>,
    /// Processes and threads, where no control group bounds them.
    pub processes: Option<u32>,
}

/// One thing the inner half does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    /// Makes a folder (and its parents, owned by root) unless it is there.
    Folder { path: String, mode: u32, owner: u32 },
    /// Makes a symbolic link unless something is there, or `only_if` is not.
    Link { path: String, target: String, only_if: Option<String> },
    /// Writes a file. With `only_if_missing`, not over another one.
    Write { path: String, text: String, mode: u32, only_if_missing: bool },
    /// Adds a line to a text file that is there, unless the file has a line with the same text before the first colon.
    AppendLine { path: String, line: String },
    /// Copies file number `file` of [`SandboxSpec::files`].
    CopyIn { file: usize, path: String, owner: u32 },
    /// Copies a file of the root, if it is there and the other one is not.
    CopyIfMissing { from: String, to: String },
    /// Unpacks a package without installing it, and its scripts to `scripts` (a prefix of paths) if given.
    Unpack { format: PackageFormat, package: String, path: String, scripts: Option<String> },
    /// Runs a program to its end; whatever it leaves running is killed.
    Run(Step),
    /// Removes a file or a whole folder; nothing there is fine.
    Remove { path: String },
    /// Copies the whole root to [`SandboxSpec::store`].
    Persist,
    /// Removes everything in [`SandboxSpec::store`].
    EmptyStore,
    /// Hands over the regular files of a folder; with `below`, those of the folders in it too. A folder that is not there
    /// has none.
    Collect { folder: String, below: bool },
}

/// One program run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// What messages call it.
    pub label: String,
    /// Program and arguments; the program is looked up in `PATH`.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// Current folder.
    pub folder: String,
    /// User and group it runs as.
    pub user: u32,
    /// Runs only if this path exists.
    pub only_if: Option<String>,
    /// How many more times to try after a failure.
    pub retries: u32,
    /// What is handed over even if the program fails.
    pub last_words: Option<LastWords>,
}

/// Files that say more of a failure than its exit status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastWords {
    /// The exit status that promises them.
    pub status: i32,
    /// The folder they are in.
    pub folder: String,
}

/// What the helper reports, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// Mounts stand; the actions begin.
    Ready,
    /// A step's program starts.
    StepBegan { label: String },
    /// A step's program ended well.
    StepEnded { label: String },
    /// A step's program ended badly; nothing more is done. `sought_network` tells whether any program inside asked for an
    /// address that no route leads to.
    StepFailed { label: String, status: Option<i32>, signal: Option<i32>, sought_network: bool },
    /// A bound of [`Watch`] was passed; everything goes on until the engine ends it.
    Exceeded(Bound),
    /// A regular file of a collected folder; its descriptor comes with the message.
    Result { name: String, bytes: u64 },
    /// Something else in a collected folder.
    NotAFile { name: String, what: String },
    /// A package is not what it should be; nothing more is done.
    BadPackage { package: String, detail: String },
    /// The helper itself failed; nothing more is done.
    Broken { detail: String },
    /// All actions are done.
    Done,
    /// The inner half was killed.
    Died { signal: i32 },
}

/// A bound watched from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Bound {
    /// [`Watch::disk_bytes`].
    Disk,
    /// [`Watch::memory_bytes`].
    Memory,
    /// [`Watch::processes`].
    Processes,
}
