//! Runs one job: fetch, root, recipe, collect.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::TryLockError;
use std::time::{Duration, Instant};

use model::{
    FailureCause, JobFile, JobOutcome, JobReport, JobSpec, JobWork, Phase, PhaseTiming, ResultFile, RootPackage,
};
use pkg::Sha256;

use crate::api::{CancelToken, HandoverError, JobFiles};
use crate::builder::{self, Builder};
use crate::collect::Collector;
use crate::engine::Engine;
use crate::log::{Complaints, JobLog};
use crate::root::{self, Lease, ProvideError, Provided, RootFormat};
use crate::sandbox::Sandbox;
use crate::sandbox::protocol::{Action, Event, RootMount, SandboxSpec, Storage, Watch as InnerWatch};
use crate::watch::{Bounds, Ending, Hearer, Limit, Watch};

/// Why a job did not go on.
pub(crate) enum Stop {
    /// It failed.
    Failed(FailureCause),
    /// Somebody canceled it.
    Canceled,
    /// The recipe asked for packages that its root does not have.
    NeedsPackages(Vec<String>),
}

impl From<FailureCause> for Stop {
    fn from(cause: FailureCause) -> Self {
        Self::Failed(cause)
    }
}

impl From<HandoverError> for Stop {
    fn from(error: HandoverError) -> Self {
        worker(error.to_string())
    }
}

fn worker(detail: String) -> Stop {
    Stop::Failed(FailureCause::Worker { detail })
}

