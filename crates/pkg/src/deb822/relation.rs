use std::ops::Range;

use super::architecture_matches;

/// Alternatives of one comma-separated item: any of them will do.
pub type Alternatives<'a> = Vec<Relation<'a>>;

/// One `name:qualifier (>= version) [architectures] <profiles>` of a dependency field (policy 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation<'a> {
    /// Name of the package.
    pub name: &'a str,
    /// `any`, `native` or an architecture, from behind the colon.
    pub qualifier: Option<&'a str>,
    /// Wanted versions.
    pub constraint: Option<Constraint<'a>>,
    /// Architectures in brackets; all negated or none, else the field is refused by dpkg.
    pub architectures: Vec<Term<'a>>,
    /// Build profile lists: one list must hold, and it holds when each of its terms does.
    pub profiles: Vec<Vec<Term<'a>>>,
}

/// A comparison with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constraint<'a> {
    /// How to compare.
    pub operator: Operator,
    /// With which version.
    pub version: &'a str,
}

/// A comparison; [`Operator::as_str`] is the normalized spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Less,
    /// `<=`, and the obsolete `<`
    LessEqual,
    /// `=`
    Equal,
    /// `>=`, and the obsolete `>`
    GreaterEqual,
    /// `>>`
    Greater,
}

/// A name that may be negated by `!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term<'a> {
    /// Whether a `!` precedes it.
    pub negated: bool,
    /// The name.
    pub name: &'a str,
}

/// A part of a dependency field that could not be read; the whole item it stands in was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationProblem {
    /// Bytes of the field's value.
    pub span: Range<usize>,
    /// What is wrong, as a lower-case fragment.
    pub message: &'static str,
}

impl Operator {
    /// The spelling of [`PackageMeta`](crate::PackageMeta): `<` `<=` `=` `>=` `>`.
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

    fn read(text: &str) -> Option<(Self, &str)> {
        let known = [
            ("<<", Self::Less),
            ("<=", Self::LessEqual),
            ("<", Self::LessEqual),
            (">>", Self::Greater),
            (">=", Self::GreaterEqual),
            (">", Self::GreaterEqual),
            ("=", Self::Equal),
        ];
        known.into_iter().find_map(|(spelling, operator)| Some((operator, text.strip_prefix(spelling)?)))
    }
}

impl<'a> Term<'a> {
    fn read(word: &'a str) -> Self {
        word.strip_prefix('!').map_or(Self { negated: false, name: word }, |name| Self { negated: true, name })
    }
}

impl Relation<'_> {
    /// Whether the brackets admit `architecture` (Debian's name); without brackets always.
    #[must_use]
    pub fn applies_to_architecture(&self, architecture: &str) -> bool {
        let Some(first) = self.architectures.first() else { return true };
        let hit = self.architectures.iter().any(|term| architecture_matches(architecture, term.name));
        hit != first.negated
    }

    /// Whether the profile lists admit a build with exactly these profiles; without lists always.
    #[must_use]
    pub fn applies_to_profiles<S: AsRef<str>>(&self, active: &[S]) -> bool {
        let holds = |term: &Term<'_>| active.iter().any(|name| name.as_ref() == term.name) != term.negated;
        self.profiles.is_empty() || self.profiles.iter().any(|list| list.iter().all(holds))
    }

    /// Appends `name[:qualifier] [OP version]`.
    fn push_normalized(&self, text: &mut String, qualifier: Option<&str>) {
        text.push_str(self.name);
        if let Some(qualifier) = qualifier {
            text.push(':');
            text.push_str(qualifier);
        }
        if let Some(constraint) = self.constraint {
            text.push(' ');
            text.push_str(constraint.operator.as_str());
            text.push(' ');
            text.push_str(constraint.version);
        }
    }
}

/// Reads a dependency field.
///
/// Empty items are skipped. An item with an error is left out and reported; reading goes on with the next.
#[must_use]
pub fn parse_relations(value: &str) -> (Vec<Alternatives<'_>>, Vec<RelationProblem>) {
    let mut problems = Vec::new();
    let items = items(value).filter_map(|item| match parse_item(value, item) {
        Ok(alternatives) => Some(alternatives),
        Err(problem) => {
            problems.push(problem);
            None
        }
    });
    (items.collect(), problems)
}

