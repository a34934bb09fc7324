//! The one place where Copr's names become Kiln's and back; both directions together are a bijection.
//!
//! | Copr | Kiln |
//! |---|---|
//! | `alice/tools` | project `home:alice:tools` |
//! | `@team/tools` | project `team:tools`, and any other name with a colon: `Debian:12` is `@Debian/12` |
//! | `@/tools` | project `tools` |
//! | chroot `debian-12-x86_64` | repository `debian-12`, architecture `x86_64` |

use model::{ProjectName, RepositoryName, UserName};
use pkg::Arch;
use service::{PROJECT_REFERENCE, TargetName};

/// The part of a project name that stands before a user's own projects.
const HOME: &str = "home";

/// A project as Copr names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoprName {
    /// A user name, or `@` and the name of a group.
    pub(crate) owner: String,
    /// Name within the owner's projects.
    pub(crate) name: String,
}

impl CoprName {
    /// Copr's name of a project. Every project has exactly one.
    pub(crate) fn of(project: &ProjectName) -> Self {
        let text = project.as_str();
        match text.split_once(':') {
            None => Self { owner: "@".to_owned(), name: text.to_owned() },
            Some((first, rest)) => match rest.split_once(':').filter(|_| first == HOME) {
                Some((user, name)) => Self { owner: user.to_owned(), name: name.to_owned() },
                None => Self { owner: format!("@{first}"), name: rest.to_owned() },
            },
        }
    }

    /// The project Copr names so; `None` if there can be none.
    pub(crate) fn project(owner: &str, name: &str) -> Option<ProjectName> {
        let text = match owner.strip_prefix('@') {
            Some("") => name.to_owned(),
            Some(group) => format!("{group}:{name}"),
            None => format!("{HOME}:{}:{name}", UserName::parse(owner).ok()?),
        };
        let project = ProjectName::parse(&text).ok()?;
        let back = Self::of(&project);
        (back.owner == owner && back.name == name).then_some(project)
    }

    /// Whether a group owns the project.
    pub(crate) fn is_group(&self) -> bool {
        self.owner.starts_with('@')
    }
}

impl std::fmt::Display for CoprName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Copr's name of a target: the repository, a dash, the architecture.
pub(crate) fn chroot_name(target: &TargetName) -> String {
    format!("{}-{}", target.repository, target.arch)
}

/// The release, the version and the architecture Copr sees in a target; `None` if its repository has no dash, so that
/// Copr has no name for it.
pub(crate) fn chroot_parts(target: &TargetName) -> Option<(&str, &str, &str)> {
    let (release, version) = target.repository.as_str().rsplit_once('-')?;
    (!release.is_empty() && !version.is_empty()).then_some((release, version, target.arch.as_str()))
}

/// The target a chroot name means, read from the right: architecture, version, release, of which only the last may hold
/// dashes. `None` if a part is missing or is not a name.
pub(crate) fn parse_chroot(text: &str) -> Option<TargetName> {
    let (repository, arch) = text.rsplit_once('-')?;
    let target = TargetName { repository: RepositoryName::parse(repository).ok()?, arch: Arch::parse(arch).ok()? };
    chroot_parts(&target).is_some().then_some(target)
}

/// What Copr writes before the name of a project in a list of repositories.
const COPR_SCHEME: &str = "copr://";

/// A repository of a list as Kiln keeps it: `copr://alice/tools` is `project://home:alice:tools`, all else stays.
pub(crate) fn repository_in(text: &str) -> String {
    let named = text.strip_prefix(COPR_SCHEME).and_then(|rest| rest.trim_end_matches('/').split_once('/'));
    match named.and_then(|(owner, name)| CoprName::project(owner, name)) {
        Some(project) => format!("{PROJECT_REFERENCE}{project}"),
        None => text.to_owned(),
    }
}

