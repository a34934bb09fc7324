//! Groups, rights, tokens; builds that wait for others; copies of projects; packages.

use std::time::Duration;

use model::{
    BuildId, CheckoutSystem, PackageName, PackageSettings, PackageSource, ProjectName, ProjectSettings, RightState,
};
use service::{BuildOrder, ErrorKind, NewBuild, NewFork, NewProject, QueueWish, RightChange, ServiceError, User};

use crate::kit::{World, name, refusal, target, url_build};

fn project_called(text: &str) -> NewProject {
    let targets = vec![target("debian-12", "x86_64")];
    NewProject { name: ProjectName::parse(text).unwrap(), settings: ProjectSettings::default(), targets }
}

fn right(user: &User, edit: Option<RightState>, build: Option<RightState>) -> RightChange {
    RightChange { user: user.name.clone(), edit, build }
}

#[tokio::test]
async fn members_own_the_projects_of_their_group_and_creators_do_not() {
    let world = World::new().await;
    let (admin, alice, bob) = (world.admin().await, world.user("alice").await, world.user("bob").await);
    let service = &world.service;
    assert_eq!(refusal(service.create_group(&alice, &name("team")).await).0, ErrorKind::Denied);
    assert_eq!(refusal(service.create_group(&admin, &name("alice")).await).0, ErrorKind::Conflicting);
    service.create_group(&admin, &name("team")).await.unwrap();
    assert_eq!(refusal(service.create_user(&admin, &name("team"), false).await).0, ErrorKind::Conflicting);
    let new = || project_called("team:tools");
    assert_eq!(refusal(service.create_project(&alice, new()).await).0, ErrorKind::Denied);
    service.set_member(&admin, &name("team"), &alice.name, true).await.unwrap();
    let project = service.create_project(&alice, new()).await.unwrap().id;
    assert_eq!(refusal(service.submit(&bob, url_build(project)).await).0, ErrorKind::Denied);
    service.set_member(&admin, &name("team"), &bob.name, true).await.unwrap();
    service.submit(&bob, url_build(project)).await.unwrap();
    service.set_member(&admin, &name("team"), &alice.name, false).await.unwrap();
    assert_eq!(refusal(service.submit(&alice, url_build(project)).await).0, ErrorKind::Denied);
    assert_eq!(service.groups().await.unwrap()[0].members, [bob.name]);
}

#[tokio::test]
async fn rights_are_asked_for_given_and_taken() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let project = world.project(&alice, "tools").await;
    let service = &world.service;
    assert_eq!(refusal(service.rights(&bob, project).await).0, ErrorKind::Denied);
    assert!(service.request_rights(&bob, project, Some(true), Some(true)).await.unwrap());
    assert!(!service.request_rights(&bob, project, Some(true), None).await.unwrap());
    assert!(!service.may_build(&bob, project).await.unwrap());
    let denied = service.set_rights(&bob, project, &[right(&bob, Some(RightState::Approved), None)]).await;
    assert_eq!(refusal(denied).0, ErrorKind::Denied);
    service.set_rights(&alice, project, &[right(&bob, None, Some(RightState::Approved))]).await.unwrap();
    let build = service.submit(&bob, url_build(project)).await.unwrap();
    let edit = |user| service.update_project(user, project, ProjectSettings::default());
    assert_eq!(refusal(edit(&bob).await).0, ErrorKind::Denied);
    service.cancel(&bob, build).await.unwrap();
    assert_eq!(refusal(service.delete(&bob, build).await).0, ErrorKind::Denied);
    service.set_rights(&alice, project, &[right(&bob, Some(RightState::Approved), None)]).await.unwrap();
    edit(&bob).await.unwrap();
    service.delete(&bob, build).await.unwrap();
    assert_eq!(refusal(service.delete_project(&bob, project).await).0, ErrorKind::Denied);
    let own = service.set_rights(&alice, project, &[right(&alice, Some(RightState::Nothing), None)]).await;
    assert!(matches!(own, Err(ServiceError::OwnsProject { .. })), "{own:?}");
}

