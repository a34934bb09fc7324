//! The programs that make sources, run here as a job runs them: real git, rpm and dpkg against a server on loopback.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::http::HttpServer;

const SPEC: &str = "Name: hello\nVersion: 2.8\nRelease: 1\nSummary: s\nLicense: MIT\nSource0: %{name}-%{version}.tar.gz\n\
                    Source1: extra.conf\n\n%description\nd\n\n%files\n";
const CHANGELOG: &str =
    "greet (1:1.0-1) unstable; urgency=low\n\n  * Made.\n\n -- N <n@example.org>  Sat, 21 Nov 2026 20:00:00 +0000\n";

/// A repository with two commits, the first with the tag v1, served as plain files.
struct Upstream {
    folder: tempfile::TempDir,
    server: HttpServer,
}

fn missing() -> Option<&'static str> {
    let tools = ["git", "rpmbuild", "dpkg-source", "curl", "make"];
    tools.into_iter().find(|tool| Command::new(tool).arg("--version").output().is_err())
}

fn git(folder: &Path, words: &[&str]) {
    let identity = ["-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").args(identity).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Upstream {
    fn new(files: &[(&str, &str)]) -> Self {
        let (folder, server) = (tempfile::tempdir().unwrap(), HttpServer::start());
        let work = folder.path().join("work");
        git(folder.path(), &["init", "--quiet", "work"]);
        for (path, text) in files {
            let path = work.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--message", "one"]);
        git(&work, &["tag", "v1"]);
        std::fs::write(work.join("later"), "x").unwrap();
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--message", "two"]);
        git(folder.path(), &["clone", "--quiet", "--bare", "work", "hello.git"]);
        git(&folder.path().join("hello.git"), &["update-server-info"]);
        server.put_folder("hello.git", &folder.path().join("hello.git"));
        Self { folder, server }
    }

    /// Runs programs in a fresh working folder; gives what they left, by name, or what they said last.
    fn run(&self, programs: &[&str], variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let place = tempfile::tempdir_in(self.folder.path()).unwrap();
        let (work, result) = (place.path().join("work"), place.path().join("result"));
        std::fs::create_dir(&work).unwrap();
        std::fs::create_dir(&result).unwrap();
        for program in programs {
            let path = scripts().join(format!("{program}.sh"));
            let mut command = Command::new("sh");
            command.arg(path).current_dir(&work).env("RESULT", &result).env("HOME", place.path());
            for name in ["KILN_REVISION", "KILN_FOLDER", "KILN_SPEC"] {
                command.env(name, "");
            }
            command.env("KILN_URL", self.server.url("hello.git"));
            let output = command.envs(variables.iter().copied()).output().unwrap();
            if !output.status.success() {
                let (said, url) = (String::from_utf8_lossy(&output.stdout).into_owned(), self.server.url(""));
                let reason = said.lines().rev().find_map(|line| line.strip_prefix("kiln: "));
                let complaint = String::from_utf8_lossy(&output.stderr);
                return Err(reason.map_or_else(|| format!("{said}{complaint}"), |reason| reason.replace(&url, "")));
            }
        }
        let entries =
            std::fs::read_dir(&result).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        Ok(names)
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources/job/scripts")
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn upstream() -> Option<Upstream> {
    if let Some(tool) = missing() {
        eprintln!("skipped: no {tool} here");
        return None;
    }
    Some(Upstream::new(&[
        ("hello.spec", SPEC),
        ("extra.conf", "x\n"),
        ("src/hello.c", "int main;\n"),
        ("url/a.spec", &SPEC.replace("Source1: extra.conf", "Source1: http://example.org/extra.conf")),
        ("bad/a.spec", &SPEC.replace("extra.conf", "nosuch.conf")),
        ("two/a.spec", SPEC),
        ("two/b.spec", SPEC),
        ("template/a.spec", "Name: {{{ git_name }}}\n"),
        (".packaging/Makefile", "srpm:\n\tcp $(spec) $(outdir)/made.spec\n"),
        ("debian/changelog", CHANGELOG),
        (
            "debian/control",
            "Source: greet\nMaintainer: N <n@example.org>\n\nPackage: greet\nArchitecture: all\nDescription: d\n",
        ),
        ("debian/rules", "#!/usr/bin/make -f\n"),
        ("debian/source/format", "3.0 (quilt)\n"),
    ]))
}

#[test]
fn a_checkout_becomes_a_source_package() {
    let Some(upstream) = upstream() else { return };
    let spec =
        |folder: &str, name: &str| upstream.run(&["checkout", "spec"], &[("KILN_FOLDER", folder), ("KILN_SPEC", name)]);
    assert_eq!(spec("", "").unwrap(), ["hello-2.8-1.src.rpm"]);
    assert_eq!(spec("", "two/a.spec").unwrap_err(), "Source1 is extra.conf, which is not in the checkout");
    assert_eq!(
        spec("url", "").unwrap(),
        ["a.spec", "hello-2.8.tar.gz"],
        "what has an address is fetched by the service"
    );
    assert_eq!(spec("bad", "").unwrap_err(), "Source1 is nosuch.conf, which is not in the checkout");
    assert_eq!(spec("two", "").unwrap_err(), "there are several spec files, name one: a.spec b.spec");
    assert_eq!(spec("src", "").unwrap_err(), "there is no spec file");
    assert_eq!(spec("nosuch", "").unwrap_err(), "there is no folder nosuch in hello.git");
    assert!(spec("template", "").unwrap_err().contains("template of rpkg"));
    let debian = upstream.run(&["checkout", "debian"], &[]).unwrap();
    assert_eq!(debian, ["greet_1.0-1.debian.tar.xz", "greet_1.0-1.dsc", "greet_1.0.orig.tar.gz"]);
    let made = upstream.run(&["checkout", "make"], &[("KILN_SPEC", "hello.spec")]).unwrap();
    assert_eq!(made, ["made.spec"]);
}

#[test]
fn a_revision_is_a_branch_a_tag_or_a_commit() {
    let Some(upstream) = upstream() else { return };
    let at = |revision: &str| upstream.run(&["checkout", "spec"], &[("KILN_REVISION", revision)]);
    for revision in ["main", "v1"] {
        assert_eq!(at(revision).unwrap(), ["hello-2.8-1.src.rpm"], "{revision}");
    }
    assert_eq!(at("nosuch").unwrap_err(), "hello.git has no branch, tag or commit nosuch");
    let other = upstream.server.url("other.git");
    let refused = upstream.run(&["checkout"], &[("KILN_URL", &other)]);
    assert_eq!(refused.unwrap_err(), "git can not clone other.git");
    // What the service refuses would find git closed, too.
    for url in ["ext::sh -c 'touch /tmp/kiln-never'", "file:///nosuch", "--upload-pack=id"] {
        assert!(upstream.run(&["checkout"], &[("KILN_URL", url)]).is_err(), "{url}");
    }
}

#[test]
fn listed_files_are_fetched_by_digest_and_checked() {
    let Some(_) = upstream() else { return };
    // Of the file with the text `data`.
    const MD5: &str = "8d777f385d3dfec8815d20f7496026dc";
    let upstream = |line: &str| Upstream::new(&[("hello.spec", SPEC), ("sources", line)]);
    let run = |upstream: &Upstream| {
        upstream.server.put(&format!("pkgs/extra.conf/md5/{MD5}/extra.conf"), "data");
        let address = format!("{}/{{file}}/{{kind}}/{{digest}}/{{file}}", upstream.server.url("pkgs"));
        upstream.run(&["checkout", "lookaside", "spec"], &[("KILN_LOOKASIDE", &address)])
    };
    for line in [format!("{MD5}  extra.conf\n"), format!("MD5 (extra.conf) = {MD5}\n")] {
        assert_eq!(run(&upstream(&line)).unwrap(), ["hello-2.8-1.src.rpm"]);
    }
    let wrong = MD5.replace('8', "9");
    let bad = upstream(&format!("{wrong}  extra.conf\n"));
    bad.server.put(&format!("pkgs/extra.conf/md5/{wrong}/extra.conf"), "data");
    assert_eq!(run(&bad).unwrap_err(), "extra.conf is not what sources says");
    assert!(run(&upstream(&format!("{MD5}  other\n"))).unwrap_err().contains("other can not be fetched"));
    assert!(run(&upstream(&format!("{MD5}  ../extra\n"))).unwrap_err().contains("no name of a file"));
}
