//! Web hooks, as forges send them.

use serde_json::{Value, json};

use crate::kit::World;

/// A world with a project that has packages of one repository.
struct Bed {
    world: World,
    secret: String,
}

async fn bed() -> Bed {
    let world = World::new().await;
    world.project("p").await;
    let secret = world.call("alice", "POST", "/api_3/webhook/generate/alice/p", Value::Null).await.json();
    let secret = secret["webhook_secret"].as_str().unwrap().to_owned();
    for (name, committish, folder, rebuild) in
        [("k", "", "", true), ("k-doc", "main", "doc", true), ("next", "next", "", true), ("manual", "", "", false)]
    {
        let url = "https://forge.example/a/x.git";
        let body =
            json!({"clone_url": url, "committish": committish, "subdirectory": folder, "webhook_rebuild": rebuild});
        let answer = world.call("alice", "POST", &format!("/api_3/package/add/alice/p/{name}/scm"), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    Bed { world, secret }
}

impl Bed {
    async fn post(&self, path: &str, event: (&str, &str), payload: String) -> (u16, String) {
        let path = format!("/webhooks/{}", path.replace("SECRET", &self.secret));
        let answer = self.world.send(self.world.request("POST", &path).header(event.0, event.1).body(payload)).await;
        (answer.status, answer.text())
    }

    /// The packages that a hook builds. What it began is canceled, so that the next one begins anew.
    async fn built_by(&self, path: &str, event: (&str, &str), payload: &Value) -> Vec<String> {
        assert_eq!(self.post(path, event, payload.to_string()).await, (200, "OK\n".to_owned()), "{payload}");
        let listed = self.world.get("/api_3/build/list?ownername=alice&projectname=p").await.json();
        let mut found = Vec::new();
        for build in listed["items"].as_array().unwrap().iter().filter(|build| build["state"] != "canceled") {
            assert_eq!((&build["submitter"], &build["is_background"]), (&json!(null), &json!(true)));
            found.push(build["source_package"]["name"].as_str().unwrap().to_owned());
            let path = format!("/api_3/build/cancel/{}", build["id"]);
            assert_eq!(self.world.call("alice", "PUT", &path, Value::Null).await.status, 200);
        }
        found.sort();
        found
    }

    async fn github(&self, payload: &Value) -> Vec<String> {
        self.built_by("github/1/SECRET/", ("x-github-event", "push"), payload).await
    }
}

fn repository() -> Value {
    json!({"clone_url": "https://forge.example/a/x.git", "default_branch": "main"})
}

fn push(branch: &str, files: &[&str]) -> Value {
    let commits: Vec<Value> =
        files.iter().map(|file| json!({"added": [], "modified": [file], "removed": []})).collect();
    json!({"ref": format!("refs/heads/{branch}"), "after": "12", "repository": repository(), "commits": commits})
}

#[tokio::test]
async fn hooks_need_the_secret_and_are_answered_in_words() {
    let bed = bed().await;
    let plain = ("x-test", "");
    let words = async |path: &str, payload: &str| bed.post(path, plain, payload.to_owned()).await;
    let text = push("main", &[]).to_string();
    assert_eq!(words("github/1/wrong/", &text).await, (403, "BAD_UUID\n".to_owned()));
    assert_eq!(words("github/1/SECRETx/", &text).await.0, 403);
    assert_eq!(words("github/99/SECRET/", &text).await, (404, "PROJECT_NOT_FOUND\n".to_owned()));
    assert_eq!(words("sourceforge/1/SECRET/", &text).await, (404, "FORGE_NOT_FOUND\n".to_owned()));
    assert_eq!(words("github/1/SECRET/nosuch/", &text).await, (404, "PACKAGE_NOT_FOUND\n".to_owned()));
    assert_eq!(words("custom/1/SECRET/", "{}").await, (400, "PACKAGE_NAME_REQUIRED\n".to_owned()));
    assert_eq!(words("custom/1/SECRET/nosuch/", "{}").await, (404, "PACKAGE_NOT_FOUND\n".to_owned()));
    assert_eq!(words("custom-dir/alice/nosuch/SECRET/k/", "{}").await, (404, "PROJECT_NOT_FOUND\n".to_owned()));
    assert_eq!(words("github/1/SECRET/", "{}").await, (200, "OK\n".to_owned()));
    let refused = words("github/1/SECRET/", "{\"ref\": [").await;
    assert!(refused.0 == 400 && refused.1.starts_with("the payload can not be read: "), "{refused:?}");
    let listed = bed.world.get("/api_3/build/list?ownername=alice&projectname=p").await.json();
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn a_push_builds_the_packages_of_its_branch_whose_files_have_changed() {
    let bed = bed().await;
    assert_eq!(bed.github(&push("main", &["README"])).await, ["k"]);
    assert_eq!(bed.github(&push("main", &["README", "doc/k.spec"])).await, ["k", "k-doc"]);
    assert_eq!(bed.github(&push("main", &[])).await, ["k", "k-doc"], "no commits are listed, so all count");
    assert_eq!(bed.github(&push("next", &["README"])).await, ["next"]);
    assert_eq!(bed.github(&push("other", &["doc/k.spec"])).await, [""; 0]);
    let mut elsewhere = push("main", &[]);
    elsewhere["repository"]["clone_url"] = "https://forge.example/a/x2.git".into();
    assert_eq!(bed.github(&elsewhere).await, [""; 0]);
    let ping = bed.built_by("github/1/SECRET/", ("x-github-event", "ping"), &push("main", &[])).await;
    assert_eq!(ping, [""; 0]);
}

#[tokio::test]
async fn a_tag_builds_the_package_it_is_called_after() {
    let bed = bed().await;
    let tag = |name: &str| json!({"ref": format!("refs/tags/{name}"), "repository": repository(), "commits": []});
    assert_eq!(bed.github(&tag("k-1.0-1")).await, ["k"]);
    assert_eq!(bed.github(&tag("k-doc-1.0-1")).await, ["k-doc"]);
    assert_eq!(bed.github(&tag("nosuch-1.0-1")).await, [""; 0]);
    assert_eq!(bed.github(&tag("v1.0")).await, ["k", "k-doc", "next"]);
    let created = json!({"ref": "k-1.0", "ref_type": "tag", "repository": repository()});
    assert_eq!(bed.built_by("github/1/SECRET/", ("x-github-event", "create"), &created).await, ["k"]);
}

#[tokio::test]
async fn every_forge_has_its_shape() {
    let bed = bed().await;
    let gitlab = json!({"object_kind": "push", "ref": "refs/heads/main", "total_commits_count": 1,
        "commits": [{"added": [], "modified": ["x"], "removed": []}],
        "project": {"git_http_url": "https://forge.example/a/x.git", "default_branch": "main"}});
    assert_eq!(bed.built_by("gitlab/1/SECRET/", ("x-gitlab-event", "Push Hook"), &gitlab).await, ["k"]);
    let bitbucket = json!({"push": {"changes": [{"new": {"type": "branch", "name": "next"}}]},
        "repository": {"links": {"html": {"href": "https://forge.example/a/x"}}}});
    // Which branch is the default one it does not say.
    assert_eq!(bed.built_by("bitbucket/1/SECRET/", ("x-event-key", "repo:push"), &bitbucket).await, ["k", "next"]);
}

#[tokio::test]
async fn a_package_in_the_address_is_the_only_one() {
    let bed = bed().await;
    let event = ("x-github-event", "push");
    assert_eq!(bed.built_by("github/1/SECRET/k/", event, &push("main", &["doc/x"])).await, ["k"]);
    assert_eq!(bed.built_by("github/1/SECRET/k-doc/", event, &push("main", &["x"])).await, [""; 0]);
    assert_eq!(bed.built_by("github/1/SECRET/manual/", event, &push("main", &["x"])).await, [""; 0]);
    let tag = json!({"ref": "refs/tags/v1.0-beta-2", "repository": repository()});
    assert_eq!(bed.built_by("github/1/SECRET/next/", event, &tag).await, ["next"]);
}

#[tokio::test]
async fn a_hook_of_ones_own_builds_its_package_and_tells_the_number() {
    let bed = bed().await;
    for path in ["custom/1/SECRET/manual/", "custom-dir/alice/p/SECRET/manual"] {
        let (status, number) = bed.post(path, ("x-test", ""), "anything".to_owned()).await;
        assert_eq!((status, number.as_str()), (200, "1\n"), "one that waits sees every change until it begins");
    }
    let build = bed.world.get("/api_3/build/1").await.json();
    assert_eq!(build["source_package"]["name"], "manual");
}

#[tokio::test]
async fn a_payload_is_bounded() {
    let bed = bed().await;
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(8 << 20));
    assert_eq!(bed.post("github/1/SECRET/", ("x-test", ""), large.clone()).await.0, 413);
    assert_eq!(bed.post("custom/1/SECRET/k/", ("x-test", ""), large).await.0, 413);
    let deep = format!("{{\"repository\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(bed.post("github/1/SECRET/", ("x-test", ""), deep).await.0, 400);
    let files: Vec<String> = (0..100_000).map(|number| format!("doc/{number}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let mut many = push("main", &[]);
    many["commits"] = json!([{"added": files}]);
    assert_eq!(bed.github(&many).await, ["k", "k-doc"]);
}