/// The worker's trouble with a file or folder.
fn trouble(what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Stop {
    move |error| worker(format!("{what}: {error}"))
}

/// Requirements named in the log; the report has all of them.
const NAMED_REQUIREMENTS: usize = 50;

/// One job on its way.
pub(crate) struct Run<'a> {
    engine: &'a Engine,
    job: &'a JobSpec,
    files: &'a dyn JobFiles,
    cancel: &'a CancelToken,
    log: JobLog<'a>,
    timings: Vec<PhaseTiming>,
    phase_began_at: Instant,
    warm_root: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        job: &'a JobSpec,
        files: &'a dyn JobFiles,
        log: JobLog<'a>,
        cancel: &'a CancelToken,
    ) -> Self {
        let phase_began_at = Instant::now();
        Self { engine, job, files, cancel, log, timings: Vec::new(), phase_began_at, warm_root: false }
    }

    /// Runs the job to its end.
    pub(crate) fn run(mut self) -> JobReport {
        let (outcome, results) = match self.phases() {
            Ok(results) => (JobOutcome::Succeeded, results),
            Err(Stop::Canceled) => (JobOutcome::Canceled, Vec::new()),
            Err(Stop::Failed(cause)) => (JobOutcome::Failed(cause), Vec::new()),
            Err(Stop::NeedsPackages(requires)) => (JobOutcome::NeedsPackages { requires }, Vec::new()),
        };
        self.log.say(&durations(&self.timings));
        match &outcome {
            JobOutcome::Succeeded => self.log.say(&format!("succeeded with {} results", results.len())),
            JobOutcome::Failed(cause) => self.log.say(&format!("failed: {cause}")),
            JobOutcome::Canceled => self.log.say("canceled"),
            JobOutcome::NeedsPackages { requires } => {
                let named: Vec<&str> = requires.iter().take(NAMED_REQUIREMENTS).map(String::as_str).collect();
                let more = if requires.len() > named.len() { ", and more" } else { "" };
                self.log.say(&format!("asks for what its root does not have: {}{more}", named.join(", ")));
            }
        }
        JobReport { outcome, results, timings: self.timings, warm_root: self.warm_root }
    }

    fn phases(&mut self) -> Result<Vec<ResultFile>, Stop> {
        let (format, builder) = self.ways()?;
        let work = self.engine.work_folder(self.job.job).map_err(trouble("work folder"))?;
        self.begin(Phase::Fetch);
        self.log.say(&self.job.title);
        let digest = root::root_digest(&self.job.root, self.engine.ids());
        let warm = self.engine.roots().find(digest);
        let sources = self.locate(self.job.sources.iter())?;
        let packages = match &warm {
            Some(_) => Vec::new(),
            None => self.locate(self.job.root.packages.iter().map(|package| &package.file))?,
        };
        self.end(Phase::Fetch);

        self.begin(Phase::Root);
        let lease = match warm {
            Some(lease) => {
                self.warm_root = true;
                lease
            }
            None => self.find_or_make_root(format, digest, &packages, work.path())?,
        };
        let state = if self.warm_root { "from the cache" } else { "prepared" };
        self.log.say(&format!("root {:.12} of {} packages {state}", digest.to_string(), self.job.root.packages.len()));
        self.end(Phase::Root);

        self.begin(Phase::Recipe);
        let collected = self.build(builder, &lease, sources, work.path());
        self.hand_over(collected?)
    }

    /// How the root is made and the recipe built; refuses what this engine can not.
    fn ways(&self) -> Result<(&'static dyn RootFormat, &'static dyn Builder), Stop> {
        let job = self.job;
        let builder = builder::builder(&job.work).filter(|builder| builder.fits(job.root.format));
        let (Some(format), Some(builder)) = (root::format(job.root.format), builder) else {
            let what =
                job.work.recipe().map_or_else(|| "sources".to_owned(), |recipe| format!("{} recipes", recipe.kind));
            let detail = format!("{what} in roots of {} packages can not be built", job.root.format);
            return Err(FailureCause::Configuration { detail }.into());
        };
        if let JobWork::Source(script) = &job.work {
            builder::script::check(script).map_err(|detail| FailureCause::Configuration { detail })?;
        }
        let host = std::env::consts::ARCH;
        let runs = match job.arch.as_str() {
            "noarch" => true,
            "i586" | "i686" => matches!(host, "x86_64" | "x86"),
            arch => arch == host,
        };
        let refusal = || worker(format!("a {host} machine can not build for {}", job.arch));
        if runs { Ok((format, builder)) } else { Err(refusal()) }
    }

    fn begin(&mut self, phase: Phase) {
        self.phase_began_at = Instant::now();
        self.log.sink().phase(phase);
    }

    fn end(&mut self, phase: Phase) {
        self.timings.push(PhaseTiming { phase, duration: self.phase_began_at.elapsed() });
        self.phase_began_at = Instant::now();
    }

    fn still_wanted(&self) -> Result<(), Stop> {
        if self.cancel.is_canceled() { Err(Stop::Canceled) } else { Ok(()) }
    }

    fn locate<'f>(&self, files: impl Iterator<Item = &'f JobFile>) -> Result<Vec<PathBuf>, Stop> {
        files
            .map(|file| {
                self.still_wanted()?;
                Ok(self.files.locate(file)?)
            })
            .collect()
    }

    /// Makes the root, unless another job does so right now; then waits for it.
    fn find_or_make_root(
        &mut self,
        format: &'static dyn RootFormat,
        digest: Sha256,
        packages: &[PathBuf],
        work: &Path,
    ) -> Result<Lease<'a>, Stop> {
        let maker = self.engine.roots().maker(digest);
        let _making = loop {
            match maker.try_lock() {
                Ok(guard) => break guard,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    self.still_wanted()?;
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        };
        if let Some(lease) = self.engine.roots().find(digest) {
            self.warm_root = true;
            return Ok(lease);
        }
        let draft = self.make_root(format, packages, work)?;
        self.engine.roots().insert(digest, &draft).map_err(trouble("keeping the root"))
    }

    fn make_root(
        &mut self,
        format: &'static dyn RootFormat,
        packages: &[PathBuf],
        work: &Path,
    ) -> Result<PathBuf, Stop> {
        let numbered = self.job.root.packages.iter().enumerate();
        let files: Vec<String> =
            numbered.map(|(number, package)| file_name(number, package, format.extension())).collect();
        let package_folder = work.join("packages");
        fs::create_dir(&package_folder).map_err(trouble("work folder"))?;
        let provided = self.provide(format, packages, &package_folder, &files)?;
        self.still_wanted()?;
        let limits = self.engine.config().preparation;
        let group = self.engine.group(self.job.job, "root", limits.memory_bytes, limits.processes);
        let group = group.map_err(trouble("control group"))?;
        let draft = work.join("root");
        let place = self.engine.root_storage(&draft, provided.bytes).map_err(trouble("storage for the root"))?;
        let mut actions = format.preparation(&self.job.root, &files, &provided);
        if place.store.is_none() {
            actions.retain(|action| *action != Action::Persist);
        }
        let spec = SandboxSpec {
            folders: vec![(package_folder, root::PACKAGES_FOLDER.to_owned())],
            watch: InnerWatch {
                disk_bytes: Some(place.disk_bytes),
                ..self.engine.inner_watch(limits.memory_bytes, limits.processes)
            },
            store: place.store,
            ..self.engine.spec(work, RootMount::Plain(place.root), group.as_ref(), actions)
        };
        let mut hearer = Preparation { complaints: Complaints::new(format) };
        let ending = self.watch(
            &spec,
            Bounds { duration: limits.duration, silence: None, log_bytes: self.log.bytes() + limits.log_bytes },
            group.as_ref(),
            &mut hearer,
        )?;
        match ending {
            Ending::Done => Ok(draft),
            Ending::Canceled => Err(Stop::Canceled),
            Ending::Broken(detail) => Err(worker(detail)),
            ending => Err(FailureCause::Root { detail: hearer.describe(&ending) }.into()),
        }
    }

    /// Puts the packages where the sandbox will see them.
    fn provide(
        &self,
        format: &dyn RootFormat,
        packages: &[PathBuf],
        folder: &Path,
        files: &[String],
    ) -> Result<Provided, Stop> {
        let of_root = &self.job.root.packages;
        let wanted: Vec<_> = of_root
            .iter()
            .zip(packages)
            .zip(files)
            .map(|((package, original), file)| root::Wanted {
                sha256: package.file.sha256,
                original,
                link: folder.join(file),
            })
            .collect();
        let cancel = self.cancel;
        format.provide(self.engine.packages(), &wanted, &|| cancel.is_canceled()).map_err(|(number, error)| {
            let name = of_root.get(number).map_or("", |package| package.name.as_str());
            match error {
                ProvideError::Package(detail) => FailureCause::Root { detail: format!("{name}: {detail}") }.into(),
                ProvideError::Worker(error) => worker(format!("providing {name}: {error}")),
            }
        })
    }

    fn watch(
        &mut self,
        spec: &SandboxSpec,
        bounds: Bounds,
        group: Option<&crate::cgroup::Group>,
        hearer: &mut dyn Hearer,
    ) -> Result<Ending, Stop> {
        let sandbox = Sandbox::start(&self.engine.config().helper, spec).map_err(trouble("starting the sandbox"))?;
        Ok(Watch { sandbox, bounds, group, cancel: self.cancel, log: &mut self.log, hearer }.run())
    }

    /// Runs the recipe and checks its results.
    fn build(
        &mut self,
        builder: &'static dyn Builder,
        lease: &Lease<'_>,
        sources: Vec<PathBuf>,
        work: &Path,
    ) -> Result<Vec<(ResultFile, PathBuf)>, Stop> {
        let limits = self.job.limits;
        let group = self.engine.group(self.job.job, "recipe", limits.memory_bytes, limits.processes);
        let group = group.map_err(trouble("control group"))?;
        let upper = self.engine.scratch_storage(&work.join("scratch"), limits.disk_bytes);
        let upper = upper.map_err(trouble("scratch disk"))?;
        let lower = self.engine.lower_storage(&lease.path);
        let mut actions = builder.actions(self.job);
        actions.insert(0, name_servers(self.job.network));
        let mut files = sources;
        if let (JobWork::Source(_), Some(bundle)) = (&self.job.work, &self.engine.config().source_authorities) {
            builder::script::trust(&mut actions, &mut files, bundle);
        }
        let spec = SandboxSpec {
            files,
            network: self.job.network,
            personality_32bit: matches!(self.job.arch.as_str(), "i586" | "i686"),
            watch: InnerWatch {
                disk_bytes: Some(limits.disk_bytes),
                ..self.engine.inner_watch(limits.memory_bytes, limits.processes)
            },
            ..self.engine.spec(work, RootMount::Overlay { lower, upper }, group.as_ref(), actions)
        };
        let results = work.join("results");
        fs::create_dir(&results).map_err(trouble("work folder"))?;
        let mut collector = Collector::new(self.job, builder, results);
        let bounds = Bounds {
            duration: Duration::from_secs(limits.run_seconds),
            silence: Some(Duration::from_secs(limits.silence_seconds)),
            log_bytes: limits.log_bytes,
        };
        let ending = self.watch(&spec, bounds, group.as_ref(), &mut collector)?;
        self.end_recipe(collector.began_at);
        if let Some(failure) = collector.take_failure() {
            return Err(failure.into());
        }
        if let Ending::StepFailed { label, status: Some(status), .. } = &ending
            && let Some(stop) = collector.explain(label, *status)
        {
            return Err(stop);
        }
        match ending {
            Ending::Done => Ok(collector.check(&mut self.log)?),
            Ending::Canceled => Err(Stop::Canceled),
            Ending::Broken(detail) => Err(worker(detail)),
            ending => Err(self.cause(ending).into()),
        }
    }

    /// The recipe ended when collecting began, or now.
    fn end_recipe(&mut self, collecting_began_at: Option<Instant>) {
        let ended_at = collecting_began_at.unwrap_or_else(Instant::now);
        let duration = ended_at.saturating_duration_since(self.phase_began_at);
        self.timings.push(PhaseTiming { phase: Phase::Recipe, duration });
        self.phase_began_at = ended_at;
    }

    fn cause(&self, ending: Ending) -> FailureCause {
        let limits = self.job.limits;
        match ending {
            Ending::StepFailed { label: step, signal: Some(signal), .. } => FailureCause::RecipeKilled { step, signal },
            Ending::StepFailed { label: step, status, sought_network, .. } => {
                let status = status.unwrap_or(-1);
                if sought_network && !self.job.network {
                    FailureCause::NetworkRefused { step, status }
                } else {
                    FailureCause::Recipe { step, status }
                }
            }
            Ending::Exceeded(Limit::Memory) => FailureCause::MemoryLimit { limit_bytes: limits.memory_bytes },
            Ending::Exceeded(Limit::Processes) => FailureCause::ProcessLimit { limit: limits.processes },
            Ending::Exceeded(Limit::Disk) => FailureCause::DiskLimit { limit_bytes: limits.disk_bytes },
            Ending::Exceeded(Limit::Time) => FailureCause::TimeLimit { limit_seconds: limits.run_seconds },
            Ending::Exceeded(Limit::Silence) => FailureCause::SilenceLimit { limit_seconds: limits.silence_seconds },
            Ending::Exceeded(Limit::Log) => FailureCause::LogLimit { limit_bytes: limits.log_bytes },
            Ending::BadPackage { package, detail } => FailureCause::Root { detail: format!("{package}: {detail}") },
            Ending::Broken(detail) => FailureCause::Worker { detail },
            Ending::Done | Ending::Canceled | Ending::Refused => {
                FailureCause::Worker { detail: "the sandbox ended without a reason".to_owned() }
            }
        }
    }

    fn hand_over(&mut self, collected: Vec<(ResultFile, PathBuf)>) -> Result<Vec<ResultFile>, Stop> {
        let mut results = Vec::new();
        for (result, path) in collected {
            self.still_wanted()?;
            self.log.sink().result(&result, &path)?;
            results.push(result);
        }
        self.end(Phase::Collect);
        Ok(results)
    }
}

