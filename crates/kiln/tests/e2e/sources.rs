//! Sources that jobs make, with the real engine and the machine's own Debian mirror.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testkit::http::HttpServer;

use crate::demo;
use crate::kit::Server;

/// A script that leaves a source package whose only binary is an empty one.
const SCRIPT: &str = r"#!/bin/sh -eu
mkdir -p made-1.0/debian/source out
cd made-1.0
echo '3.0 (native)' > debian/source/format
printf 'made (1.0) unstable; urgency=low\n\n  * Made.\n\n -- Nobody <nobody@example.org>  Sat, 21 Nov 2026 20:00:00 +0000\n' > debian/changelog
printf 'Source: made\nMaintainer: Nobody <nobody@example.org>\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: made\nArchitecture: all\nDescription: made by a script\n' > debian/control
printf '#!/usr/bin/make -f\n%%:\n\tdh $@\n' > debian/rules
chmod +x debian/rules
cd ../out
dpkg-source -b ../made-1.0
echo the script has run as $(id -un), was told $(cat ../hook_payload)
";

/// A server with Debian 12 and a project `home:admin:sources`.
fn server(folder: &Path) -> Server {
    let server = Server::start_with_engine(folder, &[]);
    server.json(&["dist", "add", "debian-12"]);
    server.json(&["project", "create", "home:admin:sources", "--target", "debian-12-x86_64"]);
    server
}

fn build(server: &Server, kind: &str, mut body: Value) -> i64 {
    body["ownername"] = "admin".into();
    body["projectname"] = "sources".into();
    server.post(&format!("/api_3/build/create/{kind}"), &body)["id"].as_i64().unwrap()
}

/// The project's number and its new secret.
fn hook(server: &Server) -> (Value, String) {
    let secret = server.post("/api_3/webhook/generate/admin/sources", &json!({}))["webhook_secret"].clone();
    let project = server.json(&["project", "show", "home:admin:sources"])["project"]["id"].clone();
    (project, secret.as_str().unwrap().to_owned())
}

/// A repository on loopback, with a folder debian: found, cloned, made a source package of, and built; then its hook.
fn checkout_is_built(server: &Server) {
    let (folder, web) = (tempfile::tempdir().unwrap(), HttpServer::start());
    let work = folder.path().join("greet");
    let run = |program: &str, words: &[&str], place: &Path| {
        let output = Command::new(program).args(words).current_dir(place).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::create_dir(&work).unwrap();
    // The tree that the script makes, without the packing.
    let tree = SCRIPT.split("cd ../out").next().unwrap().replace("made-1.0", ".").replace("made", "greet");
    run("sh", &["-c", &tree], &work);
    let git = |words: &[&str], place: &Path| {
        run("git", &[&["-c", "user.name=N", "-c", "user.email=n@example.org"], words].concat(), place);
    };
    git(&["init", "--quiet"], &work);
    git(&["add", "--all"], &work);
    git(&["commit", "--quiet", "--message", "one"], &work);
    git(&["clone", "--quiet", "--bare", "greet", "greet.git"], folder.path());
    git(&["update-server-info"], &folder.path().join("greet.git"));
    web.put_folder("greet.git", &folder.path().join("greet.git"));
    let url = web.url("greet.git");
    let definition = json!({"clone_url": url, "webhook_rebuild": true});
    server.post("/api_3/package/add/admin/sources/hooked/scm", &definition);
    let (project, secret) = hook(server);
    let payload = json!({"ref": "refs/heads/next", "repository": {"clone_url": url, "default_branch": "main"}});
    server.post(&format!("/webhooks/github/{project}/{secret}/"), &payload);
    let payload = json!({"ref": "refs/heads/main", "repository": {"clone_url": url, "default_branch": "main"}});
    server.post(&format!("/webhooks/github/{project}/{secret}/"), &payload);
    let answer = server.wait_for(2, "succeeded");
    assert_eq!((&answer["build"]["package"], &answer["build"]["version"]), (&"hooked".into(), &"1.0".into()));
    let wrong = build(server, "scm", json!({"clone_url": url, "committish": "nosuch"}));
    let failed = server.wait_for(wrong, "failed");
    assert!(failed["build"]["source_failure"].to_string().contains("no branch, tag or commit nosuch"), "{failed}");
    let gem = build(server, "rubygems", json!({"gem_name": "rails"}));
    let failed = server.wait_for(gem, "failed");
    assert!(
        failed["build"]["source_failure"].to_string().contains("spec file is what is made of a Ruby gem"),
        "{failed}"
    );
}

#[test]
fn sources_are_made_in_a_root_and_built() {
    if let Some(reason) = demo::missing() {
        println!("skipped: {reason}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let definition = json!({"script": SCRIPT, "script_chroot": "debian-12-x86_64", "script_resultdir": "out",
        "script_builddeps": "dpkg-dev"});
    server.post("/api_3/package/add/admin/sources/made/custom", &definition);
    let (project, secret) = hook(&server);
    let id = server.post(&format!("/webhooks/custom/{project}/{secret}/made/"), &json!({"why": "posted"}));
    let id = id.as_i64().unwrap();
    let answer = server.wait_for(id, "succeeded");
    assert_eq!(answer["build"]["package"], "made");
    let log = server.url_until_found(&format!("/results/admin/sources/srpm-builds/{id:08}/builder-live.log"));
    assert!(
        log.contains("the script has run as abuild, was told {\"why\":\"posted\"}")
            && log.contains("collecting results"),
        "{log}"
    );
    checkout_is_built(&server);
    let task = answer["source_task"].as_i64().unwrap();
    assert!(server.url_until_found(&format!("/api/kiln/v1/tasks/{task}/log")).contains("running collect"));
}
