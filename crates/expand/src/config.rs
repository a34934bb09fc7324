//! The part of a build configuration that decides which packages are taken.

use std::collections::BTreeMap;

use prjconf::{BuildConfig, Replacement, TextSlice};

/// Which alternatives of a request `a | b` decide by being the very name of a package, before any choice is looked at.
///
/// The two references differ in this and in nothing else that changes a result; it is not set by a configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NamedAlternatives {
    /// Each one, if just one of them names a package that fits; those of rich dependencies too. As perl-BSSolv.
    #[default]
    Any,
    /// The first one, and none of a rich dependency. As Build.pm.
    First,
}

/// What dependency expansion needs of a build configuration, in the words of the configuration language.
///
/// Lists are in the order of the configuration, without duplicates, removals (`!x`) already done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpandConfig {
    /// `Type:`, the kind of recipe (`spec`, `dsc`, `kiwi`, ...); empty if unknown.
    pub build_type: String,
    /// `BinaryType:` (`rpm`, `deb`, `arch`, `apk`); empty or `UNDEFINED` if unknown.
    pub binary_type: String,
    /// `BuildEngine:`; empty if unset.
    pub build_engine: String,
    /// `Prefer:` entries: `name`, `-name`, `package:name`, `-package:name`.
    pub prefer: Vec<String>,
    /// `Ignore:` entries: `name` or `package:name,name`.
    pub ignore: Vec<String>,
    /// `Conflict:` entries: `name` or `package:name,name`.
    pub conflict: Vec<String>,
    /// `Order:` entries: `first:second`.
    pub order: Vec<String>,
    /// `Substitute:` by name; a trailing `=` of a replacement is already gone.
    pub substitute: BTreeMap<String, Vec<String>>,
    /// `FileProvides:` by path.
    pub file_provides: BTreeMap<String, Vec<String>>,
    /// `Preinstall:`
    pub preinstall: Vec<String>,
    /// `VMInstall:`
    pub vm_install: Vec<String>,
    /// `Runscripts:`
    pub run_scripts: Vec<String>,
    /// `Required:`
    pub required: Vec<String>,
    /// `Support:`
    pub support: Vec<String>,
    /// `Keep:`
    pub keep: Vec<String>,
    /// `IgnoreRebuild:`
    pub ignore_rebuild: Vec<String>,
    /// `ExpandFlags:` words, with `:value` where there is one.
    pub expand_flags: Vec<String>,
    /// `BuildFlags:` words, with `:value` where there is one.
    pub build_flags: Vec<String>,
    /// Compatibility: whose rule decides requests with alternatives.
    pub named_alternatives: NamedAlternatives,
}

impl ExpandConfig {
    /// Whether `ExpandFlags:` has the word.
    #[must_use]
    pub fn has_flag(&self, flag: &str) -> bool {
        self.expand_flags.iter().any(|word| word.split(':').next() == Some(flag))
    }

    /// The modules that `ExpandFlags: module:NAME-STREAM` enables, as `NAME-STREAM`, for
    /// [`PoolBuilder::with_modules`](crate::PoolBuilder::with_modules).
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.expand_flags.iter().filter_map(|word| word.strip_prefix("module:"))
    }

    /// The value behind `flag:` in `BuildFlags:`; the last one wins.
    pub(crate) fn build_flag(&self, flag: &str) -> Option<&str> {
        self.build_flags.iter().rev().find_map(|word| word.strip_prefix(flag)?.strip_prefix(':'))
    }
}

impl From<&BuildConfig> for ExpandConfig {
    fn from(config: &BuildConfig) -> Self {
        let replacements =
            |words: TextSlice<'_>| words.iter().map(|word| Replacement::of_word(word).name.to_owned()).collect();
        Self {
            build_type: config.recipe_type.clone(),
            binary_type: config.binarytype.clone(),
            build_engine: config.buildengine.clone().unwrap_or_default(),
            prefer: config.prefer.to_vec(),
            ignore: config.ignore.to_vec(),
            conflict: config.conflict.to_vec(),
            order: config.order.to_vec(),
            substitute: config.substitute.iter().map(|(name, words)| (name.to_owned(), replacements(words))).collect(),
            file_provides: config
                .fileprovides
                .iter()
                .map(|(file, packages)| (file.to_owned(), packages.to_vec()))
                .collect(),
            preinstall: config.preinstall.to_vec(),
            vm_install: config.vminstall.to_vec(),
            run_scripts: config.runscripts.to_vec(),
            required: config.required.to_vec(),
            support: config.support.to_vec(),
            keep: config.keep.to_vec(),
            ignore_rebuild: config.ignorerebuild.to_vec(),
            expand_flags: config.expandflags.to_vec(),
            build_flags: config.buildflags.to_vec(),
            named_alternatives: NamedAlternatives::default(),
        }
    }
}
