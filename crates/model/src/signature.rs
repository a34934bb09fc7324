use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What is known of the OpenPGP signature around a recipe (RFC 9580, section 7), as found when the source was read.
///
/// Keys are named as in the signature or the keyring: a fingerprint, or else a key id, in upper-case hexadecimal. "Known"
/// means: in one of the keyrings the service was given for sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum SourceSignature {
    /// There is none.
    Unsigned,
    /// A known key has signed exactly this text.
    Good {
        /// Fingerprint of the key or subkey.
        key: String,
        /// When it was signed, to the second, as the signature says.
        signed_at: Timestamp,
    },
    /// No known key has signed it; whether a signature fits the text can not be told.
    UnknownKey {
        /// The keys that the signatures name, which may be none.
        keys: Vec<String>,
    },
    /// A known key has signed it, but the signature or the key may not be relied on: expired, or too weak.
    NotAcceptable {
        /// Fingerprint of the key or subkey.
        key: String,
        /// Why, as a lower-case fragment.
        reason: String,
    },
    /// A known key has signed something, but not this text: it was changed afterwards. The source fails.
    Bad {
        /// Fingerprint of the key or subkey.
        key: String,
    },
    /// There is armour, but no signature in it that can be read, or other text around it.
    Unreadable {
        /// What is wrong, as a lower-case fragment.
        detail: String,
    },
}

impl std::fmt::Display for SourceSignature {
    /// One lower-case fragment for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsigned => f.write_str("not signed"),
            Self::Good { key, .. } => write!(f, "good, by {key}"),
            Self::UnknownKey { keys } if keys.is_empty() => f.write_str("not verified: it does not name its key"),
            Self::UnknownKey { keys } => write!(f, "not verified: no keyring for sources has {}", keys.join(", ")),
            Self::NotAcceptable { key, reason } => write!(f, "not accepted: by {key}, but {reason}"),
            Self::Bad { key } => write!(f, "bad: {key} has not signed this text; it was changed after it was signed"),
            Self::Unreadable { detail } => write!(f, "not readable: {detail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_words_and_survives_storage() {
        let key = || "AB12".to_owned();
        let cases = [
            (SourceSignature::Unsigned, "not signed"),
            (SourceSignature::Good { key: key(), signed_at: Timestamp::from_millis(5000) }, "good, by AB12"),
            (
                SourceSignature::UnknownKey { keys: vec![key(), "CD".to_owned()] },
                "not verified: no keyring for sources has AB12, CD",
            ),
            (SourceSignature::UnknownKey { keys: Vec::new() }, "not verified: it does not name its key"),
            (
                SourceSignature::NotAcceptable { key: key(), reason: "its key has expired".to_owned() },
                "not accepted: by AB12, but its key has expired",
            ),
            (
                SourceSignature::Bad { key: key() },
                "bad: AB12 has not signed this text; it was changed after it was signed",
            ),
            (SourceSignature::Unreadable { detail: "no armour".to_owned() }, "not readable: no armour"),
        ];
        for (signature, text) in cases {
            assert_eq!(signature.to_string(), text);
            let json = serde_json::to_string(&signature).unwrap();
            assert_eq!(serde_json::from_str::<SourceSignature>(&json).unwrap(), signature, "{json}");
        }
    }

    #[test]
    fn machines_see_a_code() {
        let signature = SourceSignature::UnknownKey { keys: vec!["AB12".to_owned()] };
        assert_eq!(serde_json::to_string(&signature).unwrap(), r#"{"code":"unknown_key","keys":["AB12"]}"#);
    }
}
