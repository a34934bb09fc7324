use model::{
    Build, BuildId, BuildReason, BuildSource, JobOutcome, Limits, Package, Project, ProjectId, Repository,
    RepositoryId, SourceState, Task, Timestamp,
};
use pkg::Arch;
use store::{BatchId, NewBuildRow, Session};

use crate::background::Reconciler;
use crate::permission::check_project;
use crate::projects::{existing, find_arch};
use crate::references::check_buildable;
use crate::{
    Action, BuildFilter, BuildOrder, NewBuild, NewSource, Service, ServiceError, TargetName, TaskFilter, UploadedFile,
    User, sources,
};

/// Longest source address, in bytes.
const MAX_URL_BYTES: usize = 4096;

/// Priority of builds nobody waits for.
pub(crate) const BACKGROUND: i64 = -1;

/// Most builds of one ordered submission.
const MOST_ORDERED: u32 = 1000;

/// Most files of one uploaded source.
const MAX_FILES: usize = 1000;

impl Service {
    /// Takes a build in: from now on it exists, with its tasks.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::NoTarget`],
    /// [`ServiceError::TargetMissing`], [`ServiceError::BadUrl`], [`ServiceError::BadValue`],
    /// [`ServiceError::UploadTooLarge`], [`ServiceError::Unsupported`] if the project asks for foreign repositories,
    /// [`ServiceError::BuildMissing`] and [`ServiceError::BatchFinished`] of a build it is
    /// tied to.
    pub async fn submit(&self, actor: &User, new: NewBuild) -> Result<BuildId, ServiceError> {
        let (source, uploads) = self.check_source(new.source).await?;
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let project = existing(&mut session, new.project).await?;
        check_project(&mut session, actor, Action::SubmitBuild, &project, &project.name).await?;
        let batch = batch(&mut session, actor, new.queue.order, now).await?;
        let repositories = session.repositories(project.id).await?;
        let targets = choose_targets(&project, &repositories, new.targets.as_deref().unwrap_or_default())?;
        check_buildable(&project, &repositories, &targets)?;
        let row = NewBuildRow {
            project: project.id,
            source,
            uploads,
            targets,
            reason: BuildReason::Submitted { by: actor.name.clone() },
            network: new.network.unwrap_or(project.settings.network),
            limits: new.limits,
            extra_repositories: project.settings.extra_repositories.clone(),
            priority: if new.queue.background { BACKGROUND } else { 0 },
            batch,
        };
        self.add(session, &project, &row, now).await
    }

    /// Builds what a package is made from, because somebody outside says that it has changed; `None` if a build that
    /// will see the change waits already. Who may say so is for the caller to check.
    ///
    /// # Errors
    /// As [`Self::submit`]; [`ServiceError::Unsupported`] if the package has no source that a job makes.
    pub async fn submit_changed(&self, project: ProjectId, package: &Package) -> Result<Option<BuildId>, ServiceError> {
        let Some(source) = package.source.clone() else {
            return Err(ServiceError::Unsupported {
                what: format!("building package {}, which has no source", package.name),
                instead: "say where its source comes from",
            });
        };
        let (source, uploads) = self.check_source(NewSource::Job(Some(package.name.clone()), source)).await?;
        let mut session = self.inner.store.write().await?;
        let project = existing(&mut session, project).await?;
        for open in session.open_builds_of_package(package.id).await? {
            let waits = |build: &Build| build.source_state == SourceState::Pending && build.source == source;
            if session.build(open).await?.as_ref().is_some_and(waits) {
                return Ok(None);
            }
        }
        let repositories = session.repositories(project.id).await?;
        let targets = choose_targets(&project, &repositories, &[])?;
        check_buildable(&project, &repositories, &targets)?;
        let limits = package.settings.timeout_seconds;
        let row = NewBuildRow {
            project: project.id,
            source,
            uploads,
            targets,
            reason: BuildReason::Changed { what: vec![package.name.to_string()] },
            network: project.settings.network,
            limits: limits.map(|seconds| Limits { run_seconds: seconds.into(), ..self.inner.config.limits }),
            extra_repositories: project.settings.extra_repositories.clone(),
            priority: 0,
            batch: None,
        };
        self.add(session, &project, &row, self.inner.now()).await.map(Some)
    }

