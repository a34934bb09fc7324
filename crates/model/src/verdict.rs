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
    /// Its turn comes later, as somebody wished who submitted it with others.
    Waiting {
        /// What it waits for.
        what: String,
    },
}

/// Why a package is not built in a (repository, arch).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionReason {
    /// The recipe does not build on this architecture.
    Architecture {
        /// Architectures the recipe names, as it spells them; those it excludes with `!` in front.
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
            Self::Waiting { what } => write!(f, "waits for {what}"),
        }
    }
}

impl std::fmt::Display for ExclusionReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Architecture { recipe } if !recipe.is_empty() && recipe.iter().all(|name| name.starts_with('!')) => {
                let names: Vec<&str> = recipe.iter().map(|name| name.trim_start_matches('!')).collect();
                write!(f, "the recipe does not build for {}", names.join(" "))
            }
            Self::Architecture { recipe } => write!(f, "the recipe builds only for {}", recipe.join(" ")),
            Self::RecipeKind { wanted } => write!(f, "the configuration builds only {wanted} recipes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_that_are_named_or_excluded_have_their_own_words() {
        let words = |recipe: &[&str]| {
            let recipe = recipe.iter().map(ToString::to_string).collect();
            Verdict::Excluded { reason: ExclusionReason::Architecture { recipe } }.to_string()
        };
        assert_eq!(words(&["x86_64", "aarch64"]), "excluded: the recipe builds only for x86_64 aarch64");
        assert_eq!(words(&["!s390x", "!i686"]), "excluded: the recipe does not build for s390x i686");
        assert_eq!(words(&["x86_64", "!s390x"]), "excluded: the recipe builds only for x86_64 !s390x");
    }
}
