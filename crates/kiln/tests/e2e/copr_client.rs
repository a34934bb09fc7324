//! The historic Copr client, unmodified, from its package.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::http::{HttpServer, Trouble};

use crate::builds::{now, server_of};
use crate::kit::{Server, offer_targets};
use testkit::archive::Archive;

const PACKAGE: &str = "copr==1.110";
const TODAY: &[&str] = &["copr==2.7", "copr-cli==2.6"];

/// An interpreter that has the client of 2015; `None` if it can not be had here.
pub(crate) fn historic_python() -> Option<PathBuf> {
    python("copr-1.110", &[PACKAGE], "copr.client_v2.client")
}

/// An interpreter that has packages of which one can import a module; `None` if it can not be had here.
pub(crate) fn python(name: &str, packages: &[&str], import: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let interpreter = folder.join("bin/python");
    let works = |interpreter: &Path| {
        let tried = Command::new(interpreter).args(["-W", "ignore", "-c", &format!("import {import}")]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    if works(&interpreter) {
        return Some(interpreter);
    }
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).output();
    let made = made.is_ok_and(|output| output.status.success());
    let install = || Command::new(&interpreter).args(["-m", "pip", "install", "--quiet"]).args(packages).status();
    (made && install().is_ok_and(|status| status.success()) && works(&interpreter)).then_some(interpreter)
}

#[test]
fn the_historic_client_works_unmodified() {
    let Some(python) = historic_python() else {
        eprintln!("skipped: pip can not install {PACKAGE} here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    offer_targets(folder.path());
    // A source that never comes: its builds stay unfinished until they are canceled.
    let sources = HttpServer::start();
    sources.put("hello_2.10-3.dsc", "Format: 3.0 (quilt)\nSource: hello\nVersion: 2.10-3\n");
    sources.misbehave("hello_2.10-3.dsc", Trouble::Stall, 1000);
    let file = folder.path().join("broken_1.0-1.dsc");
    std::fs::write(&file, "no recipe\n").unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/copr_session.py");
    let output = Command::new(python)
        .arg(script)
        .arg(server.config())
        .arg(sources.url("hello_2.10-3.dsc"))
        .arg(&file)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim_end().ends_with("session ok"), "{out}\n{err}");
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn every_command_of_todays_tools_works_or_is_refused_in_words() {
    let Some(python) = python("copr-2.7", TODAY, "copr_cli.main") else {
        eprintln!("skipped: pip can not install {TODAY:?} here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::new("P: debhelper\nP: git\nP: ca-certificates\nP: dpkg-dev\n", now());
    let server = server_of(folder.path(), &archive);
    offer_targets(folder.path());
    server.json(&["user", "create", "bob"]);
    server.json(&["group", "create", "team"]);
    server.json(&["group", "add", "team", "admin"]);
    let bob = folder.path().join("bob");
    std::fs::write(&bob, server.kiln(&["token", "bob"]).stdout()).unwrap();
    let source = archive.source("hello", "Build-Depends: debhelper\n");
    let file = folder.path().join("broken_1.0-1.dsc");
    std::fs::write(&file, "no recipe\n").unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/copr_cli_session.py");
    let output = Command::new(&python)
        .arg(script)
        .arg(python.with_file_name("copr-cli"))
        .args([server.config(), bob])
        .arg(source)
        .args([file.as_path(), folder.path()])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim_end().ends_with("session ok"), "{out}\n{err}");
    assert_eq!(server.terminate().code(), Some(0));
}
