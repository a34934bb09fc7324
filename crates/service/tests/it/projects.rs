//! Projects, targets, configuration.

use model::{ProjectName, ProjectSettings, TargetAdditions};
use service::{ErrorKind, NewProject, ProjectFilter};

use crate::kit::{World, refusal, target};

fn new(name: &str) -> NewProject {
    NewProject { name: ProjectName::parse(name).unwrap(), settings: ProjectSettings::default(), targets: Vec::new() }
}

#[tokio::test]
async fn the_name_of_a_deleted_project_is_free_but_its_number_is_not() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let first = world.service.create_project(&alice, new("home:alice:a")).await.unwrap();
    let taken = refusal(world.service.create_project(&alice, new("home:alice:a")).await);
    assert_eq!(taken, (ErrorKind::Conflicting, "there is a project home:alice:a already".to_owned()));
    world.service.delete_project(&alice, first.id).await.unwrap();
    assert_eq!(refusal(world.service.project(first.id).await).1, format!("there is no project {}", first.id));
    assert_eq!(refusal(world.service.project_by_name(&first.name).await).0, ErrorKind::Missing);
    assert_eq!(refusal(world.service.delete_project(&alice, first.id).await).0, ErrorKind::Missing);
    let second = world.service.create_project(&alice, new("home:alice:a")).await.unwrap();
    assert!(second.id > first.id);
    assert_eq!(world.service.project_by_name(&first.name).await.unwrap(), second);
}

#[tokio::test]
async fn projects_are_listed_by_number_owner_and_page() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    for name in ["home:alice:a", "home:alice:b", "home:alice:c"] {
        world.service.create_project(&alice, new(name)).await.unwrap();
    }
    world.service.create_project(&bob, new("home:bob:d")).await.unwrap();
    let list = async |filter: ProjectFilter| {
        let projects = world.service.projects(&filter).await.unwrap();
        projects.iter().map(|project| project.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    let all = ProjectFilter::default();
    assert_eq!(list(all.clone()).await, "home:alice:a home:alice:b home:alice:c home:bob:d");
    let page = ProjectFilter { owner: Some(alice.name), limit: Some(1), offset: 1, ..all.clone() };
    assert_eq!(list(page).await, "home:alice:b");
    assert_eq!(list(ProjectFilter { limit: Some(0), ..all.clone() }).await, "");
    let by_name = ProjectFilter { name: Some(ProjectName::parse("home:bob:d").unwrap()), ..all.clone() };
    assert_eq!(list(by_name).await, "home:bob:d");
    assert_eq!(list(ProjectFilter { owner: Some(crate::kit::name("nobody")), ..all }).await, "");
}

#[tokio::test]
async fn unknown_targets_are_all_named_and_nothing_is_created() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let targets = vec![target("fedora-41", "x86_64"), target("debian-12", "x86_64"), target("debian-12", "s390x")];
    let error = refusal(world.service.create_project(&alice, NewProject { targets, ..new("home:alice:a") }).await);
    assert_eq!(error, (ErrorKind::Invalid, "no distribution offers fedora-41-x86_64, debian-12-s390x".to_owned()));
    assert!(world.service.projects(&ProjectFilter::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn targets_come_and_go_and_come_back() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let service = &world.service;
    let project = world.project(&alice, "tools").await;
    let (amd64, i386) = (target("debian-12", "x86_64"), target("debian-12", "i586"));

    let exists = refusal(service.enable_target(&alice, project, &amd64, Vec::new()).await);
    assert_eq!(
        exists,
        (ErrorKind::Conflicting, "project home:alice:tools has target debian-12-x86_64 already".to_owned())
    );
    service.enable_target(&alice, project, &i386, vec!["make".to_owned()]).await.unwrap();
    service.disable_target(&alice, project, &amd64).await.unwrap();
    service.disable_target(&alice, project, &amd64).await.unwrap();
    service.disable_target(&alice, project, &target("nowhere", "arm")).await.unwrap();

    let repositories = service.repositories(project).await.unwrap();
    assert_eq!(repositories.len(), 1);
    assert_eq!(repositories[0].path.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Debian:12/standard"]);
    let arches: Vec<_> = repositories[0]
        .arches
        .iter()
        .map(|arch| format!("{} {} {:?}", arch.arch, arch.enabled, arch.extra_packages))
        .collect();
    assert_eq!(arches, ["x86_64 false []", "i586 true [\"make\"]"]);

    let build = world.submit(&alice, project).await;
    assert_eq!(world.task(build).await.arch.as_str(), "i586", "a disabled target gets no task");
    service.enable_target(&alice, project, &amd64, Vec::new()).await.unwrap();
    assert_eq!(world.tasks(world.submit(&alice, project).await).await.len(), 2);
}

#[tokio::test]
async fn extra_packages_belong_to_a_target_that_is_there() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let (amd64, i386) = (target("debian-12", "x86_64"), target("debian-12", "i586"));
    let set = async |target, packages: &[&str]| {
        let packages = packages.iter().map(ToString::to_string).collect();
        let additions = TargetAdditions { packages, ..TargetAdditions::default() };
        world.service.set_additions(&alice, project, target, additions).await
    };
    set(&amd64, &["make", "libc6 "].map(str::trim)).await.unwrap();
    let missing = refusal(set(&i386, &[]).await);
    assert_eq!(missing, (ErrorKind::Missing, "project home:alice:tools has no target debian-12-i586".to_owned()));
    for bad in ["", "a b", "a\nb", "a\0", &"x".repeat(300)] {
        assert_eq!(refusal(set(&amd64, &[bad]).await).0, ErrorKind::Invalid, "{bad:?}");
    }
    let repositories = world.service.repositories(project).await.unwrap();
    assert_eq!(repositories[0].arches[0].extra_packages, ["make", "libc6"]);
}

#[tokio::test]
async fn each_changed_configuration_is_a_revision() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let service = &world.service;
    let project = world.project(&alice, "tools").await;
    let empty = service.config(project).await.unwrap();
    assert_eq!((empty.revision, empty.text.len(), empty.author), (0, 0, None));
    let first = service.set_config(&alice, project, b"Prefer: a\xff\n".to_vec(), "first").await.unwrap();
    assert_eq!((first.revision, first.text.as_slice()), (1, b"Prefer: a\xff\n".as_slice()));
    let same = service.set_config(&alice, project, b"Prefer: a\xff\n".to_vec(), "again").await.unwrap();
    assert_eq!((same.revision, same.comment.as_str()), (1, "first"));
    let cleared = service.set_config(&alice, project, Vec::new(), "clear").await.unwrap();
    assert_eq!((cleared.revision, cleared.author), (2, Some(alice.name.clone())));
    let large = refusal(service.set_config(&alice, project, vec![b'#'; 2 << 20], "").await);
    assert_eq!(large.0, ErrorKind::Invalid);
}

#[tokio::test]
async fn settings_are_kept_as_they_were_written() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    world.project(&alice, "base").await;
    let settings = ProjectSettings {
        description: "'); DROP TABLE projects; -- \u{1f9f1}\0\n".to_owned(),
        homepage: Some(String::new()),
        extra_repositories: vec!["project://home:alice:base".to_owned()],
        network: true,
        ..ProjectSettings::default()
    };
    world.service.update_project(&alice, project, settings.clone()).await.unwrap();
    assert_eq!(world.service.project(project).await.unwrap().settings, settings);
    let build = world.submit(&alice, project).await;
    let build = world.service.build(build).await.unwrap();
    assert!(build.network);
    assert_eq!(build.extra_repositories, ["project://home:alice:base"]);
    let path =
        |repositories: Vec<model::Repository>| repositories[0].path.iter().map(ToString::to_string).collect::<Vec<_>>();
    let repositories = world.service.repositories(project).await.unwrap();
    assert_eq!(path(repositories), ["home:alice:base/debian-12", "Debian:12/standard"]);
}