    async fn add(
        &self,
        mut session: Session,
        project: &Project,
        row: &NewBuildRow,
        now: Timestamp,
    ) -> Result<BuildId, ServiceError> {
        let id = session.add_build(row, now).await?;
        if let BuildSource::Job { package: Some(package), .. } = &row.source
            && let Some(package) = session.package(project.id, package).await?
        {
            // Before its source is there it is a build of the package already.
            session.set_build_package(id, package.id).await?;
        }
        session.commit().await?;
        tracing::info!(build.id = %id, project.name = %project.name, "build {id} of {} is submitted", project.name);
        self.inner.poke(Reconciler::Sources);
        self.inner.changed();
        Ok(id)
    }

    /// Whether builds for these targets could be submitted, as far as the project's settings say.
    ///
    /// # Errors
    /// [`ServiceError::NoTarget`], [`ServiceError::TargetMissing`], [`ServiceError::Unsupported`].
    pub async fn check_build(&self, project: &Project, targets: Option<&[TargetName]>) -> Result<(), ServiceError> {
        let repositories = self.inner.store.read().await?.repositories(project.id).await?;
        let targets = choose_targets(project, &repositories, targets.unwrap_or_default())?;
        check_buildable(project, &repositories, &targets)
    }

    async fn check_source(&self, source: NewSource) -> Result<(BuildSource, Vec<UploadedFile>), ServiceError> {
        match source {
            NewSource::Url(url) => {
                check_url(&url)?;
                Ok((BuildSource::Url { url }, Vec::new()))
            }
            NewSource::Job(package, source) => {
                sources::job::method::check(&source, &self.inner.config.dist_gits)?;
                Ok((BuildSource::Job { package, source }, Vec::new()))
            }
            NewSource::Files(files) => {
                check_files(&files, self.inner.config.source_bytes)?;
                let digests: Vec<_> = files.iter().map(|file| file.sha256).collect();
                let missing = self
                    .inner
                    .with_blobs(move |blobs| {
                        digests
                            .into_iter()
                            .find_map(|digest| match blobs.touch(&digest) {
                                Ok(true) => None,
                                Ok(false) => Some(Ok(digest)),
                                Err(error) => Some(Err(error)),
                            })
                            .transpose()
                    })
                    .await?;
                if let Some(digest) = missing {
                    return Err(bad_files(format!("{digest} was never uploaded, or too long ago")));
                }
                let recipe = files.first().map(|file| file.name.clone()).ok_or_else(|| bad_files("none".to_owned()))?;
                Ok((BuildSource::Upload { file: recipe }, files))
            }
        }
    }

    /// Deletes finished builds: all of them or none.
    ///
    /// # Errors
    /// As [`Self::delete`], of the first that can not be deleted.
    pub async fn delete_all(&self, actor: &User, ids: &[BuildId]) -> Result<(), ServiceError> {
        let mut session = self.inner.store.write().await?;
        for id in ids {
            let build = existing_build(&mut session, *id).await?;
            let project = existing(&mut session, build.project_id).await?;
            check_project(&mut session, actor, Action::DeleteBuild, &project, id).await?;
            if project.settings.persistent {
                return Err(ServiceError::Persistent { project: project.name });
            }
            if !build.is_finished() {
                return Err(ServiceError::NotFinished { build: *id });
            }
            session.delete_build(*id).await?;
        }
        session.commit().await?;
        self.inner.poke(Reconciler::Publish);
        self.inner.poke(Reconciler::Planning);
        self.inner.changed();
        Ok(())
    }

    /// Whether a user may delete a build.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn may_delete(&self, actor: &User, build: &Build) -> Result<bool, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, build.project_id).await?;
        match check_project(&mut session, actor, Action::DeleteBuild, &project, build.id).await {
            Ok(()) => Ok(!project.settings.persistent),
            Err(ServiceError::Denied { .. } | ServiceError::Locked { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A build with its tasks.
    ///
    /// # Errors
    /// [`ServiceError::BuildMissing`], also for deleted ones.
    pub async fn build(&self, id: BuildId) -> Result<Build, ServiceError> {
        existing_build(&mut self.inner.store.read().await?, id).await
    }

    /// What was found of the submission a build belongs to while it was ordered, by text.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn order_findings(&self, id: BuildId) -> Result<Vec<String>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        match session.known_batch_of(id).await? {
            Some(batch) => Ok(session.batch_findings(batch).await?),
            None => Ok(Vec::new()),
        }
    }

    /// The bounds of a build.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn limits_of(&self, id: BuildId) -> Result<Limits, ServiceError> {
        let own = self.inner.store.read().await?.build_limits(id).await?;
        Ok(own.unwrap_or(self.inner.config.limits))
    }

