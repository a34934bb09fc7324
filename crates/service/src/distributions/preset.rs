use model::{Mirror, MirrorSuite};

use super::DistributionOptions;
use super::apt_sources::AptSource;
use crate::ServiceError;

/// A distribution this program knows how to set up.
#[derive(Debug)]
pub(super) struct Preset {
    /// What people call it; also the name of the repositories that build against it.
    pub(super) name: &'static str,
    /// Project it becomes.
    pub(super) project: &'static str,
    /// Repository of that project.
    pub(super) repository: &'static str,
    /// Title.
    pub(super) title: &'static str,
    /// Build configuration.
    pub(super) config: &'static str,
    /// Suite of the archive.
    codename: &'static str,
    components: &'static [&'static str],
    keyring: &'static str,
    /// Package that brings the keyring.
    keyring_package: &'static str,
}

const PRESETS: &[Preset] = &[Preset {
    name: "debian-12",
    project: "Debian:12",
    repository: "standard",
    title: "Debian 12 (bookworm)",
    config: include_str!("../../presets/debian-12.conf"),
    codename: "bookworm",
    components: &["main"],
    keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
    keyring_package: "debian-archive-keyring",
}];

/// The preset of a name.
pub(super) fn find(name: &str) -> Result<&'static Preset, ServiceError> {
    PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| ServiceError::PresetUnknown {
        preset: name.to_owned(),
        known: PRESETS.iter().map(|preset| preset.name).collect(),
    })
}

impl Preset {
    /// The archive to mirror: addresses from the options, else from the sources of this machine.
    pub(super) fn mirror(&self, options: &DistributionOptions, apt: &[AptSource]) -> Result<Mirror, ServiceError> {
        let source = |suite: &str| apt.iter().find(|source| source.suite == suite).map(|source| source.url.clone());
        let url = options.mirror_url.clone().or_else(|| source(self.codename));
        let url = checked(url, "archive address", self.codename)?;
        let security = format!("{}-security", self.codename);
        let security_url = options.security_url.clone().or_else(|| source(&security));
        let security_url = checked(security_url, "security archive address", &security)?;
        let updates = format!("{}-updates", self.codename);
        let updates_url = match options.mirror_url {
            Some(_) => None,
            None => source(&updates).filter(|found| *found != url),
        };
        Ok(Mirror::Debian {
            suites: vec![
                MirrorSuite { name: security, url: Some(security_url) },
                MirrorSuite { name: updates, url: updates_url },
                MirrorSuite { name: self.codename.to_owned(), url: None },
            ],
            url,
            components: self.components.iter().map(ToString::to_string).collect(),
            keyring: self.keyring(options)?,
        })
    }

    fn keyring(&self, options: &DistributionOptions) -> Result<String, ServiceError> {
        if let Some(keyring) = &options.keyring {
            return Ok(keyring.clone());
        }
        if std::path::Path::new(self.keyring).exists() {
            return Ok(self.keyring.to_owned());
        }
        Err(ServiceError::BadValue {
            field: "keyring",
            detail: format!("{} is not there; install the package {}", self.keyring, self.keyring_package),
        })
    }
}

fn checked(url: Option<String>, field: &'static str, suite: &str) -> Result<String, ServiceError> {
    let Some(url) = url else {
        let detail = format!("this machine's apt sources have no {suite}; say where the archive is");
        return Err(ServiceError::BadValue { field, detail });
    };
    match url::Url::parse(&url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(url.trim_end_matches('/').to_owned()),
        Ok(parsed) => {
            Err(ServiceError::BadValue { field, detail: format!("{url}: {} is not http or https", parsed.scheme()) })
        }
        Err(error) => Err(ServiceError::BadValue { field, detail: format!("{url}: {error}") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::apt_sources;

    fn draw(mirror: &Mirror) -> Vec<String> {
        let Mirror::Debian { url, suites, .. } = mirror else { panic!("{mirror:?}") };
        suites.iter().map(|suite| format!("{} {}", suite.url.as_ref().unwrap_or(url), suite.name)).collect()
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
        let error = find("debian-0").unwrap_err();
        assert_eq!(error.to_string(), "\"debian-0\" is not a known distribution; known are debian-12");
    }
}
