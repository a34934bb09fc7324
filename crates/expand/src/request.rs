//! What is asked for: the request language of OBS.

use crate::rules::Options;

/// A parsed request.
///
/// Rule: section "The request language" of obs-build's `Build::expand`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Requirements, in order: `name`, `name OP version`, `a | b`, `(rich)`.
    pub requires: Vec<String>,
    /// Requirements that are treated like those of packages: an exact name has no advantage.
    pub indirect_requires: Vec<String>,
    /// Dependencies that packages may leave unfulfilled: `name` or `package:name`.
    pub ignores: Vec<String>,
    /// Dependencies whose providers must not be taken.
    pub excludes: Vec<String>,
    /// The same, for packages of that very name only.
    pub excludes_named: Vec<String>,
    /// Whether the `Ignore` lines of the configuration are void.
    pub voids_config_ignores: bool,
    /// Switches.
    pub options: Options,
}

impl Request {
    /// Sorts the items of a request by what they mean; an item `-x`, `!x` or `--x--` works wherever it stands.
    ///
    /// Unknown options have no effect.
    #[must_use]
    pub fn parse<Item: AsRef<str>>(items: impl IntoIterator<Item = Item>) -> Self {
        let items: Vec<Item> = items.into_iter().collect();
        Wish::parse(items.iter().map(AsRef::as_ref)).into()
    }
}

/// A request that borrows its texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish<'a> {
    pub(crate) requires: Vec<&'a str>,
    pub(crate) indirect_requires: Vec<&'a str>,
    pub(crate) ignores: Vec<&'a str>,
    pub(crate) excludes: Vec<&'a str>,
    pub(crate) excludes_named: Vec<&'a str>,
    pub(crate) voids_config_ignores: bool,
    pub(crate) options: Options,
}

impl<'a> Wish<'a> {
    /// Sorts items as [`Request::parse`] does.
    pub(crate) fn parse(items: impl IntoIterator<Item = &'a str>) -> Self {
        let mut wish = Self::default();
        let mut is_indirect = false;
        for item in items {
            match item.as_bytes() {
                [b'!', b'!', ..] => wish.excludes_named.push(&item[2..]),
                [b'!', ..] => wish.excludes.push(&item[1..]),
                [b'-', ..] if item == "--directdepsend--" => is_indirect = true,
                [b'-', ..] => wish.add_option(&item[1..]),
                _ if is_indirect => wish.indirect_requires.push(item),
                _ => wish.requires.push(item),
            }
        }
        wish
    }

    /// An option without its first minus, or the name to ignore.
    pub(crate) fn add_option(&mut self, name: &'a str) {
        match name {
            "-ignoreignore--" => self.voids_config_ignores = true,
            "-ignoreconflicts--" => self.options.ignore_conflicts = true,
            "-keepfilerequires--" => self.options.keep_file_requires = true,
            "-dorecommends--" => self.options.do_recommends = true,
            "-dosupplements--" => self.options.do_supplements = true,
            name => self.ignores.push(name),
        }
    }
}

impl From<Wish<'_>> for Request {
    fn from(wish: Wish<'_>) -> Self {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        Self {
            requires: owned(wish.requires),
            indirect_requires: owned(wish.indirect_requires),
            ignores: owned(wish.ignores),
            excludes: owned(wish.excludes),
            excludes_named: owned(wish.excludes_named),
            voids_config_ignores: wish.voids_config_ignores,
            options: wish.options,
        }
    }
}

impl<'a> From<&'a Request> for Wish<'a> {
    fn from(request: &'a Request) -> Self {
        let borrowed = |texts: &'a [String]| texts.iter().map(String::as_str).collect();
        Self {
            requires: borrowed(&request.requires),
            indirect_requires: borrowed(&request.indirect_requires),
            ignores: borrowed(&request.ignores),
            excludes: borrowed(&request.excludes),
            excludes_named: borrowed(&request.excludes_named),
            voids_config_ignores: request.voids_config_ignores,
            options: request.options,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_sorted_by_what_they_mean() {
        let request =
            Request::parse(["a", "-b", "!c", "!!d", "--directdepsend--", "e", "--dorecommends--", "--odd--", "-p:q"]);
        assert_eq!(request.requires, ["a"]);
        assert_eq!(request.indirect_requires, ["e"]);
        assert_eq!(request.ignores, ["b", "-odd--", "p:q"]);
        assert_eq!(request.excludes, ["c"]);
        assert_eq!(request.excludes_named, ["d"]);
        assert!(request.options.do_recommends && !request.options.do_supplements);
    }
}
