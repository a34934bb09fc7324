//! Users, tokens, and who may do what.

use std::time::Duration;

use model::{ProjectName, ProjectSettings};
use service::{Action, ErrorKind, NewProject, ServiceError, User};

use crate::kit::{World, name, refusal, target, url_build};

#[tokio::test]
async fn the_first_admin_is_given_out_once() {
    let world = World::new().await;
    let token = world.service.first_admin().await.unwrap().expect("a fresh folder has no administrator");
    assert_eq!(token.user.as_str(), "admin");
    assert!(world.service.first_admin().await.unwrap().is_none());
    let world = world.restart().await;
    assert!(world.service.first_admin().await.unwrap().is_none());
    let admin = world.service.authenticate(&token.login, &token.token).await.unwrap().unwrap();
    assert!(admin.admin);
}

#[tokio::test]
async fn a_token_works_until_it_expires_and_only_with_its_own_secret() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let token = world.service.create_token(&alice, &alice.name, Duration::from_secs(60)).await.unwrap();
    let other = world.service.create_token(&alice, &alice.name, Duration::from_secs(60)).await.unwrap();
    let who = async |login: &str, secret: &str| world.service.authenticate(login, secret).await.unwrap();
    assert_eq!(who(&token.login, &token.token).await, Some(alice));
    for (login, secret) in [
        (token.login.as_str(), other.token.as_str()),
        (&token.login, ""),
        (&token.login, "' OR 1=1 --"),
        ("' OR 1=1 --", &token.token),
        ("", &token.token),
    ] {
        assert_eq!(who(login, secret).await, None, "{login} {secret}");
    }
    world.advance(Duration::from_secs(60));
    assert_eq!(who(&token.login, &token.token).await, None);
}

#[tokio::test]
async fn the_secret_of_a_token_is_nowhere_in_the_data_folder() {
    let world = World::new().await;
    let token = world.service.first_admin().await.unwrap().unwrap();
    for file in ["kiln.db", "kiln.db-wal"] {
        let bytes = std::fs::read(world.config.data_dir.join(file)).unwrap();
        let holds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!holds(&token.token), "{file}");
    }
    assert!(!format!("{token:?}").contains(&token.token));
}

#[tokio::test]
async fn only_administrators_make_users_and_tokens_of_others() {
    let world = World::new().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    let denied = refusal(world.service.create_user(&alice, &name("bob"), true).await);
    assert_eq!(denied, (ErrorKind::Denied, "alice may not administer user bob".to_owned()));
    let bob = world.service.create_user(&admin, &name("bob"), false).await.unwrap();
    let again = refusal(world.service.create_user(&admin, &name("bob"), true).await);
    assert_eq!(again, (ErrorKind::Conflicting, "there is a user bob already".to_owned()));
    let hour = Duration::from_secs(3600);
    assert_eq!(refusal(world.service.create_token(&alice, &bob.name, hour).await).0, ErrorKind::Denied);
    assert_eq!(world.service.create_token(&admin, &bob.name, hour).await.unwrap().user, bob.name);
    assert_eq!(refusal(world.service.create_token(&admin, &name("eve"), hour).await).0, ErrorKind::Missing);
}

fn denied<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> Action {
    match result.unwrap_err() {
        ServiceError::Denied { action, .. } => action,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_stranger_may_read_everything_and_change_nothing() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let service = &world.service;
    let project = world.project(&alice, "tools").await;
    let build = world.submit(&alice, project).await;
    let debian = target("debian-12", "x86_64");

    let squatted = ProjectName::parse("home:alice:more").unwrap();
    let new = NewProject { name: squatted, settings: ProjectSettings::default(), targets: Vec::new() };
    assert_eq!(denied(service.create_project(&bob, new).await), Action::CreateProject);
    let settings = ProjectSettings::default();
    assert_eq!(denied(service.update_project(&bob, project, settings).await), Action::EditProject);
    assert_eq!(denied(service.enable_target(&bob, project, &debian, Vec::new()).await), Action::EditProject);
    assert_eq!(
        denied(service.set_additions(&bob, project, &debian, model::TargetAdditions::default()).await),
        Action::EditProject
    );
    assert_eq!(denied(service.disable_target(&bob, project, &debian).await), Action::EditProject);
    assert_eq!(denied(service.set_config(&bob, project, b"x".to_vec(), "").await), Action::EditProject);
    assert_eq!(denied(service.submit(&bob, url_build(project)).await), Action::SubmitBuild);
    assert_eq!(denied(service.cancel(&bob, build).await), Action::CancelBuild);
    assert_eq!(denied(service.delete(&bob, build).await), Action::DeleteBuild);
    assert_eq!(denied(service.delete_project(&bob, project).await), Action::DeleteProject);

    assert_eq!(world.states(build).await, "pending: waiting");
    assert_eq!(service.config(project).await.unwrap().revision, 0);
    assert!(service.repositories(project).await.unwrap()[0].arches[0].enabled);
}

#[tokio::test]
async fn an_administrator_may_do_everything_to_the_projects_of_others() {
    let world = World::new().await;
    let (admin, alice): (User, User) = (world.admin().await, world.user("alice").await);
    let service = &world.service;
    let project = world.project(&alice, "tools").await;
    let build = world.submit(&admin, project).await;
    service.set_config(&admin, project, b"Prefer: a".to_vec(), "why").await.unwrap();
    service.update_project(&admin, project, ProjectSettings::default()).await.unwrap();
    service.cancel(&admin, build).await.unwrap();
    service.delete(&admin, build).await.unwrap();
    service.delete_project(&admin, project).await.unwrap();
    assert_eq!(refusal(service.project(project).await).0, ErrorKind::Missing);
}
