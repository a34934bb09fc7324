//! The worker's side: claims, leases, reports.

use std::time::Duration;

use model::{FailureCause, JobOutcome, Phase, ResultKind};
use service::{ErrorKind, Heartbeat, RetryPolicy};

use crate::kit::{World, arch, failed, package, refusal, report, root, succeeded, worker};

fn worker_fault() -> FailureCause {
    FailureCause::Worker { detail: "disk full".to_owned() }
}

#[tokio::test]
async fn a_job_goes_from_claim_to_results() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    assert_eq!(world.service.claim(&worker(), &[arch("s390x")]).await.unwrap(), None);
    assert_eq!(world.service.claim(&worker(), &[]).await.unwrap(), None);

    let spec = world.claim().await.unwrap();
    assert_eq!((spec.root, spec.arch.as_str(), spec.sources.len()), (root(), "x86_64", 1));
    assert_eq!(world.claim().await, None, "one task is one job");
    assert_eq!(world.states(build).await, "starting: starting");
    let task = world.task(build).await.id;
    assert_eq!(refusal(world.service.log(task).await).1, format!("task {task} has no log"));
    world.write_log(spec.job, "one\n");
    world.service.job_phase(spec.job, Phase::Root).await.unwrap();
    assert_eq!(world.states(build).await, "starting: starting");
    world.service.job_phase(spec.job, Phase::Recipe).await.unwrap();
    assert_eq!(world.states(build).await, "running: running");
    world.write_log(spec.job, "two\n");
    let log = world.service.log(task).await.unwrap();
    assert_eq!((log.complete, log.bytes), (false, 8));

    let result = world.hand_over(spec.job, "hello_2.10-3_amd64.deb", "bytes").await.unwrap();
    assert!(world.service.results(task).await.unwrap().is_empty(), "nothing before the end");
    world.advance(Duration::from_secs(5));
    world.service.finish(spec.job, succeeded(vec![result.clone()])).await.unwrap();

    assert_eq!(world.states(build).await, "succeeded: succeeded");
    let results = world.service.results(task).await.unwrap();
    assert_eq!(results.iter().map(|stored| &stored.result).collect::<Vec<_>>(), [&result]);
    assert_eq!(std::fs::read(&results[0].path).unwrap(), b"bytes");
    let built = world.task(build).await;
    assert_eq!((built.built_packages[0].name.as_str(), built.built_packages[0].version.as_str()), ("hello", "2.10-3"));
    assert_eq!((built.attempts, built.ended_at.unwrap().since(built.started_at.unwrap()).as_secs()), (1, 5));
    assert!(world.service.log(task).await.unwrap().complete);
    assert_eq!(world.service.environment(task).await.unwrap().unwrap(), root().packages);
}

#[tokio::test]
async fn a_result_must_be_what_it_claims_and_be_there() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    let path = world.folder.path().join("result");

    std::fs::write(&path, "other bytes").unwrap();
    let lie = package("a.deb", "promised");
    assert_eq!(refusal(world.service.store_result(job, &lie, &path).await).0, ErrorKind::Invalid);
    assert!(!path.exists() && !world.service.blob_path(&lie.file.sha256).exists());

    let secret = world.folder.path().join("secret");
    std::fs::write(&secret, "promised").unwrap();
    std::os::unix::fs::symlink(&secret, &path).unwrap();
    assert_eq!(refusal(world.service.store_result(job, &lie, &path).await).0, ErrorKind::Invalid);
    std::fs::remove_file(&path).unwrap();
    assert!(secret.exists() && !world.service.blob_path(&lie.file.sha256).exists());

    let missing = refusal(world.service.finish(job, succeeded(vec![lie.clone()])).await);
    assert_eq!(missing, (ErrorKind::Invalid, format!("job {job} reported the result a.deb, but never stored it")));
    assert_eq!(world.states(build).await, "starting: starting", "a refused report changes nothing");

    // What is handed over but not reported is no result.
    let real = world.hand_over(job, "b.deb", "b").await.unwrap();
    world.hand_over(job, "c.deb", "c").await.unwrap();
    world.service.finish(job, succeeded(vec![real.clone()])).await.unwrap();
    let results = world.service.results(world.task(build).await.id).await.unwrap();
    assert_eq!(results.into_iter().map(|stored| stored.result).collect::<Vec<_>>(), [real]);
}

