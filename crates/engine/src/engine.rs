//! The engine: opened once a worker, runs jobs.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::{JobId, JobReport, JobSpec};
use pkg::Sha256;

use crate::api::{CancelToken, JobFiles, JobRunner, JobSink};
use crate::cgroup::{Cgroups, Group};
use crate::config::{EngineConfig, EngineError, HelperCommand, Scratch};
use crate::image::Images;
use crate::log::JobLog;
use crate::root::{PackageCache, RootCache};
use crate::run::{RootPlace, Run};
use crate::sandbox::protocol::{Action, Event, IdMaps, RootMount, SandboxSpec, Storage, Watch};
use crate::sandbox::{Sandbox, idmap};

/// Longest time the trial sandbox may take.
const TRIAL: Duration = Duration::from_secs(20);
/// Uncompressed size of any one package.
const PACKAGE_BYTES: u64 = 16 << 30;

/// Runs jobs in sandboxes on this machine. Jobs may run at the same time, each on a thread of its caller.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    machine: Machine,
    cgroups: Option<Cgroups>,
    images: Option<Images>,
    roots: RootCache,
    packages: PackageCache,
    sequence: AtomicU64,
    /// Held locked while the engine lives.
    _lock: File,
}

/// What does not change while the engine runs, and is needed to start any sandbox.
#[derive(Debug, Clone)]
struct Machine {
    helper: HelperCommand,
    work: PathBuf,
    privileged: bool,
    ids: IdMaps,
}

impl Engine {
    /// Opens a state folder, cleans up what a killed predecessor left, and tries a sandbox.
    ///
    /// # Errors
    /// [`EngineError`] with the reason if the folder or the machine can not be used.
    pub fn open(config: EngineConfig) -> Result<Self, EngineError> {
        let state = |path: &Path| {
            let path = path.to_owned();
            move |source| EngineError::State { path, source }
        };
        let machine_error = |reason| EngineError::Machine { reason };
        let folder = &config.state_dir;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(state(folder))?;
        let folder = &folder.canonicalize().map_err(state(folder))?;
        let lock = lock(folder)?;
        let privileged = rustix::process::geteuid().is_root();
        let ids = idmap::choose(config.ids, privileged).map_err(machine_error)?;
        let machine = Machine { helper: config.helper.clone(), work: folder.join("work"), privileged, ids };
        let name = format!("kiln-{:.12}", Sha256::of(folder.as_os_str().as_encoded_bytes()).to_string());
        // First what is alive, then what it used.
        let cgroups = if config.control_groups { open_cgroups(&name) } else { None };
        machine.remove(&machine.work).map_err(state(&machine.work))?;
        fs::create_dir(&machine.work).map_err(state(&machine.work))?;
        let images = open_images(&config, &machine, folder).map_err(machine_error)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let root_folder = folder.join("roots");
        let remover = machine.clone();
        let remove = Arc::new(move |path: &Path| remover.remove(path));
        let roots = RootCache::open(root_folder.clone(), config.root_cache_bytes, boot.clone(), remove)
            .map_err(state(&root_folder))?;
        let package_folder = folder.join("packages");
        let packages = PackageCache::open(package_folder.clone(), config.package_cache_bytes, PACKAGE_BYTES, &boot)
            .map_err(state(&package_folder))?;
        let sequence = AtomicU64::new(0);
        let engine = Self { config, machine, cgroups, images, roots, packages, sequence, _lock: lock };
        engine.try_sandbox().map_err(machine_error)?;
        Ok(engine)
    }

    /// Runs an empty sandbox made as a job's is.
    fn try_sandbox(&self) -> Result<(), String> {
        let error = |e: io::Error| e.to_string();
        let work = self.work_folder(JobId::new(0)).map_err(error)?;
        let lower = work.path().join("lower");
        fs::create_dir_all(lower.join("root")).map_err(error)?;
        let upper = self.scratch_storage(&work.path().join("scratch"), 16 << 20).map_err(error)?;
        let lower = Storage::Folder { path: lower, read_only: true };
        let group = self.group(JobId::new(0), "trial", 64 << 20, 64).map_err(error)?;
        let mount = RootMount::Overlay { lower, upper };
        self.machine.run_quietly(&self.spec(work.path(), mount, group.as_ref(), Vec::new()))
    }

