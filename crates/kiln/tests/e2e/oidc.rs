//! Logging in on the pages through a real OpenID Connect provider, a program from PyPI that runs beside the server.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};

use crate::copr_client::python;
use crate::kit::Server;

const PACKAGE: &str = "oidc-provider-mock==0.3.4";

/// A provider; killed when dropped.
struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn start() -> Option<Self> {
        let Some(python) = python("oidc-0.3.4", &[PACKAGE], "oidc_provider_mock") else {
            eprintln!("skipped: pip can not install {PACKAGE} here");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut command = Command::new(python);
        command.args(["-W", "ignore", "-m", "oidc_provider_mock", "--port", &port, "--require-nonce", "true"]);
        for claims in [
            r#"{"sub": "17", "preferred_username": "carol", "groups": ["team", "administrators"]}"#,
            r#"{"sub": "18", "preferred_username": "alice"}"#,
            r#"{"sub": "19", "preferred_username": "not a name"}"#,
        ] {
            command.args(["--user-claims", claims]);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
        let provider = Self { child, issuer: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the provider does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(provider)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser that keeps the server's cookies and follows nothing by itself.
struct Browser {
    http: Client,
    url: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(url: &str) -> Self {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, url: url.to_owned(), cookies: BTreeMap::new() }
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for line in answer.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            match line.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// A page of the server.
    async fn get(&mut self, path: &str) -> (u16, String) {
        let answer = self.send(self.http.get(format!("{}{path}", self.url))).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn post(&mut self, path: &str, body: String) -> (u16, String) {
        let request = self.http.post(format!("{}{path}", self.url)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = self.send(request.header("sec-fetch-site", "same-origin")).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The address the provider sends the browser back to, after a person said who it is there.
    async fn come_back_from(&mut self, path: &str, person: &str) -> String {
        let away = self.send(self.http.get(format!("{}{path}", self.url))).await;
        assert_eq!(away.status().as_u16(), 303);
        let address = location(&away);
        let pairs = ["response_type=code", "code_challenge_method=S256", "code_challenge=", "nonce=", "state="];
        assert!(pairs.iter().all(|pair| address.contains(pair)), "{address}");
        // Nothing of ours goes to the provider but what the address has.
        let form = self.http.post(address).header("content-type", "application/x-www-form-urlencoded");
        let back = form.body(person.to_owned()).send().await.unwrap();
        location(&back)
    }

    async fn log_in(&mut self, path: &str, person: &str) -> (u16, String) {
        let back = self.come_back_from(path, person).await;
        let back = back.strip_prefix(&self.url).unwrap().to_owned();
        let answer = self.send(self.http.get(format!("{}{back}", self.url))).await;
        let status = answer.status().as_u16();
        match status {
            303 => (status, location(&answer)),
            _ => (status, answer.text().await.unwrap()),
        }
    }

    async fn csrf(&mut self, path: &str) -> String {
        between(&self.get(path).await.1, "name=\"csrf\" value=\"")
    }
}

fn between(page: &str, before: &str) -> String {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("{before}: {page}")).1;
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

fn location(answer: &Response) -> String {
    answer.headers().get(LOCATION).unwrap_or_else(|| panic!("{answer:?}")).to_str().unwrap().to_owned()
}

fn server(folder: &Path, provider: &Provider) -> Server {
    let secret = folder.join("secret");
    std::fs::write(&secret, "a shared secret\n").unwrap();
    let flags = [
        "--workers=0",
        "--oidc-issuer",
        &provider.issuer,
        "--oidc-client-id=kiln",
        "--oidc-client-secret-file",
        secret.to_str().unwrap(),
        "--oidc-groups-claim=groups",
        "--oidc-admin-group=administrators",
    ];
    Server::start(folder, &flags)
}

fn run(test: impl Future<Output = ()>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_provider_logs_people_in_and_says_what_they_are() {
    let Some(provider) = Provider::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), &provider);
    for group in ["team", "other"] {
        server.json(&["group", "create", group]);
    }
    run(async {
        let mut browser = Browser::new(&server.url);
        let (_, page) = browser.get("/login?next=/projects/x").await;
        assert_eq!(between(&page, "id=\"provider\" href=\""), "/login/provider?next=/projects/x");
        let arrived = browser.log_in("/login/provider?next=/projects/x", "sub=17").await;
        assert_eq!(arrived, (303, "/projects/x".to_owned()));
        let (status, account) = browser.get("/account").await;
        assert!(status == 200 && account.contains("<h1>carol, administrator</h1>"), "{account}");
        assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["kiln_session", "kiln_visitor"]);
        let first = browser.cookies["kiln_session"].clone();
        assert_eq!(browser.log_in("/login/provider", "sub=17").await.0, 303);
        assert_ne!(browser.cookies["kiln_session"], first, "each login has a session of its own");
        let mut named = Browser::new(&server.url);
        let (status, page) = named.log_in("/login/provider", "sub=19").await;
        assert!(status == 403 && page.contains("no usable user name"), "{page}");
        let (status, page) = named.log_in("/login/provider", "action=deny").await;
        assert!(matches!(status, 400 | 403) && page.contains("You are not logged in"), "{page}");
        assert!(!named.cookies.contains_key("kiln_session"));
    });
    let groups = server.json(&["group", "list"]);
    assert!(groups.to_string().contains("carol"), "{groups}");
    let members = |name: &str| {
        let groups = groups["groups"].as_array().unwrap();
        groups.iter().find(|group| group["name"] == name).unwrap()["members"].clone()
    };
    assert_eq!((members("team"), members("other")), (serde_json::json!(["carol"]), serde_json::json!([])));
}

#[test]
fn a_name_that_is_taken_is_refused_until_its_owner_links_the_account() {
    let Some(provider) = Provider::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), &provider);
    server.json(&["user", "create", "alice"]);
    assert_eq!(server.kiln_with_input(&["user", "passwd", "alice"], "a good password").code(), 0);
    run(async {
        let mut stranger = Browser::new(&server.url);
        let (status, page) = stranger.log_in("/login/provider", "sub=18").await;
        assert!(status == 409 && page.contains("there is a user or group alice here already"), "{page}");

        let mut alice = Browser::new(&server.url);
        let csrf = alice.csrf("/login").await;
        let form = format!("csrf={csrf}&name=alice&password=a%20good%20password");
        assert_eq!(alice.post("/login", form).await.0, 303);
        assert_eq!(alice.get("/login/provider?link=0000").await.0, 403, "only our own page may begin that");
        let link = between(&alice.get("/account").await.1, "id=\"link\" href=\"");
        assert_eq!(alice.log_in(&link, "sub=18").await, (303, "/account?done=linked".to_owned()));
        let (_, account) = alice.get("/account").await;
        assert!(account.contains("You can log in through 127.0.0.1."), "{account}");

        assert_eq!(stranger.log_in("/login/provider", "sub=18").await.0, 303);
        assert!(stranger.get("/account").await.1.contains("<h1>alice</h1>"));

        let csrf = alice.csrf("/account").await;
        assert_eq!(alice.post("/account/provider/unlink", format!("csrf={csrf}")).await.0, 303);
        assert_eq!(Browser::new(&server.url).log_in("/login/provider", "sub=18").await.0, 409);
    });
}

#[test]
fn an_answer_that_this_browser_did_not_ask_for_logs_nobody_in() {
    let Some(provider) = Provider::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), &provider);
    run(async {
        let (mut mallory, mut victim) = (Browser::new(&server.url), Browser::new(&server.url));
        let back = mallory.come_back_from("/login/provider", "sub=17").await;
        let back = back.strip_prefix(&server.url).unwrap().to_owned();
        assert_eq!(victim.get(&back).await.0, 400, "no login was begun");
        victim.come_back_from("/login/provider", "sub=17").await;
        let (status, page) = victim.get(&back).await;
        assert!(status == 400 && page.contains("does not belong to a login that this browser began"), "{page}");
        let other = back.replace("?", "?iss=https%3A%2F%2Fevil.example&");
        assert_eq!(mallory.get(&other).await.0, 400);
        let changed = back.replace("code=", "code=x");
        let (status, page) = mallory.get(&changed).await;
        assert!(status == 502 && page.contains("invalid_grant"), "{status} {page}");
        for path in ["/login/provider/back", "/login/provider/back?code=x", "/login/provider/back?state=x&code=%00"] {
            assert_eq!(mallory.get(path).await.0, 400, "{path}");
        }
        assert!(![&mallory, &victim].iter().any(|browser| browser.cookies.contains_key("kiln_session")));
        assert_eq!(mallory.get(&back).await.0, 303, "it is still mallory's own");
        let used = mallory.get(&back).await;
        assert_eq!(used.0, 400, "once");
    });
}

#[test]
fn without_a_provider_there_is_no_button_and_a_bad_one_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--workers=0"]);
    run(async {
        let mut browser = Browser::new(&server.url);
        assert!(!browser.get("/login").await.1.contains("id=\"provider\""));
        assert_eq!(browser.get("/login/provider").await.0, 404);
    });
    for (issuer, reason) in
        [("http://id.example.org", "it must begin with https://"), ("nonsense", "OpenID Connect issuer")]
    {
        let data = folder.path().join("other").display().to_string();
        let flags = ["serve", "--fake-engine", "--listen=127.0.0.1:0", "--data", &data, "--oidc-client-id=x"];
        let ran = server.kiln(&[&flags[..], &["--oidc-issuer", issuer]].concat());
        assert!(ran.code() == 2 && ran.stderr().contains(reason), "{}", ran.stderr());
    }
}
