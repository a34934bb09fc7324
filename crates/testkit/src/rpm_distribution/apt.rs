//! Which Debian packages are needed, and where they come from: the machine's own apt.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Unavailable;

/// Where apt keeps what archives offer.
const LISTS: &str = "/var/lib/apt/lists";

/// What identifies the state of apt's lists: each file with its size and the time of its change.
pub(super) fn state() -> String {
    let entries = std::fs::read_dir(LISTS).into_iter().flatten().flatten();
    let mut lines: Vec<String> = entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            let changed = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
            let name = entry.file_name().into_string().ok()?;
            name.contains("_Packages").then(|| format!("{name} {} {changed}\n", metadata.len()))
        })
        .collect();
    lines.sort();
    lines.concat()
}

/// Downloads these packages and all they depend on, as for a machine on which nothing is installed, into `folder`, where
/// apt finds earlier ones again; others there are removed. Their paths, sorted.
pub(super) fn download(wanted: &[&str], folder: &Path) -> Result<Vec<PathBuf>, Unavailable> {
    std::fs::create_dir_all(folder.join("partial")).unwrap();
    std::fs::write(folder.join("status"), "").unwrap();
    let nowhere = folder.join("nowhere");
    std::fs::create_dir_all(nowhere.join("partial")).unwrap();
    let mut paths = Vec::new();
    // Asked with an empty cache, apt names every package.
    for line in apt(wanted, folder, &nowhere, "--print-uris")?.lines() {
        // 'ADDRESS' FILE SIZE DIGEST
        let is_package = line.starts_with('\'');
        paths.extend(line.split(' ').nth(1).filter(|_| is_package).map(|name| folder.join(name)));
    }
    paths.sort();
    if paths.iter().any(|path| !path.exists()) {
        apt(wanted, folder, folder, "--download-only")?;
    }
    if let Some(path) = paths.iter().find(|path| !path.exists()) {
        return Err(Unavailable(format!("apt-get did not bring {}", path.display())));
    }
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let is_package = entry.path().extension().is_some_and(|extension| extension == "deb");
        if is_package && !paths.contains(&entry.path()) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    Ok(paths)
}

fn apt(wanted: &[&str], folder: &Path, archives: &Path, action: &str) -> Result<String, Unavailable> {
    let options = [
        format!("Dir::State::status={}", folder.join("status").display()),
        format!("Dir::Cache::archives={}", archives.display()),
        // Neither the caches nor the locks of the machine are touched.
        "Dir::Cache::pkgcache=".to_owned(),
        "Dir::Cache::srcpkgcache=".to_owned(),
        "Debug::NoLocking=true".to_owned(),
        "APT::Sandbox::User=root".to_owned(),
        "APT::Install-Recommends=false".to_owned(),
        "Acquire::Retries=3".to_owned(),
    ];
    let mut command = Command::new("apt-get");
    command.arg("-qq").arg("--yes").arg(action);
    for option in &options {
        command.args(["-o", option]);
    }
    let output = command.arg("install").args(wanted).env("LC_ALL", "C").output();
    let output = output.map_err(|error| Unavailable(format!("apt-get can not be run: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let words = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(Unavailable(format!("apt-get {action}: {words}")))
    }
}
