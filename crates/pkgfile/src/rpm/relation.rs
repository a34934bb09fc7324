//! The dependencies of a header.

use pkg::dep::Operator;

use super::header::Header;
use super::tag::Tag;

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationKind {
    /// `Provides`
    Provides,
    /// `Requires`; of a source package `BuildRequires`.
    Requires,
    /// `Conflicts`; of a source package `BuildConflicts`.
    Conflicts,
    /// `Obsoletes`
    Obsoletes,
    /// `Recommends`; of old packages the strong suggestions.
    Recommends,
    /// `Suggests`
    Suggests,
    /// `Supplements`; of old packages the strong enhancements.
    Supplements,
    /// `Enhances`
    Enhances,
    /// `OrderWithRequires`
    Order,
    /// What runs a `%trigger`.
    Trigger,
    /// The path prefixes that run a `%filetrigger`.
    FileTrigger,
    /// The path prefixes that run a `%transfiletrigger`.
    TransactionFileTrigger,
}

impl RelationKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Provides,
        Self::Requires,
        Self::Conflicts,
        Self::Obsoletes,
        Self::Recommends,
        Self::Suggests,
        Self::Supplements,
        Self::Enhances,
        Self::Order,
        Self::Trigger,
        Self::FileTrigger,
        Self::TransactionFileTrigger,
    ];

    /// Tags of names, flags and versions.
    const fn tags(self) -> [Tag; 3] {
        match self {
            Self::Provides => [Tag::PROVIDE_NAME, Tag::PROVIDE_FLAGS, Tag::PROVIDE_VERSION],
            Self::Requires => [Tag::REQUIRE_NAME, Tag::REQUIRE_FLAGS, Tag::REQUIRE_VERSION],
            Self::Conflicts => [Tag::CONFLICT_NAME, Tag::CONFLICT_FLAGS, Tag::CONFLICT_VERSION],
            Self::Obsoletes => [Tag::OBSOLETE_NAME, Tag::OBSOLETE_FLAGS, Tag::OBSOLETE_VERSION],
            Self::Recommends => [Tag::RECOMMEND_NAME, Tag::RECOMMEND_FLAGS, Tag::RECOMMEND_VERSION],
            Self::Suggests => [Tag::SUGGEST_NAME, Tag::SUGGEST_FLAGS, Tag::SUGGEST_VERSION],
            Self::Supplements => [Tag::SUPPLEMENT_NAME, Tag::SUPPLEMENT_FLAGS, Tag::SUPPLEMENT_VERSION],
            Self::Enhances => [Tag::ENHANCE_NAME, Tag::ENHANCE_FLAGS, Tag::ENHANCE_VERSION],
            Self::Order => [Tag::ORDER_NAME, Tag::ORDER_FLAGS, Tag::ORDER_VERSION],
            Self::Trigger => [Tag::TRIGGER_NAME, Tag::TRIGGER_FLAGS, Tag::TRIGGER_VERSION],
            Self::FileTrigger => [Tag::FILE_TRIGGER_NAME, Tag::FILE_TRIGGER_FLAGS, Tag::FILE_TRIGGER_VERSION],
            Self::TransactionFileTrigger => {
                [Tag::TRANS_FILE_TRIGGER_NAME, Tag::TRANS_FILE_TRIGGER_FLAGS, Tag::TRANS_FILE_TRIGGER_VERSION]
            }
        }
    }

    /// Where packages of SUSE had weak dependencies before rpm 4.12, and whether the strong ones are meant.
    const fn old_tags(self) -> Option<([Tag; 3], bool)> {
        const SUGGESTS: [Tag; 3] = [Tag::OLD_SUGGESTS_NAME, Tag::OLD_SUGGESTS_FLAGS, Tag::OLD_SUGGESTS_VERSION];
        const ENHANCES: [Tag; 3] = [Tag::OLD_ENHANCES_NAME, Tag::OLD_ENHANCES_FLAGS, Tag::OLD_ENHANCES_VERSION];
        match self {
            Self::Recommends => Some((SUGGESTS, true)),
            Self::Suggests => Some((SUGGESTS, false)),
            Self::Supplements => Some((ENHANCES, true)),
            Self::Enhances => Some((ENHANCES, false)),
            _ => None,
        }
    }
}

