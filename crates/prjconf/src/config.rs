//! The result of an evaluation: [`BuildConfig`].

use std::collections::{BTreeMap, BTreeSet};

use pkg::PackageFormat;

use crate::texts::{TextList, TextMap};

/// One new name of a `Substitute:` entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replacement<'a> {
    /// The package name, without a final `=`.
    pub name: &'a str,
    /// Whether the name takes over the version condition of the replaced dependency (it was written `NAME=`).
    pub keeps_version: bool,
}

impl<'a> Replacement<'a> {
    /// Takes a value of [`BuildConfig::substitute`] apart.
    #[must_use]
    pub fn of_word(word: &'a str) -> Self {
        match word.strip_suffix('=') {
            Some(name) => Self { name, keeps_version: true },
            None => Self { name: word, keeps_version: false },
        }
    }
}

/// What a build configuration says for one architecture.
///
/// Lists keep the order of the text, duplicates included where the language keeps them; maps are sorted. Texts are
/// decoded by [`crate::decode`]; lists and maps share the memory of the text that was evaluated. An evaluation of the empty text gives the defaults.
///
/// Rule: the result of Build.pm's `read_config`; each field is described in prjconf(5) under its keyword.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildConfig {
    /// The architecture this was evaluated for.
    pub arch: String,
    /// `%define` lines that recipes start with: standard macros, `Target:`, `DistMacro:`, `Macros:`.
    pub macros: TextList,
    /// `Macros:` blocks as they were written.
    pub rawmacros: String,
    /// `Preinstall:` unpacked before anything can be installed.
    pub preinstall: TextList,
    /// `VMInstall:` further preinstalls of builds in a VM.
    pub vminstall: TextList,
    /// `Runscripts:` preinstalls whose scripts are run right after unpacking.
    pub runscripts: TextList,
    /// `Required:` in every build environment; part of rebuild triggers.
    pub required: TextList,
    /// `Support:` in every build environment; not part of rebuild triggers.
    pub support: TextList,
    /// `Keep:` packages that may be used to build themselves.
    pub keep: TextList,
    /// `Prefer:` entries: `P`, `-P`, `ORIGIN:P`, `-ORIGIN:P`.
    pub prefer: TextList,
    /// `Ignore:` entries: `D`, `ORIGIN:D,D2`.
    pub ignore: TextList,
    /// `Conflict:` entries: `P`, `P:Q,R`.
    pub conflict: TextList,
    /// `IgnoreRebuild:` dependencies that never trigger a rebuild.
    pub ignorerebuild: TextList,
    /// `OnlyNative:` dependencies that go into the host system only.
    pub onlynative: TextList,
    /// `AlsoNative:` dependencies that go into host system and sysroot.
    pub alsonative: TextList,
    /// `PublishFilter:` patterns of files that are not published.
    pub publishfilter: TextList,
    /// `Repotype:` repository formats with their options.
    pub repotype: TextList,
    /// `Patterntype:` pattern formats with their options.
    pub patterntype: TextList,
    /// `Constraint:` one entry a line.
    pub constraint: TextList,
    /// `ExpandFlags:` entries; see [`Self::expand_flag`].
    pub expandflags: TextList,
    /// `BuildFlags:` entries; see [`Self::build_flag`].
    pub buildflags: TextList,
    /// `PublishFlags:` entries; see [`Self::publish_flag`].
    pub publishflags: TextList,
    /// `RepoURL:` default repositories of local builds.
    pub repourl: TextList,
    /// `RegistryURL:` default container registries of local builds.
    pub registryurl: TextList,
    /// `AssetsURL:` default asset sources of local builds.
    pub assetsurl: TextList,
    /// `Order:` entries `A:B`: install A before B. Sorted, each once.
    pub order: TextList,
    /// `Substitute:` dependency name to what replaces it, as it is written (see [`Replacement`]); an empty list removes it.
    pub substitute: TextMap,
    /// `FileProvides:` file to the packages that contain it.
    pub fileprovides: TextMap,
    /// `ExportFilter:` pattern to the architectures a matching file is exported to.
    pub exportfilter: TextMap,
    /// `OptFlags:` architecture to compiler flags; joined by blanks they are one text.
    pub optflags: TextMap,
    /// `Type:` the kind of recipe, guessed from `Preinstall:` if not given; `UNDEFINED` if that fails.
    pub recipe_type: String,
    /// `BinaryType:` the package format, guessed if not given; see [`Self::package_format`].
    pub binarytype: String,
    /// `BuildEngine:`.
    pub buildengine: Option<String>,
    /// `Target:` the triplet to build for.
    pub target: Option<String>,
    /// `HostArch:` the architecture the build runs on.
    pub hostarch: Option<String>,
    /// `Release:` the first word; `None` if no release is to be passed at all.
    pub release: Option<String>,
    /// `Release:` all words, if there was such a line.
    pub release_by_type: Option<Vec<String>>,
    /// `CiCntStart:`.
    pub cicntstart: Option<String>,
    /// `ReleasePrg:`.
    pub releaseprg: Option<String>,
    /// `ReleaseSuffix:`.
    pub releasesuffix: Option<String>,
    /// `SingleExport:`; `None` after an empty line, else empty or the word.
    pub singleexport: Option<String>,
    /// Scalars that were unset by a line without argument; only the dump tells this from never set.
    pub(crate) unset: Unset,
}

/// Which scalars an empty line has unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Unset {
    pub(crate) buildengine: bool,
    pub(crate) cicntstart: bool,
    pub(crate) releaseprg: bool,
}

