//! How SQLite finds the rows of every statement that runs often, as it says itself. `SEARCH` uses an index; `SCAN` walks,
//! which is right only for a page of everything in the table's own order, and for the users when a worker asks for work.

use model::{BuildId, Outcome, ProjectId, TaskState, Timestamp, UserName};
use pkg::Arch;
use sqlx::{AssertSqlSafe, Row as _};

use crate::accounts::{LOGIN_OF_SECRET, LOGINS_OF_USER};
use crate::aggregates::STALE_AGGREGATES;
use crate::current::{CURRENT_SOURCES, RESULTS_NAMED};
use crate::deleted::{DELETED_PACKAGES, DELETED_PROJECT, DELETED_PROJECTS, PURGED_PACKAGES, PURGED_PROJECTS};
use crate::derived::{LINKS_TO, STALE_LINKS};
use crate::jobs::{active_jobs_query, next_owner_query, next_task_query};
use crate::matrix::{OUTCOME_COUNTS, PACKAGE_COUNT, matrix_names_query, matrix_tasks_query};
use crate::outcomes::{
    PACKAGE_OUTLINES, PACKAGES_WITH_TASKS, TARGET_ENDS, TARGET_STATES, WITH_FLAVORS, ended_tasks_sql,
};
use crate::packages::{NEWEST_TASKS, PACKAGES};
use crate::pages::{Start, build_range_query, builds_query, task_range_query, tasks_query};
use crate::plans::PENDING_TASKS;
use crate::projects::{EXPIRED_PROJECTS, projects_query};
use crate::references::{LOOSE_ROOTS, LOOSE_TREES};
use crate::results::{REPOSITORY_RESULTS, SUPERSEDED};
use crate::revisions::FILE_HISTORY;
use crate::services::ENDED_RUNS;
use crate::settled::{OPEN_TASKS, PROJECTS_ON_CHANGE, RESULT_ORIGINS, SETTLED_TASKS};
use crate::sources::OPEN_SOURCES;
use crate::standing::PREDECESSOR;
use crate::states::OPEN_TASK_COUNTS;
use crate::{BuildFilter, MatrixFilter, ProjectFilter, Store, TaskFilter};

async fn plan(store: &Store, sql: &str) -> String {
    let mut session = store.read().await.unwrap();
    let rows =
        sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(session.run()).await.unwrap();
    let steps = rows.iter().map(|row| format!("  {}\n", row.get::<String, _>("detail")));
    steps.collect()
}

/// Statements that are always the same text.
const FIXED: &[(&str, &str)] = &[
    ("packages of a project", PACKAGES),
    ("when something ended in the targets of a project", TARGET_ENDS),
    ("what goes on in the targets of a project", TARGET_STATES),
    ("packages with a task in a target", PACKAGES_WITH_TASKS),
    ("newest tasks of a project", NEWEST_TASKS),
    ("results of a name", RESULTS_NAMED),
    ("expired projects", EXPIRED_PROJECTS),
    ("open sources", OPEN_SOURCES),
    ("pending tasks", PENDING_TASKS),
    ("open task counts", OPEN_TASK_COUNTS),
    ("current sources of a project", CURRENT_SOURCES),
    ("results of a repository", REPOSITORY_RESULTS),
    ("superseded results", SUPERSEDED),
    ("source trees that nothing refers to", LOOSE_TREES),
    ("roots that nothing refers to", LOOSE_ROOTS),
    ("settled tasks", SETTLED_TASKS),
    ("open tasks of a target", OPEN_TASKS),
    ("origins of results", RESULT_ORIGINS),
    ("projects on change", PROJECTS_ON_CHANGE),
    ("the task before one", PREDECESSOR),
    ("session of a secret", LOGIN_OF_SECRET),
    ("sessions of a user", LOGINS_OF_USER),
    ("outcomes of a project", OUTCOME_COUNTS),
    ("how many packages a project has", PACKAGE_COUNT),
    ("links to a package", LINKS_TO),
    ("aggregates to take over", STALE_AGGREGATES),
    ("services that ended", ENDED_RUNS),
    ("links to put together", STALE_LINKS),
    ("deleted projects", DELETED_PROJECTS),
    ("a deleted project", DELETED_PROJECT),
    ("deleted packages of a project", DELETED_PACKAGES),
    ("projects whose sources go", PURGED_PROJECTS),
    ("packages whose sources go", PURGED_PACKAGES),
    ("revisions of a file", FILE_HISTORY),
];

