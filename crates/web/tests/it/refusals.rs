//! What Kiln can not do of Copr's interface is refused by its name, with what can be done instead, and nothing has happened.

use serde_json::{Value, json};

use crate::kit::World;

const BUILD: &str = "/api_3/build/create/url";
const SCM: &str = "/api_3/build/create/scm";
const CUSTOM: &str = "/api_3/build/create/custom";
const GEM: &str = "/api_3/build/create/rubygems";
const PROJECT: &str = "/api_3/project/edit/alice/p";
const CHROOT: &str = "/api_3/project-chroot/edit/alice/p/debian-12-x86_64";
const PACKAGE: &str = "/api_3/package/add/alice/p/k/scm";

fn requests() -> Vec<(&'static str, Value)> {
    let git = "https://example.org/x.git";
    vec![
        (BUILD, json!({"bootstrap": "image"})),
        (BUILD, json!({"bootstrap": "custom_image", "bootstrap_image": "registry.example.org/x"})),
        (BUILD, json!({"bootstrap": "nonsense"})),
        (BUILD, json!({"isolation": "nonsense"})),
        (BUILD, json!({"project_dirname": "p:custom:foo"})),
        (BUILD, json!({"project_dirname": "p:pr:1"})),
        (BUILD, json!({"project_dirname": "other"})),
        (BUILD, json!({"packit_forge_project": "forge.example.org/a/b"})),
        (BUILD, json!({"with_build_id": 1, "after_build_id": 1})),
        (SCM, json!({"clone_url": git, "scm_type": "svn"})),
        (SCM, json!({"clone_url": "ssh://git@example.org/x.git"})),
        (SCM, json!({"clone_url": git, "source_build_method": "nonsense"})),
        (CUSTOM, json!({"script": "#!/bin/sh\n", "chroot": "debian-12-x86_64", "repos": "http://example.org/r/"})),
        (GEM, json!({"gem_name": "-x"})),
        ("/api_3/build/create/rpm-upload", json!({})),
        (PROJECT, json!({"bootstrap": "image"})),
        (PROJECT, json!({"storage": "pulp"})),
        (PROJECT, json!({"multilib": true})),
        (PROJECT, json!({"fedora_review": true})),
        (PROJECT, json!({"appstream": true})),
        (PROJECT, json!({"packit_forge_projects_allowed": "forge.example.org/a/*"})),
        (PROJECT, json!({"persistent": true})),
        (PROJECT, json!({"auto_prune": false})),
        (PROJECT, json!({"repos": "copr://alice/nosuch"})),
        (CHROOT, json!({"bootstrap_image": "registry.example.org/x"})),
        (CHROOT, json!({"additional_modules": "m:1"})),
        (CHROOT, json!({"isolation": "nonsense"})),
        (CHROOT, json!({"reset_fields": "nonsense"})),
        (PACKAGE, json!({"clone_url": git, "chroot_denylist": "*-i386"})),
        (PACKAGE, json!({"clone_url": git, "max_builds": "101"})),
    ]
}

#[tokio::test]
async fn each_refusal_names_what_is_refused_and_changes_nothing() {
    let world = World::new().await;
    world.project("p").await;
    let state = async || {
        let mut state = String::new();
        for path in ["build/list", "project", "package/list"] {
            state += &world.get(&format!("/api_3/{path}?ownername=alice&projectname=p")).await.text();
        }
        let chroot = "/api_3/project-chroot?ownername=alice&projectname=p&chrootname=debian-12-x86_64";
        state + &world.get(chroot).await.text()
    };
    let before = state().await;
    let mut answers = String::new();
    for (path, fields) in requests() {
        let mut body = fields.clone();
        if path.starts_with("/api_3/build") {
            body["ownername"] = "alice".into();
            body["projectname"] = "p".into();
            if path == BUILD {
                body["pkgs"] = json!(["http://example.org/hello_1.dsc"]);
            }
        }
        let answer = world.call("alice", "POST", path, body).await;
        let error = answer.json()["error"].as_str().unwrap_or("(none)").to_owned();
        answers += &format!("{} {fields}\n  {} {error}\n", path.trim_start_matches("/api_3/"), answer.status);
    }
    assert_eq!(state().await, before, "what is refused changes nothing");
    expect_test::expect_file!["refusals.txt"].assert_eq(&answers);
}
