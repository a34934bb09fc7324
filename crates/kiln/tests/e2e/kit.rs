//! A server process on a data folder, and commands against it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use model::{PathElement, ProjectName, RepositoryName};
use pkg::Arch;
use serde_json::Value;
use service::{Target, TargetName};
use store::Store;

/// Longest wait for anything, in a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(240);

/// A server process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// The line it printed when it listened.
    pub(crate) ready: Value,
    folder: PathBuf,
}

impl Server {
    /// Starts a server on `FOLDER/data` and waits until it listens.
    pub(crate) fn start(folder: &Path, flags: &[&str]) -> Self {
        Self::start_with_engine(folder, &[&["--fake-engine"], flags].concat())
    }

    /// As [`Self::start`], with an engine that really builds.
    pub(crate) fn start_with_engine(folder: &Path, flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kiln"))
            .args(["--json", "serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .arg(format!("--write-client-config={}", folder.join("copr").display()))
            .args(flags)
            .env("KILN_LOG", "warn")
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a ready line: {line:?}"));
        Self { child, url: ready["listening"].as_str().unwrap().to_owned(), ready, folder: folder.to_owned() }
    }

    /// Path of the settings file the server wrote for clients.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("copr")
    }

    /// Runs a command against the server.
    pub(crate) fn kiln(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command.args(arguments).env("KILN_CONFIG", self.config()).env_remove("KILN_URL");
        Ran(command.output().unwrap())
    }

    /// As [`Self::kiln`], with something to read.
    pub(crate) fn kiln_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command.args(arguments).env("KILN_CONFIG", self.config()).env_remove("KILN_URL");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran(child.wait_with_output().unwrap())
    }

    /// Runs a command that must succeed and print JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
        let ran = self.kiln(&all);
        assert_eq!(ran.code(), 0, "kiln {arguments:?}: {}", ran.stderr());
        serde_json::from_str(&ran.stdout()).unwrap()
    }

    /// Waits until a build is in a state.
    pub(crate) fn wait_for(&self, build: i64, state: &str) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.json(&["status", &build.to_string()]);
            if answer["state"] == state {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "build {build} should be {state}: {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A page, as it is without a script.
    pub(crate) fn page(&self, path: &str) -> String {
        self.url_until_found(path)
    }

    /// Sets the password of a user.
    pub(crate) fn set_password(&self, user: &str, password: &str) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kiln"))
            .args(["user", "passwd", user])
            .env("KILN_CONFIG", self.config())
            .env_remove("KILN_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("{password}\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// What the server answers under a path, once it answers at all.
    pub(crate) fn url_until_found(&self, path: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let begun = Instant::now();
        runtime.block_on(async {
            loop {
                let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
                if answer.status().is_success() {
                    return answer.text().await.unwrap();
                }
                assert!(begun.elapsed() < PATIENCE, "{path}: {}", answer.status());
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    }

    /// What the server answers the administrator who posts a JSON object, which must be a success.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let settings = std::fs::read_to_string(self.config()).unwrap();
        let setting = |name: &str| {
            let line = settings.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
            line.unwrap().trim().to_owned()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        runtime.block_on(async {
            let request = reqwest::Client::new().post(format!("{}{path}", self.url));
            let request = request.basic_auth(setting("login"), Some(setting("token"))).json(body);
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success(), "{path}: {status} {text}");
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        })
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not end after SIGTERM");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Resident memory of the server, in kilobytes.
    pub(crate) fn resident_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The most memory the server has ever had, in kilobytes.
    pub(crate) fn peak_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Login and token of the settings file, with a colon between.
    pub(crate) fn credentials(&self) -> String {
        let text = std::fs::read_to_string(self.config()).unwrap();
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches([' ', '=']).trim().to_owned()
        };
        format!("{}:{}", of("login"), of("token"))
    }

    /// How often the server's threads have gone to sleep by themselves.
    pub(crate) fn voluntary_switches(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of = |task: std::fs::DirEntry| -> u64 {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches:"));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
        };
        tasks.filter_map(Result::ok).map(of).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL: nothing of the server runs any more when this returns.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that has ended.
pub(crate) struct Ran(Output);

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

/// Lets the server of a folder offer `debian-12` without an archive behind it.
pub(crate) fn offer_targets(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&folder.join("data/kiln.db")).await.unwrap();
        let mut session = store.write().await.unwrap();
        for arch in ["x86_64", "i586"] {
            let name = TargetName {
                repository: RepositoryName::parse("debian-12").unwrap(),
                arch: Arch::parse(arch).unwrap(),
            };
            let path = PathElement {
                project: ProjectName::parse("Debian:12").unwrap(),
                repository: RepositoryName::parse("standard").unwrap(),
            };
            session.put_target(&Target { name, path, active: true }).await.unwrap();
        }
        session.commit().await.unwrap();
    });
}
