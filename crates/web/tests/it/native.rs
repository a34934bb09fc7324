//! Kiln's own interface.

use std::time::Duration;

use model::{PathElement, ProjectName, RepositoryName};
use pkg::Arch;
use serde_json::{Value, json};
use service::{Target, TargetName};

use crate::kit::{World, form};

const BASE: &str = "/api/kiln/v1";

#[tokio::test]
async fn a_login_is_who_the_token_belongs_to() {
    let world = World::new().await;
    let mine = world.call("alice", "GET", &format!("{BASE}/login"), Value::Null).await.json();
    assert_eq!(mine, json!({"user": "alice", "admin": false}));
    let nobody = world.get(&format!("{BASE}/login")).await;
    assert_eq!((nobody.status, nobody.json()["error"]["code"].as_str()), (401, Some("denied")));
    let (login, token) = world.token("alice", Duration::ZERO).await;
    let expired = world.send(world.request("GET", &format!("{BASE}/login")).basic_auth(login, Some(token))).await;
    assert_eq!(expired.status, 401);
}

#[tokio::test]
async fn errors_have_a_code_and_help() {
    let world = World::new().await;
    let wanted = json!({"name": "home:alice:p", "targets": ["nosuch-1-x86_64"]});
    let answer = world.call("alice", "POST", &format!("{BASE}/projects"), wanted).await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (400, Some("invalid")));
    assert!(answer.json()["error"]["help"].is_string());
    let other = world.call("bob", "POST", &format!("{BASE}/projects"), json!({"name": "home:alice:p"})).await;
    assert_eq!((other.status, other.json()["error"]["code"].as_str()), (403, Some("denied")));
    for (path, status) in
        [("/projects/nosuch", 404), ("/builds/7", 404), ("/builds/x", 404), ("/nosuch", 404), ("/tasks/1/log", 404)]
    {
        let answer = world.get(&format!("{BASE}{path}")).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (status, Some("missing")), "{path}");
    }
}

#[tokio::test]
async fn a_task_that_does_not_run_says_why() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    let path = format!("{BASE}/builds/{build}");
    let cause = async || world.get(&path).await.json()["tasks"][0]["cause"]["code"].as_str().map(str::to_owned);
    assert_eq!(cause().await.as_deref(), Some("source_pending"));
    world.prepare(build).await;
    assert_eq!(cause().await.as_deref(), Some("scheduled"));
    let job = world.claim().await;
    assert_eq!(cause().await, None);
    world.fail(job).await;
    assert_eq!(cause().await.as_deref(), Some("recipe"));
    let answer = world.get(&path).await.json();
    assert_eq!(answer["tasks"][0]["cause"]["message"], "dpkg-buildpackage ended with exit status 2");
    assert_eq!((answer["state"].as_str(), answer["finished"].as_bool()), (Some("failed"), Some(true)));
}

#[tokio::test]
async fn a_recipes_signature_is_shown_to_machines_and_people() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    let (path, page) = (format!("{BASE}/builds/{build}"), format!("/builds/{build}"));
    assert!(world.get(&path).await.json()["build"]["source_signature"].is_null());
    assert!(!world.get(&page).await.text().contains("Signature"));
    let mut session = world.store.write().await.unwrap();
    let signature = model::SourceSignature::UnknownKey { keys: vec!["AB<12".to_owned()] };
    session.put_source_signature(model::BuildId::new(build), &signature).await.unwrap();
    session.commit().await.unwrap();
    let answer = world.get(&path).await.json();
    let expected = serde_json::json!({"code": "unknown_key", "keys": ["AB<12"]});
    assert_eq!(answer["build"]["source_signature"], expected);
    let text = world.get(&page).await.text();
    assert!(text.contains("<dt>Signature</dt><dd>not verified: no keyring for sources has AB&lt;12</dd>"), "{text}");
}

