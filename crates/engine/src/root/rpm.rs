//! How a root is made of rpm packages: what is done inside the sandbox, in order.
//!
//! Packages are not repacked as Debian's are: the digest of the compressed payload is part of an rpm's header, which goes
//! into the database of the root, and the usual compressions unpack about as fast as rpm writes.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::RootSpec;
use pkgfile::rpm::{RpmLimits, RpmPackage, RpmReader};

use super::base::{self, folder};
use super::packages::{damaged, on_all_processors};
use super::{BUILD_USER, Complaint, PackageCache, ProvideError, Provided, RootFormat, Wanted};
use crate::sandbox::protocol::{Action, Step};

/// Home of the build user, as on OBS: it ends up in debugging symbols and in what recipes print.
pub(crate) const HOME: &str = "/home/abuild";

/// Bytes of package paths in one call of rpm; the kernel takes a few times as much with the environment.
const BATCH_BYTES: usize = 256 << 10;

/// What rpm may overlook: order and set come from the expansion, which has its own rules; packages are known by digest.
/// Files that two packages have with different content are refused, as on OBS and on any system.
const INSTALL: [&str; 13] = [
    "rpm",
    "-U",
    "--verbose",
    "--nodeps",
    "--noorder",
    "--oldpackage",
    "--ignorearch",
    "--ignoreos",
    "--ignoresize",
    "--nosignature",
    "--nodigest",
    // Mounted by the sandbox, whose root may not change them; packages own them all the same.
    "--define",
    "_netsharedpath /dev:/proc:/sys",
];

