//! The packages of a project against its targets, a page at a time. Costs follow the page, not the project.

use model::{Outcome, PackageName, ProjectId, RepositoryId, RepositoryName};
use pkg::Arch;
use sqlx::{QueryBuilder, Sqlite};

use crate::fields::Fields;
use crate::outcomes::{PACKAGE_TASK, package_task};
use crate::{PackageTask, Session, StoreError};

/// Which packages of a project to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatrixFilter {
    /// With this text, in any case, in its name.
    pub text: Option<String>,
    /// With this outcome in some target, disabled ones included.
    pub outcome: Option<Outcome>,
    /// Behind this name.
    pub after: Option<PackageName>,
    /// In front of this name; the page ends there.
    pub before: Option<PackageName>,
    /// At most so many.
    pub limit: u32,
}

/// A package with its newest task in each target that has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixRow {
    /// Package.
    pub package: PackageName,
    /// In order of the repositories and architectures, disabled ones included.
    pub tasks: Vec<PackageTask>,
}

/// How many packages have an outcome in a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// Repository.
    pub repository: RepositoryName,
    /// Architecture.
    pub arch: Arch,
    /// Outcome.
    pub outcome: Outcome,
    /// Number of packages, more than none.
    pub packages: u64,
}

pub(crate) const OUTCOME_COUNTS: &str = "SELECT a.id, r.name AS repository, a.arch, c.outcome, c.packages \
     FROM repositories r JOIN repository_arches a ON a.repository_id = r.id AND a.enabled = 1 \
     JOIN outcome_counts c ON c.repository_id = r.id AND c.arch = a.arch \
     WHERE r.project_id = $1 AND c.packages > 0 ORDER BY r.id, a.id, c.outcome";

pub(crate) const PACKAGE_COUNT: &str = "SELECT COUNT(*) AS packages FROM packages WHERE project_id = $1";

/// The names of one page; from its end if it is to be in front of a name.
pub(crate) fn matrix_names_query(project: ProjectId, filter: &MatrixFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT k.id, k.name FROM packages k WHERE k.project_id = ");
    query.push_bind(project.get());
    if let Some(after) = &filter.after {
        query.push(" AND k.name > ").push_bind(after.to_string());
    }
    if let Some(before) = &filter.before {
        query.push(" AND k.name < ").push_bind(before.to_string());
    }
    if let Some(text) = &filter.text {
        query.push(" AND INSTR(LOWER(k.name), ").push_bind(text.to_lowercase()).push(") > 0");
    }
    if let Some(outcome) = filter.outcome {
        query.push(" AND k.id IN (SELECT o.package_id FROM package_outcomes o WHERE o.project_id = ");
        query.push_bind(project.get()).push(" AND o.outcome = ").push_bind(outcome.as_str()).push(")");
    }
    let order = if filter.before.is_some() { "DESC" } else { "ASC" };
    query.push(format!(" ORDER BY k.name {order} LIMIT ")).push_bind(i64::from(filter.limit));
    query
}

pub(crate) fn matrix_tasks_query(packages: &[i64]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(PACKAGE_TASK);
    query.push(
        "FROM package_outcomes o JOIN packages k ON k.id = o.package_id JOIN repositories r ON r.id = o.repository_id \
         JOIN tasks t ON t.id = o.task_id JOIN builds b ON b.id = t.build_id WHERE o.package_id IN (",
    );
    let mut list = query.separated(", ");
    for package in packages {
        list.push_bind(*package);
    }
    query.push(") ORDER BY k.name, o.repository_id, o.arch");
    query
}