#[tokio::test]
async fn a_log_is_followed_to_its_end() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    world.prepare(build).await;
    let task = world.get(&format!("{BASE}/builds/{build}")).await.json()["tasks"][0]["task"]["id"].clone();
    let path = format!("{BASE}/tasks/{task}/log");
    assert_eq!(world.get(&path).await.status, 404);
    let mut follower = world.request("GET", &format!("{path}?follow=1")).send().await.unwrap();
    let job = world.claim().await;
    world.log(job, "first line\n");
    let mut followed = follower.chunk().await.unwrap().unwrap().to_vec();
    world.log(job, "second line\n");
    world.succeed(job, b"package").await;
    while let Some(piece) = follower.chunk().await.unwrap() {
        followed.extend_from_slice(&piece);
    }
    let whole = world.get(&path).await;
    assert_eq!(String::from_utf8(followed).unwrap(), whole.text());
    assert!(whole.text().contains("first line\nsecond line\n"), "{}", whole.text());
    let part = world.send(world.request("GET", &path).header("range", "bytes=6-9")).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[6..10]));
    let rest = world.get(&format!("{path}?follow=1&offset=6")).await;
    assert_eq!(rest.body, whole.body[6..]);
}

#[tokio::test]
async fn a_follower_does_not_outlive_the_server() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    world.prepare(build).await;
    world.claim().await;
    let task = world.get(&format!("{BASE}/builds/{build}")).await.json()["tasks"][0]["task"]["id"].clone();
    let follower = world.request("GET", &format!("{BASE}/tasks/{task}/log?follow=1")).send().await.unwrap();
    world.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), follower.bytes()).await;
    assert!(ended.is_ok(), "the stream must end when the server stops");
}

#[tokio::test]
async fn results_are_downloaded_with_their_digest() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    world.prepare(build).await;
    let job = world.claim().await;
    world.succeed(job, b"package").await;
    let task = world.get(&format!("{BASE}/builds/{build}")).await.json()["tasks"][0]["task"]["id"].clone();
    let results = world.get(&format!("{BASE}/tasks/{task}/results")).await.json();
    let file = &results["results"][0]["file"];
    let path = format!("{BASE}/tasks/{task}/results/{}", file["name"].as_str().unwrap());
    let answer = world.get(&path).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"package".as_slice()));
    let etag = format!("\"{}\"", file["sha256"].as_str().unwrap());
    assert_eq!(answer.header("etag"), Some(etag.as_str()));
    let again = world.send(world.request("GET", &path).header("if-none-match", etag)).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let environment = world.get(&format!("{BASE}/tasks/{task}/environment")).await.json();
    assert_eq!(environment["packages"][0]["name"], "libc6");
}

