use serde::{Deserialize, Serialize};

/// What the planner says of one package in one (repository, arch), with the reason.
///
/// Computed by the planner, kept by the store, shown by every interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Verdict {
    /// Can run as soon as a worker is free.
    Scheduled,
    /// Waits for other packages; their names, sorted.
    Blocked {
        /// Packages it waits for.
        by: Vec<String>,
    },
    /// Its root can not be computed; problems in the expander's words.
    Unresolvable {
        /// One problem an entry.
        problems: Vec<String>,
    },
    /// Not built here.
    Excluded {
        /// Why.
        reason: ExclusionReason,
    },
    /// The configuration or the recipe can not be used.
    Broken {
        /// What is wrong.
        detail: String,
    },
    /// Packages of a download-on-demand repository are not at hand yet.
    Fetching,
}

/// Why a package is not built in a (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionReason {
    /// The recipe does not name this architecture; what it names.
    Architecture {
        /// Architectures of the recipe, as the recipe spells them.
        recipe: Vec<String>,
    },
    /// The configuration builds another kind of recipe here.
    RecipeKind {
        /// Kind of the configuration (`Type`).
        wanted: String,
    },
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scheduled => f.write_str("scheduled"),
            Self::Blocked { by } => write!(f, "blocked by {}", by.join(", ")),
            Self::Unresolvable { problems } => write!(f, "unresolvable: {}", problems.join(", ")),
            Self::Excluded { reason } => write!(f, "excluded: {reason}"),
            Self::Broken { detail } => write!(f, "broken: {detail}"),
            Self::Fetching => f.write_str("waiting for packages to be downloaded"),
        }
    }
}

impl std::fmt::Display for ExclusionReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Architecture { recipe } => write!(f, "the recipe builds only for {}", recipe.join(" ")),
            Self::RecipeKind { wanted } => write!(f, "the configuration builds only {wanted} recipes"),
        }
    }
}
