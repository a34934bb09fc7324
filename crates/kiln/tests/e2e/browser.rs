//! Pages as a person has them: in a browser, with a mouse or with keys, in the light and in the dark, large and small.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use testkit::archive::Archive;

use crate::builds::{now, server_of};
use crate::kit::Server;
use crate::webdriver::{Browser, CONTROL, DOWN, ENTER, ESCAPE, TAB};

const PACKAGES: &str = "
    P: cc-one provides cc
    P: cc-two provides cc requires libc6
    P: libc6 2.36-9 amd64
    P: debhelper
";

const PROJECT: &str = "home:admin:tools";

/// What looks for barriers, from npm.
const AXE: &str = "axe-core@4.14.1";

const NO_BROWSER: &str = "skipped: no chromium and chromedriver on this machine (scripts/setup.sh test)";

const PASSWORD: &str = "a fine password";

/// A text that would do harm on a page that believed it.
const HOSTILE: &str = "</textarea><script>window.hacked = true</script><img src=x onerror='window.hacked = true'>";

/// A server with a project whose packages succeeded, failed and can not be resolved, and a browser.
struct World {
    server: Server,
    archive: Archive,
    folder: tempfile::TempDir,
    browser: Browser,
}

impl World {
    fn new() -> Option<Self> {
        let browser = Browser::start()?;
        let (folder, archive) = (tempfile::tempdir().unwrap(), Archive::new(PACKAGES, now()));
        let server = server_of(folder.path(), &archive);
        Some(Self { server, archive, folder, browser })
    }

    /// Keeps a build configuration.
    fn configure(&self, text: &str, comment: &str) {
        let file = self.folder.path().join("new.conf");
        std::fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        self.server.json(&["project", "config", PROJECT, "--set", &file, "--comment", comment]);
    }

    /// Submits a source and waits for a state.
    fn build(&self, name: &str, fields: &str, state: &str) -> i64 {
        let build =
            self.server.json(&["submit", PROJECT, &self.archive.source(name, fields)])["build"].as_i64().unwrap();
        self.server.wait_for(build, state);
        build
    }

    fn set_password(&self) {
        self.server.set_password("admin", PASSWORD);
    }

    fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.server.url));
    }

    /// Logs in with the keyboard alone.
    fn log_in(&self) {
        self.set_password();
        self.open("/login");
        self.browser.type_into("#name", "admin");
        self.browser.press(&[TAB]);
        assert!(self.browser.focused().starts_with("input password"), "{}", self.browser.focused());
        self.browser.type_into("#password", PASSWORD);
        self.browser.press(&[ENTER]);
        self.browser.wait("location.pathname === '/'");
        self.browser.wait("document.querySelector('.bar nav').innerText.includes('admin')");
    }

    /// That nothing on a page ran or broke its policy.
    fn check_harmless(&self, path: &str) {
        assert_eq!(self.browser.run("return window.hacked ?? null"), Value::Null, "{path}");
        let complaints = self.browser.complaints();
        assert!(complaints.is_empty(), "{path}: {complaints:#?}");
    }
}

/// Every kind of page, of a server with two builds.
fn pages() -> Vec<String> {
    let project = format!("/projects/{PROJECT}");
    let below = [
        "",
        "?state=failed&q=a",
        "/builds",
        "/repositories",
        "/config",
        "/config/effective",
        "/config/history",
        "/config/history/1",
        "/settings",
        "/packages/talks-app",
        "/packages/talks-app/why?target=debian-12/x86_64",
        "/packages/other/why?target=debian-12/x86_64",
        "/packages/talks-app/again?target=debian-12/x86_64",
    ];
    let mut pages: Vec<String> = below.iter().map(|path| format!("{project}{path}")).collect();
    pages.extend(
        [
            "/",
            "/projects",
            "/users/admin",
            "/api",
            "/login",
            "/account",
            "/builds/1",
            "/tasks/1?q=part",
            "/tasks/2",
            "/nope",
        ]
        .map(str::to_owned),
    );
    pages
}

