use model::{Project, ProjectId, ProjectName, ProjectSettings};

use crate::background::Reconciler;
use crate::permission::{check_new_project, check_project};
use crate::projects::existing;
use crate::references::{derive_paths, relink};
use crate::{Action, Service, ServiceError, User};

/// A copy of a project somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFork {
    /// What is copied.
    pub from: ProjectId,
    /// Name of the copy.
    pub name: ProjectName,
    /// Whether a project of that name may be there already.
    pub into_existing: bool,
}

impl Service {
    /// Copies a project: its settings (into a new project only), targets, packages with their sources, build configuration
    /// (likewise) and, for each package and target, the newest results. The copied builds are finished; their files are
    /// not copied but shared.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::ProjectExists`], [`ServiceError::Denied`].
    pub async fn fork_project(&self, actor: &User, fork: NewFork) -> Result<Project, ServiceError> {
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let source = existing(&mut session, fork.from).await?;
        let known = session.project_by_name(&fork.name).await?;
        let id = match known {
            Some(_) if !fork.into_existing => return Err(ServiceError::ProjectExists { project: fork.name }),
            Some(target) => {
                check_project(&mut session, actor, Action::EditProject, &target, &target.name).await?;
                target.id
            }
            None => {
                check_new_project(&mut session, actor, &fork.name).await?;
                let settings = copied(&source.settings);
                let id = session.add_project(&fork.name, actor.id, &settings, now).await?;
                let id = id.ok_or_else(|| ServiceError::ProjectExists { project: fork.name.clone() })?;
                let config = session.config(source.id).await?;
                if config.revision > 0 {
                    let comment = format!("copied from project {}", source.name);
                    session.add_config(id, &config.text, &comment, actor.id, now).await?;
                }
                id
            }
        };
        for repository in session.repositories(source.id).await? {
            let copy = session.put_repository(id, &repository.name, now).await?;
            session.set_path(copy, &repository.path).await?;
            for arch in repository.arches.iter().filter(|arch| arch.enabled) {
                session.put_arch(copy, arch).await?;
            }
        }
        derive_paths(&mut session, id).await?;
        let copy = existing(&mut session, id).await?.name;
        relink(&mut session, &copy).await?;
        session.copy_packages(source.id, id).await?;
        session.copy_newest_results(source.id, id, &actor.name, now).await?;
        let project = existing(&mut session, id).await?;
        session.commit().await?;
        tracing::info!(project.name = %project.name, "project {} is copied to {}", source.name, project.name);
        self.inner.poke(Reconciler::Publish);
        self.inner.poke(Reconciler::Planning);
        self.inner.changed();
        Ok(project)
    }
}

/// What a copy takes over: not what only an administrator may say.
fn copied(settings: &ProjectSettings) -> ProjectSettings {
    ProjectSettings { persistent: false, keep_old_builds: false, delete_after_days: None, ..settings.clone() }
}
