//! The language server without its streams: a message in, messages out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::analysis::{Analysis, Loader};
use super::complete::complete;
use super::document::Document;
use super::hover::hover;
use crate::commands::config::laid_out;
use crate::failure::Answer;

/// Error codes of JSON-RPC and of the protocol.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const NOT_INITIALIZED: i32 = -32002;

/// Largest text an editor may open, in bytes.
const MAX_TEXT_BYTES: usize = 8 << 20;

/// What a message leads to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Step {
    /// Messages for the editor.
    pub(super) messages: Vec<Value>,
    /// How the program ends, if it does.
    pub(super) exit: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Running,
    ShutDown,
}

/// Everything the server knows: the texts that are open.
pub(super) struct Server {
    documents: BTreeMap<String, Document>,
    phase: Phase,
    loader: Loader,
}

/// Why a request has no result.
struct Refusal(i32, String);

impl Server {
    /// A server that has not been greeted; `loader` reads files beside documents.
    pub(super) const fn new(loader: Loader) -> Self {
        Self { documents: BTreeMap::new(), phase: Phase::New, loader }
    }

    /// The answer to something that is no message.
    pub(super) fn refuse(&self, what: &str) -> Step {
        Step { messages: vec![error(&Value::Null, INVALID_REQUEST, what)], exit: None }
    }

    /// Takes a message. Whatever it is, the server can take another one.
    pub(super) fn handle(&mut self, body: &[u8]) -> Step {
        let message: Value = match serde_json::from_slice(body) {
            Ok(message) => message,
            Err(found) => {
                return Step { messages: vec![error(&Value::Null, PARSE_ERROR, &found.to_string())], exit: None };
            }
        };
        let id = message.get("id").filter(|id| id.is_string() || id.is_number());
        let params = message.get("params").unwrap_or(&Value::Null);
        match (message.get("method").and_then(Value::as_str), id) {
            (Some(method), Some(id)) => {
                let answer = match self.request(method, params) {
                    Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
                    Err(Refusal(code, text)) => error(id, code, &text),
                };
                Step { messages: vec![answer], exit: None }
            }
            (Some("exit"), None) => {
                let answer = if self.phase == Phase::ShutDown { Answer::Yes } else { Answer::No };
                Step { messages: Vec::new(), exit: Some(answer) }
            }
            (Some(method), None) => Step { messages: self.notified(method, params), exit: None },
            // An answer to a request; we never send one.
            (None, Some(_)) if message.get("result").is_some() || message.get("error").is_some() => Step::default(),
            (None, id) => {
                let id = id.unwrap_or(&Value::Null);
                Step { messages: vec![error(id, INVALID_REQUEST, "a message without a method")], exit: None }
            }
        }
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value, Refusal> {
        match (self.phase, method) {
            (Phase::New, "initialize") => {
                self.phase = Phase::Running;
                return Ok(capabilities());
            }
            (Phase::New, _) => return Err(Refusal(NOT_INITIALIZED, "initialize comes first".to_owned())),
            (Phase::Running, "shutdown") => {
                self.phase = Phase::ShutDown;
                return Ok(Value::Null);
            }
            (Phase::ShutDown, _) | (_, "initialize") => {
                return Err(Refusal(INVALID_REQUEST, format!("{method} can not come now")));
            }
            (Phase::Running, _) => {}
        }
        let known = ["hover", "completion", "definition", "formatting"];
        let Some(what) = method.strip_prefix("textDocument/").filter(|what| known.contains(what)) else {
            return Err(Refusal(METHOD_NOT_FOUND, format!("{method} is not known")));
        };
        let invalid = |text: &str| Refusal(INVALID_PARAMS, text.to_owned());
        let uri = uri_of(params).ok_or_else(|| invalid("textDocument.uri is missing"))?;
        let document = self.documents.get(uri).ok_or_else(|| invalid("the document is not open"))?;
        if what == "formatting" {
            return Ok(json!(formatting(document)));
        }
        let position = params.get("position").and_then(|position| document.offset(position));
        let offset = position.ok_or_else(|| invalid("position is missing"))?;
        let analysis = Analysis::new(uri, document, self.loader);
        Ok(match what {
            "hover" => hover(&analysis, offset),
            "completion" => json!(complete(&analysis, offset)),
            _ => json!(analysis.definition_places(offset)),
        })
    }

    /// Notifications have no answer; wrong ones change nothing.
    fn notified(&mut self, method: &str, params: &Value) -> Vec<Value> {
        let Some(uri) = uri_of(params).filter(|_| self.phase == Phase::Running) else { return Vec::new() };
        let field = |name: &str| params.get("textDocument").and_then(|document| document.get(name));
        let version = field("version").and_then(Value::as_i64);
        match method {
            "textDocument/didOpen" => {
                let Some(text) = field("text").and_then(Value::as_str) else { return Vec::new() };
                self.keep(uri, Document::new(text.to_owned(), version))
            }
            "textDocument/didChange" => {
                let changes = params.get("contentChanges").and_then(Value::as_array);
                let (Some(changes), Some(document)) = (changes, self.documents.get(uri)) else { return Vec::new() };
                let changed = changes.iter().try_fold(document.clone(), |text, change| text.changed(change, version));
                changed.map(|document| self.keep(uri, document)).unwrap_or_default()
            }
            "textDocument/didClose" => {
                self.documents.remove(uri);
                vec![diagnostics(uri, None, &[])]
            }
            _ => Vec::new(),
        }
    }

    fn keep(&mut self, uri: &str, document: Document) -> Vec<Value> {
        if document.text().len() > MAX_TEXT_BYTES {
            self.documents.remove(uri);
            return Vec::new();
        }
        let found = Analysis::new(uri, &document, self.loader).diagnostics();
        let message = diagnostics(uri, document.version, &found);
        self.documents.insert(uri.to_owned(), document);
        vec![message]
    }
}

fn uri_of(params: &Value) -> Option<&str> {
    params.get("textDocument")?.get("uri")?.as_str()
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

fn diagnostics(uri: &str, version: Option<i64>, found: &[Value]) -> Value {
    let mut params = json!({"uri": uri, "diagnostics": found});
    if let (Some(version), Some(fields)) = (version, params.as_object_mut()) {
        fields.insert("version".to_owned(), json!(version));
    }
    json!({"jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": params})
}

fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": {"openClose": true, "change": 2},
            "hoverProvider": true,
            "completionProvider": {"triggerCharacters": ["%", "{", "?", "!", " "]},
            "definitionProvider": true,
            "documentFormattingProvider": true,
        },
        "serverInfo": {"name": "kiln", "version": env!("CARGO_PKG_VERSION")},
    })
}

