use model::Timestamp;
use serde::{Deserialize, Serialize};

/// A password to set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The new one.
    pub password: String,
}

/// A public SSH key to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSshKey {
    /// A line of a file of public keys.
    pub key: String,
}

/// An SSH key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// Number.
    pub id: i64,
    /// Kind and key as in a file of public keys.
    pub key: String,
    /// What its owner calls it.
    pub comment: String,
    /// Since when it counts.
    pub created_at: Timestamp,
}

/// The SSH keys of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKeysAnswer {
    /// The oldest first.
    pub keys: Vec<SshKey>,
}

/// A session of a user, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSession {
    /// Number.
    pub id: i64,
    /// `page` for a browser, `client` for a command-line client.
    pub kind: String,
    /// What the client calls itself.
    pub agent: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The sessions of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsAnswer {
    /// The newest first.
    pub sessions: Vec<KnownSession>,
}
