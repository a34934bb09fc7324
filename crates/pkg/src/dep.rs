//! Dependency texts: plain, versioned, alternatives (`a | b`) and rich (`(a and b)`), and when a provides satisfies one.
//!
//! Reading never fails on plain texts: whatever is no operator is a name. Start with [`Dependency::parse`].

use std::cmp::Ordering;

use crate::PackageFormat;
use crate::version::{MatchOrder, compare_for_match};

/// A comparison in a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `<` (Debian writes `<<`).
    Less,
    /// `<=`
    LessEqual,
    /// `=`, also written `==`.
    Equal,
    /// `>=`
    GreaterEqual,
    /// `>` (Debian writes `>>`).
    Greater,
}

impl Operator {
    /// Reads an operator; `None` for texts such as `=>` or `!=`, which match nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            "=" | "==" => Self::Equal,
            ">=" => Self::GreaterEqual,
            ">" => Self::Greater,
            _ => return None,
        })
    }

    /// The normalized spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Equal => "=",
            Self::GreaterEqual => ">=",
            Self::Greater => ">",
        }
    }

    /// The spelling people of `format` know: Debian's `<<` and `>>`, otherwise the normalized one.
    #[must_use]
    pub const fn display(self, format: PackageFormat) -> &'static str {
        match (self, format) {
            (Self::Less, PackageFormat::Deb) => "<<",
            (Self::Greater, PackageFormat::Deb) => ">>",
            _ => self.as_str(),
        }
    }

    const fn allows_less(self) -> bool {
        matches!(self, Self::Less | Self::LessEqual)
    }

    const fn allows_equal(self) -> bool {
        matches!(self, Self::LessEqual | Self::Equal | Self::GreaterEqual)
    }

    const fn allows_greater(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterEqual)
    }
}

/// Operator and version of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Constraint<'a> {
    /// The operator; `None` if it is none we know, which no version satisfies.
    pub operator: Option<Operator>,
    /// The version, without surrounding blanks.
    pub version: &'a str,
}

/// One name with or without a version: a provides, or an atom of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dependency<'a> {
    /// The name; for Debian possibly with `:any` behind it.
    pub name: &'a str,
    /// Restriction to versions.
    pub constraint: Option<Constraint<'a>>,
}

impl<'a> Dependency<'a> {
    /// Splits `name`, `name OP version` or `nameOPversion`.
    ///
    /// DIFFERS from Build.pm: an operator inside parentheses belongs to the name (`font(:lang=en)`).
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let Some(start) = operator_position(text) else {
            return Self { name: text, constraint: None };
        };
        let rest = &text[start..];
        let length = rest.bytes().take(2).take_while(|b| matches!(b, b'<' | b'=' | b'>')).count();
        let (operator, version) = rest.split_at(length);
        Self {
            name: text[..start].trim_end(),
            constraint: Some(Constraint { operator: Operator::parse(operator), version: version.trim() }),
        }
    }

    /// The name without Debian's `:any`, and whether it was there.
    #[must_use]
    pub fn split_any(&self, format: PackageFormat) -> (&'a str, bool) {
        match self.name.strip_suffix(":any") {
            Some(name) if format == PackageFormat::Deb => (name, true),
            _ => (self.name, false),
        }
    }
}

fn operator_position(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut spaced = None;
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'<' | b'=' | b'>' if depth == 0 => return Some(position),
            b'<' | b'=' | b'>' if spaced.is_none() && position > 0 && text.as_bytes()[position - 1] == b' ' => {
                spaced = Some(position);
            }
            _ => {}
        }
    }
    // Only with unbalanced parentheses does an operator behind a blank still count.
    if depth == 0 { None } else { spaced }
}

/// Whether a provides with `provided` satisfies a requirement of the same name with `required`.
///
/// Without versions: a requirement without version is always satisfied; a provides without version satisfies every
/// versioned requirement, except for Debian. Two ranges match if they overlap, where the space between two versions is
/// taken to be never empty.
///
/// Rule: Build.pm's `matchsingledep`, with libsolv's treatment of a release that only one side has.
#[must_use]
pub fn constraint_satisfied(
    format: PackageFormat,
    provided: Option<Constraint<'_>>,
    required: Option<Constraint<'_>>,
) -> bool {
    let Some(required) = required else {
        return true;
    };
    let Some(required_operator) = required.operator else {
        return false;
    };
    let Some(provided) = provided else {
        return format != PackageFormat::Deb;
    };
    let Some(operator) = provided.operator else {
        return false;
    };
    let same_direction = (operator.allows_less() && required_operator.allows_less())
        || (operator.allows_greater() && required_operator.allows_greater());
    if same_direction {
        return true;
    }
    let both_equal = operator.allows_equal() && required_operator.allows_equal();
    if provided.version == required.version {
        return both_equal;
    }
    match compare_for_match(format, provided.version, required.version) {
        MatchOrder::ProvidedOpen => operator.allows_equal(),
        MatchOrder::RequiredOpen => required_operator.allows_equal(),
        MatchOrder::Ordered(Ordering::Equal) => both_equal,
        MatchOrder::Ordered(Ordering::Less) => operator.allows_greater() || required_operator.allows_less(),
        MatchOrder::Ordered(Ordering::Greater) => operator.allows_less() || required_operator.allows_greater(),
    }
}

