//! The Copr dialect beyond what was recorded.

use serde_json::{Value, json};

use crate::kit::{World, form};

#[tokio::test]
async fn the_root_is_found_with_and_without_slashes() {
    let world = World::new().await;
    for path in ["/api_2", "/api_2/", "//api_2", "//api_2/"] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}");
        assert_eq!(answer.json()["_links"]["builds"]["href"], "/api_2/builds");
    }
    assert_eq!(world.get("//api_2/projects?limit=1").await.json()["_links"]["self"]["href"], "/api_2/projects?limit=1");
}

#[tokio::test]
async fn refusals_are_json_whatever_they_are_about() {
    let world = World::new().await;
    let cases = [
        ("GET", "/api_2/nosuch", 404),
        ("GET", "/api_2/projects/", 404),
        ("GET", "/api_2/projects/abc", 404),
        ("GET", "/api_2/projects/99999999999999999999999", 404),
        ("GET", "/api_2/projects/-1", 404),
        ("GET", "/api_2/mock_chroots/%ff%fe", 400),
        ("GET", "/api_2/mock_chroots/bad", 404),
        ("PATCH", "/api_2/projects/1", 405),
        ("POST", "/api_2/mock_chroots", 405),
        ("PUT", "/api_2/build_tasks/1/debian-12-x86_64", 405),
        ("POST", "/api_2/projects", 401),
    ];
    for (method, path, status) in cases {
        let answer = world.send(world.request(method, path)).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some("application/json")),
            "{method} {path}"
        );
        assert!(answer.json()["message"].is_string(), "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate"), None);
    }
    let options = world.send(world.request("OPTIONS", "/api_2/projects")).await;
    assert_eq!((options.status, options.header("allow")), (200, Some("GET,HEAD,POST")));
    let head = world.send(world.request("HEAD", "/api_2/builds")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_project_disappears_and_its_number_never_comes_back() {
    let world = World::new().await;
    let first = world.project("p1").await;
    assert_eq!(world.call("alice", "DELETE", &format!("/api_2/projects/{first}"), Value::Null).await.status, 204);
    assert_eq!(world.get(&format!("/api_2/projects/{first}")).await.status, 404);
    assert!(world.project("p1").await > first);
}

#[tokio::test]
async fn a_disabled_chroot_can_be_enabled_again() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let chroots = format!("/api_2/projects/{project}/chroots");
    let one = format!("{chroots}/debian-12-x86_64");
    for _ in 0..2 {
        assert_eq!(world.call("alice", "DELETE", &one, Value::Null).await.status, 204);
    }
    assert_eq!(world.get(&chroots).await.json()["chroots"], json!([]));
    assert_eq!(world.get(&one).await.status, 200);
    let body = json!({"name": "debian-12-x86_64", "buildroot_pkgs": ["gcc"], "comps": null, "comps_name": null});
    let enabled = world.call("alice", "POST", &chroots, body).await;
    assert_eq!(enabled.header("location"), Some(format!("{}{one}", world.base).as_str()));
    let shown = world.get(&chroots).await.json();
    assert_eq!(shown["chroots"][0]["chroot"]["buildroot_pkgs"], json!(["gcc"]));
    let again = world.call("alice", "POST", &chroots, json!({"name": "debian-12-x86_64"})).await;
    assert_eq!(again.error(), "409 Copr alice/p1 already has chroot debian-12-x86_64 enabled");
}

#[tokio::test]
async fn a_build_goes_through_its_states_in_coprs_words() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    let path = format!("/api_2/builds/{build}?show_build_tasks=1");
    let states = async || {
        let json = world.get(&path).await.json();
        let task = &json["build_tasks"][0]["build_task"];
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word(&json["build"]["state"]), word(&task["state"]), word(&task["result_dir_url"]))
    };
    assert_eq!(states().await, "pending waiting -");
    world.prepare(build).await;
    assert_eq!(states().await, "pending pending -");
    let job = world.claim().await;
    let folder = format!("{}/results/alice/p1/debian-12-x86_64/{build:08}-hello/", world.base);
    assert_eq!(states().await, format!("starting starting {folder}"));
    world.succeed(job, b"package").await;
    assert_eq!(states().await, format!("succeeded succeeded {folder}"));
    let json = world.get(&path).await.json();
    assert_eq!(json["build"]["built_packages"], json!([{"name": "hello", "version": "2.10-3"}]));
    assert_eq!(json["build"]["package_name"], "hello");
    assert!(json["build"]["started_on"].is_i64() && json["build"]["ended_on"].is_i64());
    assert_eq!(json["build"]["submitter"], "alice");
}

