//! Programs of the machine, if they are there.

use std::path::Path;
use std::process::Command;

/// Words of a program that ended well; `None`, with a word about it, where there is no such program.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").output() {
        Ok(output) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (out, words) = (text(&output.stdout), text(&output.stderr));
            assert!(output.status.success(), "{program} {arguments:?}: {out}{words}");
            Some(out + &words)
        }
        Err(error) => {
            eprintln!("skipped: {program} can not be run: {error}");
            None
        }
    }
}

/// Runs a script inside a root.
pub(crate) fn inside(root: &Path, script: &str) -> String {
    run("chroot", &[root.to_str().unwrap(), "/bin/bash", "-ec", script]).unwrap()
}

/// A folder for a root: in memory where that is large enough and programs may run from it, because a root is thousands of
/// files that nobody needs for longer than a minute.
pub(crate) fn root_folder() -> tempfile::TempDir {
    const MEMORY: &str = "/dev/shm";
    const NEEDED_KIB: u64 = 2 << 20;
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mount =
        mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words.get(1) == Some(&MEMORY));
    let is_usable =
        mount.is_some_and(|words| words[3].split(',').all(|option| option != "noexec" && option != "nodev"));
    let free_kib = Command::new("df").args(["--output=avail", "-k", MEMORY]).output().ok().and_then(|output| {
        String::from_utf8_lossy(&output.stdout).lines().last().and_then(|line| line.trim().parse().ok())
    });
    if is_usable && free_kib.is_some_and(|free: u64| free > NEEDED_KIB) {
        tempfile::tempdir_in(MEMORY).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

/// Whether roots can be made here; says so if not.
pub(crate) fn is_root() -> bool {
    let is_root = run("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    if !is_root {
        eprintln!("skipped: only root can make roots with rpm");
    }
    is_root
}