#[tokio::test]
async fn foreign_repositories_are_kept_and_builds_that_would_lack_them_refused() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let with = |entry: &str| ProjectSettings { extra_repositories: vec![entry.to_owned()], ..Default::default() };
    world.service.update_project(&alice, project, with("http://example.org/repo")).await.unwrap();
    let (kind, message) = crate::kit::refusal(world.service.submit(&alice, crate::kit::url_build(project)).await);
    assert_eq!(kind, service::ErrorKind::Invalid);
    assert!(message.starts_with("building against the foreign repository http://example.org/repo"), "{message}");
    let missing = world.service.update_project(&alice, project, with("project://home:alice:nosuch")).await;
    assert_eq!(crate::kit::refusal(missing).0, service::ErrorKind::Missing);
    let nonsense = world.service.update_project(&alice, project, with("project:a b")).await;
    assert_eq!(crate::kit::refusal(nonsense).0, service::ErrorKind::Invalid);
}

#[tokio::test]
async fn a_temporary_project_goes_away_by_itself_with_what_runs_in_it() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let settings = ProjectSettings { delete_after_days: Some(2), ..Default::default() };
    world.service.update_project(&alice, project, settings).await.unwrap();
    let build = world.submit(&alice, project).await;
    world.advance(std::time::Duration::from_secs(2 * 24 * 3600 - 1));
    world.service.reconcile("prune").await.unwrap();
    assert!(world.service.project(project).await.is_ok());
    world.advance(std::time::Duration::from_secs(2));
    world.service.reconcile("prune").await.unwrap();
    assert!(world.service.project(project).await.is_err() && world.service.build(build).await.is_err());
}
