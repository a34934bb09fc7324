//! What packages need of the machine that builds them, compared with what it has.

use model::{PackageName, ProjectId};
use pkg::Arch;
use recipe::special::{Constraints, Misfit, Worker};

use crate::inner::Inner;
use crate::{Service, ServiceError, TargetName, planning};

/// What the machine that builds has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerTraits {
    /// Its own architecture.
    pub host_arch: String,
    /// Architectures it builds for.
    pub arches: Vec<String>,
    /// The rest.
    pub machine: Worker,
}

impl std::ops::Deref for WorkerTraits {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.machine
    }
}

/// The constraints of a configuration's lines and a package's file that a worker does not meet; an error says why the file
/// can not be read.
pub(crate) fn misfits<'a>(
    worker: Option<&WorkerTraits>,
    lines: impl IntoIterator<Item = &'a str>,
    text: Option<&[u8]>,
    (arch, package): (&Arch, &PackageName),
) -> Result<Vec<Misfit>, String> {
    let (ground, _strange) = Constraints::of_lines(lines);
    let own = match text.filter(|text| !text.is_empty()) {
        Some(text) => Constraints::parse(text).map_err(|error| format!("_constraints: {error}"))?,
        None => Constraints::default(),
    };
    let wanted = ground.overlaid(&own).effective(arch.as_str(), package.as_str());
    Ok(worker.map_or_else(Vec::new, |worker| worker.misfits(&wanted)))
}

/// Why no worker takes a task; nothing, if one does.
pub(crate) async fn refusal(
    inner: &Inner,
    task: &store::PendingTask,
    lines: impl IntoIterator<Item = &str>,
) -> Result<Option<String>, ServiceError> {
    // What makes a source needs what it asks for as packages, nothing of the machine.
    let store::PendingWork::Recipe { package, .. } = &task.work else { return Ok(None) };
    let text = match task.constraints {
        Some(sha256) => Some(inner.with_blobs(move |blobs| blobs.read(&sha256)).await?),
        None => None,
    };
    let worker = inner.config.worker.as_ref();
    Ok(match misfits(worker, lines, text.as_deref(), (&task.arch, package)) {
        Ok(misfits) if misfits.is_empty() => None,
        Ok(misfits) => Some(format!("no compliant worker exists, because of {}", misfits.join(", "))),
        Err(detail) => Some(detail),
    })
}

impl Service {
    /// What the machine that builds has, if that was said.
    #[must_use]
    pub fn worker(&self) -> Option<&WorkerTraits> {
        self.inner.config.worker.as_ref()
    }

    /// The constraints of a package's file (`text`) and its project's configuration that the worker does not meet.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::RepositoryMissing`], [`ServiceError::BadValue`].
    pub async fn misfits(
        &self,
        project: ProjectId,
        package: &PackageName,
        target: &TargetName,
        text: &[u8],
    ) -> Result<Vec<Misfit>, ServiceError> {
        let repositories = self.repositories(project).await?;
        let found = repositories.into_iter().find(|repository| repository.name == target.repository);
        let Some(repository) = found else {
            let (project, repository) = (self.project(project).await?.name, target.repository.clone());
            return Err(ServiceError::RepositoryMissing { project, repository });
        };
        let config = planning::repository_config(&self.inner, repository).await?;
        let lines: Vec<String> =
            config.map(|config| config.constraint.iter().map(str::to_owned).collect()).unwrap_or_default();
        let worker = self.inner.config.worker.as_ref();
        misfits(worker, lines.iter().map(String::as_str), Some(text), (&target.arch, package))
            .map_err(|detail| ServiceError::BadValue { field: "constraints", detail })
    }
}