fn statements() -> Vec<(&'static str, String)> {
    let (now, arches) = (Timestamp::from_millis(0), [Arch::parse("x86_64").unwrap()]);
    let project = Some(ProjectId::new(1));
    let owner = Some(UserName::parse("alice").unwrap());
    let builds = BuildFilter { limit: Some(1), ..BuildFilter::default() };
    let tasks = TaskFilter { limit: Some(1), ..TaskFilter::default() };
    let by_build = TaskFilter { build: Some(BuildId::new(1)), ..tasks.clone() };
    let failed = TaskFilter { project, states: vec![TaskState::Failed], ..tasks.clone() };
    let number = |name: &Option<UserName>| name.as_ref().map(|_| 1);
    let build =
        |filter: BuildFilter| builds_query(&filter, number(&filter.owner), Start::after(0)).sql().as_str().to_owned();
    let task =
        |filter: TaskFilter| tasks_query(&filter, number(&filter.owner), Start::after(0)).sql().as_str().to_owned();
    let two = TaskFilter { project, states: vec![TaskState::Failed, TaskState::Canceled], ..tasks.clone() };
    let project_list = |filter: ProjectFilter| projects_query(&filter).sql().as_str().to_owned();
    let page = MatrixFilter { limit: 1, ..MatrixFilter::default() };
    let names = |filter: MatrixFilter| matrix_names_query(ProjectId::new(1), &filter).sql().as_str().to_owned();
    let mut statements = vec![
        ("projects", project_list(ProjectFilter::default())),
        ("projects of an owner", project_list(ProjectFilter { owner: owner.clone(), ..ProjectFilter::default() })),
        ("builds", build(builds.clone())),
        ("builds of a project", build(BuildFilter { project, ..builds.clone() })),
        ("unfinished builds of a project", build(BuildFilter { project, finished: Some(false), ..builds.clone() })),
        ("builds of a package", build(BuildFilter { package: Some(1), ..builds.clone() })),
        ("a package with its flavors", format!("{PACKAGE_OUTLINES}{WITH_FLAVORS}")),
        ("tasks of a target that ended", ended_tasks_sql(None)),
        ("failed tasks of a target", ended_tasks_sql(Some(TaskState::Failed))),
        (
            "projects below a name",
            project_list(ProjectFilter { below: Some("home:alice".to_owned()), ..Default::default() }),
        ),
        ("builds of an owner", build(BuildFilter { owner: owner.clone(), ..builds.clone() })),
        ("unfinished builds", build(BuildFilter { finished: Some(false), ..builds })),
        ("tasks of a build", task(by_build)),
        ("tasks of a project", task(TaskFilter { project, ..tasks.clone() })),
        ("failed tasks of a project", task(failed)),
        ("failed and canceled tasks of a project", task(two.clone())),
        ("range of a page of builds", build_range_query(Some(true)).sql().as_str().to_owned()),
        ("range of a page of tasks", task_range_query(&two).sql().as_str().to_owned()),
        ("tasks of an owner", task(TaskFilter { owner, ..tasks.clone() })),
        ("running tasks", task(TaskFilter { states: vec![TaskState::Running], ..tasks })),
        ("next owner", next_owner_query(&arches, now).sql().as_str().to_owned()),
        ("next task", next_task_query(1, &arches, now).sql().as_str().to_owned()),
        ("expired leases", active_jobs_query(Some(now)).sql().as_str().to_owned()),
        ("a page of packages", names(page.clone())),
        ("a page of failed packages", names(MatrixFilter { outcome: Some(Outcome::Failed), ..page })),
        ("the tasks of a page of packages", matrix_tasks_query(&[1, 2]).sql().as_str().to_owned()),
    ];
    statements.extend(FIXED.iter().map(|(name, sql)| (*name, (*sql).to_owned())));
    statements
}

#[tokio::test]
async fn frequent_statements_find_their_rows_by_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("kiln.db")).await.unwrap();
    let mut drawn = String::new();
    for (name, sql) in statements() {
        let steps = plan(&store, &sql).await;
        let walks = steps
            .lines()
            .any(|step| ["SCAN b", "SCAN t", "SCAN builds", "SCAN tasks", "SCAN k", "SCAN o"].contains(&step.trim()));
        assert!(!walks || name == "builds", "{name} walks a table that only grows:\n{steps}");
        drawn += &format!("{name}\n{steps}");
    }
    expect_test::expect_file!["costs.txt"].assert_eq(&drawn);
}