/// Words are offered while somebody types and when somebody asks, and taken with keys alone; the text stays what it was.
fn completes(browser: &Browser) {
    let text = browser.run("return document.getElementById('text').value");
    let value = |wanted: &str| browser.wait(&format!("document.getElementById('text').value === {wanted:?}"));
    let is_open = "!document.getElementById('completions').hidden";
    // What fits is shown, but Enter begins a line as long as nothing is chosen.
    browser.fill("#text", "Preins");
    browser
        .wait(&format!("{is_open} && document.querySelector('#completions li').innerText.startsWith('Preinstall:')"));
    browser.press(&[ENTER]);
    value("Preins\n");
    browser.wait(&format!("!({is_open})"));
    browser.fill("#text", "Substi");
    browser.wait(is_open);
    browser.press(&[DOWN]);
    let active = "document.getElementById(document.getElementById('text').getAttribute('aria-activedescendant'))";
    browser.wait(&format!("{active}?.innerText.startsWith('Substitute:')"));
    browser.press(&[ENTER]);
    value("Substitute:");
    // Names of macros of the text itself, when somebody asks.
    browser.fill("#text", "%define own 1\nPrefer: %{ow");
    browser.press(&[ESCAPE]);
    browser.wait(&format!("!({is_open})"));
    browser.press_with(CONTROL, " ");
    browser.wait(&format!("{is_open} && {active}?.innerText.startsWith('own')"));
    browser.press(&[TAB]);
    value("%define own 1\nPrefer: %{own");
    assert!(browser.focused().starts_with("textarea text"), "{}", browser.focused());
    browser.fill("#text", text.as_str().unwrap());
}

#[test]
fn a_configuration_is_edited_tried_and_saved_and_its_build_followed_to_the_end() {
    let Some(world) = World::new() else {
        eprintln!("{NO_BROWSER}");
        return;
    };
    let browser = &world.browser;
    world.configure("Prefer: cc-one\n", "begin");
    world.server.json(&["project", "edit", PROJECT, "--rebuild-on-change"]);
    world.build("talks-app", "Build-Depends: cc\n", "succeeded");
    world.log_in();
    world.open(&format!("/projects/{PROJECT}/config"));
    browser.wait("document.querySelector('#editor.live')");

    // A finding comes while somebody types: in the margin, in the list, and for the line of the cursor.
    browser.fill("#text", "Prefer: cc-two\nPrefre: cc-one\n%if\n");
    browser.wait("document.querySelectorAll('#findings li').length >= 2");
    browser.wait("document.querySelectorAll('.gutter div')[1].matches('.warning, .error, .hint')");
    browser.wait("document.querySelectorAll('.gutter div')[2].matches('.error')");
    browser.click("#findings li a");
    browser.wait("document.activeElement.id === 'text'");
    assert!(browser.text("#cursor-finding").starts_with("Line 2: "), "{}", browser.text("#cursor-finding"));
    assert!(browser.text("#cursor-finding").contains("Prefre"), "{}", browser.text("#cursor-finding"));

    completes(browser);

    // It is refused, and the text stays.
    browser.click("#save");
    browser.wait("document.querySelector('.note.bad')?.innerText.includes('Not saved: line 3')");
    assert_eq!(
        browser.run("return document.getElementById('text').value"),
        json!("Prefer: cc-two\nPrefre: cc-one\n%if\n")
    );

    // The browser notes the refusal itself, and nothing else.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|one| one.contains("status of 400")), "{complaints:#?}");

    // What would this change?
    browser.wait("document.querySelector('#editor.live')");
    browser.fill("#text", "Prefer: cc-two\n");
    browser.wait("document.getElementById('findings-summary').innerText === 'Nothing is odd about it.'");
    browser.click("#try");
    browser.wait("document.getElementById('impact-title')");
    let impact = browser.text("#impact");
    for words in [
        "+ Prefer: cc-two",
        "- Prefer: cc-one",
        "talks-app",
        "+cc-two 1",
        "+libc6 2.36-9",
        "−cc-one 1",
        "starts 1 build",
    ] {
        assert!(impact.contains(words), "{words:?} in {impact}");
    }

    // Saving it starts a build, whose log is followed to its end.
    browser.fill("#comment", "the other one");
    browser.click("#save");
    browser.wait("document.querySelector('.note.good')?.innerText.includes('Revision 2 is saved')");
    world.open(&format!("/projects/{PROJECT}/builds"));
    browser.wait("document.querySelector('#builds tbody tr:nth-child(2)')");
    browser.click("#builds tbody tr:first-child td:nth-child(2) a");
    browser.wait("document.querySelector('.card .links a')");
    browser.click(".card .links a");
    browser.wait("location.pathname.startsWith('/tasks/')");
    let lines = "document.querySelectorAll('#lines .l').length";
    let before = browser.wait(&format!("{lines} > 2 && {lines}")).as_u64().unwrap();
    browser.wait(&format!("{lines} > {}", before + 5));
    browser.wait("document.getElementById('log-end')?.innerText === 'This is the end.'");
    browser.wait("document.querySelector('h1 .state.succeeded')");
    assert!(browser.text("#lines").contains("a small package at once"));
    assert!(browser.run(&format!("return {lines}")).as_u64().unwrap() > before + 5);
    world.check_harmless("the log");
    // The history has both, by meaning.
    world.open(&format!("/projects/{PROJECT}/config/history/2"));
    assert!(browser.text("main").contains("+ Prefer: cc-two"), "{}", browser.text("main"));
    assert!(browser.text("main").contains("the other one"));
}

