//! Passwords, sessions and the account page, as browsers and clients use them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::{Answer, World, user_name};

const PASSWORD: &str = "correct: horse";

/// A browser: keeps cookies, and says where its requests come from.
struct Browser<'w> {
    world: &'w World,
    cookies: BTreeMap<String, String>,
    /// What it says of the page a form comes from.
    site: Option<&'static str>,
}

impl<'w> Browser<'w> {
    fn new(world: &'w World) -> Self {
        Self { world, cookies: BTreeMap::new(), site: Some("same-origin") }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request.header("user-agent", "test browser");
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let answer = self.world.send(request).await;
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            assert!(line.contains("; HttpOnly; SameSite=Lax") && line.contains("; Path=/"), "{line}");
            let (pair, rest) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match rest.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(self.world.request("GET", path)).await
    }

    /// The word in the forms of a page.
    async fn csrf(&mut self, path: &str) -> String {
        let page = self.get(path).await.text();
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form: {page}"));
        rest.split('"').next().unwrap().to_owned()
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url_encoded(fields);
        let mut request = self.world.request("POST", path).body(body);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(site) = self.site {
            request = request.header("sec-fetch-site", site);
        }
        self.send(request).await
    }

    async fn log_in(&mut self, name: &str, password: &str) -> Answer {
        let csrf = self.csrf("/login?next=/account").await;
        self.post("/login", &[("csrf", &csrf), ("next", "/account"), ("name", name), ("password", password)]).await
    }

    fn session(&self) -> Option<&String> {
        self.cookies.get("kiln_session")
    }
}

