//! The sections of a spec file.

use super::multiline::{behind_word, is_space, is_word};

/// A line that starts a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Section {
    /// `%package`: a preamble follows; the name may be relative to that of the main package.
    Package(PackageName),
    /// `%files`, with the package it is about; `None` is the main one.
    Files(Option<PackageName>),
    /// `%generate_buildrequires`
    DynamicRequires,
    /// `%sourcelist`
    SourceList,
    /// `%patchlist`
    PatchList,
    /// Any other.
    Other,
}

/// A package as a section names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PackageName {
    /// `-n NAME`
    Full(String),
    /// What follows the name of the main package and a dash.
    Suffix(String),
}

impl PackageName {
    /// The full name, for the name of the main package.
    pub(super) fn full(&self, main: &str) -> String {
        match self {
            Self::Full(name) => name.clone(),
            Self::Suffix(suffix) => format!("{main}-{suffix}"),
        }
    }
}

/// Sections that end a preamble and are of no further interest. `%end` closes `%sourcelist` and its like.
const OTHER: &[&str] = &[
    "prep",
    "conf",
    "build",
    "install",
    "check",
    "clean",
    "preun",
    "postun",
    "pretrans",
    "posttrans",
    "preuntrans",
    "postuntrans",
    "pre",
    "post",
    "changelog",
    "description",
    "triggerpostun",
    "triggerprein",
    "triggerun",
    "triggerin",
    "trigger",
    "verifyscript",
    "verify",
    "sepolicy",
    "filetriggerin",
    "filetrigger",
    "filetriggerun",
    "filetriggerpostun",
    "transfiletriggerin",
    "transfiletrigger",
    "transfiletriggerun",
    "transfiletriggerpostun",
    "end",
];

impl Section {
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let start = line.trim_start_matches(is_space).strip_prefix('%')?;
        let end = start.find(|character| !is_word(character)).unwrap_or(start.len());
        let (word, rest) = start.split_at_checked(end)?;
        Some(match word {
            "package" => Self::Package(package_name(rest)?),
            "files" => Self::Files(package_name(rest)),
            "generate_buildrequires" => Self::DynamicRequires,
            "sourcelist" => Self::SourceList,
            "patchlist" => Self::PatchList,
            _ if OTHER.contains(&word) => Self::Other,
            _ => return None,
        })
    }
}

/// The package the arguments of a section name, options with values skipped.
fn package_name(arguments: &str) -> Option<PackageName> {
    let mut words = arguments.split(is_space).filter(|word| !word.is_empty());
    let mut is_full = false;
    while let Some(word) = words.next() {
        match word {
            "-n" => is_full = true,
            "-f" | "-p" | "-l" => drop(words.next()),
            option if option.starts_with('-') => {}
            name if is_full => return Some(PackageName::Full(name.to_owned())),
            name => return Some(PackageName::Suffix(name.to_owned())),
        }
    }
    None
}

/// The text behind `%include`.
pub(super) fn include_of_line(line: &str) -> Option<&str> {
    let rest = behind_word(line, "%include")?;
    let name = rest.trim_matches(is_space);
    (rest.starts_with(is_space) && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_by_their_first_word() {
        let suffix = |name: &str| PackageName::Suffix(name.to_owned());
        assert_eq!(Section::of_line("%package devel"), Some(Section::Package(suffix("devel"))));
        assert_eq!(Section::of_line("%package -n x"), Some(Section::Package(PackageName::Full("x".to_owned()))));
        assert_eq!(Section::of_line("%files -f a.lang"), Some(Section::Files(None)));
        assert_eq!(Section::of_line("%files -f a.lang devel"), Some(Section::Files(Some(suffix("devel")))));
        assert_eq!(Section::of_line("  %prep"), Some(Section::Other));
        for text in ["%package", "%prepare", "prep", "%{prep}", "x %prep"] {
            assert_eq!(Section::of_line(text), None, "{text}");
        }
    }
}
