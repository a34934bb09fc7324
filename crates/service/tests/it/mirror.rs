//! Mirrored distributions, on an archive that misbehaves.

use std::time::Duration;

use model::{ProjectId, Timestamp};
use service::DistributionOptions;
use testkit::http::Trouble;

use crate::kit::{World, refusal};
use testkit::archive::Archive;

/// How a service takes a test's archive for the distribution `debian-12`.
pub(crate) fn archive_options(archive: &Archive) -> DistributionOptions {
    DistributionOptions {
        mirror_url: Some(archive.url()),
        security_url: Some(archive.url()),
        arches: vec![pkg::Arch::parse("x86_64").unwrap()],
        keyring: Some(archive.keyring()),
        ..DistributionOptions::default()
    }
}

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// A service whose clock stands in 2023 and that tries again at once.
pub(crate) async fn world() -> World {
    let world = World::with(|config| {
        config.allow_private_sources = true;
        config.retry.first_delay = Duration::from_millis(1);
        config.retry.max_delay = Duration::from_millis(2);
    })
    .await;
    world.advance(19_600 * DAY);
    world
}

async fn add(world: &World, archive: &Archive) -> ProjectId {
    let admin = world.admin().await;
    world.service.add_distribution(&admin, "debian-12", archive_options(archive)).await.unwrap().id
}

async fn refusal_of_refresh(world: &World, project: ProjectId, archive: &Archive) -> String {
    let (kind, text) = refusal(world.service.refresh_mirrors(project).await);
    assert_eq!(kind, service::ErrorKind::Busy);
    text.replace(&archive.server.url(""), "").replace(archive.folder.path().to_str().unwrap(), "FOLDER")
}

#[tokio::test]
async fn only_what_changed_is_fetched_again() {
    let world = world().await;
    let mut archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    let status = world.service.refresh_mirrors(project).await.unwrap();
    // Two suites are empty and share one index.
    assert_eq!((status.packages, status.fetched), (29, 2));
    archive.server.take_requests();
    assert_eq!(world.service.refresh_mirrors(project).await.unwrap().fetched, 0);
    assert_eq!(
        archive.server.take_requests(),
        [
            "debian/dists/bookworm-security/InRelease 304",
            "debian/dists/bookworm-updates/InRelease 304",
            "debian/dists/bookworm/InRelease 304",
        ]
    );
    world.advance(DAY);
    archive.add("P: more");
    archive.publish(world.now());
    let status = world.service.refresh_mirrors(project).await.unwrap();
    assert_eq!((status.packages, status.fetched), (30, 1));
    let requests = archive.server.take_requests();
    assert!(requests.iter().any(|request| request.contains("/by-hash/SHA256/")), "{requests:?}");
}

#[tokio::test]
async fn a_passing_trouble_is_not_noticed() {
    let world = world().await;
    let archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    for path in archive.server.paths() {
        archive.server.misbehave(&path, Trouble::Status(500), 1);
    }
    assert_eq!(world.service.refresh_mirrors(project).await.unwrap().packages, 29);
}

#[tokio::test]
async fn an_archive_that_stays_broken_is_named_with_its_reason_and_the_old_indices_stay() {
    let world = world().await;
    let archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    world.service.refresh_mirrors(project).await.unwrap();
    let release = "debian/dists/bookworm/InRelease";
    archive.server.misbehave(release, Trouble::Status(503), 99);
    assert_eq!(
        refusal_of_refresh(&world, project, &archive).await,
        "mirror of Debian:12: debian/dists/bookworm/InRelease: the server answered 503"
    );
    archive.server.misbehave(release, Trouble::Replace(b"<html>".to_vec()), 99);
    assert_eq!(
        refusal_of_refresh(&world, project, &archive).await,
        "mirror of Debian:12: debian/dists/bookworm/InRelease: not a clearsigned message"
    );
    archive.server.misbehave(release, Trouble::Status(404), 99);
    assert!(refusal_of_refresh(&world, project, &archive).await.ends_with("answered 404"));
    archive.server.misbehave(release, Trouble::Status(500), 0);
    assert_eq!(world.service.refresh_mirrors(project).await.unwrap().packages, 29);
}

#[tokio::test]
async fn a_forged_archive_is_refused() {
    let world = world().await;
    let archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    world.service.refresh_mirrors(project).await.unwrap();
    world.advance(DAY);
    let other = Archive::new("P: trojan", world.now());
    std::fs::copy(archive.folder.path().join("keys.gpg"), other.folder.path().join("keys.gpg")).unwrap();
    let admin = world.admin().await;
    // The same seed at another time is another key.
    world.service.add_distribution(&admin, "debian-12", archive_options(&other)).await.unwrap();
    let text = refusal_of_refresh(&world, project, &other).await;
    assert!(text.starts_with("mirror of Debian:12: debian/dists/bookworm-security/InRelease: "), "{text}");
}

