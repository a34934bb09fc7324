use serde::{Deserialize, Serialize};

/// Why a text is not a name of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind} name: {rule}")]
pub struct NameError {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

fn is_word(text: &str, extra: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

fn starts_with_alphanumeric(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_project_name(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.split(':').all(|part| starts_with_alphanumeric(part) && is_word(part, "_.+-"))
}

fn is_short_name(text: &str) -> bool {
    (1..=200).contains(&text.len()) && starts_with_alphanumeric(text) && is_word(text, "_.+-")
}

fn is_package_name(text: &str) -> bool {
    (1..=200).contains(&text.len()) && starts_with_alphanumeric(text) && is_word(text, "_.+~-:")
}

fn is_file_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text != "."
        && text != ".."
        && !text.chars().any(|c| c == '/' || c == '\\' || c.is_control())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:path, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Validates a name.
            ///
            /// # Errors
            /// [`NameError`] naming the rule that is broken.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if $valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { kind: $kind, text: text.chars().take(80).collect(), rule: $rule })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A project: parts joined by colons (`Debian:12`, `home:alice:tools`).
    ProjectName,
    "project",
    is_project_name,
    "1 to 200 characters; parts between colons start with a letter or digit and go on with those or one of _.+-"
);
name!(
    /// A repository of a project (`standard`, `debian-12`).
    RepositoryName,
    "repository",
    is_short_name,
    "1 to 200 characters; starts with a letter or digit and goes on with those or one of _.+-"
);
name!(
    /// A package of a project.
    PackageName,
    "package",
    is_package_name,
    "1 to 200 characters; starts with a letter or digit and goes on with those or one of _.+~-:"
);
name!(
    /// A user.
    UserName,
    "user",
    is_short_name,
    "1 to 200 characters; starts with a letter or digit and goes on with those or one of _.+-"
);
name!(
    /// A worker.
    WorkerName,
    "worker",
    is_short_name,
    "1 to 200 characters; starts with a letter or digit and goes on with those or one of _.+-"
);
name!(
    /// A file name without a folder, safe to create in any folder.
    FileName,
    "file",
    is_file_name,
    "1 to 255 bytes, neither . nor .., without slash, backslash or control character"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names_have_colons_between_parts() {
        assert!(ProjectName::parse("home:alice:tools").is_ok());
        assert!(ProjectName::parse("Debian:12").is_ok());
        for bad in ["", ":", "a:", "a::b", ":a", "a/b", "a b", "-a", "a:..", "a\n"] {
            assert!(ProjectName::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn file_names_can_not_leave_their_folder() {
        assert!(FileName::parse("hello_2.10-3.dsc").is_ok());
        for bad in ["", ".", "..", "a/b", "../a", "a\\b", "a\0", "a\n"] {
            assert!(FileName::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
