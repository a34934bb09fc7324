//! Sources that jobs make, with the real engine and the machine's own Debian mirror.

use std::path::Path;

use serde_json::{Value, json};

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
echo the script has run as $(id -un)
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

#[test]
fn sources_are_made_in_a_root_and_built() {
    if let Some(reason) = demo::missing() {
        println!("skipped: {reason}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let id = build(
        &server,
        "custom",
        json!({"script": SCRIPT, "chroot": "debian-12-x86_64", "resultdir": "out", "builddeps": "dpkg-dev"}),
    );
    let answer = server.wait_for(id, "succeeded");
    assert_eq!(answer["build"]["package"], "made");
    let log = server.url_until_found(&format!("/results/admin/sources/srpm-builds/{id:08}/builder-live.log"));
    assert!(log.contains("the script has run as abuild") && log.contains("collecting results"), "{log}");
    let task = answer["source_task"].as_i64().unwrap();
    assert!(server.url_until_found(&format!("/api/kiln/v1/tasks/{task}/log")).contains("running collect"));
}
