//! What is deleted because nothing refers to it, and what is not.

use std::time::Duration;

use pkg::Sha256;

use crate::kit::{World, root};

#[tokio::test]
async fn blobs_live_as_long_as_something_refers_to_them() {
    let world = World::with(|config| config.blob_grace = Duration::ZERO).await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let build = world.submit_prepared(&alice, project).await;
    let job = world.claim().await.unwrap().job;
    world.write_log(job, "log");
    world.succeed(job, "result").await;
    let stray = world.blobs.put(b"stray").unwrap();
    for content in [b"source".as_slice(), b"libc6"] {
        world.blobs.put(content).unwrap();
    }
    let root = Sha256::of(&serde_json::to_vec(&root()).unwrap());
    let kept = [Sha256::of(b"source"), Sha256::of(b"libc6"), Sha256::of(b"result"), root];

    world.service.reconcile("prune").await.unwrap();
    assert!(!world.service.blob_path(&stray).exists());
    for digest in &kept {
        assert!(world.service.blob_path(digest).exists(), "{digest}");
    }
    let log = world.service.log(world.task(build).await.id).await.unwrap().path;
    world.service.delete(&alice, build).await.unwrap();
    assert_eq!(world.service.reconcile("prune").await.unwrap(), 4 + 1 + 1 + 1, "blobs, tree, root, log");
    for digest in &kept {
        assert!(!world.service.blob_path(digest).exists(), "{digest}");
    }
    assert!(!log.exists());
    assert_eq!(world.service.reconcile("prune").await.unwrap(), 0);
}

#[tokio::test]
async fn a_young_blob_is_spared() {
    let world = World::new().await;
    let young = world.blobs.put(b"young").unwrap();
    assert_eq!(world.service.reconcile("prune").await.unwrap(), 0);
    assert!(world.service.blob_path(&young).exists());
}

#[tokio::test]
async fn what_was_kept_for_a_repository_that_is_gone_goes_too() {
    let world = World::with(|config| config.blob_grace = Duration::ZERO).await;
    let alice = world.user("alice").await;
    let project = world.project(&alice, "tools").await;
    let known = world.service.repositories(project).await.unwrap()[0].id.to_string();
    let folder = world.config.data_dir.join("outlines");
    std::fs::create_dir_all(&folder).unwrap();
    for name in [known.as_str(), "987654321", ".tmpHalf"] {
        std::fs::write(folder.join(name), "x").unwrap();
    }
    assert_eq!(world.service.reconcile("prune").await.unwrap(), 2);
    assert!(folder.join(known).exists() && !folder.join("987654321").exists());
}
