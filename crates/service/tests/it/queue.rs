//! Whose turn it is, what is kept of old builds, and projects that name others.

use std::time::Duration;

use model::{ProjectName, ProjectSettings, TaskState};
use service::{NewBuild, NewProject, QueueWish};

use crate::kit::{World, target, url_build};

#[tokio::test]
async fn what_nobody_waits_for_never_goes_before_what_somebody_waits_for() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (tools, things) = (world.project(&alice, "tools").await, world.project(&bob, "things").await);
    let queue = QueueWish { background: true, ..QueueWish::default() };
    let background = world.service.submit(&alice, NewBuild { queue, ..url_build(tools) }).await.unwrap();
    world.prepare(background).await;
    // Bob has been served already, and has more running than alice: his turn all the same.
    for _ in 0..2 {
        let build = world.submit_prepared(&bob, things).await;
        world.claim().await.unwrap();
        assert_eq!(world.task(build).await.state, TaskState::Starting);
        assert_eq!(world.task(background).await.state, TaskState::Pending);
    }
    world.claim().await.unwrap();
    assert_eq!(world.task(background).await.state, TaskState::Starting);
}

#[tokio::test]
async fn results_that_newer_ones_replaced_go_after_two_weeks_unless_the_project_keeps_them() {
    let world = World::new().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    let (forgetful, keeping) = (world.project(&alice, "tools").await, world.project(&alice, "archive").await);
    let settings = ProjectSettings { keep_old_builds: true, ..ProjectSettings::default() };
    world.service.update_project(&admin, keeping, settings).await.unwrap();
    let mut tasks = Vec::new();
    for project in [forgetful, forgetful, keeping, keeping] {
        let build = world.submit_prepared(&alice, project).await;
        let job = world.claim().await.unwrap().job;
        world.succeed(job, &format!("{build}")).await;
        tasks.push(world.task(build).await.id);
    }
    let kept = async || {
        let mut kept = Vec::new();
        for task in &tasks {
            kept.push(world.service.results(*task).await.unwrap().len());
        }
        kept
    };
    world.advance(Duration::from_secs(13 * 24 * 3600));
    world.service.reconcile("prune").await.unwrap();
    assert_eq!(kept().await, [1, 1, 1, 1]);
    world.advance(Duration::from_secs(2 * 24 * 3600));
    world.service.reconcile("prune").await.unwrap();
    assert_eq!(kept().await, [0, 1, 1, 1]);
    world.service.update_project(&admin, keeping, ProjectSettings::default()).await.unwrap();
    world.service.reconcile("prune").await.unwrap();
    assert_eq!(kept().await, [0, 1, 0, 1]);
}

#[tokio::test]
async fn results_stay_when_the_build_that_replaced_them_is_deleted() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let mut builds = Vec::new();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        builds.push(world.submit_prepared(&alice, project).await);
        jobs.push(world.claim().await.unwrap().job);
    }
    // The second is done before the first, so the first is replaced when it ends.
    for place in [1, 0, 2] {
        world.succeed(jobs[place], &format!("result {place}")).await;
    }
    world.service.delete(&alice, builds[2]).await.unwrap();
    world.advance(Duration::from_secs(15 * 24 * 3600));
    let kept = async |build| world.service.results(world.task(build).await.id).await.unwrap().len();
    world.service.reconcile("prune").await.unwrap();
    assert_eq!((kept(builds[0]).await, kept(builds[1]).await), (0, 1));
    // What looked replaced once is looked at again when it is.
    let newest = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    world.succeed(job, "newest").await;
    world.service.reconcile("prune").await.unwrap();
    assert_eq!((kept(builds[1]).await, kept(newest).await), (0, 1));
}

#[tokio::test]
async fn a_project_that_gains_a_repository_is_found_by_those_that_name_it() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let named = |text: &str| ProjectName::parse(text).unwrap();
    let late = NewProject { name: named("home:alice:late"), settings: ProjectSettings::default(), targets: Vec::new() };
    let late = world.service.create_project(&alice, late).await.unwrap();
    let settings = ProjectSettings {
        extra_repositories: vec!["project://home:alice:late".to_owned()],
        ..ProjectSettings::default()
    };
    let targets = vec![target("debian-12", "x86_64")];
    let user = NewProject { name: named("home:alice:user"), settings, targets };
    let user = world.service.create_project(&alice, user).await.unwrap();
    let path = async || {
        let repositories = world.service.repositories(user.id).await.unwrap();
        repositories[0].path.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(path().await, ["Debian:12/standard"]);
    world.service.enable_target(&alice, late.id, &target("debian-12", "i586"), Vec::new()).await.unwrap();
    assert_eq!(path().await, ["home:alice:late/debian-12", "Debian:12/standard"]);
}