/// One dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Name, or a rich dependency in parentheses.
    pub name: String,
    /// rpm's sense flags: [`Relation::LESS`] and so on.
    pub flags: u32,
    /// `[epoch:]version[-release]`; empty if any will do.
    pub version: String,
}

impl Relation {
    /// Flag: older versions.
    pub const LESS: u32 = 1 << 1;
    /// Flag: newer versions.
    pub const GREATER: u32 = 1 << 2;
    /// Flag: this version.
    pub const EQUAL: u32 = 1 << 3;
    /// Flag: needed in time for scripts, in the old way.
    pub const PREREQ: u32 = 1 << 6;
    /// Flag: needed by the script that runs before the package is installed.
    pub const SCRIPT_PRE: u32 = 1 << 9;
    /// Flag: needed by the script that runs after the package was installed.
    pub const SCRIPT_POST: u32 = 1 << 10;
    /// Flag: a feature of rpm itself.
    pub const RPMLIB: u32 = 1 << 24;
    /// Flag of the old weak dependencies: a strong one.
    const STRONG: u32 = 1 << 27;

    /// The comparison; `None` without one, and for `<>`, which nothing matches.
    #[must_use]
    pub const fn operator(&self) -> Option<Operator> {
        match self.flags & (Self::LESS | Self::GREATER | Self::EQUAL) {
            Self::LESS => Some(Operator::Less),
            0b1010 => Some(Operator::LessEqual),
            Self::EQUAL => Some(Operator::Equal),
            0b1100 => Some(Operator::GreaterEqual),
            Self::GREATER => Some(Operator::Greater),
            _ => None,
        }
    }

    /// Whether it must be there before the package is installed; repository metadata says `pre="1"`.
    #[must_use]
    pub const fn is_pre(&self) -> bool {
        self.flags & (Self::PREREQ | Self::SCRIPT_PRE | Self::SCRIPT_POST) != 0
    }

    /// Whether it is a feature of rpm itself.
    #[must_use]
    pub fn is_rpmlib(&self) -> bool {
        self.flags & Self::RPMLIB != 0 || self.name.starts_with("rpmlib(")
    }

    /// `name`, `name OP version` or `(rich)`.
    ///
    /// Rule: Build.pm's `add_flagsvers`: the operator's characters in the order `<` `>` `=`.
    #[must_use]
    pub fn text(&self) -> String {
        let flag = |flag, text| if self.flags & flag != 0 { text } else { "" };
        let operator = [flag(Self::LESS, "<"), flag(Self::GREATER, ">"), flag(Self::EQUAL, "=")].concat();
        if operator.is_empty() || self.name.starts_with('(') {
            return self.name.clone();
        }
        format!("{} {operator} {}", self.name, self.version)
    }
}

/// The dependencies of a kind, in the order of the header; old weak ones behind the others.
pub(super) fn read(header: &Header, kind: RelationKind) -> Vec<Relation> {
    let mut relations = read_tags(header, kind.tags());
    if let Some((tags, is_strong)) = kind.old_tags() {
        let old = read_tags(header, tags);
        relations.extend(old.into_iter().filter(|relation| (relation.flags & Relation::STRONG != 0) == is_strong));
    }
    relations
}

fn read_tags(header: &Header, [names, flags, versions]: [Tag; 3]) -> Vec<Relation> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut flags = header.numbers(flags);
    let mut versions = header.texts(versions);
    let relation = |name: &[u8]| Relation {
        name: text(name),
        flags: flags.next().and_then(|flags| u32::try_from(flags).ok()).unwrap_or_default(),
        version: versions.next().map(text).unwrap_or_default(),
    };
    header.texts(names).map(relation).collect()
}
