//! A service inside this process, without sockets: what `kiln build` runs on.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{Build, BuildId, FileName, Project, ProjectName, ProjectSettings, RepositoryName, Task, WorkerName};
use pkg::Arch;
use service::{
    Background, DistributionOptions, NewBuild, NewProject, NewSource, Service, ServiceConfig, ServiceError, TargetName,
    UploadedFile, User,
};
use tokio::task::JoinHandle;

use crate::failure::{Exit, Failure};
use crate::runner;
use crate::worker::{Ending, Worker};

/// Shortest time between two looks at a build that changes quickly.
const PAUSE: Duration = Duration::from_millis(100);

/// A service with its worker.
pub(crate) struct Local {
    service: Service,
    user: User,
    background: Background,
    worker: JoinHandle<()>,
    ending: Ending,
}

/// What to build.
pub(crate) struct LocalBuild {
    /// Files, the recipe among them.
    pub(crate) files: Vec<PathBuf>,
    /// Preset of the distribution.
    pub(crate) dist: String,
    /// Architecture; this machine's, if absent.
    pub(crate) arch: Option<String>,
    /// Whether the recipe may reach the network.
    pub(crate) network: bool,
    /// Where the distribution's packages come from.
    pub(crate) archive: DistributionOptions,
}

impl Local {
    /// Opens the folder and starts the worker.
    pub(crate) async fn open(data: &Path, fake_engine: bool) -> Result<Self, Failure> {
        let runner = runner::runner(&data.join("engine"), fake_engine, None).await?;
        let mut config = ServiceConfig::new(data, "http://localhost");
        config.allow_private_sources = true;
        let lease = config.lease;
        let service = Service::open(config).await?;
        service.first_admin().await?;
        let name = model::UserName::parse("admin")?;
        let user = service.user(&name).await?.ok_or_else(|| Failure::new(Exit::Broken, "there is no user admin"))?;
        let background = service.start();
        let ending = Ending::default();
        let worker = Worker {
            service: service.clone(),
            runner,
            name: WorkerName::parse("local")?,
            arches: runner::arches(),
            slots: 1,
            heartbeat: lease / 3,
        };
        let worker = tokio::spawn(worker.run(ending.clone()));
        Ok(Self { service, user, background, worker, ending })
    }

    /// Ends the worker and the background work.
    pub(crate) async fn close(self) {
        self.ending.drain.cancel();
        self.ending.abandon.cancel();
        let _ = self.worker.await;
        self.background.stop().await;
    }

    /// Adds the distribution if need be, and submits the files.
    pub(crate) async fn submit(&self, wanted: &LocalBuild) -> Result<BuildId, Failure> {
        let arch = match &wanted.arch {
            Some(arch) => Arch::parse(arch)?,
            None => runner::arches().into_iter().next().ok_or_else(|| Failure::new(Exit::Broken, "no architecture"))?,
        };
        let target = TargetName { repository: RepositoryName::parse(&wanted.dist)?, arch };
        let offered = self.service.targets().await?.iter().any(|offer| offer.name == target);
        if !offered || wanted.archive != DistributionOptions::default() {
            let options = DistributionOptions { arches: vec![target.arch.clone()], ..wanted.archive.clone() };
            self.service.add_distribution(&self.user, &wanted.dist, options).await?;
        }
        let project = self.project(&target).await?;
        let mut files = Vec::new();
        for path in &wanted.files {
            files.push(self.upload(path).await?);
        }
        let new = NewBuild {
            project: project.id,
            source: NewSource::Files(files),
            targets: Some(vec![target]),
            network: Some(wanted.network),
            limits: None,
            queue: Default::default(),
        };
        Ok(self.service.submit(&self.user, new).await?)
    }

    async fn project(&self, target: &TargetName) -> Result<Project, Failure> {
        let name = ProjectName::parse("home:admin:local")?;
        let project = match self.service.project_by_name(&name).await {
            Err(ServiceError::ProjectMissing { .. }) => {
                let new = NewProject { name, settings: ProjectSettings::default(), targets: Vec::new() };
                self.service.create_project(&self.user, new).await?
            }
            project => project?,
        };
        match self.service.enable_target(&self.user, project.id, target, Vec::new()).await {
            Ok(()) | Err(ServiceError::TargetExists { .. }) => Ok(project),
            Err(error) => Err(error.into()),
        }
    }

    async fn upload(&self, path: &Path) -> Result<UploadedFile, Failure> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut upload = self.service.upload(&self.user, FileName::parse(&name)?).await?;
        let mut file = fs_err::File::open(path)?;
        let mut piece = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut piece)?;
            let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            upload.write(bytes).await?;
        }
        Ok(upload.finish().await?)
    }

    /// Waits for the end of a build; says where it stands, and shows the log if that is wanted.
    pub(crate) async fn until_finished(
        &self,
        id: BuildId,
        log: bool,
        mut say: impl FnMut(&str),
    ) -> Result<Build, Failure> {
        let (mut seen, mut shown) = (0, 0);
        loop {
            let build = self.service.build(id).await?;
            say(&summary(&build));
            if log && let Some(task) = build.tasks.first() {
                shown = self.show_log(task, shown).await?;
            }
            if build.is_finished() {
                return Ok(build);
            }
            seen = self.service.wait_for_change(seen).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Copies the log from `from` on to the standard error; returns where it ends now.
    async fn show_log(&self, task: &Task, from: u64) -> Result<u64, Failure> {
        let Ok(log) = self.service.log(task.id).await else { return Ok(from) };
        let mut file = fs_err::File::open(&log.path)?;
        file.seek(SeekFrom::Start(from))?;
        let count = std::io::copy(&mut file, &mut std::io::stderr().lock())?;
        std::io::stderr().flush()?;
        Ok(from + count)
    }

    /// The last lines of the log of the first task that failed.
    pub(crate) async fn log_tail(&self, build: &Build, lines: usize) -> String {
        let Some(task) = build.tasks.iter().find(|task| task.state == model::TaskState::Failed) else {
            return String::new();
        };
        let Ok(log) = self.service.log(task.id).await else { return String::new() };
        let bytes = fs_err::read(&log.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }

    /// Cancels a build.
    pub(crate) async fn cancel(&self, id: BuildId) -> Result<(), Failure> {
        Ok(self.service.cancel(&self.user, id).await?)
    }

    /// Copies the results of every task into a folder.
    pub(crate) async fn copy_results(&self, build: &Build, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
        let mut paths = Vec::new();
        for task in &build.tasks {
            for stored in self.service.results(task.id).await? {
                let path = folder.join(stored.result.file.name.as_str());
                // The stored file is read only, and a copy takes that over: an older copy must make room.
                let _ = fs_err::remove_file(&path);
                fs_err::copy(&stored.path, &path)?;
                let mut rights = fs_err::metadata(&path)?.permissions();
                std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o644);
                fs_err::set_permissions(&path, rights)?;
                paths.push(path);
            }
        }
        Ok(paths)
    }
}

fn summary(build: &Build) -> String {
    let task = build.tasks.first().map(|task| {
        let cause = web::native::reasons::task_cause(build, task);
        let cause = cause.map(|cause| format!(" ({})", cause.message)).unwrap_or_default();
        format!("{}{cause}", task.state.as_str())
    });
    let package = build.package.as_ref().map_or("source", |package| package.as_str());
    format!("{package}: {}", task.unwrap_or_else(|| build.state().as_str().to_owned()))
}
