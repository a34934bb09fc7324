//! How a root is made of Debian packages: what is done inside the sandbox, in order.

use model::RootSpec;

use super::{BUILD_USER, BUILD_USER_NAME};
use crate::sandbox::protocol::{Action, Step};

/// Where the engine's files are inside, while a root is made.
const OWN_FOLDER: &str = "/.kiln";
/// Where the packages are inside, relative to the root.
pub(crate) const PACKAGES_FOLDER: &str = ".kiln/packages";

/// Folders of `/` that are links into `/usr` on a merged system.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// What dpkg may overlook: the order and the set come from the expansion, which has its own rules.
const FORCE: [&str; 7] = [
    "--force-unsafe-io",
    "--force-depends",
    "--force-conflicts",
    "--force-breaks",
    "--force-overwrite",
    "--force-confnew",
    "--force-bad-path",
];

/// The actions that make a root; `files` are the names of the packages below [`PACKAGES_FOLDER`], in order.
///
/// As OBS does it: preinstalled packages are unpacked without their scripts, the scripts of some of them are run, and
/// then everything is installed in order by the root's own dpkg, the preinstalled ones too, now with scripts.
pub(crate) fn preparation(root: &RootSpec, files: &[String]) -> Vec<Action> {
    let mut actions = skeleton(root);
    for name in &root.preinstall {
        if let Some(position) = root.packages.iter().position(|package| package.name == *name)
            && let Some(file) = files.get(position)
        {
            let scripts = root.run_scripts.contains(name).then(|| format!("{OWN_FOLDER}/{name}."));
            actions.push(Action::UnpackDeb {
                package: name.clone(),
                path: format!("/{PACKAGES_FOLDER}/{file}"),
                scripts,
            });
        }
    }
    actions.extend(base_files());
    for name in &root.run_scripts {
        actions.push(script(name, "preinst", &["install"]));
        actions.push(script(name, "postinst", &["configure", ""]));
    }
    let paths = files.iter().map(|file| format!("/{PACKAGES_FOLDER}/{file}"));
    actions.push(dpkg("unpacking", &["--no-triggers", "--unpack"], paths.collect(), 0));
    actions.push(dpkg("configuring", &["--configure", "--pending"], Vec::new(), 1));
    actions.extend(finish());
    actions
}

/// Folders there before any package.
fn skeleton(root: &RootSpec) -> Vec<Action> {
    let folder = |path: &str, mode| Action::Folder { path: path.to_owned(), mode, owner: 0 };
    let mut actions = vec![folder(OWN_FOLDER, 0o755), folder("/sys", 0o755), folder("/tmp", 0o1777)];
    // Both packages stand for a merged system; making it so first spares moving everything later.
    if root.packages.iter().any(|package| matches!(package.name.as_str(), "usrmerge" | "usr-is-merged")) {
        for name in MERGED {
            actions.push(folder(&format!("/usr/{name}"), 0o755));
            actions.push(Action::Link { path: format!("/{name}"), target: format!("usr/{name}"), only_if: None });
        }
    }
    actions
}

/// What scripts and dpkg expect of a system that was never installed.
fn base_files() -> Vec<Action> {
    let write = |path: &str, text: &str, mode, only_if_missing| Action::Write {
        path: path.to_owned(),
        text: text.to_owned(),
        mode,
        only_if_missing,
    };
    let copy = |from: &str, to: &str| Action::CopyIfMissing { from: from.to_owned(), to: to.to_owned() };
    let mut actions = vec![
        copy("/usr/share/base-passwd/passwd.master", "/etc/passwd"),
        copy("/usr/share/base-passwd/group.master", "/etc/group"),
        write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644, true),
        write("/etc/group", "root:x:0:\n", 0o644, true),
        write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n", 0o644, false),
        write("/etc/hostname", "localhost\n", 0o644, false),
        write("/etc/resolv.conf", "", 0o644, true),
        write("/etc/fstab", "# nothing to mount\n", 0o644, true),
        // Services do not start in a build root.
        write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755, false),
        write("/var/lib/dpkg/status", "", 0o644, true),
        write("/var/lib/dpkg/available", "", 0o644, true),
    ];
    // Scripts use awk before any awk is configured; its package's alternative takes over later.
    for awk in ["mawk", "gawk", "original-awk"] {
        let path = "/usr/bin/awk".to_owned();
        actions.push(Action::Link { path, target: awk.to_owned(), only_if: Some(format!("/usr/bin/{awk}")) });
    }
    actions
}

fn finish() -> Vec<Action> {
    let line = |path: &str, line: String| Action::AppendLine { path: path.to_owned(), line };
    let user = BUILD_USER;
    let name = BUILD_USER_NAME;
    vec![
        line("/etc/group", format!("{name}:x:{user}:")),
        line("/etc/gshadow", format!("{name}:!::")),
        line("/etc/passwd", format!("{name}:x:{user}:{user}:Build user:/build:/bin/sh")),
        line("/etc/shadow", format!("{name}:!:19000:0:99999:7:::")),
        Action::Folder { path: "/build".to_owned(), mode: 0o755, owner: 0 },
        Action::Folder { path: "/build/source".to_owned(), mode: 0o755, owner: user },
        Action::Folder { path: "/build/work".to_owned(), mode: 0o755, owner: user },
        Action::Persist,
    ]
}

fn environment() -> Vec<(String, String)> {
    [
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("LANG", "C"),
        ("LC_ALL", "C"),
        ("TERM", "dumb"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
        ("DEBCONF_NOWARNINGS", "yes"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn root_step(label: &str, command: Vec<String>) -> Step {
    Step {
        label: label.to_owned(),
        command,
        environment: environment(),
        folder: "/".to_owned(),
        user: 0,
        only_if: None,
        retries: 0,
    }
}

fn script(package: &str, name: &str, arguments: &[&str]) -> Action {
    let path = format!("{OWN_FOLDER}/{package}.{name}");
    let mut command = vec![path.clone()];
    command.extend(arguments.iter().map(|&word| word.to_owned()));
    let mut step = root_step(&format!("{name} of {package}"), command);
    for (variable, value) in [
        ("DPKG_MAINTSCRIPT_PACKAGE", package),
        ("DPKG_MAINTSCRIPT_NAME", name),
        ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
        ("DPKG_ADMINDIR", "/var/lib/dpkg"),
        ("DPKG_ROOT", ""),
    ] {
        step.environment.push((variable.to_owned(), value.to_owned()));
    }
    Action::Run(Step { only_if: Some(path), ..step })
}

fn dpkg(label: &str, arguments: &[&str], paths: Vec<String>, retries: u32) -> Action {
    let words = ["dpkg"].iter().chain(&FORCE).chain(arguments).map(|&word| word.to_owned());
    let command = words.chain(paths).collect();
    Action::Run(Step { retries, ..root_step(label, command) })
}
