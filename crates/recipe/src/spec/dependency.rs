//! The dependency lists of tags.

use std::ops::ControlFlow;

use prjconf::Macros;

use super::multiline::is_space;

/// One dependency of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// The name alone; a rich dependency as a whole.
    pub(super) name: &'a str,
    /// Operator and version.
    constraint: Option<(&'a str, &'a str)>,
    /// The words in `[…]` behind it.
    pub(super) qualifier: Option<&'a str>,
}

impl Item<'_> {
    pub(super) fn is_rich(&self) -> bool {
        self.name.starts_with('(')
    }

    /// Name, operator and version with one blank between them; `=>` and `=<` are turned around.
    pub(super) fn text(&self) -> String {
        match self.constraint {
            _ if self.is_rich() => {
                self.name.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
            }
            None => self.name.to_owned(),
            Some((operator, version)) => {
                let operator = operator.replacen("=>", ">=", 1).replacen("=<", "<=", 1);
                format!("{} {operator} {version}", self.name)
            }
        }
    }
}

/// The items of a list: separated by blanks or commas, rich ones in parentheses.
///
/// Rule: Build.pm's patterns. DIFFERS from it: a comma right behind a rich dependency separates.
pub(super) fn items(list: &str) -> impl Iterator<Item = Item<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|character| is_space(character) || character == ',');
        (!rest.is_empty()).then(|| next_item(&mut rest))
    })
}

fn next_item<'a>(rest: &mut &'a str) -> Item<'a> {
    if rest.starts_with('(') {
        let (name, behind) = rest.split_at(rich_length(rest));
        *rest = behind;
        return Item { name, constraint: None, qualifier: None };
    }
    let name = word(rest);
    let constraint = constraint(rest);
    Item { name, constraint, qualifier: qualifier(rest) }
}

/// Takes a word off: everything up to a blank or comma.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|character| is_space(character) || character == ',').unwrap_or(rest.len());
    let (word, behind) = rest.split_at(end);
    *rest = behind;
    word
}

/// Takes blanks off; `None` if there are none.
fn blanks(rest: &str) -> Option<&str> {
    let behind = rest.trim_start_matches(is_space);
    (behind.len() < rest.len()).then_some(behind)
}

fn constraint<'a>(rest: &mut &'a str) -> Option<(&'a str, &'a str)> {
    let behind = blanks(rest)?;
    let length = behind.bytes().take_while(|byte| matches!(byte, b'<' | b'=' | b'>')).count();
    let (operator, behind) = behind.split_at_checked(length).filter(|(operator, _)| !operator.is_empty())?;
    let mut behind = blanks(behind)?;
    let version = word(&mut behind);
    if version.is_empty() {
        return None;
    }
    *rest = behind;
    Some((operator, version))
}

fn qualifier<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let inside = blanks(rest)?.strip_prefix('[')?;
    let (words, behind) = inside.split_once(']').filter(|(words, _)| !words.is_empty())?;
    *rest = behind;
    Some(words)
}

/// Up to the parenthesis that closes the first one; everything if none does.
fn rich_length(text: &str) -> usize {
    let count = |depth: usize, (position, byte): (usize, u8)| match byte {
        b'(' => ControlFlow::Continue(depth + 1),
        b')' if depth <= 1 => ControlFlow::Break(position + 1),
        b')' => ControlFlow::Continue(depth - 1),
        _ => ControlFlow::Continue(depth),
    };
    match text.bytes().enumerate().try_fold(0, count) {
        ControlFlow::Break(length) => length,
        ControlFlow::Continue(_) => text.len(),
    }
}

/// Whether the `[…]` behind a dependency selects it for the target: by architecture or by project.
///
/// Rule: obs-build 20210120, where one `!` makes negations of all words behind it.
/// DIFFERS from newer ones: their `dep_qualifier_mismatch` has it the wrong way round.
pub(super) fn is_selected(macros: &Macros, qualifier: &str) -> bool {
    let arch = macros.body("_target_cpu").unwrap_or_default();
    let project = macros.body("_target_project").unwrap_or_default();
    let (mut is_negated, mut is_bad) = (false, None);
    for word in qualifier.split(|character| is_space(character) || character == ',') {
        let plain = word.strip_prefix('!');
        is_negated |= plain.is_some();
        if is_bad.is_none() && !is_negated {
            is_bad = Some(true);
        }
        let word = plain.unwrap_or(word);
        if word == arch || word == project {
            if is_negated {
                return false;
            }
            is_bad = Some(false);
        }
    }
    !is_bad.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &str) -> Vec<String> {
        items(list).map(|item| item.text()).collect()
    }

    #[test]
    fn lists_are_cut_at_blanks_and_commas() {
        assert_eq!(texts(" a, b>=1  c =>  2,,d = 1 [x86_64] e"), ["a", "b>=1", "c >= 2", "d = 1", "e"]);
        assert_eq!(texts("perl(A::B) /bin/sh pkgconfig(x) >= 1"), ["perl(A::B)", "/bin/sh", "pkgconfig(x) >= 1"]);
        assert_eq!(texts("a >= "), ["a", ">="]);
        assert_eq!(texts("a >=1"), ["a", ">=1"]);
    }

    #[test]
    fn rich_dependencies_stay_whole() {
        assert_eq!(texts("foo (bar > 1 || (baz)) xxx"), ["foo", "(bar > 1 || (baz))", "xxx"]);
        assert_eq!(texts("(a  or b), c"), ["(a or b)", "c"]);
        assert_eq!(texts("((a or b"), ["((a or b"]);
    }

    #[test]
    fn qualifiers_select_by_architecture_and_project() {
        let mut macros = Macros::of_config(&prjconf::BuildConfig::default());
        macros.define("_target_cpu", "i586");
        macros.define("_target_project", "home:me");
        for text in ["i586,x86_64", "home:me", "!x86_64", "!x86_64,!aarch64"] {
            assert!(is_selected(&macros, text), "{text}");
        }
        for text in ["x86_64", "!i586", "!home:me", "!x86_64,i586"] {
            assert!(!is_selected(&macros, text), "{text}");
        }
    }
}
