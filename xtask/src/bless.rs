//! Generated files. A crate's own `clippy.toml` replaces the root's, so each is written from one list.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;

/// Crates that may not touch the world.
pub(crate) const PURE: [&str; 6] = ["pkg", "prjconf", "recipe", "expand", "model", "sched"];
/// Crates that only use readers and writers the caller opened.
pub(crate) const BYTES: [&str; 2] = ["pkgfile", "repo"];

const COMMON: &str = "# Written by `cargo xtask bless`; edit xtask/src/bless.rs.
too-many-lines-threshold = 80
too-many-arguments-threshold = 6
allow-unwrap-in-tests = true
allow-print-in-tests = true
allow-dbg-in-tests = true
";

/// What neither zone may do, with the reason a reader sees.
const FORBIDDEN_METHODS: &[(&str, &str)] = &[
    ("std::env::var", "no environment in this zone: take the value as an argument"),
    ("std::env::vars", "no environment in this zone: take the value as an argument"),
    ("std::env::args", "no environment in this zone: take the value as an argument"),
    ("std::env::current_dir", "no environment in this zone: take the path as an argument"),
    ("std::process::Command::new", "no processes in this zone"),
    ("std::process::exit", "no processes in this zone"),
    ("std::thread::spawn", "no threads in this zone"),
    ("std::thread::sleep", "no threads in this zone"),
    ("std::time::SystemTime::now", "no clock in this zone: take the time as an argument"),
    ("std::time::Instant::now", "no clock in this zone: take the time as an argument"),
    ("std::fs::read", "no files in this zone: take the bytes or a reader"),
    ("std::fs::read_to_string", "no files in this zone: take the text or a reader"),
    ("std::fs::read_dir", "no files in this zone"),
    ("std::fs::write", "no files in this zone: take a writer"),
    ("std::fs::create_dir", "no files in this zone"),
    ("std::fs::create_dir_all", "no files in this zone"),
    ("std::fs::remove_file", "no files in this zone"),
    ("std::fs::remove_dir_all", "no files in this zone"),
    ("std::fs::rename", "no files in this zone"),
    ("std::fs::metadata", "no files in this zone"),
];

const FORBIDDEN_TYPES: &[(&str, &str)] = &[
    ("std::fs::File", "no files in this zone: take a reader or writer"),
    ("std::net::TcpStream", "no network in this zone"),
    ("std::net::TcpListener", "no network in this zone"),
    ("std::net::UdpSocket", "no network in this zone"),
    ("std::sync::mpsc::Sender", "no threads in this zone"),
];

/// The file each crate of a zone must have; `None` for the workspace's own.
pub(crate) fn clippy_toml(restricted: bool) -> String {
    let mut text = COMMON.to_owned();
    if restricted {
        for (key, list) in [("disallowed-methods", FORBIDDEN_METHODS), ("disallowed-types", FORBIDDEN_TYPES)] {
            let _ = writeln!(text, "{key} = [");
            for (path, reason) in list {
                let _ = writeln!(text, "  {{ path = \"{path}\", reason = \"{reason}\" }},");
            }
            text.push_str("]\n");
        }
    }
    text
}

/// Writes every generated file below the workspace root.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    let put = |path: &Path, text: &str| {
        std::fs::write(path, text).with_context(|| format!("{} can not be written", path.display()))
    };
    put(&root.join("clippy.toml"), &clippy_toml(false))?;
    for name in PURE.iter().chain(&BYTES) {
        put(&root.join("crates").join(name).join("clippy.toml"), &clippy_toml(true))?;
    }
    Ok(())
}
