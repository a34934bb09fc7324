//! What roots of every format have: folders, the files of a system nobody installed, the build user.

use model::RootSpec;

use super::{BUILD_USER, BUILD_USER_NAME};
use crate::sandbox::protocol::{Action, Step};

/// Where the engine's files are inside, while a root is made.
pub(super) const OWN_FOLDER: &str = "/.kiln";
/// Where the packages are inside, relative to the root.
pub(crate) const PACKAGES_FOLDER: &str = ".kiln/packages";

pub(super) fn folder(path: &str, mode: u32, owner: u32) -> Action {
    Action::Folder { path: path.to_owned(), mode, owner }
}

pub(super) fn write(path: &str, text: &str, mode: u32, only_if_missing: bool) -> Action {
    Action::Write { path: path.to_owned(), text: text.to_owned(), mode, only_if_missing }
}

/// Folders there before any package.
pub(super) fn folders() -> Vec<Action> {
    vec![folder(OWN_FOLDER, 0o755, 0), folder("/sys", 0o755, 0), folder("/tmp", 0o1777, 0)]
}

/// A path inside of a package's file.
pub(super) fn inside(file: &str) -> String {
    format!("/{PACKAGES_FOLDER}/{file}")
}

/// Unpacks the preinstalled packages; the scripts of those that shall run them become files, see [`script_path`].
pub(super) fn unpack_preinstalled(root: &RootSpec, files: &[String]) -> Vec<Action> {
    let mut actions = Vec::new();
    for name in &root.preinstall {
        let position = root.packages.iter().position(|package| package.name == *name);
        if let Some(file) = position.and_then(|position| files.get(position)) {
            let scripts = root.run_scripts.contains(name).then(|| script_path(name, ""));
            actions.push(Action::Unpack { format: root.format, package: name.clone(), path: inside(file), scripts });
        }
    }
    actions
}

/// Where the script of a preinstalled package is.
pub(super) fn script_path(package: &str, script: &str) -> String {
    format!("{OWN_FOLDER}/{package}.{script}")
}

/// What scripts expect of any system.
pub(super) fn files() -> Vec<Action> {
    vec![
        write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644, true),
        write("/etc/group", "root:x:0:\n", 0o644, true),
        write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n", 0o644, false),
        write("/etc/hostname", "localhost\n", 0o644, false),
        write("/etc/resolv.conf", "", 0o644, true),
        write("/etc/fstab", "# nothing to mount\n", 0o644, true),
    ]
}

/// The build user, whose home is `home`.
pub(super) fn build_user(home: &str) -> Vec<Action> {
    let line = |path: &str, line: String| Action::AppendLine { path: path.to_owned(), line };
    let user = BUILD_USER;
    let name = BUILD_USER_NAME;
    vec![
        line("/etc/group", format!("{name}:x:{user}:")),
        line("/etc/gshadow", format!("{name}:!::")),
        line("/etc/passwd", format!("{name}:x:{user}:{user}:Build user:{home}:/bin/sh")),
        line("/etc/shadow", format!("{name}:!:19000:0:99999:7:::")),
    ]
}

/// A command run as root while the root is made, with the format's own variables beside the usual ones.
pub(super) fn step(label: &str, command: Vec<String>, more: &[(&str, &str)]) -> Step {
    let usual = [
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("LANG", "C"),
        ("LC_ALL", "C"),
        ("TERM", "dumb"),
    ];
    let environment = usual.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Step {
        label: label.to_owned(),
        command,
        environment: environment.collect(),
        folder: "/".to_owned(),
        user: 0,
        only_if: None,
        retries: 0,
        last_words: None,
    }
}
