//! Pages as they come over the wire: what is in them, what is never in them, and how large they are.

use std::time::Duration;

use serde_json::json;

use crate::kit::{World, number_of};

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// A project of alice's with hostile texts; its build.
async fn hostile(world: &World) -> i64 {
    let body = json!({"name": "p1", "chroots": ["debian-12-x86_64"], "description": HOSTILE, "instructions": HOSTILE,
                      "homepage": "http://example.org/?\"x\"=<y>"});
    let made = world.call("alice", "POST", "/api_2/projects", body).await;
    world.build(number_of(made.header("location").unwrap())).await
}

#[tokio::test]
async fn pages_show_what_strangers_wrote_and_run_none_of_it() {
    let world = World::new().await;
    let build = hostile(&world).await;
    world.prepare(build).await;
    let job = world.claim().await;
    world.log(job, &format!("one {HOSTILE}\n\u{1b}[31mred\u{1b}[0m \u{202e}turned\u{0}\nx.c:1: error: {HOSTILE}\n"));
    world.fail(job).await;
    let project = "/projects/home:alice:p1";
    let paths = [
        "/".to_owned(),
        "/projects".to_owned(),
        format!("/projects?q={}", "%3Cscript%3E"),
        project.to_owned(),
        format!("{project}?q=%3Cscript%3E&state=failed"),
        format!("{project}/builds"),
        format!("{project}/repositories"),
        format!("{project}/packages/hello"),
        format!("{project}/config"),
        format!("{project}/config/effective"),
        format!("{project}/config/history"),
        format!("{project}/settings"),
        format!("/builds/{build}"),
        "/tasks/1".to_owned(),
        "/tasks/1?q=%3Cscript%3E".to_owned(),
        "/users/alice".to_owned(),
        "/api".to_owned(),
    ];
    for path in paths {
        let page = world.get(&path).await;
        let text = page.text();
        assert_eq!(page.status, 200, "{path}: {text}");
        let scripts = text.matches("<script").count();
        let own = text.matches("<script src=\"/assets/").count();
        assert_eq!(scripts, own, "{path}: {text}");
        for bad in ["<img", "javascript:alert(1)\"", " style=", " onclick=", "<style", "\u{1b}", "\u{202e}"] {
            assert!(!text.contains(bad), "{path} has {bad:?}: {text}");
        }
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
    }
    let log = world.get("/tasks/1").await.text();
    assert!(log.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{log}");
    assert!(log.contains("red \u{fffd}turned\u{fffd}") && log.contains("First error"), "{log}");
    assert!(
        log.contains("dpkg-buildpackage ended with exit status 2") && log.contains("the package&#39;s own"),
        "{log}"
    );
    let moved = world.get(&format!("/coprs/build/{build}")).await;
    assert_eq!((moved.status, moved.header("location")), (307, Some(format!("/builds/{build}").as_str())));
}

#[tokio::test]
async fn a_page_says_whether_a_package_will_be_built_again() {
    let world = World::new().await;
    let build = hostile(&world).await;
    world.prepare(build).await;
    let job = world.claim().await;
    world.fail(job).await;
    let package = "/projects/home:alice:p1/packages/hello";
    let says = async |words: &[&str]| {
        let text = world.get(&format!("{package}/again?target=debian-12/x86_64")).await.text();
        words.iter().for_each(|word| assert!(text.contains(word), "{word:?} in {text}"));
    };
    let page = world.get(package).await.text();
    let question = "data-again=\"/projects/home:alice:p1/packages/hello/again?target=debian-12/x86_64\"";
    assert!(page.contains("Will it be built again?") && page.contains(question), "{page}");
    says(&["href=\"/builds/1\"", "alice submitted it"]).await;
    let (login, token) = world.token("alice", Duration::from_secs(60)).await;
    let described = async |object: &str, kind: &str, inside: &str| {
        let meta = format!("<{kind}><title/><description/>{inside}</{kind}>");
        let request = world.request("PUT", &format!("/source/home:alice:p1{object}/_meta"));
        let answer = world.send(request.basic_auth(&login, Some(&token)).body(meta)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    described("/hello", "package", "<build><disable/></build>").await;
    says(&["No: builds of the package are switched off there."]).await;
    described("/hello", "package", "<lock><enable/></lock>").await;
    says(&["No: the package is locked."]).await;
    for path in ["/again?target=nosuch-1/x86_64", "/again?target=debian-12"] {
        assert!((400..=404).contains(&world.get(&format!("{package}{path}")).await.status), "{path}");
    }
    assert_eq!(world.get("/projects/home:alice:p1/packages/none/again?target=debian-12/x86_64").await.status, 404);
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let world = World::new().await;
    for path in ["/builds/99", "/builds/x", "/tasks/7", "/projects/nope", "/projects/%3Cscript%3E", "/users/nobody"] {
        let page = world.get(path).await;
        assert_eq!(page.status, 404, "{path}: {}", page.text());
        assert!(page.text().contains("There is nothing here") && !page.text().contains("<script>"), "{}", page.text());
    }
}

#[tokio::test]
async fn files_of_pages_are_kept_for_ever_under_the_name_of_their_content() {
    let world = World::new().await;
    let home = world.get("/").await.text();
    for name in ["style.css", "live.js", "icon.svg"] {
        let end = home.find(&format!("/{name}\"")).unwrap_or_else(|| panic!("{name}: {home}"));
        let start = home[..end].rfind("/assets/").unwrap();
        let address = format!("{}/{name}", &home[start..end]);
        let file = world.get(&address).await;
        assert_eq!(file.status, 200, "{address}");
        assert!(file.header("cache-control").unwrap().contains("immutable"), "{address}");
        let other = world.get(&format!("/assets/000000000000/{name}")).await;
        assert_eq!((other.status, other.header("cache-control")), (200, Some("no-cache")));
    }
    assert_eq!(world.get("/assets/000000000000/../../etc/passwd").await.status, 404);
}

#[tokio::test]
async fn the_lines_of_a_log_come_piece_by_piece_until_its_end() {
    let world = World::new().await;
    let build = hostile(&world).await;
    world.prepare(build).await;
    let before = world.get("/tasks/1").await.text();
    assert!(before.contains("The log begins when a worker does"), "{before}");
    let job = world.claim().await;
    world.log(job, "first <b>\nsecond, not yet");
    let piece = world.get("/tasks/1/lines?offset=0&line=1").await;
    assert_eq!((piece.header("kiln-line"), piece.header("kiln-offset")), (Some("2"), Some("10")));
    assert!(piece.text().contains("first &lt;b&gt;") && !piece.text().contains("second"), "{}", piece.text());
    // A reader that waits is answered when something comes.
    let (piece, ()) = tokio::join!(world.get("/tasks/1/lines?offset=10&line=2"), async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        world.log(job, " complete\n");
    });
    assert!(piece.text().contains("second, not yet complete"), "{}", piece.text());
    assert_eq!(piece.header("kiln-done"), Some("no"));
    world.succeed(job, b"package").await;
    let end = world.get("/tasks/1/lines?offset=35&line=3").await;
    assert_eq!((end.text().as_str(), end.header("kiln-done")), ("", Some("yes")));
    let page = world.get("/tasks/1").await.text();
    assert!(page.contains("2 lines") && !page.contains("data-follow"), "{page}");
}

#[tokio::test]
async fn install_instructions_name_the_key() {
    let world = World::new().await;
    world.project("p1").await;
    let page = world.get("/projects/home:alice:p1/repositories").await.text();
    assert!(page.contains("signed-by=/etc/apt/keyrings/home-alice-p1.asc"), "{page}");
    let start = page.find("fingerprint\">").unwrap() + "fingerprint\">".len();
    let shown: String = page[start..].chars().take_while(|c| *c != '<').filter(|c| *c != ' ').collect();
    assert!(shown.len() == 40 && shown.chars().all(|c| c.is_ascii_hexdigit()), "{shown}");
}

#[tokio::test]
async fn forms_of_strangers_change_nothing() {
    let world = World::new().await;
    let build = hostile(&world).await;
    let project = "/projects/home:alice:p1";
    let forms = [
        (format!("{project}/config"), "do=save&text=Prefer:+x&base=0&csrf="),
        (format!("{project}/config"), "do=impact&text=Prefer:+x&base=0"),
        (format!("{project}/settings"), "description=x"),
        (format!("{project}/settings/targets"), ""),
        (format!("{project}/rebuild"), ""),
        (format!("{project}/packages/hello/rebuild"), ""),
        (format!("/builds/{build}/cancel"), ""),
    ];
    for (path, body) in forms {
        let form = world.request("POST", &path).header("content-type", "application/x-www-form-urlencoded");
        let answer = world.send(form.body(body)).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(answer.text().contains("Nothing was changed"), "{path}: {}", answer.text());
    }
    // A token is no session of a browser: it does not make a form good.
    let (login, token) = world.token("alice", std::time::Duration::from_secs(60)).await;
    let form = world.request("POST", &format!("{project}/config")).basic_auth(login, Some(token));
    let answer =
        world.send(form.header("content-type", "application/x-www-form-urlencoded").body("do=save&text=x")).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let config = world.get("/api/kiln/v1/projects/home:alice:p1/config").await.json();
    assert_eq!((&config["revision"], &config["text"]), (&json!(0), &json!("")));
}
