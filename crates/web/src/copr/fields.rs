//! Checks the fields of request bodies, with the reasons Copr gives.

use serde_json::{Map, Value};
use url::{Host, Url};

use super::error::CoprError;

const MISSING: &str = "Missing data for required field.";
const NULL: &str = "Field may not be null.";

/// The fields of one body and what is wrong with them.
pub(super) struct Fields<'a> {
    raw: &'a [u8],
    values: Map<String, Value>,
    problems: Vec<(&'static str, Vec<String>)>,
}

impl<'a> Fields<'a> {
    /// Reads a body as a JSON object.
    ///
    /// # Errors
    /// 400 if it is none.
    pub(super) fn parse(raw: &'a [u8]) -> Result<Self, CoprError> {
        match serde_json::from_slice(raw) {
            Ok(Value::Object(values)) => Ok(Self { raw, values, problems: Vec::new() }),
            Ok(_) => Err(CoprError::unparsable("{'_schema': ['Invalid input type.']}", raw)),
            Err(error) => Err(CoprError::unparsable(&error.to_string(), raw)),
        }
    }

    /// Says that a field is wrong.
    pub(super) fn problem(&mut self, name: &'static str, reason: impl Into<String>) {
        self.problems.push((name, vec![reason.into()]));
    }

    /// Ends the checks.
    ///
    /// # Errors
    /// 400 with every problem.
    pub(super) fn finish(self) -> Result<(), CoprError> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let entries: Vec<String> = self.problems.iter().map(|(name, reasons)| python_entry(name, reasons)).collect();
        Err(CoprError::unparsable(&format!("{{{}}}", entries.join(", ")), self.raw))
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, name: &'static str) -> Option<String> {
        match self.values.remove(name) {
            Some(Value::String(text)) => return Some(text),
            None => self.problem(name, MISSING),
            Some(Value::Null) => self.problem(name, NULL),
            Some(_) => self.problem(name, "Not a valid string."),
        }
        None
    }

    /// A text; null is the empty text. `None` if it is absent.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.values.remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(Value::Null) => Some(String::new()),
            None => None,
            Some(_) => {
                self.problem(name, "Not a valid string.");
                None
            }
        }
    }

    /// A text; null counts as absent.
    pub(super) fn filled_text(&mut self, name: &'static str) -> Option<String> {
        match self.values.remove(name)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => {
                self.problem(name, "Not a valid string.");
                None
            }
        }
    }

    /// A whole number that must be there, as a number or as its digits.
    pub(super) fn required_integer(&mut self, name: &'static str) -> Option<i64> {
        match self.values.remove(name) {
            None => self.problem(name, MISSING),
            Some(Value::Null) => self.problem(name, NULL),
            Some(value) => {
                let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
                if number.is_some() {
                    return number;
                }
                self.problem(name, "Not a valid integer.");
            }
        }
        None
    }

    /// A truth value, also as one of the words for it; `None` if it is absent or null.
    pub(super) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let truth = match self.values.remove(name)? {
            Value::Null => return None,
            Value::Bool(value) => Some(value),
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Value::String(text) => match text.to_lowercase().as_str() {
                "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
                "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
            Value::Array(_) | Value::Object(_) => None,
        };
        if truth.is_none() {
            self.problem(name, "Not a valid boolean.");
        }
        truth
    }

    /// A list of texts. `None` if it is absent; what null means says the caller.
    pub(super) fn list(&mut self, name: &'static str, null: NullList) -> Option<Vec<String>> {
        let value = self.values.remove(name)?;
        if let (Value::Null, NullList::Empty) = (&value, null) {
            return Some(Vec::new());
        }
        match &value {
            Value::Array(items) => {
                let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
                if texts.is_some() {
                    return texts;
                }
                self.problem(name, "Not a valid string.");
            }
            Value::Null => self.problem(name, NULL),
            Value::String(text) => self.problem(name, format!("Value `{text}` is not a list of strings")),
            other => self.problem(name, format!("Value `{other}` is not a list of strings")),
        }
        None
    }

    /// A list of texts where Copr's server uses another library's words for what is none.
    pub(super) fn plain_list(&mut self, name: &'static str) -> Option<Vec<String>> {
        if self.values.get(name).is_some_and(|value| !value.is_array() && !value.is_null()) {
            self.values.remove(name);
            self.problem(name, "Not a valid list.");
            return None;
        }
        self.list(name, NullList::Refused)
    }

    /// An address of a page: absent is `None`, null is `Some(None)`.
    pub(super) fn homepage(&mut self, name: &'static str) -> Option<Option<String>> {
        match self.values.remove(name)? {
            Value::Null => Some(None),
            Value::String(text) if is_web_address(&text) => Some(Some(text)),
            _ => {
                self.problem(name, "Not a valid URL.");
                None
            }
        }
    }

    /// A way to reach a person: absent is `None`, null and the empty text are `Some(None)` and `Some(Some(""))`.
    pub(super) fn contact(&mut self, name: &'static str) -> Option<Option<String>> {
        match self.values.remove(name)? {
            Value::Null => Some(None),
            Value::String(text) if text.is_empty() || is_web_address(&text) || is_mail_address(&text) => {
                Some(Some(text))
            }
            _ => {
                let reasons = [
                    "At least one validator should accept given value:",
                    "Not a valid URL.",
                    "Not a valid email address.",
                    "Must be one of: , None.",
                ];
                self.problems.push((name, reasons.map(str::to_owned).to_vec()));
                None
            }
        }
    }

    /// The address of a source: any `http` or `https` address without spaces.
    pub(super) fn source_address(&mut self, name: &'static str) -> Option<String> {
        let text = self.required_text(name)?;
        let spaced = text.chars().any(|c| c.is_whitespace() || c.is_control());
        let address = Url::parse(&text).ok().filter(|url| !spaced && url.host().is_some());
        let web = text.to_ascii_lowercase().starts_with("http://") || text.to_ascii_lowercase().starts_with("https://");
        let mut reasons = Vec::new();
        if address.is_none() {
            reasons.push("Not a valid URL.".to_owned());
        }
        if !web {
            reasons.push("Invalid value.".to_owned());
        }
        if reasons.is_empty() {
            return Some(text);
        }
        self.problems.push((name, reasons));
        None
    }
}

