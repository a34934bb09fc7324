//! A real process, killed with SIGKILL in the middle of its work: nothing it had said was done may be lost.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use model::BuildId;

use crate::kit::World;

const FOLDER: &str = "KILN_TEST_KILL_FOLDER";
const BUILDS: usize = 90;

fn content(build: BuildId) -> String {
    format!("package of build {build}")
}

#[tokio::test]
#[ignore = "the child of a_killed_program_loses_nothing_it_had_finished, useless alone"]
async fn child_that_works_until_it_is_killed() {
    let folder = tempfile::tempdir_in(std::env::var_os(FOLDER).unwrap()).unwrap();
    let world = World::inside(folder, |_| {}).await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    for _ in 0..BUILDS {
        world.submit_prepared(&alice, project).await;
    }
    while let Some(spec) = world.claim().await {
        let build = world.store.read().await.unwrap().job(spec.job).await.unwrap().unwrap().build;
        world.succeed(spec.job, &content(build)).await;
        println!("finished {build}");
    }
    println!("nobody killed me");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_program_loses_nothing_it_had_finished() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_works_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut finished = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(build) = line.strip_prefix("finished ") else { continue };
        finished.push(BuildId::new(build.parse().unwrap()));
        if finished.len() == BUILDS / 3 {
            // The child goes on meanwhile: the kill hits some step of some later build.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!((BUILDS / 3..BUILDS).contains(&finished.len()), "{} were finished", finished.len());

    let left = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let moved = tempfile::tempdir().unwrap();
    std::fs::rename(left.join("data"), moved.path().join("data")).unwrap();
    let world = World::inside(moved, |_| {}).await;
    for build in &finished {
        assert_eq!(world.states(*build).await, "succeeded: succeeded");
    }
    world.advance(std::time::Duration::from_secs(60));
    while let Some(spec) = world.claim().await {
        let build = world.store.read().await.unwrap().job(spec.job).await.unwrap().unwrap().build;
        world.succeed(spec.job, &content(build)).await;
    }
    for number in 1..=BUILDS {
        let build = BuildId::new(i64::try_from(number).unwrap());
        let results = world.service.results(world.task(build).await.id).await.unwrap();
        let bytes = std::fs::read(&results.first().expect("every build has its package").path).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), content(build));
    }
}
