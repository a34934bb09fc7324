//! A server in a temporary folder, and short words for what tests do with it.

use std::sync::Once;
use std::time::Duration;

use model::{
    BuildId, BuildSettings, FailureCause, FileName, JobFile, JobId, JobOutcome, JobReport, JobWork, Limits,
    PackageName, PathElement, ProjectName, RecipeSpec, RepositoryName, ResultFile, ResultKind, RootPackage, RootSpec,
    SourceFile, TaskId, Timestamp, UserName, WorkerName,
};
use pkg::{Arch, PackageFormat, RecipeKind, Sha256};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use service::{Service, ServiceConfig, Target, TargetName, User};
use store::{Blobs, SourceTree, Store, TaskPlan};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::{Server, ServerOptions, WebOptions};

/// A running server.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) folder: tempfile::TempDir,
    /// `http://127.0.0.1:PORT`
    pub(crate) base: String,
    pub(crate) stop: CancellationToken,
    pub(crate) http: reqwest::Client,
    admin: User,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// Status and message of an error, whichever dialect.
    pub(crate) fn error(&self) -> String {
        let json = self.json();
        let places = [json.get("message"), json.pointer("/error/message"), json.get("error")];
        let message = places.into_iter().flatten().find(|place| place.is_string()).cloned().unwrap_or_default();
        format!("{} {}", self.status, message.as_str().unwrap_or_default())
    }
}

impl World {
    /// A server with the users alice and bob that offers `debian-12` for two architectures.
    pub(crate) async fn new() -> Self {
        Self::offering(&[("debian-12", "x86_64", true), ("debian-12", "aarch64", true)]).await
    }

    pub(crate) async fn offering(targets: &[(&str, &str, bool)]) -> Self {
        Self::with(targets, ServerOptions::default(), 1 << 20).await
    }

