//! The table of keywords: spelling, kind and result of each.

/// A keyword that takes words and keeps them in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained in the manual prjconf(5), which a test compares with this list")]
pub enum List {
    Preinstall,
    VmInstall,
    Runscripts,
    Required,
    Support,
    Keep,
    Prefer,
    Ignore,
    Conflict,
    ExpandFlags,
    BuildFlags,
    PublishFlags,
    RepoUrl,
    RegistryUrl,
    AssetsUrl,
    OnlyNative,
    AlsoNative,
    IgnoreRebuild,
    PublishFilter,
    Repotype,
    Patterntype,
    Constraint,
}

impl List {
    /// How many there are.
    pub(crate) const COUNT: usize = 22;

    /// Whether duplicates are removed at the end; the first one stays.
    pub(crate) const fn drops_duplicates(self) -> bool {
        matches!(
            self,
            Self::Preinstall
                | Self::VmInstall
                | Self::Runscripts
                | Self::Required
                | Self::Support
                | Self::Keep
                | Self::IgnoreRebuild
                | Self::Repotype
                | Self::Patterntype
        )
    }
}

/// A keyword whose arguments are a key and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained in the manual prjconf(5), which a test compares with this list")]
pub enum Map {
    Substitute,
    FileProvides,
    ExportFilter,
    OptFlags,
}

impl Map {
    /// How many there are.
    pub(crate) const COUNT: usize = 4;

    /// Whether `!KEY` deletes a key and `!*` all of them.
    pub(crate) const fn removes(self) -> bool {
        matches!(self, Self::Substitute | Self::FileProvides)
    }
}

/// A keyword with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained in the manual prjconf(5), which a test compares with this list")]
pub enum Scalar {
    Type,
    BinaryType,
    BuildEngine,
    Target,
    HostArch,
    Release,
    CiCntStart,
    ReleasePrg,
    ReleaseSuffix,
    SingleExport,
}

impl Scalar {
    /// How many there are.
    pub(crate) const COUNT: usize = 10;
}

/// What a keyword does with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Appends words; `!x` removes, `!*` empties.
    List(List),
    /// The words replace the list.
    ReplaceList(List),
    /// Appends the whole line as one entry.
    Constraint,
    /// Puts words into a set; `!x` removes, `!*` empties.
    Order,
    /// Replaces the value of a key.
    Map(Map),
    /// Replaces a value.
    Scalar(Scalar),
    /// A block of macro definitions.
    Macros,
    /// One macro definition.
    DistMacro,
    /// Drops what weaker configurations say.
    FromScratch,
}

/// One row of the keyword table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    /// The usual spelling, colon included; letter case does not count.
    pub spelling: &'static str,
    /// What it does.
    pub kind: Kind,
}

/// All keywords, in the order of the manual.
///
/// Rule: Build.pm's keyword chain; 42 spellings, because `Changetarget:` is another word for `Target:`.
pub const KEYWORDS: &[Keyword] = &[
    list("Preinstall:", List::Preinstall),
    list("VMInstall:", List::VmInstall),
    list("Runscripts:", List::Runscripts),
    list("Required:", List::Required),
    list("Support:", List::Support),
    list("Keep:", List::Keep),
    list("Prefer:", List::Prefer),
    list("Ignore:", List::Ignore),
    list("Conflict:", List::Conflict),
    row("Order:", Kind::Order),
    list("ExpandFlags:", List::ExpandFlags),
    list("BuildFlags:", List::BuildFlags),
    list("PublishFlags:", List::PublishFlags),
    row("Substitute:", Kind::Map(Map::Substitute)),
    row("FileProvides:", Kind::Map(Map::FileProvides)),
    row("ExportFilter:", Kind::Map(Map::ExportFilter)),
    row("PublishFilter:", Kind::ReplaceList(List::PublishFilter)),
    row("OptFlags:", Kind::Map(Map::OptFlags)),
    row("Repotype:", Kind::ReplaceList(List::Repotype)),
    row("Patterntype:", Kind::ReplaceList(List::Patterntype)),
    scalar("Type:", Scalar::Type),
    scalar("BinaryType:", Scalar::BinaryType),
    scalar("BuildEngine:", Scalar::BuildEngine),
    scalar("Target:", Scalar::Target),
    scalar("Changetarget:", Scalar::Target),
    scalar("HostArch:", Scalar::HostArch),
    scalar("Release:", Scalar::Release),
    scalar("CiCntStart:", Scalar::CiCntStart),
    scalar("ReleasePrg:", Scalar::ReleasePrg),
    scalar("ReleaseSuffix:", Scalar::ReleaseSuffix),
    row("Constraint:", Kind::Constraint),
    scalar("SingleExport:", Scalar::SingleExport),
    list("RepoURL:", List::RepoUrl),
    list("RegistryURL:", List::RegistryUrl),
    list("AssetsURL:", List::AssetsUrl),
    list("OnlyNative:", List::OnlyNative),
    list("AlsoNative:", List::AlsoNative),
    list("IgnoreRebuild:", List::IgnoreRebuild),
    row("Macros:", Kind::Macros),
    row("DistMacro:", Kind::DistMacro),
    row("FromScratch:", Kind::FromScratch),
];

const fn row(spelling: &'static str, kind: Kind) -> Keyword {
    Keyword { spelling, kind }
}

const fn list(spelling: &'static str, list: List) -> Keyword {
    row(spelling, Kind::List(list))
}

const fn scalar(spelling: &'static str, scalar: Scalar) -> Keyword {
    row(spelling, Kind::Scalar(scalar))
}

impl Keyword {
    /// The keyword a word spells, colon included, in any ASCII letter case.
    #[must_use]
    pub fn of_word(word: &[u8]) -> Option<&'static Self> {
        let first = word.first()?.to_ascii_lowercase();
        KEYWORDS.iter().find(|keyword| {
            let spelling = keyword.spelling.as_bytes();
            spelling.len() == word.len()
                && spelling.first().is_some_and(|byte| byte.to_ascii_lowercase() == first)
                && spelling.eq_ignore_ascii_case(word)
        })
    }

    /// The keyword whose spelling, without colon, is this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYWORDS.iter().find(|keyword| keyword.name().eq_ignore_ascii_case(name))
    }

    /// The usual spelling without its colon.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.spelling.trim_end_matches(':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_fold_letter_case_and_need_their_colon() {
        assert_eq!(Keyword::of_word(b"PREFER:").map(|k| k.spelling), Some("Prefer:"));
        assert_eq!(Keyword::of_word(b"prefer"), None);
        assert_eq!(Keyword::of_word(b"Prefer:x"), None);
        assert_eq!(Keyword::of_word(b""), None);
    }

    #[test]
    fn every_keyword_is_found_by_its_own_spelling() {
        for keyword in KEYWORDS {
            assert_eq!(Keyword::of_word(keyword.spelling.as_bytes()), Some(keyword));
        }
    }
}
