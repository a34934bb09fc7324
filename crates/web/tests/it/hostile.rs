//! Clients that mean harm, or do not know better: no answer is a 500, and nothing grows without bound.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use web::ServerOptions;

use crate::kit::{World, form};

/// One of every kind of JSON value, and odd ones of each.
fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("x"),
        json!("../../etc/passwd"),
        json!("a\u{0}b"),
        json!("\u{202e}\u{feff}"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([null]),
        json!([["x"]]),
        json!(["x", 1]),
        json!({}),
        json!({"x": {}}),
    ]
}

#[tokio::test]
async fn wrong_types_in_every_field_are_never_a_500() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let requests: [(&str, String, &[&str]); 8] = [
        (
            "POST",
            "/api_2/projects".into(),
            &[
                "name",
                "chroots",
                "group",
                "description",
                "instructions",
                "homepage",
                "contact",
                "repos",
                "disable_createrepo",
                "build_enable_net",
            ],
        ),
        (
            "PUT",
            format!("/api_2/projects/{project}"),
            &["description", "homepage", "contact", "repos", "disable_createrepo", "build_enable_net", "id"],
        ),
        ("POST", format!("/api_2/projects/{project}/chroots"), &["name", "buildroot_pkgs", "comps"]),
        ("PUT", format!("/api_2/projects/{project}/chroots/debian-12-x86_64"), &["buildroot_pkgs", "comps_name"]),
        ("POST", "/api_2/builds".into(), &["project_id", "srpm_url", "chroots", "enable_net"]),
        ("PUT", format!("/api_2/builds/{build}"), &["state"]),
        ("POST", "/api/kiln/v1/projects".into(), &["name", "targets", "settings"]),
        ("POST", "/api/kiln/v1/builds".into(), &["project", "url", "targets", "network", "limits"]),
    ];
    let mut count = 0;
    for (method, path, fields) in requests {
        let good = json!({
            "name": "q", "chroots": [], "project_id": project, "srpm_url": "http://example.org/x.dsc", "state": "x",
            "project": "home:alice:p1", "url": "http://example.org/x.dsc", "targets": [],
        });
        for field in fields {
            for value in odd_values() {
                let mut body = json!({ *field: value });
                for (key, usual) in good.as_object().unwrap() {
                    if fields.contains(&key.as_str()) && key != field {
                        body[key] = usual.clone();
                    }
                }
                let request = world.request(method, &path).basic_auth(&login, Some(&token)).json(&body);
                let answer = world.send(request).await;
                let shown: String = body.to_string().chars().take(120).collect();
                assert!(answer.status < 500, "{method} {path} {shown}: {} {}", answer.status, answer.text());
                if answer.status >= 400 {
                    answer.json();
                }
                count += 1;
            }
        }
    }
    assert!(count >= 35 * odd_values().len(), "{count}");
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 7] = [b"", b"{", b"\xff\xfe", b"null", b"[]", b"\"x\"", deep.as_bytes()];
    for body in bodies {
        for (method, path) in [("POST", "/api_2/projects".to_owned()), ("PUT", format!("/api_2/projects/{project}"))] {
            let request = world.request(method, &path).basic_auth(&login, Some(&token)).body(body.to_vec());
            assert_eq!(world.send(request).await.status, 400, "{:?}", &body[..body.len().min(10)]);
        }
    }
    let large = world.request("POST", "/api_2/projects").basic_auth(&login, Some(&token)).body(vec![b' '; 2 << 20]);
    assert_eq!(world.send(large).await.status, 413);
}

#[tokio::test]
async fn an_upload_beyond_the_limit_leaves_nothing() {
    let world = World::with(&[("debian-12", "x86_64", true)], ServerOptions::default(), 1000).await;
    let project = world.project("p1").await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let metadata = json!({"project_id": project}).to_string();
    for (size, status) in [(1000, 201), (1001, 413), (100_000, 413)] {
        let content = "x".repeat(size);
        let (content_type, body) = form(&[("metadata", None, &metadata), ("srpm", Some("a.dsc"), &content)]);
        let request = world.request("POST", "/api_2/builds").basic_auth(&login, Some(&token));
        let answer = world.send(request.header("content-type", content_type).body(body)).await;
        assert_eq!(answer.status, status, "{size} bytes: {}", answer.text());
    }
    let left = std::fs::read_dir(world.folder.path().join("data/blobs/tmp")).unwrap().count();
    assert_eq!(left, 0, "half uploads must go");
}