/// Name and value of a flag: cut at the first colon, unless nothing is in front of it; no value counts as `1`.
pub(crate) fn split_flag(entry: &str) -> (&str, &str) {
    match entry.split_once(':') {
        Some((name, value)) if !name.is_empty() => (name, value),
        _ => (entry, "1"),
    }
}

/// The value of a flag in a flag list: the last entry wins.
fn flag<'a>(flags: &'a TextList, name: &str) -> Option<&'a str> {
    flags
        .iter()
        .rev()
        .filter(|entry| entry.starts_with(name))
        .map(split_flag)
        .find_map(|(found, value)| (found == name).then_some(value))
}

impl BuildConfig {
    /// The package format of the build environment; `None` if it is `UNDEFINED` or unknown.
    #[must_use]
    pub fn package_format(&self) -> Option<PackageFormat> {
        PackageFormat::from_binary_type(&self.binarytype)
    }

    /// The value of a build flag: `1` for a plain `NAME`, `VALUE` for `NAME:VALUE`; the last entry wins.
    #[must_use]
    pub fn build_flag(&self, name: &str) -> Option<&str> {
        flag(&self.buildflags, name)
    }

    /// The values of a build flag that may be given several times, in order: `VALUE` of each `NAME:VALUE`.
    pub fn build_flag_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.buildflags.iter().filter_map(move |entry| entry.strip_prefix(name)?.strip_prefix(':'))
    }

    /// The value of an expansion flag; see [`Self::build_flag`].
    #[must_use]
    pub fn expand_flag(&self, name: &str) -> Option<&str> {
        flag(&self.expandflags, name)
    }

    /// Whether an expansion flag is given, with or without a value.
    #[must_use]
    pub fn has_expand_flag(&self, name: &str) -> bool {
        self.expand_flag(name).is_some()
    }

    /// The value of a publish flag; see [`Self::build_flag`].
    #[must_use]
    pub fn publish_flag(&self, name: &str) -> Option<&str> {
        flag(&self.publishflags, name)
    }

    /// The modules that `ExpandFlags: module:NAME-STREAM` enables, sorted, each once.
    #[must_use]
    pub fn modules(&self) -> BTreeSet<&str> {
        self.expandflags.iter().filter_map(|entry| entry.strip_prefix("module:")).collect()
    }

    /// The names that replace a dependency, if it has a `Substitute:` entry.
    #[must_use]
    pub fn substitutes(&self, name: &str) -> Option<impl Iterator<Item = Replacement<'_>>> {
        self.substitute.get(name).map(|words| words.iter().map(Replacement::of_word))
    }

    /// The `Prefer:` entries as a set.
    #[must_use]
    pub fn preferh(&self) -> BTreeSet<&str> {
        self.prefer.iter().collect()
    }

    /// What `Ignore:` drops: `D` everywhere and `ORIGIN:D` for the dependencies of ORIGIN.
    ///
    /// Rule: an entry with a colon is cut at commas and colons, empty parts at its end are dropped, and the first part
    /// is the origin of all others.
    #[must_use]
    pub fn ignoreh(&self) -> BTreeSet<String> {
        let mut ignored = BTreeSet::new();
        for entry in &self.ignore {
            if entry.contains(':') {
                if let Some((origin, parts)) = split_parts(entry).split_first() {
                    ignored.extend(parts.iter().map(|part| format!("{origin}:{part}")));
                }
            } else {
                ignored.insert(entry.to_owned());
            }
        }
        ignored
    }

    /// What `Conflict:` excludes: package to the packages it excludes; key `:` has those that are never installed.
    ///
    /// Rule: entries are cut like those of [`Self::ignoreh`]; each pair counts in both directions; each list has no
    /// duplicates and keeps the order.
    #[must_use]
    pub fn conflicth(&self) -> BTreeMap<String, Vec<String>> {
        let mut conflicts = Pairs::default();
        for entry in &self.conflict {
            match split_parts(entry).as_slice() {
                [] | ["" | "0"] => {}
                [single] => conflicts.add(":", single),
                [first, others @ ..] => {
                    for other in others {
                        conflicts.add(first, other);
                        conflicts.add(other, first);
                    }
                }
            }
        }
        conflicts.lists
    }
}

/// Lists without duplicates, by key.
#[derive(Default)]
struct Pairs {
    lists: BTreeMap<String, Vec<String>>,
    seen: BTreeSet<(String, String)>,
}

impl Pairs {
    fn add(&mut self, key: &str, value: &str) {
        if self.seen.insert((key.to_owned(), value.to_owned())) {
            self.lists.entry(key.to_owned()).or_default().push(value.to_owned());
        }
    }
}

/// Cuts at commas and colons; empty parts at the end are dropped.
fn split_parts(entry: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = entry.split([',', ':']).collect();
    while parts.last() == Some(&"") {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_flags(flags: &[&str]) -> BuildConfig {
        BuildConfig { buildflags: flags.iter().collect(), ..BuildConfig::default() }
    }

    #[test]
    fn the_last_flag_wins_and_a_plain_one_is_1() {
        let config = with_flags(&["vmfstype:ext3", "nochecks", "vmfstype:ext4", "vmfs"]);
        assert_eq!(config.build_flag("vmfstype"), Some("ext4"));
        assert_eq!(config.build_flag("nochecks"), Some("1"));
        assert_eq!(config.build_flag("no"), None);
        assert_eq!(config.build_flag_values("vmfstype").collect::<Vec<_>>(), ["ext3", "ext4"]);
    }
}
