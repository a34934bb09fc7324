//! Where the packages of presets are.

use model::{Mirror, MirrorSuite, RpmMdRepository};

use super::DistributionOptions;
use super::apt_sources::AptSource;
use crate::ServiceError;

/// A release of Debian.
#[derive(Debug)]
pub(super) struct DebianArchive {
    /// Suite of the archive.
    pub(super) codename: &'static str,
    pub(super) components: &'static [&'static str],
    pub(super) keyring: &'static str,
    /// Package that brings the keyring.
    pub(super) keyring_package: &'static str,
}

impl DebianArchive {
    pub(super) fn mirror(&self, options: &DistributionOptions, apt: &[AptSource]) -> Result<Mirror, ServiceError> {
        if options.believes_unsigned || !options.repositories.is_empty() {
            let detail = "Debian signs its archives, and its suites have fixed names".to_owned();
            return Err(ServiceError::BadValue { field: "signature", detail });
        }
        let source = |suite: &str| apt.iter().find(|source| source.suite == suite).map(|source| source.url.clone());
        let url = options.mirror_url.clone().or_else(|| source(self.codename));
        let url = named(url, "archive address", self.codename)?;
        let security = format!("{}-security", self.codename);
        let security_url = options.security_url.clone().or_else(|| source(&security));
        let security_url = named(security_url, "security archive address", &security)?;
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

/// The rpm-md repositories of a distribution.
#[derive(Debug)]
pub(super) struct RpmMdArchive {
    /// Address of the folder the repositories lie below.
    pub(super) url: &'static str,
    /// Names and paths, with `@VERSION@` for the version.
    pub(super) repositories: &'static [(&'static str, &'static str)],
    /// Whether there is a `repomd.xml.asc`.
    pub(super) is_signed: bool,
}

impl RpmMdArchive {
    pub(super) fn mirror(
        &self,
        title: &str,
        version: &str,
        options: &DistributionOptions,
    ) -> Result<Mirror, ServiceError> {
        let url = checked(options.mirror_url.as_deref().unwrap_or(self.url), "archive address")?;
        let own = options
            .repositories
            .iter()
            .map(|(name, url)| Ok(RpmMdRepository { name: name.clone(), url: checked(url, "repository address")? }));
        let mut repositories = own.collect::<Result<Vec<_>, ServiceError>>()?;
        if repositories.is_empty() {
            let below = |(name, path): &(&str, &str)| RpmMdRepository {
                name: (*name).to_owned(),
                url: format!("{url}/{}", path.replace("@VERSION@", version)),
            };
            repositories = self.repositories.iter().map(below).collect();
        }
        Ok(Mirror::RpmMd { repositories, keyring: self.keyring(title, options)? })
    }

    fn keyring(&self, title: &str, options: &DistributionOptions) -> Result<Option<String>, ServiceError> {
        let detail = match (&options.keyring, options.believes_unsigned, self.is_signed) {
            (Some(keyring), false, _) => return Ok(Some(keyring.clone())),
            (None, true, _) => return Ok(None),
            (Some(_), true, _) => "either keys or no signature".to_owned(),
            (None, false, true) => format!(
                "name the file with the keys that sign the metadata of {title}, or say that it is to be believed unsigned"
            ),
            (None, false, false) => format!(
                "the metadata of {title} is not signed; say that it is to be believed as the server sends it, or name the keys \
                 of a mirror that signs"
            ),
        };
        Err(ServiceError::BadValue { field: "keyring", detail })
    }
}

fn named(url: Option<String>, field: &'static str, suite: &str) -> Result<String, ServiceError> {
    let Some(url) = url else {
        let detail = format!("this machine's apt sources have no {suite}; say where the archive is");
        return Err(ServiceError::BadValue { field, detail });
    };
    checked(&url, field)
}

fn checked(url: &str, field: &'static str) -> Result<String, ServiceError> {
    match url::Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(url.trim_end_matches('/').to_owned()),
        Ok(parsed) => {
            Err(ServiceError::BadValue { field, detail: format!("{url}: {} is not http or https", parsed.scheme()) })
        }
        Err(error) => Err(ServiceError::BadValue { field, detail: format!("{url}: {error}") }),
    }
}