    pub(crate) const fn config(&self) -> &EngineConfig {
        &self.config
    }

    pub(crate) const fn ids(&self) -> &IdMaps {
        &self.machine.ids
    }

    pub(crate) const fn roots(&self) -> &RootCache {
        &self.roots
    }

    pub(crate) const fn packages(&self) -> &PackageCache {
        &self.packages
    }

    /// A folder for one job, removed with its guard.
    pub(crate) fn work_folder(&self, job: JobId) -> io::Result<WorkFolder<'_>> {
        let path = self.machine.work.join(format!("{job}-{}", self.sequence.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&path)?;
        let folder = WorkFolder { machine: &self.machine, path };
        fs::create_dir(folder.path.join("assembly"))?;
        Ok(folder)
    }

    /// A control group for one sandbox, if there are any.
    pub(crate) fn group(&self, job: JobId, what: &str, memory: u64, processes: u32) -> io::Result<Option<Group>> {
        let name = format!("{job}-{what}-{}", self.sequence.fetch_add(1, Ordering::Relaxed));
        self.cgroups.as_ref().map(|cgroups| cgroups.group(&name, memory, processes)).transpose()
    }

    /// What the sandbox itself has to watch.
    pub(crate) fn inner_watch(&self, memory_bytes: u64, processes: u32) -> Watch {
        if self.cgroups.is_some() {
            return Watch::default();
        }
        Watch { disk_bytes: None, memory_bytes: Some(memory_bytes), processes: Some(processes) }
    }

    /// A sandbox without network, files or folders.
    pub(crate) fn spec(
        &self,
        work: &Path,
        root: RootMount,
        group: Option<&Group>,
        actions: Vec<Action>,
    ) -> SandboxSpec {
        SandboxSpec {
            cgroups: group.map(Group::process_files).unwrap_or_default(),
            ..self.machine.spec(work, root, actions)
        }
    }

    /// An empty storage for what a recipe writes. A little larger than the bound, so that the bound is seen before
    /// programs meet a full disk.
    pub(crate) fn scratch_storage(&self, path: &Path, disk_bytes: u64) -> io::Result<Storage> {
        let bytes = disk_bytes.saturating_add(disk_bytes / 8).saturating_add(64 << 20);
        let Some(images) = &self.images else { return Ok(Storage::Memory { bytes }) };
        images.create(path, bytes)?;
        Ok(Storage::Image { path: path.to_owned(), read_only: false })
    }

    /// A prepared root as the lower layer.
    pub(crate) fn lower_storage(&self, path: &Path) -> Storage {
        let path = path.to_owned();
        if path.is_dir() { Storage::Folder { path, read_only: true } } else { Storage::Image { path, read_only: true } }
    }

    /// Where a root of about `bytes` bytes is prepared, to be kept at `draft`.
    ///
    /// In memory if there is plenty, because dpkg writes every file in many small steps.
    pub(crate) fn root_storage(&self, draft: &Path, bytes: u64) -> io::Result<RootPlace> {
        let limits = &self.config.preparation;
        let store = if let Some(images) = &self.images {
            images.create(draft, limits.disk_bytes)?;
            Storage::Image { path: draft.to_owned(), read_only: false }
        } else {
            fs::create_dir(draft)?;
            Storage::Folder { path: draft.to_owned(), read_only: false }
        };
        let needed = bytes + bytes / 2 + (256 << 20);
        if needed > available_memory() / 2 || needed > limits.memory_bytes / 2 {
            return Ok(RootPlace { root: store, store: None, disk_bytes: limits.disk_bytes });
        }
        let size = limits.disk_bytes.min(limits.memory_bytes);
        let root = Storage::Memory { bytes: size };
        Ok(RootPlace { root, store: Some(store), disk_bytes: size.saturating_sub(16 << 20) })
    }
}

impl JobRunner for Engine {
    fn run(&self, job: &JobSpec, files: &dyn JobFiles, sink: &dyn JobSink, cancel: &CancelToken) -> JobReport {
        Run::new(self, job, files, JobLog::new(sink), cancel).run()
    }
}

