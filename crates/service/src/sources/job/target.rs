//! Whose root a job that makes a source runs in.

use model::{BuildId, FailureCause, Repository, RepositoryId, RepositoryName};
use pkg::{Arch, PackageFormat};
use store::{Session, TargetName};

use crate::inner::Inner;
use crate::sources::reconcile::NotMade;
use crate::{ServiceError, planning};

/// A root, as far as it is known before it is planned.
#[derive(Debug)]
pub(in crate::sources) struct SourceRoot {
    /// The (repository, arch) whose configuration and packages it is made of.
    pub(in crate::sources) target: (RepositoryId, Arch),
    /// What its packages are; tools are called differently by each.
    pub(in crate::sources) format: PackageFormat,
}

impl SourceRoot {
    /// The root of the target a source names, else of the one the server is set to, else of the build's first.
    ///
    /// A target that is offered to everybody is its distribution's own root, without what the project adds to it. The
    /// version `latest` is the highest that is offered; of a distribution that is not offered at all, it names nothing.
    ///
    /// # Errors
    /// [`FailureCause::Configuration`] if there is no such target.
    pub(in crate::sources) async fn find(inner: &Inner, build: BuildId, named: Option<&str>) -> Result<Self, NotMade> {
        let mut session = inner.store.read().await.map_err(ServiceError::from)?;
        let named = match named {
            Some(name) if name.contains(LATEST) => newest(&mut session, name).await?,
            named => named.map(str::to_owned),
        };
        let found = match (&named, &inner.config.source_target) {
            (Some(name), _) => by_name(&mut session, build, name).await?,
            (None, Some(set)) => {
                let repository = session.repository(&set.project, &set.repository).await.map_err(ServiceError::from)?;
                repository.map(|repository| (repository, set.arch.clone()))
            }
            (None, None) => first(&mut session, build).await?,
        };
        drop(session);
        let has_arch = |(repository, arch): &(Repository, Arch)| repository.arches.iter().any(|one| one.arch == *arch);
        let Some((repository, arch)) = found.filter(has_arch) else {
            let which = match (&named, &inner.config.source_target) {
                (Some(name), _) => format!("{name}, which the source names"),
                (None, Some(set)) => {
                    format!("{}/{}/{}, which the server is set to", set.project, set.repository, set.arch)
                }
                (None, None) => "any target".to_owned(),
            };
            let detail = format!("the source can not be made: there is no root of {which}");
            return Err(FailureCause::Configuration { detail }.into());
        };
        let target = (repository.id, arch);
        let config = planning::repository_config(inner, repository).await?;
        let format = config.and_then(|config| config.package_format()).unwrap_or(PackageFormat::Deb);
        Ok(Self { target, format })
    }
}

/// The part of a target's name that stands for the version, whichever is newest.
const LATEST: &str = "-latest-";

/// The offered target with the highest version of a distribution; `None` if there is none of it.
async fn newest(session: &mut Session, name: &str) -> Result<Option<String>, ServiceError> {
    let Some((distribution, arch)) = name.split_once(LATEST) else { return Ok(None) };
    let version = |target: &store::Target| {
        let repository = target.name.repository.as_str();
        let version = repository.strip_prefix(distribution)?.strip_prefix('-')?;
        let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        Some((numbers?, target.name.to_string()))
    };
    let targets = session.targets().await?;
    let offered = targets.iter().filter(|target| target.active && target.name.arch.as_str() == arch);
    Ok(offered.filter_map(version).max().map(|(_, name)| name))
}

/// The first target of a build.
async fn first(session: &mut Session, build: BuildId) -> Result<Option<(Repository, Arch)>, ServiceError> {
    let Some(build) = session.build(build).await? else { return Ok(None) };
    let Some(task) = build.tasks.first() else { return Ok(None) };
    let repository = session.repository(&build.project, &task.repository).await?;
    Ok(repository.map(|repository| (repository, task.arch.clone())))
}

/// An offered target, else one of the project's own, by its name `REPOSITORY-ARCH`.
async fn by_name(
    session: &mut Session,
    build: BuildId,
    name: &str,
) -> Result<Option<(Repository, Arch)>, ServiceError> {
    let targets = session.targets().await?;
    if let Some(target) = targets.into_iter().find(|target| target.name.to_string() == name && target.active) {
        let path = target.path;
        let repository = session.repository(&path.project, &path.repository).await?;
        return Ok(repository.map(|repository| (repository, target.name.arch)));
    }
    let Some(build) = session.build(build).await? else { return Ok(None) };
    let Some(TargetName { repository, arch }) = split(name) else { return Ok(None) };
    let repository = session.repository(&build.project, &repository).await?;
    Ok(repository.map(|repository| (repository, arch)))
}

fn split(name: &str) -> Option<TargetName> {
    let (repository, arch) = name.rsplit_once('-')?;
    Some(TargetName { repository: RepositoryName::parse(repository).ok()?, arch: Arch::parse(arch).ok()? })
}