impl Session {
    /// A page of the packages of a project by name, each with its newest tasks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn matrix(&mut self, project: ProjectId, filter: &MatrixFilter) -> Result<Vec<MatrixRow>, StoreError> {
        let names = matrix_names_query(project, filter).build().fetch_all(self.run()).await?;
        let mut ids = Vec::new();
        let mut rows = Vec::new();
        for row in &names {
            let fields = Fields::new("packages", row);
            ids.push(fields.int("id")?);
            rows.push(MatrixRow { package: fields.name("name")?, tasks: Vec::new() });
        }
        rows.sort_by(|left, right| left.package.as_str().cmp(right.package.as_str()));
        if ids.is_empty() {
            return Ok(rows);
        }
        for row in matrix_tasks_query(&ids).build().fetch_all(self.run()).await? {
            let task = package_task(&row)?;
            if let Ok(place) = rows.binary_search_by(|row| row.package.as_str().cmp(task.package.as_str())) {
                rows[place].tasks.push(task);
            }
        }
        Ok(rows)
    }

    /// How many packages of a project have which outcome in each enabled target, in order of creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outcome_counts(&mut self, project: ProjectId) -> Result<Vec<OutcomeCount>, StoreError> {
        let rows = sqlx::query(OUTCOME_COUNTS).bind(project.get()).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("repository_arches", row);
                Ok(OutcomeCount {
                    repository: fields.name("repository")?,
                    arch: fields.name("arch")?,
                    outcome: fields.word("outcome", Outcome::parse)?,
                    packages: fields.count("packages")?,
                })
            })
            .collect()
    }

    /// How many packages a project has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_count(&mut self, project: ProjectId) -> Result<u64, StoreError> {
        let row = sqlx::query(PACKAGE_COUNT).bind(project.get()).fetch_one(self.run()).await?;
        Fields::new("packages", &row).count("packages")
    }

    /// Takes what is remembered of a repository's outcomes away; its tasks are gone already.
    pub(crate) async fn forget_outcomes(&mut self, repository: RepositoryId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM outcome_counts WHERE repository_id = $1")
            .bind(repository.get())
            .execute(self.run())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::{BuildId, BuildReason, BuildSource, FailureCause, ProjectName, ProjectSettings};
    use model::{Task, TaskState, Timestamp, UserName, Verdict};

    use super::*;
    use crate::{NewBuildRow, Store};

    struct World {
        _folder: tempfile::TempDir,
        store: Store,
        project: ProjectId,
        repository: RepositoryId,
    }

    async fn world() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("kiln.db")).await.unwrap();
        let mut session = store.write().await.unwrap();
        let now = Timestamp::from_millis(1);
        let user = session.add_user(&UserName::parse("alice").unwrap(), false, now).await.unwrap().unwrap();
        let name = ProjectName::parse("home:alice:tools").unwrap();
        let project = session.add_project(&name, user.id, &ProjectSettings::default(), now).await.unwrap().unwrap();
        sqlx::query("INSERT INTO repositories (project_id, name, created_at) VALUES ($1, 'debian-12', 1)")
            .bind(project.get())
            .execute(session.run())
            .await
            .unwrap();
        sqlx::query(
            "INSERT INTO repository_arches (repository_id, arch, enabled, extra_packages) VALUES (1, 'x86_64', 1, '[]')",
        )
        .execute(session.run())
        .await
        .unwrap();
        session.commit().await.unwrap();
        World { _folder: folder, store, project, repository: RepositoryId::new(1) }
    }

    impl World {
        /// A build of a package whose only task is in a state, for a reason.
        async fn build(
            &self,
            package: &str,
            state: TaskState,
            verdict: Option<Verdict>,
            failure: Option<FailureCause>,
        ) {
            let mut session = self.store.write().await.unwrap();
            let name = PackageName::parse(package).unwrap();
            let package = match session.package(self.project, &name).await.unwrap() {
                Some(known) => known.id,
                None => session.add_package(self.project, &name, None, &Default::default()).await.unwrap().unwrap().id,
            };
            let row = NewBuildRow {
                project: self.project,
                source: BuildSource::Url { url: "http://example.org/x.dsc".to_owned() },
                uploads: Vec::new(),
                targets: vec![(self.repository, Arch::parse("x86_64").unwrap())],
                reason: BuildReason::Submitted { by: UserName::parse("alice").unwrap() },
                network: false,
                limits: None,
                extra_repositories: Vec::new(),
                priority: 0,
                batch: None,
            };
            let build = session.add_build(&row, Timestamp::from_millis(1)).await.unwrap();
            session.set_build_package(build, package).await.unwrap();
            sqlx::query("UPDATE tasks SET state = $2, verdict = $3, failure = $4 WHERE build_id = $1")
                .bind(build.get())
                .bind(state.as_str())
                .bind(verdict.as_ref().map(crate::fields::json_text))
                .bind(failure.as_ref().map(crate::fields::json_text))
                .execute(session.run())
                .await
                .unwrap();
            session.commit().await.unwrap();
        }

        async fn shown(&self, filter: MatrixFilter) -> Vec<String> {
            let filter = MatrixFilter { limit: if filter.limit == 0 { 100 } else { filter.limit }, ..filter };
            let rows = self.store.read().await.unwrap().matrix(self.project, &filter).await.unwrap();
            let word = |row: MatrixRow| {
                let tasks: Vec<&str> = row.tasks.iter().map(|task| Outcome::of(&task.task).as_str()).collect();
                format!("{} {}", row.package, tasks.join(","))
            };
            rows.into_iter().map(word).collect()
        }

        async fn counts(&self) -> Vec<String> {
            let counts = self.store.read().await.unwrap().outcome_counts(self.project).await.unwrap();
            counts.iter().map(|count| format!("{} {}", count.outcome.as_str(), count.packages)).collect()
        }
    }

    fn reasons(state: TaskState) -> (Option<Verdict>, Option<FailureCause>) {
        match state {
            TaskState::Pending => (Some(Verdict::Blocked { by: vec!["x".to_owned()] }), None),
            TaskState::Failed => (None, Some(FailureCause::Unresolvable { problems: Vec::new() })),
            _ => (None, None),
        }
    }

    #[tokio::test]
    async fn the_store_and_the_model_have_one_idea_of_an_outcome() {
        let world = world().await;
        let mut wanted = Vec::new();
        for (place, state) in TaskState::ALL.into_iter().enumerate() {
            for (name, (verdict, failure)) in [("plain", (None, None)), ("reason", reasons(state))] {
                let package = format!("p{place}-{name}");
                let task = Task {
                    id: model::TaskId::new(1),
                    build: BuildId::new(1),
                    repository: RepositoryName::parse("debian-12").unwrap(),
                    arch: Arch::parse("x86_64").unwrap(),
                    state,
                    verdict: verdict.clone(),
                    failure: failure.clone(),
                    started_at: None,
                    ended_at: None,
                    attempts: 0,
                    built_packages: Vec::new(),
                };
                let outcome = Outcome::of(&task);
                wanted.push(format!("{package} {}", outcome.as_str()));
                world.build(&package, state, verdict, failure).await;
                let found = world.shown(MatrixFilter { outcome: Some(outcome), ..Default::default() }).await;
                assert!(found.contains(wanted.last().unwrap()), "{state:?}: {found:?}");
            }
        }
        assert_eq!(world.shown(MatrixFilter::default()).await, wanted);
    }

    #[tokio::test]
    async fn the_newest_task_counts_and_an_older_one_again_when_it_is_gone() {
        let world = world().await;
        world.build("hello", TaskState::Succeeded, None, None).await;
        world.build("hello", TaskState::Failed, None, None).await;
        world.build("other", TaskState::Succeeded, None, None).await;
        assert_eq!(world.shown(MatrixFilter::default()).await, ["hello failed", "other succeeded"]);
        assert_eq!(world.counts().await, ["failed 1", "succeeded 1"]);
        let mut session = world.store.write().await.unwrap();
        // A late change of the older task changes nothing.
        sqlx::query("UPDATE tasks SET state = 'canceled' WHERE id = 1").execute(session.run()).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(world.counts().await, ["failed 1", "succeeded 1"]);
        let mut session = world.store.write().await.unwrap();
        session.delete_build(BuildId::new(2)).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(world.shown(MatrixFilter::default()).await, ["hello canceled", "other succeeded"]);
        assert_eq!(world.counts().await, ["canceled 1", "succeeded 1"]);
        let mut session = world.store.write().await.unwrap();
        let package = session.package(world.project, &PackageName::parse("hello").unwrap()).await.unwrap().unwrap();
        session.delete_package(package.id).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(world.shown(MatrixFilter::default()).await, ["other succeeded"]);
        assert_eq!(world.counts().await, ["succeeded 1"]);
        let mut session = world.store.write().await.unwrap();
        session.delete_repository(world.project, world.repository).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(world.shown(MatrixFilter::default()).await, ["other "]);
    }

    #[tokio::test]
    async fn pages_go_forth_and_back_by_name() {
        let world = world().await;
        for name in ["e", "d", "c", "b", "a", "xC"] {
            world.build(name, TaskState::Succeeded, None, None).await;
        }
        let name = |text: &str| Some(PackageName::parse(text).unwrap());
        let page = |after: Option<PackageName>, before: Option<PackageName>| MatrixFilter {
            after,
            before,
            limit: 2,
            ..MatrixFilter::default()
        };
        assert_eq!(world.shown(page(None, None)).await, ["a succeeded", "b succeeded"]);
        assert_eq!(world.shown(page(name("b"), None)).await, ["c succeeded", "d succeeded"]);
        assert_eq!(world.shown(page(None, name("e"))).await, ["c succeeded", "d succeeded"]);
        let text = MatrixFilter { text: Some("C".to_owned()), ..MatrixFilter::default() };
        assert_eq!(world.shown(text).await, ["c succeeded", "xC succeeded"]);
        assert_eq!(world.store.read().await.unwrap().package_count(world.project).await.unwrap(), 6);
    }
}