#[tokio::test]
async fn records_and_sources_are_results_but_not_built_packages() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    let path = world.folder.path().join("result");
    let mut results = Vec::new();
    for (kind, name) in [(ResultKind::Record, "hello.buildinfo"), (ResultKind::Source, "hello.dsc")] {
        std::fs::write(&path, name).unwrap();
        let result = model::ResultFile { kind, ..package(name, name) };
        world.service.store_result(job, &result, &path).await.unwrap();
        results.push(result);
    }
    world.service.finish(job, succeeded(results.clone())).await.unwrap();
    let task = world.task(build).await;
    assert!(task.built_packages.is_empty());
    let stored = world.service.results(task.id).await.unwrap();
    assert_eq!(stored.into_iter().map(|stored| stored.result).collect::<Vec<_>>(), results);
}

#[tokio::test]
async fn a_report_after_a_cancel_changes_nothing() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    let result = world.hand_over(job, "a.deb", "a").await.unwrap();
    assert_eq!(world.service.heartbeat(job).await.unwrap(), Heartbeat::Continue);
    let (service, told) = (world.service.clone(), world.service.clone());
    let told = tokio::spawn(async move { told.wait_for_cancel(job).await });
    tokio::task::yield_now().await;
    assert!(!told.is_finished());
    service.cancel(&alice, build).await.unwrap();
    told.await.unwrap();
    service.wait_for_cancel(job).await;
    assert_eq!(service.heartbeat(job).await.unwrap(), Heartbeat::Stop);

    service.job_phase(job, Phase::Recipe).await.unwrap();
    world.hand_over(job, "b.deb", "b").await.unwrap();
    service.finish(job, succeeded(vec![result])).await.unwrap();
    assert_eq!(world.states(build).await, "canceled: canceled");
    assert!(service.results(world.task(build).await.id).await.unwrap().is_empty());
    service.delete(&alice, build).await.unwrap();
    assert_eq!(service.heartbeat(job).await.unwrap(), Heartbeat::Stop);
}

#[tokio::test]
async fn a_silent_worker_loses_its_job_to_another() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let first = world.claim().await.unwrap().job;
    world.advance(Duration::from_secs(20));
    world.service.heartbeat(first).await.unwrap();
    world.advance(Duration::from_secs(29));
    assert_eq!(world.service.reconcile("leases").await.unwrap(), 0);
    world.advance(Duration::from_secs(2));
    assert_eq!(world.service.reconcile("leases").await.unwrap(), 1);
    assert_eq!(world.states(build).await, "pending: pending");
    assert_eq!(world.service.heartbeat(first).await.unwrap(), Heartbeat::Stop);

    assert_eq!(world.claim().await, None, "not at once");
    world.advance(Duration::from_secs(1));
    let second = world.claim().await.unwrap().job;
    assert!(second > first);
    world.service.finish(first, failed(FailureCause::NoResults)).await.unwrap();
    assert_eq!(world.states(build).await, "starting: starting", "the first worker is too late");
    world.succeed(second, "x").await;
    assert_eq!(world.states(build).await, "succeeded: succeeded");
    assert_eq!(world.task(build).await.attempts, 2);
}

#[tokio::test]
async fn a_fault_of_the_service_is_tried_three_times_a_fault_of_the_package_once() {
    let retry = RetryPolicy { attempts: 3, first_delay: Duration::from_secs(10), max_delay: Duration::from_secs(15) };
    let world = World::with(|config| config.retry = retry).await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    for wait in [10, 15] {
        let job = world.claim().await.unwrap().job;
        world.service.finish(job, failed(worker_fault())).await.unwrap();
        assert_eq!(world.states(build).await, "pending: pending");
        world.advance(Duration::from_secs(wait - 1));
        assert_eq!(world.claim().await, None);
        world.advance(Duration::from_secs(1));
    }
    let job = world.claim().await.unwrap().job;
    world.service.finish(job, failed(worker_fault())).await.unwrap();
    assert_eq!(world.states(build).await, "failed: failed");
    let task = world.task(build).await;
    assert_eq!((task.attempts, task.failure), (3, Some(worker_fault())));

    let build = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    let cause = FailureCause::Recipe { step: "dpkg-buildpackage".to_owned(), status: 2 };
    world.service.finish(job, failed(cause.clone())).await.unwrap();
    assert_eq!(world.states(build).await, "failed: failed");
    assert_eq!(world.task(build).await.failure, Some(cause));
}

#[tokio::test]
async fn a_worker_that_goes_away_gives_its_job_back_without_a_mark() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    for _ in 0..5 {
        let job = world.claim().await.unwrap().job;
        world.service.finish(job, report(JobOutcome::Canceled, Vec::new())).await.unwrap();
        assert_eq!(world.states(build).await, "pending: pending");
    }
    assert_eq!(world.task(build).await.attempts, 0);
}

