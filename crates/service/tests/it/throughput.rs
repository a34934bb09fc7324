//! Builds that cost nothing, end to end: what the service itself costs.

use std::time::Instant;

use crate::kit::World;

const BUILDS: usize = 200;

/// Two workers drain 200 builds that leave one package each; every step is a transaction of its own. The figure is printed
/// and not asserted: other tests share the machine. What is asserted is that nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_drain_two_hundred_builds() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let clock = Instant::now();
    for _ in 0..BUILDS {
        world.submit_prepared(&alice, project).await;
    }
    let submitted = clock.elapsed();
    let (one, two) = tokio::join!(work(&world, 0), work(&world, 1));
    let took = clock.elapsed();
    assert_eq!(one + two, BUILDS);
    let status = world.service.status().await.unwrap();
    assert_eq!((status.builds, status.unfinished_builds), (BUILDS as u64, 0));
    let rate = u128::try_from(BUILDS).unwrap() * 1000 / took.as_millis().max(1);
    println!("{BUILDS} builds in {took:?} ({submitted:?} of it to submit and plan): {rate} a second");
}

async fn work(world: &World, worker: usize) -> usize {
    let mut done = 0;
    while let Some(spec) = world.claim().await {
        let folder = world.folder.path().join(format!("worker-{worker}"));
        std::fs::create_dir_all(&folder).unwrap();
        world.service.job_phase(spec.job, model::Phase::Recipe).await.unwrap();
        world.write_log(spec.job, "a line of log\n");
        let content = format!("package of job {}", spec.job);
        let result = crate::kit::package("hello_2.10-3_amd64.deb", &content);
        let path = folder.join("result");
        std::fs::write(&path, &content).unwrap();
        world.service.store_result(spec.job, &result, &path).await.unwrap();
        world.service.finish(spec.job, crate::kit::succeeded(vec![result])).await.unwrap();
        done += 1;
    }
    done
}
