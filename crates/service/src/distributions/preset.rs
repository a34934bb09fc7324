use model::{Mirror, ProjectName, RepositoryName};

use super::DistributionOptions;
use super::apt_sources::AptSource;
use super::archives::{DebianArchive, RpmMdArchive};
use crate::ServiceError;

/// A distribution this program knows how to set up.
#[derive(Debug)]
pub(super) struct Preset {
    /// What people call it; also the name of the repositories that build against it.
    pub(super) name: &'static str,
    project: &'static str,
    /// Title.
    pub(super) title: &'static str,
    /// Build configuration, with `@VERSION@` for the version.
    config: &'static str,
    version: &'static str,
    /// Preset it builds on.
    base: Option<&'static str>,
    archive: Archive,
}

/// Repository of every preset's project.
const REPOSITORY: &str = "standard";

/// Where a distribution's packages are.
#[derive(Debug)]
enum Archive {
    Debian(DebianArchive),
    RpmMd(RpmMdArchive),
}

const DEBIAN_12: Preset = Preset {
    name: "debian-12",
    project: "Debian:12",
    title: "Debian 12 (bookworm)",
    config: include_str!("../../presets/debian-12.conf"),
    version: "12",
    base: None,
    archive: Archive::Debian(DebianArchive {
        codename: "bookworm",
        components: &["main"],
        keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
        keyring_package: "debian-archive-keyring",
    }),
};

/// Who publishes Fedora, EPEL and CentOS Stream does not sign the metadata, only the packages.
const FEDORA: RpmMdArchive = RpmMdArchive {
    url: "https://dl.fedoraproject.org/pub/fedora/linux",
    repositories: &[
        ("fedora", "releases/@VERSION@/Everything/$basearch/os"),
        ("updates", "updates/@VERSION@/Everything/$basearch"),
    ],
    is_signed: false,
};
const CENTOS_STREAM: RpmMdArchive = RpmMdArchive {
    url: "https://mirror.stream.centos.org",
    repositories: &[
        ("baseos", "@VERSION@-stream/BaseOS/$basearch/os"),
        ("appstream", "@VERSION@-stream/AppStream/$basearch/os"),
        ("crb", "@VERSION@-stream/CRB/$basearch/os"),
    ],
    is_signed: false,
};
const EPEL: RpmMdArchive = RpmMdArchive {
    url: "https://dl.fedoraproject.org/pub/epel",
    repositories: &[("epel", "@VERSION@/Everything/$basearch")],
    is_signed: false,
};
const LEAP: RpmMdArchive = RpmMdArchive {
    url: "https://download.opensuse.org/distribution/leap",
    repositories: &[("oss", "@VERSION@/repo/oss/$basearch")],
    is_signed: true,
};
const TUMBLEWEED: RpmMdArchive = RpmMdArchive {
    url: "https://download.opensuse.org",
    repositories: &[("oss", "tumbleweed/repo/oss")],
    is_signed: true,
};

const FEDORA_CONFIG: &str = include_str!("../../presets/fedora.conf");
const CENTOS_CONFIG: &str = include_str!("../../presets/centos-stream.conf");
const EPEL_CONFIG: &str = include_str!("../../presets/epel.conf");
const OPENSUSE_CONFIG: &str = include_str!("../../presets/opensuse.conf");

const PRESETS: &[Preset] = &[
    DEBIAN_12,
    rpm("fedora-44", "Fedora:44", "Fedora 44", FEDORA_CONFIG, ("44", FEDORA)),
    rpm("fedora-45", "Fedora:45", "Fedora 45", FEDORA_CONFIG, ("45", FEDORA)),
    rpm("centos-stream-9", "CentOS:Stream:9", "CentOS Stream 9", CENTOS_CONFIG, ("9", CENTOS_STREAM)),
    rpm("centos-stream-10", "CentOS:Stream:10", "CentOS Stream 10", CENTOS_CONFIG, ("10", CENTOS_STREAM)),
    rpm("epel-9", "EPEL:9", "Extra Packages for Enterprise Linux 9", EPEL_CONFIG, ("9", EPEL)).on("centos-stream-9"),
    rpm("epel-10", "EPEL:10", "Extra Packages for Enterprise Linux 10", EPEL_CONFIG, ("10", EPEL))
        .on("centos-stream-10"),
    rpm("opensuse-leap-16.0", "openSUSE:Leap:16.0", "openSUSE Leap 16.0", OPENSUSE_CONFIG, ("16.0", LEAP)),
    rpm(
        "opensuse-tumbleweed",
        "openSUSE:Tumbleweed",
        "openSUSE Tumbleweed",
        OPENSUSE_CONFIG,
        ("tumbleweed", TUMBLEWEED),
    ),
];

const fn rpm(
    name: &'static str,
    project: &'static str,
    title: &'static str,
    config: &'static str,
    (version, archive): (&'static str, RpmMdArchive),
) -> Preset {
    Preset { name, project, title, config, version, base: None, archive: Archive::RpmMd(archive) }
}

/// The preset of a name.
pub(super) fn find(name: &str) -> Result<&'static Preset, ServiceError> {
    PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| ServiceError::PresetUnknown {
        preset: name.to_owned(),
        known: PRESETS.iter().map(|preset| preset.name).collect(),
    })
}

impl Preset {
    const fn on(self, base: &'static str) -> Self {
        Self { base: Some(base), ..self }
    }

