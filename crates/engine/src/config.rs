//! What an engine is told when it is opened, and why opening can fail.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// How an engine runs jobs on this machine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Folder for caches and work; created if missing, owned by one engine at a time.
    pub state_dir: PathBuf,
    /// Command that starts this program as a sandbox helper; [`EngineConfig::new`] re-executes the running program.
    pub helper: HelperCommand,
    /// Ids of the host that ids inside sandboxes map to.
    pub ids: IdRange,
    /// Where the recipe's writes go.
    pub scratch: Scratch,
    /// Whether control groups bound memory and processes where the machine lets us make any. Without them both are
    /// counted from inside the sandbox ten times a second; a recipe that meets the wall behind in between, and gives up,
    /// then fails by its own cause.
    pub control_groups: bool,
    /// Size of all prepared roots together before the least recently used ones go, in bytes.
    pub root_cache_bytes: u64,
    /// Size of all repacked packages together before the least recently used ones go, in bytes.
    pub package_cache_bytes: u64,
    /// Bounds on the preparation of one root.
    pub preparation: PreparationLimits,
    /// File of the certificate authorities (PEM) that jobs which make sources trust, instead of those of their roots: for a
    /// network whose mirrors or proxies have an authority of their own. Read for each job.
    pub source_authorities: Option<PathBuf>,
}

impl EngineConfig {
    /// The defaults: re-execute the running program with the argument `sandbox-init`, choose ids and scratch by
    /// machine, 20 GiB of roots, 10 GiB of packages.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            state_dir,
            helper: HelperCommand {
                program: PathBuf::from("/proc/self/exe"),
                arguments: vec![OsString::from(crate::sandbox::HELPER_WORD)],
            },
            ids: IdRange::Auto,
            scratch: Scratch::Auto,
            control_groups: true,
            root_cache_bytes: 20 << 30,
            package_cache_bytes: 10 << 30,
            preparation: PreparationLimits::default(),
            source_authorities: None,
        }
    }
}

/// A command that ends up in [`crate::run_helper_if_asked`].
#[derive(Debug, Clone)]
pub struct HelperCommand {
    /// Program.
    pub program: PathBuf,
    /// Its arguments; the first is the helper word `sandbox-init` unless the program adds it itself.
    pub arguments: Vec<OsString>,
}

/// Which ids of the host stand behind the ids inside a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdRange {
    /// As root: 65536 ids from 0x40000000. Otherwise: the user's lines of `/etc/subuid` and `/etc/subgid`.
    Auto,
    /// Ids from `first`, `count` of them (at least 65536), for users and groups alike. Only for root.
    From {
        /// First id of the host.
        first: u32,
        /// How many.
        count: u32,
    },
}

/// What holds the files a recipe writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scratch {
    /// A disk image as root, memory otherwise.
    Auto,
    /// A sparse ext4 image in the state folder, mounted through a loop device. Only for root.
    DiskImage,
    /// A tmpfs; what it holds counts as the job's memory too.
    Memory,
}

/// Bounds on the preparation of a root; exceeding one is a failure of the root.
#[derive(Debug, Clone, Copy)]
pub struct PreparationLimits {
    /// Memory of all processes together, files of an in-memory root included, in bytes.
    pub memory_bytes: u64,
    /// Number of processes and threads at once.
    pub processes: u32,
    /// Size of the root, in bytes.
    pub disk_bytes: u64,
    /// Size of what the installer prints, in bytes.
    pub log_bytes: u64,
    /// Wall time.
    pub duration: Duration,
}

impl Default for PreparationLimits {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        Self {
            memory_bytes: 8 * GIB,
            processes: 4096,
            disk_bytes: 16 * GIB,
            log_bytes: GIB / 16,
            duration: Duration::from_secs(3600),
        }
    }
}

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The state folder can not be used.
    #[error("{}: not usable as state folder", .path.display())]
    State {
        /// Folder or file in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another engine uses the state folder.
    #[error("{}: another engine uses this state folder", .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The machine lacks something sandboxes need.
    #[error("this machine can not run sandboxes: {reason}")]
    Machine {
        /// What is missing and what to do.
        reason: String,
    },
}