    /// Builds with their tasks, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn builds(&self, filter: &BuildFilter) -> Result<Vec<Build>, ServiceError> {
        Ok(self.inner.store.read().await?.builds(filter).await?)
    }

    /// The builds of numbers, newest first; those that are gone are left out. At most a few hundred at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn builds_by_id(&self, ids: &[BuildId]) -> Result<Vec<Build>, ServiceError> {
        Ok(self.inner.store.read().await?.builds_by_id(ids).await?)
    }

    /// Tasks, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>, ServiceError> {
        Ok(self.inner.store.read().await?.tasks(filter).await?)
    }

    /// Cancels a build: every unfinished task is canceled at once, and workers are told to stop.
    ///
    /// # Errors
    /// [`ServiceError::BuildMissing`], [`ServiceError::Denied`], [`ServiceError::NotCancelable`] if it is finished.
    pub async fn cancel(&self, actor: &User, id: BuildId) -> Result<(), ServiceError> {
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let build = existing_build(&mut session, id).await?;
        let project = existing(&mut session, build.project_id).await?;
        check_project(&mut session, actor, Action::CancelBuild, &project, id).await?;
        if build.is_finished() {
            return Err(ServiceError::NotCancelable { build: id });
        }
        let jobs = session.active_jobs_of(id).await?;
        for job in &jobs {
            session.end_job(job.id, &JobOutcome::Canceled, None, now).await?;
            session.delete_results(job.id).await?;
        }
        session.cancel_build(id, now).await?;
        session.commit().await?;
        tracing::info!(build.id = %id, "build {id} is canceled");
        jobs.iter().for_each(|job| self.inner.stop_job(job.id));
        self.inner.poke(Reconciler::Sources);
        self.inner.poke(Reconciler::Planning);
        self.inner.changed();
        Ok(())
    }

    /// Deletes a finished build with its results; what it published is taken back.
    ///
    /// # Errors
    /// [`ServiceError::BuildMissing`], [`ServiceError::Denied`], [`ServiceError::NotFinished`].
    pub async fn delete(&self, actor: &User, id: BuildId) -> Result<(), ServiceError> {
        let mut session = self.inner.store.write().await?;
        let build = existing_build(&mut session, id).await?;
        let project = existing(&mut session, build.project_id).await?;
        check_project(&mut session, actor, Action::DeleteBuild, &project, id).await?;
        if project.settings.persistent {
            return Err(ServiceError::Persistent { project: project.name });
        }
        if !build.is_finished() {
            return Err(ServiceError::NotFinished { build: id });
        }
        session.delete_build(id).await?;
        session.commit().await?;
        tracing::info!(build.id = %id, "build {id} is deleted");
        self.inner.poke(Reconciler::Publish);
        self.inner.poke(Reconciler::Planning);
        self.inner.changed();
        Ok(())
    }
}