    /// Project and repository it becomes.
    pub(super) fn place(&self) -> Result<(ProjectName, RepositoryName), ServiceError> {
        Ok((ProjectName::parse(self.project)?, RepositoryName::parse(REPOSITORY)?))
    }

    /// The preset it builds on.
    pub(super) fn base(&self) -> Result<Option<&'static Self>, ServiceError> {
        self.base.map(find).transpose()
    }

    /// The build configuration.
    pub(super) fn config(&self) -> String {
        self.config.replace("@VERSION@", self.version)
    }

    /// The archive to mirror: addresses from the options, else from the sources of this machine or the preset.
    pub(super) fn mirror(&self, options: &DistributionOptions, apt: &[AptSource]) -> Result<Mirror, ServiceError> {
        match &self.archive {
            Archive::Debian(archive) => archive.mirror(options, apt),
            Archive::RpmMd(archive) => archive.mirror(self.title, self.version, options),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::apt_sources;

    fn draw(mirror: &Mirror) -> Vec<String> {
        match mirror {
            Mirror::Debian { url, suites, .. } => {
                suites.iter().map(|suite| format!("{} {}", suite.url.as_ref().unwrap_or(url), suite.name)).collect()
            }
            Mirror::RpmMd { repositories, .. } => {
                repositories.iter().map(|one| format!("{} {}", one.url, one.name)).collect()
            }
        }
    }

    fn options() -> DistributionOptions {
        DistributionOptions { keyring: Some("/keys.gpg".to_owned()), ..DistributionOptions::default() }
    }

    #[test]
    fn addresses_come_from_the_machine_by_suite() {
        let apt = apt_sources::parse_list(
            "deb http://a.example.org/debian bookworm main\ndeb http://b.example.org/debian bookworm-updates main\n\
             deb http://c.example.org/security bookworm-security main\n",
        );
        let mirror = find("debian-12").unwrap().mirror(&options(), &apt).unwrap();
        assert_eq!(
            draw(&mirror),
            [
                "http://c.example.org/security bookworm-security",
                "http://b.example.org/debian bookworm-updates",
                "http://a.example.org/debian bookworm",
            ]
        );
    }

    #[test]
    fn options_win_and_a_missing_address_says_what_to_do() {
        let preset = find("debian-12").unwrap();
        let mut options = options();
        options.mirror_url = Some("http://m.example.org/debian/".to_owned());
        let error = preset.mirror(&options, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "security archive address: this machine's apt sources have no bookworm-security; say where the archive is"
        );
        options.security_url = Some("http://s.example.org".to_owned());
        assert_eq!(draw(&preset.mirror(&options, &[]).unwrap())[1], "http://m.example.org/debian bookworm-updates");
        options.security_url = Some("file:///srv".to_owned());
        assert!(preset.mirror(&options, &[]).is_err());
    }

    #[test]
    fn an_unknown_preset_lists_the_known_ones() {
        let error = find("debian-0").unwrap_err().to_string();
        assert!(
            error.starts_with("\"debian-0\" is not a known distribution; known are debian-12, fedora-44,"),
            "{error}"
        );
    }

    #[test]
    fn repositories_of_rpm_lie_below_the_mirror_or_where_the_options_say() {
        let preset = find("fedora-44").unwrap();
        let mut options = options();
        options.mirror_url = Some("http://m.example.org/fedora/".to_owned());
        assert_eq!(
            draw(&preset.mirror(&options, &[]).unwrap()),
            [
                "http://m.example.org/fedora/releases/44/Everything/$basearch/os fedora",
                "http://m.example.org/fedora/updates/44/Everything/$basearch updates",
            ]
        );
        options.repositories = vec![("all".to_owned(), "http://own.example.org/all/".to_owned())];
        assert_eq!(draw(&preset.mirror(&options, &[]).unwrap()), ["http://own.example.org/all all"]);
        options.repositories = vec![("all".to_owned(), "file:///srv".to_owned())];
        assert!(preset.mirror(&options, &[]).is_err());
    }

    #[test]
    fn to_believe_unsigned_metadata_is_a_decision_of_the_administrator() {
        let refusal = |name: &str| {
            let preset = find(name).unwrap();
            preset.mirror(&DistributionOptions::default(), &[]).unwrap_err().to_string()
        };
        assert_eq!(
            refusal("fedora-44"),
            "keyring: the metadata of Fedora 44 is not signed; say that it is to be believed as the server sends it, \
             or name the keys of a mirror that signs"
        );
        assert_eq!(
            refusal("opensuse-tumbleweed"),
            "keyring: name the file with the keys that sign the metadata of openSUSE Tumbleweed, or say that it is to be \
             believed unsigned"
        );
        let options = DistributionOptions { believes_unsigned: true, ..DistributionOptions::default() };
        let mirror = find("fedora-44").unwrap().mirror(&options, &[]).unwrap();
        assert!(matches!(mirror, Mirror::RpmMd { keyring: None, .. }));
        let options = DistributionOptions { keyring: Some("/k".to_owned()), ..options };
        assert!(find("fedora-44").unwrap().mirror(&options, &[]).is_err(), "both is a contradiction");
        assert!(find("debian-12").unwrap().mirror(&options, &[]).is_err(), "Debian signs");
    }

    #[test]
    fn every_preset_has_a_place_and_its_base_is_one() {
        for preset in PRESETS {
            preset.place().unwrap();
            preset.base().unwrap();
            assert!(!preset.config().contains('@'), "{}", preset.name);
        }
        assert_eq!(find("epel-9").unwrap().base().unwrap().unwrap().name, "centos-stream-9");
    }
}
