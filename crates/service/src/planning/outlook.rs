//! Whether a package will be built again in a target without anybody asking, and why or why not.

use model::{BuildId, BuildReason, FlagKind, PackageName, ProjectId, RebuildMode, TriggerPolicy};
use sched::Fate;
use serde::{Deserialize, Serialize};
use store::{Session, TargetName};

use super::group;
use crate::projects::{existing, find_arch};
use crate::trees::main_of;
use crate::{Service, ServiceError};

/// What is known of the builds of a package in a target, past and to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// Why the newest build there exists; absent if there is none.
    pub newest: Option<NewestBuild>,
    /// What is to be done with it if its source does not change; absent if it was never built there, or if that can not be
    /// told.
    pub rebuild: Option<Fate>,
    /// Whether the project builds by itself what is to be built again.
    pub rebuilds_itself: bool,
    /// Which changes count.
    #[serde(default)]
    pub counts: RebuildMode,
    /// Why nothing is built, whatever changes.
    #[serde(default)]
    pub held: Option<Held>,
}

/// The newest build of a package in a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestBuild {
    /// Number.
    pub build: BuildId,
    /// Why it exists.
    pub reason: BuildReason,
}

/// Why nothing of a package is built in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// The project is locked.
    ProjectLocked,
    /// The package is locked.
    PackageLocked,
    /// The project does not build for the target now.
    TargetOff,
    /// Builds of the package are switched off there.
    PackageOff,
}

impl Service {
    /// Whether a package will be built again in a target. This looks at every package of the project that was built there,
    /// and may read what the repositories of its path offer.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::TargetMissing`], [`ServiceError::PackageMissing`].
    pub async fn outlook(
        &self,
        project: ProjectId,
        package: &PackageName,
        target: &TargetName,
    ) -> Result<Outlook, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let repositories = session.repositories(project.id).await?;
        let missing = || ServiceError::TargetMissing { project: project.name.clone(), target: target.clone() };
        let (repository, arch) = find_arch(&repositories, target).ok_or_else(missing)?;
        let missing = || ServiceError::PackageMissing { project: project.name.clone(), package: package.clone() };
        let row = session.package(project.id, package).await?.ok_or_else(missing)?;
        let newest = newest_build(&mut session, row.id, &(repository.id, arch.arch.clone())).await?;
        let main = main_of(&mut session, row).await?;
        let about = session.about_package(main.id).await?;
        let held = if session.about_project(project.id).await?.is_locked() {
            Some(Held::ProjectLocked)
        } else if about.is_locked() {
            Some(Held::PackageLocked)
        } else if !arch.enabled {
            Some(Held::TargetOff)
        } else if !about.is_on(FlagKind::Build, Some((&target.repository, &target.arch)), true) {
            Some(Held::PackageOff)
        } else {
            None
        };
        drop(session);
        Ok(Outlook {
            newest,
            rebuild: self.fate(&project, (package, target)).await?,
            rebuilds_itself: project.settings.trigger == TriggerPolicy::OnChange,
            counts: repository.rebuild,
            held,
        })
    }
}

async fn newest_build(
    session: &mut Session,
    package: i64,
    (repository, arch): &group::GroupKey,
) -> Result<Option<NewestBuild>, ServiceError> {
    let newest = session.tasks_of_package(package, (*repository, arch), 1).await?.pop();
    let Some(newest) = newest else { return Ok(None) };
    let build = session.build(newest.task.build).await?;
    Ok(build.map(|build| NewestBuild { build: build.id, reason: build.reason }))
}
