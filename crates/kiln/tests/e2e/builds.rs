//! Builds from submission to the published repository, with a small archive and an engine that needs no root.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Timestamp;

use crate::kit::Server;
use testkit::archive::Archive;

fn archive() -> Archive {
    Archive::new("P: debhelper\n", now())
}

/// When archives are signed: a little earlier than anybody looks.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(0).plus(since - Duration::from_secs(60))
}

/// A server with the distribution and a project `home:admin:tools`.
pub(crate) fn server_of(folder: &Path, archive: &Archive) -> Server {
    let server = Server::start(folder, &[]);
    let keyring = archive.folder.path().join("keys.gpg").display().to_string();
    let mirror = archive.server.url("debian");
    server.json(&[
        "dist",
        "add",
        "debian-12",
        "--mirror",
        &mirror,
        "--security",
        &mirror,
        "--keyring",
        &keyring,
        "--arch",
        "x86_64",
    ]);
    server.json(&["project", "create", "home:admin:tools", "--target", "debian-12-x86_64"]);
    server
}

#[test]
fn a_build_ends_in_a_repository() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    let server = server_of(folder.path(), &archive);
    let source = archive.source("hello", "Build-Depends: debhelper\n");
    let ran = server.kiln(&["submit", "home:admin:tools", &source, "--wait"]);
    assert_eq!(ran.code(), 0, "{}{}", ran.stdout(), ran.stderr());
    assert!(ran.stdout().contains("succeeded"), "{}", ran.stdout());
    let log = server.kiln(&["log", "-f", "1"]);
    assert!(log.code() == 0 && log.stdout().contains("a small package at once"), "{}", log.stderr());
    let out = folder.path().join("out");
    let fetched = server.kiln(&["download", "1", "--output", &out.display().to_string()]);
    assert_eq!(fetched.code(), 0, "{}", fetched.stderr());
    assert!(out.join("hello_1.0-1_amd64.deb").is_file(), "{}", fetched.stdout());
    // The repository follows by itself.
    let release = server.url_until_found("/repositories/home:admin:tools/debian-12/dists/debian-12/InRelease");
    assert!(release.contains("BEGIN PGP SIGNED MESSAGE"), "{release}");
    let packages =
        server.url_until_found("/repositories/home:admin:tools/debian-12/dists/debian-12/main/binary-amd64/Packages");
    assert!(packages.contains("Package: hello\n"), "{packages}");
    assert!(server.url_until_found("/repositories/home:admin:tools/key.asc").contains("BEGIN PGP PUBLIC KEY BLOCK"));
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_failed_build_is_exit_code_one_with_its_reason() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    let server = server_of(folder.path(), &archive);
    let ran = server.kiln(&["submit", "home:admin:tools", &archive.source("fail-hello", ""), "--wait"]);
    assert_eq!(ran.code(), 1, "{}", ran.stderr());
    assert!(
        ran.stderr().contains("error: build 1 failed: debian-12-x86_64: fake ended with exit status 1"),
        "{}",
        ran.stderr()
    );
    let unresolvable = archive.source("other", "Build-Depends: nosuch\n");
    let ran = server.kiln(&["submit", "home:admin:tools", &unresolvable, "--wait"]);
    assert!(ran.code() == 1 && ran.stderr().contains("nosuch"), "{}", ran.stderr());
}

#[test]
fn a_running_job_is_handed_back_and_runs_again_after_the_restart() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    let server = server_of(folder.path(), &archive);
    let source = archive.source("wait-hello", "");
    let build = server.json(&["submit", "home:admin:tools", &source])["build"].as_i64().unwrap();
    server.wait_for(build, "running");
    assert_eq!(server.terminate().code(), Some(0));
    let server = Server::start(folder.path(), &[]);
    let again = server.wait_for(build, "running");
    assert_eq!(again["build"]["tasks"][0]["state"], "running");
    server.json(&["cancel", &build.to_string()]);
    let canceled = server.wait_for(build, "canceled");
    assert_eq!(canceled["tasks"][0]["cause"]["code"], "canceled");
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_server_that_is_given_time_ends_its_jobs_before_itself() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    drop(server_of(folder.path(), &archive));
    let server = Server::start(folder.path(), &["--drain-seconds", "60"]);
    let source = archive.source("slow-hello", "");
    let build = server.json(&["submit", "home:admin:tools", &source])["build"].as_i64().unwrap();
    server.wait_for(build, "running");
    assert_eq!(server.terminate().code(), Some(0));
    let server = Server::start(folder.path(), &[]);
    let answer = server.json(&["status", &build.to_string()]);
    assert_eq!(
        (&answer["state"], &answer["tasks"][0]["task"]["attempts"]),
        (&"succeeded".into(), &1.into()),
        "{answer}"
    );
}