    pub(crate) async fn with(targets: &[(&str, &str, bool)], options: ServerOptions, upload_bytes: u64) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut config = ServiceConfig::new(folder.path().join("data"), &base);
        config.allow_private_sources = true;
        config.upload_bytes = upload_bytes;
        let blobs = Blobs::open(&config.data_dir.join("blobs")).unwrap();
        let data = config.data_dir.clone();
        let service = Service::open(config).await.unwrap();
        let store = Store::open(&data.join("kiln.db")).await.unwrap();
        service.first_admin().await.unwrap();
        let admin = service.user(&user_name("admin")).await.unwrap().unwrap();
        for name in ["alice", "bob"] {
            service.create_user(&admin, &user_name(name), false).await.unwrap();
        }
        let mut session = store.write().await.unwrap();
        for (repository, arch, active) in targets {
            let path = PathElement {
                project: ProjectName::parse("Debian:12").unwrap(),
                repository: RepositoryName::parse("standard").unwrap(),
            };
            session.put_target(&Target { name: target(repository, arch), path, active: *active }).await.unwrap();
        }
        session.commit().await.unwrap();
        let stop = CancellationToken::new();
        let web = WebOptions { public_url: base.clone(), upload_bytes: 8 * upload_bytes, stop: stop.clone() };
        let router = web::router(service.clone(), web);
        tokio::spawn(Server::new(listener, options).run(router, stop.clone()));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { service, store, blobs, folder, base, stop, http, admin }
    }

    /// One more user.
    pub(crate) async fn user(&self, name: &str) {
        self.service.create_user(&self.admin, &user_name(name), false).await.unwrap();
    }

    /// A group with members.
    pub(crate) async fn group(&self, group: &str, members: &[&str]) {
        self.service.create_group(&self.admin, &user_name(group)).await.unwrap();
        for member in members {
            self.service.set_member(&self.admin, &user_name(group), &user_name(member), true).await.unwrap();
        }
    }

    /// Login and token of a user.
    pub(crate) async fn token(&self, user: &str, lifetime: Duration) -> (String, String) {
        let token = self.service.create_token(&self.admin, &user_name(user), lifetime).await.unwrap();
        (token.login, token.token)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// Sends a request with a JSON body as a user; `Value::Null` sends none.
    pub(crate) async fn call(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        let (login, token) = self.token(user, Duration::from_secs(3600)).await;
        let mut request = self.request(method, path).basic_auth(login, Some(token));
        if !body.is_null() {
            request = request.json(&body);
        }
        self.send(request).await
    }

    /// A project of alice's with one target; returns its number.
    pub(crate) async fn project(&self, name: &str) -> i64 {
        let body = serde_json::json!({"name": name, "chroots": ["debian-12-x86_64"]});
        let answer = self.call("alice", "POST", "/api_2/projects", body).await;
        assert_eq!(answer.status, StatusCode::CREATED.as_u16(), "{}", answer.text());
        number_of(answer.header("location").unwrap())
    }

    /// A build of alice's; returns its number.
    pub(crate) async fn build(&self, project: i64) -> i64 {
        let body = serde_json::json!({"project_id": project, "srpm_url": "http://example.org/hello_2.10-3.dsc"});
        let answer = self.call("alice", "POST", "/api_2/builds", body).await;
        assert_eq!(answer.status, StatusCode::CREATED.as_u16(), "{}", answer.text());
        number_of(answer.header("location").unwrap())
    }

    /// Plays the reconcilers: the source of a build is there, and its tasks can be claimed.
    pub(crate) async fn prepare(&self, build: i64) {
        let build = BuildId::new(build);
        let mut session = self.store.write().await.unwrap();
        let source = self.blobs.put(b"source").unwrap();
        let tree = SourceTree {
            recipe_file: file_name("hello.dsc"),
            recipe_kind: RecipeKind::Dsc,
            files: vec![SourceFile { name: file_name("hello.dsc"), bytes: 6, sha256: source }],
        };
        let package = PackageName::parse("hello").unwrap();
        assert!(session.begin_source(build).await.unwrap());
        assert!(session.store_source(build, &tree, &package, "2.10-3", now()).await.unwrap());
        let tasks: Vec<TaskId> =
            session.build(build).await.unwrap().unwrap().tasks.iter().map(|task| task.id).collect();
        let root = self.blobs.put(&serde_json::to_vec(&root(source)).unwrap()).unwrap();
        for task in tasks {
            assert!(session.put_plan(task, &plan(), &root, &[source], now()).await.unwrap());
        }
        session.commit().await.unwrap();
    }

    /// Plays a worker that claims the next job.
    pub(crate) async fn claim(&self) -> JobId {
        let worker = WorkerName::parse("test").unwrap();
        let arches = ["x86_64", "aarch64"].map(|arch| Arch::parse(arch).unwrap());
        self.service.claim(&worker, &arches).await.unwrap().unwrap().job
    }

    /// Plays a worker that ends a job with one package of these bytes.
    pub(crate) async fn succeed(&self, job: JobId, bytes: &[u8]) {
        let path = self.folder.path().join(format!("result-{job}"));
        std::fs::write(&path, bytes).unwrap();
        let result = ResultFile {
            kind: ResultKind::Package,
            file: JobFile {
                name: file_name("hello_2.10-3_amd64.deb"),
                bytes: u64::try_from(bytes.len()).unwrap(),
                sha256: Sha256::of(bytes),
            },
            package: Some(("hello".to_owned(), "2.10-3".to_owned())),
        };
        self.service.store_result(job, &result, &path).await.unwrap();
        self.finish(job, JobOutcome::Succeeded, vec![result]).await;
    }

    pub(crate) async fn fail(&self, job: JobId) {
        let cause = FailureCause::Recipe { step: "dpkg-buildpackage".to_owned(), status: 2 };
        self.finish(job, JobOutcome::Failed(cause), Vec::new()).await;
    }

    async fn finish(&self, job: JobId, outcome: JobOutcome, results: Vec<ResultFile>) {
        let report = JobReport { outcome, results, timings: Vec::new(), warm_root: false };
        self.service.finish(job, report).await.unwrap();
    }

    /// Writes to the log of a job.
    pub(crate) fn log(&self, job: JobId, text: &str) {
        use std::io::Write as _;
        self.service.job_log(job).unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(0).plus(since)
}

fn root(sha256: Sha256) -> RootSpec {
    let package = RootPackage {
        name: "libc6".to_owned(),
        version: "2.36-9".to_owned(),
        arch: "amd64".to_owned(),
        file: JobFile { name: file_name("libc6.deb"), bytes: 6, sha256 },
    };
    RootSpec {
        format: PackageFormat::Deb,
        preinstall: vec!["libc6".to_owned()],
        run_scripts: Vec::new(),
        packages: vec![package],
    }
}

fn plan() -> TaskPlan {
    TaskPlan {
        title: "hello".to_owned(),
        work: JobWork::Recipe(RecipeSpec { kind: RecipeKind::Dsc, file: file_name("hello.dsc") }),
        sources: Vec::new(),
        settings: BuildSettings::default(),
        limits: Limits::default(),
        network: false,
    }
}

pub(crate) fn target(repository: &str, arch: &str) -> TargetName {
    TargetName { repository: RepositoryName::parse(repository).unwrap(), arch: Arch::parse(arch).unwrap() }
}

pub(crate) fn user_name(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

pub(crate) fn file_name(name: &str) -> FileName {
    FileName::parse(name).unwrap()
}

/// The number at the end of an address.
pub(crate) fn number_of(location: &str) -> i64 {
    location.rsplit('/').next().unwrap().parse().unwrap()
}

/// A form in the shape the historic Python client sends; parts are (name, file name, content).
pub(crate) fn form(parts: &[(&str, Option<&str>, &str)]) -> (String, String) {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.push_str(&format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"));
    }
    body.push_str("--B--\r\n");
    ("multipart/form-data; boundary=B".to_owned(), body)
}
