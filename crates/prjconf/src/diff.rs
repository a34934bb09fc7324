//! What differs between two results.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::BuildConfig;
use crate::texts::{TextList, TextMap};

/// How something differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// An entry or key is new; of a key, with its value.
    Added(String),
    /// An entry or key is gone; of a key, with its former value.
    Removed(String),
    /// The value of a key, or of a keyword without keys, differs.
    Changed {
        /// The value on the left.
        before: String,
        /// The value on the right.
        after: String,
    },
    /// The common entries of a list are in another order.
    Reordered,
}

/// One difference between two results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The keyword, without its colon.
    pub keyword: &'static str,
    /// The entry of a list or the key of a map; empty for keywords with one value.
    pub entry: String,
    /// How it differs.
    pub kind: ChangeKind,
}

impl Change {
    /// The kind of change as a word, and the values before and after it, where there are any.
    #[must_use]
    pub fn parts(&self) -> (&'static str, Option<&str>, Option<&str>) {
        match &self.kind {
            ChangeKind::Added(value) => ("added", None, some(value)),
            ChangeKind::Removed(value) => ("removed", some(value), None),
            ChangeKind::Changed { before, after } => ("changed", some(before), some(after)),
            ChangeKind::Reordered => ("reordered", None, None),
        }
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// One line: `+ Prefer: a`, `- Substitute: x = y`, `~ Type: dsc -> spec`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keyword, entry, .. } = self;
        let front = if entry.is_empty() { format!("{keyword}:") } else { format!("{keyword}: {entry}") };
        let with = |value: Option<&str>| match value {
            Some(value) if entry.is_empty() => format!(" {value}"),
            Some(value) => format!(" = {value}"),
            None => String::new(),
        };
        match self.parts() {
            ("added", _, after) => write!(f, "+ {front}{}", with(after)),
            ("removed", before, _) => write!(f, "- {front}{}", with(before)),
            ("reordered", ..) => write!(f, "~ {front} the same entries in another order"),
            (_, before, after) => {
                let colon = if entry.is_empty() { "" } else { " =" };
                write!(f, "~ {front}{colon} {} -> {}", before.unwrap_or("(empty)"), after.unwrap_or("(empty)"))
            }
        }
    }
}

/// A difference, and the targets that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub change: Change,
    /// Where, in the order of the comparison.
    pub targets: Vec<String>,
}

/// Compares the results of several targets; a change that several have is one difference. In the order they are met.
#[must_use]
pub fn differences<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a BuildConfig, &'a BuildConfig)>,
) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    for (target, before, after) in pairs {
        for change in diff(before, after) {
            match found.iter_mut().find(|known| known.change == change) {
                Some(known) => known.targets.push(target.to_owned()),
                None => found.push(Difference { change, targets: vec![target.to_owned()] }),
            }
        }
    }
    found
}

/// The differences between two results, in the order of the manual; empty if both mean the same.
#[must_use]
pub fn diff(before: &BuildConfig, after: &BuildConfig) -> Vec<Change> {
    let mut changes = Vec::new();
    for ((keyword, left), (_, right)) in fields(before).into_iter().zip(fields(after)) {
        compare(keyword, &left, &right, &mut changes);
    }
    changes
}

/// The values of a keyword in a result, one text each: the entries of a list, `KEY VALUE…` of a map, the value of a scalar.
///
/// `name` is the name of the keyword without its colon, in any letter case. Of `Macros` the names with their bodies.
#[must_use]
pub fn values(config: &BuildConfig, name: &str) -> Vec<String> {
    let name = if name.eq_ignore_ascii_case("changetarget") { "target" } else { name };
    let field = fields(config).into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    match field {
        None | Some((_, Field::One(None))) => Vec::new(),
        Some((_, Field::One(Some(value)))) => vec![value],
        Some((_, Field::List(list))) => list.to_vec(),
        Some((_, Field::Map(map))) => {
            map.iter().map(|(key, value)| format!("{key} {value}").trim_end().to_owned()).collect()
        }
    }
}

/// The value of one keyword.
enum Field<'a> {
    List(&'a TextList),
    Map(BTreeMap<String, String>),
    One(Option<String>),
}

