//! The historic Copr client, unmodified, from its package.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::http::{HttpServer, Trouble};

use crate::kit::{Server, offer_targets};

const PACKAGE: &str = "copr==1.110";

/// An interpreter that has the client; `None` if it can not be had here.
pub(crate) fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("copr-1.110");
    let interpreter = folder.join("bin/python");
    let works = |interpreter: &Path| {
        let tried = Command::new(interpreter).args(["-W", "ignore", "-c", "import copr.client_v2.client"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    if works(&interpreter) {
        return Some(interpreter);
    }
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).output();
    let made = made.is_ok_and(|output| output.status.success());
    let install = || Command::new(&interpreter).args(["-m", "pip", "install", "--quiet", PACKAGE]).status();
    (made && install().is_ok_and(|status| status.success()) && works(&interpreter)).then_some(interpreter)
}

#[test]
fn the_historic_client_works_unmodified() {
    let Some(python) = python() else {
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
