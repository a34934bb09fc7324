//! What pages and other overviews show of many things at once, without reading everything.

use std::collections::BTreeMap;

use model::{Build, BuildId, ProjectId, RepositoryId, Task, TaskId, TaskState};
use repo::pgp::Keyring;
use store::{AttemptRow, MatrixFilter, MatrixRow, OutcomeCount, TaskFilter};

use crate::configurations::recipe_kinds;
use crate::projects::existing;
use crate::{Service, ServiceError};

/// A page of the packages of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// By name.
    pub rows: Vec<MatrixRow>,
    /// Whether there are packages in front of the first.
    pub has_previous: bool,
    /// Whether there are packages behind the last.
    pub has_next: bool,
}

/// A task that a worker has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningTask {
    /// Its build.
    pub build: Build,
    /// The task.
    pub task: Task,
}

impl Service {
    /// A page of the packages of a project by name, with their newest tasks.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn matrix(&self, project: ProjectId, filter: &MatrixFilter) -> Result<Matrix, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, project).await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let one_more = MatrixFilter { limit: filter.limit.saturating_add(1), ..filter.clone() };
        let mut rows = session.matrix(project, &one_more).await?;
        let more = rows.len() > limit;
        if filter.before.is_some() {
            rows.drain(..rows.len().saturating_sub(limit));
            return Ok(Matrix { rows, has_previous: more, has_next: true });
        }
        rows.truncate(limit);
        Ok(Matrix { rows, has_previous: filter.after.is_some(), has_next: more })
    }

    /// How many packages of a project have which outcome in each enabled target.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn outcome_counts(&self, project: ProjectId) -> Result<Vec<OutcomeCount>, ServiceError> {
        Ok(self.inner.store.read().await?.outcome_counts(project).await?)
    }

    /// How many packages a project has.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn package_count(&self, project: ProjectId) -> Result<u64, ServiceError> {
        Ok(self.inner.store.read().await?.package_count(project).await?)
    }

    /// The tasks that workers have, oldest first, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn running(&self, limit: u32) -> Result<Vec<RunningTask>, ServiceError> {
        let states = vec![TaskState::Starting, TaskState::Running];
        let filter = TaskFilter { states, limit: Some(limit), ..TaskFilter::default() };
        let mut session = self.inner.store.read().await?;
        let tasks = session.tasks(&filter).await?;
        let mut ids: Vec<BuildId> = tasks.iter().map(|task| task.build).collect();
        ids.sort_unstable();
        ids.dedup();
        let builds = if ids.is_empty() { Vec::new() } else { session.builds_by_id(&ids).await? };
        let builds: BTreeMap<BuildId, Build> = builds.into_iter().map(|build| (build.id, build)).collect();
        let running = |task: Task| Some(RunningTask { build: builds.get(&task.build)?.clone(), task });
        Ok(tasks.into_iter().filter_map(running).collect())
    }

    /// Unfinished tasks by state; a state without tasks is left out.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_tasks(&self) -> Result<BTreeMap<TaskState, u64>, ServiceError> {
        Ok(self.inner.store.read().await?.open_task_counts().await?.into_iter().collect())
    }

    /// A task with its build.
    ///
    /// # Errors
    /// [`ServiceError::TaskMissing`].
    pub async fn task(&self, id: TaskId) -> Result<(Build, Task), ServiceError> {
        let mut session = self.inner.store.read().await?;
        let missing = || ServiceError::TaskMissing { task: id };
        let task = session.task(id).await?.ok_or_else(missing)?;
        let build = session.build(task.build).await?.ok_or_else(missing)?;
        Ok((build, task))
    }

    /// The newest attempt of a task; `None` before a worker has claimed it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn attempt(&self, task: TaskId) -> Result<Option<AttemptRow>, ServiceError> {
        Ok(self.inner.store.read().await?.newest_attempt(task).await?)
    }

    /// The fingerprint of the key that signs what a project publishes, in upper-case hexadecimal.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn key_fingerprint(&self, id: ProjectId) -> Result<Option<String>, ServiceError> {
        let key = self.public_key(id).await?;
        Ok(Keyring::parse(key.as_bytes()).ok().and_then(|ring| ring.fingerprints().next().map(str::to_owned)))
    }

    /// The kind of recipe each repository of a project builds (`dsc`, `spec`), which is also how its results are published.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn repository_kinds(&self, id: ProjectId) -> Result<BTreeMap<RepositoryId, String>, ServiceError> {
        let kinds = recipe_kinds(&self.inner, id).await?;
        Ok(kinds.into_iter().map(|((repository, _), kind)| (repository, kind)).collect())
    }
}