impl Machine {
    fn spec(&self, work: &Path, root: RootMount, actions: Vec<Action>) -> SandboxSpec {
        SandboxSpec {
            assembly: work.join("assembly"),
            privileged: self.privileged,
            ids: self.ids.clone(),
            cgroups: Vec::new(),
            files: Vec::new(),
            folders: Vec::new(),
            root,
            store: None,
            network: false,
            personality_32bit: false,
            watch: Watch::default(),
            actions,
        }
    }

    /// Runs a sandbox that prints nothing.
    fn run_quietly(&self, spec: &SandboxSpec) -> Result<(), String> {
        let mut sandbox = Sandbox::start(&self.helper, spec)
            .map_err(|error| format!("{}: {error}", self.helper.program.display()))?;
        let started = Instant::now();
        loop {
            if started.elapsed() > TRIAL {
                return Err(format!("a trial sandbox took longer than {} seconds", TRIAL.as_secs()));
            }
            if !sandbox.hears_within(Duration::from_millis(100)).map_err(|error| error.to_string())? {
                continue;
            }
            match sandbox.next_event().map_err(|error| error.to_string())? {
                Some((Event::Done, _)) => {
                    sandbox.wait();
                    return Ok(());
                }
                Some((Event::Broken { detail }, _)) => return Err(detail),
                Some((Event::Died { signal }, _)) => return Err(format!("a trial sandbox got signal {signal}")),
                Some(_) => {}
                None => {
                    return Err(format!(
                        "{} ended at once; it must be this program, calling engine::run_helper_if_asked first",
                        self.helper.program.display()
                    ));
                }
            }
        }
    }

    /// Removes a file or folder whose files may belong to ids of sandboxes.
    fn remove(&self, path: &Path) -> io::Result<()> {
        let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
        if !metadata.is_dir() {
            return fs::remove_file(path);
        }
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !self.privileged => {
                self.empty_as_root_inside(path)?;
                fs::remove_dir_all(path)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn empty_as_root_inside(&self, path: &Path) -> io::Result<()> {
        let work = tempfile::tempdir()?;
        fs::create_dir(work.path().join("assembly"))?;
        let root = RootMount::Plain(Storage::Memory { bytes: 4 << 20 });
        let mut spec = self.spec(work.path(), root, vec![Action::EmptyStore]);
        spec.store = Some(Storage::Folder { path: path.to_owned(), read_only: false });
        self.run_quietly(&spec).map_err(io::Error::other)
    }
}

/// A job's folder.
pub(crate) struct WorkFolder<'a> {
    machine: &'a Machine,
    path: PathBuf,
}

impl WorkFolder<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkFolder<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.machine.remove(&self.path) {
            // The next start removes it.
            tracing::warn!("work folder {} stays: {error}", self.path.display());
        }
    }
}

fn lock(folder: &Path) -> Result<File, EngineError> {
    let path = folder.join("lock");
    let state = |source: io::Error| EngineError::State { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(state)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(EngineError::Busy { path: folder.to_owned() }),
        Err(error) => Err(state(error.into())),
    }
}

fn open_cgroups(name: &str) -> Option<Cgroups> {
    match Cgroups::open(name) {
        Ok(cgroups) => Some(cgroups),
        Err(reason) => {
            tracing::warn!("no control groups, memory and processes are counted from inside: {reason}");
            None
        }
    }
}

fn open_images(config: &EngineConfig, machine: &Machine, folder: &Path) -> Result<Option<Images>, String> {
    let wanted = match config.scratch {
        Scratch::Memory => return Ok(None),
        Scratch::Auto if !machine.privileged => return Ok(None),
        Scratch::DiskImage if !machine.privileged => {
            return Err("disk images for scratch need root; use memory instead".to_owned());
        }
        wanted => wanted,
    };
    match (Images::open(folder.join("templates"), machine.ids.root()), wanted) {
        (Ok(images), _) => Ok(Some(images)),
        (Err(reason), Scratch::Auto) => {
            tracing::warn!("recipes write to memory instead of a disk image: {reason}");
            Ok(None)
        }
        (Err(reason), _) => Err(reason),
    }
}

/// Memory the kernel says it could give, in bytes.
fn available_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}
