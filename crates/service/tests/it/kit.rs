//! A service in a temporary folder, and short words for what tests do with it.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::{
    BuildId, BuildSettings, FailureCause, FileName, JobFile, JobId, JobOutcome, JobReport, JobSpec, JobWork, Limits,
    PackageName, PathElement, ProjectId, ProjectName, ProjectSettings, RecipeSpec, RepositoryName, ResultFile,
    ResultKind, RootPackage, RootSpec, SourceFile, Task, TaskId, Timestamp, UserName, WorkerName,
};
use pkg::{Arch, PackageFormat, RecipeKind, Sha256};
use service::{
    ErrorKind, NewBuild, NewProject, NewSource, Service, ServiceConfig, ServiceError, Target, TargetName, TaskFilter,
    User,
};
use store::{Blobs, SourceTree, Store, TaskPlan};

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) config: ServiceConfig,
    /// Stands for the parts of the service that make sources and plans.
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) folder: tempfile::TempDir,
    clock: Arc<AtomicI64>,
}

impl World {
    /// A fresh service that offers the targets `debian-12-x86_64` and `debian-12-i586`.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ServiceConfig)) -> Self {
        Self::inside(tempfile::tempdir().unwrap(), change).await
    }

    pub(crate) async fn inside(folder: tempfile::TempDir, change: impl FnOnce(&mut ServiceConfig)) -> Self {
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let mut config = ServiceConfig::new(folder.path().join("data"), "http://kiln.example.org/");
        let hands = Arc::clone(&clock);
        config.clock = Arc::new(move || Timestamp::from_millis(hands.load(Ordering::SeqCst)));
        change(&mut config);
        let blobs = Blobs::open(&config.data_dir.join("blobs")).unwrap();
        let service = Service::open(config.clone()).await.unwrap();
        let store = Store::open(&config.data_dir.join("kiln.db")).await.unwrap();
        let mut session = store.write().await.unwrap();
        for arch in ["x86_64", "i586"] {
            let path = PathElement {
                project: ProjectName::parse("Debian:12").unwrap(),
                repository: RepositoryName::parse("standard").unwrap(),
            };
            session.put_target(&Target { name: target("debian-12", arch), path, active: true }).await.unwrap();
        }
        session.commit().await.unwrap();
        Self { service, config, store, blobs, folder, clock }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    /// Ends the program and starts it again.
    pub(crate) async fn restart(self) -> Self {
        let Self { service, config, store, blobs, folder, clock } = self;
        drop(service);
        let service = Service::open(config.clone()).await.unwrap();
        Self { service, config, store, blobs, folder, clock }
    }

    pub(crate) async fn admin(&self) -> User {
        self.service.first_admin().await.unwrap();
        self.service.user(&name("admin")).await.unwrap().unwrap()
    }

    pub(crate) async fn user(&self, who: &str) -> User {
        let admin = self.admin().await;
        match self.service.user(&name(who)).await.unwrap() {
            Some(user) => user,
            None => self.service.create_user(&admin, &name(who), false).await.unwrap(),
        }
    }

    /// A project `home:USER:TITLE` that builds for `debian-12-x86_64`.
    pub(crate) async fn project(&self, owner: &User, title: &str) -> ProjectId {
        let new = NewProject {
            name: ProjectName::parse(&format!("home:{}:{title}", owner.name)).unwrap(),
            settings: ProjectSettings::default(),
            targets: vec![target("debian-12", "x86_64")],
        };
        self.service.create_project(owner, new).await.unwrap().id
    }

    pub(crate) async fn submit(&self, who: &User, project: ProjectId) -> BuildId {
        self.service.submit(who, url_build(project)).await.unwrap()
    }

    pub(crate) async fn tasks(&self, build: BuildId) -> Vec<Task> {
        self.service.tasks(&TaskFilter { build: Some(build), ..TaskFilter::default() }).await.unwrap()
    }

    pub(crate) async fn task(&self, build: BuildId) -> Task {
        self.tasks(build).await.remove(0)
    }

    /// The state of a build and of its tasks, in words.
    pub(crate) async fn states(&self, build: BuildId) -> String {
        let build = self.service.build(build).await.unwrap();
        let tasks: Vec<_> = build.tasks.iter().map(|task| task.state.as_str()).collect();
        format!("{}: {}", build.state().as_str(), tasks.join(" "))
    }

    /// Plays the reconcilers that fetch the source and plan: all tasks of the build can be claimed now.
    pub(crate) async fn prepare(&self, build: BuildId) {
        let mut session = self.store.write().await.unwrap();
        let source = Sha256::of(b"source");
        let tree = SourceTree {
            recipe_file: file_name("hello.dsc"),
            recipe_kind: RecipeKind::Dsc,
            files: vec![SourceFile { name: file_name("hello.dsc"), bytes: 6, sha256: source }],
        };
        assert!(session.begin_source(build).await.unwrap());
        let package = PackageName::parse("hello").unwrap();
        assert!(session.store_source(build, &tree, &package, "2.10-3", self.now()).await.unwrap());
        let ids: Vec<TaskId> = session.build(build).await.unwrap().unwrap().tasks.iter().map(|task| task.id).collect();
        let root = self.blobs.put(&serde_json::to_vec(&root()).unwrap()).unwrap();
        for task in ids {
            assert!(session.put_plan(task, &plan(), &root, &[Sha256::of(b"libc6")], self.now()).await.unwrap());
        }
        session.commit().await.unwrap();
    }

    pub(crate) async fn submit_prepared(&self, who: &User, project: ProjectId) -> BuildId {
        let build = self.submit(who, project).await;
        self.prepare(build).await;
        build
    }

    pub(crate) async fn claim(&self) -> Option<JobSpec> {
        self.service.claim(&worker(), &[arch("x86_64")]).await.unwrap()
    }

    /// Hands over one package and ends the job well.
    pub(crate) async fn succeed(&self, job: JobId, content: &str) {
        let result = self.hand_over(job, "hello_2.10-3_amd64.deb", content).await.unwrap();
        self.service.finish(job, succeeded(vec![result])).await.unwrap();
    }

    /// Hands over a real package file and ends the job well.
    pub(crate) async fn succeed_with(&self, job: JobId, name: &str, content: &[u8]) {
        let mut result = package(name, "");
        result.file.bytes = content.len() as u64;
        result.file.sha256 = Sha256::of(content);
        let path = self.folder.path().join("result");
        std::fs::write(&path, content).unwrap();
        self.service.store_result(job, &result, &path).await.unwrap();
        self.service.finish(job, succeeded(vec![result])).await.unwrap();
    }

    pub(crate) async fn hand_over(&self, job: JobId, name: &str, content: &str) -> Result<ResultFile, ServiceError> {
        let result = package(name, content);
        let path = self.folder.path().join("result");
        std::fs::write(&path, content).unwrap();
        self.service.store_result(job, &result, &path).await.map(|()| result)
    }

    pub(crate) fn write_log(&self, job: JobId, text: &str) {
        self.service.job_log(job).unwrap().write_all(text.as_bytes()).unwrap();
    }
}

