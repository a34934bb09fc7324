//! Reads the fields of a request, and collects what is wrong with them.

use serde_json::{Map, Value};
use url::Url;

use super::error::{V3Error, short};

const INVALID_CHOICE: &str = "is not a valid choice for this field.";

/// The fields of a request; null ones are left out.
#[derive(Debug, Default)]
pub(super) struct Form {
    values: Map<String, Value>,
    problems: Vec<(String, String)>,
}

impl Form {
    /// Fields that were sent.
    pub(super) fn new(values: Map<String, Value>) -> Self {
        Self { values, problems: Vec::new() }
    }

    /// Says that a field is wrong.
    pub(super) fn problem(&mut self, name: &str, reason: impl Into<String>) {
        self.problems.push((name.to_owned(), reason.into()));
    }

    /// Ends the checks; one line a problem.
    ///
    /// # Errors
    /// 400 with every problem.
    pub(super) fn finish(self) -> Result<(), V3Error> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = self.problems.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
        Err(V3Error::invalid(lines.join("\n")))
    }

    /// Ends the checks of a build, whose problems Copr prints as a map.
    ///
    /// # Errors
    /// 400 with every problem.
    pub(super) fn finish_build(self) -> Result<(), V3Error> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let problems: Vec<_> = self.problems.into_iter().map(|(name, reason)| (name, vec![reason])).collect();
        let entries = problems.iter().map(|(name, reasons)| crate::copr::fields::python_entry(name, reasons));
        let entries: Vec<String> = entries.collect();
        Err(V3Error::invalid(format!("Bad request parameters: {{{}}}", entries.join(", "))))
    }

    /// Fills in what was not sent from what is known: `renamed` has (name there, name here), the others get a prefix.
    pub(super) fn keep(&mut self, known: &Value, renamed: &[(&str, &str)], prefix: &str) {
        for (key, value) in known.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            let other = renamed.iter().find(|(from, _)| from == key).map(|(_, to)| (*to).to_owned());
            let name = other.unwrap_or_else(|| if key == "script" { key.clone() } else { format!("{prefix}{key}") });
            self.values.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// All fields, unread.
    pub(super) fn into_values(self) -> Map<String, Value> {
        self.values
    }

    /// Whether a field was sent.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A text, which stays in the form; `None` for everything else.
    pub(super) fn peek(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    /// A text; a list is its items joined by blanks, a number its digits.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.values.remove(name)?;
        let text = plain_text(&value);
        if text.is_none() {
            self.problem(name, "Not a valid text.");
        }
        text
    }

    /// A text that must be there and not be empty.
    pub(super) fn required(&mut self, name: &str) -> String {
        if !self.has(name) {
            self.problem(name, "This field is required.");
            return String::new();
        }
        match self.text(name) {
            Some(text) if text.trim().is_empty() => {
                self.problem(name, "This field is required.");
                String::new()
            }
            text => text.unwrap_or_default(),
        }
    }

    /// Words: the items of a list, or what blanks and commas separate in a text.
    pub(super) fn words(&mut self, name: &str) -> Option<Vec<String>> {
        let text = self.text(name)?;
        Some(text.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()).map(str::to_owned).collect())
    }

    /// A list of texts; a single text is a list of one.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        match self.values.remove(name)? {
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(plain_text).collect();
                if texts.is_none() {
                    self.problem(name, "Not a valid list of texts.");
                }
                texts
            }
            Value::String(text) if text.is_empty() => Some(Vec::new()),
            value => match plain_text(&value) {
                Some(text) => Some(vec![text]),
                None => {
                    self.problem(name, "Not a valid list of texts.");
                    None
                }
            },
        }
    }

    /// A truth value: false, `"false"` and the empty text are false, everything else is true.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        Some(match self.values.remove(name)? {
            Value::Bool(value) => value,
            Value::String(text) => !text.is_empty() && !text.eq_ignore_ascii_case("false"),
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::Null => false,
            Value::Array(_) | Value::Object(_) => {
                self.problem(name, "Not a valid truth value.");
                return None;
            }
        })
    }

    /// A whole number between two, as a number or as its digits; the empty text counts as not sent.
    pub(super) fn integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let number = match self.values.remove(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.problem(name, "Not a valid integer value.");
            return None;
        };
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.problem(name, format!("Number must be between {least} and {most}."));
        None
    }

    /// One of a few words.
    pub(super) fn choice(&mut self, name: &str, choices: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let found = choices.iter().find(|choice| **choice == text);
        if found.is_none() {
            self.problem(name, not_a_choice(&text));
        }
        found.copied()
    }

    /// A web address, or nothing: the empty text takes the old one away.
    pub(super) fn web_address(&mut self, name: &str) -> Option<Option<String>> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Some(None);
        }
        if is_web_address(&text) {
            return Some(Some(text));
        }
        self.problem(name, "Invalid URL.");
        None
    }

    /// A setting that Kiln has only one value for: that one is taken, others are refused by name.
    ///
    /// # Errors
    /// 400 that names the setting.
    pub(super) fn only(&mut self, name: &str, fine: &[&str], instead: &'static str) -> Result<(), V3Error> {
        match self.text(name) {
            Some(text) if !fine.contains(&text.as_str()) => {
                Err(V3Error::unsupported(&format!("{name}={}", short(&text)), instead))
            }
            _ => Ok(()),
        }
    }

    /// A switch that Kiln can not turn on.
    ///
    /// # Errors
    /// 400 that names the switch.
    pub(super) fn never(&mut self, name: &str, instead: &'static str) -> Result<(), V3Error> {
        match self.boolean(name) {
            Some(true) => Err(V3Error::unsupported(name, instead)),
            _ => Ok(()),
        }
    }

    /// A list or text that must be empty, for Kiln can not do what it would ask for.
    ///
    /// # Errors
    /// 400 that names the field.
    pub(super) fn nothing(&mut self, name: &str, instead: &'static str) -> Result<(), V3Error> {
        match self.text(name) {
            Some(text) if !text.trim().is_empty() => Err(V3Error::unsupported(name, instead)),
            _ => Ok(()),
        }
    }
}

