//! The part of an address behind the question mark.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use url::form_urlencoded;

use crate::address::encode_query_value;
use crate::app::App;

/// The parameters of one request; of a name that comes twice, the first counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// A parameter whose value can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("query parameter {name}: {detail}")]
pub(crate) struct QueryError {
    /// Name of the parameter.
    pub(crate) name: &'static str,
    /// What is wrong with its value.
    pub(crate) detail: String,
}

impl Query {
    /// Reads the raw text behind the question mark. Anything can be read; nonsense makes odd names.
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
        Self { pairs }
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter that may come again and again.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A whole number; numbers beyond the range of `i64` stay at its end.
    ///
    /// # Errors
    /// If the value is no whole number, in the words of Python's `int`, which Copr's answers quote.
    pub(crate) fn integer(&self, name: &'static str) -> Result<Option<i64>, QueryError> {
        self.get(name).map(|text| parse_integer(name, text)).transpose()
    }

    /// A truth value: `true`, `yes`, `1`, `false`, `no`, `0` in any case.
    ///
    /// # Errors
    /// If the value is none of them, in Copr's words.
    pub(crate) fn boolean(&self, name: &'static str) -> Result<Option<bool>, QueryError> {
        self.get(name).map(|text| parse_boolean(name, text)).transpose()
    }
}

impl FromRequestParts<App> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query()))
    }
}

fn parse_integer(name: &'static str, text: &str) -> Result<i64, QueryError> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let shown: String = text.chars().take(80).collect();
        return Err(QueryError { name, detail: format!("invalid literal for int() with base 10: '{shown}'") });
    }
    let end = if trimmed.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(trimmed.parse().unwrap_or(end))
}

fn parse_boolean(name: &'static str, text: &str) -> Result<bool, QueryError> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => {
            let shown: String = text.chars().take(80).collect();
            let detail = format!(
                "Value `{shown}` doesn't belong to either true of false sets. \
                 Allowed values: ['true', 'yes', '1'] and ['false', 'no', '0']"
            );
            Err(QueryError { name, detail })
        }
    }
}

/// Writes an address with a query: only the parameters that have a value, in the order they are added.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    text: String,
    separator: char,
}

impl Link {
    /// A link without a query.
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self { text: path.into(), separator: '?' }
    }

    /// Adds a parameter, if it has a value.
    pub(crate) fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.text.push(self.separator);
            self.text.push_str(name);
            self.text.push('=');
            self.text.push_str(&encode_query_value(&value.to_string()));
            self.separator = '&';
        }
        self
    }

    /// Adds a truth value as Python prints it.
    pub(crate) fn with_boolean(self, name: &str, value: Option<bool>) -> Self {
        self.with(name, value.map(|value| if value { "True" } else { "False" }))
    }

    /// The finished text.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_equal_names_counts() {
        let query = Query::parse(Some("a=1&b=x+y%20z&a=2&c"));
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.get("b"), Some("x y z"));
        assert_eq!(query.get("c"), Some(""));
        assert_eq!(query.get("d"), None);
        assert_eq!(Query::parse(None).get("a"), None);
    }

    #[test]
    fn integers_never_overflow() {
        let of = |text: &str| parse_integer("limit", text).ok();
        assert_eq!(of("10"), Some(10));
        assert_eq!(of("-1"), Some(-1));
        assert_eq!(of("99999999999999999999999"), Some(i64::MAX));
        assert_eq!(of("-99999999999999999999999"), Some(i64::MIN));
        for bad in ["", "abc", "1.5", "-", "0x10", "+-1"] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
        let error = parse_integer("limit", "abc").unwrap_err();
        assert_eq!(error.detail, "invalid literal for int() with base 10: 'abc'");
    }

    #[test]
    fn booleans_have_six_spellings_in_any_case() {
        let of = |text: &str| parse_boolean("x", text).ok();
        assert_eq!(["true", "YES", "1"].map(of), [Some(true); 3]);
        assert_eq!(["False", "no", "0"].map(of), [Some(false); 3]);
        assert_eq!(["", "maybe", "2"].map(of), [None; 3]);
    }

    #[test]
    fn links_leave_out_what_was_not_given() {
        let link = Link::new("/api_2/builds")
            .with("owner", Some("a b"))
            .with("project_id", None::<i64>)
            .with("limit", Some(100))
            .with_boolean("is_finished", Some(true));
        assert_eq!(link.finish(), "/api_2/builds?owner=a%20b&limit=100&is_finished=True");
        assert_eq!(Link::new("/x").finish(), "/x");
    }
}
