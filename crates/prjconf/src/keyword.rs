//! The table of keywords: spelling, kind, grammar and meaning of each.

use crate::reference::Topic;

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
    /// What it does with its arguments.
    pub kind: Kind,
    /// The grammar of the arguments: capitals are placeholders, brackets mean optional, `…` means repeated; may be empty.
    pub arguments: &'static str,
    /// What it means, in one or two sentences, with Markdown's backquotes; the manual has the same words.
    pub effect: &'static str,
}

/// All keywords, in the order of the manual.
///
/// Rule: Build.pm's keyword chain; 41 spellings, because `Changetarget:` is another word for `Target:`.
pub const KEYWORDS: &[Keyword] = &[
    row(
        "Preinstall:",
        Kind::List(List::Preinstall),
        "[!]PACKAGE…",
        "Packages that are unpacked before anything can be installed; they are always part of the environment. The type of the repository is guessed from them.",
    ),
    row(
        "VMInstall:",
        Kind::List(List::VmInstall),
        "[!]PACKAGE…",
        "Further preinstalled packages of builds in a virtual machine.",
    ),
    row(
        "Runscripts:",
        Kind::List(List::Runscripts),
        "[!]PACKAGE…",
        "Preinstalled packages whose installation scripts run right after unpacking.",
    ),
    row(
        "Required:",
        Kind::List(List::Required),
        "[!]PACKAGE…",
        "Part of every build environment; a change of them triggers rebuilds.",
    ),
    row(
        "Support:",
        Kind::List(List::Support),
        "[!]PACKAGE…",
        "Part of every build environment; a change of them triggers nothing. An entry `-x` keeps x out.",
    ),
    row(
        "Keep:",
        Kind::List(List::Keep),
        "[!]PACKAGE…",
        "A package is not used to build itself; these are exceptions. With an empty list only `Required:` and `Support:` are affected.",
    ),
    row(
        "Prefer:",
        Kind::List(List::Prefer),
        "[!][-][ORIGIN:]PACKAGE…",
        "Decides if several packages provide what is needed. `-P` takes P out as long as something is left; then a package that is preferred is taken, the first in the order of the list if there are several. With ORIGIN only for dependencies of that package.",
    ),
    row(
        "Ignore:",
        Kind::List(List::Ignore),
        "[!][ORIGIN:]DEPENDENCY[,DEPENDENCY…]…",
        "Drops dependencies, by name or by the name of a package that provides them; with ORIGIN only those of that package. What a recipe asks for itself is never ignored.",
    ),
    row(
        "Conflict:",
        Kind::List(List::Conflict),
        "[!]PACKAGE[:OTHER,…]…",
        "`P` is never installed; `P:Q,R` excludes Q and R where P is, and the other way round.",
    ),
    row("Order:", Kind::Order, "[!]A:B…", "Install A before B; also tells where to break cycles."),
    row(
        "ExpandFlags:",
        Kind::List(List::ExpandFlags),
        "[!]FLAG[:VALUE]…",
        "How dependencies are expanded; the flags are listed under NAMES.",
    ),
    row(
        "BuildFlags:",
        Kind::List(List::BuildFlags),
        "[!]FLAG[:VALUE]…",
        "How builds run; the flags are listed under NAMES. Of a flag that is a value the last entry wins; the others are lists. To remove an entry its whole text is needed.",
    ),
    row(
        "PublishFlags:",
        Kind::List(List::PublishFlags),
        "[!]FLAG[:VALUE]…",
        "What is published; the flags are listed under NAMES.",
    ),
    row(
        "Substitute:",
        Kind::Map(Map::Substitute),
        "[!]OLD NEW[=]…",
        "Replaces OLD in direct dependencies of recipes and in Preinstall, Required and Support; a version condition is taken over by names that end in `=`. Replacements are replaced again, each text once. Without NEW the dependency is removed. Reserved keys hold package lists: `build-packages:TYPE`, `system-packages:X`, `sysroot-packages`, `obs-service:NAME`, `mock:chroot_setup_cmd`, `dsc:build_cmd`. `system-packages:repo-creation` has a default that follows the package format.",
    ),
    row(
        "FileProvides:",
        Kind::Map(Map::FileProvides),
        "[!]FILE PACKAGE…",
        "The packages that contain a file. For rpm, dependencies on files count only if the file is listed here.",
    ),
    row(
        "ExportFilter:",
        Kind::Map(Map::ExportFilter),
        "PATTERN ARCH…",
        "Build results whose file name matches go to the named architectures; `.` is the own one, none at all drops them. Patterns are Perl regular expressions, tried in descending bytewise order; the first match decides. The first own line switches off the built-in filter.",
    ),
    row(
        "PublishFilter:",
        Kind::ReplaceList(List::PublishFilter),
        "PATTERN…",
        "Files whose name matches one of the Perl regular expressions are not published.",
    ),
    row(
        "OptFlags:",
        Kind::Map(Map::OptFlags),
        "ARCH WORD…",
        "Compiler flags for rpm; those of `*` are added to all others.",
    ),
    row(
        "Repotype:",
        Kind::ReplaceList(List::Repotype),
        "FORMAT[:OPTION…]…",
        "Repository metadata to write; the formats are listed under NAMES. If empty, it follows the package format.",
    ),
    row(
        "Patterntype:",
        Kind::ReplaceList(List::Patterntype),
        "FORMAT…",
        "Formats of patterns to write, as listed under NAMES.",
    ),
    row(
        "Type:",
        Kind::Scalar(Scalar::Type),
        "KIND",
        "The kind of recipe to look for. If unset or `0`, guessed from Preinstall: `rpm` means spec, `debianutils` dsc, `pacman` arch, `apk-tools` apk; else `UNDEFINED`. On servers `excluded` and `disabled` switch the repository off.",
    ),
    row(
        "BinaryType:",
        Kind::Scalar(Scalar::BinaryType),
        "FORMAT",
        "The package format of the environment: `rpm`, `deb`, `arch`, `apk`. If unset or `0`, it follows the type; for images, Preinstall.",
    ),
    row(
        "BuildEngine:",
        Kind::Scalar(Scalar::BuildEngine),
        "ENGINE",
        "`mock` or `debbuild` for spec, `debootstrap` for dsc, `podman` for container recipes.",
    ),
    row(
        "Target:",
        Kind::Scalar(Scalar::Target),
        "TRIPLET",
        "What to build for: rpmbuild's `--target`, dpkg's host type. The part in front of the first `-` becomes the macro `_target_cpu` of recipes (not of this configuration).",
    ),
    row("Changetarget:", Kind::Scalar(Scalar::Target), "TRIPLET", "Old spelling of `Target:`."),
    row(
        "HostArch:",
        Kind::Scalar(Scalar::HostArch),
        "ARCH",
        "The architecture the build runs on, if it is not the one that is built for.",
    ),
    row(
        "Release:",
        Kind::Scalar(Scalar::Release),
        "RELEASE [TYPE:RELEASE…]",
        "The release of packages. `<CI_CNT>` is the number of the source change, `<B_CNT>` that of the rebuild. Default `<CI_CNT>.<B_CNT>`. Without a word, none is given at all.",
    ),
    row("CiCntStart:", Kind::Scalar(Scalar::CiCntStart), "NUMBER", "Kept in the result; nothing is known to read it."),
    row(
        "ReleasePrg:",
        Kind::Scalar(Scalar::ReleasePrg),
        "FILE",
        "A source file that is run to compute the release (spec, legacy).",
    ),
    row(
        "ReleaseSuffix:",
        Kind::Scalar(Scalar::ReleaseSuffix),
        "TEXT",
        "Appended to the release; `file:NAME` takes the last line of that source file.",
    ),
    row(
        "Constraint:",
        Kind::Constraint,
        "SELECTOR VALUE…",
        "Each line is one entry; `!*` alone empties the list. What a job asks of its worker.",
    ),
    row("SingleExport:", Kind::Scalar(Scalar::SingleExport), "WORD", "Old form of `PublishFlags: singleexport`."),
    row("RepoURL:", Kind::List(List::RepoUrl), "[!][TYPE@]URL…", "Default repositories of local builds."),
    row("RegistryURL:", Kind::List(List::RegistryUrl), "[!]URL…", "Default container registries of local builds."),
    row(
        "AssetsURL:",
        Kind::List(List::AssetsUrl),
        "[!]TYPE@URL…",
        "Where remote assets of recipes come from: `fedpkg@URL`, `goproxy@URL`.",
    ),
    row(
        "OnlyNative:",
        Kind::List(List::OnlyNative),
        "[!]PACKAGE…",
        "Cross builds: these dependencies are installed in the host system only.",
    ),
    row(
        "AlsoNative:",
        Kind::List(List::AlsoNative),
        "[!]PACKAGE…",
        "Cross builds: these dependencies are installed in host system and sysroot.",
    ),
    row(
        "IgnoreRebuild:",
        Kind::List(List::IgnoreRebuild),
        "[!]PACKAGE…",
        "Dependencies whose change never triggers a rebuild.",
    ),
    row(
        "Macros:",
        Kind::Macros,
        "",
        "A block of macro definitions for recipes, up to a line `:Macros` or the end of the text. Opener and closer stand alone on their lines, in any letter case. Each line that starts with `%` is `%NAME[(OPTIONS)] BODY`; a `\\` at the end goes on with the next line. The block is also written into the build root for rpm. Conditions inside a block are only text, but a closed block obeys the conditions around it. A block whose first line is `!` drops all earlier ones.",
    ),
    row(
        "DistMacro:",
        Kind::DistMacro,
        "NAME[(OPTIONS)] BODY",
        "One macro for recipes that is not written into the build root. Write `%%` for a percent sign.",
    ),
    row(
        "FromScratch:",
        Kind::FromScratch,
        "",
        "Everything that weaker texts of the path say is dropped. Comments, `%` lines and empty lines only may come before it; when texts are joined not even `%` lines.",
    ),
];

