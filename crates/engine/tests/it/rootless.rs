//! The engine of a user who is not root: the same sandboxes from subordinate ids.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use engine::{CancelToken, Engine, EngineError, JobRunner as _};
use model::{JobOutcome, RootSpec};
use pkg::Sha256;

use crate::kit::{self, GOOD, Sink, source};

/// Name and ids of a user with subordinate ids.
fn user() -> Option<(String, u32, u32)> {
    let subuid = fs::read_to_string("/etc/subuid").ok()?;
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    subuid.lines().find_map(|line| {
        let name = line.split(':').next()?;
        let mut fields = passwd.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').skip(2);
        let ids = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (ids.0 != 0).then(|| (name.to_owned(), ids.0, ids.1))
    })
}

/// Runs another test of this program as that user; `None` if there is none.
fn as_user(test: &str, range: bool) -> Option<String> {
    let kit = kit::kit()?;
    let Some((name, uid, gid)) = user() else {
        eprintln!("skipped: /etc/subuid names no user");
        return None;
    };
    let state = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(state.path(), Some(uid), Some(gid)).unwrap();
    let root = serde_json::to_vec(&(&kit.root, &kit.paths.iter().collect::<Vec<_>>())).unwrap();
    fs::write(state.path().join("root.json"), root).unwrap();
    let output = Command::new("setpriv")
        .arg(format!("--reuid={}", if range { uid } else { 65_533 }))
        .arg(format!("--regid={}", if range { gid } else { 65_533 }))
        .arg("--clear-groups")
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .env("KILN_TEST_STATE", state.path())
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let text =
        format!("as {name}: {}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    Some(text)
}

#[test]
fn a_user_with_subordinate_ids_can_build() {
    as_user("rootless::build_as_this_user", true);
}

#[test]
fn a_user_without_subordinate_ids_is_refused_with_the_reason() {
    as_user("rootless::open_as_this_user", false);
}

#[test]
#[ignore = "run by another test, as another user"]
fn open_as_this_user() {
    let state = std::env::temp_dir().join(format!("kiln-refused-{}", std::process::id()));
    let refused = Engine::open(kit::config(state.clone()));
    let _ = fs::remove_dir_all(state);
    let Err(EngineError::Machine { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("newuidmap") || reason.contains("/etc/subuid"), "{reason}");
}

#[test]
#[ignore = "run by another test, as another user"]
fn build_as_this_user() {
    let state = std::env::var_os("KILN_TEST_STATE").unwrap();
    let folder = PathBuf::from(state);
    let (root, paths): (RootSpec, Vec<(Sha256, PathBuf)>) =
        serde_json::from_slice(&fs::read(folder.join("root.json")).unwrap()).unwrap();
    let state = folder.join("state");
    let engine = Engine::open(kit::config(state.clone())).unwrap();
    let kit = kit::Kit { engine, root, paths: paths.into_iter().collect() };
    let folder = tempfile::tempdir().unwrap();
    let (job, files) = kit.job(&source(folder.path(), GOOD));
    for warm in [false, true] {
        let sink = Sink::default();
        let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
        assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
        assert_eq!(report.warm_root, warm);
    }
    drop(kit);
    // A new engine removes what belongs to ids of sandboxes.
    let reopened = Engine::open(kit::config(state)).unwrap();
    drop(reopened);
}