/// A world in which every kind of page has something to show.
fn furnished() -> Option<World> {
    let world = World::new()?;
    world.configure("Prefer: cc-one\nPrefre: x\n", HOSTILE);
    let project: Value = world.server.json(&["project", "edit", PROJECT, "--description", HOSTILE]);
    assert!(project["project"]["settings"]["description"].as_str().unwrap().contains("script"));
    world.build("talks-app", "Build-Depends: cc\n", "succeeded");
    world.build("fail-app", "Build-Depends: debhelper\n", "failed");
    world.build("other", "Build-Depends: nosuch\n", "failed");
    Some(world)
}

#[test]
fn pages_are_accessible_harmless_and_fit_a_phone() {
    let Some(world) = furnished() else {
        eprintln!("{NO_BROWSER}");
        return;
    };
    let browser = &world.browser;
    world.log_in();
    let axe = axe();
    if axe.is_none() {
        eprintln!("skipped in part: npm can not install {AXE} here, so nothing looks at accessibility");
    }
    let mut found = Vec::new();
    browser.set_size(1240, 900, false);
    for path in pages() {
        world.open(&path);
        // That a page is missing is something the browser complains about.
        if path == "/nope" {
            browser.complaints();
        }
        if let Some(axe) = &axe {
            browser.run(axe);
            for is_dark in [false, true] {
                browser.set_dark(is_dark);
                found.extend(barriers(browser).into_iter().map(|one| format!("{path} dark={is_dark} {one}")));
            }
        }
        browser.set_size(390, 844, true);
        let wide = browser.run("return [document.documentElement.scrollWidth, window.innerWidth]");
        assert!(wide[0].as_u64() <= wide[1].as_u64(), "{path} is wider than a phone: {wide}");
        browser.set_size(1240, 900, false);
        world.check_harmless(&path);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What shuts people out of the page that is shown, as far as a program can tell: only what is serious.
fn barriers(browser: &Browser) -> Vec<String> {
    let found = browser.run_async(
        "axe.run(document, {resultTypes: ['violations']}).then((result) => done(result.violations \
         .filter((one) => ['serious', 'critical'].includes(one.impact)) \
         .map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html + ' ' + node.failureSummary) \
         .join(' | '))), (error) => done([String(error)]))",
    );
    found.as_array().unwrap().iter().map(ToString::to_string).collect()
}

/// The script that looks for what shuts people out; `None` if it can not be had here.
fn axe() -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe-core");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        let npm = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&folder)
            .arg(AXE)
            .status();
        if !npm.is_ok_and(|status| status.success()) {
            return None;
        }
    }
    Some(std::fs::read_to_string(script).unwrap())
}

