//! What people say of a project or a package besides what its builds need: words, persons, switches.

use pkg::Arch;
use serde::{Deserialize, Serialize};

use crate::{RepositoryName, UserName};

/// What people say of a project or a package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// One line.
    pub title: String,
    /// Free text. A project's is its setting of that name; this one is used for packages.
    pub description: String,
    /// Address of its own page. A project's is its setting; this one is used for packages.
    pub url: Option<String>,
    /// Who has to do with it, in the owner's order.
    pub people: Vec<Person>,
    /// Groups that have to do with it, in the owner's order.
    pub groups: Vec<GroupRole>,
    /// Switches, in the owner's order.
    pub flags: Vec<Flag>,
    /// The repositories of a project, in the owner's order.
    pub repositories: Vec<RepositoryName>,
}

/// A group that has to do with a project or a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRole {
    /// Which.
    pub group: UserName,
    /// As what.
    pub role: Role,
}

/// Somebody who has to do with a project or a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub user: UserName,
    /// As what.
    pub role: Role,
}

/// What somebody has to do with a project or a package. Only a maintainer's role of a project gives a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May change it.
    Maintainer,
    /// Is told of bugs.
    Bugowner,
    /// Looks at changes.
    Reviewer,
    /// May download its results.
    Downloader,
    /// May read its sources.
    Reader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Maintainer, Self::Bugowner, Self::Reviewer, Self::Downloader, Self::Reader];

    /// The spelling in the store and on every wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Maintainer => "maintainer",
            Self::Bugowner => "bugowner",
            Self::Reviewer => "reviewer",
            Self::Downloader => "downloader",
            Self::Reader => "reader",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// What a switch switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// Whether it is built.
    Build,
    /// Whether results are published.
    Publish,
    /// Whether packages with debugging information are made.
    DebugInfo,
    /// Whether builds can use results.
    UseForBuild,
    /// Whether nothing of it may be changed.
    Lock,
}

impl FlagKind {
    /// What counts where no switch says anything.
    #[must_use]
    pub const fn default_value(self) -> bool {
        !matches!(self, Self::DebugInfo | Self::Lock)
    }
}

/// A switch, for everything or for some repositories and architectures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// What it switches.
    pub kind: FlagKind,
    /// Whether on.
    pub on: bool,
    /// Only in this repository.
    pub repository: Option<RepositoryName>,
    /// Only for this architecture.
    pub arch: Option<Arch>,
}

impl Flag {
    /// How exactly it fits; `None` if it does not.
    fn weight(&self, place: Option<(&RepositoryName, &Arch)>) -> Option<u8> {
        let (repository, arch) = place.map_or((None, None), |(repository, arch)| (Some(repository), Some(arch)));
        let fits = |said: bool, same: bool| !said || same;
        let here = fits(self.repository.is_some(), self.repository.as_ref() == repository)
            && fits(self.arch.is_some(), self.arch.as_ref() == arch);
        here.then_some(u8::from(self.arch.is_some()) * 2 + u8::from(self.repository.is_some()) * 4)
    }
}

impl About {
    /// Whether something is switched on at a place, or for everything; `default` counts where no switch fits.
    ///
    /// Rule: Open Build Service's flags: of those that fit, the most exact ones count, a repository being more exact than
    /// an architecture; among equals off wins.
    #[must_use]
    pub fn is_on(&self, kind: FlagKind, place: Option<(&RepositoryName, &Arch)>, default: bool) -> bool {
        let fitting = self.flags.iter().filter(|flag| flag.kind == kind);
        let weighed = fitting.filter_map(|flag| Some((flag.weight(place)?, !flag.on)));
        weighed.max().map_or(default, |(_, off)| !off)
    }

    /// Whether nothing of it may be changed.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.is_on(FlagKind::Lock, None, false)
    }

    /// Sets the switch of exactly this place, if the whole says otherwise there.
    pub fn set(&mut self, kind: FlagKind, place: Option<(&RepositoryName, &Arch)>, on: bool) {
        if self.is_on(kind, place, kind.default_value()) == on {
            return;
        }
        let (repository, arch) = place.map_or((None, None), |(repository, arch)| (Some(repository), Some(arch)));
        let same =
            |flag: &Flag| flag.kind == kind && flag.repository.as_ref() == repository && flag.arch.as_ref() == arch;
        self.flags.retain(|flag| !same(flag));
        if self.is_on(kind, place, kind.default_value()) != on {
            self.flags.push(Flag { kind, on, repository: repository.cloned(), arch: arch.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    fn arch(text: &str) -> Arch {
        Arch::parse(text).unwrap()
    }

    fn flag(on: bool, in_repository: Option<&str>, on_arch: Option<&str>) -> Flag {
        Flag { kind: FlagKind::Build, on, repository: in_repository.map(repository), arch: on_arch.map(arch) }
    }

    fn is_on(flags: &[Flag], at: (&str, &str)) -> bool {
        let about = About { flags: flags.to_vec(), ..About::default() };
        about.is_on(FlagKind::Build, Some((&repository(at.0), &arch(at.1))), true)
    }

    #[test]
    fn the_most_exact_switch_counts_and_off_wins_among_equals() {
        assert!(is_on(&[], ("a", "x86_64")));
        assert!(!is_on(&[flag(false, None, None)], ("a", "x86_64")));
        assert!(is_on(&[flag(false, None, None), flag(true, Some("a"), None)], ("a", "x86_64")));
        assert!(!is_on(&[flag(false, None, None), flag(true, Some("a"), None)], ("b", "x86_64")));
        assert!(!is_on(&[flag(true, None, Some("x86_64")), flag(false, Some("a"), None)], ("a", "x86_64")));
        assert!(!is_on(&[flag(true, None, None), flag(false, None, None)], ("a", "x86_64")));
        assert!(is_on(&[flag(false, Some("a"), Some("i586"))], ("a", "x86_64")));
    }

    #[test]
    fn a_switch_that_changes_nothing_is_not_added() {
        let mut about = About { flags: vec![flag(false, None, None)], ..About::default() };
        let place = (repository("a"), arch("x86_64"));
        about.set(FlagKind::Build, Some((&place.0, &place.1)), false);
        assert_eq!(about.flags.len(), 1);
        about.set(FlagKind::Build, Some((&place.0, &place.1)), true);
        assert!(about.is_on(FlagKind::Build, Some((&place.0, &place.1)), true));
        about.set(FlagKind::Build, Some((&place.0, &place.1)), false);
        assert_eq!(about.flags, [flag(false, None, None)]);
    }
}
