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

/// Whether roots can be made here; says so if not.
pub(crate) fn is_root() -> bool {
    let is_root = run("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    if !is_root {
        eprintln!("skipped: only root can make roots with rpm");
    }
    is_root
}