#[test]
fn every_page_can_be_walked_through_with_the_keyboard_alone() {
    let Some(world) = furnished() else {
        eprintln!("{NO_BROWSER}");
        return;
    };
    let browser = &world.browser;
    world.log_in();
    world.open(&format!("/projects/{PROJECT}/config"));
    browser.wait("document.querySelector('#editor.live')");
    browser.wait("document.querySelector('#findings li')");
    browser.run("document.activeElement.blur()");
    let mut walk = Vec::new();
    for _ in 0..60 {
        browser.press(&[TAB]);
        let at = browser.focused();
        if at.starts_with("body") || walk.first() == Some(&at) {
            break;
        }
        let outline = browser.run(
            "const e = document.activeElement; const of = (x) => getComputedStyle(x).outlineStyle; \
             return of(e) !== 'none' || of(e.closest('.editor') ?? e) !== 'none'",
        );
        assert_eq!(outline, json!(true), "{at} does not show that it has the focus");
        walk.push(at);
    }
    let order = [
        "a Skip",
        "input q",
        "a Projects",
        "a Packages",
        "a Project Config",
        "a History",
        "textarea text",
        "button try",
        "input comment",
        "button save",
        "a line 2",
    ];
    let mut rest = walk.iter();
    for wanted in order {
        assert!(rest.any(|at| at.starts_with(wanted)), "{wanted:?} in {walk:#?}");
    }
    // Past the header in two keys.
    world.open(&format!("/projects/{PROJECT}"));
    browser.press(&[TAB]);
    assert!(browser.focused().starts_with("a Skip"), "{}", browser.focused());
    browser.press(&[ENTER]);
    browser.wait("document.activeElement.id === 'main'");
    // A log's keys.
    world.open("/tasks/1");
    browser.press(&["/"]);
    assert!(browser.focused().starts_with("input log-search"), "{}", browser.focused());
    browser.type_into("#log-search", "onerror");
    browser.press(&[ENTER]);
    browser.wait("document.querySelector('.matches a')");
    world.open("/tasks/1");
    browser.press(&["e"]);
    browser.wait("location.hash.startsWith('#L') && document.querySelector('#lines .l.error a:target')");
}

#[test]
fn without_scripts_everything_can_be_read_and_saved() {
    let Some(world) = furnished() else {
        eprintln!("{NO_BROWSER}");
        return;
    };
    let browser = &world.browser;
    world.log_in();
    browser.tell("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    let shows = |path: &str, words: &[&str]| {
        world.open(path);
        let text = world.server.page(path);
        for word in words {
            assert!(text.contains(word), "{path} without {word:?}: {text}");
        }
    };
    shows("/", &["Latest builds", "talks-app"]);
    shows(&format!("/projects/{PROJECT}"), &["fail-app", "fake ended with exit status 1", "nosuch"]);
    shows("/tasks/1?q=part3.c", &["gcc -O2 -g -Wall -c part3.c", "First error", "Lines found"]);
    shows(&format!("/projects/{PROJECT}/packages/other/why?target=debian-12/x86_64"), &["nosuch"]);
    let package = format!("/projects/{PROJECT}/packages/talks-app");
    shows(&format!("{package}/why?target=debian-12/x86_64"), &["is the newest there; admin submitted it."]);
    shows(&package, &["Will it be built again?", "/again?target=debian-12/x86_64"]);
    shows(&format!("/projects/{PROJECT}/config"), &["line 2", "Prefre", "Prefer: cc-one"]);
    world.open(&format!("/projects/{PROJECT}/config"));
    browser.fill("#text", "Prefer: cc-two\n");
    browser.click("#try");
    // The form of a page without scripts is answered by a new page.
    browser.wait("document.querySelector('#impact')?.innerText.includes('talks-app')");
    let impact = browser.text("#impact");
    assert!(impact.contains("+ Prefer: cc-two") && impact.contains("talks-app"), "{impact}");
    browser.click("#save");
    browser.wait("document.querySelector('.note.good')?.innerText.includes('Revision 2 is saved')");
    assert!(browser.url().contains("saved=2"));
}

/// Fills a project of a running server.
fn fill(folder: &Path, project: &str, packages: usize) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/large_project.py");
    let database = folder.join("data/kiln.db");
    let mut python = Command::new("python3");
    assert!(python.arg(script).arg(database).arg(project).arg(packages.to_string()).status().unwrap().success());
}

#[test]
fn pages_of_a_project_of_ten_thousand_packages_stay_small() {
    const MOST_BYTES: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.json(&["project", "create", "home:admin:large"]);
    fill(folder.path(), "home:admin:large", 10_000);
    let base = "/projects/home:admin:large";
    let first = server.page(base);
    assert!(first.contains("10,000 packages") && first.contains("archive-00000"), "{first}");
    for path in [
        "",
        "?state=failed",
        "?state=unresolvable",
        "?state=blocked&q=mail",
        "?q=0999",
        "?after=mail-05012",
        "?before=mail-05012",
        "?state=excluded&after=mail-05012",
        "/builds",
        "/builds?page=150",
        "/config",
        "/packages/mail-05012",
    ] {
        let path = format!("{base}{path}");
        let begun = Instant::now();
        let page = server.page(&path);
        eprintln!("{path}: {} bytes, {:?}", page.len(), begun.elapsed());
        assert!(page.len() < MOST_BYTES, "{path}: {} bytes", page.len());
        assert!(page.contains("<a href"), "{path}: {page}");
    }
    // Forth and back is the same page.
    let next = link_called(&first, "Next");
    let second = server.page(&next);
    let back = server.page(&link_called(&second, "Previous"));
    let rows = |page: &str| page.split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap().to_owned();
    assert_eq!(rows(&first), rows(&back));
    assert_ne!(rows(&first), rows(&second));
}

