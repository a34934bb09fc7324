//! The description of API v3 held against the server by schemathesis, a program from PyPI that makes up requests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::copr_client::python;
use crate::kit::{Server, offer_targets};

const PACKAGE: &str = "schemathesis==4.32.5";

/// What is checked of each answer. Left out, with the reason:
/// `negative_data_rejection`, for Copr's forms take nearly any text for a truth value or a list, and clients rely on it;
/// `positive_data_acceptance`, for whether a chroot or a user exists is not in the description;
/// `unsupported_method` and `allow_header_conformance`, for Copr answers 404 where 405 would be right;
/// `ignored_auth`, for its guesses would shut the door for everything else: `web`'s tests ask every route without a token.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,missing_required_header";

/// Longest run, in seconds; usual is a quarter of a minute on a machine that has nothing else to do.
const BOUND: u64 = 600;

/// Values that exist on the server, so that requests get further than to "there is no such project".
const SETTINGS: &str = r#"
[parameters]
ownername = "admin"
projectname = "p"
"path.owner" = "admin"
"path.project" = "p"
"path.id" = 1
build_id = 1
chrootname = "debian-12-x86_64"
"path.chroot" = "debian-12-x86_64"
"#;

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn schemathesis() -> Option<PathBuf> {
    let found = python("schemathesis-4.32.5", &[PACKAGE], "schemathesis");
    if found.is_none() {
        eprintln!("skipped: pip can not install {PACKAGE} here");
    }
    found
}

#[test]
fn the_server_is_as_its_description_says() {
    let Some(python) = schemathesis() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--workers=0"]);
    offer_targets(folder.path());
    server.json(&["project", "create", "home:admin:p", "--target", "debian-12-x86_64"]);
    server.json(&["submit", "home:admin:p", "http://127.0.0.1:1/hello_2.10-3.dsc"]);
    std::fs::write(folder.path().join("schemathesis.toml"), SETTINGS).unwrap();
    let output = run(&python, folder.path(), &server);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let summary = text.find("= SUMMARY =").map_or(text.as_str(), |at| &text[at..]);
    println!("{summary}");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(summary.contains("Test cases:"), "{text}");
    assert_eq!(server.json(&["user", "show"])["user"], "admin", "it still works, and the token too");
}

fn run(python: &Path, folder: &Path, server: &Server) -> std::process::Output {
    let mut command = Command::new("timeout");
    command.arg(BOUND.to_string()).arg(python).args(["-m", "schemathesis.cli", "run", "--url", &server.url]);
    command.arg(format!("{}/api_3/openapi.json", server.url));
    command.args(["--auth", &server.credentials(), "--checks", CHECKS, "--phases", "coverage,fuzzing"]);
    // Renewing the token would take the credentials of the run away; deleting the project what it looks at.
    command.args(["--exclude-path", "/api_3/api-token", "--exclude-path-regex", "/project/delete/|/build/delete/"]);
    command.args(["--seed", "1", "--max-examples", "6", "--no-shrink", "--no-color", "--warnings", "off"]);
    command.args(["--request-timeout", "20", "--continue-on-failure"]);
    command.current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}
