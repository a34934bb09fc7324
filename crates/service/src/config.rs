use crate::WorkerTraits;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Limits, ProjectName, RepositoryName, Timestamp};
use pkg::Arch;

use crate::{DistGit, OidcConfig};

/// Where the service takes the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A (repository, arch) by name, in any project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTarget {
    /// Project.
    pub project: ProjectName,
    /// Repository of the project.
    pub repository: RepositoryName,
    /// Architecture.
    pub arch: Arch,
}

impl SourceTarget {
    /// Reads `PROJECT/REPOSITORY/ARCH`; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (project, repository, arch) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            project: ProjectName::parse(project).ok()?,
            repository: RepositoryName::parse(repository).ok()?,
            arch: Arch::parse(arch).ok()?,
        })
    }
}

/// What a service needs to know before it opens its data folder.
#[derive(Clone)]
pub struct ServiceConfig {
    /// Folder of everything the service remembers; created if it is missing.
    pub data_dir: PathBuf,
    /// Address people reach the service at, without a slash at the end; used in repository files and result addresses.
    pub public_url: String,
    /// Limits of jobs whose build asks for no others.
    pub limits: Limits,
    /// How long a worker may be silent before its job runs elsewhere.
    pub lease: Duration,
    /// Largest uploaded file, in bytes.
    pub upload_bytes: u64,
    /// Largest source of a build, all files together, in bytes.
    pub source_bytes: u64,
    /// OpenPGP keyrings, binary or armoured, that recipes' signatures are checked against; read when the service opens.
    pub source_keyrings: Vec<PathBuf>,
    /// Whether source addresses may point into this machine or its private network.
    pub allow_private_sources: bool,
    /// The root that jobs which make sources run in, unless the source names one; `None`: that of the build's first target.
    pub source_target: Option<SourceTarget>,
    /// What such jobs have in their environment beside the usual: addresses of proxies and of package indices.
    pub source_variables: BTreeMap<String, String>,
    /// Where distributions keep the sources of their packages, by the names users have for them; the first is the usual one.
    pub dist_gits: Vec<DistGit>,
    /// How often and how patiently a fetch, and a task that failed by the service's fault, is tried again.
    pub retry: RetryPolicy,
    /// How long a blob that nothing refers to is kept.
    pub blob_grace: Duration,
    /// Where people may log in besides here.
    pub oidc: Option<OidcConfig>,
    /// What the machine that builds has; builds that need more fail. Nothing is compared if nothing is said.
    pub worker: Option<WorkerTraits>,
    /// Where the time comes from.
    pub clock: Clock,
}

impl ServiceConfig {
    /// The usual settings for a data folder and a public address.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, public_url: impl Into<String>) -> Self {
        const GIB: u64 = 1 << 30;
        Self {
            data_dir: data_dir.into(),
            public_url: public_url.into().trim_end_matches('/').to_owned(),
            limits: Limits::default(),
            lease: Duration::from_secs(30),
            upload_bytes: 4 * GIB,
            source_bytes: 4 * GIB,
            source_keyrings: Vec::new(),
            allow_private_sources: false,
            source_target: None,
            source_variables: BTreeMap::new(),
            dist_gits: DistGit::usual(),
            retry: RetryPolicy::default(),
            blob_grace: Duration::from_secs(24 * 3600),
            oidc: None,
            worker: None,
            clock: Arc::new(system_time),
        }
    }
}

impl std::fmt::Debug for ServiceConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceConfig")
            .field("data_dir", &self.data_dir)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(0).plus(since)
}

/// How often and how patiently something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Wait before the second attempt; doubles from then on.
    pub first_delay: Duration,
    /// Longest wait.
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// The wait after `attempts` failed ones; `None` if there must be no other.
    #[must_use]
    pub fn delay_after(&self, attempts: u32) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let doubled = self.first_delay.saturating_mul(1_u32 << attempts.saturating_sub(1).min(20));
        Some(doubled.min(self.max_delay))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 3, first_delay: Duration::from_secs(1), max_delay: Duration::from_secs(60) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let policy =
            RetryPolicy { attempts: 5, first_delay: Duration::from_secs(2), max_delay: Duration::from_secs(7) };
        let waits: Vec<_> = (1..=5).map(|n| policy.delay_after(n).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(2), Some(4), Some(7), Some(7), None]);
    }
}
