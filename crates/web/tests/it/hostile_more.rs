//! As `hostile`, for the other dialects: documents that are bombs, fields of the wrong type, connections that stop.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::kit::World;

/// Bodies nobody wants.
fn odd_documents() -> Vec<Vec<u8>> {
    let bomb =
        "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><project name=\"&b;\"/>";
    vec![
        Vec::new(),
        b"\xff\xfe\x00".to_vec(),
        b"<".to_vec(),
        b"<project".to_vec(),
        b"<project name=\"home:alice:p\">".to_vec(),
        b"<project name='x' name='y'/>".to_vec(),
        b"<other/>".to_vec(),
        b"{}".to_vec(),
        bomb.into(),
        "<a>".repeat(50_000).into_bytes(),
        format!("<project name=\"{}\"/>", "x".repeat(500_000)).into_bytes(),
        format!("<project {}/>", (0..20_000).map(|n| format!("a{n}=\"\" ")).collect::<String>()).into_bytes(),
        b"<project name=\"home:alice:p\"><title/><description/><repository name=\"../..\"><arch>x</arch></repository></project>".to_vec(),
        b"<project name=\"home:alice:p\"><title>\x00\x01</title><description/></project>".to_vec(),
        vec![b' '; 2 << 20],
    ]
}

#[tokio::test]
async fn odd_documents_are_never_a_500_and_change_nothing() {
    let world = World::new().await;
    world.project("p").await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let meta = || async {
        let request = world.request("GET", "/source/home:alice:p/_meta").basic_auth(&login, Some(&token));
        world.send(request).await.text()
    };
    let before = meta().await;
    let places = [
        ("PUT", "/source/home:alice:p/_meta"),
        ("PUT", "/source/home:alice:p/pkg/_meta"),
        ("POST", "/source/home:alice:p/pkg?cmd=commitfilelist"),
        ("POST", "/source/home:alice:p?cmd=nonsense"),
        ("POST", "/build/home:alice:p?cmd=nonsense"),
        ("DELETE", "/source/home:alice:p/nosuch"),
    ];
    for (method, path) in places {
        for body in odd_documents() {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let request = world.request(method, path).basic_auth(&login, Some(&token)).body(body);
            let answer = world.send(request).await;
            assert!(answer.status < 500, "{method} {path} {shown}: {} {}", answer.status, answer.text());
            assert!(answer.text().len() < 20_000, "{method} {path} {shown}: an echo of {}", answer.text().len());
        }
    }
    assert_eq!(meta().await, before);
}

#[tokio::test]
async fn wrong_types_of_accounts_are_never_a_500() {
    let world = World::new().await;
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("x".repeat(100_000)),
        json!("a\u{0}b\r\nSet-Cookie: x"),
        json!([]),
        json!({"x": 1}),
    ];
    let places = [
        ("PUT", "/users/alice/password", "password"),
        ("POST", "/users/alice/ssh-keys", "key"),
        ("POST", "/users/alice/tokens", "lifetime_seconds"),
        ("POST", "/users", "name"),
        ("PUT", "/users/alice", "admin"),
        ("POST", "/groups", "name"),
    ];
    let mut count = 0;
    for (method, path, field) in places {
        for value in &values {
            let path = format!("/api/kiln/v1{path}");
            let answer = world.call("admin", method, &path, json!({ field: value })).await;
            assert!(answer.status < 500, "{method} {path} {value:.60}: {} {}", answer.status, answer.text());
            count += 1;
        }
    }
    assert_eq!(count, places.len() * values.len());
    for id in ["x", "-1", "99999999999999999999", "%00", "..", "1%2f2"] {
        for path in ["ssh-keys", "sessions", "tokens"] {
            let answer =
                world.call("alice", "DELETE", &format!("/api/kiln/v1/users/alice/{path}/{id}"), Value::Null).await;
            assert!(answer.status < 500, "{path}/{id}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn odd_cookies_and_credentials_are_strangers() {
    let world = World::new().await;
    let long = "f".repeat(7000);
    let secret = "0".repeat(64);
    let cookies =
        ["", "=", ";;;", "kiln_session", "kiln_session=", "kiln_session=\"", &long, &secret, "kiln_provider=x.y.z"];
    for cookie in cookies {
        let cookie =
            if cookie == long || cookie == secret { format!("kiln_session={cookie}") } else { cookie.to_owned() };
        for (path, status) in [("/account", 303), ("/api/kiln/v1/login", 401), ("/source", 401), ("/login", 200)] {
            let answer = world.send(world.request("GET", path).header("cookie", &cookie)).await;
            assert_eq!(answer.status, status, "{path} {cookie:.80}: {}", answer.text());
        }
    }
    for header in [
        "Signature",
        "Signature x",
        "Signature keyId=\"alice\",algorithm=\"ssh\",headers=\"(created)\",created=1,signature=\"\"",
        "Signature keyId=\"alice\",algorithm=\"ssh\",headers=\"(created)\",created=9223372036854775807,signature=\"U1NIU0lH\"",
        "Signature keyId=\"../x\",algorithm=\"ssh\",headers=\"(created)\",created=-9223372036854775808,signature=\"AAAA\"",
        "Bearer x",
        "Basic",
    ] {
        let answer = world.send(world.request("GET", "/source").header("authorization", header)).await;
        assert_eq!(answer.status, 401, "{header}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_upload_whose_connection_breaks_leaves_nothing() {
    let world = World::new().await;
    let project = world.project("p").await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let request = world.request("GET", "/").basic_auth(&login, Some(&token)).build().unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
    let address = world.base.trim_start_matches("http://").to_owned();
    let head = format!(
        "POST /api_2/builds HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: 900000\r\n\
         Content-Type: multipart/form-data; boundary=B\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n\
         {{\"project_id\": {project}}}\r\n--B\r\nContent-Disposition: form-data; name=\"srpm\"; filename=\"a.dsc\"\r\n\r\n"
    );
    let waiting = world.folder.path().join("data/blobs/tmp");
    let files = || std::fs::read_dir(&waiting).unwrap().count();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&vec![b'x'; 300_000]).await.unwrap();
    while files() == 0 {
        tokio::task::yield_now().await;
    }
    drop(socket);
    let gone = async {
        while files() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
    assert_eq!(world.get("/api_2/builds").await.json()["builds"], json!([]));
}
