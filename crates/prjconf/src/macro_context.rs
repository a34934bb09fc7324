//! Macros for users of a configuration: recipes and `kiln config eval`.

use crate::config::BuildConfig;
use crate::evaluate::Options;
use crate::expr;
use crate::macros::budget::{Budget, Limits};
use crate::macros::expand::Expander;
use crate::macros::table::{Body, Macro, MacroTable};
use crate::text::{decode, encode, find_byte, is_word, trim_start};

/// The text that work is allowed for at first.
const RECIPE_BYTES: usize = 64 * 1024;

/// The outcome of expanding a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The expanded text.
    pub text: String,
    /// What went wrong, in order: `division by zero`, `macro too deeply nested`, …
    pub warnings: Vec<String>,
}

/// A macro table that outlives single expansions.
///
/// Starts with the macro list of a configuration; recipes add their own. What an expansion defines stays defined.
/// The work all expansions may do is bounded (see prjconf(5), LIMITS); beyond that texts come out cut, with a warning.
#[derive(Debug, Clone)]
pub struct Macros {
    table: MacroTable,
    budget: Budget,
}

impl Macros {
    /// The macros of a configuration as recipes see them: its macro list, in order, the last definition wins.
    #[must_use]
    pub fn of_config(config: &BuildConfig) -> Self {
        let mut macros =
            Self { table: MacroTable::default(), budget: Budget::for_text(RECIPE_BYTES, Limits::default()) };
        for line in &config.macros {
            macros.define_line(&encode(line));
        }
        macros
    }

    /// With other limits of nesting and work; the architecture of the options does not count.
    #[must_use]
    pub fn with_limits(self, options: &Options) -> Self {
        Self { budget: Budget::for_text(RECIPE_BYTES, options.limits()), ..self }
    }

    /// `%define`, optional white space, name, optional `(options)`, white space, body; other lines do nothing.
    fn define_line(&mut self, line: &[u8]) {
        let Some(rest) = line.strip_prefix(b"%define").map(trim_start) else { return };
        let (name, rest) = rest.split_at(rest.iter().take_while(|byte| is_word(**byte)).count());
        if name.is_empty() {
            return;
        }
        let (options, rest) =
            match rest.strip_prefix(b"(").and_then(|inside| Some((inside, find_byte(inside, 0, b')')?))) {
                Some((inside, close)) => (inside.get(..close), inside.get(close + 1..).unwrap_or_default()),
                None => (None, rest),
            };
        let body = Body::Shared(trim_start(rest).into());
        self.table.define(name, Macro::new(options.map(Into::into), body));
    }

    /// Defines a plain macro; a former definition is replaced.
    pub fn define(&mut self, name: &str, body: &str) {
        self.table.define(&encode(name), Macro::plain(&encode(body)));
    }

    /// Defines a parametric macro; `options` are its option letters, as between the parentheses of `%define f(ab:)`.
    pub fn define_parametric(&mut self, name: &str, options: &str, body: &str) {
        let value = Macro::new(Some(encode(options).as_ref().into()), Body::Shared(encode(body).as_ref().into()));
        self.table.define(&encode(name), value);
    }

    /// Forgets a macro. The standard macros cannot be forgotten.
    pub fn undefine(&mut self, name: &str) {
        self.table.remove(&encode(name));
    }

    /// Whether a macro is defined. Built-in macros are not.
    #[must_use]
    pub fn is_defined(&self, name: &str) -> bool {
        self.table.get(&encode(name)).is_some()
    }

    /// The unexpanded body of a macro.
    #[must_use]
    pub fn body(&self, name: &str) -> Option<String> {
        self.table.get(&encode(name)).map(|found| decode(found.body.bytes()))
    }

    /// Expands a text.
    pub fn expand(&mut self, text: &str) -> Expansion {
        let mut messages = Vec::new();
        let mut out = Vec::new();
        Expander::new(&mut self.table, &mut messages, &mut self.budget).expand_into(&encode(text), &mut out);
        Expansion { text: decode(&out), warnings: messages.iter().map(|message| decode(message)).collect() }
    }

    /// Allows the work that a text of so many bytes may need, instead of what is left.
    pub fn allow_work_for(&mut self, text_bytes: usize) {
        self.budget = Budget::for_text(text_bytes, self.budget.limits());
    }

    /// Whether the expression of an `%if` is true whose macros were expanded already; errors make it false and are
    /// returned.
    pub fn evaluate(&mut self, expanded: &str) -> (bool, Vec<String>) {
        let mut messages = Vec::new();
        let mut expander = Expander::new(&mut self.table, &mut messages, &mut self.budget);
        let value = expr::evaluate_condition(&encode(expanded), &mut expander);
        (value, messages.iter().map(|message| decode(message)).collect())
    }

    /// Whether the expression of an `%if` is true, macros expanded first; errors make it false and are returned.
    pub fn condition(&mut self, expression: &str) -> (bool, Vec<String>) {
        let expanded = self.expand(expression);
        let (value, messages) = self.evaluate(&expanded.text);
        let mut warnings = expanded.warnings;
        warnings.extend(messages);
        (value, warnings)
    }
}

impl BuildConfig {
    /// Expands a text with the macro list; what `queryconfig eval` prints.
    #[must_use]
    pub fn eval(&self, text: &str) -> Expansion {
        Macros::of_config(self).expand(text)
    }

    /// The expansion of a macro that may not be defined: empty then.
    #[must_use]
    pub fn macro_value(&self, name: &str) -> Option<String> {
        let mut macros = Macros::of_config(self);
        macros.is_defined(name).then(|| macros.expand(&format!("%{{{name}}}")).text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expanded_expression_is_not_expanded_again() {
        let mut macros = Macros::of_config(&BuildConfig::default());
        macros.define("one", "1");
        assert_eq!(macros.condition("%{one}"), (true, vec![]));
        assert_eq!(macros.evaluate("1 + 1 == 2"), (true, vec![]));
        let (value, warnings) = macros.evaluate("%{one}");
        assert!(!value && !warnings.is_empty());
    }

    #[test]
    fn the_switch_for_work_moves_its_bounds() {
        let long = |options: &Options| {
            let mut macros = Macros::of_config(&BuildConfig::default()).with_limits(options);
            macros.define("long", &"x".repeat(1 << 20));
            macros.expand("%{long}%{long}").text.len()
        };
        let options = Options::for_arch("");
        assert_eq!(long(&Options { work: 3, ..options.clone() }), 2 << 20);
        assert!(long(&options) < 2 << 20);
    }

    #[test]
    fn work_is_bounded_and_can_be_allowed_anew() {
        let mut macros = Macros::of_config(&BuildConfig::default());
        macros.define("long", &"x".repeat(1 << 20));
        macros.define("longer", &"%{long}".repeat(8));
        for _ in 0..20 {
            macros.expand("%{longer}");
        }
        assert!(!macros.expand("%{long}").warnings.is_empty());
        macros.allow_work_for(1 << 20);
        assert_eq!(macros.expand("%{long}").warnings, [""; 0]);
    }
}