/// Appends the items of a dependency field of a binary package in the spelling of [`PackageMeta`](crate::PackageMeta).
///
/// Qualifiers stay (`name:any`); architecture and profile lists do not occur in binary packages and are dropped. An item
/// that can not be read is kept as it stands, with its white space squeezed, so that it matches nothing rather than vanish.
pub fn normalize_relations(value: &str, normalized: &mut Vec<String>) {
    for item in items(value) {
        let mut text = String::with_capacity(item.len());
        match parse_item(value, item.clone()) {
            Ok(alternatives) => {
                for relation in &alternatives {
                    push_separator(&mut text);
                    relation.push_normalized(&mut text, relation.qualifier);
                }
            }
            Err(_) => text = squeezed(value.get(item).unwrap_or_default()),
        }
        normalized.push(text);
    }
}

/// The build dependencies that apply to `architecture` (Debian's name) with the given build profiles.
///
/// Alternatives that do not apply are removed, and items without alternatives with them. `:any` and `:native` are removed,
/// other qualifiers stay and match nothing. Rule: Build.pm's reader of Debian source packages.
#[must_use]
pub fn build_dependencies<S: AsRef<str>>(
    value: &str,
    architecture: &str,
    profiles: &[S],
) -> (Vec<String>, Vec<RelationProblem>) {
    let (items, problems) = parse_relations(value);
    let mut wanted = Vec::with_capacity(items.len());
    for alternatives in items {
        let mut text = String::new();
        for relation in alternatives {
            if relation.applies_to_architecture(architecture) && relation.applies_to_profiles(profiles) {
                push_separator(&mut text);
                let qualifier = relation.qualifier.filter(|name| !matches!(*name, "any" | "native"));
                relation.push_normalized(&mut text, qualifier);
            }
        }
        if !text.is_empty() {
            wanted.push(text);
        }
    }
    (wanted, problems)
}

/// The items of a Build-Conflicts or Build-Ignore field that apply, each as `-name` or `-name OP version`.
///
/// Rule: Build.pm ignores such packages instead of forbidding them, and the version has no effect there.
#[must_use]
pub fn build_ignores<S: AsRef<str>>(
    value: &str,
    architecture: &str,
    profiles: &[S],
) -> (Vec<String>, Vec<RelationProblem>) {
    let (items, problems) = build_dependencies(value, architecture, profiles);
    (items.into_iter().map(|item| format!("-{item}")).collect(), problems)
}

fn push_separator(text: &mut String) {
    if !text.is_empty() {
        text.push_str(" | ");
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Byte ranges of the comma-separated items that hold something.
fn items(value: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    pieces(value, 0..value.len(), ',')
        .filter(|item| value.get(item.clone()).is_some_and(|text| !text.trim().is_empty()))
}

/// Byte ranges between the separators inside `within`.
fn pieces(value: &str, within: Range<usize>, separator: char) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = Some(within.start);
    std::iter::from_fn(move || {
        let from = start?;
        let rest = value.get(from..within.end)?;
        let end = rest.find(separator).map(|length| from + length);
        start = end.map(|end| end + separator.len_utf8());
        Some(from..end.unwrap_or(within.end))
    })
}

fn parse_item(value: &str, item: Range<usize>) -> Result<Alternatives<'_>, RelationProblem> {
    let mut alternatives = Vec::with_capacity(1);
    for piece in pieces(value, item, '|') {
        let text = value.get(piece.clone()).unwrap_or_default();
        alternatives.push(parse_relation(text).map_err(|message| RelationProblem { span: piece, message })?);
    }
    Ok(alternatives)
}

fn parse_relation(text: &str) -> Result<Relation<'_>, &'static str> {
    let text = text.trim();
    let name_end = text.find(|c: char| !is_name_character(c)).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(name_end);
    if name.is_empty() {
        return Err("a package name is missing");
    }
    let mut relation =
        Relation { name, qualifier: None, constraint: None, architectures: Vec::new(), profiles: Vec::new() };
    if let Some(behind) = rest.strip_prefix(':') {
        let end = behind.find(|c: char| !is_name_character(c)).unwrap_or(behind.len());
        let (qualifier, after) = behind.split_at(end);
        if qualifier.is_empty() {
            return Err("nothing follows the colon behind the package name");
        }
        (relation.qualifier, rest) = (Some(qualifier), after);
    }
    rest = rest.trim_start();
    if let Some(behind) = rest.strip_prefix('(') {
        let (inside, after) = behind.split_once(')').ok_or("the parenthesis is not closed")?;
        relation.constraint = Some(parse_constraint(inside)?);
        rest = after.trim_start();
    }
    if let Some(behind) = rest.strip_prefix('[') {
        let (inside, after) = behind.split_once(']').ok_or("the architecture list is not closed")?;
        relation.architectures = parse_architectures(inside)?;
        rest = after.trim_start();
    }
    while let Some(behind) = rest.strip_prefix('<') {
        let (inside, after) = behind.split_once('>').ok_or("the build profile list is not closed")?;
        let list = parse_terms(inside);
        if list.is_empty() {
            return Err("the build profile list is empty");
        }
        relation.profiles.push(list);
        rest = after.trim_start();
    }
    if rest.is_empty() { Ok(relation) } else { Err("something follows the dependency; is a comma missing?") }
}