#[tokio::test]
async fn files_and_addresses_are_submitted() {
    let world = World::new().await;
    world.project("p1").await;
    let wanted = json!({"project": "home:alice:p1", "url": "https://example.org/hello.dsc", "network": true});
    let answer = world.call("alice", "POST", &format!("{BASE}/builds"), wanted).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let build = world.get(&format!("{BASE}/builds/{}", answer.json()["build"])).await.json();
    assert_eq!((build["build"]["network"].as_bool(), build["state"].as_str()), (Some(true), Some("pending")));
    let (login, token) = world.token("alice", Duration::from_secs(60)).await;
    let wanted = json!({"project": "home:alice:p1", "targets": ["debian-12-x86_64"]}).to_string();
    let (content_type, body) =
        form(&[("file", Some("b.tar.xz"), "x"), ("file", Some("a.dsc"), "y"), ("build", None, &wanted)]);
    let request = world.request("POST", &format!("{BASE}/builds")).basic_auth(login, Some(token));
    let answer = world.send(request.header("content-type", content_type).body(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let build = world.get(&format!("{BASE}/builds/{}", answer.json()["build"])).await.json();
    assert_eq!(build["build"]["source"], json!({"kind": "upload", "file": "a.dsc"}));
    let neither = world.call("alice", "POST", &format!("{BASE}/builds"), json!({"project": "home:alice:p1"})).await;
    assert_eq!(neither.status, 400);
}

#[tokio::test]
async fn a_configuration_is_kept_with_its_author() {
    let world = World::new().await;
    world.project("p1").await;
    let path = format!("{BASE}/projects/home:alice:p1/config");
    assert_eq!(world.get(&path).await.json()["revision"], 0);
    let body = json!({"text": "Prefer: libfoo1\n", "comment": "choose"});
    assert_eq!(world.call("bob", "PUT", &path, body.clone()).await.status, 403);
    assert_eq!(world.call("alice", "PUT", &path, body).await.status, 200);
    let kept = world.get(&path).await.json();
    assert_eq!((kept["revision"].as_i64(), kept["author"].as_str()), (Some(1), Some("alice")));
    assert_eq!((kept["text"].as_str(), &kept["findings"]), (Some("Prefer: libfoo1\n"), &json!([])));
    let odd = json!({"text": "Prefer: libfoo1\n%if\nNosuch: x\n"});
    // An error is refused with its line, unless the project takes every text.
    let tried =
        world.send(world.request("POST", &format!("{path}/check")).json(&json!({"text": odd["text"]}))).await.json();
    assert_eq!(
        (&tried["findings"][0]["grade"], &tried["findings"][0]["line"]),
        (&json!("error"), &json!(2)),
        "{tried}"
    );
    let refused = world.call("alice", "PUT", &path, odd.clone()).await;
    assert_eq!(refused.error(), "400 home:alice:p1, line 2: syntax error in expression");
    let project = format!("{BASE}/projects/home:alice:p1");
    let mut settings = world.get(&project).await.json()["project"]["settings"].clone();
    settings["takes_any_config"] = json!(true);
    assert_eq!(world.call("alice", "PUT", &project, settings).await.status, 200);
    let kept = world.call("alice", "PUT", &path, odd).await.json();
    assert!(kept["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{kept}");
}

#[tokio::test]
async fn words_that_fit_a_place_of_a_configuration_are_told() {
    let world = World::new().await;
    world.project("p1").await;
    let path = format!("{BASE}/projects/home:alice:p1/config/complete");
    let ask = async |text: &str, at: usize| {
        world.send(world.request("POST", &path).json(&json!({"text": text, "at": at}))).await
    };
    let labels = |answer: &Value| -> Vec<String> {
        let found = answer["completions"].as_array().unwrap().iter();
        found.map(|one| one["label"].as_str().unwrap().to_owned()).collect()
    };
    let answer = ask("# ü\nPreinst", 12).await.json();
    assert_eq!(labels(&answer), ["Preinstall:"]);
    assert_eq!((answer["start"].as_i64(), answer["end"].as_i64()), (Some(5), Some(12)));
    assert_eq!(answer["completions"][0]["kind"], "keyword");
    assert_eq!(labels(&ask("%define own 1\nPrefer: %{ow", 26).await.json()), ["own"]);
    // In the middle of a letter, and behind the end.
    assert_eq!(ask("# ü\n", 3).await.status, 200);
    assert_eq!(ask("a", 2).await.error(), "400 at: the text has only 1 bytes");
}

#[tokio::test]
async fn a_configuration_has_a_history_and_says_where_each_entry_is_from() {
    let world = World::new().await;
    world.project("p1").await;
    let path = format!("{BASE}/projects/home:alice:p1/config");
    for (text, comment) in [("Prefer: libfoo1\n", "choose"), ("Prefer: libfoo2\nOrder: x\n", "other")] {
        let body = json!({"text": text, "comment": comment});
        assert_eq!(world.call("alice", "PUT", &path, body).await.status, 200);
    }
    let revisions = world.get(&format!("{path}/revisions")).await.json();
    let numbers: Vec<_> = revisions["revisions"].as_array().unwrap().iter().map(|one| &one["revision"]).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(revisions["revisions"][1]["bytes"], 16);
    assert_eq!(world.get(&format!("{path}/revisions?limit=1&offset=1")).await.json()["revisions"][0]["revision"], 1);
    let second = world.get(&format!("{path}/revisions/2")).await.json();
    assert_eq!(
        second["findings"][0],
        json!({
            "code": "K008", "name": "order-without-colon", "grade": "warning", "line": 2, "column": 8, "start": 23,
            "end": 24, "message": second["findings"][0]["message"], "help": second["findings"][0]["help"],
        })
    );
    assert_eq!(world.get(&format!("{path}/revisions/0")).await.json()["text"], "");
    for missing in ["revisions/3", "revisions/-1", "revisions/x", "effective?repository=other&arch=x86_64"] {
        assert_eq!(world.get(&format!("{path}/{missing}")).await.status, 404, "{missing}");
    }
    assert_eq!(
        world.get(&format!("{path}/effective?arch=x86_64")).await.error(),
        "400 the parameter repository is needed"
    );
    let target = format!("{path}/effective?repository=debian-12&arch=x86_64");
    let newest = world.get(&target).await.json();
    assert_eq!(
        (newest["layers"][0]["revision"].as_i64(), &newest["missing"]),
        (Some(2), &json!(["Debian:12/standard"]))
    );
    let prefer = newest["entries"].as_array().unwrap().iter().find(|entry| entry["keyword"] == "Prefer").unwrap();
    assert_eq!(
        prefer,
        &json!({"keyword": "Prefer", "entry": "libfoo2", "value": null, "origin":
            {"source": "home:alice:p1/debian-12", "line": 1, "start": 8, "end": 15, "expanded": false}})
    );
    let first = world.get(&format!("{target}&revision=1")).await.json();
    assert_eq!(first["layers"][0]["text"], "Prefer: libfoo1\n");
    assert_eq!(world.get(&format!("{target}&revision=9")).await.status, 404);
}

#[tokio::test]
async fn a_configuration_is_joined_and_checked_with_what_it_builds_against() {
    let world = World::new().await;
    world.project("base").await;
    let path = |project: &str| format!("{BASE}/projects/home:alice:{project}/config");
    let base = json!({"text": "%define abi 7\nPrefer: liba\n"});
    assert_eq!(world.call("alice", "PUT", &path("base"), base).await.status, 200);
    let own = json!({"text": "Prefer: !liba lib%abi\n"});
    world.project("own").await;
    let alone = world.call("alice", "PUT", &path("own"), own.clone()).await.json();
    let names = |answer: &Value| -> Vec<String> {
        let findings = answer["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&alone), ["undefined-macro"]);
    let mut session = world.store.write().await.unwrap();
    let element = PathElement {
        project: ProjectName::parse("home:alice:base").unwrap(),
        repository: RepositoryName::parse("debian-12").unwrap(),
    };
    let target =
        TargetName { repository: RepositoryName::parse("derived-1").unwrap(), arch: Arch::parse("x86_64").unwrap() };
    session.put_target(&Target { name: target, path: element, active: true }).await.unwrap();
    session.commit().await.unwrap();
    let wanted = json!({"name": "home:alice:derived", "targets": ["derived-1-x86_64"]});
    assert_eq!(world.call("alice", "POST", &format!("{BASE}/projects"), wanted).await.status, 201);
    let derived = world.call("alice", "PUT", &path("derived"), own).await.json();
    assert_eq!(names(&derived), Vec::<String>::new());
    let query = "effective?repository=derived-1&arch=x86_64";
    let effective = world.get(&format!("{}/{query}", path("derived"))).await.json();
    let layers: Vec<_> = effective["layers"].as_array().unwrap().iter().map(|layer| &layer["project"]).collect();
    assert_eq!(layers, ["home:alice:derived", "home:alice:base"]);
    let entries = effective["entries"].as_array().unwrap().iter();
    let prefers: Vec<_> = entries.filter(|entry| entry["keyword"] == "Prefer").collect();
    assert_eq!(prefers.len(), 1);
    assert_eq!(prefers[0]["entry"], "lib7");
    assert_eq!(
        prefers[0]["origin"],
        json!({"source": "home:alice:derived/derived-1", "line": 1, "start": 0, "end": 21, "expanded": true})
    );
}

#[tokio::test]
async fn users_and_tokens_are_made_by_administrators() {
    let world = World::new().await;
    let carol = json!({"name": "carol"});
    assert_eq!(world.call("alice", "POST", &format!("{BASE}/users"), carol.clone()).await.status, 403);
    assert_eq!(world.call("admin", "POST", &format!("{BASE}/users"), carol.clone()).await.status, 201);
    assert_eq!(world.call("admin", "POST", &format!("{BASE}/users"), carol).await.status, 409);
    let token =
        world.call("admin", "POST", &format!("{BASE}/users/carol/tokens"), json!({"lifetime_seconds": 60})).await;
    let token = token.json();
    let (login, secret) = (token["login"].as_str().unwrap(), token["token"].as_str().unwrap());
    let login = world.send(world.request("GET", &format!("{BASE}/login")).basic_auth(login, Some(secret))).await;
    assert_eq!(login.json()["user"], "carol");
}

#[tokio::test]
async fn changes_are_told_at_once() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let seen = world.get(&format!("{BASE}/changes?seen=0")).await.json()["seen"].clone();
    let waiting = world.request("GET", &format!("{BASE}/changes?seen={seen}")).send();
    let waiting = tokio::spawn(waiting);
    world.build(project).await;
    let answer = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert!(answer["seen"].as_u64() > seen.as_u64(), "{answer} after {seen}");
}
