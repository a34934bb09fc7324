use std::path::Path;

use model::{ArchOptions, PathElement, Project, ProjectId, ProjectSettings, RepositoryArch, RepositoryName, Timestamp};
use pkg::Arch;

use super::preset::Preset;
use super::{apt_sources, preset::find};
use crate::background::Reconciler;
use crate::{Action, ProjectKey, Service, ServiceError, Target, TargetName, User};

const APT_FOLDER: &str = "/etc/apt";

/// How a preset is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistributionOptions {
    /// Address of the archive; `None` takes the one this machine's package manager uses.
    pub mirror_url: Option<String>,
    /// Address of the security archive; `None` takes the one this machine's package manager uses.
    pub security_url: Option<String>,
    /// Architectures; empty takes this machine's.
    pub arches: Vec<Arch>,
    /// File with the OpenPGP keys of the archive; `None` takes the distribution's on this machine, if it has one.
    pub keyring: Option<String>,
    /// Whether rpm-md metadata is believed without a signature. Never by itself: somebody has to say so.
    pub believes_unsigned: bool,
    /// Names and addresses of rpm-md repositories instead of the preset's; `$basearch` stands for the architecture.
    pub repositories: Vec<(String, String)>,
}

/// How a mirrored distribution stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorStatus {
    /// Packages it offers, over all its suites and architectures.
    pub packages: u64,
    /// Index files that were fetched because they had changed.
    pub fetched: u64,
    /// When the indices were last known to be current.
    pub checked_at: Timestamp,
}

impl Service {
    /// Adds a distribution, or brings one that is there to these options. Only for administrators.
    ///
    /// The build configuration follows the preset until somebody changes it. Indices are fetched in the background.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::PresetUnknown`], [`ServiceError::BadValue`] if an address or the keyring
    /// is missing.
    pub async fn add_distribution(
        &self,
        actor: &User,
        preset: &str,
        options: DistributionOptions,
    ) -> Result<Project, ServiceError> {
        if !actor.admin {
            let (user, object) = (actor.name.clone(), preset.to_owned());
            return Err(ServiceError::Denied { user, action: Action::Administer, object });
        }
        let preset = find(preset)?;
        let mirror = preset.mirror(&options, &apt_sources::read_machine(Path::new(APT_FOLDER)))?;
        let arches =
            if options.arches.is_empty() { vec![Arch::parse(std::env::consts::ARCH)?] } else { options.arches };
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let (name, repository) = preset.place()?;
        let path = base_of(&mut session, preset).await?;
        let settings = ProjectSettings { description: preset.title.to_owned(), ..ProjectSettings::default() };
        session.add_project(&name, actor.id, &settings, now).await?;
        let missing = || ServiceError::ProjectMissing { project: ProjectKey::Name(name.clone()) };
        let project = session.project_by_name(&name).await?.ok_or_else(missing)?;
        let repository_id = session.put_repository(project.id, &repository, now).await?;
        session.set_mirror(repository_id, Some(&mirror)).await?;
        session.set_path(repository_id, path.as_slice()).await?;
        for arch in arches {
            let target = TargetName { repository: RepositoryName::parse(preset.name)?, arch: arch.clone() };
            session
                .put_arch(
                    repository_id,
                    &RepositoryArch {
                        arch,
                        enabled: true,
                        extra_packages: Vec::new(),
                        options: ArchOptions::default(),
                    },
                )
                .await?;
            let path = PathElement { project: name.clone(), repository: repository.clone() };
            session.put_target(&Target { name: target, path, active: true }).await?;
        }
        set_config(&mut session, &project, preset, actor, now).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Mirror);
        Ok(project)
    }

    /// Fetches the changed indices of a mirrored distribution now.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Unavailable`].
    pub async fn refresh_mirrors(&self, project: ProjectId) -> Result<MirrorStatus, ServiceError> {
        crate::mirror::refresh_project(&self.inner, project).await
    }
}

/// Writes the preset's configuration, unless the one that is there was written by a person.
async fn set_config(
    session: &mut store::Session,
    project: &Project,
    preset: &Preset,
    actor: &User,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let comment = format!("preset {}", preset.name);
    let current = session.config(project.id).await?;
    let ours = current.revision == 0 || current.comment == comment;
    let config = preset.config();
    if ours && current.text != config.as_bytes() {
        session.add_config(project.id, config.as_bytes(), &comment, actor.id, now).await?;
    }
    Ok(())
}

/// What the repository of a preset builds on, which has to be there.
async fn base_of(session: &mut store::Session, preset: &Preset) -> Result<Option<PathElement>, ServiceError> {
    let Some(base) = preset.base()? else { return Ok(None) };
    let (project, repository) = base.place()?;
    if session.repository(&project, &repository).await?.is_none() {
        let detail = format!("{} builds on {project}; add {} first", preset.title, base.name);
        return Err(ServiceError::BadValue { field: "distribution", detail });
    }
    Ok(Some(PathElement { project, repository }))
}
