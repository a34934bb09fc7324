//! The engine of a user who is not root: the same sandboxes from subordinate ids.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use engine::{CancelToken, Engine, EngineError, JobRunner as _};
use model::{JobOutcome, RootSpec};
use pkg::Sha256;

use crate::kit::{self, GOOD, Sink, source};
use crate::rpm_kit::{self, COMPILE};

/// User and group `nobody`, who needs not be made.
const USER: u32 = 65_534;
/// Subordinate ids for it, only in a mount namespace of the test.
const RANGE: &str = "nobody:1879048192:65536\n";

/// Runs another test of this program as that user; `None` where no engine runs.
fn as_user(test: &str, range: bool) -> Option<()> {
    let kit = kit::kit()?;
    if !["/etc/subuid", "/etc/subgid"].iter().all(|file| fs::exists(file).unwrap()) {
        eprintln!("skipped: there is no /etc/subuid to put another one over");
        return None;
    }
    let state = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(state.path(), Some(USER), Some(USER)).unwrap();
    let root = serde_json::to_vec(&(&kit.root, &kit.paths.iter().collect::<Vec<_>>())).unwrap();
    fs::write(state.path().join("root.json"), root).unwrap();
    if let Some(kit) = rpm_kit::rpm_kit().filter(|_| range) {
        let root = serde_json::to_vec(&(kit.root(&[]), kit.paths.iter().collect::<Vec<_>>())).unwrap();
        fs::write(state.path().join("rpm-root.json"), root).unwrap();
    }
    for file in ["subuid", "subgid"] {
        fs::write(state.path().join(file), if range { RANGE } else { "somebody:1879048192:65536\n" }).unwrap();
    }
    let script = "mount --bind $0/subuid /etc/subuid && mount --bind $0/subgid /etc/subgid && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "--", "sh", "-c", script])
        .arg(state.path())
        .args(["setpriv", "--clear-groups"])
        .args([format!("--reuid={USER}"), format!("--regid={USER}")])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .env("KILN_TEST_STATE", state.path())
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let text = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    Some(())
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
    assert!(reason.starts_with("/etc/subuid gives user nobody no range of at least 65535 ids; "), "{reason}");
    assert!(reason.contains("usermod --add-subuids"), "it says what to do: {reason}");
}

#[test]
#[ignore = "run by another test, as another user"]
fn build_as_this_user() {
    let state = std::env::var_os("KILN_TEST_STATE").unwrap();
    let folder = PathBuf::from(state);
    let read = |name: &str| -> Option<(RootSpec, Vec<(Sha256, PathBuf)>)> {
        Some(serde_json::from_slice(&fs::read(folder.join(name)).ok()?).unwrap())
    };
    let (root, paths) = read("root.json").unwrap();
    let rpm_root = read("rpm-root.json");
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
    if let Some((root, paths)) = rpm_root {
        let folder = tempfile::tempdir().unwrap();
        let sources = rpm_kit::source(folder.path(), &rpm_kit::spec("", COMPILE, ""));
        let (job, files) = rpm_kit::spec_job(&kit, root, &paths.into_iter().collect(), &sources);
        let sink = Sink::default();
        let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
        assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    }
    drop(kit);
    // A new engine removes what belongs to ids of sandboxes.
    let reopened = Engine::open(kit::config(state)).unwrap();
    drop(reopened);
}