/// The batch a new build belongs to.
///
/// Whoever ties a build to others must be allowed to build in one of their projects: else strangers could hold work up
/// behind, or put work before, what is not theirs.
async fn batch(
    session: &mut Session,
    actor: &User,
    order: BuildOrder,
    now: Timestamp,
) -> Result<Option<BatchId>, ServiceError> {
    let named = match order {
        BuildOrder::Free => return Ok(None),
        BuildOrder::With(build) | BuildOrder::After(build) => build,
        BuildOrder::Ordered { size, .. } if !(1..=MOST_ORDERED).contains(&size) => {
            let detail = format!("{size} builds, not between 1 and {MOST_ORDERED}");
            return Err(ServiceError::BadValue { field: "size of an ordered submission", detail });
        }
        BuildOrder::Ordered { with: None, size } => return Ok(Some(session.add_ordered_batch(size, now).await?)),
        BuildOrder::Ordered { with: Some(build), .. } => {
            let known = session.known_batch_of(build).await?;
            let ordered = match known {
                Some(batch) => session.ordered_batch(batch).await?,
                None => None,
            };
            if ordered.is_none() {
                let detail = format!("build {build} does not belong to one");
                return Err(ServiceError::BadValue { field: "ordered submission", detail });
            }
            build
        }
    };
    let missing = || ServiceError::BuildMissing { build: named };
    let batch = session.batch_of(named).await?.ok_or_else(missing)?;
    let open = session.open_builds_of_batch(batch).await?;
    if open.is_empty() {
        return Err(ServiceError::BatchFinished { build: named });
    }
    let mut refusal = None;
    for id in open {
        let build = existing_build(session, id).await?;
        let project = existing(session, build.project_id).await?;
        match check_project(session, actor, Action::SubmitBuild, &project, &project.name).await {
            Ok(()) => {
                let after = matches!(order, BuildOrder::After(_));
                return Ok(Some(if after { session.add_batch(Some(batch)).await? } else { batch }));
            }
            Err(error) => refusal = Some(error),
        }
    }
    Err(refusal.unwrap_or_else(missing))
}

/// A build that is there.
async fn existing_build(session: &mut Session, id: BuildId) -> Result<Build, ServiceError> {
    session.build(id).await?.ok_or(ServiceError::BuildMissing { build: id })
}

/// What a build is for: the wanted targets, or every enabled one.
fn choose_targets(
    project: &Project,
    repositories: &[Repository],
    wanted: &[TargetName],
) -> Result<Vec<(RepositoryId, Arch)>, ServiceError> {
    let mut chosen = Vec::new();
    for target in wanted {
        let found = find_arch(repositories, target).filter(|(_, arch)| arch.enabled);
        let (repository, arch) = found
            .ok_or_else(|| ServiceError::TargetMissing { project: project.name.clone(), target: target.clone() })?;
        let pair = (repository.id, arch.arch.clone());
        if !chosen.contains(&pair) {
            chosen.push(pair);
        }
    }
    if wanted.is_empty() {
        for repository in repositories {
            let enabled = repository.arches.iter().filter(|arch| arch.enabled);
            chosen.extend(enabled.map(|arch| (repository.id, arch.arch.clone())));
        }
    }
    if chosen.is_empty() { Err(ServiceError::NoTarget { project: project.name.clone() }) } else { Ok(chosen) }
}

fn bad_files(detail: String) -> ServiceError {
    ServiceError::BadValue { field: "source files", detail }
}

fn check_files(files: &[UploadedFile], limit_bytes: u64) -> Result<(), ServiceError> {
    let Some(recipe) = files.first() else { return Err(bad_files("there is none".to_owned())) };
    if files.len() > MAX_FILES {
        return Err(bad_files(format!("there are more than {MAX_FILES}")));
    }
    let mut names: Vec<_> = files.iter().map(|file| &file.name).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
        return Err(bad_files(format!("{twice} is there twice")));
    }
    let bytes = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    if bytes > limit_bytes {
        return Err(ServiceError::UploadTooLarge { name: recipe.name.to_string(), limit_bytes });
    }
    Ok(())
}

fn check_url(text: &str) -> Result<(), ServiceError> {
    let bad = |detail: &str| ServiceError::BadUrl { url: text.chars().take(200).collect(), detail: detail.to_owned() };
    if text.len() > MAX_URL_BYTES {
        return Err(bad("it is too long"));
    }
    // The parser would drop some of these without a word.
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(bad("it contains white space"));
    }
    let url = url::Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it must begin with http:// or https://"));
    }
    if url.path_segments().and_then(|mut parts| parts.next_back()).is_none_or(str::is_empty) {
        return Err(bad("it must end in the name of a file"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_addresses_name_a_file_over_http() {
        for good in ["http://example.org/hello_2.10-3.dsc", "https://example.org:8080/a/b.src.rpm?x=1"] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "hello.dsc",
            "ftp://example.org/a.dsc",
            "file:///etc/passwd",
            "http://",
            "http://example.org",
            "http://example.org/dir/",
            "http://example.org/a b.dsc",
            "http://example.org/a\n.dsc",
        ] {
            let error = check_url(bad).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{bad}");
        }
        assert!(check_url(&format!("http://example.org/{}", "a".repeat(5000))).is_err());
    }
}
