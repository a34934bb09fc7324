//! Open Build Service's client, unmodified: the newest from its package, and the distribution's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use testkit::archive::Archive;
use testkit::deb::description;

use crate::builds::{now, server_of};
use crate::kit::Server;

const PACKAGE: &str = "osc==1.28.0";

/// A client that works here.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    program: PathBuf,
}

impl Client {
    /// Path of its program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }
}

/// Every client that can be had here.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn clients() -> Vec<Client> {
    static FRESH: OnceLock<Option<PathBuf>> = OnceLock::new();
    let mut clients = Vec::new();
    match FRESH.get_or_init(fresh) {
        Some(program) => clients.push(Client { name: "fresh", program: program.clone() }),
        None => eprintln!("skipped: pip can not install {PACKAGE} here"),
    }
    let debian = PathBuf::from("/usr/bin/osc");
    if debian.is_file() {
        clients.push(Client { name: "debian", program: debian });
    } else {
        eprintln!("skipped: the distribution's osc is not installed (scripts/setup.sh test does that)");
    }
    clients
}

fn fresh() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("osc-1.28.0");
    let (interpreter, program) = (folder.join("bin/python"), folder.join("bin/osc"));
    let works = || {
        let tried = Command::new(&interpreter).args(["-c", "import osc.commandline"]).output();
        program.is_file() && tried.is_ok_and(|output| output.status.success())
    };
    if works() {
        return Some(program);
    }
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).output();
    let made = made.is_ok_and(|output| output.status.success());
    let install = || Command::new(&interpreter).args(["-m", "pip", "install", "--quiet", PACKAGE]).status();
    (made && install().is_ok_and(|status| status.success()) && works()).then_some(program)
}

/// A server with a distribution that the clients can build against.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
    _archive: Archive,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::offering("P: debhelper\n")
    }

    /// As [`Self::start`], with other packages in the distribution.
    pub(crate) fn offering(packages: &str) -> Self {
        let archive = Archive::new(packages, now());
        let folder = tempfile::tempdir().unwrap();
        let server = server_of(folder.path(), &archive);
        Self { server, folder, _archive: archive }
    }

    /// Does something with each client, each in a project of its own with one repository.
    pub(crate) fn with_each(&self, test: impl Fn(&Osc<'_>)) {
        for client in clients() {
            let osc = Osc::new(self, &client, "secret");
            let meta = format!(
                "<project name=\"{0}\">\n  <title/>\n  <description/>\n  <repository name=\"main\">\n    \
                 <path project=\"Debian:12\" repository=\"standard\"/>\n    <arch>x86_64</arch>\n  </repository>\n\
                 </project>\n",
                osc.project
            );
            let file = osc.write("project.xml", meta);
            osc.ok(&["meta", "prj", &osc.project, "-F", &file]);
            test(&osc);
        }
    }
}

/// Writes the settings of a client into a folder; any password but `secret` is used as it is.
pub(crate) fn settings(server: &Server, home: &Path, password: &str, general: &str) {
    let settings = std::fs::read_to_string(server.config()).unwrap();
    let token = settings.lines().find_map(|line| line.strip_prefix("token")).unwrap();
    let token = token.trim_start_matches([' ', '=']).trim();
    let password = if password == "secret" { token } else { password };
    let url = &server.url;
    let text = format!(
        "[general]\napiurl = {url}\n{general}\n[{url}]\nuser = admin\npass = {password}\ncredentials_mgr_class = \
         osc.credentials.PlaintextConfigFileCredentialsManager\nallow_http = 1\ntrusted_prj = *\n"
    );
    std::fs::write(home.join("oscrc"), text).unwrap();
}

/// A client with its settings, in a folder of its own.
pub(crate) struct Osc<'a> {
    pub(crate) client: Client,
    pub(crate) home: PathBuf,
    /// Project that is this client's alone.
    pub(crate) project: String,
    world: &'a World,
}

impl<'a> Osc<'a> {
    /// A client; any password but `secret` is used as it is.
    pub(crate) fn new(world: &'a World, client: &Client, password: &str) -> Self {
        let home = world.folder.path().join(format!("{}-{password}", client.name));
        std::fs::create_dir_all(&home).unwrap();
        settings(&world.server, &home, password, "");
        let project = format!("home:admin:{}", client.name);
        Self { client: client.clone(), home, project, world }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.world.server
    }

    /// A command of the client in a folder below its home.
    pub(crate) fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.client.program);
        command
            .arg("--config")
            .arg(self.home.join("oscrc"))
            .args(arguments)
            .current_dir(self.home.join(folder))
            .env("HOME", &self.home)
            // The old one looks for its settings in some places without --config.
            .env("OSC_CONFIG", self.home.join("oscrc"))
            // Where the distribution has the scripts that some commands ask.
            .env("BUILD_DIR", crate::osc_build::DEBIAN_SCRIPTS)
            .env("LC_ALL", "C.UTF-8")
            .env("EDITOR", "true")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command.
    pub(crate) fn run_in(&self, folder: &str, arguments: &[&str]) -> Ended {
        Ended::of(self.command(folder, arguments).output().unwrap())
    }

    /// Runs a command that must succeed; gives what it printed.
    pub(crate) fn ok_in(&self, folder: &str, arguments: &[&str]) -> String {
        let ended = self.run_in(folder, arguments);
        let Ended { code, out, err } = &ended;
        assert_eq!(*code, 0, "{} osc {arguments:?}: {out}\n{err}", self.client.name);
        ended.out
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_in("", arguments)
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.ok_in("", arguments)
    }

    /// Writes a file below the home; gives its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.home.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Makes a package with a source package of Debian in it and commits it; gives the folder of the checkout.
    pub(crate) fn commit(&self, name: &str) -> String {
        if !self.home.join(&self.project).is_dir() {
            self.ok(&["co", &self.project]);
        }
        let folder = self.project.clone();
        self.ok_in(&folder, &["mkpac", name]);
        let folder = format!("{folder}/{name}");
        let text = description(name, "1.0-1", "Build-Depends: debhelper\n", &[("content.tar", b"content")]);
        self.write(&format!("{folder}/{name}_1.0-1.dsc"), text);
        self.write(&format!("{folder}/content.tar"), "content");
        self.ok_in(&folder, &["add", &format!("{name}_1.0-1.dsc"), "content.tar"]);
        self.ok_in(&folder, &["ci", "-m", "first"]);
        folder
    }

    /// Waits until the client shows a word for a package.
    pub(crate) fn wait_for(&self, package: &str, word: &str) {
        let begun = std::time::Instant::now();
        loop {
            let shown = self.ok(&["results", &self.project, package]);
            if shown.contains(word) {
                return;
            }
            assert!(begun.elapsed().as_secs() < 60, "{package} should be {word}: {shown}");
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    }
}

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Everything it printed.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}
