//! What was deleted comes back with its sources, as long as those are kept.

use std::time::Duration;

use model::{BuildReason, PackageName, ProjectId, ProjectName, Timestamp};
use store::Described;

use crate::background::Reconciler;
use crate::descriptions::note;
use crate::permission::check_right;
use crate::projects::existing;
use crate::rebuild::build_package;
use crate::{Action, CommitHow, ProjectKey, Revision, Service, ServiceError, User};

/// How long the sources of what was deleted are kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Names of one list.
const MOST_NAMES: u32 = 10_000;

/// Until when the sources of what is deleted now are kept.
pub(crate) fn kept_until(now: Timestamp) -> Timestamp {
    now.plus(KEPT)
}

impl Service {
    /// Brings a deleted package back with its revisions and a new one of the newest files, which is built.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::Locked`], [`ServiceError::PackageExists`];
    /// [`ServiceError::PackageMissing`] if no sources of one of that name are kept.
    pub async fn undelete_package(
        &self,
        actor: &User,
        project: ProjectId,
        name: &PackageName,
        comment: &str,
    ) -> Result<Revision, ServiceError> {
        let mut session = self.edit(actor, Action::EditProject, project).await?;
        let found = existing(&mut session, project).await?;
        let missing = || ServiceError::PackageMissing { project: found.name.clone(), package: name.clone() };
        if session.package(project, name).await?.is_some() {
            return Err(ServiceError::PackageExists { project: found.name, package: name.clone() });
        }
        let restored = session.restore_package(project, name).await?.ok_or_else(missing)?;
        let about = session.about_package(restored).await?;
        note(&mut session, Described::Package(restored), (&about, comment), (actor, self.inner.now())).await?;
        let newest = session.newest_revision(restored).await?.ok_or_else(missing)?;
        let files = session.revision_files(restored, newest.number).await?;
        session.commit().await?;
        let how = CommitHow { comment: comment.to_owned(), ..CommitHow::default() };
        // Links, services and builds begin with a commit; one of the same files starts them again.
        self.commit_known(actor, (project, name), files, &how).await
    }

    /// Brings the project of a name back that was deleted last, with its packages, which are built again. Who may delete it
    /// may do that.
    ///
    /// # Errors
    /// [`ServiceError::ProjectExists`], [`ServiceError::Denied`]; [`ServiceError::ProjectMissing`] if no sources of one of
    /// that name are kept.
    pub async fn undelete_project(&self, actor: &User, name: &ProjectName) -> Result<ProjectId, ServiceError> {
        let mut session = self.inner.store.write().await?;
        if session.project_by_name(name).await?.is_some() {
            return Err(ServiceError::ProjectExists { project: name.clone() });
        }
        let missing = || ServiceError::ProjectMissing { project: ProjectKey::Name(name.clone()) };
        let project = session.deleted_project(name).await?.ok_or_else(missing)?;
        check_right(&mut session, actor, Action::DeleteProject, &project, name).await?;
        if !session.restore_project(project.id).await? {
            return Err(missing());
        }
        session.touch_links_into(name).await?;
        let packages = session.packages(project.id, None, 0).await?;
        session.commit().await?;
        tracing::info!(project.name = %name, "project {name} is back");
        let reason = BuildReason::Submitted { by: actor.name.clone() };
        for package in packages.iter().filter(|package| package.main.is_none()) {
            build_package(&self.inner, &reason, &project, package, None).await?;
        }
        for reconciler in [Reconciler::Links, Reconciler::Mirror, Reconciler::Planning, Reconciler::Publish] {
            self.inner.poke(reconciler);
        }
        self.inner.changed();
        Ok(project.id)
    }

    /// The deleted packages of a project that can come back, by name.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn deleted_packages(&self, project: ProjectId) -> Result<Vec<PackageName>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, project).await?;
        Ok(session.deleted_packages(project, MOST_NAMES).await?)
    }

    /// The names of deleted projects that can come back.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn deleted_projects(&self) -> Result<Vec<ProjectName>, ServiceError> {
        Ok(self.inner.store.read().await?.deleted_projects(MOST_NAMES).await?)
    }
}