/// Whether the provides `provided` satisfies the plain requirement `required`.
#[must_use]
pub fn satisfies(format: PackageFormat, provided: &Dependency<'_>, required: &Dependency<'_>) -> bool {
    let (name, _) = required.split_any(format);
    provided.name == name && constraint_satisfied(format, provided.constraint, required.constraint)
}

/// The alternatives of `a | b | c`, in order, without blanks around them; one for a text without `|`.
pub fn alternatives(text: &str) -> impl Iterator<Item = &str> {
    text.split('|').map(str::trim)
}

/// Whether a dependency is written as a rich one: in parentheses from first to last character.
#[must_use]
pub fn is_rich(text: &str) -> bool {
    text.starts_with('(') && text.ends_with(')')
}

/// A rich dependency; chains of one operator are one node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rich {
    /// `name` or `name OP version`, operators surrounded by blanks.
    Atom(String),
    /// `a and b and ...`
    And(Vec<Self>),
    /// `a or b or ...`
    Or(Vec<Self>),
    /// `a with b with ...`: one package that satisfies all.
    With(Vec<Self>),
    /// `a without b`: one package that satisfies the first and not the second.
    Without(Box<Self>, Box<Self>),
    /// `a if b [else c]`
    If {
        /// What is needed if the condition holds.
        then: Box<Self>,
        /// The condition.
        condition: Box<Self>,
        /// What is needed otherwise.
        otherwise: Option<Box<Self>>,
    },
    /// `a unless b [else c]`
    Unless {
        /// What is needed if the condition does not hold.
        then: Box<Self>,
        /// The condition.
        condition: Box<Self>,
        /// What is needed otherwise.
        otherwise: Option<Box<Self>>,
    },
}

/// Parentheses nested deeper than this are refused.
const MAX_RICH_DEPTH: usize = 64;

impl Rich {
    /// Reads a rich dependency, from its opening to its closing parenthesis.
    ///
    /// `None` for anything malformed: an empty term, an unknown word, chains that mix operators or repeat others than
    /// `and`, `or` and `with`, text behind the end, parentheses nested more than 64 deep.
    ///
    /// Rule: rpm's "Boolean Dependencies"; Build.pm's `parse_rich_dep`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parser = RichParser { rest: text };
        let rich = parser.parenthesis(0)?;
        parser.rest.is_empty().then_some(rich)
    }
}

struct RichParser<'a> {
    rest: &'a str,
}

