use serde::{Deserialize, Serialize};

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The package's, its source's or its configuration's: building again gives the same.
    Package,
    /// The machine's or the network's: building again may help, and does not count against the package.
    Service,
}

/// Why a source could not be made or a task failed: the one machine-readable cause every interface shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FailureCause {
    /// A source file is not where the address says.
    #[error("{url}: the server answered {status}")]
    SourceMissing {
        /// Address asked.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// A source file could not be fetched to its end.
    #[error("{url}: {detail}")]
    SourceUnreachable {
        /// Address asked.
        url: String,
        /// What happened, after all retries.
        detail: String,
    },
    /// The bytes of a source file are not the ones its recipe names.
    #[error("{file}: {what} is {found}, but the recipe says {expected}")]
    SourceMismatch {
        /// File name.
        file: String,
        /// What differs: `size` or `SHA-256`.
        what: String,
        /// Value of the recipe.
        expected: String,
        /// Value of the bytes.
        found: String,
    },
    /// The source can not be read as a recipe, or an archive in it is malformed or hostile.
    #[error("{file}: {detail}")]
    SourceInvalid {
        /// File name.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// A key that the service knows has signed another text than the recipe's.
    #[error("{file}: the signature by {key} does not fit the text, which was changed after it was signed")]
    SourceForged {
        /// File name of the recipe.
        file: String,
        /// Fingerprint of the key.
        key: String,
    },
    /// The source is larger than the service takes.
    #[error("{file}: larger than the limit of {limit_bytes} bytes")]
    SourceTooLarge {
        /// File name.
        file: String,
        /// Limit in bytes.
        limit_bytes: u64,
    },
    /// The root can not be computed: problems of the expansion, one a line.
    #[error("unresolvable: {}", .problems.join(", "))]
    Unresolvable {
        /// Problems in the expander's words.
        problems: Vec<String>,
    },
    /// The configuration does not allow a build at all.
    #[error("configuration: {detail}")]
    Configuration {
        /// What is wrong with which configuration.
        detail: String,
    },
    /// The root could not be prepared.
    #[error("root: {detail}")]
    Root {
        /// Package and what its installation said.
        detail: String,
    },
    /// The recipe's command ended with an error.
    #[error("{step} ended with exit status {status}")]
    Recipe {
        /// Step of the recipe engine: `dpkg-source`, `dpkg-buildpackage`, ...
        step: String,
        /// Exit status.
        status: i32,
    },
    /// The recipe's command ended with an error, after something in it tried to reach the network without being allowed to.
    #[error("{step} ended with exit status {status} after it tried to reach the network, which this build may not")]
    NetworkRefused {
        /// Step of the recipe engine.
        step: String,
        /// Exit status.
        status: i32,
    },
    /// The recipe's command was killed by a signal that was not ours.
    #[error("{step} was killed by signal {signal}")]
    RecipeKilled {
        /// Step of the recipe engine.
        step: String,
        /// Signal number.
        signal: i32,
    },
    /// More memory than allowed.
    #[error("the build needed more memory than its limit of {limit_bytes} bytes")]
    MemoryLimit {
        /// Limit in bytes.
        limit_bytes: u64,
    },
    /// More processes than allowed.
    #[error("the build started more than {limit} processes at once")]
    ProcessLimit {
        /// Limit.
        limit: u32,
    },
    /// More disk than allowed.
    #[error("the build filled its disk of {limit_bytes} bytes")]
    DiskLimit {
        /// Limit in bytes.
        limit_bytes: u64,
    },
    /// Longer than allowed.
    #[error("the build ran longer than {limit_seconds} seconds")]
    TimeLimit {
        /// Limit in seconds.
        limit_seconds: u64,
    },
    /// No log output for too long.
    #[error("the build printed nothing for {limit_seconds} seconds")]
    SilenceLimit {
        /// Limit in seconds.
        limit_seconds: u64,
    },
    /// More log than allowed.
    #[error("the build printed more than {limit_bytes} bytes")]
    LogLimit {
        /// Limit in bytes.
        limit_bytes: u64,
    },
    /// Results larger than allowed.
    #[error("the results are larger than {limit_bytes} bytes")]
    ResultLimit {
        /// Limit in bytes.
        limit_bytes: u64,
    },
    /// The recipe succeeded but left no package.
    #[error("the build left no package")]
    NoResults,
    /// A result is not what it claims to be.
    #[error("result {file}: {detail}")]
    ResultInvalid {
        /// File name.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// The worker itself failed (disk of the host, kernel, a bug); the task runs again elsewhere or later.
    #[error("the worker failed: {detail}")]
    Worker {
        /// What happened.
        detail: String,
    },
}

impl FailureCause {
    /// Whose fault it is; decides whether the task runs again by itself.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::SourceUnreachable { .. } | Self::Worker { .. } => Fault::Service,
            _ => Fault::Package,
        }
    }
}
