use model::{
    Build, BuildId, BuildReason, BuildSource, Limits, ProjectId, RepositoryId, SourceState, Task, TaskId, TaskState,
    Timestamp, UserId,
};
use pkg::Arch;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::fields::{Fields, json_text, page, size};
use crate::{BatchId, BuildFilter, Session, StoreError, TaskFilter, UploadedFile};

const BUILD: &str = "SELECT b.id, b.project_id, p.name AS project, k.name AS package, b.version, b.source, \
     s.digest AS tree, b.source_signature, b.source_state, b.source_failure, b.canceled, b.reason, b.network, \
     b.extra_repositories, b.priority < 0 AS background, b.held, b.submitted_at FROM builds b JOIN projects p ON p.id = b.project_id \
     LEFT JOIN packages k ON k.id = b.package_id LEFT JOIN source_trees s ON s.id = b.source_tree_id WHERE ";

pub(crate) const TASK: &str = "SELECT t.id, t.build_id, r.name AS repository, t.arch, t.state, t.verdict, t.failure, t.started_at, \
     t.ended_at, t.attempts, t.built_packages FROM tasks t JOIN repositories r ON r.id = t.repository_id WHERE ";

/// Builds whose tasks are read with one statement.
const BUILDS_A_STATEMENT: usize = 500;

/// A build that is to be added.
#[derive(Debug, Clone)]
pub struct NewBuildRow {
    /// Project.
    pub project: ProjectId,
    /// Where its source comes from.
    pub source: BuildSource,
    /// The uploaded files, the recipe first; none for an address.
    pub uploads: Vec<UploadedFile>,
    /// What to build for, in the order to show.
    pub targets: Vec<(RepositoryId, Arch)>,
    /// Why it exists.
    pub reason: BuildReason,
    /// Whether its recipes may reach the network.
    pub network: bool,
    /// Its own limits.
    pub limits: Option<Limits>,
    /// The project's further repositories now.
    pub extra_repositories: Vec<String>,
    /// More is sooner; less than zero for builds nobody waits for.
    pub priority: i64,
    /// The batch it belongs to.
    pub batch: Option<BatchId>,
}

fn build(row: &SqliteRow) -> Result<Build, StoreError> {
    let fields = Fields::new("builds", row);
    Ok(Build {
        id: BuildId::new(fields.int("id")?),
        project_id: ProjectId::new(fields.int("project_id")?),
        project: fields.name("project")?,
        package: fields.maybe_name("package")?,
        version: fields.maybe_text("version")?,
        source: fields.json("source")?,
        source_tree: fields.maybe_name("tree")?,
        source_signature: fields.maybe_json("source_signature")?,
        source_state: fields.word("source_state", SourceState::parse)?,
        source_failure: fields.maybe_json("source_failure")?,
        canceled: fields.flag("canceled")?,
        reason: fields.json("reason")?,
        network: fields.flag("network")?,
        extra_repositories: fields.json("extra_repositories")?,
        background: fields.flag("background")?,
        held: fields.flag("held")?,
        submitted_at: fields.time("submitted_at")?,
        tasks: Vec::new(),
    })
}

pub(crate) fn task(row: &SqliteRow) -> Result<Task, StoreError> {
    let fields = Fields::new("tasks", row);
    Ok(Task {
        id: TaskId::new(fields.int("id")?),
        build: BuildId::new(fields.int("build_id")?),
        repository: fields.name("repository")?,
        arch: fields.name("arch")?,
        state: fields.word("state", TaskState::parse)?,
        verdict: fields.maybe_json("verdict")?,
        failure: fields.maybe_json("failure")?,
        started_at: fields.maybe_time("started_at")?,
        ended_at: fields.maybe_time("ended_at")?,
        attempts: fields.count("attempts")?,
        built_packages: fields.json("built_packages")?,
    })
}

impl Session {
    /// Adds a build with its waiting tasks; gives its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_build(&mut self, new: &NewBuildRow, now: Timestamp) -> Result<BuildId, StoreError> {
        let (id, owner): (i64, i64) = sqlx::query_as(
            "INSERT INTO builds (project_id, owner_id, source, source_state, reason, network, limits, \
             extra_repositories, priority, submitted_at, batch_id, held) \
             SELECT $1, owner_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, EXISTS (SELECT 1 FROM batches a \
             JOIN builds w ON w.batch_id = a.after_id WHERE a.id = $10 AND w.finished = 0) \
             FROM projects WHERE id = $1 RETURNING id, owner_id",
        )
        .bind(new.project.get())
        .bind(json_text(&new.source))
        .bind(SourceState::Pending.as_str())
        .bind(json_text(&new.reason))
        .bind(i64::from(new.network))
        .bind(new.limits.as_ref().map(json_text))
        .bind(json_text(&new.extra_repositories))
        .bind(new.priority)
        .bind(now.as_millis())
        .bind(new.batch.map(BatchId::get))
        .fetch_one(self.run())
        .await?;
        for (position, file) in (0_i64..).zip(&new.uploads) {
            sqlx::query(
                "INSERT INTO build_uploads (build_id, position, name, bytes, sha256) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(id)
            .bind(position)
            .bind(file.name.as_str())
            .bind(size(file.bytes))
            .bind(file.sha256.to_string())
            .execute(self.run())
            .await?;
        }
        let id = BuildId::new(id);
        self.add_tasks(id, new, UserId::new(owner)).await?;
        Ok(id)
    }

