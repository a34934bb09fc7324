//! Sources that jobs make in roots of a real rpm distribution: each method from its address to a built package.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::http::HttpServer;
use testkit::rpm_distribution::RpmDistribution;

use crate::kit::Server;
use crate::osc_kit::{clients, settings};
use crate::tools::Tools;

/// Macros that a distribution's packages would bring: what the generators of spec files expect of Python packages.
const MACROS: &str = include_str!("source_roots.macros");

/// Longest wait for a build, on a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(240);

/// A server with the real engine and an rpm distribution, and the web around it.
struct Bed {
    server: Server,
    web: HttpServer,
    folder: tempfile::TempDir,
    begun: Instant,
}

/// Says why there is none.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn bed(flags: &dyn Fn(&HttpServer) -> Vec<String>) -> Option<Bed> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        eprintln!("skipped: only root may install a root");
        return None;
    }
    let distribution = RpmDistribution::get_or_say()?;
    let begun = Instant::now();
    let web = HttpServer::start();
    web.put_folder("dist", distribution.folder());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let flags = flags(&web);
    let flags: Vec<&str> = ["--workers", "2"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    let server = Server::start_with_engine(folder.path(), &flags);
    let (repository, keyring) = (format!("all={}", web.url("dist")), write("keys.asc", &RpmDistribution::public_key()));
    server.json(&["dist", "add", "fedora-44", "--repository", &repository, "--keyring", &keyring, "--arch", "x86_64"]);
    let config = write("prjconf", &format!("{}\n{MACROS}", RpmDistribution::CONFIG));
    server.json(&["project", "config", "Fedora:44", "--set", &config]);
    server.json(&["project", "create", "home:admin:sources", "--target", "fedora-44-x86_64"]);
    Some(Bed { server, web, folder, begun })
}

impl Bed {
    /// Asks for a build of what a job makes; gives its number.
    fn build(&self, kind: &str, mut body: Value) -> i64 {
        body["ownername"] = "admin".into();
        body["projectname"] = "sources".into();
        self.server.post(&format!("/api_3/build/create/{kind}"), &body)["id"].as_i64().unwrap()
    }