#[tokio::test]
async fn changes_of_rights_happen_all_or_not_at_all() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let project = world.project(&alice, "tools").await;
    let nobody = RightChange { user: name("nobody"), edit: Some(RightState::Approved), build: None };
    let changes = [right(&bob, Some(RightState::Approved), None), nobody];
    assert_eq!(refusal(world.service.set_rights(&alice, project, &changes).await).0, ErrorKind::Missing);
    assert_eq!(world.service.rights(&alice, project).await.unwrap(), []);
}

#[tokio::test]
async fn tokens_are_renewed_listed_and_revoked() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let service = &world.service;
    let hour = Duration::from_secs(3600);
    let first = service.create_token(&alice, &alice.name, hour).await.unwrap();
    let second = service.renew_token(&alice, &first.login, hour).await.unwrap();
    assert_eq!(service.authenticate(&first.login, &first.token).await.unwrap(), None);
    assert!(service.authenticate(&second.login, &second.token).await.unwrap().is_some());
    assert_eq!(service.tokens(&alice, &alice.name).await.unwrap().len(), 1);
    assert_eq!(refusal(service.tokens(&bob, &alice.name).await).0, ErrorKind::Denied);
    assert_eq!(refusal(service.revoke_tokens(&bob, &alice.name, None).await).0, ErrorKind::Denied);
    assert_eq!(service.revoke_tokens(&alice, &alice.name, None).await.unwrap(), 1);
    assert_eq!(service.authenticate(&second.login, &second.token).await.unwrap(), None);
}

#[tokio::test]
async fn roles_are_given_by_others() {
    let world = World::new().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    assert_eq!(refusal(world.service.set_admin(&alice, &alice.name, true).await).0, ErrorKind::Denied);
    assert_eq!(refusal(world.service.set_admin(&admin, &admin.name, false).await).0, ErrorKind::Invalid);
    world.service.set_admin(&admin, &alice.name, true).await.unwrap();
    assert!(world.service.users().await.unwrap().iter().all(|user| user.admin));
}

async fn tied(
    world: &World,
    who: &User,
    project: model::ProjectId,
    order: BuildOrder,
) -> Result<BuildId, ServiceError> {
    let queue = QueueWish { background: false, order };
    world.service.submit(who, NewBuild { queue, ..url_build(project) }).await
}

#[tokio::test]
async fn a_batch_waits_until_all_of_the_other_is_finished() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let first = world.submit(&alice, project).await;
    let beside = tied(&world, &alice, project, BuildOrder::With(first)).await.unwrap();
    let after = tied(&world, &alice, project, BuildOrder::After(first)).await.unwrap();
    let last = tied(&world, &alice, project, BuildOrder::After(after)).await.unwrap();
    let held = async |build: BuildId| world.service.build(build).await.unwrap().held;
    let all = async || [held(first).await, held(beside).await, held(after).await, held(last).await];
    assert_eq!(all().await, [false, false, true, true]);
    // The planner does not even see what waits.
    world.prepare(first).await;
    let mut session = world.store.write().await.unwrap();
    session.begin_source(after).await.unwrap();
    drop(session);
    world.service.cancel(&alice, first).await.unwrap();
    assert_eq!(all().await, [false, false, true, true]);
    world.service.cancel(&alice, beside).await.unwrap();
    assert_eq!(all().await, [false, false, false, true]);
    world.service.cancel(&alice, after).await.unwrap();
    assert_eq!(all().await, [false; 4]);
}

#[tokio::test]
async fn held_builds_are_not_planned() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let first = world.submit(&alice, project).await;
    let after = tied(&world, &alice, project, BuildOrder::After(first)).await.unwrap();
    let mut session = world.store.write().await.unwrap();
    let tree = store::SourceTree {
        recipe_file: model::FileName::parse("a.dsc").unwrap(),
        recipe_kind: pkg::RecipeKind::Dsc,
        files: Vec::new(),
    };
    session.begin_source(after).await.unwrap();
    let package = PackageName::parse("a").unwrap();
    session.store_source(after, &tree, &package, "1", world.now()).await.unwrap();
    assert_eq!(session.pending_tasks().await.unwrap(), []);
    session.commit().await.unwrap();
    world.service.cancel(&alice, first).await.unwrap();
    let pending = world.store.read().await.unwrap().pending_tasks().await.unwrap();
    assert_eq!(pending.iter().map(|task| task.build).collect::<Vec<_>>(), [after]);
}

