//! Fills a data folder with builds that look as if they had happened, for measurements of a large service:
//!
//! ```text
//! cargo run --release -p store --example fill -- DATA --builds 1000000
//! ```
//!
//! The folder must not have a database yet. Half of the builds are in one project (`home:owner1:big`, 10,000 packages), the
//! others in a thousand projects of a hundred owners; each build has two tasks. One in ten failed, the last 200 are
//! unfinished: some run, some can be claimed. No file that the rows name exists, so nothing can be downloaded, published or
//! really built; the plan that claimable tasks have is an empty root.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use model::{BuildSettings, FileName, JobWork, Limits, RecipeSpec, RootSpec};
use pkg::{PackageFormat, RecipeKind};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use store::{Blobs, Store, TaskPlan};

type AnyError = Box<dyn std::error::Error>;

/// Users, projects, repositories, packages. `?1` is the number of builds.
const FRAME: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO users (id, name, admin, created_at) SELECT i + 100, 'owner' || i, 0, 0 FROM n;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO projects (id, name, owner_id, settings, created_at)
    SELECT i + 100, CASE i WHEN 1 THEN 'home:owner1:big' ELSE 'home:owner' || (i % 100 + 1) || ':p' || i END,
        CASE i WHEN 1 THEN 101 ELSE i % 100 + 101 END, '{\"publish\":false}', 0 FROM n;
    INSERT INTO repositories (id, project_id, name, created_at) SELECT id, id, 'debian-12', 0 FROM projects WHERE id > 100;
    INSERT INTO repository_arches (repository_id, arch, enabled, extra_packages)
    SELECT r.id, a.column1, 1, '[]' FROM repositories r JOIN (VALUES ('x86_64'), ('aarch64')) a WHERE r.id > 100;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
    INSERT INTO packages (id, project_id, name) SELECT 1000001 + i, 101, 'package-' || i FROM n;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
    INSERT INTO packages (id, project_id, name) SELECT p.id * 10 + i, p.id, 'package-' || i FROM projects p
    JOIN n WHERE p.id > 101;
    INSERT INTO source_trees (id, digest, recipe_file, recipe_kind)
    VALUES (1, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'hello.dsc', '\"dsc\"');
";

/// The builds from one number to another, with their tasks, jobs and results.
const BUILDS: [&str; 4] = [
    "WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2),
     m (i, project) AS (SELECT i, CASE i % 2 WHEN 0 THEN 101 ELSE 102 + (i / 2) % 999 END FROM n)
     INSERT INTO builds (id, project_id, owner_id, package_id, version, source, source_state, source_tree_id, finished,
         reason, network, extra_repositories, submitted_at)
     SELECT m.i, project, p.owner_id,
         CASE project WHEN 101 THEN 1000001 + (m.i / 2) % 10000 ELSE project * 10 + (m.i / 1998) % 10 END,
         '1.0-' || m.i, '{\"kind\":\"url\",\"url\":\"http://example.org/hello_1.0-' || m.i || '.dsc\"}', 'succeeded', 1,
         m.i <= $3 - 200, '{\"code\":\"submitted\",\"by\":\"owner1\"}', 0, '[]', 1700000000000 + m.i * 1000
     FROM m JOIN projects p ON p.id = m.project",
    "INSERT INTO tasks (id, build_id, project_id, owner_id, package_id, repository_id, arch, state, failure, attempts,
         started_at, ended_at, built_packages, result_job_id, ready, verdict)
     SELECT b.id * 2 + a.column2, b.id, b.project_id, b.owner_id, b.package_id, b.project_id, a.column1, s.state,
         CASE s.state WHEN 'failed' THEN '{\"code\":\"no_results\"}' END, s.state <> 'pending',
         CASE WHEN s.state <> 'pending' THEN b.submitted_at + 1000 END,
         CASE WHEN s.state IN ('succeeded', 'failed') THEN b.submitted_at + 60000 END,
         CASE s.state WHEN 'succeeded' THEN '[{\"name\":\"hello\",\"version\":\"1.0\"}]' ELSE '[]' END,
         CASE s.state WHEN 'succeeded' THEN b.id * 2 + a.column2 END, s.state = 'pending',
         CASE s.state WHEN 'pending' THEN '{\"code\":\"scheduled\"}' END
     FROM builds b JOIN (VALUES ('x86_64', 0), ('aarch64', 1)) a JOIN (SELECT b2.id AS build, CASE
         WHEN b2.id > $3 - 190 THEN 'pending' WHEN b2.id > $3 - 200 THEN 'running' WHEN b2.id % 10 = 3 THEN 'failed'
         ELSE 'succeeded' END AS state FROM builds b2 WHERE b2.id BETWEEN $1 AND $2) s ON s.build = b.id
     WHERE b.id BETWEEN $1 AND $2",
    "INSERT INTO jobs (id, task_id, worker, claimed_at, lease_until, ended_at, outcome)
     SELECT id, id, 'worker-1', started_at, CASE state WHEN 'running' THEN 9999999999999 ELSE ended_at END, ended_at,
         CASE state WHEN 'succeeded' THEN '\"succeeded\"' WHEN 'failed' THEN '{\"failed\":{\"code\":\"no_results\"}}' END
     FROM tasks WHERE build_id BETWEEN $1 AND $2 AND state <> 'pending' AND $3 > 0",
    "INSERT INTO results (job_id, kind, name, bytes, sha256, package, version)
     SELECT id, 'package', 'hello_1.0-' || build_id || '_' || arch || '.deb', 1000,
         printf('%064x', id), 'hello', '1.0-' || build_id
     FROM tasks WHERE build_id BETWEEN $1 AND $2 AND state = 'succeeded' AND $3 > 0",
];