/// Where a link of a page leads.
fn link_called(page: &str, words: &str) -> String {
    let end = page.find(&format!("\">{words}</a>")).unwrap();
    let start = page[..end].rfind("href=\"").unwrap() + "href=\"".len();
    page[start..end].replace("&amp;", "&")
}

/// Pictures for the documentation, into the folder that the variable names.
#[test]
fn pictures_are_taken_on_demand() {
    let Some(folder) = std::env::var_os("KILN_PICTURES").map(PathBuf::from) else {
        eprintln!("skipped: KILN_PICTURES names no folder for pictures");
        return;
    };
    let Some(world) = World::new() else {
        eprintln!("{NO_BROWSER}");
        return;
    };
    let browser = &world.browser;
    let server = &world.server;
    server.json(&["project", "edit", PROJECT, "--description", "Small tools for daily work, built for Debian 12."]);
    world.configure("# The compiler everything here is built with.\nPrefer: cc-one\n", "one compiler for all");
    for (name, fields, state) in [
        ("talks-app", "Build-Depends: cc\n", "succeeded"),
        ("hello", "Build-Depends: debhelper\n", "succeeded"),
        ("archiver", "Build-Depends: debhelper\n", "succeeded"),
        ("fail-parser", "Build-Depends: debhelper\n", "failed"),
        ("viewer", "Build-Depends: libtoolkit-dev\n", "failed"),
        ("editor", "Build-Depends: cc\n", "succeeded"),
    ] {
        world.build(name, fields, state);
    }
    world.log_in();
    let shoot = |name: &str| browser.picture(&folder.join(format!("{name}.png")));
    browser.set_size(1240, 820, false);
    server.json(&["submit", PROJECT, &world.archive.source("talks-app", "Build-Depends: cc\n")]);
    server.wait_for(7, "running");
    world.open("/");
    browser.wait("document.querySelector('#running tbody tr')");
    shoot("home");
    world.open("/tasks/7");
    browser.wait("document.querySelectorAll('#lines .l').length > 22");
    browser.run("scrollTo(0, 0)");
    shoot("log");
    server.wait_for(7, "succeeded");
    server.json(&["project", "create", "home:admin:desktop", "--description", "A desktop for Debian and Fedora."]);
    fill(world.folder.path(), "home:admin:desktop", 400);
    let desktop = "/projects/home:admin:desktop";
    world.open(desktop);
    shoot("project");
    browser.set_dark(true);
    world.open(desktop);
    shoot("project-dark");
    browser.set_dark(false);
    browser.set_size(390, 844, true);
    world.open(&format!("{desktop}?state=failed"));
    shoot("project-phone");
    browser.set_size(1240, 1240, false);
    world.open(&format!("/projects/{PROJECT}/config"));
    browser.wait("document.querySelector('#editor.live')");
    let text = "# The compiler everything here is built with.\nPrefer: cc-two\nPrefer: !cc-three\nSubstitue: old-tool new-tool\n\n\
                %if 0%{?debian} >= 12\nSupport: debhelper\n%endif\n\nMacros:\n%vendor Small tools\n:Macros\n";
    browser.fill("#text", text);
    browser.wait("document.querySelectorAll('#findings li').length >= 1");
    browser.click("#findings li a");
    browser.click("#try");
    browser.wait("document.getElementById('impact-title')");
    browser.run("scrollTo(0, 0)");
    shoot("config");
    if std::env::var_os("KILN_PICTURES_ALL").is_none() {
        return;
    }
    browser.set_size(1240, 900, false);
    for (place, path) in pages().iter().enumerate() {
        world.open(path);
        shoot(&format!("all-{place:02}"));
    }
}