/// What null means in place of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NullList {
    /// The empty list.
    Empty,
    /// A mistake.
    Refused,
}

/// Whether a text is the name of a project in Copr: a letter, then letters, digits, `_`, `.`, `-`.
pub(super) fn is_project_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Copr wants a dotted host, an address of a machine, or `localhost`.
fn is_web_address(text: &str) -> bool {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    let Ok(url) = Url::parse(text) else { return false };
    let reachable = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost" || domain.trim_matches('.').contains('.'),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    };
    reachable && matches!(url.scheme(), "http" | "https" | "ftp" | "ftps")
}

fn is_mail_address(text: &str) -> bool {
    let Some((user, domain)) = text.rsplit_once('@') else { return false };
    let is_atom = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{}|~.-".contains(c);
    !user.is_empty()
        && user.chars().all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
}

/// `'name': ['reason', ...]` as Python prints it; Copr's answers are printed maps.
pub(super) fn python_entry(name: &str, reasons: &[String]) -> String {
    let reasons: Vec<String> = reasons.iter().map(|reason| python_text(reason)).collect();
    format!("{}: [{}]", python_text(name), reasons.join(", "))
}

fn python_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut printed = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => printed.push_str("\\\\"),
            '\n' => printed.push_str("\\n"),
            '\r' => printed.push_str("\\r"),
            '\t' => printed.push_str("\\t"),
            c if c == quote => printed.extend(['\\', c]),
            c if c.is_control() => printed.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => printed.push(c),
        }
    }
    printed.push(quote);
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one check over a body and returns what it found: the value, or the message of the answer.
    fn check<T: std::fmt::Debug>(body: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> String {
        let mut fields = match Fields::parse(body.as_bytes()) {
            Ok(fields) => fields,
            Err(error) => return format!("{error:?}"),
        };
        let value = read(&mut fields);
        match fields.finish() {
            Ok(()) => format!("{value:?}"),
            Err(error) => format!("{error:?}").split('"').nth(1).unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn wrong_types_are_named_with_coprs_reasons() {
        let name = |body: &str| check(body, |fields| fields.required_text("name"));
        assert_eq!(name("{}"), "Failed to parse request: {'name': ['Missing data for required field.']}");
        assert_eq!(name(r#"{"name": null}"#), "Failed to parse request: {'name': ['Field may not be null.']}");
        let repos = |body: &str| check(body, |fields| fields.list("repos", NullList::Empty));
        assert_eq!(
            repos(r#"{"repos": "x"}"#),
            "Failed to parse request: {'repos': ['Value `x` is not a list of strings']}"
        );
        assert_eq!(
            repos(r#"{"repos": 1}"#),
            "Failed to parse request: {'repos': ['Value `1` is not a list of strings']}"
        );
        assert_eq!(repos(r#"{"repos": null}"#), "Some([])");
        assert_eq!(repos("{}"), "None");
        let chroots = |body: &str| check(body, |fields| fields.list("chroots", NullList::Refused));
        assert_eq!(chroots(r#"{"chroots": null}"#), "Failed to parse request: {'chroots': ['Field may not be null.']}");
    }

    #[test]
    fn booleans_are_read_as_copr_reads_them() {
        let of = |value: &str| check(&format!("{{\"x\": {value}}}"), |fields| fields.boolean("x"));
        assert_eq!(of("true"), "Some(true)");
        assert_eq!(of("\"yes\""), "Some(true)");
        assert_eq!(of("0"), "Some(false)");
        assert_eq!(of("null"), "None");
        for bad in ["\"maybe\"", "[]", "{}", "2", "1.5"] {
            assert_eq!(of(bad), "Failed to parse request: {'x': ['Not a valid boolean.']}");
        }
    }

    #[test]
    fn sources_have_any_web_address() {
        let of = |url: &str| check(&format!("{{\"u\": \"{url}\"}}"), |fields| fields.source_address("u").is_some());
        for good in ["http://example.com/x.src.rpm", "https://h/x.dsc", "http://127.0.0.1:8000/a+b~1.dsc", "HTTP://x/y"]
        {
            assert_eq!(of(good), "true", "{good}");
        }
        assert_eq!(of(""), "Failed to parse request: {'u': ['Not a valid URL.', 'Invalid value.']}");
        assert_eq!(of("ftp://example.com/x"), "Failed to parse request: {'u': ['Invalid value.']}");
        assert_eq!(of("http://example.com/a b"), "Failed to parse request: {'u': ['Not a valid URL.']}");
        assert_eq!(of("http://"), "Failed to parse request: {'u': ['Not a valid URL.']}");
    }

    #[test]
    fn pages_and_people_have_addresses() {
        assert!(is_web_address("http://ex.example.com/") && is_web_address("http://localhost/"));
        assert!(!is_web_address("http://h/") && !is_web_address("zz") && !is_web_address(""));
        assert!(is_mail_address("a@b.com") && !is_mail_address("a@b") && !is_mail_address("@b.com"));
    }

    #[test]
    fn texts_are_quoted_as_python_quotes_them() {
        assert_eq!(python_text("a"), "'a'");
        assert_eq!(python_text("it's"), "\"it's\"");
        assert_eq!(python_text("'\""), "'\\'\"'");
        assert_eq!(python_text("\u{1}\\"), "'\\x01\\\\'");
    }
}