/// Builds written in one transaction.
const AT_ONCE: i64 = 20_000;

fn main() -> Result<(), AnyError> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: fill DATA --builds NUMBER";
    let (folder, builds) = match (arguments.next(), arguments.next().as_deref(), arguments.next()) {
        (Some(folder), Some("--builds"), Some(number)) => (PathBuf::from(folder), number.parse::<i64>()?),
        _ => return Err(usage.into()),
    };
    tokio::runtime::Runtime::new()?.block_on(fill(&folder, builds))
}

async fn fill(folder: &Path, builds: i64) -> Result<(), AnyError> {
    let path = folder.join("kiln.db");
    if path.exists() {
        return Err(format!("{} is there already", path.display()).into());
    }
    std::fs::create_dir_all(folder.join("blobs"))?;
    // Makes the schema.
    Store::open(&path).await?.close().await;
    let root = Blobs::open(&folder.join("blobs"))?.put(&serde_json::to_vec(&empty_root())?)?;
    let options =
        SqliteConnectOptions::new().filename(&path).pragma("synchronous", "OFF").pragma("cache_size", "-200000");
    let mut connection = options.connect().await?;
    sqlx::raw_sql(FRAME).execute(&mut connection).await?;
    let begun = Instant::now();
    for first in (1..=builds).step_by(AT_ONCE.unsigned_abs() as usize) {
        let last = (first + AT_ONCE - 1).min(builds);
        let mut transaction = connection.begin().await?;
        for sql in BUILDS {
            sqlx::query(sql).bind(first).bind(last).bind(builds).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        println!("{last} builds after {} s", begun.elapsed().as_secs());
    }
    sqlx::query("INSERT INTO environments (id, digest) VALUES (1, $1)")
        .bind(root.to_string())
        .execute(&mut connection)
        .await?;
    sqlx::query(
        "INSERT INTO task_plans (task_id, environment_id, plan, planned_at) SELECT id, 1, $1, 0 FROM tasks \
         WHERE state = 'pending'",
    )
    .bind(serde_json::to_string(&plan()?)?)
    .execute(&mut connection)
    .await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE);").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

const fn empty_root() -> RootSpec {
    RootSpec { format: PackageFormat::Deb, preinstall: Vec::new(), run_scripts: Vec::new(), packages: Vec::new() }
}

fn plan() -> Result<TaskPlan, AnyError> {
    Ok(TaskPlan {
        title: "a build of no kind".to_owned(),
        work: JobWork::Recipe(RecipeSpec { kind: RecipeKind::Dsc, file: FileName::parse("hello.dsc")? }),
        sources: Vec::new(),
        settings: BuildSettings::default(),
        limits: Limits::default(),
        network: false,
    })
}
