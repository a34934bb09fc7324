//! Explanations and impacts, as people and scripts get them.

use crate::builds::{now, server_of};
use crate::kit::Server;
use testkit::archive::Archive;

const PACKAGES: &str = "
    P: cc-one provides cc
    P: cc-two provides cc requires libc6
    P: libc6 2.36-9 amd64
";

fn submitted(server: &Server, archive: &Archive, name: &str, fields: &str) {
    server.json(&["submit", "home:admin:tools", &archive.source(name, fields)]);
    server.wait_for(1, "failed");
}

#[test]
fn a_choice_is_explained_and_the_offered_line_makes_the_build_possible() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), Archive::new(PACKAGES, now()));
    let server = server_of(folder.path(), &archive);
    submitted(&server, &archive, "app", "Build-Depends: cc\n");
    let why = ["why", "home:admin:tools/app", "debian-12", "x86_64"];
    let ran = server.kiln(&why);
    assert_eq!(
        ran.stdout().lines().take(5).collect::<Vec<_>>(),
        [
            "home:admin:tools/app debian-12-x86_64: unresolvable",
            "1. have choice for cc: cc-one cc-two",
            "   └─ asked for by the recipe",
            "   fix: Prefer: cc-one (tried: root of 30 packages)",
            "   fix: Prefer: cc-two (tried: root of 31 packages)",
        ],
        "{}{}",
        ran.stdout(),
        ran.stderr()
    );
    let json = server.json(&why);
    let line = json["why"]["remedy"]["lines"][0].as_str().unwrap().to_owned();
    assert_eq!(line, "Prefer: cc-one");

    // What the line would do, before it does it.
    let file = folder.path().join("new.conf");
    std::fs::write(&file, format!("{line}\n")).unwrap();
    let file = file.display().to_string();
    let impact = ["config", "impact", "home:admin:tools", "--config", &file];
    let ran = server.kiln(&impact);
    assert!(
        ran.stdout().starts_with(
            "debian-12-x86_64: of 1 packages 0 become unresolvable, 1 resolvable, 0 change their root, 1 would rebuild\n  \
             app: can be built then\n"
        ),
        "{}{}",
        ran.stdout(),
        ran.stderr()
    );
    assert_eq!(server.json(&impact)["targets"][0]["become_resolvable"], 1);

    server.json(&["project", "config", "home:admin:tools", "--set", &file]);
    let one = [&why[..], &["cc"]].concat();
    let ran = server.kiln(&one);
    assert_eq!(
        ran.stdout(),
        "home:admin:tools/app debian-12-x86_64: can be built\ncc is in the root: cc-one\n└─ the recipe\n   └─ cc-one 1 \
         (cc; Prefer: cc-one (home:admin:tools:1), not cc-two)\n"
    );
    assert_eq!(server.kiln(&["why", "home:admin:tools/other", "debian-12", "x86_64"]).code(), 4);
    assert_eq!(server.kiln(&["why", "home:admin:tools", "debian-12", "x86_64"]).code(), 2);
}
