//! Engines that die, and jobs that meet.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine::{CancelToken, Engine, EngineConfig, EngineError, JobRunner as _};
use model::{FailureCause, JobOutcome, Limits};

use crate::kit::{self, GOOD, Kit, Sink, config, kit, source};

#[test]
fn a_state_folder_has_one_engine() {
    let Some(kit) = kit() else { return };
    let second = Engine::open(config(kit.state_dir()));
    assert!(matches!(second, Err(EngineError::Busy { .. })), "{second:?}");
}

#[test]
fn a_helper_that_is_none_is_refused_with_the_reason() {
    if kit().is_none() {
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let mut config = config(state.path().to_owned());
    config.helper.program = PathBuf::from("/bin/true");
    let refused = Engine::open(config);
    let Err(EngineError::Machine { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("/bin/true"), "{reason}");
}

#[test]
fn two_jobs_that_want_the_same_new_root_make_it_once() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut job, files) = kit.job(&source(folder.path(), GOOD));
    // Another order is another root, and dpkg does not mind this one.
    job.root.packages.reverse();
    let run = || {
        let sink = Sink::default();
        let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
        assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
        report.warm_root
    };
    let (left, right) = std::thread::scope(|scope| {
        let (left, right) = (scope.spawn(run), scope.spawn(run));
        (left.join().unwrap(), right.join().unwrap())
    });
    // A root kept from an earlier run of the tests serves both.
    assert!(left || right, "the second one waited for the first");
}

/// Gives another engine the prepared roots of the kit's; preparing them is not the point.
fn share_roots(kit: &Kit, state: &Path) {
    fs::create_dir_all(state.join("roots")).unwrap();
    for entry in fs::read_dir(kit.state_dir().join("roots")).unwrap().flatten() {
        fs::hard_link(entry.path(), state.join("roots").join(entry.file_name())).unwrap();
    }
}

/// Processes whose root user is a sandbox's.
fn sandboxed() -> Vec<String> {
    let is_sandboxed = |process: &fs::DirEntry| {
        let map = fs::read_to_string(process.path().join("uid_map")).unwrap_or_default();
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        map.contains("1073741824") && command.windows(8).any(|word| word == b"kiln4711")
    };
    let processes = fs::read_dir("/proc").unwrap().flatten().filter(is_sandboxed);
    processes.map(|process| process.file_name().into_string().unwrap()).collect()
}

#[test]
fn a_killed_engine_leaves_nothing_alive_and_its_successor_cleans_up() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = serde_json::to_vec(&(&kit.root, &kit.paths.iter().collect::<Vec<_>>())).unwrap();
    fs::write(folder.path().join("root.json"), root).unwrap();
    let state = folder.path().join("state");
    share_roots(kit, &state);
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "life::sleep_in_a_sandbox"])
        .env("KILN_TEST_STATE", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = BufReader::new(program.stderr.take().unwrap()).lines().any(|line| line.unwrap() == "it sleeps");
    assert!(began, "the job began");
    assert!(!sandboxed().is_empty());
    program.kill().unwrap();
    program.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !sandboxed().is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(sandboxed(), Vec::<String>::new());
    assert!(fs::read_dir(state.join("work")).unwrap().count() > 0, "its files are still there");
    let successor = Engine::open(config(state.clone())).unwrap();
    assert_eq!(fs::read_dir(state.join("work")).unwrap().count(), 0);
    drop(successor);
}

#[test]
#[ignore = "run by another test, to be killed"]
fn sleep_in_a_sandbox() {
    let Some(folder) = std::env::var_os("KILN_TEST_STATE").map(PathBuf::from) else { return };
    let (root, paths): (model::RootSpec, Vec<(pkg::Sha256, PathBuf)>) =
        serde_json::from_slice(&fs::read(folder.join("root.json")).unwrap()).unwrap();
    let engine = Engine::open(config(folder.join("state"))).unwrap();
    let kit = kit::Kit { engine, root, paths: paths.into_iter().collect() };
    let (mut job, files) = kit.job(&source(&folder.join("source"), GOOD));
    let command =
        "trap '' TERM INT HUP; setsid sh -c 'while :; do sleep 1; done; : kiln4711' & echo; echo sleeping; wait";
    job.settings.command = ["sh", "-c", command].map(str::to_owned).to_vec();
    let sink = Sink::default();
    std::thread::scope(|scope| {
        scope.spawn(|| kit.engine.run(&job, &files, &sink, &CancelToken::new()));
        while !sink.text().contains("\nsleeping") {
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("it sleeps");
    });
}

#[test]
fn bounds_hold_without_control_groups_too() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    share_roots(kit, &state);
    let engine = Engine::open(EngineConfig { control_groups: false, ..config(state) }).unwrap();
    let fails = |name: &str, rules: &str, change: &dyn Fn(&mut Limits)| {
        let (mut job, files) = kit.job(&source(&folder.path().join(name), rules));
        change(&mut job.limits);
        let sink = Sink::default();
        let report = engine.run(&job, &files, &sink, &CancelToken::new());
        match report.outcome {
            JobOutcome::Failed(cause) => cause,
            other => panic!("{other:?}: {}", sink.text()),
        }
    };
    let many = "for i in $(seq 100); do sleep 30 & done; sleep 30";
    let cause = fails("many", many, &|limits| limits.processes = 60);
    assert_eq!(cause, FailureCause::ProcessLimit { limit: 60 });
    let hog = "perl -e 'my @a; push @a, \"x\" x 1000000 while 1' || sleep 5";
    let cause = fails("hog", hog, &|limits| limits.memory_bytes = 200 << 20);
    assert_eq!(cause, FailureCause::MemoryLimit { limit_bytes: 200 << 20 });
}
