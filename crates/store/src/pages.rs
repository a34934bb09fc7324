//! Pages of long lists: where one begins is found by counted ranges of numbers, whatever lies before it.

use model::UserName;
use sqlx::{QueryBuilder, Sqlite};

use crate::builds::{BUILD, TASK};
use crate::fields::page;
use crate::{BuildFilter, Session, StoreError, TaskFilter};

/// How many numbers a counted range has, as a power of two.
const RANGE_BITS: i64 = 10;
/// Offsets up to this are walked over: as cheap as finding the range.
const NEAR: u32 = 1000;

/// Where a page begins: rows beyond a number do not count, and so many of the others are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// The first number that counts, in the order of the list; `None` for the very first.
    from: Option<i64>,
    offset: u32,
}

impl Start {
    /// As many rows from the beginning.
    pub(crate) const fn after(offset: u32) -> Self {
        Self { from: None, offset }
    }
}

/// Rows whose counts are kept: the filter's narrowest scope.
const fn scope(project: Option<i64>, owner: Option<i64>) -> (i64, i64) {
    match (project, owner) {
        (Some(project), _) => (1, project),
        (None, Some(owner)) => (2, owner),
        (None, None) => (0, 0),
    }
}

impl Session {
    /// The number of the owner a filter names.
    pub(crate) async fn owner_number(&mut self, name: Option<&UserName>) -> Result<Option<i64>, StoreError> {
        let Some(name) = name else { return Ok(None) };
        let found: Option<(i64,)> = sqlx::query_as("SELECT id FROM users WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(self.run())
            .await?;
        Ok(found.map(|(id,)| id))
    }

    /// Where a page of builds begins, newest first.
    pub(crate) async fn start_of_builds(
        &mut self,
        filter: &BuildFilter,
        owner: Option<i64>,
    ) -> Result<Start, StoreError> {
        let is_counted = filter.package.is_none() && (filter.project.is_none() || owner.is_none());
        if filter.offset <= NEAR || !is_counted {
            return Ok(Start::after(filter.offset));
        }
        let (kind, scope) = scope(filter.project.map(model::ProjectId::get), owner);
        let rows: Option<(i64, i64)> = build_range_query(filter.finished)
            .build_query_as()
            .bind(kind)
            .bind(scope)
            .bind(i64::from(filter.offset))
            .fetch_optional(self.run())
            .await?;
        // Beyond the last row there is nothing, from zero on.
        Ok(rows.map_or(Start { from: Some(-1), offset: 0 }, |(range, before)| Start {
            from: Some(((range + 1) << RANGE_BITS) - 1),
            offset: rest(filter.offset, before),
        }))
    }

    /// Where a page of tasks begins, oldest first.
    pub(crate) async fn start_of_tasks(
        &mut self,
        filter: &TaskFilter,
        owner: Option<i64>,
    ) -> Result<Start, StoreError> {
        let is_counted = filter.build.is_none() && (filter.project.is_none() || owner.is_none());
        if filter.offset <= NEAR || !is_counted {
            return Ok(Start::after(filter.offset));
        }
        let (kind, scope) = scope(filter.project.map(model::ProjectId::get), owner);
        let mut query = task_range_query(filter);
        let rows: Option<(i64, i64)> = query
            .build_query_as()
            .bind(kind)
            .bind(scope)
            .bind(i64::from(filter.offset))
            .fetch_optional(self.run())
            .await?;
        Ok(rows.map_or(Start { from: Some(i64::MAX), offset: 0 }, |(range, before)| Start {
            from: Some(range << RANGE_BITS),
            offset: rest(filter.offset, before),
        }))
    }
}

fn rest(offset: u32, before: i64) -> u32 {
    u32::try_from(i64::from(offset) - before).unwrap_or(0)
}

/// The range a page of builds begins in, and how many builds come before it. Binds kind, scope, offset.
pub(crate) fn build_range_query(finished: Option<bool>) -> QueryBuilder<Sqlite> {
    let number = match finished {
        None => "builds",
        Some(true) => "finished",
        Some(false) => "builds - finished",
    };
    QueryBuilder::new(format!(
        "SELECT range, sum - n FROM (SELECT range, {number} AS n, SUM({number}) OVER (ORDER BY range DESC) AS sum \
         FROM build_ranges WHERE kind = $1 AND scope = $2) WHERE sum > $3 ORDER BY range DESC LIMIT 1"
    ))
}

/// As [`build_range_query`], for tasks.
pub(crate) fn task_range_query(filter: &TaskFilter) -> QueryBuilder<Sqlite> {
    let states: Vec<String> = filter.states.iter().map(|state| format!("'{}'", state.as_str())).collect();
    let only = if states.is_empty() { String::new() } else { format!("AND state IN ({})", states.join(", ")) };
    QueryBuilder::new(format!(
        "SELECT range, sum - n FROM (SELECT range, n, SUM(n) OVER (ORDER BY range) AS sum FROM \
         (SELECT range, SUM(tasks) AS n FROM task_ranges WHERE kind = $1 AND scope = $2 {only} GROUP BY range)) \
         WHERE sum > $3 ORDER BY range LIMIT 1"
    ))
}

pub(crate) fn builds_query(filter: &BuildFilter, owner: Option<i64>, start: Start) -> QueryBuilder<Sqlite> {
    // The page is cut out of an index, and only what is shown is read.
    let mut query = QueryBuilder::new(BUILD);
    query.push("b.id IN (SELECT b.id FROM builds b WHERE TRUE");
    if let Some(project) = filter.project {
        query.push(" AND b.project_id = ").push_bind(project.get());
    }
    if let Some(owner) = owner {
        query.push(" AND b.owner_id = ").push_bind(owner);
    }
    if let Some(package) = filter.package {
        query.push(" AND b.package_id = ").push_bind(package);
    }
    if let Some(finished) = filter.finished {
        query.push(" AND b.finished = ").push_bind(i64::from(finished));
    }
    if let Some(from) = start.from {
        query.push(" AND b.id <= ").push_bind(from);
    }
    let (limit, offset) = page(filter.limit, start.offset);
    query.push(" ORDER BY b.id DESC LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    query.push(") ORDER BY b.id DESC");
    query
}

pub(crate) fn tasks_query(filter: &TaskFilter, owner: Option<i64>, start: Start) -> QueryBuilder<Sqlite> {
    let (limit, offset) = page(filter.limit, start.offset);
    let mut query = QueryBuilder::new(TASK);
    query.push("t.id IN (SELECT id FROM (");
    // One part a state, each in the order of an index: else all tasks in these states would be sorted.
    let states: Vec<Option<&str>> = match filter.states.as_slice() {
        [] => vec![None],
        states => states.iter().map(|state| Some(state.as_str())).collect(),
    };
    for (place, state) in states.iter().enumerate() {
        query.push(if place == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        query.push("SELECT t.id FROM tasks t WHERE t.role = 'recipe'");
        if let Some(build) = filter.build {
            query.push(" AND t.build_id = ").push_bind(build.get());
        }
        if let Some(project) = filter.project {
            query.push(" AND t.project_id = ").push_bind(project.get());
        }
        if let Some(owner) = owner {
            query.push(" AND t.owner_id = ").push_bind(owner);
        }
        if let Some(state) = state {
            query.push(" AND t.state = ").push_bind((*state).to_owned());
        }
        if let Some(from) = start.from {
            query.push(" AND t.id >= ").push_bind(from);
        }
        query.push(" ORDER BY t.id LIMIT ").push_bind(limit.saturating_add(offset)).push(")");
    }
    query.push(") ORDER BY id LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    query.push(") ORDER BY t.id");
    query
}

#[cfg(test)]
mod tests {
    use model::{ProjectId, TaskState};

    use super::*;
    use crate::Store;

    /// Builds in three projects of two owners; every seventh unfinished, some gone, some changed.
    const WORLD: &str = "
        INSERT INTO users (id, name, admin, created_at) VALUES (1, 'alice', 0, 0), (2, 'bob', 0, 0);
        INSERT INTO projects (id, name, owner_id, settings, created_at)
        VALUES (1, 'home:alice:a', 1, '{}', 0), (2, 'home:alice:b', 1, '{}', 0), (3, 'home:bob:c', 2, '{}', 0);
        INSERT INTO repositories (id, project_id, name, created_at) VALUES (1, 1, 'r', 0), (2, 2, 'r', 0), (3, 3, 'r', 0);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
        INSERT INTO builds (id, project_id, owner_id, source, source_state, finished, reason, network,
            extra_repositories, submitted_at)
        SELECT i, i % 3 + 1, CASE i % 3 WHEN 2 THEN 2 ELSE 1 END, '{\"kind\":\"upload\",\"file\":\"a.dsc\"}', 'succeeded',
            i % 7 > 0, '{\"code\":\"changed\",\"what\":[]}', 0, '[]', 0 FROM n;
        INSERT INTO tasks (build_id, project_id, owner_id, repository_id, arch, state)
        SELECT id, project_id, owner_id, project_id, 'x86_64', CASE WHEN id % 5 = 0 THEN 'failed' WHEN id % 11 = 0
            THEN 'canceled' ELSE 'succeeded' END FROM builds;
        DELETE FROM builds WHERE id % 13 = 0 OR id BETWEEN 2000 AND 3100;
        UPDATE builds SET finished = 1 WHERE id % 21 = 0;
        UPDATE tasks SET state = 'failed' WHERE id % 17 = 0;
    ";

    async fn world(folder: &tempfile::TempDir) -> Store {
        let store = Store::open(&folder.path().join("kiln.db")).await.unwrap();
        let mut session = store.write().await.unwrap();
        sqlx::raw_sql(WORLD).execute(session.run()).await.unwrap();
        session.commit().await.unwrap();
        store
    }

    #[tokio::test]
    async fn a_page_far_behind_is_the_one_that_walking_finds() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = world(&folder).await.read().await.unwrap();
        let owner = Some(UserName::parse("alice").unwrap());
        for project in [None, Some(ProjectId::new(2))] {
            for (finished, owner) in [(None, None), (Some(true), owner.clone()), (Some(false), None)] {
                let everything = BuildFilter { project, finished, owner, ..BuildFilter::default() };
                let all: Vec<_> = session.builds(&everything).await.unwrap().iter().map(|build| build.id).collect();
                for offset in [0, 999, 1001, 1023, 1024, 1025, 1500, 2048, 5000, 7000, 100_000, u32::MAX] {
                    let filter = BuildFilter { limit: Some(5), offset, ..everything.clone() };
                    let page: Vec<_> = session.builds(&filter).await.unwrap().iter().map(|build| build.id).collect();
                    let expected: Vec<_> = all.iter().skip(offset as usize).take(5).copied().collect();
                    assert_eq!(page, expected, "{filter:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn so_is_a_page_of_tasks_in_some_states() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = world(&folder).await.read().await.unwrap();
        let owner = Some(UserName::parse("alice").unwrap());
        let some = vec![TaskState::Failed, TaskState::Canceled];
        for states in [Vec::new(), vec![TaskState::Succeeded], some] {
            for (project, owner) in [(None, None), (Some(ProjectId::new(1)), None), (None, owner.clone())] {
                let everything = TaskFilter { project, owner, states: states.clone(), ..TaskFilter::default() };
                let all: Vec<_> = session.tasks(&everything).await.unwrap().iter().map(|task| task.id).collect();
                for offset in [0, 1000, 1001, 1024, 1300, 2047, 3000, 6000, 100_000] {
                    let filter = TaskFilter { limit: Some(5), offset, ..everything.clone() };
                    let page: Vec<_> = session.tasks(&filter).await.unwrap().iter().map(|task| task.id).collect();
                    let expected: Vec<_> = all.iter().skip(offset as usize).take(5).copied().collect();
                    assert_eq!(page, expected, "{filter:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn counts_are_kept_whatever_happens() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = world(&folder).await.read().await.unwrap();
        let (projects, builds, unfinished) = session.totals().await.unwrap();
        let walked: (i64, i64, i64) =
            sqlx::query_as("SELECT (SELECT COUNT(*) FROM projects), COUNT(*), SUM(finished = 0) FROM builds")
                .fetch_one(session.run())
                .await
                .unwrap();
        assert_eq!((projects as i64, builds as i64, unfinished as i64), walked);
        let wrong: (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM (SELECT * FROM task_ranges WHERE tasks <> 0 EXCEPT \
             SELECT 0, 0, state, id >> 10, COUNT(*) FROM tasks GROUP BY state, id >> 10 EXCEPT \
             SELECT 1, project_id, state, id >> 10, COUNT(*) FROM tasks GROUP BY project_id, state, id >> 10 EXCEPT \
             SELECT 2, owner_id, state, id >> 10, COUNT(*) FROM tasks GROUP BY owner_id, state, id >> 10)",
        )
        .fetch_one(session.run())
        .await
        .unwrap();
        assert_eq!(wrong, (0,));
    }
}