#[tokio::test]
async fn cancel_and_delete_follow_the_state() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    let path = format!("/api_2/builds/{build}");
    let cancel = json!({"state": "canceled"});
    let error = world.call("alice", "DELETE", &path, Value::Null).await.error();
    assert_eq!(
        error,
        format!("400 Cannot delete build due to: You can not delete build `{build}` which is not finished.")
    );
    assert_eq!(world.call("bob", "PUT", &path, cancel.clone()).await.status, 403);
    for (state, then) in [("succeeded", "pending"), ("cancelled", "canceled"), ("canceled", "canceled")] {
        let answer = world.call("alice", "PUT", &path, json!({"state": state})).await;
        assert_eq!((answer.status, answer.body.len()), (201, 0), "{state}");
        assert_eq!(answer.header("location"), Some(format!("{}{path}", world.base).as_str()));
        assert_eq!(world.get(&path).await.json()["build"]["state"], then, "{state}");
    }
    assert_eq!(world.call("alice", "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(world.get(&path).await.error(), format!("404 Build with id `{build}` not found"));
    assert_eq!(world.get(&format!("/api_2/build_tasks?build_id={build}")).await.json()["build_tasks"], json!([]));
}

#[tokio::test]
async fn a_debian_source_is_several_files_of_one_form() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let metadata = json!({"project_id": project, "chroots": []}).to_string();
    let (content_type, body) = form(&[
        ("metadata", None, &metadata),
        ("srpm", Some("hello_2.10.orig.tar.gz"), "tar"),
        ("srpm", Some("hello_2.10-3.dsc"), "dsc"),
        ("file", Some("hello_2.10-3.debian.tar.xz"), "tar"),
    ]);
    let (login, token) = world.token("alice", std::time::Duration::from_secs(60)).await;
    let send = |body: String| {
        let request = world.request("POST", "/api_2/builds").basic_auth(&login, Some(&token));
        world.send(request.header("content-type", &content_type).body(body))
    };
    let answer = send(body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let build = world.get("/api_2/builds?limit=1").await.json()["builds"][0]["build"].clone();
    assert_eq!(build["source_type"], "upload");
    assert_eq!(build["source_metadata"]["pkg"], "hello_2.10-3.dsc");
    let (_, twice) = form(&[("metadata", None, &metadata), ("srpm", Some("a.dsc"), "x"), ("srpm", Some("a.dsc"), "y")]);
    assert_eq!(send(twice).await.status, 400);
}

#[tokio::test]
async fn lists_are_cut_in_pages() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let mut builds = Vec::new();
    for _ in 0..5 {
        builds.push(world.build(project).await);
    }
    let ids = async |query: &str| -> Vec<i64> {
        let json = world.get(&format!("/api_2/builds?{query}")).await.json();
        json["builds"].as_array().unwrap().iter().map(|build| build["build"]["id"].as_i64().unwrap()).collect()
    };
    builds.reverse();
    assert_eq!(ids("limit=2").await, builds[..2]);
    assert_eq!(ids("limit=2&offset=2").await, builds[2..4]);
    assert_eq!(ids(&format!("project_id={project}&limit=0&offset=-7")).await, builds);
    assert_eq!(ids("limit=101&offset=4").await, builds[4..]);
    assert_eq!(ids("is_finished=true").await, [0_i64; 0]);
    assert_eq!(ids("group=nosuch").await, [0_i64; 0]);
    let tasks = world.get("/api_2/build_tasks?owner=alice&state=waiting&limit=2").await.json();
    let first = &tasks["build_tasks"][0]["build_task"];
    assert_eq!(
        (first["build_id"].as_i64(), first["chroot_name"].as_str()),
        (builds.last().copied(), Some("debian-12-x86_64"))
    );
    assert_eq!(world.get("/api_2/build_tasks?state=forked").await.json()["build_tasks"], json!([]));
}

#[tokio::test]
async fn distributions_are_chroots_and_no_projects() {
    let world = World::new().await;
    let body = json!({"name": "Debian:12", "targets": [], "settings": null});
    let made = world.call("alice", "POST", "/api/kiln/v1/projects", body.clone()).await;
    assert_eq!(made.status, 403, "{}", made.text());
    let admin = world.call("admin", "POST", "/api/kiln/v1/projects", body).await;
    assert_eq!(admin.status, 201, "{}", admin.text());
    assert_eq!(world.get("/api_2/projects").await.json()["projects"], json!([]));
    let names = world.get("/api_2/mock_chroots").await.json();
    assert_eq!(names["chroots"][0]["chroot"]["name"], "debian-12-x86_64");
}
