//! Kiln's own client.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::kit::{Server, offer_targets};

#[test]
fn exit_codes_say_what_kind_of_failure_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    offer_targets(folder.path());
    assert_eq!(server.kiln(&["user", "show"]).code(), 0);
    assert_eq!(server.kiln(&["project", "create", "home:admin:tools", "--target", "debian-12-x86_64"]).code(), 0);
    let cases: [(&[&str], i32, &str); 7] = [
        (&["nonsense"], 2, "error:"),
        (&["project", "create", "home:admin:"], 2, "error:"),
        (&["project", "create", "home:admin:x", "--target", "nosuch-1-x86_64"], 2, "help:"),
        (&["status", "99"], 4, "error: there is no build 99"),
        (&["submit", "home:admin:tools", "/nosuch.dsc"], 4, "error:"),
        (&["project", "create", "home:admin:tools"], 5, "error: there is a project home:admin:tools already"),
        (&["--url", "http://127.0.0.1:1", "status"], 6, "help: is `kiln serve` running there?"),
    ];
    for (arguments, code, words) in cases {
        let ran = server.kiln(arguments);
        assert_eq!(ran.code(), code, "{arguments:?}: {}", ran.stderr());
        assert!(ran.stderr().contains(words) && ran.stdout().is_empty(), "{arguments:?}: {}", ran.stderr());
    }
    let json = server.kiln(&["--json", "status", "99"]);
    let error: serde_json::Value = serde_json::from_str(&json.stderr()).unwrap();
    assert_eq!(error["error"]["code"], "missing");
}

#[test]
fn a_user_without_the_right_is_denied() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.kiln(&["user", "create", "alice"]).code(), 0);
    let token = server.kiln(&["token", "alice"]);
    let config = folder.path().join("alice");
    std::fs::write(&config, token.stdout()).unwrap();
    let config = config.display().to_string();
    assert_eq!(server.json(&["--config", &config, "user", "show"])["user"], "alice");
    let denied = server.kiln(&["--config", &config, "project", "create", "home:admin:tools"]);
    assert_eq!((denied.code(), denied.stderr().lines().count()), (3, 2), "{}", denied.stderr());
    std::fs::write(folder.path().join("alice"), format!("[copr-cli]\ncopr_url = {}\n", server.url)).unwrap();
    assert_eq!(server.kiln(&["--config", &config, "project", "create", "home:alice:tools"]).code(), 3);
}

#[test]
fn an_idle_server_is_small_and_sleeps() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    std::thread::sleep(Duration::from_secs(2));
    // Work that belongs together is done within a tenth of a second; more than one such piece a second is polling.
    let mut busy = 0;
    let mut before = server.voluntary_switches();
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(100));
        let now = server.voluntary_switches();
        busy += u32::from(now != before);
        before = now;
    }
    assert!(busy <= 10, "awake in {busy} of 100 tenths of a second");
    assert!(server.resident_kilobytes() < 100 * 1024, "{} kB", server.resident_kilobytes());
}

#[test]
fn the_first_start_alone_shows_the_token_and_the_settings_are_for_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let token = server.ready["admin"]["token"].as_str().unwrap().to_owned();
    assert_eq!(server.ready["admin"]["user"], "admin");
    let settings = std::fs::read_to_string(server.config()).unwrap();
    assert!(settings.contains(&token) && settings.contains(&server.url), "{settings}");
    assert_eq!(std::fs::metadata(server.config()).unwrap().permissions().mode() & 0o777, 0o600);
    drop(server);
    let server = Server::start(folder.path(), &[]);
    assert!(server.ready["admin"].is_null(), "{}", server.ready);
    assert_eq!(server.json(&["user", "show"])["user"], "admin");
    let settings = std::fs::read_to_string(server.config()).unwrap();
    assert!(settings.contains(&token), "a token that works is kept");
}
