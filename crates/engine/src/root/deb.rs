//! How a root is made of Debian packages: what is done inside the sandbox, in order.

use model::RootSpec;

use super::base::{self, folder, write};
use super::{BUILD_USER, Complaint, PackageCache, ProvideError, Provided, RootFormat, Wanted};
use crate::sandbox::protocol::{Action, Step};

/// Debian packages, installed by dpkg.
pub(super) struct Deb;

impl RootFormat for Deb {
    fn extension(&self) -> &'static str {
        "deb"
    }

    fn provide(
        &self,
        cache: &PackageCache,
        wanted: &[Wanted<'_>],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Provided, (usize, ProvideError)> {
        let bytes = cache.provide_repacked(wanted, stop)?;
        cache.shrink();
        Ok(Provided { bytes, links: Vec::new() })
    }

    fn preparation(&self, root: &RootSpec, files: &[String], _provided: &Provided) -> Vec<Action> {
        preparation(root, files)
    }

    /// dpkg's `print_error_perpackage`: "error processing package NAME (--configure):", or "archive PATH (--unpack)".
    fn complaint(&self, line: &str) -> Option<Complaint> {
        let name = line.strip_prefix("dpkg: error processing ")?.split(' ').nth(1)?;
        let name = name.rsplit('/').next().unwrap_or(name).trim_end_matches(':').to_owned();
        Some(Complaint { package: Some(name), message: None })
    }
}

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

/// The actions that make a root.
///
/// As OBS does it: preinstalled packages are unpacked without their scripts, the scripts of some of them are run, and
/// then everything is installed in order by the root's own dpkg, the preinstalled ones too, now with scripts.
fn preparation(root: &RootSpec, files: &[String]) -> Vec<Action> {
    let mut actions = skeleton(root);
    actions.extend(base::unpack_preinstalled(root, files));
    actions.extend(base_files());
    for name in &root.run_scripts {
        actions.push(script(name, "preinst", &["install"]));
        actions.push(script(name, "postinst", &["configure", ""]));
    }
    let paths = files.iter().map(|file| base::inside(file));
    actions.push(dpkg("unpacking", &["--no-triggers", "--unpack"], paths.collect(), 0));
    actions.push(dpkg("configuring", &["--configure", "--pending"], Vec::new(), 1));
    actions.extend(base::build_user("/build"));
    actions.extend([
        folder("/build", 0o755, 0),
        folder("/build/source", 0o755, BUILD_USER),
        folder("/build/work", 0o755, BUILD_USER),
        Action::Persist,
    ]);
    actions
}

/// Folders there before any package.
fn skeleton(root: &RootSpec) -> Vec<Action> {
    let mut actions = base::folders();
    // Both packages stand for a merged system; making it so first spares moving everything later.
    if root.packages.iter().any(|package| matches!(package.name.as_str(), "usrmerge" | "usr-is-merged")) {
        for name in MERGED {
            actions.push(folder(&format!("/usr/{name}"), 0o755, 0));
            actions.push(Action::Link { path: format!("/{name}"), target: format!("usr/{name}"), only_if: None });
        }
    }
    actions
}

/// What scripts and dpkg expect of a system that was never installed.
fn base_files() -> Vec<Action> {
    let copy = |from: &str, to: &str| Action::CopyIfMissing { from: from.to_owned(), to: to.to_owned() };
    let mut actions = vec![
        copy("/usr/share/base-passwd/passwd.master", "/etc/passwd"),
        copy("/usr/share/base-passwd/group.master", "/etc/group"),
    ];
    actions.extend(base::files());
    actions.extend([
        // Services do not start in a build root.
        write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755, false),
        write("/var/lib/dpkg/status", "", 0o644, true),
        write("/var/lib/dpkg/available", "", 0o644, true),
    ]);
    // Scripts use awk before any awk is configured; its package's alternative takes over later.
    for awk in ["mawk", "gawk", "original-awk"] {
        let path = "/usr/bin/awk".to_owned();
        actions.push(Action::Link { path, target: awk.to_owned(), only_if: Some(format!("/usr/bin/{awk}")) });
    }
    actions
}

fn root_step(label: &str, command: Vec<String>) -> Step {
    let own =
        [("DEBIAN_FRONTEND", "noninteractive"), ("DEBCONF_NONINTERACTIVE_SEEN", "true"), ("DEBCONF_NOWARNINGS", "yes")];
    base::step(label, command, &own)
}

fn script(package: &str, name: &str, arguments: &[&str]) -> Action {
    let path = base::script_path(package, name);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_packages_are_found_in_what_dpkg_prints() {
        let package = |line| Deb.complaint(line).and_then(|complaint| complaint.package);
        assert_eq!(package("dpkg: error processing package hello (--configure):").as_deref(), Some("hello"));
        let archive = "dpkg: error processing archive /.kiln/packages/0001_bad.deb (--unpack):";
        assert_eq!(package(archive).as_deref(), Some("0001_bad.deb"));
        assert_eq!(package("Setting up hello (1) ..."), None);
    }
}
