//! What a program that is killed leaves, and what the next one makes of it.

use model::{FailureCause, Phase};
use service::{ErrorKind, Service};

use crate::kit::{World, refusal};

#[tokio::test]
async fn a_job_that_ran_when_the_program_died_runs_again() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    world.service.job_phase(job, Phase::Recipe).await.unwrap();
    world.hand_over(job, "half.deb", "half").await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.states(build).await, "pending: pending");
    world.advance(std::time::Duration::from_secs(1));
    let again = world.claim().await.unwrap().job;
    assert!(again > job);
    world.succeed(again, "whole").await;
    let results = world.service.results(world.task(build).await.id).await.unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].result.file.name.as_str(), "hello_2.10-3_amd64.deb");
}

#[tokio::test]
async fn a_job_that_kills_the_program_every_time_fails_in_the_end() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    for _ in 0..3 {
        world.claim().await.unwrap();
        world = world.restart().await;
        world.advance(std::time::Duration::from_secs(60));
    }
    assert_eq!(world.states(build).await, "failed: failed");
    let cause = FailureCause::Worker { detail: "the service was interrupted".to_owned() };
    assert_eq!(world.task(build).await.failure, Some(cause));
}

#[tokio::test]
async fn a_source_that_was_being_made_is_made_again() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit(&alice, project).await;
    let mut session = world.store.write().await.unwrap();
    session.begin_source(build).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(world.states(build).await, "importing: waiting");
    let world = world.restart().await;
    assert_eq!(world.states(build).await, "pending: waiting");
    let open = world.store.read().await.unwrap().open_sources(world.now(), 9).await.unwrap();
    assert_eq!((open[0].build, open[0].attempts), (build, 1));
}

#[tokio::test]
async fn a_half_upload_is_gone_after_a_restart() {
    let world = World::new().await;
    let half = world.config.data_dir.join("blobs/tmp/blob-half");
    std::fs::write(&half, "half").unwrap();
    let world = world.restart().await;
    assert!(!half.exists());
    assert!(world.config.data_dir.join("blobs/tmp").exists());
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_program() {
    let world = World::new().await;
    let second = refusal(Service::open(world.config.clone()).await);
    assert_eq!(second.0, ErrorKind::Busy);
    assert!(second.1.ends_with("another program uses this data folder"), "{}", second.1);
    world.restart().await;
}

#[tokio::test]
async fn the_background_work_starts_and_stops() {
    let world = World::new().await;
    let background = world.service.start();
    let mut seen = 0;
    while world.service.status().await.unwrap().reconcilers.iter().any(|one| one.passes == 0) {
        seen += 1;
        assert!(seen < 5000, "{:?}", world.service.status().await);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    background.stop().await;
    let status = world.service.status().await.unwrap();
    let names: Vec<_> = status.reconcilers.iter().map(|one| one.name).collect();
    assert_eq!(names, ["sources", "links", "planning", "changes", "mirror", "publish", "leases", "prune"]);
    assert_eq!(refusal(world.service.reconcile("nonsense").await).0, ErrorKind::Invalid);
}