#[tokio::test]
async fn owners_take_turns_however_many_builds_they_have() {
    let world = World::new().await;
    let mut order = Vec::new();
    let mut owner_of = std::collections::BTreeMap::new();
    for (who, builds) in [("alice", 4), ("bob", 1), ("carol", 2)] {
        let user = world.user(who).await;
        let project = world.project(&user, "tools").await;
        for _ in 0..builds {
            owner_of.insert(world.submit_prepared(&user, project).await, who);
        }
    }
    let owner_of_job = async |job| {
        let build = world.store.read().await.unwrap().job(job).await.unwrap().unwrap().build;
        format!("{}{build}", owner_of[&build])
    };
    // Nobody ends: whoever has the fewest running comes first; at the end only alice is left.
    while let Some(spec) = world.claim().await {
        order.push(owner_of_job(spec.job).await);
    }
    assert_eq!(order, ["alice1", "bob5", "carol6", "alice2", "carol7", "alice3", "alice4"]);
}

#[tokio::test]
async fn a_single_worker_serves_owners_in_turn() {
    let world = World::new().await;
    for who in ["alice", "bob"] {
        let user = world.user(who).await;
        let project = world.project(&user, "tools").await;
        for _ in 0..2 {
            world.submit_prepared(&user, project).await;
        }
    }
    let mut order = Vec::new();
    while let Some(spec) = world.claim().await {
        let build = world.store.read().await.unwrap().job(spec.job).await.unwrap().unwrap().build;
        order.push(build.get());
        world.succeed(spec.job, "x").await;
    }
    assert_eq!(order, [1, 3, 2, 4]);
}

#[tokio::test]
async fn a_worker_that_waits_is_woken_and_one_that_comes_late_too() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    // Woken by nothing but what happens; the ten seconds of the longest wait would end the test's patience.
    world.submit_prepared(&alice, project).await;
    world.service.reconcile("leases").await.unwrap();
    let woken = tokio::time::timeout(Duration::from_secs(5), world.service.wait_for_work()).await;
    assert!(woken.is_ok());
    let service = world.service.clone();
    let waiting = tokio::spawn(async move { service.wait_for_work().await });
    tokio::task::yield_now().await;
    world.service.reconcile("leases").await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn followers_hear_of_every_change() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let seen = world.service.wait_for_change(0).await;
    let service = world.service.clone();
    let follower = tokio::spawn(async move { service.wait_for_change(seen).await });
    tokio::task::yield_now().await;
    assert!(!follower.is_finished());
    world.submit_prepared(&alice, project).await;
    let seen = follower.await.unwrap();
    let job = world.claim().await.unwrap().job;
    let seen = world.service.wait_for_change(seen).await;
    world.write_log(job, "a line\n");
    world.service.wait_for_change(seen).await;
}

/// A job knows two states, and what has ended takes no event, however it ended.
#[tokio::test]
async fn no_event_changes_a_job_that_has_ended() {
    for ending in ["success", "failure", "cancel", "silence"] {
        for event in ["phase", "heartbeat", "result", "success", "failure", "cancel", "silence"] {
            let world = World::new().await;
            let alice = world.user("alice").await;
            let project = world.project(&alice, "tools").await;
            let build = world.submit_prepared(&alice, project).await;
            let job = world.claim().await.unwrap().job;
            happen(&world, build, job, ending).await;
            let before = (world.states(build).await, world.task(build).await);
            happen(&world, build, job, event).await;
            assert_eq!((world.states(build).await, world.task(build).await), before, "{event} after {ending}");
            let wanted = match ending {
                "success" => "succeeded: succeeded",
                "failure" => "failed: failed",
                "cancel" => "canceled: canceled",
                _ => "pending: pending",
            };
            assert_eq!(before.0, wanted, "{ending}");
        }
    }
}

/// Lets something happen to a job; refusals are as good as nothing.
async fn happen(world: &World, build: model::BuildId, job: model::JobId, event: &str) {
    match event {
        "phase" => world.service.job_phase(job, Phase::Recipe).await.unwrap(),
        "heartbeat" => drop(world.service.heartbeat(job).await.unwrap()),
        "result" => drop(world.hand_over(job, "late.deb", "late").await),
        "success" => {
            let result = world.hand_over(job, "a.deb", "a").await;
            drop(world.service.finish(job, succeeded(result.into_iter().collect())).await);
        }
        "failure" => world.service.finish(job, failed(FailureCause::NoResults)).await.unwrap(),
        "cancel" => {
            let alice = world.user("alice").await;
            // Not for a job that was lost: that cancels the build's next attempt.
            if world.states(build).await != "pending: pending" {
                drop(world.service.cancel(&alice, build).await);
            }
        }
        "silence" => {
            world.advance(Duration::from_secs(60));
            world.service.reconcile("leases").await.unwrap();
        }
        other => panic!("{other}"),
    }
}