/// Address of documentation (RFC 5737): without a network no route leads there.
const NO_NAME_SERVER: &str = "# this build may not reach the network\nnameserver 192.0.2.1\n";

/// Tells the sandbox the host's name servers; without network one that can not be reached, so that looking up a name fails
/// at once and counts as seeking the network.
fn name_servers(network: bool) -> Action {
    let text =
        if network { fs::read_to_string("/etc/resolv.conf").unwrap_or_default() } else { NO_NAME_SERVER.to_owned() };
    Action::Write { path: "/etc/resolv.conf".to_owned(), text, mode: 0o644, only_if_missing: false }
}

/// The phases with their wall times in one line.
fn durations(timings: &[PhaseTiming]) -> String {
    let phase = |timing: &PhaseTiming| {
        let word = match timing.phase {
            Phase::Fetch => "fetch",
            Phase::Root => "root",
            Phase::Recipe => "recipe",
            Phase::Collect => "collect",
        };
        format!("{word} {:.2} s", timing.duration.as_secs_f64())
    };
    timings.iter().map(phase).collect::<Vec<_>>().join(", ")
}

/// The name of a root's package inside: its number keeps the order, its name is for those who read the log.
fn file_name(number: usize, package: &RootPackage, extension: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "+-.".contains(c) { c } else { '_' };
    let name: String = package.name.chars().take(100).map(safe).collect();
    format!("{number:04}_{name}.{extension}")
}