#[tokio::test]
async fn file_names_of_uploads_can_not_leave_their_folder() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let metadata = json!({"project_id": project}).to_string();
    let names =
        ["../../../etc/cron.d/x.dsc", "/etc/passwd", "..", ".", "", "a/../../b", "C:\\x\\y.dsc", "x\u{1}.dsc", "-rf"];
    for name in names.into_iter().chain([&*"n".repeat(300)]) {
        let (content_type, body) = form(&[("metadata", None, &metadata), ("srpm", Some(name), "x")]);
        let request = world.request("POST", "/api_2/builds").basic_auth(&login, Some(&token));
        let answer = world.send(request.header("content-type", content_type).body(body)).await;
        assert!(matches!(answer.status, 201 | 400), "{name:?}: {} {}", answer.status, answer.text());
        let build = json!({"project": "home:alice:p1"}).to_string();
        let (content_type, body) = form(&[("build", None, &build), ("file", Some(name), "x")]);
        let request = world.request("POST", "/api/kiln/v1/builds").basic_auth(&login, Some(&token));
        let answer = world.send(request.header("content-type", content_type).body(body)).await;
        assert!(matches!(answer.status, 201 | 400), "{name:?}: {} {}", answer.status, answer.text());
    }
    for outside in ["etc", "b", "x.dsc"] {
        assert!(!world.folder.path().join(outside).exists());
    }
}

#[tokio::test]
async fn paths_with_tricks_find_nothing() {
    let world = World::new().await;
    world.project("p1").await;
    let tricks = [
        "..%2f..%2f..%2fetc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "home:alice:p1/debian-12/..%2f..%2f..%2f..%2fkiln.db",
        "home:alice:p1/debian-12/%2e%2e/%2e%2e/kiln.db",
        "home:alice:p1/debian-12/%00",
        "home:alice:p1/debian-12/%ff",
        "alice/p1/debian-12-x86_64/00000001-hello/..%2f..%2fx",
        "alice/p1/debian-12-x86_64/99999999999999999999-hello/",
        "%3Cscript%3E/x",
    ];
    for below in ["/repositories/", "/results/", "/projects/", "/builds/"] {
        for trick in tricks {
            // A raw request: a client library would tidy the path.
            let answer =
                raw(&world, format!("GET {below}{trick} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
                    .await;
            assert!(
                answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"),
                "{below}{trick}: {answer}"
            );
            assert!(!answer.contains("<script>") && !answer.contains("root:"), "{below}{trick}: {answer}");
        }
    }
}

async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(world.base.trim_start_matches("http://")).await.unwrap();
    // The server may answer and close before everything is sent.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn floods_of_headers_are_cut_off() {
    let world = World::new().await;
    let many = format!("GET /api_2 HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(1000));
    assert!(raw(&world, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let long = format!("GET /api_2 HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "b".repeat(1 << 20));
    let answer = raw(&world, long.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let address = format!("GET /api_2/projects?owner={} HTTP/1.1\r\nHost: x\r\n\r\n", "b".repeat(1 << 20));
    let answer = raw(&world, address.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(world.get("/api_2").await.status, 200);
}

#[tokio::test]
async fn a_slow_client_does_not_keep_its_place() {
    let options =
        ServerOptions { connections: 2, header_timeout: Duration::from_millis(200), ..ServerOptions::default() };
    let world = World::with(&[], options, 1000).await;
    let address = world.base.trim_start_matches("http://").to_owned();
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(b"GET /api_2 HTTP/1.1\r\nHost:").await.unwrap();
        slow.push(socket);
    }
    // Every place is taken; they are freed one after the other.
    assert_eq!(world.get("/api_2").await.status, 200);
}

#[tokio::test]
async fn an_unfinished_form_is_no_build() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let metadata = json!({"project_id": project}).to_string();
    let (content_type, body) = form(&[("metadata", None, &metadata), ("srpm", Some("a.dsc"), "content")]);
    let cut = body.len() - 20;
    let request = world.request("POST", "/api_2/builds").basic_auth(&login, Some(&token));
    let answer = world.send(request.header("content-type", content_type).body(body[..cut].to_owned())).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(world.get("/api_2/builds").await.json()["builds"], json!([]));
}
