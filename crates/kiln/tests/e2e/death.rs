//! The end of the server: by request, and at any instant.

use std::time::{Duration, Instant};

use testkit::http::{HttpServer, Trouble};

use crate::kit::{Server, offer_targets};

#[test]
fn sigterm_ends_the_server_at_once_and_it_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    offer_targets(folder.path());
    let sources = HttpServer::start();
    sources.put("hello_2.10-3.dsc", "x");
    sources.misbehave("hello_2.10-3.dsc", Trouble::Stall, 1000);
    server.json(&["project", "create", "home:admin:tools", "--target", "debian-12-x86_64"]);
    let submitted = server.json(&["submit", "home:admin:tools", &sources.url("hello_2.10-3.dsc")]);
    let build = submitted["build"].as_i64().unwrap();
    server.wait_for(build, "importing");
    let begun = Instant::now();
    assert_eq!(server.terminate().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // The same data, another port, the same token.
    let server = Server::start(folder.path(), &[]);
    server.wait_for(build, "importing");
    server.json(&["cancel", &build.to_string()]);
    server.wait_for(build, "canceled");
    assert_eq!(server.kiln(&["delete", &build.to_string()]).code(), 0);
    assert_eq!(server.kiln(&["status", &build.to_string()]).code(), 4);
    assert_eq!(server.terminate().code(), Some(0));
}

/// Kills the server at random instants while builds are submitted; in the end nothing is lost and nothing hangs.
fn survives(kills: u32, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = seed;
    let mut accepted = Vec::new();
    let file = folder.path().join("broken_1.0-1.dsc");
    std::fs::write(&file, "no recipe\n").unwrap();
    let file = file.display().to_string();
    let first = Server::start(folder.path(), &[]);
    offer_targets(folder.path());
    first.json(&["project", "create", "home:admin:tools", "--target", "debian-12-x86_64"]);
    drop(first);
    for _ in 0..kills {
        let server = Server::start(folder.path(), &[]);
        // A xorshift: any sequence does, as long as it can be run again.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let instant = Instant::now() + Duration::from_millis(random % 700);
        while Instant::now() < instant {
            let ran = server.kiln(&["--json", "submit", "home:admin:tools", &file]);
            let answer: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
            accepted.push(answer["build"].as_i64().unwrap());
        }
        drop(server);
    }
    let server = Server::start(folder.path(), &[]);
    let mut unique = accepted.clone();
    unique.dedup();
    assert_eq!(unique, accepted, "no number is used twice");
    for build in accepted {
        server.wait_for(build, "failed");
        assert_eq!(server.kiln(&["delete", &build.to_string()]).code(), 0);
    }
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn three_kills_lose_nothing() {
    survives(3, 0x9e37_79b9_7f4a_7c15);
}

#[test]
#[ignore = "takes minutes; run it before a release"]
fn fifty_kills_lose_nothing() {
    survives(50, 0x2545_f491_4f6c_dd1d);
}