fn url_encoded(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{name}={value}")
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

async fn set_password(world: &World, user: &str, password: &str) {
    let path = format!("/api/kiln/v1/users/{user}/password");
    let answer = world.call(user, "PUT", &path, json!({"password": password})).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

#[tokio::test]
async fn a_password_opens_a_session_that_ends_with_the_logout() {
    let world = World::new().await;
    set_password(&world, "alice", PASSWORD).await;
    let mut browser = Browser::new(&world);
    assert_eq!(browser.get("/account").await.header("location"), Some("/login?next=/account"));
    let answer = browser.log_in("alice", PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/account")), "{}", answer.text());
    let account = browser.get("/account").await;
    assert!(account.text().contains("<h1>alice</h1>") && account.text().contains("test browser (this one)"));
    assert_eq!(account.header("cache-control"), Some("no-store"));
    let policy = account.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let (secret, csrf) = (browser.session().unwrap().clone(), browser.csrf("/account").await);
    assert_eq!(browser.get("/login?next=//evil.example").await.header("location"), Some("/"));
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status, 303);
    assert_eq!(browser.session(), None);
    browser.cookies.insert("kiln_session".to_owned(), secret);
    assert_eq!(browser.get("/account").await.status, 303, "the session has ended on the server too");
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_look_the_same_and_both_are_slowed_down() {
    let world = World::new().await;
    set_password(&world, "alice", PASSWORD).await;
    let mut browser = Browser::new(&world);
    let wrong = browser.log_in("alice", "wrong password").await;
    let unknown = browser.log_in("nobody", "wrong password").await;
    assert_eq!((wrong.status, unknown.status), (403, 403));
    assert_eq!(wrong.text().replace("alice", "nobody"), unknown.text());
    for name in ["", "a b", "'; --", "<script>", &"x".repeat(5000)] {
        let answer = browser.log_in(name, PASSWORD).await;
        assert!(answer.status == 403 && !answer.text().contains("<script>"), "{name}: {}", answer.text());
    }
    let csrf = browser.csrf("/login").await;
    for _ in 0..20 {
        browser.post("/login", &[("csrf", &csrf), ("name", "alice"), ("password", "x")]).await;
    }
    let answer = browser.log_in("alice", PASSWORD).await;
    assert!(answer.status == 429 && browser.session().is_none(), "{}", answer.text());
}

#[tokio::test]
async fn a_login_makes_a_new_session_and_ends_the_one_before() {
    let world = World::new().await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let mut browser = Browser::new(&world);
    assert_eq!(browser.log_in(&login, &token).await.status, 303, "a token is as good as a password");
    let first = browser.session().unwrap().clone();
    let csrf = browser.csrf("/account").await;
    let fields = [("csrf", &*csrf), ("name", "alice"), ("password", &*token)];
    assert_eq!(browser.post("/login", &fields).await.status, 303);
    let second = browser.session().unwrap().clone();
    assert_ne!(first, second);
    assert_ne!(csrf, browser.csrf("/account").await, "the word of the forms is another one too");
    browser.cookies.insert("kiln_session".to_owned(), first);
    assert_eq!(browser.get("/account").await.status, 303);
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session() {
    let world = World::new().await;
    set_password(&world, "alice", PASSWORD).await;
    let (mut here, mut there) = (Browser::new(&world), Browser::new(&world));
    here.log_in("alice", PASSWORD).await;
    there.log_in("alice", PASSWORD).await;
    let (before, csrf) = (here.session().unwrap().clone(), here.csrf("/account").await);
    let change = |current: &'static str, new: &'static str, again: &'static str| {
        [("csrf", csrf.clone()), ("current", current.into()), ("new", new.into()), ("again", again.into())]
    };
    for (current, new, again, status) in [
        ("wrong", "another password", "another password", 403),
        (PASSWORD, "another password", "a third password", 400),
        (PASSWORD, "short", "short", 400),
        (PASSWORD, "another password", "another password", 303),
    ] {
        let fields = change(current, new, again);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = here.post("/account/password", &fields).await;
        assert_eq!(answer.status, status, "{current} {new}: {}", answer.text());
    }
    assert_ne!(here.session(), Some(&before), "the own session is a new one");
    assert_eq!((here.get("/account").await.status, there.get("/account").await.status), (200, 303));
    let basic = |password: &'static str| world.request("GET", "/api/kiln/v1/login").basic_auth("alice", Some(password));
    assert_eq!(world.send(basic(PASSWORD)).await.status, 401, "remembered or not");
    assert_eq!(world.send(basic("another password")).await.status, 200);
}

#[tokio::test]
async fn forms_without_the_word_or_from_elsewhere_change_nothing() {
    let world = World::new().await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let mut browser = Browser::new(&world);
    browser.log_in(&login, &token).await;
    let csrf = browser.csrf("/account").await;
    let forms = ["/logout", "/account/tokens", "/account/sessions/end", "/account/password", "/account/keys"];
    let more = ["/account/tokens/revoke", "/account/keys/remove", "/login"];
    for path in forms.into_iter().chain(more) {
        for word in ["", "x", &"0".repeat(64)] {
            assert_eq!(browser.post(path, &[("csrf", word), ("id", "all")]).await.status, 403, "{path} {word}");
        }
        for site in ["cross-site", "same-site"] {
            browser.site = Some(site);
            assert_eq!(browser.post(path, &[("csrf", &csrf), ("id", "all")]).await.status, 403, "{path} {site}");
        }
        browser.site = Some("same-origin");
    }
    assert_eq!(browser.get("/account").await.status, 200);
    browser.site = None;
    assert_eq!(
        browser.post("/account/tokens", &[("csrf", &csrf)]).await.status,
        200,
        "a browser without these headers"
    );
}

#[tokio::test]
async fn a_session_alone_reads_the_interface_and_writes_only_from_our_pages() {
    let world = World::new().await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let mut browser = Browser::new(&world);
    browser.log_in(&login, &token).await;
    assert_eq!(browser.get("/api/kiln/v1/login").await.json(), json!({"user": "alice", "admin": false}));
    let body = json!({"name": "home:alice:p", "targets": []});
    for (header, value, status) in [
        ("x-none", "", 401),
        ("sec-fetch-site", "cross-site", 401),
        ("origin", "https://evil.example", 401),
        ("origin", "null", 401),
        ("sec-fetch-site", "same-origin", 201),
    ] {
        let request = world.request("POST", "/api/kiln/v1/projects").header(header, value).json(&body);
        let answer = browser.send(request).await;
        assert_eq!(answer.status, status, "{header}: {value}: {}", answer.text());
    }
    let request = world.request("PUT", "/api/kiln/v1/users/alice/password").header("sec-fetch-site", "same-origin");
    let answer = browser.send(request.json(&json!({"password": "another password"}))).await;
    assert_eq!(answer.status, 401, "not the password");
    for path in ["/api_2/projects", "/api_3/project/add/alice"] {
        let request = world.request("POST", path).header("sec-fetch-site", "same-origin").json(&json!({"name": "q"}));
        assert_eq!(browser.send(request).await.status, 401, "Copr's clients have tokens: {path}");
    }
    let wrong = world.request("GET", "/api/kiln/v1/login").basic_auth("alice", Some("wrong"));
    assert_eq!(browser.send(wrong).await.status, 401, "what the header says counts more");
}

#[tokio::test]
async fn tokens_keys_and_sessions_are_managed_on_the_page() {
    let world = World::new().await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let mut browser = Browser::new(&world);
    browser.log_in(&login, &token).await;
    let csrf = browser.csrf("/account").await;
    let made = browser.post("/account/tokens", &[("csrf", &csrf), ("days", "90")]).await.text();
    let field = |name: &str| {
        let line =
            made.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap_or_else(|| panic!("{made}"));
        line.split(" = ").nth(1).unwrap().to_owned()
    };
    let (made_login, secret) = (field("login"), field("token"));
    let ask = || world.request("GET", "/api/kiln/v1/login").basic_auth(&made_login, Some(&secret));
    assert_eq!(world.send(ask()).await.status, 200);
    let page = browser.get("/account").await.text();
    assert!(page.contains(&made_login) && !page.contains(&secret), "shown once");
    browser.post("/account/tokens/revoke", &[("csrf", &csrf), ("login", &made_login)]).await;
    assert_eq!(world.send(ask()).await.status, 401);

    let key =
        include_str!("../../../../corpus/sshsig/ssh-keygen.tsv").lines().nth(1).unwrap().split('\t').next().unwrap();
    assert_eq!(browser.post("/account/keys", &[("csrf", &csrf), ("key", "ssh-ed25519 x")]).await.status, 400);
    let hostile = key.replace("tests", "<script>x</script>");
    assert_eq!(browser.post("/account/keys", &[("csrf", &csrf), ("key", &hostile)]).await.status, 303);
    let again = browser.post("/account/keys", &[("csrf", &csrf), ("key", key)]).await;
    assert!(again.status == 400 && again.text().contains("alice has this one already"), "{}", again.text());
    let page = browser.get("/account").await.text();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
    let id = world.call("alice", "GET", "/api/kiln/v1/users/alice/ssh-keys", Value::Null).await.json()["keys"][0]["id"]
        .clone();
    browser.post("/account/keys/remove", &[("csrf", &csrf), ("id", &id.to_string())]).await;
    let left = world.call("alice", "GET", "/api/kiln/v1/users/alice/ssh-keys", Value::Null).await.json();
    assert_eq!(left, json!({"keys": []}));

    let mut other = Browser::new(&world);
    other.log_in(&login, &token).await;
    assert_eq!(browser.post("/account/sessions/end", &[("csrf", &csrf), ("id", "all")]).await.status, 303);
    assert_eq!((browser.get("/account").await.status, other.get("/account").await.status), (303, 303));
}

#[tokio::test]
async fn accounts_are_their_owners_and_the_administrators() {
    let world = World::new().await;
    let key =
        include_str!("../../../../corpus/sshsig/ssh-keygen.tsv").lines().nth(1).unwrap().split('\t').next().unwrap();
    let base = "/api/kiln/v1/users/alice";
    let requests = [
        ("PUT", "/password", json!({"password": "a good password"}), 204),
        ("POST", "/ssh-keys", json!({"key": key}), 201),
        ("GET", "/ssh-keys", Value::Null, 200),
        ("DELETE", "/ssh-keys/1", Value::Null, 200),
        ("GET", "/sessions", Value::Null, 200),
        ("DELETE", "/sessions/1", Value::Null, 200),
        ("DELETE", "/sessions", Value::Null, 200),
        ("DELETE", "/password", Value::Null, 204),
    ];
    for (method, path, body, status) in requests {
        let path = format!("{base}{path}");
        let bare = world.send(world.request(method, &path).json(&body)).await;
        assert_eq!(bare.status, 401, "{method} {path}");
        let denied = world.call("bob", method, &path, body.clone()).await;
        assert_eq!(denied.status, 403, "{method} {path}: {}", denied.text());
        for user in ["alice", "admin"] {
            let answer = world.call(user, method, &path, body.clone()).await;
            let twice = user == "admin" && path.ends_with("/ssh-keys") && method == "POST";
            assert_eq!(answer.status, if twice { 400 } else { status }, "{method} {path}: {}", answer.text());
        }
    }
    let missing =
        world.call("admin", "PUT", "/api/kiln/v1/users/nobody/password", json!({"password": "a good one"})).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn clients_get_a_session_with_their_first_answer_and_come_back_with_it() {
    let world = World::new().await;
    let (login, token) = world.token("alice", Duration::from_secs(600)).await;
    let bare = world.get("/source").await;
    assert!(bare.status == 401 && bare.header("set-cookie").is_none(), "nothing for strangers");
    let schemes: Vec<_> =
        bare.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(schemes, ["Basic realm=\"Kiln\"", "Signature realm=\"Kiln\",headers=\"(created)\""]);
    let ask = || world.request("GET", "/source").basic_auth(&login, Some(&token));
    let first = world.send(ask()).await;
    let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(first.header("set-cookie").unwrap().contains("Max-Age=43200"));
    let again = world.send(ask()).await;
    assert!(again.header("set-cookie").unwrap().starts_with(&cookie), "a client without a jar gets the same");
    let back = world.send(world.request("GET", "/source").header("cookie", &cookie)).await;
    assert!(back.status == 200 && back.header("set-cookie").is_none());
    let both = world.send(ask().header("cookie", &cookie)).await;
    assert!(both.status == 200 && both.header("set-cookie").is_none());
    let missing = world.request("GET", "/source/nosuch").basic_auth(&login, Some(&token));
    assert!(world.send(missing).await.header("set-cookie").is_some(), "errors too");

    let stale = "kiln_session=0000000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(world.send(world.request("GET", "/source").header("cookie", stale)).await.status, 401);
    let fresh = world.send(ask().header("cookie", stale)).await;
    assert!(fresh.status == 200 && fresh.header("set-cookie").is_some(), "the header counts more than the cookie");
    let wrong = world.request("GET", "/source").basic_auth(&login, Some("wrong")).header("cookie", &cookie);
    assert_eq!(world.send(wrong).await.status, 401, "here too");
    let other = world.token("bob", Duration::from_secs(600)).await;
    let changed = world.request("GET", "/person/bob").basic_auth(other.0, Some(other.1)).header("cookie", &cookie);
    let changed = world.send(changed).await;
    assert!(changed.status == 200 && changed.header("set-cookie").is_some(), "somebody else now");

    // A client's session is not one of the pages, but may write: no browser, so nothing says where it comes from.
    let page = world.send(world.request("GET", "/account").header("cookie", &cookie)).await;
    assert_eq!(page.status, 303);
    let meta = "<project name=\"home:alice:p\"><title/><description/></project>";
    let put = |header, value| {
        world.request("PUT", "/source/home:alice:p/_meta").header("cookie", &cookie).header(header, value).body(meta)
    };
    assert_eq!(world.send(put("sec-fetch-site", "cross-site")).await.status, 401);
    assert_eq!(world.send(put("origin", "https://evil.example")).await.status, 401);
    assert_eq!(world.send(put("x-none", "")).await.status, 200);
    world.call("alice", "DELETE", "/api/kiln/v1/users/alice/sessions", Value::Null).await;
    assert_eq!(world.send(world.request("GET", "/source").header("cookie", &cookie)).await.status, 401);
    let renewed = world.send(ask()).await;
    assert!(!renewed.header("set-cookie").unwrap().starts_with(&cookie), "an ended session is not given out again");
}

#[tokio::test]
async fn sessions_of_a_user_are_bounded_and_their_secrets_are_not_kept() {
    let world = World::new().await;
    let alice = world.service.user(&user_name("alice")).await.unwrap().unwrap();
    let mut secrets = Vec::new();
    for _ in 0..60 {
        let opened = world.service.open_session(&alice, service::LoginKind::Page, "x", Duration::from_secs(60)).await;
        secrets.push(opened.unwrap().secret);
    }
    assert_eq!(world.service.sessions(&alice, &alice.name).await.unwrap().len(), 50);
    assert_eq!(world.service.session(&secrets[0]).await.unwrap(), None);
    assert!(world.service.session(&secrets[59]).await.unwrap().is_some());
    let gone = world.service.open_session(&alice, service::LoginKind::Page, "x", Duration::ZERO).await.unwrap();
    assert_eq!(world.service.session(&gone.secret).await.unwrap(), None, "its time is over");
    world.service.reconcile("prune").await.unwrap();
    let database = std::fs::read(world.folder.path().join("data/kiln.db-wal")).unwrap();
    let found = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!found(&secrets[59]) && found("web_sessions"), "only digests are written");
}