/// Names of packages and of qualifiers; wider than policy, as are dpkg's readers (`${misc:Depends}` is never seen here).
const fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_' | '~' | '{' | '}' | '$' | '@' | '/')
}

fn parse_constraint(inside: &str) -> Result<Constraint<'_>, &'static str> {
    let inside = inside.trim();
    let (operator, version) = Operator::read(inside).ok_or("the version has no operator such as >=")?;
    let version = version.trim();
    if version.is_empty() || version.contains(char::is_whitespace) || version.contains(['<', '>', '=', '(']) {
        return Err("the version is missing or not one word");
    }
    Ok(Constraint { operator, version })
}

fn parse_architectures(inside: &str) -> Result<Vec<Term<'_>>, &'static str> {
    let terms = parse_terms(inside);
    if terms.is_empty() {
        return Err("the architecture list is empty");
    }
    if terms.iter().any(|term| term.negated) && terms.iter().any(|term| !term.negated) {
        return Err("the architecture list mixes negated and plain names");
    }
    Ok(terms)
}

fn parse_terms(inside: &str) -> Vec<Term<'_>> {
    inside.split_whitespace().map(Term::read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(value: &str, profiles: &[&str]) -> Vec<String> {
        build_dependencies(value, "amd64", profiles).0
    }

    fn normalized(value: &str) -> Vec<String> {
        let mut list = Vec::new();
        normalize_relations(value, &mut list);
        list
    }

    #[test]
    fn every_part_of_a_relation_is_read() {
        let (items, problems) =
            parse_relations(" a:any(>=1.0~) [ !i386  !hurd-any ] <!nocheck !cross> <stage1> | b ,\n c");
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(items.len(), 2);
        let first = &items[0][0];
        assert_eq!((first.name, first.qualifier), ("a", Some("any")));
        assert_eq!(first.constraint, Some(Constraint { operator: Operator::GreaterEqual, version: "1.0~" }));
        assert_eq!(first.architectures.len(), 2);
        assert_eq!(first.profiles.len(), 2);
        assert_eq!(items[0][1].name, "b");
    }

    #[test]
    fn strict_operators_lose_their_second_character() {
        assert_eq!(
            normalized("a (<< 1), b (<= 2), c (= 3), d (>= 4) | e (>> 5), f:any (>= 1),, g"),
            ["a < 1", "b <= 2", "c = 3", "d >= 4 | e > 5", "f:any >= 1", "g"]
        );
    }

    #[test]
    fn obsolete_operators_mean_what_dpkg_means() {
        assert_eq!(normalized("a (< 1), b (> 2)"), ["a <= 1", "b >= 2"]);
    }

    #[test]
    fn architecture_and_profile_lists_select() {
        assert_eq!(
            build("a [amd64], b [i386], c [!amd64], d [linux-any] | e [i386], f [i386] | g", &[]),
            ["a", "d", "g"]
        );
        assert_eq!(build("a <!nocheck>, b <nocheck>, c <stage1> <nocheck>", &["nocheck"]), ["b", "c"]);
        assert_eq!(build("a <!nocheck>, b <nocheck>, c <!stage1 !nocheck>", &[]), ["a", "c"]);
    }

    #[test]
    fn any_and_native_vanish_from_build_dependencies_and_other_qualifiers_stay() {
        assert_eq!(build("a:any, b:native (>= 1), c:arm64", &[]), ["a", "b >= 1", "c:arm64"]);
    }

    #[test]
    fn broken_items_are_reported_and_the_rest_is_read() {
        let value = "a, b (1), c d, (>= 1), e (>= 1, f [, g <>, h [i386 !amd64], z";
        let (items, problems) = parse_relations(value);
        let names: Vec<_> = items.iter().map(|item| item[0].name).collect();
        assert_eq!(names, ["a", "z"]);
        assert_eq!(problems.len(), 7);
        assert_eq!(&value[problems[1].span.clone()], " c d");
    }

    #[test]
    fn an_unreadable_item_of_a_binary_package_is_kept_as_text() {
        assert_eq!(normalized("a, b  c (>=  1)"), ["a", "b c (>= 1)"]);
    }

    #[test]
    fn conflicts_become_ignores() {
        assert_eq!(build_ignores::<&str>("a, b (<< 2), c [i386]", "amd64", &[]).0, ["-a", "-b < 2"]);
    }
}