/// One edit of the lines that differ; none if the layout is right or would change the meaning.
fn formatting(document: &Document) -> Vec<Value> {
    let before = document.text();
    let after = laid_out(before.as_bytes()).and_then(|text| String::from_utf8(text).ok());
    let Some(after) = after.filter(|after| after != before) else { return Vec::new() };
    let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(before), lines(&after));
    let front = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - front;
    let back = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let len = |lines: &[String]| lines.iter().map(String::len).sum::<usize>();
    let start = len(old.get(..front).unwrap_or_default());
    let end = before.len() - len(old.get(old.len() - back..).unwrap_or_default());
    let text = new.get(front..new.len() - back).unwrap_or_default().concat();
    vec![json!({"range": document.range(start, end), "newText": text})]
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "file:///w/own%20one.conf";

    fn beside(uri: &str, name: &str) -> Option<Vec<u8>> {
        (uri == URI && name == "base.conf").then(|| b"%define base 7\n".to_vec())
    }

    fn say(server: &mut Server, method: &str, id: Option<i64>, params: &Value) -> Vec<Value> {
        let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        if let Some(id) = id {
            message["id"] = json!(id);
        }
        server.handle(message.to_string().as_bytes()).messages
    }

    /// A server with one open text, and the diagnostics it gave.
    fn open(text: &str) -> (Server, Value) {
        let mut server = Server::new(beside);
        say(&mut server, "initialize", Some(1), &json!({}));
        let params = json!({"textDocument": {"uri": URI, "version": 1, "text": text}});
        let mut messages = say(&mut server, "textDocument/didOpen", None, &params);
        let found = messages.remove(0)["params"]["diagnostics"].clone();
        (server, found)
    }

    fn ask(server: &mut Server, what: &str, line: u64, character: u64) -> Value {
        let params = json!({"textDocument": {"uri": URI}, "position": {"line": line, "character": character}});
        say(server, &format!("textDocument/{what}"), Some(5), &params).remove(0)["result"].clone()
    }

    fn labels(items: &Value) -> Vec<String> {
        items.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn findings_become_diagnostics_and_follow_changes() {
        let (mut server, found) = open("# 😀\nPerfer: 😀 x\n");
        assert_eq!(
            found[0]["range"],
            json!({"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 7}})
        );
        assert_eq!(
            (&found[0]["code"], &found[0]["severity"], &found[0]["source"]),
            (&json!("K001"), &json!(2), &json!("kiln"))
        );
        assert!(found[0]["message"].as_str().unwrap().contains("help: did you mean `Prefer:`?"));
        let range = json!({"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 10}});
        let params = json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"range": range, "text": "Prefer: "}]});
        let messages = say(&mut server, "textDocument/didChange", None, &params);
        assert_eq!(messages[0]["params"], json!({"uri": URI, "version": 2, "diagnostics": []}));
        let closed = say(&mut server, "textDocument/didClose", None, &params);
        assert_eq!(closed[0]["params"]["diagnostics"], json!([]));
        assert_eq!(say(&mut server, "textDocument/hover", Some(9), &params)[0]["error"]["code"], INVALID_PARAMS);
    }

    #[test]
    fn hovers_explain_keywords_conditions_and_macros() {
        let (mut server, _) = open(
            "#!PrependConfigFile: base.conf\n%define v 3\n%ifarch i586\nPrefer: %{?v}x\n%endif\nPrefer: y\n%if %base == 7\n%endif\n",
        );
        let text = |answer: Value| answer["contents"]["value"].as_str().unwrap_or_default().to_owned();
        let keyword = text(ask(&mut server, "hover", 5, 2));
        assert!(
            keyword.starts_with("`Prefer: [!]") && keyword.contains("Decides if several") && keyword.contains("\ny\n"),
            "{keyword}"
        );
        let condition = text(ask(&mut server, "hover", 2, 1));
        assert!(condition.contains("\n\n**true** for i586\n\n**false** for x86_64, "), "{condition}");
        assert!(text(ask(&mut server, "hover", 6, 1)).contains("**true** for x86_64, i586"));
        let used = ask(&mut server, "hover", 3, 11);
        assert_eq!(used["range"], json!({"start": {"line": 3, "character": 11}, "end": {"line": 3, "character": 12}}));
        let used = text(used);
        assert!(
            used.contains(": `3`") && used.contains("Line 2 of own one.conf, seen by the configuration: `3`"),
            "{used}"
        );
        let entry = text(ask(&mut server, "hover", 5, 9));
        assert!(entry.starts_with("`Prefer:` has `y` for x86_64, i586"), "{entry}");
        assert_eq!(ask(&mut server, "hover", 0, 3), Value::Null);
    }

    #[test]
    fn definitions_are_found_here_and_in_prepended_files() {
        let (mut server, _) = open(
            "#!PrependConfigFile: base.conf\n%define v 1\n%define v 2\nPrefer: %{v} %base\n%define v 3\nMacros:\n%r %v\n",
        );
        let own = ask(&mut server, "definition", 3, 11);
        assert_eq!(
            own,
            json!([{"uri": URI, "range": {"start": {"line": 2, "character": 8}, "end": {"line": 2, "character": 9}}}])
        );
        let other = ask(&mut server, "definition", 3, 15);
        assert_eq!(
            other,
            json!([{"uri": "file:///w/base.conf", "range": {"start": {"line": 0, "character": 8}, "end": {"line": 0, "character": 12}}}])
        );
        assert_eq!(ask(&mut server, "definition", 0, 0), json!([]));
    }

    #[test]
    fn words_are_offered_where_they_fit() {
        let text =
            "Pre\nBuildFlags: vm\n%define own 1\nPrefer: x%{?o\n%ifarch x\nPrefer: lib\n%i\nBuildFlags: sbom:x\n";
        let (mut server, _) = open(text);
        let keywords = ask(&mut server, "completion", 0, 3);
        assert_eq!(labels(&keywords), ["Prefer:", "Preinstall:"]);
        assert!(keywords[0]["documentation"]["value"].as_str().unwrap().contains("Decides"));
        let flags = ask(&mut server, "completion", 1, 14);
        let range = json!({"start": {"line": 1, "character": 12}, "end": {"line": 1, "character": 14}});
        assert_eq!(labels(&flags), ["vmfsoptions", "vmfstype"]);
        assert_eq!((&flags[1]["textEdit"]["range"], &flags[1]["detail"]), (&range, &json!("vmfstype:TYPE")));
        assert_eq!(labels(&ask(&mut server, "completion", 3, 13)), ["own"]);
        assert_eq!(labels(&ask(&mut server, "completion", 4, 9)), ["x86_64"]);
        assert_eq!(ask(&mut server, "completion", 5, 11), json!([]));
        let words = labels(&ask(&mut server, "completion", 6, 2));
        assert!(words.iter().any(|word| word.ends_with("ifarch")) && words.contains(&"ix86".to_owned()), "{words:?}");
        let flag = ask(&mut server, "hover", 7, 14)["contents"]["value"].clone();
        assert!(flag.as_str().unwrap().starts_with("`sbom:"), "{flag}");
    }

    #[test]
    fn formatting_edits_only_the_lines_that_differ() {
        let (mut server, _) = open("Prefer: a\n  order:  x:y\n# c\n");
        let edits = ask(&mut server, "formatting", 0, 0);
        let range = json!({"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 0}});
        assert_eq!(edits, json!([{"range": range, "newText": "Order: x:y\n"}]));
        let (mut server, _) = open("Prefer: a");
        assert_eq!(ask(&mut server, "formatting", 0, 0)[0]["newText"], "Prefer: a\n");
    }

    #[test]
    fn nothing_an_editor_sends_ends_the_server() {
        let (mut server, _) = open("Prefer: 😀\n%{\n");
        let bodies = [
            "",
            "{",
            "[]",
            "null",
            "5",
            "\"x\"",
            "{}",
            "{\"id\":1}",
            "{\"method\":5,\"id\":1}",
            "{\"id\":1,\"result\":null}",
            "{\"method\":\"nosuch\",\"id\":\"a\"}",
            "{\"method\":\"textDocument/hover\",\"id\":1}",
            "{\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":5}}}",
            "{\"method\":\"textDocument/didChange\",\"params\":[]}",
            "{\"method\":\"initialize\",\"id\":2}",
            "{\"method\":\"$/cancelRequest\"}",
        ];
        for body in bodies {
            assert_eq!(server.handle(body.as_bytes()).exit, None, "{body}");
        }
        let nested = "[".repeat(100_000);
        assert_eq!(server.handle(nested.as_bytes()).messages[0]["error"]["code"], PARSE_ERROR);
        for what in ["hover", "completion", "definition"] {
            for (line, character) in [(0, 0), (0, 9), (0, 10), (1, 0), (1, 1), (1, 2), (9, 9), (u64::MAX, u64::MAX)] {
                assert!(ask(&mut server, what, line, character) != json!("x"));
            }
        }
        assert!(!ask(&mut server, "hover", 0, 1).is_null());
    }

    /// Edits and questions at random places; the same ones each time.
    #[test]
    fn any_edit_leaves_a_server_that_answers() {
        const PIECES: [&str; 16] = [
            "Prefer: ",
            "%if ",
            "%{?",
            "}",
            "\n",
            "\r\n",
            "😀",
            "é",
            "Macros:\n",
            ":Macros\n",
            "%define x ",
            "\\",
            "!",
            "%",
            "%endif\n",
            "#!PrependConfigFile: base.conf\n",
        ];
        let (mut server, _) = open("");
        let mut state = 1_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for version in 2..300 {
            let mut position = || json!({"line": next(12), "character": next(16)});
            let (start, end) = (position(), position());
            let piece = PIECES[usize::try_from(next(16)).unwrap()];
            let change = json!({"range": {"start": start, "end": end}, "text": piece.repeat(1 + usize::try_from(next(3)).unwrap())});
            let params = json!({"textDocument": {"uri": URI, "version": version}, "contentChanges": [change]});
            let told = say(&mut server, "textDocument/didChange", None, &params);
            assert_eq!(told[0]["params"]["version"], version);
            let what = ["hover", "completion", "definition", "formatting"][usize::try_from(next(4)).unwrap()];
            ask(&mut server, what, next(12), next(16));
        }
    }

    #[test]
    fn the_life_of_a_server_has_an_order() {
        let mut server = Server::new(beside);
        let code = |messages: Vec<Value>| messages[0]["error"]["code"].clone();
        assert_eq!(code(say(&mut server, "textDocument/hover", Some(1), &json!({}))), NOT_INITIALIZED);
        assert_eq!(
            say(&mut server, "initialize", Some(2), &json!({}))[0]["result"]["capabilities"]["positionEncoding"],
            "utf-16"
        );
        assert_eq!(server.handle(br#"{"method":"exit"}"#).exit, Some(Answer::No));
        assert_eq!(say(&mut server, "shutdown", Some(3), &json!({}))[0]["result"], Value::Null);
        assert_eq!(code(say(&mut server, "textDocument/hover", Some(4), &json!({}))), INVALID_REQUEST);
        assert_eq!(server.handle(br#"{"method":"exit"}"#).exit, Some(Answer::Yes));
    }
}
