//! The README's first command, with the real engine, the machine's own mirror and apt.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why the demo can not run here.
pub(crate) fn missing() -> Option<&'static str> {
    let script = scripts().join("apt-mirror.sh");
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let has_mirror = Command::new(script).output().is_ok_and(|output| output.status.success());
    let has_tools = Command::new("mmdebstrap").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_root {
        Some("only root may install a root")
    } else if !has_mirror {
        Some("no Debian mirror in the apt sources")
    } else if !has_tools {
        Some("no mmdebstrap")
    } else {
        None
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts")
}

#[test]
fn the_demo_ends_with_the_built_program_running() {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = Command::new(scripts().join("demo.sh"))
        .env("KILN_DEMO_DIR", folder.path())
        .env("KILN_DEMO_PORT", port.to_string())
        .env("KILN_DEMO_PROGRAM", env!("CARGO_BIN_EXE_kiln"))
        .env_remove("KILN_DEMO_SOURCE")
        .env_remove("KILN_DEMO_PACKAGE")
        .output()
        .unwrap();
    let (printed, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}\n{complaints}");
    assert!(printed.lines().any(|line| line == "Hello, world!"), "{printed}\n{complaints}");
}
