//! A browser that tests drive: Chromium behind its own driver, spoken to with plain HTTP as the WebDriver standard says.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest wait for something to appear on a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key under which an element's name comes (WebDriver, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What keys are called (WebDriver, section 17.4.2).
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const CONTROL: &str = "\u{e009}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const DOWN: &str = "\u{e015}";

/// A running browser; it ends when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&folders).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    places.find(|place| place.is_file())
}

impl Browser {
    /// Starts a browser; `None` if this machine has none.
    pub(crate) fn start() -> Option<Self> {
        let (Some(chromium), Some(driver)) = (program(&["chromium", "chromium-browser"]), program(&["chromedriver"]))
        else {
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut driver =
            Command::new(driver).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut port = None;
        for line in BufReader::new(driver.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // "ChromeDriver was started successfully on port 40123."
            if let Some((_, rest)) = line.split_once("successfully on port ") {
                port = rest.trim_end_matches('.').parse::<u16>().ok();
                break;
            }
        }
        let port = port.expect("the driver says its port");
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let mut browser = Self { driver, session: base, runtime, http, _folder: folder };
        let profile = format!("--user-data-dir={}", browser._folder.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--window-size=1240,900",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            &profile,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = browser.send("POST", "/session", &wanted).unwrap();
        browser.session = format!("{}/session/{}", browser.session, answer["sessionId"].as_str().unwrap());
        Some(browser)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.session));
        let request = if method == "POST" { request.json(body) } else { request };
        self.runtime.block_on(async {
            let answer = request.timeout(2 * PATIENCE).send().await.map_err(|error| error.to_string())?;
            let is_good = answer.status().is_success();
            let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
            if is_good { Ok(answer["value"].clone()) } else { Err(answer["value"]["message"].to_string()) }
        })
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Opens an address.
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// The address that is shown.
    pub(crate) fn url(&self) -> String {
        self.send("GET", "/url", &Value::Null).unwrap().as_str().unwrap().to_owned()
    }

    /// Runs a function's body in the page; gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// As [`Self::run`], for a body that calls `done` later.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression is true in the page; gives its value.
    pub(crate) fn wait(&self, expression: &str) -> Value {
        let begun = Instant::now();
        loop {
            let value =
                self.send("POST", "/execute/sync", &json!({"script": format!("return {expression}"), "args": []}));
            match value {
                Ok(value) if value != Value::Null && value != false && value != "" => return value,
                other if begun.elapsed() > PATIENCE => {
                    let text = self.run("return document.body.innerText");
                    panic!(
                        "{expression} never came at {}: {other:?}\n{}",
                        self.url(),
                        text.as_str().unwrap_or_default()
                    );
                }
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// The text of an element.
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?})?.innerText ?? ''");
        self.run(&script).as_str().unwrap_or_default().to_owned()
    }

    /// The name of an element, as the driver has it.
    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks an element as a person would; once more if the page put another one in its place just then.
    pub(crate) fn click(&self, selector: &str) {
        let click = || {
            let element = self.element(selector);
            self.send("POST", &format!("/element/{element}/click"), &json!({}))
        };
        if let Err(error) = click() {
            assert!(error.contains("stale element"), "{selector}: {error}");
            click().unwrap_or_else(|error| panic!("{selector}: {error}"));
        }
    }

    /// Types into an element, behind what is there.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Replaces the text of a field.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) fn press(&self, keys: &[&str]) {
        let actions: Vec<Value> =
            keys.iter().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}))).collect();
        let source = json!({"type": "key", "id": "keys", "actions": actions});
        self.post("/actions", &json!({"actions": [source]}));
    }

    /// Presses a key while another one is held.
    pub(crate) fn press_with(&self, held: &str, key: &str) {
        let actions = [("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held)];
        let actions = actions.map(|(kind, value)| json!({"type": kind, "value": value}));
        let source = json!({"type": "key", "id": "keys", "actions": actions});
        self.post("/actions", &json!({"actions": [source]}));
    }

    /// What has the focus: its tag, identifier, name and beginning of its text.
    pub(crate) fn focused(&self) -> String {
        let script = "const e = document.activeElement; return [e.tagName.toLowerCase(), e.id, e.name, \
                      (e.innerText || e.value || '').trim().slice(0, 40)].filter(Boolean).join(' ')";
        self.run(script).as_str().unwrap_or_default().to_owned()
    }

    /// Asks the browser itself for something, in the words of its developer tools.
    pub(crate) fn tell(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Looks at pages in the dark, or in the light.
    pub(crate) fn set_dark(&self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.tell("Emulation.setEmulatedMedia", features);
    }

    /// Looks at pages through a window of this size.
    pub(crate) fn set_size(&self, width: u32, height: u32, is_phone: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.tell("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the browser has complained about since the last question: broken rules of the page's policy, errors of scripts.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| format!("{} {}", entry["level"], entry["message"])).collect()
    }

    /// Takes a picture of what is shown.
    pub(crate) fn picture(&self, path: &Path) {
        let taken = self.tell("Page.captureScreenshot", json!({"format": "png", "optimizeForSpeed": false}));
        let bytes = decode(taken["data"].as_str().unwrap());
        std::fs::write(path, bytes).unwrap();
    }
}

/// Base64, as pictures come.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.send("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