    async fn add_tasks(&mut self, build: BuildId, new: &NewBuildRow, owner: UserId) -> Result<(), StoreError> {
        for (repository, arch) in &new.targets {
            sqlx::query(
                "INSERT INTO tasks (build_id, project_id, owner_id, repository_id, arch, state, priority) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(build.get())
            .bind(new.project.get())
            .bind(owner.get())
            .bind(repository.get())
            .bind(arch.as_str())
            .bind(TaskState::Waiting.as_str())
            .bind(new.priority)
            .execute(self.run())
            .await?;
        }
        Ok(())
    }

    /// A build with its tasks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn build(&mut self, id: BuildId) -> Result<Option<Build>, StoreError> {
        let mut query = QueryBuilder::new(BUILD);
        query.push("b.id = ").push_bind(id.get());
        Ok(self.load_builds(query).await?.pop())
    }

    /// Builds with their tasks, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn builds(&mut self, filter: &BuildFilter) -> Result<Vec<Build>, StoreError> {
        self.load_builds(builds_query(filter)).await
    }

    async fn load_builds(&mut self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<Build>, StoreError> {
        let rows = query.build().fetch_all(self.run()).await?;
        let mut builds = rows.iter().map(build).collect::<Result<Vec<_>, _>>()?;
        for some in builds.chunks_mut(BUILDS_A_STATEMENT) {
            self.load_tasks_of(some).await?;
        }
        Ok(builds)
    }

    /// Fills in the tasks of builds that are in descending order of their numbers.
    async fn load_tasks_of(&mut self, builds: &mut [Build]) -> Result<(), StoreError> {
        let mut query = QueryBuilder::new(TASK);
        query.push("t.build_id IN (");
        let mut list = query.separated(", ");
        for build in &*builds {
            list.push_bind(build.id.get());
        }
        query.push(") AND t.role = 'recipe' ORDER BY t.id");
        for row in query.build().fetch_all(self.run()).await? {
            let task = task(&row)?;
            if let Ok(place) = builds.binary_search_by(|build| task.build.cmp(&build.id)) {
                builds[place].tasks.push(task);
            }
        }
        Ok(())
    }

    /// The builds of numbers, newest first; those that are gone are left out. At most a few hundred at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn builds_by_id(&mut self, ids: &[BuildId]) -> Result<Vec<Build>, StoreError> {
        let mut query = QueryBuilder::new(BUILD);
        query.push("b.id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.get());
        }
        query.push(") ORDER BY b.id DESC");
        self.load_builds(query).await
    }

    /// Tasks, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tasks(&mut self, filter: &TaskFilter) -> Result<Vec<Task>, StoreError> {
        tasks_query(filter).build().fetch_all(self.run()).await?.iter().map(task).collect()
    }

    /// A task by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task(&mut self, id: TaskId) -> Result<Option<Task>, StoreError> {
        let mut query = QueryBuilder::new(TASK);
        query.push("t.id = ").push_bind(id.get());
        query.build().fetch_optional(self.run()).await?.as_ref().map(task).transpose()
    }

    /// The limits a build asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn build_limits(&mut self, id: BuildId) -> Result<Option<Limits>, StoreError> {
        let row = sqlx::query("SELECT id, limits FROM builds WHERE id = $1")
            .bind(id.get())
            .fetch_optional(self.run())
            .await?;
        row.map_or(Ok(None), |row| Fields::new("builds", &row).maybe_json("limits"))
    }

    /// Takes a build away with its uploads, tasks, jobs and results. Its number stays taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_build(&mut self, id: BuildId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM builds WHERE id = $1").bind(id.get()).execute(self.run()).await?;
        Ok(())
    }
}

pub(crate) fn builds_query(filter: &BuildFilter) -> QueryBuilder<Sqlite> {
    // The page is cut out of an index, and only what is shown is read: how far behind it begins costs little.
    let mut query = QueryBuilder::new(BUILD);
    query.push("b.id IN (SELECT b.id FROM builds b WHERE TRUE");
    if let Some(project) = filter.project {
        query.push(" AND b.project_id = ").push_bind(project.get());
    }
    if let Some(owner) = &filter.owner {
        query.push(" AND b.owner_id = (SELECT id FROM users WHERE name = ").push_bind(owner.as_str()).push(")");
    }
    if let Some(package) = filter.package {
        query.push(" AND b.package_id = ").push_bind(package);
    }
    if let Some(finished) = filter.finished {
        query.push(" AND b.finished = ").push_bind(i64::from(finished));
    }
    let (limit, offset) = page(filter.limit, filter.offset);
    query.push(" ORDER BY b.id DESC LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    query.push(") ORDER BY b.id DESC");
    query
}

pub(crate) fn tasks_query(filter: &TaskFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(TASK);
    query.push("t.id IN (SELECT t.id FROM tasks t WHERE t.role = 'recipe'");
    if let Some(build) = filter.build {
        query.push(" AND t.build_id = ").push_bind(build.get());
    }
    if let Some(project) = filter.project {
        query.push(" AND t.project_id = ").push_bind(project.get());
    }
    if let Some(owner) = &filter.owner {
        query.push(" AND t.owner_id = (SELECT id FROM users WHERE name = ").push_bind(owner.as_str()).push(")");
    }
    if !filter.states.is_empty() {
        query.push(" AND t.state IN (");
        let mut list = query.separated(", ");
        for state in &filter.states {
            list.push_bind(state.as_str());
        }
        query.push(")");
    }
    let (limit, offset) = page(filter.limit, filter.offset);
    query.push(" ORDER BY t.id LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    query.push(") ORDER BY t.id");
    query
}
