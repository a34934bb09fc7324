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
        let mut request = Self::default();
        let mut is_indirect = false;
        for item in items {
            let item = item.as_ref();
            if let Some(name) = item.strip_prefix("!!") {
                request.excludes_named.push(name.to_owned());
            } else if let Some(name) = item.strip_prefix('!') {
                request.excludes.push(name.to_owned());
            } else if item == "--directdepsend--" {
                is_indirect = true;
            } else if let Some(name) = item.strip_prefix('-') {
                request.add_option(name);
            } else if is_indirect {
                request.indirect_requires.push(item.to_owned());
            } else {
                request.requires.push(item.to_owned());
            }
        }
        request
    }

    /// An option without its first minus, or the name to ignore.
    fn add_option(&mut self, name: &str) {
        match name {
            "-ignoreignore--" => self.voids_config_ignores = true,
            "-ignoreconflicts--" => self.options.ignore_conflicts = true,
            "-keepfilerequires--" => self.options.keep_file_requires = true,
            "-dorecommends--" => self.options.do_recommends = true,
            "-dosupplements--" => self.options.do_supplements = true,
            name => self.ignores.push(name.to_owned()),
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