pub(crate) fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

pub(crate) fn file_name(text: &str) -> FileName {
    FileName::parse(text).unwrap()
}

pub(crate) fn arch(text: &str) -> Arch {
    Arch::parse(text).unwrap()
}

pub(crate) fn worker() -> WorkerName {
    WorkerName::parse("worker-1").unwrap()
}

pub(crate) fn target(repository: &str, architecture: &str) -> TargetName {
    TargetName { repository: RepositoryName::parse(repository).unwrap(), arch: arch(architecture) }
}

pub(crate) fn url_build(project: ProjectId) -> NewBuild {
    let source = NewSource::Url("http://example.org/hello_2.10-3.dsc".to_owned());
    NewBuild { project, source, targets: None, network: None, limits: None, queue: Default::default() }
}

pub(crate) fn package(name: &str, content: &str) -> ResultFile {
    let file = JobFile { name: file_name(name), bytes: content.len() as u64, sha256: Sha256::of(content.as_bytes()) };
    ResultFile { kind: ResultKind::Package, file, package: Some(("hello".to_owned(), "1:2.10-3".to_owned())) }
}

pub(crate) fn report(outcome: JobOutcome, results: Vec<ResultFile>) -> JobReport {
    JobReport { outcome, results, timings: Vec::new(), warm_root: true }
}

pub(crate) fn succeeded(results: Vec<ResultFile>) -> JobReport {
    report(JobOutcome::Succeeded, results)
}

pub(crate) fn failed(cause: FailureCause) -> JobReport {
    report(JobOutcome::Failed(cause), Vec::new())
}

pub(crate) fn root() -> RootSpec {
    let libc = RootPackage {
        name: "libc6".to_owned(),
        version: "2.36-9".to_owned(),
        arch: "amd64".to_owned(),
        file: JobFile { name: file_name("libc6_2.36-9_amd64.deb"), bytes: 5, sha256: Sha256::of(b"libc6") },
    };
    RootSpec { format: PackageFormat::Deb, preinstall: Vec::new(), run_scripts: Vec::new(), packages: vec![libc] }
}

fn plan() -> TaskPlan {
    TaskPlan {
        title: "home:alice:tools/hello debian-12 x86_64".to_owned(),
        work: JobWork::Recipe(RecipeSpec { kind: RecipeKind::Dsc, file: file_name("hello.dsc") }),
        sources: vec![JobFile { name: file_name("hello.dsc"), bytes: 6, sha256: Sha256::of(b"source") }],
        settings: BuildSettings::default(),
        limits: Limits::default(),
        network: false,
    }
}

/// The kind and words of the error that an operation must end with.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> (ErrorKind, String) {
    let error = result.unwrap_err();
    (error.kind(), error.to_string())
}
