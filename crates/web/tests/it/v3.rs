//! Copr's API v3: every route is called by who may and by who may not, and by clients that send nonsense.
//!
//! The routes are those of the server's own description, so one without a line here fails the tests.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::{World, form};

/// A route; the address it is called at; what is sent; the status for alice, who owns project `p`, and for bob, who has no
/// rights in it.
struct Call {
    method: &'static str,
    route: &'static str,
    path: &'static str,
    body: &'static str,
    alice: u16,
    bob: u16,
}

const fn call(
    method: &'static str,
    route: &'static str,
    path: &'static str,
    body: &'static str,
    (alice, bob): (u16, u16),
) -> Call {
    Call { method, route, path, body, alice, bob }
}

const OF_P: &str = r#"{"ownername": "alice", "projectname": "p"}"#;
const SOURCE: &str = r#"{"clone_url": "https://example.org/x.git"}"#;

/// Every route that needs a token, in an order in which the calls of both work.
const WRITING: &[Call] = &[
    call("GET", "/auth-check", "/auth-check", "", (200, 200)),
    call(
        "POST",
        "/project/add/{owner}",
        "/project/add/alice",
        r#"{"name": "q", "chroots": ["debian-12-x86_64"]}"#,
        (200, 403),
    ),
    call("PUT", "/project/edit/{owner}/{project}", "/project/edit/alice/p", r#"{"description": "d"}"#, (200, 403)),
    call(
        "POST",
        "/project/fork/{owner}/{project}",
        "/project/fork/alice/p",
        r#"{"name": "f", "ownername": "alice"}"#,
        (200, 403),
    ),
    call("PUT", "/project/regenerate-repos/{owner}/{project}", "/project/regenerate-repos/alice/p", "", (200, 403)),
    call(
        "PUT",
        "/project/permissions/set/{owner}/{project}",
        "/project/permissions/set/alice/p",
        r#"{"carol": {"builder": "approved"}}"#,
        (200, 403),
    ),
    call("GET", "/project/permissions/get/{owner}/{project}", "/project/permissions/get/alice/p", "", (200, 403)),
    call(
        "PUT",
        "/project/permissions/request/{owner}/{project}",
        "/project/permissions/request/alice/p",
        r#"{"admin": true}"#,
        (400, 200),
    ),
    call("POST", "/webhook/generate/{owner}/{project}", "/webhook/generate/alice/p", "", (200, 403)),
    call(
        "PUT",
        "/project-chroot/edit/{owner}/{project}/{chroot}",
        "/project-chroot/edit/alice/p/debian-12-x86_64",
        r#"{"additional_packages": "gcc"}"#,
        (200, 403),
    ),
    call("POST", "/build/check-before-build", "/build/check-before-build", OF_P, (200, 403)),
    call(
        "POST",
        "/build/create/url",
        "/build/create/url",
        r#"{"ownername": "alice", "projectname": "p", "pkgs": ["http://example.org/a.dsc"]}"#,
        (200, 403),
    ),
    call("POST", "/build/create/upload", "/build/create/upload", OF_P, (400, 403)),
    call("POST", "/build/create/scm", "/build/create/scm", OF_P, (400, 403)),
    call("POST", "/build/create/distgit", "/build/create/distgit", OF_P, (400, 403)),
    call("POST", "/build/create/pypi", "/build/create/pypi", OF_P, (400, 403)),
    call("POST", "/build/create/rubygems", "/build/create/rubygems", OF_P, (400, 403)),
    call("POST", "/build/create/custom", "/build/create/custom", OF_P, (400, 403)),
    call("POST", "/build/create/rpm-upload", "/build/create/rpm-upload", OF_P, (400, 403)),
    call("PUT", "/build/cancel/{id}", "/build/cancel/1", "", (200, 403)),
    call("DELETE", "/build/delete/list", "/build/delete/list", r#"{"builds": [1]}"#, (200, 400)),
    call("DELETE", "/build/delete/{id}", "/build/delete/2", "", (200, 403)),
    call("POST", "/package/add/{owner}/{project}/{name}/{type}", "/package/add/alice/p/k/scm", SOURCE, (200, 403)),
    call("POST", "/package/edit/{owner}/{project}/{name}/{type}", "/package/edit/alice/p/k/None", SOURCE, (200, 403)),
    call("POST", "/package/edit/{owner}/{project}/{name}", "/package/edit/alice/p/k/", SOURCE, (200, 403)),
    call("POST", "/package/build", "/package/build", OF_K, (200, 403)),
    call("PUT", "/package/reset", "/package/reset", OF_K, (200, 403)),
    call("DELETE", "/package/delete", "/package/delete", OF_K, (200, 403)),
    call("DELETE", "/project/delete/{owner}/{project}", "/project/delete/alice/p", r#"{"verify": true}"#, (200, 403)),
    call("POST", "/api-token", "/api-token", "", (200, 200)),
];

const OF_K: &str = r#"{"ownername": "alice", "projectname": "p", "package_name": "k"}"#;

/// Every route for everybody, and a word of its answer.
const READING: &[(&str, &str, &str)] = &[
    ("/openapi.json", "/openapi.json", "openapi"),
    ("/mock-chroots/list", "/mock-chroots/list", "debian-12-x86_64"),
    ("/project", "/project?ownername=alice&projectname=p", "chroot_repos"),
    ("/project/list", "/project/list?ownername=alice&limit=1", "\"limit\":1"),
    ("/project/search", "/project/search?query=alice/p", "alice/p"),
    (
        "/project/permissions/can_build_in/{who}/{owner}/{project}",
        "/project/permissions/can_build_in/bob/alice/p",
        "\"can_build_in\":false",
    ),
    (
        "/project-chroot",
        "/project-chroot?ownername=alice&projectname=p&chrootname=debian-12-x86_64",
        "additional_packages",
    ),
    (
        "/project-chroot/build-config",
        "/project-chroot/build-config?ownername=alice&projectname=p&chrootname=debian-12-x86_64",
        "copr_base",
    ),
    ("/build/list", "/build/list?ownername=alice&projectname=p&status=pending", "\"items\":[{"),
    ("/build/{id}", "/build/1", "source_package"),
    ("/build/source-chroot/{id}", "/build/source-chroot/1/", "pending"),
    ("/build/source-build-config/{id}", "/build/source-build-config/1", "link"),
    ("/build/built-packages/{id}", "/build/built-packages/1", "{}"),
    ("/build-chroot", "/build-chroot?build_id=1&chrootname=debian-12-x86_64", "result_url"),
    ("/build-chroot/list", "/build-chroot/list?build_id=1&order=name", "waiting"),
    ("/build-chroot/list/{id}", "/build-chroot/list/1", "waiting"),
    ("/build-chroot/build-config", "/build-chroot/build-config?build_id=1&chrootname=debian-12-x86_64", "memory_limit"),
    ("/build-chroot/built-packages", "/build-chroot/built-packages?build_id=1&chrootname=debian-12-x86_64", "packages"),
    ("/build-chroot/{id}/{chroot}", "/build-chroot/1/debian-12-x86_64", "result_url"),
    ("/monitor", "/monitor?ownername=alice&projectname=p", "packages"),
    ("/package", "/package?ownername=alice&projectname=p&packagename=hello", "\"builds\""),
    ("/package/list", "/package/list?ownername=alice&projectname=p&with_latest_build=True", "hello"),
    ("/rpmrepo/{owner}/{project}/{release}", "/rpmrepo/alice/p/debian-12", "results_url"),
];

/// Addresses that are answered in a way of their own, each with its own test.
const APART: [&str; 1] = ["/gssapi_login"];

async fn world() -> World {
    let world = World::new().await;
    world.user("carol").await;
    let project = world.project("p").await;
    let build = world.build(project).await;
    assert_eq!(build, 1);
    world
}

fn routes(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let mut routes = BTreeSet::new();
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            routes.insert((method.to_uppercase(), path.trim_start_matches("/api_3").to_owned()));
        }
    }
    routes
}

#[tokio::test]
async fn every_route_has_a_test_and_one_of_who_may() {
    let world = World::new().await;
    let document = world.get("/api_3/openapi.json").await.json();
    let mut tested: BTreeSet<(String, String)> =
        WRITING.iter().map(|call| (call.method.to_owned(), call.route.to_owned())).collect();
    tested.extend(READING.iter().map(|(route, _, _)| ("GET".to_owned(), (*route).to_owned())));
    tested.extend(APART.iter().map(|route| ("GET".to_owned(), (*route).to_owned())));
    let known = routes(&document);
    assert_eq!(known.difference(&tested).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    assert_eq!(tested.difference(&known).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    for call in WRITING {
        let operation = &document["paths"][format!("/api_3{}", call.route)][call.method.to_lowercase()];
        assert!(operation["security"].is_array(), "{}", call.route);
    }
}

#[tokio::test]
async fn anybody_may_read() {
    let world = world().await;
    world.prepare(1).await;
    let second = world
        .call(
            "alice",
            "POST",
            "/api_3/build/create/url",
            json!({
        "ownername": "alice", "projectname": "p", "pkgs": "http://example.org/b.dsc"}),
        )
        .await;
    assert_eq!(second.status, 200, "{}", second.text());
    for (_, path, word) in READING {
        let answer = world.get(&format!("/api_3{path}")).await;
        // The first build has its source already.
        let word = if path.starts_with("/build-chroot/list") { "pending" } else { word };
        let word = if path.starts_with("/build/source-chroot") { "succeeded" } else { word };
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}");
        assert!(answer.text().contains(word), "{path}: {}", answer.text());
        assert!(answer.json().get("error").is_none(), "{path}");
    }
    assert_eq!(world.get("/api_3/").await.json(), json!({"version": 3}));
    assert_eq!(world.get("/api_3/gssapi_login/").await.status, 403);
    assert_eq!(world.get("/api_3/nosuch").await.error(), "404 Such API endpoint doesn't exist");
    let wrong = world.send(world.request("PATCH", "/api_3/project")).await;
    assert_eq!(wrong.error(), "404 Such API endpoint doesn't exist");
    let missing = world.get("/api_3/project?ownername=alice").await;
    assert_eq!(missing.error(), "400 Missing argument projectname");
}

async fn send(world: &World, call: &Call, credentials: Option<&(String, String)>) -> crate::kit::Answer {
    let mut request = world.request(call.method, &format!("/api_3{}", call.path));
    if let Some((login, token)) = credentials {
        request = request.basic_auth(login, Some(token));
    }
    if !call.body.is_empty() {
        request = request.header("content-type", "application/json").body(call.body);
    }
    world.send(request).await
}

#[tokio::test]
async fn who_may_may_and_who_may_not_is_told() {
    let world = world().await;
    world.build(1).await;
    let hour = Duration::from_secs(3600);
    let (alice, bob) = (world.token("alice", hour).await, world.token("bob", hour).await);
    let expired = world.token("alice", Duration::ZERO).await;
    let wrong = (alice.0.clone(), "wrong".to_owned());
    for call in WRITING {
        for credentials in [None, Some(&wrong), Some(&expired)].into_iter().take(if call.alice == 200 { 2 } else { 3 })
        {
            // Wrong tokens are slowed down, which has its own test.
            if credentials == Some(&wrong) && call.path.len() % 4 != 0 {
                continue;
            }
            let answer = send(&world, call, credentials).await;
            assert_eq!(answer.status, 401, "{} {}: {}", call.method, call.path, answer.text());
            assert_eq!((&answer.json()["output"], answer.json()["error"].is_string()), (&json!("notok"), true));
        }
        if call.path == "/build/delete/2" {
            let cancel = world.call("alice", "PUT", "/api_3/build/cancel/2", Value::Null).await;
            assert_eq!(cancel.status, 200);
        }
        if ["/package/delete", "/project/delete/alice/p"].contains(&call.path) {
            for build in 3..10 {
                world.call("alice", "PUT", &format!("/api_3/build/cancel/{build}"), Value::Null).await;
            }
        }
        for (who, status, credentials) in [("bob", call.bob, &bob), ("alice", call.alice, &alice)] {
            let answer = send(&world, call, Some(credentials)).await;
            assert_eq!(answer.status, status, "{who} {} {}: {}", call.method, call.path, answer.text());
            assert_eq!(answer.json().get("error").is_some(), status != 200, "{who} {}", call.path);
        }
    }
}

#[tokio::test]
async fn older_clients_may_post_and_are_told() {
    let world = world().await;
    for path in ["/api_3/project/edit/alice/p", "/api_3/project/edit/alice/p/?ownername=alice"] {
        let posted = world.call("alice", "POST", path, json!({"description": "d"})).await;
        assert!(posted.header("warning").unwrap().contains("deprecated"), "{}", posted.text());
        let put = world.call("alice", "PUT", path, json!({"description": "e"})).await;
        assert_eq!((put.header("warning"), put.json()["description"].as_str()), (None, Some("e")));
    }
}

#[tokio::test]
async fn guessing_a_token_is_slowed_down() {
    let world = World::new().await;
    let (login, token) = world.token("alice", Duration::from_secs(3600)).await;
    let with = |token: &str| world.request("GET", "/api_3/auth-check").basic_auth(&login, Some(token));
    for _ in 0..20 {
        assert_eq!(world.send(with("wrong")).await.status, 401);
    }
    let refused = world.send(with("wrong")).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(world.send(with(&token)).await.status, 429);
    for path in ["/api_2/projects", "/api/kiln/v1/users"] {
        let answer = world.send(world.request("POST", path).basic_auth(&login, Some(&token)).body("{}")).await;
        assert_eq!(answer.status, 429, "{path}");
    }
    assert_eq!(world.call("alice", "GET", "/api_3/auth-check", Value::Null).await.status, 200, "another token");
}

/// Values no field expects.
fn nonsense() -> Vec<Value> {
    let long = "x".repeat(100_000);
    let mut deep = json!("end");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        json!({}),
        json!({"a": {"b": []}}),
        json!([]),
        json!([[], {}, null]),
        json!(-1),
        json!(1e308),
        json!(i64::MAX),
        json!(true),
        json!(""),
        json!("\u{0}\u{202e}' OR 1=1 --"),
        json!("../../etc/passwd"),
        json!(long),
        deep,
    ]
}

/// Every field that some route reads.
const FIELDS: &[&str] = &[
    "name",
    "chroots",
    "exclude_chroots",
    "description",
    "homepage",
    "contact",
    "additional_repos",
    "repos",
    "runtime_dependencies",
    "devel_mode",
    "bootstrap",
    "isolation",
    "delete_after_days",
    "repo_priority",
    "ownername",
    "projectname",
    "project_dirname",
    "package_name",
    "pkgs",
    "timeout",
    "background",
    "enable_net",
    "with_build_id",
    "after_build_id",
    "builds",
    "clone_url",
    "committish",
    "scm_type",
    "source_build_method",
    "pypi_package_name",
    "python_versions",
    "gem_name",
    "script",
    "distgit",
    "max_builds",
    "webhook_rebuild",
    "additional_packages",
    "reset_fields",
    "delete_comps",
    "admin",
    "builder",
    "bob",
    "confirm",
    "storage",
    "multilib",
];

#[tokio::test]
async fn nonsense_in_any_field_is_refused_or_ignored_and_never_breaks_the_server() {
    let world = world().await;
    let (login, token) = world.token("alice", Duration::from_secs(3600)).await;
    let values = nonsense();
    for (index, call) in WRITING.iter().filter(|call| call.method != "GET" && call.route != "/api-token").enumerate() {
        if call.route.starts_with("/project/delete") {
            continue;
        }
        for (place, field) in FIELDS.iter().enumerate() {
            let mut body: Value = serde_json::from_str(call.body).unwrap_or_else(|_| json!({}));
            body[*field] = values[(index + place) % values.len()].clone();
            let request = world.request(call.method, &format!("/api_3{}", call.path)).basic_auth(&login, Some(&token));
            let answer = world.send(request.header("content-type", "application/json").body(body.to_string())).await;
            assert!(answer.status < 500, "{} {field}: {}", call.path, answer.text());
            assert_eq!(answer.header("content-type"), Some("application/json"), "{} {field}", call.path);
            assert!(answer.json().is_object());
        }
    }
    for body in ["", "[]", "1", "\"x\"", "{", "nul", "{\"a\":", "\u{feff}{}", "{\"a\":1}{\"b\":2}"] {
        for path in ["/project/add/alice", "/build/create/url", "/package/reset", "/build/delete/list"] {
            let method = if path == "/package/reset" { Method::PUT } else { Method::POST };
            let request = world.request(method.as_str(), &format!("/api_3{path}")).basic_auth(&login, Some(&token));
            let answer = world.send(request.header("content-type", "application/json").body(body)).await;
            assert!((400..500).contains(&answer.status), "{path} {body}: {}", answer.text());
        }
    }
    assert_eq!(world.get("/api_3/project?ownername=alice&projectname=p").await.status, 200);
}

#[tokio::test]
async fn a_dist_git_that_is_not_known_is_refused_with_those_that_are() {
    let world = world().await;
    let (login, token) = world.token("alice", Duration::from_secs(3600)).await;
    let wanted = json!({"ownername": "alice", "projectname": "p", "package_name": "hello", "distgit": "nosuch"});
    for path in ["/build/create/distgit", "/package/add/alice/p/hello/distgit"] {
        let request = world.request("POST", &format!("/api_3{path}")).basic_auth(&login, Some(&token)).json(&wanted);
        let answer = world.send(request).await;
        assert_eq!(answer.status, 400, "{path}");
        let text = answer.text();
        assert!(text.contains("'nosuch' is not a valid choice") && text.contains("fedora, centos-stream"), "{text}");
    }
}

#[tokio::test]
async fn odd_paths_and_queries_are_refused_as_json() {
    let world = world().await;
    let long = "x".repeat(5000);
    let odd = ["%00", "%ff", "a%20b", "@", "@@", "-1", "99999999999999999999", "%F0%9F%A7%B1", &long];
    for word in odd {
        for path in [
            format!("/api_3/build/{word}"),
            format!("/api_3/build-chroot/{word}/{word}"),
            format!("/api_3/project?ownername={word}&projectname={word}"),
            format!("/api_3/project/list?ownername={word}"),
            format!("/api_3/project/search?query={word}xxx"),
            format!("/api_3/build/list?ownername=alice&projectname=p&packagename={word}&status={word}"),
            format!("/api_3/build/list?ownername=alice&projectname=p&limit={word}&offset={word}"),
            format!("/api_3/build/list?ownername=alice&projectname=p&order={word}&order_type={word}"),
            format!("/api_3/package?ownername=alice&projectname=p&packagename={word}"),
            format!("/api_3/rpmrepo/{word}/{word}/{word}"),
            format!("/coprs/{word}/{word}/repo/{word}"),
            format!("/results/alice/p/debian-12-x86_64/repodata/{word}"),
        ] {
            let answer = world.get(&path).await;
            assert!(answer.status < 500, "{path}: {}", answer.text());
            if path.starts_with("/api_3") {
                assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn pages_end_and_echo_what_was_asked() {
    let world = world().await;
    for _ in 0..4 {
        world.build(1).await;
    }
    let list =
        async |query: &str| world.get(&format!("/api_3/build/list?ownername=alice&projectname=p{query}")).await.json();
    let ids = |answer: &Value| -> Vec<i64> {
        answer["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
    };
    let page = list("&limit=2&offset=1").await;
    assert_eq!(ids(&page), [4, 3]);
    assert_eq!(page["meta"], json!({"limit": 2, "offset": 1, "order": "id", "order_type": "ASC"}));
    assert_eq!(ids(&list("&limit=1000&offset=1000").await), [0_i64; 0]);
    let all = list("").await;
    assert_eq!((ids(&all).len(), &all["meta"]["limit"]), (5, &Value::Null));
    let unknown = world.get("/api_3/project/list?order=nosuch").await;
    assert_eq!(unknown.error(), "400 Cannot order by nosuch, copr doesn't have such property");
    assert_eq!(world.get("/api_3/package/list?ownername=alice&projectname=p&limit=x").await.status, 400);
}

#[tokio::test]
async fn groups_of_packages_are_kept_until_they_are_taken_away() {
    let world = world().await;
    let (login, token) = world.token("alice", Duration::from_secs(3600)).await;
    let edit = async |parts: &[(&str, Option<&str>, &str)]| {
        let (content_type, body) = form(parts);
        let path = "/api_3/project-chroot/edit/alice/p/debian-12-x86_64";
        let request = world.request("PUT", path).basic_auth(&login, Some(&token));
        world.send(request.header("content-type", content_type).body(body)).await.json()
    };
    let set = edit(&[("upload_comps", Some("comps.xml"), "<comps/>"), ("json", Some("json"), "{}")]).await;
    assert_eq!(set["comps_name"], "comps.xml");
    let kept =
        edit(&[("json", Some("json"), "{\"delete_comps\": false, \"additional_packages\": \"gcc make\"}")]).await;
    assert_eq!((&kept["comps_name"], &kept["additional_packages"]), (&json!("comps.xml"), &json!(["gcc", "make"])));
    let gone = edit(&[("json", Some("json"), "{\"delete_comps\": true}")]).await;
    assert_eq!(gone["comps_name"], Value::Null);
}

#[tokio::test]
async fn package_managers_find_repositories() {
    let world = world().await;
    let file = world.get("/coprs/alice/p/repo/debian-12/alice-p.repo?arch=x86_64").await;
    assert!(
        file.text().contains(&format!("baseurl={}/results/alice/p/debian-12-$basearch/", world.base)),
        "{}",
        file.text()
    );
    let snippet = world.get("/coprs/alice/p/repo/debian-12/p.sources").await.text();
    assert!(snippet.contains("/repositories/home:alice:p/debian-12/\nSuites: debian-12\n"), "{snippet}");
    let missing = world.get("/coprs/alice/p/repo/fedora-41/").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.header("copr-error-data"), Some("eyJhdmFpbGFibGUgY2hyb290cyI6WyJkZWJpYW4tMTIteDg2XzY0Il19"));
    assert_eq!(world.get("/coprs/alice/p/").await.status, 307);
    assert_eq!(world.get("/coprs/g/team/p/").await.status, 404);
}

#[tokio::test]
async fn hooks_need_the_secret_and_build_what_has_changed() {
    let world = world().await;
    let secret = world.call("alice", "POST", "/api_3/webhook/generate/alice/p", Value::Null).await.json();
    let secret = secret["webhook_secret"].as_str().unwrap().to_owned();
    let body = json!({"clone_url": "https://example.org/x.git", "webhook_rebuild": true});
    world.call("alice", "POST", "/api_3/package/add/alice/p/k/scm", body).await;
    let hook = async |path: &str, payload: &str| {
        let answer = world.send(world.request("POST", &format!("/webhooks/{path}")).body(payload.to_owned())).await;
        (answer.status, answer.text())
    };
    let push = "{\"repository\": {\"clone_url\": \"https://example.org/x.git\"}}";
    assert_eq!(hook("github/1/wrong/", push).await, (403, "BAD_UUID\n".to_owned()));
    assert_eq!(hook(&format!("github/99/{secret}/"), push).await.0, 404);
    assert_eq!(hook(&format!("github/1/{secret}/"), "{}").await, (200, "OK\n".to_owned()));
    let builds = async || world.get("/api_3/build/list?ownername=alice&projectname=p").await.json();
    for _ in 0..2 {
        assert_eq!(hook(&format!("github/1/{secret}/"), push).await, (200, "OK\n".to_owned()));
    }
    let made = builds().await;
    assert_eq!(made["items"].as_array().unwrap().len(), 2, "one that waits sees every change until it begins");
    assert_eq!(
        (&made["items"][0]["source_package"]["name"], &made["items"][0]["submitter"]),
        (&json!("k"), &json!(null))
    );
    assert_eq!(hook(&format!("custom/1/{secret}/"), "{}").await.1, "PACKAGE_NAME_REQUIRED\n");
    assert_eq!(hook(&format!("custom/1/{secret}/nosuch/"), "{}").await.1, "PACKAGE_NOT_FOUND\n");
}