fn compare(keyword: &'static str, left: &Field<'_>, right: &Field<'_>, changes: &mut Vec<Change>) {
    match (left, right) {
        (Field::List(left), Field::List(right)) => compare_lists(keyword, left, right, changes),
        (Field::Map(left), Field::Map(right)) => compare_maps(keyword, left, right, changes),
        (Field::One(left), Field::One(right)) if left != right => {
            let kind = match (left.clone(), right.clone()) {
                (None, Some(after)) => ChangeKind::Added(after),
                (Some(before), None) => ChangeKind::Removed(before),
                (before, after) => {
                    ChangeKind::Changed { before: before.unwrap_or_default(), after: after.unwrap_or_default() }
                }
            };
            changes.push(Change { keyword, entry: String::new(), kind });
        }
        _ => {}
    }
}

fn compare_lists(keyword: &'static str, left: &TextList, right: &TextList, changes: &mut Vec<Change>) {
    let only_left = without(left, right);
    let only_right = without(right, left);
    let change = |entry: &str, kind| Change { keyword, entry: entry.to_owned(), kind };
    changes.extend(only_left.alone.iter().map(|entry| change(entry, ChangeKind::Removed(String::new()))));
    changes.extend(only_right.alone.iter().map(|entry| change(entry, ChangeKind::Added(String::new()))));
    if only_left.common != only_right.common {
        changes.push(change("", ChangeKind::Reordered));
    }
}

/// The entries of one list that the other does not have, and those it has, in order.
struct Without<'a> {
    alone: Vec<&'a str>,
    common: Vec<&'a str>,
}

fn without<'a>(list: &'a TextList, other: &TextList) -> Without<'a> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in other {
        *counts.entry(entry).or_default() += 1;
    }
    let mut result = Without { alone: Vec::new(), common: Vec::new() };
    for entry in list {
        match counts.get_mut(entry).filter(|count| **count > 0) {
            Some(count) => {
                *count -= 1;
                result.common.push(entry);
            }
            None => result.alone.push(entry),
        }
    }
    result
}

fn compare_maps(
    keyword: &'static str,
    left: &BTreeMap<String, String>,
    right: &BTreeMap<String, String>,
    changes: &mut Vec<Change>,
) {
    for (key, before) in left {
        let kind = match right.get(key) {
            None => ChangeKind::Removed(before.clone()),
            Some(after) if after != before => ChangeKind::Changed { before: before.clone(), after: after.clone() },
            Some(_) => continue,
        };
        changes.push(Change { keyword, entry: key.clone(), kind });
    }
    for (key, after) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
        changes.push(Change { keyword, entry: key.clone(), kind: ChangeKind::Added(after.clone()) });
    }
}

/// All fields under their keyword; `arch` is no difference, and `rawmacros` shows in the macros.
fn fields(config: &BuildConfig) -> Vec<(&'static str, Field<'_>)> {
    let mut fields: Vec<(&'static str, Field<'_>)> = vec![
        ("Preinstall", Field::List(&config.preinstall)),
        ("VMInstall", Field::List(&config.vminstall)),
        ("Runscripts", Field::List(&config.runscripts)),
        ("Required", Field::List(&config.required)),
        ("Support", Field::List(&config.support)),
        ("Keep", Field::List(&config.keep)),
        ("Prefer", Field::List(&config.prefer)),
        ("Ignore", Field::List(&config.ignore)),
        ("Conflict", Field::List(&config.conflict)),
        ("Order", Field::Map(config.order.iter().map(|entry| (entry.to_owned(), String::new())).collect())),
        ("ExpandFlags", Field::List(&config.expandflags)),
        ("BuildFlags", Field::List(&config.buildflags)),
        ("PublishFlags", Field::List(&config.publishflags)),
        ("Substitute", Field::Map(joined_values(&config.substitute))),
        ("FileProvides", Field::Map(joined_values(&config.fileprovides))),
        ("ExportFilter", Field::Map(joined_values(&config.exportfilter))),
        ("PublishFilter", Field::List(&config.publishfilter)),
        ("OptFlags", Field::Map(joined_values(&config.optflags))),
        ("Repotype", Field::List(&config.repotype)),
        ("Patterntype", Field::List(&config.patterntype)),
    ];
    fields.extend(scalars(config));
    fields.extend([
        ("Constraint", Field::List(&config.constraint)),
        ("RepoURL", Field::List(&config.repourl)),
        ("RegistryURL", Field::List(&config.registryurl)),
        ("AssetsURL", Field::List(&config.assetsurl)),
        ("OnlyNative", Field::List(&config.onlynative)),
        ("AlsoNative", Field::List(&config.alsonative)),
        ("IgnoreRebuild", Field::List(&config.ignorerebuild)),
        ("Macros", Field::Map(macros(config))),
    ]);
    fields
}

