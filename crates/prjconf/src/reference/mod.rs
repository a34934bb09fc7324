//! What the words of the language mean, at run time: for hover texts, completion and `check`.
//!
//! Keywords are in [`crate::keyword::KEYWORDS`]; everything else that has a fixed name is in [`TERMS`]. The manual, prjconf(5),
//! has the same texts under NAMES, and a test compares the two. Read [`Term`] first.

mod flags;
mod formats;
mod macros;

/// What kind of word a [`Term`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A word of `BuildFlags:`.
    BuildFlag,
    /// A word of `ExpandFlags:`.
    ExpandFlag,
    /// A word of `PublishFlags:`.
    PublishFlag,
    /// A format or modifier of `Repotype:`.
    Repotype,
    /// A format of `Patterntype:`.
    Patterntype,
    /// A value of `Type:`.
    RecipeType,
    /// A value of `BinaryType:`.
    BinaryType,
    /// A value of `BuildEngine:`.
    BuildEngine,
    /// A word that begins a conditional line, `%` included.
    Condition,
    /// A built-in macro.
    BuiltinMacro,
    /// A macro that is defined when an evaluation starts.
    StandardMacro,
    /// A macro that servers define in front of a configuration.
    ServerMacro,
}

impl Topic {
    /// All topics, in the order of the manual.
    pub const ALL: &[Self] = &[
        Self::BuildFlag,
        Self::ExpandFlag,
        Self::PublishFlag,
        Self::Repotype,
        Self::Patterntype,
        Self::RecipeType,
        Self::BinaryType,
        Self::BuildEngine,
        Self::Condition,
        Self::BuiltinMacro,
        Self::StandardMacro,
        Self::ServerMacro,
    ];

    /// The heading of the manual.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BuildFlag => "Build flags",
            Self::ExpandFlag => "Expand flags",
            Self::PublishFlag => "Publish flags",
            Self::Repotype => "Repository types",
            Self::Patterntype => "Pattern types",
            Self::RecipeType => "Recipe types",
            Self::BinaryType => "Binary types",
            Self::BuildEngine => "Build engines",
            Self::Condition => "Condition words",
            Self::BuiltinMacro => "Built-in macros",
            Self::StandardMacro => "Standard macros",
            Self::ServerMacro => "Server macros",
        }
    }
}

/// A word with a fixed meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// What kind of word it is.
    pub topic: Topic,
    /// How it is written, placeholders in capitals: `vmfstype:FS`, `%{sub TEXT FROM TO}`. Starts with the name or, of macros, contains it.
    pub form: &'static str,
    /// The name alone, without value or arguments; of a macro without `%`.
    pub name: &'static str,
    /// What it means, in one line, with Markdown's backquotes.
    pub effect: &'static str,
    /// Of an old spelling: what to do instead.
    pub instead: Option<&'static str>,
}

/// All terms, topic by topic in the order of [`Topic::ALL`], sorted by name within a topic.
pub fn terms() -> impl Iterator<Item = &'static Term> {
    Topic::ALL.iter().flat_map(|topic| of_topic(*topic))
}

/// The terms of one topic, sorted by name.
pub fn of_topic(topic: Topic) -> impl Iterator<Item = &'static Term> {
    let table = match topic {
        Topic::BuildFlag => flags::BUILD_FLAGS,
        Topic::ExpandFlag => flags::EXPAND_FLAGS,
        Topic::PublishFlag => flags::PUBLISH_FLAGS,
        Topic::Repotype => formats::REPOTYPES,
        Topic::Patterntype => formats::PATTERNTYPES,
        Topic::RecipeType => formats::RECIPE_TYPES,
        Topic::BinaryType => formats::BINARY_TYPES,
        Topic::BuildEngine => formats::BUILD_ENGINES,
        Topic::Condition => macros::CONDITIONS,
        Topic::BuiltinMacro => macros::BUILTINS,
        Topic::StandardMacro => macros::STANDARD,
        Topic::ServerMacro => macros::SERVER,
    };
    table.iter()
}

/// The term with this name.
///
/// A build flag `buildengine.TYPE` has the term of its recipe type, or the general one.
#[must_use]
pub fn find(topic: Topic, name: &str) -> Option<&'static Term> {
    let wanted = if topic == Topic::BuildFlag && name.starts_with("buildengine.") { "buildengine.TYPE" } else { name };
    of_topic(topic).find(|term| term.name == wanted)
}

/// The macro with this name, without `%`: built-in, standard or of the server.
#[must_use]
pub fn find_macro(name: &str) -> Option<&'static Term> {
    [Topic::BuiltinMacro, Topic::StandardMacro, Topic::ServerMacro].into_iter().find_map(|topic| find(topic, name))
}

/// The body of a standard macro, unexpanded; `None` for the two that depend on the architecture and for all others.
#[must_use]
pub fn standard_body(name: &str) -> Option<&'static str> {
    crate::macros::table::STANDARD.iter().find(|(known, _, _)| *known == name).map(|(_, _, body)| *body)
}

/// A row whose name is its form up to the first colon.
const fn row(topic: Topic, name: &'static str, form: &'static str, effect: &'static str) -> Term {
    Term { topic, form, name, effect, instead: None }
}

/// A row of an old spelling.
const fn old(
    topic: Topic,
    name: &'static str,
    form: &'static str,
    effect: &'static str,
    instead: &'static str,
) -> Term {
    Term { topic, form, name, effect, instead: Some(instead) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_under_its_topic_once_and_in_order() {
        for topic in Topic::ALL {
            let rows: Vec<&Term> = of_topic(*topic).collect();
            assert!(!rows.is_empty(), "{topic:?}");
            for term in &rows {
                assert_eq!(term.topic, *topic, "{}", term.name);
                assert!(term.form.contains(term.name), "{}: {}", term.name, term.form);
                assert!(!term.effect.is_empty() && !term.effect.contains('\n'), "{}", term.name);
                assert_eq!(find(*topic, term.name), Some(*term));
            }
            if *topic != Topic::Condition && *topic != Topic::StandardMacro {
                assert!(rows.is_sorted_by_key(|term| term.name), "{topic:?}");
            }
        }
    }

    #[test]
    fn standard_macros_are_those_of_the_evaluation() {
        let table = crate::macros::table::STANDARD.iter().map(|(name, _, _)| *name);
        let expected: Vec<&str> = table.chain(["_target_cpu", "_target_os"]).collect();
        assert_eq!(of_topic(Topic::StandardMacro).map(|term| term.name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_engine_of_any_recipe_type_is_known() {
        assert!(find(Topic::BuildFlag, "buildengine.kiwi").is_some());
        assert!(find_macro("lower").is_some_and(|term| term.topic == Topic::BuiltinMacro));
        assert_eq!(standard_body("arm64"), Some("aarch64"));
    }
}