#[tokio::test]
async fn an_archive_out_of_date_or_gone_back_in_time_is_refused() {
    let world = world().await;
    let archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    world.advance(DAY);
    archive.publish(world.now());
    world.service.refresh_mirrors(project).await.unwrap();
    archive.publish(Timestamp::from_millis(world.now().as_millis() - 3_600_000));
    let text = refusal_of_refresh(&world, project, &archive).await;
    assert!(text.ends_with("older than the one fetched before; the mirror went back in time"), "{text}");
    archive.publish(world.now());
    world.advance(8 * DAY);
    let text = refusal_of_refresh(&world, project, &archive).await;
    assert!(text.starts_with("mirror of Debian:12: debian/dists/bookworm-security/InRelease: "), "{text}");
    assert!(text.to_lowercase().contains("valid"), "{text}");
    archive.publish(world.now());
    assert_eq!(world.service.refresh_mirrors(project).await.unwrap().packages, 29, "a fresh one is taken again");
}

#[tokio::test]
async fn a_release_that_was_tampered_with_is_refused() {
    let world = world().await;
    let mut archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    world.service.refresh_mirrors(project).await.unwrap();
    world.advance(DAY);
    archive.add("P: more");
    archive.publish(world.now());
    let path = "debian/dists/bookworm/InRelease";
    let honest = String::from_utf8(archive.server.get(path)).unwrap();
    let tampered = honest.replacen("Origin: Test", "Origin: Tess", 1);
    assert_ne!(honest, tampered);
    archive.server.misbehave(path, Trouble::Replace(tampered.into_bytes()), 99);
    let text = refusal_of_refresh(&world, project, &archive).await;
    assert!(text.starts_with(&format!("mirror of Debian:12: {path}: ")) && text.contains("signature"), "{text}");
    archive.server.misbehave(path, Trouble::Status(500), 0);
    assert_eq!(world.service.refresh_mirrors(project).await.unwrap().packages, 30);
}

#[tokio::test]
async fn an_index_that_is_not_the_signed_one_is_refused_and_named() {
    let world = world().await;
    let mut archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    world.service.refresh_mirrors(project).await.unwrap();
    world.advance(DAY);
    archive.add("P: more");
    archive.publish(world.now());
    let of_index = |path: &String| path.contains("dists/bookworm/") && path.contains("binary-amd64");
    for path in archive.server.paths().into_iter().filter(of_index) {
        archive.server.misbehave(&path, Trouble::Garble, 99);
    }
    let text = refusal_of_refresh(&world, project, &archive).await;
    assert!(text.starts_with("mirror of Debian:12: ") && text.contains("SHA-256"), "{text}");
    archive.publish(world.now());
    for path in archive.server.paths() {
        archive.server.misbehave(&path, Trouble::Garble, 0);
    }
    assert_eq!(world.service.refresh_mirrors(project).await.unwrap().packages, 30);
}

#[tokio::test]
async fn an_archive_that_changes_while_it_is_read_is_read_again() {
    let world = world().await;
    let mut archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    // The old InRelease once more, then the new archive: its by-hash file is gone, and the index by name is another one.
    let path = "debian/dists/bookworm/InRelease";
    let old = archive.server.get(path);
    world.advance(DAY);
    archive.add("P: more");
    archive.publish(world.now());
    archive.server.misbehave(path, Trouble::Replace(old), 1);
    assert_eq!(world.service.refresh_mirrors(project).await.unwrap().packages, 30);
}

#[tokio::test]
async fn a_missing_keyring_says_what_to_install() {
    let world = world().await;
    let archive = Archive::new("", world.now());
    let admin = world.admin().await;
    let mut options = archive_options(&archive);
    options.keyring = Some("/nonexistent.gpg".to_owned());
    let project = world.service.add_distribution(&admin, "debian-12", options).await.unwrap().id;
    let text = refusal_of_refresh(&world, project, &archive).await;
    assert!(text.ends_with("install the distribution's keyring package"), "{text}");
}

#[tokio::test]
async fn adding_a_distribution_again_keeps_what_people_wrote() {
    let world = world().await;
    let archive = Archive::new("", world.now());
    let project = add(&world, &archive).await;
    let admin = world.admin().await;
    let preset = world.service.config(project).await.unwrap();
    assert_eq!(preset.comment, "preset debian-12");
    assert_eq!(add(&world, &archive).await, project);
    assert_eq!(world.service.config(project).await.unwrap().revision, preset.revision);
    world.service.set_config(&admin, project, b"Type: dsc\n".to_vec(), "mine").await.unwrap();
    add(&world, &archive).await;
    assert_eq!(world.service.config(project).await.unwrap().comment, "mine");
    let user = world.user("alice").await;
    let (kind, _) = refusal(world.service.add_distribution(&user, "debian-12", archive_options(&archive)).await);
    assert_eq!(kind, service::ErrorKind::Denied);
}