/// What Copr says of a value that is not one of the choices.
pub(super) fn not_a_choice(value: &str) -> String {
    format!("'{}' {INVALID_CHOICE}", short(value))
}

/// Whether a text is the address of something on the web.
pub(super) fn is_web_address(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(if *value { "True" } else { "False" }.to_owned()),
        Value::Array(items) => {
            let words: Option<Vec<String>> =
                items.iter().map(|item| if item.is_array() { None } else { plain_text(item) }).collect();
            words.map(|words| words.join(" "))
        }
        Value::Null | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(value: Value) -> Form {
        match value {
            Value::Object(values) => Form::new(values),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn values_are_read_in_every_shape_clients_send() {
        let mut fields = form(json!({
            "a": ["x", "y"], "b": "x, y  z", "c": "1000", "d": "False", "e": "", "f": 7, "g": [1, 2], "h": "one"
        }));
        assert_eq!(fields.text("a").as_deref(), Some("x y"));
        assert_eq!(fields.words("b").unwrap(), ["x", "y", "z"]);
        assert_eq!(fields.integer("c", 0, 2000), Some(1000));
        assert_eq!(fields.boolean("d"), Some(false));
        assert_eq!(fields.integer("e", 0, 1), None);
        assert_eq!(fields.boolean("f"), Some(true));
        assert_eq!(fields.list("g").unwrap(), ["1", "2"]);
        assert_eq!(fields.list("h").unwrap(), ["one"]);
        assert_eq!(fields.text("nothing"), None);
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn every_problem_is_named() {
        let mut fields = form(json!({"a": {}, "b": "x", "c": 9, "d": "q"}));
        fields.text("a");
        fields.integer("b", 0, 1);
        fields.integer("c", 0, 1);
        fields.choice("d", &["r"]);
        fields.required("e");
        let error = format!("{:?}", fields.finish().unwrap_err());
        for part in ["a: Not a valid text.", "b: Not", "between 0 and 1", "d: 'q' is not a valid", "e: This field"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
