//! Flags of the jobs that make sources: where they run, and what they find of the network there.

use std::path::PathBuf;

use clap::Args;
use service::{DistGit, ServiceConfig, SourceTarget};

use crate::failure::{Exit, Failure};

#[derive(Debug, Clone, Args)]
pub(crate) struct SourceJobFlags {
    /// Root that jobs run in which make sources, unless a source names one [default: that of the build's first target].
    #[arg(long, value_name = "PROJECT/REPOSITORY/ARCH", value_parser = source_target)]
    source_target: Option<SourceTarget>,
    /// Environment variable of such jobs, for instance the address of a proxy; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    source_variable: Vec<(String, String)>,
    /// File of the certificate authorities (PEM) that such jobs trust, instead of those of their roots.
    #[arg(long, value_name = "PATH")]
    source_ca_bundle: Option<PathBuf>,
    /// Where a distribution keeps the sources of its packages, beside `fedora` and `centos-stream` or instead of one of them:
    /// addresses of git repositories and of files; may be given several times.
    #[arg(long, value_name = "NAME=GIT,LOOKASIDE", value_parser = DistGit::parse)]
    dist_git: Vec<DistGit>,
}

impl SourceJobFlags {
    /// Tells the service.
    pub(crate) fn apply(&self, config: &mut ServiceConfig) {
        config.source_target.clone_from(&self.source_target);
        config.source_variables = self.source_variable.iter().cloned().collect();
        for wanted in &self.dist_git {
            match config.dist_gits.iter_mut().find(|known| known.name == wanted.name) {
                Some(known) => known.clone_from(wanted),
                None => config.dist_gits.push(wanted.clone()),
            }
        }
    }

    /// The file of certificate authorities, whole, if there is one: jobs run in other folders than this program.
    ///
    /// # Errors
    /// If it can not be read, or has no certificate.
    pub(crate) fn authorities(&self) -> Result<Option<PathBuf>, Failure> {
        let Some(path) = &self.source_ca_bundle else { return Ok(None) };
        let text = fs_err::read_to_string(path)?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(Failure::new(Exit::Invalid, format!("{}: has no certificate", path.display())));
        }
        Ok(Some(fs_err::canonicalize(path)?))
    }
}

fn source_target(text: &str) -> Result<SourceTarget, &'static str> {
    SourceTarget::parse(text).ok_or("it must be PROJECT/REPOSITORY/ARCH")
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    let is_name =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty();
    if is_name(name) { Ok((name.to_owned(), value.to_owned())) } else { Err("the name must be letters, digits and _") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(dist_gits: &[&str], bundle: Option<PathBuf>) -> SourceJobFlags {
        SourceJobFlags {
            source_target: None,
            source_variable: Vec::new(),
            source_ca_bundle: bundle,
            dist_git: dist_gits.iter().map(|text| DistGit::parse(text).unwrap()).collect(),
        }
    }

    #[test]
    fn places_are_added_or_take_the_place_of_known_ones() {
        let mut config = ServiceConfig::new("/nowhere", "http://localhost");
        let own = "https://git.example.org,https://files.example.org";
        flags(&[&format!("centos-stream={own}"), &format!("own={own}")], None).apply(&mut config);
        let places = config.dist_gits.iter().map(|place| format!("{} {}", place.name, place.repository(None, "a")));
        assert_eq!(
            places.collect::<Vec<_>>(),
            [
                "fedora https://src.fedoraproject.org/rpms/a",
                "centos-stream https://git.example.org/rpms/a",
                "own https://git.example.org/rpms/a"
            ]
        );
    }

    #[test]
    fn a_file_without_certificates_is_refused_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        assert!(flags(&[], Some(path.clone())).authorities().is_err());
        std::fs::write(&path, "nothing\n").unwrap();
        assert!(flags(&[], Some(path.clone())).authorities().is_err());
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n").unwrap();
        assert!(flags(&[], Some(path)).authorities().unwrap().is_some());
        assert!(flags(&[], None).authorities().unwrap().is_none());
    }
}
