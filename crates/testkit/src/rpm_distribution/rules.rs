//! How names, versions and dependencies of Debian read in an rpm.

use pkg::deb822::{Operator, Relation, parse_relations};
use rpm::{Dependency, DependencyFlags};

/// Version of a package as rpm's three tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RpmVersion {
    pub(super) epoch: Option<u32>,
    pub(super) version: String,
    /// Debian's revision; `None` for packages that have no other upstream than Debian.
    pub(super) release: Option<String>,
}

impl RpmVersion {
    /// From `[epoch:]upstream[-revision]`. Tags can not hold a `-`, and a `+` only since rpm 4.
    pub(super) fn parse(debian: &str) -> Self {
        let (epoch, rest) = debian.split_once(':').map_or((None, debian), |(epoch, rest)| (epoch.parse().ok(), rest));
        let (upstream, revision) =
            rest.rsplit_once('-').map_or((rest, None), |(upstream, revision)| (upstream, Some(revision)));
        let tag = |text: &str| text.replace('-', ".").replace('+', "_");
        Self { epoch, version: tag(upstream), release: revision.map(tag) }
    }

    /// The release tag, which every rpm has.
    pub(super) fn release(&self) -> &str {
        self.release.as_deref().unwrap_or("0")
    }

    /// As dependencies write it: without a release where Debian has no revision, so that any release fits.
    pub(super) fn in_dependency(&self) -> String {
        let epoch = self.epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let release = self.release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
        format!("{epoch}{}{release}", self.version)
    }
}

/// The dependencies of a field (`Depends`, `Provides` and so on).
pub(super) fn dependencies(field: Option<&str>) -> Vec<Dependency> {
    let (items, problems) = parse_relations(field.unwrap_or_default());
    assert!(problems.is_empty(), "{field:?}: {problems:?}");
    items.iter().map(|alternatives| dependency(alternatives)).collect()
}

/// One item of a field: alternatives become a rich dependency.
fn dependency(alternatives: &[Relation<'_>]) -> Dependency {
    match alternatives {
        [one] => single(one),
        _ => {
            let texts: Vec<String> = alternatives.iter().map(|relation| text(&single(relation))).collect();
            Dependency::any(format!("({})", texts.join(" or ")))
        }
    }
}

fn single(relation: &Relation<'_>) -> Dependency {
    let Some(constraint) = relation.constraint else { return Dependency::any(relation.name) };
    let mut version = RpmVersion::parse(constraint.version);
    // `<< 2.39-.` is Debian's way to say "of any revision of 2.39 or of one before": a dot alone comes after all of them.
    let is_past_all = version.release.as_deref() == Some(".") && constraint.operator == Operator::Less;
    if is_past_all {
        version.release = None;
    }
    let flags = match constraint.operator {
        Operator::Less if is_past_all => DependencyFlags::LESS | DependencyFlags::EQUAL,
        Operator::Less => DependencyFlags::LESS,
        Operator::LessEqual => DependencyFlags::LESS | DependencyFlags::EQUAL,
        Operator::Equal => DependencyFlags::EQUAL,
        // For Debian 2.36-9 is greater than 2.36; for rpm a version without release is equal to each of its releases.
        Operator::Greater if version.release.is_some() => DependencyFlags::GREATER,
        Operator::Greater | Operator::GreaterEqual => DependencyFlags::GREATER | DependencyFlags::EQUAL,
    };
    Dependency { name: relation.name.to_owned(), flags, version: version.in_dependency() }
}

fn text(dependency: &Dependency) -> String {
    let Dependency { name, flags, version } = dependency;
    let mut operator = String::new();
    for (flag, sign) in [(DependencyFlags::LESS, '<'), (DependencyFlags::GREATER, '>'), (DependencyFlags::EQUAL, '=')] {
        operator.extend(flags.contains(flag).then_some(sign));
    }
    if operator.is_empty() { name.clone() } else { format!("{name} {operator} {version}") }
}

/// What rpm calls an architecture of Debian.
pub(super) fn architecture(debian: &str) -> &str {
    match debian {
        "all" => "noarch",
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_become_tags() {
        let check = |debian: &str, epoch: Option<u32>, version: &str, release: &str| {
            let found = RpmVersion::parse(debian);
            assert_eq!((found.epoch, found.version.as_str(), found.release()), (epoch, version, release), "{debian}");
        };
        check("2.36-9+deb12u14", None, "2.36", "9_deb12u14");
        check("1:1.2.13.dfsg-1", Some(1), "1.2.13.dfsg", "1");
        check("4.18.0+dfsg-1+deb12u1", None, "4.18.0_dfsg", "1_deb12u1");
        check("252.39-1~deb12u2", None, "252.39", "1~deb12u2");
        check("1.2-3-4", None, "1.2.3", "4");
        check("1.21.23", None, "1.21.23", "0");
        check("0.1-3+b1", None, "0.1", "3_b1");
    }

    #[test]
    fn dependencies_keep_their_meaning() {
        let check = |field: &str, expected: &[&str]| {
            let found: Vec<String> = dependencies(Some(field)).iter().map(text).collect();
            assert_eq!(found, expected, "{field}");
        };
        check("libc6 (>= 2.34), perl:any", &["libc6 >= 2.34", "perl"]);
        check("debconf (>= 0.5) | debconf-2.0", &["(debconf >= 0.5 or debconf-2.0)"]);
        check("a (= 1:2+b-3+c), b (<< 4)", &["a = 1:2_b-3_c", "b < 4"]);
        check(
            "libc6 (>> 2.36), libc6 (>> 2.36-1), libc6 (<< 2.37)",
            &["libc6 >= 2.36", "libc6 > 2.36-1", "libc6 < 2.37"],
        );
        check("git-man (<< 1:2.39.5-.)", &["git-man <= 1:2.39.5"]);
        check("", &[]);
    }

    #[test]
    fn architectures_have_rpms_names() {
        assert_eq!(["all", "amd64", "arm64", "riscv64"].map(architecture), ["noarch", "x86_64", "aarch64", "riscv64"]);
    }
}