const fn row(spelling: &'static str, kind: Kind, arguments: &'static str, effect: &'static str) -> Keyword {
    Keyword { spelling, kind, arguments, effect }
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

    /// How it treats its arguments: `list, once`, `map`, `word`, …; the manual explains each. Empty if it is one of a kind.
    #[must_use]
    pub fn argument_kind(&self) -> &'static str {
        match self.kind {
            Kind::List(list) if list.drops_duplicates() => "list, once",
            Kind::List(_) => "list",
            Kind::ReplaceList(list) if list.drops_duplicates() => "replacing list, once",
            Kind::ReplaceList(_) => "replacing list",
            Kind::Order => "set",
            Kind::Map(Map::Substitute) => "map, values once",
            Kind::Map(Map::FileProvides) => "map",
            Kind::Map(Map::ExportFilter) => "map without removal",
            Kind::Map(Map::OptFlags) => "map without removal, values joined",
            Kind::Scalar(Scalar::Release) => "word, and list of all words",
            Kind::Scalar(Scalar::Target | Scalar::HostArch | Scalar::ReleaseSuffix) => "words",
            Kind::Scalar(_) => "word",
            Kind::Constraint | Kind::Macros | Kind::DistMacro | Kind::FromScratch => "",
        }
    }

    /// Whether it is an old spelling that nobody should write any more.
    #[must_use]
    pub fn is_old(&self) -> bool {
        matches!(self.spelling, "Changetarget:" | "SingleExport:")
    }

    /// The grammar of a line: `Prefer: [!][-][ORIGIN:]PACKAGE…`.
    #[must_use]
    pub fn grammar(&self) -> String {
        format!("{} {}", self.spelling, self.arguments).trim_end().to_owned()
    }

    /// What words its arguments can be, if those have fixed names.
    #[must_use]
    pub const fn topic(&self) -> Option<Topic> {
        match self.kind {
            Kind::List(List::BuildFlags) => Some(Topic::BuildFlag),
            Kind::List(List::ExpandFlags) => Some(Topic::ExpandFlag),
            Kind::List(List::PublishFlags) => Some(Topic::PublishFlag),
            Kind::ReplaceList(List::Repotype) => Some(Topic::Repotype),
            Kind::ReplaceList(List::Patterntype) => Some(Topic::Patterntype),
            Kind::Scalar(Scalar::Type) => Some(Topic::RecipeType),
            Kind::Scalar(Scalar::BinaryType) => Some(Topic::BinaryType),
            Kind::Scalar(Scalar::BuildEngine) => Some(Topic::BuildEngine),
            _ => None,
        }
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
