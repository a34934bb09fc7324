//! Submitting, listing, canceling and deleting builds.

use model::{BuildReason, FailureCause, TaskState};
use service::{BuildFilter, ErrorKind, NewBuild, NewSource, TaskFilter, UploadedFile};

use crate::kit::{World, failed, file_name, refusal, succeeded, target, url_build};

#[tokio::test]
async fn a_submitted_build_is_there_with_its_tasks() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.service.build(world.submit(&alice, project).await).await.unwrap();
    assert_eq!(build.reason, BuildReason::Submitted { by: alice.name });
    assert_eq!((build.package, build.version, build.submitted_at), (None, None, world.now()));
    assert_eq!(world.states(build.id).await, "pending: waiting");
    world.prepare(build.id).await;
    let build = world.service.build(build.id).await.unwrap();
    assert_eq!(build.package.unwrap().as_str(), "hello");
    assert_eq!(build.version.as_deref(), Some("2.10-3"));
    assert_eq!(world.states(build.id).await, "pending: pending");
}

#[tokio::test]
async fn bad_submissions_leave_nothing() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let base = url_build(project);
    let cases = [
        NewBuild { source: NewSource::Url("file:///etc/passwd".to_owned()), ..base.clone() },
        NewBuild { source: NewSource::Files(Vec::new()), ..base.clone() },
        NewBuild {
            source: NewSource::Files(vec![UploadedFile {
                name: file_name("a.dsc"),
                bytes: 1,
                sha256: pkg::Sha256::of(b"never uploaded"),
            }]),
            ..base.clone()
        },
    ];
    for case in cases {
        assert_eq!(refusal(world.service.submit(&alice, case).await).0, ErrorKind::Invalid);
    }
    let case = NewBuild { targets: Some(vec![target("debian-12", "i586")]), ..base.clone() };
    assert_eq!(refusal(world.service.submit(&alice, case).await).0, ErrorKind::Missing);
    world.service.disable_target(&alice, project, &target("debian-12", "x86_64")).await.unwrap();
    assert_eq!(refusal(world.service.submit(&alice, base).await).0, ErrorKind::Invalid);
    assert!(world.service.builds(&BuildFilter::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn uploaded_files_are_kept_by_content_and_bounded() {
    let world = World::with(|config| (config.upload_bytes, config.source_bytes) = (1000, 1500)).await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let upload = async |name: &str, content: &[u8]| {
        let mut upload = world.service.upload(&alice, file_name(name)).await?;
        for piece in content.chunks(7) {
            upload.write(piece).await?;
        }
        upload.finish().await
    };
    let (first, second) = (upload("a.dsc", &[b'a'; 900]).await.unwrap(), upload("a.tar", &[b'b'; 600]).await.unwrap());
    assert_eq!(std::fs::read(world.service.blob_path(&first.sha256)).unwrap(), [b'a'; 900]);
    assert_eq!(refusal(upload("big", &[b'c'; 1001]).await).1, "big: larger than the limit of 1000 bytes");

    let submit = async |files: &[&UploadedFile]| {
        let source = NewSource::Files(files.iter().copied().cloned().collect());
        world.service.submit(&alice, NewBuild { source, ..url_build(project) }).await
    };
    let build = submit(&[&first, &second]).await.unwrap();
    let mut session = world.store.read().await.unwrap();
    let open = session.open_sources(world.now(), 10).await.unwrap();
    assert_eq!((open[0].build, open[0].uploads.as_slice()), (build, [first.clone(), second.clone()].as_slice()));
    drop(session);

    let third = upload("c", b"c").await.unwrap();
    assert_eq!(refusal(submit(&[&first, &second, &third]).await).1, "a.dsc: larger than the limit of 1500 bytes");
    assert_eq!(refusal(submit(&[&first, &first]).await).1, "source files: a.dsc is there twice");
    // Nothing half written is left behind.
    assert_eq!(std::fs::read_dir(world.config.data_dir.join("blobs/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn builds_are_listed_newest_first_by_filter_and_page() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (one, two) = (world.project(&alice, "one").await, world.project(&bob, "two").await);
    let mut ids = Vec::new();
    for project in [one, one, two, one] {
        let owner = if project == one { &alice } else { &bob };
        ids.push(world.submit(owner, project).await);
    }
    world.service.cancel(&alice, ids[1]).await.unwrap();
    let list = async |filter: BuildFilter| {
        let builds = world.service.builds(&filter).await.unwrap();
        assert!(builds.iter().all(|build| build.tasks.len() == 1 && build.tasks[0].build == build.id));
        builds.iter().map(|build| ids.iter().position(|id| *id == build.id).unwrap()).collect::<Vec<_>>()
    };
    let all = BuildFilter::default();
    assert_eq!(list(all.clone()).await, [3, 2, 1, 0]);
    assert_eq!(list(BuildFilter { project: Some(one), ..all.clone() }).await, [3, 1, 0]);
    assert_eq!(list(BuildFilter { owner: Some(bob.name), ..all.clone() }).await, [2]);
    assert_eq!(list(BuildFilter { finished: Some(true), ..all.clone() }).await, [1]);
    assert_eq!(list(BuildFilter { finished: Some(false), limit: Some(2), offset: 1, ..all }).await, [2, 0]);
}

#[tokio::test]
async fn tasks_are_listed_oldest_first_by_state() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    world.service.enable_target(&alice, project, &target("debian-12", "i586"), Vec::new()).await.unwrap();
    let builds = [world.submit(&alice, project).await, world.submit(&alice, project).await];
    world.prepare(builds[1]).await;
    let list = async |filter: TaskFilter| {
        let tasks = world.service.tasks(&filter).await.unwrap();
        tasks.iter().map(|task| format!("{}{}", task.build, task.arch)).collect::<Vec<_>>().join(" ")
    };
    let all = TaskFilter { project: Some(project), ..TaskFilter::default() };
    assert_eq!(list(all.clone()).await, "1x86_64 1i586 2x86_64 2i586");
    assert_eq!(list(TaskFilter { states: vec![TaskState::Pending], ..all.clone() }).await, "2x86_64 2i586");
    let some = TaskFilter { owner: Some(alice.name), limit: Some(2), offset: 1, ..TaskFilter::default() };
    assert_eq!(list(some).await, "1i586 2x86_64");
    assert_eq!(list(TaskFilter { build: Some(model::BuildId::new(99)), ..all }).await, "");
}

#[tokio::test]
async fn cancel_ends_every_task_at_once_and_only_unfinished_builds() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let waiting = world.submit(&alice, project).await;
    world.service.cancel(&alice, waiting).await.unwrap();
    assert_eq!(world.states(waiting).await, "canceled: canceled");
    assert_eq!(world.task(waiting).await.ended_at, Some(world.now()));
    assert_eq!(
        refusal(world.service.cancel(&alice, waiting).await),
        (ErrorKind::Conflicting, "build 1 is finished and can not be canceled".to_owned())
    );
    assert!(world.store.read().await.unwrap().open_sources(world.now(), 9).await.unwrap().is_empty());

    let done = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    world.service.finish(job, failed(FailureCause::NoResults)).await.unwrap();
    assert_eq!(world.states(done).await, "failed: failed");
    assert_eq!(refusal(world.service.cancel(&alice, done).await).0, ErrorKind::Conflicting);
    assert_eq!(refusal(world.service.cancel(&alice, model::BuildId::new(77)).await).0, ErrorKind::Missing);
}

#[tokio::test]
async fn delete_takes_only_finished_builds_and_their_numbers_stay_taken() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let unfinished = refusal(world.service.delete(&alice, build).await);
    assert_eq!(unfinished, (ErrorKind::Conflicting, "build 1 is not finished".to_owned()));
    assert_eq!(refusal(world.service.delete_project(&alice, project).await), unfinished);
    let job = world.claim().await.unwrap().job;
    world.succeed(job, "content").await;
    let task = world.task(build).await.id;
    world.service.delete(&alice, build).await.unwrap();
    assert_eq!(refusal(world.service.build(build).await), (ErrorKind::Missing, "there is no build 1".to_owned()));
    assert_eq!(refusal(world.service.results(task).await).0, ErrorKind::Missing);
    assert_eq!(refusal(world.service.log(task).await).0, ErrorKind::Missing);
    // The worker may still speak of the job.
    world.service.finish(job, succeeded(Vec::new())).await.unwrap();
    assert_eq!(world.submit(&alice, project).await.get(), 2);
}

#[tokio::test]
async fn a_source_that_fails_fails_every_task_with_its_cause() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit(&alice, project).await;
    let cause = FailureCause::SourceMissing { url: "http://example.org/a.dsc".to_owned(), status: 404 };
    let mut session = world.store.write().await.unwrap();
    assert!(!session.fail_source(model::BuildId::new(99), &cause, world.now()).await.unwrap());
    assert!(session.begin_source(build).await.unwrap());
    assert!(session.fail_source(build, &cause, world.now()).await.unwrap());
    assert!(!session.fail_source(build, &cause, world.now()).await.unwrap(), "only once");
    session.commit().await.unwrap();
    assert_eq!(world.states(build).await, "failed: failed");
    let build = world.service.build(build).await.unwrap();
    assert_eq!(build.source_failure, Some(cause.clone()));
    assert_eq!((build.tasks[0].failure.clone(), build.tasks[0].ended_at), (Some(cause), Some(world.now())));
    world.service.delete(&alice, build.id).await.unwrap();
}

#[tokio::test]
async fn the_cost_of_a_page_does_not_grow_with_the_number_of_builds() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let cost = async || {
        let before = world.store.statements();
        let filter = BuildFilter { limit: Some(3), ..BuildFilter::default() };
        world.store.read().await.unwrap().builds(&filter).await.unwrap();
        world.store.statements() - before
    };
    for _ in 0..3 {
        world.submit(&alice, project).await;
    }
    let small = cost().await;
    for _ in 0..20 {
        world.submit(&alice, project).await;
    }
    assert_eq!((small, cost().await), (2, 2));
}