/// A repository of a list as Copr writes it; the way back of [`repository_in`].
pub(crate) fn repository_out(entry: &str) -> String {
    match service::referenced_project(entry) {
        Some(project) => format!("{COPR_SCHEME}{}", CoprName::of(&project)),
        None => entry.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn copr(project: &str) -> String {
        CoprName::of(&ProjectName::parse(project).unwrap()).to_string()
    }

    #[test]
    fn projects_have_their_copr_names() {
        assert_eq!(copr("home:alice:tools"), "alice/tools");
        assert_eq!(copr("team:tools"), "@team/tools");
        assert_eq!(copr("Debian:12"), "@Debian/12");
        assert_eq!(copr("Debian:12:Update"), "@Debian/12:Update");
        assert_eq!(copr("tools"), "@/tools");
        assert_eq!(copr("home:alice"), "@home/alice");
    }

    #[test]
    fn two_copr_names_never_mean_one_project() {
        assert_eq!(CoprName::project("@home", "alice:tools"), None);
        assert_eq!(CoprName::project("@", "a:b"), None);
        assert_eq!(CoprName::project("alice", ""), None);
        assert_eq!(CoprName::project("a/b", "c"), None);
        assert_eq!(CoprName::project("@a:b", "c"), None);
    }

    #[test]
    fn chroots_are_read_from_the_right() {
        let parts = |text: &str| {
            parse_chroot(text).and_then(|target| {
                chroot_parts(&target).map(|(release, version, arch)| format!("{release} {version} {arch}"))
            })
        };
        assert_eq!(parts("debian-12-x86_64").as_deref(), Some("debian 12 x86_64"));
        assert_eq!(parts("centos-stream-9-aarch64").as_deref(), Some("centos-stream 9 aarch64"));
        for bad in ["", "-", "--", "bad", "fedora-x86_64", "fedora--x86_64", "-12-x86_64", "a-1-", "a-1-x/y", "a b-1-x"]
        {
            assert_eq!(parts(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn repositories_of_projects_go_in_and_come_out() {
        for text in ["copr://alice/tools", "copr://@team/tools", "http://example.org/x", "copr://nonsense", ""] {
            assert_eq!(repository_out(&repository_in(text)), text);
        }
        assert_eq!(repository_in("copr://alice/tools"), "project://home:alice:tools");
    }

    fn word() -> impl Strategy<Value = String> {
        "[A-Za-z0-9][A-Za-z0-9_.+-]{0,8}"
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![Just("home".to_owned()), word()]
    }

    proptest! {
        #[test]
        fn project_names_are_a_bijection(parts in prop::collection::vec(part(), 1..5)) {
            let project = ProjectName::parse(&parts.join(":")).unwrap();
            let copr = CoprName::of(&project);
            prop_assert_eq!(CoprName::project(&copr.owner, &copr.name), Some(project));
        }

        #[test]
        fn what_copr_names_is_named_so(at in "@?", owner in part(), parts in prop::collection::vec(word(), 1..3)) {
            let (owner, name) = (format!("{at}{owner}"), parts.join(":"));
            if let Some(project) = CoprName::project(&owner, &name) {
                prop_assert_eq!(CoprName::of(&project), CoprName { owner, name });
            }
        }

        #[test]
        fn chroot_names_are_a_bijection(left in word(), right in word(), arch in "[a-z0-9_]{1,10}") {
            let target = TargetName {
                repository: RepositoryName::parse(&format!("{left}-{right}")).unwrap(),
                arch: Arch::parse(&arch).unwrap(),
            };
            let named = chroot_parts(&target).is_some();
            prop_assert_eq!(parse_chroot(&chroot_name(&target)), named.then_some(target));
        }

        #[test]
        fn any_text_that_is_a_chroot_prints_itself(text in "[a-z0-9_.+-]{0,24}") {
            if let Some(target) = parse_chroot(&text) {
                prop_assert_eq!(chroot_name(&target), text);
            }
        }
    }
}