/// Folders that are links on a merged system. The inner ones first, for they decide where the outer ones lead.
const MERGED: [&str; 5] = ["/usr/sbin", "/bin", "/sbin", "/lib", "/lib64"];
/// Where such links may lead.
const MERGED_INTO: [&str; 5] = ["bin", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"];

/// rpm packages, installed by rpm.
pub(super) struct Rpm;

impl RootFormat for Rpm {
    fn extension(&self) -> &'static str {
        "rpm"
    }

    fn provide(
        &self,
        _cache: &PackageCache,
        wanted: &[Wanted<'_>],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Provided, (usize, ProvideError)> {
        let bytes = AtomicU64::new(0);
        let links = Mutex::new(Vec::new());
        on_all_processors(wanted, stop, &|wanted| {
            let file = File::open(wanted.original)?;
            let reader = RpmReader::open(BufReader::with_capacity(1 << 16, file), RpmLimits::default());
            let package = reader.map_err(|error| damaged(&error))?.into_package();
            let found = merged_links(&package)?;
            bytes.fetch_add(package.installed_bytes(), Ordering::Relaxed);
            links.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            Ok(place(wanted.original, &wanted.link)?)
        })?;
        let mut links = links.into_inner().unwrap_or_else(PoisonError::into_inner);
        links.sort_by_key(|(path, _): &(String, String)| MERGED.iter().position(|merged| merged == path));
        links.dedup();
        Ok(Provided { bytes: bytes.into_inner(), links })
    }

    fn preparation(&self, root: &RootSpec, files: &[String], provided: &Provided) -> Vec<Action> {
        preparation(root, files, &provided.links)
    }

    /// Lines rpm prints before it ends with a status other than 0: a script that must not fail, a package that could not
    /// be written or read, a file of two packages.
    fn complaint(&self, line: &str) -> Option<Complaint> {
        if let Some(conflict) = line.strip_prefix('\t').filter(|text| text.starts_with("file ")) {
            return conflict
                .contains(" conflict")
                .then(|| Complaint { package: None, message: Some(conflict.to_owned()) });
        }
        let text = line.strip_prefix("error: ")?;
        let (package, message) = if let Some((script, rest)) = text.split_once('(').filter(|_| text.starts_with('%')) {
            let (package, result) = rest.split_once(") ")?;
            (Some(package), format!("{script} {result}"))
        } else if let Some(package) = text.strip_suffix(": install failed") {
            return Some(Complaint { package: Some(package.to_owned()), message: None });
        } else if let Some((file, message)) = text.split_once(".rpm: ") {
            (Some(file.rsplit('/').next().unwrap_or(file)), message.to_owned())
        } else {
            (None, text.to_owned())
        };
        Some(Complaint { package: package.map(str::to_owned), message: Some(message) })
    }
}

/// The links of a package that make a merged system. All packages that have files behind them are unpacked after they are
/// there, whatever the order; else a folder would be in the link's place.
fn merged_links(package: &RpmPackage) -> Result<Vec<(String, String)>, ProvideError> {
    let files = package.files().map_err(|error| damaged(&error))?;
    let links = files.into_iter().filter(|file| file.mode & 0o170_000 == 0o120_000).filter_map(|file| {
        let path = MERGED.into_iter().find(|path| path.as_bytes() == file.path)?;
        let target = file.link.strip_prefix(b"/").unwrap_or(&file.link);
        let target = MERGED_INTO.into_iter().find(|known| known.as_bytes() == target)?;
        Some((path.to_owned(), target.to_owned()))
    });
    Ok(links.collect())
}

/// Shows a package inside: itself if somebody other than its owner may read it, as those inside are, or else a copy.
fn place(original: &Path, link: &Path) -> io::Result<()> {
    let readable = fs::metadata(original)?.permissions().mode() & 0o004 != 0;
    if readable && fs::hard_link(original, link).is_ok() {
        return Ok(());
    }
    fs::copy(original, link)?;
    fs::set_permissions(link, fs::Permissions::from_mode(0o644))
}

/// The actions that make a root.
///
/// As OBS does it: preinstalled packages are unpacked without their scripts, the scripts of some of them are run, the
/// database is made, and then everything is installed in order by the root's own rpm, the preinstalled ones too, now
/// with scripts. Unlike OBS in as few transactions as the kernel's bound on arguments allows, as package managers do:
/// scripts for the end of a transaction then run once, and not after every package.
fn preparation(root: &RootSpec, files: &[String], links: &[(String, String)]) -> Vec<Action> {
    let mut actions = base::folders();
    for (path, target) in links {
        let parent = if path.starts_with("/usr/") && !target.starts_with("usr/") { "/usr/" } else { "/" };
        actions.push(folder(&format!("{parent}{target}"), 0o755, 0));
        actions.push(Action::Link { path: path.clone(), target: target.clone(), only_if: None });
    }
    actions.extend(base::unpack_preinstalled(root, files));
    actions.extend(base::files());
    let ldconfig = step("ldconfig", &["ldconfig"]);
    actions.push(Action::Run(Step { only_if: Some("/sbin/ldconfig".to_owned()), ..ldconfig }));
    for name in &root.run_scripts {
        actions.push(script(name, "pre", "0"));
        actions.push(script(name, "post", "1"));
    }
    actions.push(Action::Run(step("making the package database", &["rpm", "--initdb"])));
    actions.extend(batches(files).into_iter().map(|batch| {
        let mut install = step("installing packages", &INSTALL);
        install.command.extend(batch);
        Action::Run(install)
    }));
    actions.extend(base::build_user(HOME));
    actions.extend([folder("/home", 0o755, 0), folder(HOME, 0o755, BUILD_USER), Action::Persist]);
    actions
}

fn step(label: &str, command: &[&str]) -> Step {
    base::step(label, command.iter().map(|&word| word.to_owned()).collect(), &[])
}

/// A script of a package that is only unpacked yet. What it can not do is no failure, as with rpm: the same script runs
/// again when the package is installed.
fn script(package: &str, name: &str, argument: &str) -> Action {
    const TOLERANT: &str = "\"$0\" \"$1\" || echo \"warning: it ended with exit status $?\"";
    let path = base::script_path(package, name);
    let label = format!("%{name} of {package}");
    Action::Run(Step { only_if: Some(path.clone()), ..step(&label, &["sh", "-c", TOLERANT, &path, argument]) })
}

/// The paths of all packages in order, cut where a command would become too long.
fn batches(files: &[String]) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut bytes = usize::MAX;
    for file in files {
        let path = base::inside(file);
        bytes = bytes.saturating_add(path.len() + 1);
        match batches.last_mut() {
            Some(batch) if bytes <= BATCH_BYTES => batch.push(path),
            _ => {
                bytes = path.len() + 1;
                batches.push(vec![path]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use model::{FileName, JobFile, RootPackage};
    use pkg::{PackageFormat, Sha256};

    use super::*;

    fn root(names: &[&str]) -> RootSpec {
        let package = |name: &&str| RootPackage {
            name: (*name).to_owned(),
            version: "1-1".to_owned(),
            arch: "noarch".to_owned(),
            file: JobFile { name: FileName::parse("x.rpm").unwrap(), bytes: 1, sha256: Sha256::of(name.as_bytes()) },
        };
        RootSpec {
            format: PackageFormat::Rpm,
            preinstall: vec!["bash".to_owned()],
            run_scripts: vec!["bash".to_owned()],
            packages: names.iter().map(package).collect(),
        }
    }

    /// What the actions do, one word each.
    fn words(actions: &[Action]) -> Vec<String> {
        let word = |action: &Action| match action {
            Action::Folder { path, .. } => format!("folder {path}"),
            Action::Link { path, target, .. } => format!("link {path} {target}"),
            Action::Unpack { package, scripts, .. } => format!("unpack {package} {scripts:?}"),
            Action::Run(step) => format!("run {}", step.label),
            Action::Persist => "persist".to_owned(),
            other => format!("{other:?}").split(' ').next().unwrap().to_owned(),
        };
        actions.iter().map(word).collect()
    }

    #[test]
    fn preinstalled_packages_are_unpacked_then_everything_is_installed_in_order() {
        let files = ["0000_filesystem.rpm", "0001_bash.rpm"].map(str::to_owned);
        let links = [("/usr/sbin", "bin"), ("/sbin", "usr/sbin")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let actions = preparation(&root(&["filesystem", "bash"]), &files, &links);
        let words = words(&actions);
        let at =
            |what: &str| words.iter().position(|word| word == what).unwrap_or_else(|| panic!("{what}: {words:#?}"));
        let order = [
            "folder /usr/bin",
            "link /usr/sbin bin",
            "folder /usr/sbin",
            "link /sbin usr/sbin",
            "unpack bash Some(\"/.kiln/bash.\")",
            "run ldconfig",
            "run %pre of bash",
            "run %post of bash",
            "run making the package database",
            "run installing packages",
            "folder /home/abuild",
            "persist",
        ];
        let places: Vec<usize> = order.iter().map(|what| at(what)).collect();
        assert!(places.is_sorted(), "{words:#?}");
        let installs: Vec<&Step> = actions
            .iter()
            .filter_map(|action| match action {
                Action::Run(step) if step.label == "installing packages" => Some(step),
                _ => None,
            })
            .collect();
        assert_eq!(installs.len(), 1);
        let paths: Vec<&String> = installs[0].command.iter().skip(INSTALL.len()).collect();
        assert_eq!(paths, ["/.kiln/packages/0000_filesystem.rpm", "/.kiln/packages/0001_bash.rpm"]);
    }

    #[test]
    fn long_lists_are_cut_into_calls_the_kernel_takes() {
        let files: Vec<String> = (0..20_000).map(|number| format!("{number:04}_{}.rpm", "x".repeat(30))).collect();
        let batches = batches(&files);
        assert!(batches.len() > 2);
        assert!(batches.iter().all(|batch| batch.iter().map(|path| path.len() + 1).sum::<usize>() <= BATCH_BYTES));
        let all: Vec<String> = batches.concat();
        assert_eq!(all, files.iter().map(|file| base::inside(file)).collect::<Vec<_>>(), "in order, each once");
        assert!(super::batches(&[]).is_empty());
    }

    #[test]
    fn what_rpm_complains_of_names_package_and_reason() {
        let check = |line: &str, package: Option<&str>, message: Option<&str>| {
            let expected = Complaint { package: package.map(str::to_owned), message: message.map(str::to_owned) };
            assert_eq!(Rpm.complaint(line), Some(expected), "{line}");
        };
        let name = Some("bad-1-1.noarch");
        check(
            "error: %prein(bad-1-1.noarch) scriptlet failed, exit status 3",
            name,
            Some("%prein scriptlet failed, exit status 3"),
        );
        check("error: bad-1-1.noarch: install failed", name, None);
        check(
            "error: /.kiln/packages/0001_bad.rpm: not an rpm package (or package manifest)",
            Some("0001_bad"),
            Some("not an rpm package (or package manifest)"),
        );
        let conflict = "file /a from install of a-1-1.noarch conflicts with file from package b-1-1.noarch";
        check(&format!("\t{conflict}"), None, Some(conflict));
        let message = "unpacking of archive failed on file /x;1: cpio: read";
        check(&format!("error: {message}"), None, Some(message));
        assert_eq!(Rpm.complaint("warning: %post(bad-1-1.noarch) scriptlet failed, exit status 1"), None);
        assert_eq!(Rpm.complaint("bad-1-1.noarch"), None);
    }
}