impl<'a> RichParser<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, character: char) -> bool {
        self.rest.strip_prefix(character).map(|rest| self.rest = rest).is_some()
    }

    fn word(&mut self) -> Option<&'a str> {
        let length = self.rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let (word, rest) = self.rest.split_at(length);
        let behind = rest.trim_start();
        (length > 0 && behind.len() < rest.len()).then(|| {
            self.rest = behind;
            word
        })
    }

    fn parenthesis(&mut self, depth: usize) -> Option<Rich> {
        if depth > MAX_RICH_DEPTH || !self.eat('(') {
            return None;
        }
        self.skip_blanks();
        let first = self.term(depth)?;
        self.skip_blanks();
        if self.eat(')') {
            return Some(first);
        }
        match self.word()? {
            "and" => self.chain("and", first, depth).map(Rich::And),
            "or" => self.chain("or", first, depth).map(Rich::Or),
            "with" => self.chain("with", first, depth).map(Rich::With),
            "without" => {
                let second = self.last_term(depth)?;
                Some(Rich::Without(Box::new(first), Box::new(second)))
            }
            "if" => self.condition(depth).map(|(condition, otherwise)| Rich::If {
                then: Box::new(first),
                condition: Box::new(condition),
                otherwise: otherwise.map(Box::new),
            }),
            "unless" => self.condition(depth).map(|(condition, otherwise)| Rich::Unless {
                then: Box::new(first),
                condition: Box::new(condition),
                otherwise: otherwise.map(Box::new),
            }),
            _ => None,
        }
    }

    /// The rest of a chain of `operator`, up to its closing parenthesis.
    fn chain(&mut self, operator: &str, first: Rich, depth: usize) -> Option<Vec<Rich>> {
        let mut terms = vec![first];
        loop {
            terms.push(self.term(depth)?);
            self.skip_blanks();
            if self.eat(')') {
                return Some(terms);
            }
            if self.word()? != operator {
                return None;
            }
        }
    }

    fn last_term(&mut self, depth: usize) -> Option<Rich> {
        let term = self.term(depth)?;
        self.skip_blanks();
        self.eat(')').then_some(term)
    }

    fn condition(&mut self, depth: usize) -> Option<(Rich, Option<Rich>)> {
        let condition = self.term(depth)?;
        self.skip_blanks();
        if self.eat(')') {
            return Some((condition, None));
        }
        if self.word()? != "else" {
            return None;
        }
        self.last_term(depth).map(|otherwise| (condition, Some(otherwise)))
    }

    fn term(&mut self, depth: usize) -> Option<Rich> {
        if self.rest.starts_with('(') {
            return self.parenthesis(depth + 1);
        }
        let name = self.name()?;
        self.skip_blanks();
        let length = self.rest.bytes().take_while(|b| matches!(b, b'<' | b'=' | b'>')).count();
        if length == 0 {
            return Some(Rich::Atom(name.to_owned()));
        }
        let (operator, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.skip_blanks();
        let version = self.name()?;
        Some(Rich::Atom(format!("{name} {operator} {version}")))
    }

    /// A name or version: up to a blank, an operator or a parenthesis it did not open.
    fn name(&mut self) -> Option<&'a str> {
        let mut depth = 0_usize;
        let mut length = self.rest.len();
        for (position, byte) in self.rest.bytes().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b')' | b' ' | b'\t' | b'\n' | b',' => {
                    length = position;
                    break;
                }
                b'<' | b'=' | b'>' if depth == 0 => {
                    length = position;
                    break;
                }
                _ => {}
            }
        }
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: PackageFormat, provided: &str, required: &str, wanted: bool) {
        let answer = satisfies(format, &Dependency::parse(provided), &Dependency::parse(required));
        assert_eq!(answer, wanted, "{provided} against {required} in {format}");
    }

    #[test]
    fn operators_may_stand_without_blanks_but_not_inside_parentheses() {
        let parsed = Dependency::parse("a>=1");
        assert_eq!(parsed.name, "a");
        assert_eq!(parsed.constraint, Some(Constraint { operator: Some(Operator::GreaterEqual), version: "1" }));
        assert_eq!(Dependency::parse("font(:lang=en)").constraint, None);
        assert_eq!(Dependency::parse("font(:lang=en) = 2").name, "font(:lang=en)");
        assert_eq!(Dependency::parse("odd( = 2").name, "odd(");
        assert_eq!(Dependency::parse("a => 1").constraint.map(|c| c.operator), Some(None));
    }

    #[test]
    fn ranges_match_if_they_overlap() {
        use PackageFormat::{Apk, Deb, Rpm};
        check(Rpm, "a = 1-1", "a", true);
        check(Rpm, "a = 1-1", "a = 1", true);
        check(Rpm, "a = 1-1", "a > 1", false);
        check(Rpm, "a", "a >= 5", true);
        check(Deb, "a", "a >= 5", false);
        check(Deb, "a = 1", "a:any", true);
        check(Rpm, "a = 1", "a:any", false);
        check(Rpm, "a >= 1", "a <= 1", true);
        check(Rpm, "a > 1", "a <= 1", false);
        check(Rpm, "a < 1", "a < 5", true);
        check(Rpm, "a >= 2", "a = 1", false);
        check(Rpm, "a > 1-1", "a = 1", true);
        check(Rpm, "ab = 2", "a = 2", false);
        check(Rpm, "a = 2", "a => 1", false);
        check(Deb, "a = 1.0", "a >= 1.0-0", false);
        check(Apk, "a = 3.2.5-r0", "a = ~3.2", true);
    }

    #[test]
    fn rich_dependencies_read_back_as_trees() {
        let atom = |text: &str| Rich::Atom(text.to_owned());
        assert_eq!(Rich::parse("(a)"), Some(atom("a")));
        assert_eq!(
            Rich::parse("(a and b>=2 and perl(X::Y))"),
            Some(Rich::And(vec![atom("a"), atom("b >= 2"), atom("perl(X::Y)")]))
        );
        assert_eq!(
            Rich::parse("(a if (b or c) else d)"),
            Some(Rich::If {
                then: Box::new(atom("a")),
                condition: Box::new(Rich::Or(vec![atom("b"), atom("c")])),
                otherwise: Some(Box::new(atom("d"))),
            })
        );
    }

    #[test]
    fn malformed_rich_dependencies_are_refused() {
        for text in [
            "",
            "()",
            "(a",
            "a)",
            "(a b)",
            "(a and b or c)",
            "(a and b) c",
            "(a if b if c)",
            "(a else b)",
            "(a if b else c or d)",
            "(a xor b)",
            "(a and )",
            "(a and(b))",
            "(a >= )",
            "(a without b without c)",
        ] {
            assert_eq!(Rich::parse(text), None, "{text}");
        }
    }

    #[test]
    fn deeply_nested_rich_dependencies_are_refused_without_recursing_far() {
        let deep = format!("{}a{}", "(".repeat(1_000_000), ")".repeat(1_000_000));
        assert_eq!(Rich::parse(&deep), None);
        let long = format!("(a{})", " and a".repeat(100_000));
        assert!(matches!(Rich::parse(&long), Some(Rich::And(terms)) if terms.len() == 100_001));
    }
}