fn scalars(config: &BuildConfig) -> [(&'static str, Field<'_>); 10] {
    let release = config.release_by_type.as_ref().map(|words| words.join(" ")).or_else(|| config.release.clone());
    [
        ("Type", Field::One(Some(config.recipe_type.clone()))),
        ("BinaryType", Field::One(Some(config.binarytype.clone()))),
        ("BuildEngine", Field::One(config.buildengine.clone())),
        ("Target", Field::One(config.target.clone())),
        ("HostArch", Field::One(config.hostarch.clone())),
        ("Release", Field::One(release)),
        ("CiCntStart", Field::One(config.cicntstart.clone())),
        ("ReleasePrg", Field::One(config.releaseprg.clone())),
        ("ReleaseSuffix", Field::One(config.releasesuffix.clone())),
        ("SingleExport", Field::One(config.singleexport.clone())),
    ]
}

fn joined_values(map: &TextMap) -> BTreeMap<String, String> {
    map.iter().map(|(key, values)| (key.to_owned(), values.join(" "))).collect()
}

/// Macro names with everything behind the name; the last definition counts.
fn macros(config: &BuildConfig) -> BTreeMap<String, String> {
    let definitions = config.macros.iter().filter_map(|line| line.strip_prefix("%define ")).map(|line| {
        let len = line.find(|byte: char| !byte.is_ascii_alphanumeric() && byte != '_').unwrap_or(line.len());
        let (name, body) = line.split_at(len);
        (name.to_owned(), body.trim_start().to_owned())
    });
    definitions.filter(|(name, _)| !name.is_empty() && name != "_target_cpu").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, evaluate, parse};

    fn changes(before: &str, after: &str) -> Vec<String> {
        let config = |text: &str| evaluate(&parse(text.as_bytes()), &Options::for_arch("x86_64")).config;
        let changes = diff(&config(before), &config(after));
        changes.iter().map(|change| format!("{} {} {:?}", change.keyword, change.entry, change.kind)).collect()
    }

    #[test]
    fn the_same_meaning_is_no_difference() {
        assert!(
            changes(
                "Prefer: a b\nSubstitute: x y\n",
                "%define b b\nprefer: a\nPrefer: %b\nSubstitute: x z\nSubstitute: x y\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn values_are_told_by_keyword() {
        let config =
            evaluate(&parse(b"Prefer: a b\nSubstitute: x y=\nTarget: i686\n"), &Options::for_arch("i586")).config;
        assert_eq!(values(&config, "prefer"), ["a", "b"]);
        assert_eq!(values(&config, "Substitute").last().map(String::as_str), Some("x y="));
        assert_eq!(values(&config, "Changetarget"), ["i686"]);
        assert!(values(&config, "BuildEngine").is_empty() && values(&config, "nonsense").is_empty());
    }

    #[test]
    fn entries_keys_order_and_macros_are_compared() {
        assert_eq!(
            changes(
                "Prefer: a b c\nSubstitute: x y\nSubstitute: u v\nMacros:\n%m 1\n",
                "Prefer: c b d\nSubstitute: x z=\nType: spec\nMacros:\n%m 2\n"
            ),
            [
                "Prefer a Removed(\"\")",
                "Prefer d Added(\"\")",
                "Prefer  Reordered",
                "Substitute u Removed(\"v\")",
                "Substitute x Changed { before: \"y\", after: \"z=\" }",
                "Substitute system-packages:repo-creation Added(\"createrepo\")",
                "Type  Changed { before: \"UNDEFINED\", after: \"spec\" }",
                "BinaryType  Changed { before: \"UNDEFINED\", after: \"rpm\" }",
                "Macros m Changed { before: \"1\", after: \"2\" }",
            ]
        );
    }
}
