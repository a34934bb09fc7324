use model::UserName;
use serde_json::{Map, Value};

use super::OidcError;

/// How far the provider's clock may be from ours, in seconds.
const SKEW_SECONDS: i64 = 60;

/// What a provider says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    /// Who it is there, for ever.
    pub(super) subject: String,
    all: Map<String, Value>,
}

impl Claims {
    /// Checks the claims of an identity token (OpenID Connect Core section 3.1.3.7).
    ///
    /// # Errors
    /// [`OidcError::Token`] names the rule.
    pub(super) fn of_token(
        all: Map<String, Value>,
        issuer: &str,
        client: &str,
        nonce: &str,
        now: i64,
    ) -> Result<Self, OidcError> {
        let broken = |detail| Err(OidcError::Token { detail });
        let text = |name: &str| all.get(name).and_then(Value::as_str);
        let number = |name: &str| all.get(name).and_then(|value| value.as_f64()).map(|seconds| seconds as i64);
        if text("iss") != Some(issuer) {
            return broken("it is another issuer's");
        }
        let audience: Vec<&str> = match all.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !audience.contains(&client) {
            return broken("it is for another client");
        }
        if text("azp").is_some_and(|party| party != client) || (audience.len() > 1 && text("azp").is_none()) {
            return broken("it was issued to another client");
        }
        if number("exp").is_none_or(|expires| now >= expires.saturating_add(SKEW_SECONDS)) {
            return broken("it has expired");
        }
        if number("iat").is_none_or(|issued| issued > now.saturating_add(SKEW_SECONDS)) {
            return broken("it is from the future");
        }
        if number("nbf").is_some_and(|begins| begins > now.saturating_add(SKEW_SECONDS)) {
            return broken("it does not count yet");
        }
        if text("nonce") != Some(nonce) {
            return broken("it belongs to another login");
        }
        let Some(subject) = text("sub").filter(|subject| (1..=255).contains(&subject.len())) else {
            return broken("it names nobody");
        };
        Ok(Self { subject: subject.to_owned(), all })
    }

    /// Adds what the user info endpoint says; what the token says counts more. Of somebody else nothing is taken
    /// (OpenID Connect Core section 5.3.2).
    pub(super) fn add(&mut self, more: Map<String, Value>) {
        if more.get("sub").and_then(Value::as_str) != Some(&self.subject) {
            return;
        }
        for (name, value) in more {
            self.all.entry(name).or_insert(value);
        }
    }

    /// Whether there is such a claim.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all.contains_key(name)
    }

    /// The name of the user.
    ///
    /// # Errors
    /// [`OidcError::Name`].
    pub(super) fn user_name(&self, claim: &str) -> Result<UserName, OidcError> {
        let text = self.all.get(claim).and_then(Value::as_str);
        let text = text.ok_or_else(|| OidcError::Name { detail: format!("there is no claim {claim}") })?;
        UserName::parse(text).map_err(|error| OidcError::Name { detail: error.to_string() })
    }

    /// The texts of a claim that is a list, or one text.
    pub(super) fn list(&self, claim: &str) -> Vec<String> {
        match self.all.get(claim) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({"iss": "https://id.example.org", "aud": "kiln", "sub": "17", "exp": 2000, "iat": 900, "nonce": "n",
            "preferred_username": "alice"})
    }

    fn read(claims: Value) -> Result<Claims, String> {
        let Value::Object(map) = claims else { panic!("an object") };
        Claims::of_token(map, "https://id.example.org", "kiln", "n", 1000).map_err(|error| error.to_string())
    }

    #[test]
    fn every_rule_of_a_token_is_kept() {
        assert_eq!(read(good()).unwrap().user_name("preferred_username").unwrap().as_str(), "alice");
        for (name, value, reason) in [
            ("iss", json!("https://evil.example"), "it is another issuer's"),
            ("iss", json!(null), "it is another issuer's"),
            ("aud", json!("other"), "it is for another client"),
            ("aud", json!(["other"]), "it is for another client"),
            ("aud", json!(["kiln", "other"]), "it was issued to another client"),
            ("azp", json!("other"), "it was issued to another client"),
            ("exp", json!(940), "it has expired"),
            ("exp", json!("2000"), "it has expired"),
            ("iat", json!(1061), "it is from the future"),
            ("nbf", json!(1061), "it does not count yet"),
            ("nonce", json!("m"), "it belongs to another login"),
            ("sub", json!(""), "it names nobody"),
            ("sub", json!(17), "it names nobody"),
        ] {
            let mut claims = good();
            claims[name] = value;
            assert_eq!(read(claims).unwrap_err(), format!("the provider's identity token is not valid: {reason}"));
        }
        for (name, value) in
            [("aud", json!(["kiln"])), ("azp", json!("kiln")), ("exp", json!(941)), ("iat", json!(1060))]
        {
            let mut claims = good();
            claims[name] = value;
            assert!(read(claims).is_ok(), "{name}");
        }
        for name in ["iss", "aud", "exp", "iat", "nonce", "sub"] {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(name);
            assert!(read(claims).is_err(), "{name}");
        }
    }

    #[test]
    fn names_are_those_a_user_may_have() {
        for name in ["", "a b", "../x", "x:y", "-x"] {
            let mut claims = good();
            claims["preferred_username"] = json!(name);
            assert!(read(claims).unwrap().user_name("preferred_username").is_err(), "{name}");
        }
        assert!(read(good()).unwrap().user_name("email").is_err());
    }

    #[test]
    fn more_claims_are_taken_of_the_same_person_only_and_replace_nothing() {
        let mut claims = read(good()).unwrap();
        let more = |sub| json!({"sub": sub, "preferred_username": "root", "groups": ["a", 1, "b"]});
        let map = |value: Value| value.as_object().unwrap().clone();
        claims.add(map(more("18")));
        assert!(!claims.has("groups"));
        claims.add(map(more("17")));
        assert_eq!(claims.list("groups"), ["a", "b"]);
        assert_eq!(claims.user_name("preferred_username").unwrap().as_str(), "alice");
    }
}