    /// Waits until a build has succeeded; what it is of: `NAME VERSION`.
    #[expect(clippy::print_stderr, reason = "how long it takes is worth knowing when a machine is slow")]
    fn built(&self, build: i64) -> String {
        let begun = Instant::now();
        let answer = loop {
            let answer = self.server.json(&["status", &build.to_string()]);
            match answer["state"].as_str().unwrap() {
                "succeeded" => break answer,
                "failed" => panic!("{answer}\n{}", self.last_words(&answer)),
                _ => assert!(begun.elapsed() < PATIENCE, "{answer}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        eprintln!("build {build} has ended after {:?}", self.begun.elapsed());
        let text = |name: &str| answer["build"][name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("package"), text("version"))
    }

    /// The end of the log that says most about a failed build; nothing, if no job has run.
    fn last_words(&self, answer: &Value) -> String {
        let build = answer["build"]["id"].as_i64().unwrap();
        let log = match &answer["build"]["source_failure"] {
            Value::Null => self.server.kiln(&["log", &build.to_string()]).stdout(),
            failure if failure.to_string().contains("no source can be made") => String::new(),
            _ => self.log(build),
        };
        let from = log.lines().count().saturating_sub(40);
        log.lines().skip(from).collect::<Vec<_>>().join("\n")
    }

    /// The log of the job that made the source.
    fn log(&self, build: i64) -> String {
        self.server.url_until_found(&format!("/results/admin/sources/srpm-builds/{build:08}/builder-live.log"))
    }

    /// Publishes a repository with one commit and a tag; gives its address.
    fn publish(&self, name: &str, files: &[(&str, &str)], tag: &str) -> String {
        let work = self.folder.path().join(name);
        for (file, text) in files {
            let path = work.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let git = |words: &[&str], place: &Path| {
            run("git", &[&["-c", "user.name=N", "-c", "user.email=n@example.org"], words].concat(), place);
        };
        git(&["init", "--quiet"], &work);
        git(&["add", "--all"], &work);
        git(&["commit", "--quiet", "--message", "one"], &work);
        git(&["tag", "--annotate", "--message", tag, tag], &work);
        let bare = format!("{name}.git");
        git(&["clone", "--quiet", "--bare", name, &bare], self.folder.path());
        git(&["update-server-info"], &self.folder.path().join(&bare));
        self.web.put_folder(&format!("git/{bare}"), &self.folder.path().join(&bare));
        self.web.url(&format!("git/{bare}"))
    }

    /// Puts a release of a Python package into the index.
    fn release(&self, name: &str) {
        let package = name.replace('-', "_").to_lowercase();
        let setup = format!(
            "from setuptools import setup\nsetup(name='{name}', version='1.5', packages=['{package}'], \
             description='Greets', license='MIT', url='https://example.org')\n"
        );
        let about = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\nSummary: Greets\nLicense: MIT\n");
        let package = format!("{package}/__init__.py");
        let files = [("setup.py", &*setup), ("PKG-INFO", &about), (&package, "print('hello')\n")];
        let file = format!("{name}-1.5.tar.gz");
        self.web.put(&format!("releases/{file}"), self.archive(&format!("{name}-1.5"), &files));
        let link = format!("<a href=\"../../releases/{file}\">{file}</a>\n");
        self.web.put(&format!("simple/{}/", name.to_lowercase()), link);
    }

    /// An archive of some files below `FOLDER/`.
    fn archive(&self, folder: &str, files: &[(&str, &str)]) -> Vec<u8> {
        let place = tempfile::tempdir_in(self.folder.path()).unwrap();
        for (file, text) in files {
            let path = place.path().join(folder).join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        run("tar", &["--create", "--gzip", "--file", "archive", folder], place.path());
        std::fs::read(place.path().join("archive")).unwrap()
    }
}

fn run(program: &str, words: &[&str], place: &Path) {
    let output = Command::new(program).args(words).current_dir(place).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A spec file of a package with one file, `note`, which is in its source.
fn spec(name: &str, source: &str) -> String {
    format!(
        "Name: {name}\nVersion: 1.0\nRelease: 1\nSummary: A note\nLicense: MIT\nSource0: {source}\nBuildArch: noarch\n\
         %description\nA note.\n%prep\n%setup -q\n%build\n%install\ninstall -D -m 644 note %{{buildroot}}/usr/share/{name}/note\n\
         %files\n/usr/share/{name}\n%changelog\n* Sat Nov 21 2026 N <n@example.org> 1.0-1\n- One.\n"
    )
}

const MAKEFILE: &str = "\
srpm:
\tgit archive --prefix=made-1.0/ --output=made-1.0.tar.gz HEAD
\trpmbuild -bs --define '_sourcedir $(CURDIR)' --define '_srcrpmdir $(outdir)' $(spec)
";

/// As `tito init` writes it.
const TITO: &str = "\
[buildconfig]
builder = tito.builder.Builder
tagger = tito.tagger.VersionTagger
changelog_do_not_remove_cherrypick = 0
changelog_format = %s (%ae)
";

#[test]
fn checkouts_with_a_spec_file_are_built() {
    let files = "files/{namespace}/{name}/{file}/{kind}/{digest}/{file}";
    let Some(bed) = bed(&|web| {
        let place = format!("own={},{}", web.url("git/{name}.git"), web.url(files));
        vec!["--dist-git".to_owned(), place]
    }) else {
        return;
    };
    let archived = spec("packed", "%{name}-%{version}.tar.gz");
    let url = bed.publish("packed", &[("packed.spec", &archived), ("note", "packed\n")], "v1");
    let packed = bed.build("scm", json!({"clone_url": url}));

    let made = spec("made", "made-1.0.tar.gz");
    let url = bed.publish("made", &[("made.spec", &made), (".copr/Makefile", MAKEFILE), ("note", "made\n")], "v1");
    let made = json!({"clone_url": url, "source_build_method": "make_srpm", "spec": "made.spec", "committish": "v1"});
    let made = bed.build("scm", made);

    let content = bed.archive("listed-1.0", &[("note", "listed\n")]);
    std::fs::write(bed.folder.path().join("listed.tar.gz"), &content).unwrap();
    let digest = Command::new("sha512sum").arg("listed.tar.gz").current_dir(bed.folder.path()).output().unwrap().stdout;
    let digest = String::from_utf8(digest).unwrap().split(' ').next().unwrap().to_owned();
    let list = format!("SHA512 (listed-1.0.tar.gz) = {digest}\n");
    let listed = spec("listed", "https://example.org/nowhere/listed-1.0.tar.gz");
    bed.publish("listed", &[("listed.spec", &listed), ("sources", &list)], "v1");
    bed.web.put(&format!("files/rpms/listed/listed-1.0.tar.gz/sha512/{digest}/listed-1.0.tar.gz"), content);
    let listed = bed.build("distgit", json!({"package_name": "listed", "distgit": "own"}));
    assert_eq!([packed, made, listed].map(|build| bed.built(build)), ["packed 1.0-1", "made 1.0-1", "listed 1.0-1"]);

    // The first two have what the third has not: bytes that nobody changed.
    bed.web.put(&format!("files/rpms/listed/listed-1.0.tar.gz/sha512/{digest}/listed-1.0.tar.gz"), "other");
    let changed = bed.build("distgit", json!({"package_name": "listed", "distgit": "own"}));
    let failed = bed.server.wait_for(changed, "failed");
    assert!(failed.to_string().contains("listed-1.0.tar.gz is not what sources says"), "{failed}");
}

#[test]
fn tito_comes_from_the_index_and_builds_tags_and_commits() {
    let Some(tools) = Tools::get_or_say() else { return };
    let Some(bed) = bed(&|web| index(web, &tools)) else { return };
    let files = [
        ("tagged.spec", &*spec("tagged", "%{name}-%{version}.tar.gz")),
        ("note", "tagged\n"),
        (".tito/tito.props", TITO),
        (".tito/packages/tagged", "1.0-1 ./\n"),
    ];
    let url = bed.publish("tagged", &files, "tagged-1.0-1");
    let [tag, commit] =
        ["tito", "tito_test"].map(|method| bed.build("scm", json!({"clone_url": url, "source_build_method": method})));
    assert_eq!(bed.built(tag), "tagged 1.0-1");
    let test = bed.built(commit);
    assert!(test.starts_with("tagged 1.0-1.git.0."), "{test}");
}

#[test]
fn releases_of_an_index_become_spec_files_and_packages() {
    let Some(tools) = Tools::get_or_say() else { return };
    let Some(bed) = bed(&|web| index(web, &tools)) else { return };
    bed.release("greeting");
    // As releases were called before their names were agreed on.
    bed.release("Old-Greeting");
    let wanted = [("greeting", "pyp2spec"), ("Old-Greeting", "pyp2spec"), ("greeting", "pyp2rpm")];
    let builds = wanted.map(|(name, generator)| {
        let wanted = json!({"pypi_package_name": name, "pypi_package_version": "1.5", "spec_generator": generator});
        bed.build("pypi", wanted)
    });
    let built = builds.map(|build| bed.built(build));
    assert_eq!(built, ["python-greeting 1.5-1", "python-old-greeting 1.5-1", "python-greeting 1.5-1.t1"]);
    let missing = bed.build("pypi", json!({"pypi_package_name": "nosuch"}));
    let failed = bed.server.wait_for(missing, "failed");
    assert!(failed.to_string().contains("pip can not get the source of nosuch"), "{failed}");
}

/// Lets jobs use the index of a web server, which is filled.
fn index(web: &HttpServer, tools: &Tools) -> Vec<String> {
    tools.publish(web);
    vec!["--source-variable".to_owned(), format!("PIP_INDEX_URL={}", web.url("simple/"))]
}

#[test]
fn services_make_the_source_of_a_committed_package() {
    let Some(client) = clients().into_iter().next() else { return };
    let Some(bed) = bed(&|_| Vec::new()) else { return };
    let url = bed.publish("gift", &[("note", "gift\n")], "v1.0");
    let services = format!(
        "<services>\n  <service name=\"obs_scm\">\n    <param name=\"url\">{url}</param>\n    \
         <param name=\"scm\">git</param>\n    <param name=\"versionformat\">@PARENT_TAG@</param>\n    \
         <param name=\"versionrewrite-pattern\">v(.*)</param>\n    \
         <param name=\"versionrewrite-replacement\">\\1</param>\n  </service>\n  <service name=\"set_version\"/>\n  \
         <service name=\"tar\" mode=\"buildtime\"/>\n  <service name=\"recompress\" mode=\"buildtime\">\n    \
         <param name=\"file\">*.tar</param>\n    <param name=\"compression\">xz</param>\n  </service>\n</services>\n"
    );
    let home = bed.folder.path().join("osc");
    std::fs::create_dir(&home).unwrap();
    settings(&bed.server, &home, "secret", "");
    let osc = |folder: &Path, words: &[&str]| {
        let output = Command::new(client.program())
            .arg("--config")
            .arg(home.join("oscrc"))
            .args(words)
            .current_dir(folder)
            .env("HOME", &home)
            .env("OSC_CONFIG", home.join("oscrc"))
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{words:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    osc(&home, &["co", "home:admin:sources"]);
    let project = home.join("home:admin:sources");
    osc(&project, &["mkpac", "gift"]);
    let package = project.join("gift");
    std::fs::write(package.join("_service"), services).unwrap();
    let recipe = spec("gift", "gift-%{version}.tar.xz").replace("Version: 1.0", "Version: 0");
    std::fs::write(package.join("gift.spec"), recipe).unwrap();
    osc(&package, &["add", "_service", "gift.spec"]);
    osc(&package, &["ci", "--noservice", "-m", "one"]);
    let begun = Instant::now();
    loop {
        let shown = osc(&package, &["results"]);
        if shown.contains("succeeded") {
            break;
        }
        assert!(!shown.contains("failed") && begun.elapsed() < PATIENCE, "{shown}");
        std::thread::sleep(Duration::from_millis(300));
    }
    let made = osc(&package, &["ls", "-e", "home:admin:sources", "gift"]);
    assert!(made.contains("_service:recompress:gift-1.0.tar.xz"), "{made}");
    assert!(made.contains("_service:set_version:gift.spec") && !made.contains("obscpio"), "{made}");
    let binaries = osc(&package, &["ls", "-b", "home:admin:sources", "gift"]);
    assert!(binaries.contains("gift-1.0-1.noarch.rpm"), "{binaries}");
}

/// A server that speaks TLS and serves a folder: certificate, key and folder come as words; prints its port.
const TLS_SERVER: &str = "\
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[3])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

/// A child that ends with its guard.
struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves a folder under a certificate of its own; gives its address and the file with the certificate.
fn serve_with_tls(place: &Path, served: &Path) -> (Child, String, PathBuf) {
    use std::io::BufRead as _;
    let (certificate, key) = (place.join("own.pem"), place.join("own.key"));
    let made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    let files = ["-out", certificate.to_str().unwrap(), "-keyout", key.to_str().unwrap()];
    run("openssl", &[&made[..], &about, &files].concat(), place);
    let mut child = Command::new("python3")
        .args(["-c", TLS_SERVER])
        .args([&certificate, &key])
        .arg(served)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Child(child), format!("https://127.0.0.1:{}", line.trim()), certificate)
}

#[test]
fn jobs_trust_the_authorities_that_the_server_names() {
    let place = tempfile::tempdir().unwrap();
    let served = place.path().join("served");
    std::fs::create_dir(&served).unwrap();
    let (_tls, address, certificate) = serve_with_tls(place.path(), &served);
    let flags = ["--source-ca-bundle".to_owned(), certificate.to_str().unwrap().to_owned()];
    let Some(bed) = bed(&|_| flags.to_vec()) else { return };
    let text = spec("trusted", "%{name}-%{version}.tar.gz");
    bed.publish("trusted", &[("trusted.spec", &text), ("note", "trusted\n")], "v1");
    std::os::unix::fs::symlink(bed.folder.path().join("trusted.git"), served.join("trusted.git")).unwrap();
    let trusted = bed.build("scm", json!({"clone_url": format!("{address}/trusted.git")}));
    // What everything but git has to go by.
    let script = format!(
        "#!/bin/sh -eu\ncurl --silent --fail {address}/trusted.git/HEAD\npython3 - <<'END'\nimport urllib.request\n\
                  urllib.request.urlopen('{address}/trusted.git/HEAD').read()\nEND\necho kiln: all is well\nexit 1\n"
    );
    let probe = json!({"script": script, "chroot": "fedora-44-x86_64", "builddeps": "curl python3"});
    let probe = bed.build("custom", probe);
    assert_eq!(bed.built(trusted), "trusted 1.0-1");
    let failed = bed.server.wait_for(probe, "failed");
    assert!(failed["build"]["source_failure"].to_string().contains("all is well"), "{}", bed.log(probe));
}