/// Hears a root's preparation.
struct Preparation {
    complaints: Complaints,
}

impl Preparation {
    fn describe(&self, ending: &Ending) -> String {
        match ending {
            Ending::StepFailed { label, status, signal, .. } => {
                let how = match (status, signal) {
                    (Some(status), _) => format!("exit status {status}"),
                    (_, Some(signal)) => format!("signal {signal}"),
                    _ => "an unknown state".to_owned(),
                };
                let said = self.complaints.describe().unwrap_or_else(|| format!(" ended with {how}"));
                format!("{label}{said}")
            }
            Ending::BadPackage { package, detail } => format!("{package}: {detail}"),
            Ending::Exceeded(Limit::Memory) => "its preparation needed too much memory".to_owned(),
            Ending::Exceeded(Limit::Processes) => "its preparation started too many processes".to_owned(),
            Ending::Exceeded(Limit::Disk) => "its packages need too much disk".to_owned(),
            Ending::Exceeded(Limit::Log) => "its preparation printed too much".to_owned(),
            Ending::Exceeded(Limit::Time | Limit::Silence) => "its preparation took too long".to_owned(),
            Ending::Broken(detail) => detail.clone(),
            Ending::Done | Ending::Canceled | Ending::Refused => "its preparation ended without a reason".to_owned(),
        }
    }
}

impl Hearer for Preparation {
    fn printed(&mut self, bytes: &[u8]) {
        self.complaints.hear(bytes);
    }

    fn happened(&mut self, event: Event, _fd: Option<OwnedFd>, log: &mut JobLog<'_>) -> bool {
        if let Event::StepBegan { label } = event {
            log.say(&format!("root: {label}"));
        }
        true
    }
}

/// Where a root is prepared and kept.
pub(crate) struct RootPlace {
    /// What it is prepared in.
    pub root: Storage,
    /// Where it is copied to afterwards, if it was not prepared there.
    pub store: Option<Storage>,
    /// Largest size.
    pub disk_bytes: u64,
}