#[tokio::test]
async fn nobody_ties_builds_to_what_is_finished_or_not_theirs() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (tools, others) = (world.project(&alice, "tools").await, world.project(&bob, "tools").await);
    let build = world.submit(&alice, tools).await;
    for order in [BuildOrder::With(build), BuildOrder::After(build)] {
        assert_eq!(refusal(tied(&world, &bob, others, order).await).0, ErrorKind::Denied, "{order:?}");
    }
    world.service.cancel(&alice, build).await.unwrap();
    let late = tied(&world, &alice, tools, BuildOrder::After(build)).await;
    assert!(matches!(late, Err(ServiceError::BatchFinished { .. })), "{late:?}");
    let missing = tied(&world, &alice, tools, BuildOrder::With(BuildId::new(999))).await;
    assert_eq!(refusal(missing).0, ErrorKind::Missing);
}

#[tokio::test]
async fn a_copy_has_the_newest_results_and_lives_without_the_original() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    world.succeed(job, "result").await;
    let fork =
        |into_existing| NewFork { from: project, name: ProjectName::parse("home:bob:copy").unwrap(), into_existing };
    let copy = world.service.fork_project(&bob, fork(false)).await.unwrap();
    assert!(matches!(world.service.fork_project(&bob, fork(false)).await, Err(ServiceError::ProjectExists { .. })));
    assert_eq!(refusal(world.service.fork_project(&alice, fork(true)).await).0, ErrorKind::Denied);
    world.service.delete(&alice, build).await.unwrap();
    world.service.delete_project(&alice, project).await.unwrap();
    let filter = service::BuildFilter { project: Some(copy.id), ..Default::default() };
    let builds = world.service.builds(&filter).await.unwrap();
    assert_eq!(builds.len(), 1);
    assert_eq!((builds[0].state().as_str(), builds[0].version.as_deref()), ("succeeded", Some("2.10-3")));
    let results = world.service.results(builds[0].tasks[0].id).await.unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(std::fs::read(&results[0].path).unwrap(), b"result");
    let package = PackageName::parse("hello").unwrap();
    let package = world.service.package(copy.id, &package).await.unwrap();
    let (newest, good) = world.service.newest_builds(&package).await.unwrap();
    assert_eq!(newest.map(|build| build.id), good.map(|build| build.id));
    assert_eq!(world.service.newest_tasks(copy.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn packages_have_sources_and_lose_them() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let project = world.project(&alice, "tools").await;
    let hello = PackageName::parse("hello").unwrap();
    let source = PackageSource::Checkout {
        system: CheckoutSystem::Git,
        url: "https://example.org/hello.git".to_owned(),
        revision: String::new(),
        folder: String::new(),
        recipe: String::new(),
        method: "rpkg".to_owned(),
    };
    let settings = PackageSettings { max_builds: 1, ..PackageSettings::default() };
    let service = &world.service;
    let add = |who| service.add_package(who, project, &hello, source.clone(), settings.clone());
    assert_eq!(refusal(add(&bob).await).0, ErrorKind::Denied);
    let package = add(&alice).await.unwrap();
    assert_eq!(refusal(add(&alice).await).0, ErrorKind::Conflicting);
    let builds = [world.submit_prepared(&alice, project).await, world.submit_prepared(&alice, project).await];
    for _ in builds {
        let job = world.claim().await.unwrap().job;
        world.succeed(job, "result").await;
    }
    service.reconcile("prune").await.unwrap();
    assert!(service.build(builds[0]).await.is_err(), "only one build is kept");
    assert!(service.build(builds[1]).await.is_ok());
    let reset = service.update_package(&alice, project, &hello, None, settings).await.unwrap();
    assert_eq!((reset.id, reset.source), (package.id, None));
    service.delete_package(&alice, project, &hello).await.unwrap();
    assert!(service.build(builds[1]).await.is_err());
    assert_eq!(refusal(service.package(project, &hello).await).0, ErrorKind::Missing);
}