#[test]
fn every_command_answers_machines_in_json() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    let server = server_of(folder.path(), &archive);
    let source = archive.source("hello", "");
    let answer = server.json(&["submit", "home:admin:tools", &source, "--wait"]);
    assert_eq!(answer["state"], "succeeded");
    let answer = server.json(&["status", "1"]);
    assert_eq!(answer["tasks"][0]["phases"][0]["phase"], "recipe", "{answer}");
    assert!(answer["tasks"][0]["phases"][0]["duration_ms"].is_u64(), "{answer}");
    assert!(server.kiln(&["status", "1"]).stdout().contains("    recipe 0."));
    let out = folder.path().join("out").display().to_string();
    let project = "home:admin:tools";
    let commands: [&[&str]; 13] = [
        &["status"],
        &["log", "1"],
        &["log", "--follow", "1"],
        &["download", "1", "--output", &out],
        &["dist", "list"],
        &["dist", "refresh", "Debian:12"],
        &["project", "list"],
        &["project", "show", project],
        &["project", "config", project],
        &["user", "show"],
        &["delete", "1"],
        &["project", "disable", project, "debian-12-x86_64"],
        &["project", "delete", project],
    ];
    for command in commands {
        let ran = server.kiln(&[&["--json"], command].concat());
        assert_eq!(ran.code(), 0, "{command:?}: {}", ran.stderr());
        assert!(!ran.stdout().is_empty(), "{command:?}");
        for line in ran.stdout().lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{command:?}: {line}"));
            assert!(value.is_object(), "{command:?}: {line}");
        }
    }
}

#[test]
fn kills_in_the_middle_of_builds_lose_nothing() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    let mut server = server_of(folder.path(), &archive);
    let mut builds = Vec::new();
    for round in 0..3 {
        for _ in 0..3 {
            let source = archive.source("hello", "");
            builds.push(server.json(&["submit", "home:admin:tools", &source])["build"].as_i64().unwrap());
        }
        std::thread::sleep(Duration::from_millis(40 + 150 * round));
        drop(server);
        server = Server::start(folder.path(), &[]);
    }
    for build in builds {
        server.wait_for(build, "succeeded");
    }
    server.url_until_found("/repositories/home:admin:tools/debian-12/dists/debian-12/InRelease");
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_local_build_needs_no_server() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    let source = folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    let files: [(&str, &[u8]); 1] = [("content.tar", b"content")];
    std::fs::write(source.join("content.tar"), "content").unwrap();
    let keyring = archive.folder.path().join("keys.gpg");
    let mirror = archive.server.url("debian");
    for (name, code) in [("hello", 0), ("hello", 0), ("fail-hello", 1)] {
        let recipe = source.join(format!("{name}_1.0-1.dsc"));
        std::fs::write(&recipe, testkit::deb::description(name, "1.0-1", "", &files)).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_kiln"))
            .args(["build", "--dist", "debian-12", "--fake-engine", "--mirror", &mirror, "--security", &mirror])
            .args(["--arch", "x86_64", "--keyring"])
            .args([&keyring, &recipe])
            .arg("--output")
            .arg(folder.path().join("out"))
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{out}{err}");
        let package = folder.path().join(format!("out/{name}_1.0-1_amd64.deb"));
        assert_eq!(package.is_file(), code == 0, "{out}{err}");
    }
}
