//! Workers and people at the same time, on several threads.

use std::collections::BTreeSet;

use model::{BuildId, BuildState};
use service::{ErrorKind, User};

use crate::kit::{World, package, succeeded, worker};

const BUILDS: usize = 60;

/// Finishes jobs until there is nothing left; gives the builds whose job it ended.
async fn work(world: &World, number: usize) -> usize {
    let mut ended = 0;
    let path = world.folder.path().join(format!("result-{number}"));
    while let Some(spec) =
        world.service.claim(&worker(), std::slice::from_ref(&crate::kit::arch("x86_64"))).await.unwrap()
    {
        let content = format!("package of job {}", spec.job);
        let result = package("hello.deb", &content);
        std::fs::write(&path, &content).unwrap();
        world.service.store_result(spec.job, &result, &path).await.unwrap();
        // A job canceled meanwhile has not stored it: such a report is ignored, whatever it says.
        world.service.finish(spec.job, succeeded(vec![result])).await.unwrap();
        ended += 1;
    }
    ended
}

async fn cancel_all(world: &World, user: &User, builds: &[BuildId]) -> BTreeSet<BuildId> {
    let mut canceled = BTreeSet::new();
    for build in builds {
        match world.service.cancel(user, *build).await {
            Ok(()) => drop(canceled.insert(*build)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflicting, "{error}"),
        }
    }
    canceled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_build_is_either_canceled_or_built() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let mut builds = Vec::new();
    for _ in 0..BUILDS {
        builds.push(world.submit_prepared(&alice, project).await);
    }
    // From both ends: the two meet somewhere in the middle, on the same build.
    let newest_first: Vec<_> = builds.iter().rev().copied().collect();
    let (one, two, canceled) =
        tokio::join!(work(&world, 1), work(&world, 2), cancel_all(&world, &alice, &newest_first));
    assert!(one + two + canceled.len() >= BUILDS);
    for id in builds {
        let build = world.service.build(id).await.unwrap();
        let results = world.service.results(build.tasks[0].id).await.unwrap().len();
        let expected = if canceled.contains(&id) { (BuildState::Canceled, 0) } else { (BuildState::Succeeded, 1) };
        assert_eq!((build.state(), results), expected, "build {id}");
    }
    assert!(world.store.read().await.unwrap().active_jobs(None).await.unwrap().is_empty());
}
