//! Control groups: bounds on memory and processes that the kernel keeps, and that it counts.
//!
//! Version 1 (each controller a hierarchy), version 2 (one hierarchy) and the hybrid of both are all found by looking at
//! what is mounted. Only `memory` and `pids` are used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::watch::Limit;

/// How long an emptied group may stay busy.
const REMOVE_PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A folder of the control group file system that has the engine's groups, and what they control there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    version: Version,
    folder: PathBuf,
    memory: bool,
    processes: bool,
}

/// The engine's place among the control groups.
#[derive(Debug)]
pub(crate) struct Cgroups {
    bases: Vec<Base>,
}

impl Cgroups {
    /// Finds the controllers and makes the engine's group; removes groups a dead engine of the same name left.
    ///
    /// # Errors
    /// The reason why this engine can not use control groups.
    pub(crate) fn open(name: &str) -> Result<Self, String> {
        let read = |path: &str| fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
        let found = find(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?);
        for (controller, there) in
            [("memory", found.iter().any(|base| base.memory)), ("pids", found.iter().any(|base| base.processes))]
        {
            if !there {
                return Err(format!("no control group hierarchy with the {controller} controller is mounted"));
            }
        }
        let mut bases = Vec::new();
        for base in found {
            let error = |e: io::Error| format!("{}: {e}", base.folder.display());
            let folder = base.folder.join(name);
            remove_tree(&folder);
            if base.version == Version::Two {
                delegate(&base.folder).map_err(error)?;
            }
            fs::create_dir_all(&folder).map_err(error)?;
            if base.version == Version::Two {
                fs::write(folder.join("cgroup.subtree_control"), "+memory +pids").map_err(error)?;
            }
            bases.push(Base { folder, ..base });
        }
        Ok(Self { bases })
    }

    /// Makes a group with bounds.
    pub(crate) fn group(&self, name: &str, memory_bytes: u64, processes: u32) -> io::Result<Group> {
        let mut group = Group { parts: Vec::new() };
        for base in &self.bases {
            let folder = base.folder.join(name);
            fs::create_dir_all(&folder)?;
            group.parts.push(Base { folder: folder.clone(), ..base.clone() });
            if base.memory {
                bound_memory(&folder, base.version, memory_bytes)?;
            }
            if base.processes {
                // The helper's inner half counts too.
                fs::write(folder.join("pids.max"), (u64::from(processes) + 1).to_string())?;
            }
        }
        Ok(group)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for base in &self.bases {
            remove_tree(&base.folder);
        }
    }
}

fn bound_memory(folder: &Path, version: Version, bytes: u64) -> io::Result<()> {
    match version {
        Version::One => {
            fs::write(folder.join("memory.limit_in_bytes"), bytes.to_string())?;
            write_if_there(&folder.join("memory.memsw.limit_in_bytes"), &bytes.to_string())
        }
        Version::Two => {
            fs::write(folder.join("memory.max"), bytes.to_string())?;
            write_if_there(&folder.join("memory.swap.max"), "0")?;
            write_if_there(&folder.join("memory.oom.group"), "1")
        }
    }
}

fn write_if_there(path: &Path, text: &str) -> io::Result<()> {
    if path.exists() { fs::write(path, text) } else { Ok(()) }
}

/// Version 2 allows processes only in leaves: moves those of our own group to one, so that it may have children.
fn delegate(folder: &Path) -> io::Result<()> {
    if fs::write(folder.join("cgroup.subtree_control"), "+memory +pids").is_ok() {
        return Ok(());
    }
    let leaf = folder.join("kiln-daemon");
    fs::create_dir_all(&leaf)?;
    for process in fs::read_to_string(folder.join("cgroup.procs"))?.lines() {
        // One may end meanwhile.
        let _ = fs::write(leaf.join("cgroup.procs"), process);
    }
    fs::write(folder.join("cgroup.subtree_control"), "+memory +pids")
}

/// One job's group.
#[derive(Debug)]
pub(crate) struct Group {
    parts: Vec<Base>,
}

impl Group {
    /// The files a process is written to, to join.
    pub(crate) fn process_files(&self) -> Vec<PathBuf> {
        self.parts.iter().map(|part| part.folder.join("cgroup.procs")).collect()
    }

    /// The bound that was passed, if one was.
    pub(crate) fn exceeded(&self) -> Option<Limit> {
        self.parts.iter().find_map(|part| {
            let events = match part.version {
                Version::One => "memory.oom_control",
                Version::Two => "memory.events",
            };
            if part.memory && count(&part.folder.join(events), "oom_kill") > 0 {
                Some(Limit::Memory)
            } else if part.processes && count(&part.folder.join("pids.events"), "max") > 0 {
                Some(Limit::Processes)
            } else {
                None
            }
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for part in &self.parts {
            remove_tree(&part.folder);
        }
    }
}

/// The number behind a word in a file of `word number` lines; 0 if there is none.
fn count(path: &Path, word: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let number = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.parse().ok());
    number.unwrap_or(0)
}

/// Kills what is in a group and its children, and removes them. What can not be removed is left for the next start.
fn remove_tree(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    let deadline = Instant::now() + REMOVE_PATIENCE;
    while let Err(error) = fs::remove_dir(folder) {
        if error.kind() == io::ErrorKind::NotFound {
            return;
        }
        if Instant::now() > deadline {
            tracing::warn!(cgroup = %folder.display(), "control group {} stays: {error}", folder.display());
            return;
        }
        kill_members(folder);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill_members(folder: &Path) {
    for process in fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default().lines() {
        if let Some(pid) = process.parse().ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Finds the folders to make groups in, from `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn find(mounts: &str, own: &str) -> Vec<Base> {
    let mut bases: Vec<Base> = Vec::new();
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut left = left.split(' ').skip(3);
        let (Some(mount_root), Some(place)) = (left.next(), left.next()) else { continue };
        let mut right = right.split(' ');
        let kind = right.next().unwrap_or_default();
        let options = right.nth(1).unwrap_or_default();
        let base = match kind {
            "cgroup" => version_one(Path::new(place), mount_root, options, own),
            "cgroup2" => version_two(Path::new(place), mount_root, own),
            _ => None,
        };
        bases.extend(base);
    }
    // A controller is in one hierarchy only, but that may be mounted twice.
    let (mut memory, mut processes) = (false, false);
    bases.retain_mut(|base| {
        base.memory &= !memory;
        base.processes &= !processes;
        memory |= base.memory;
        processes |= base.processes;
        base.memory || base.processes
    });
    bases
}

fn version_one(place: &Path, mount_root: &str, options: &str, own: &str) -> Option<Base> {
    let has = |name: &str| options.split(',').any(|option| option == name);
    let (memory, processes) = (has("memory"), has("pids"));
    if !memory && !processes {
        return None;
    }
    let controller = if memory { "memory" } else { "pids" };
    let path = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        controllers.split(',').any(|name| name == controller).then(|| fields.next())?
    });
    Some(Base { version: Version::One, folder: own_folder(place, mount_root, path), memory, processes })
}

fn version_two(place: &Path, mount_root: &str, own: &str) -> Option<Base> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::"));
    let folder = own_folder(place, mount_root, path);
    let controllers = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
    let has = |name: &str| controllers.split_whitespace().any(|controller| controller == name);
    let (memory, processes) = (has("memory"), has("pids"));
    (memory || processes).then_some(Base { version: Version::Two, folder, memory, processes })
}

/// Our own group below a mount, which may show only a part of the hierarchy.
fn own_folder(place: &Path, mount_root: &str, own: Option<&str>) -> PathBuf {
    let own = own.unwrap_or("/");
    let below = own.strip_prefix(mount_root.trim_end_matches('/')).unwrap_or("");
    let folder = place.join(below.trim_start_matches('/'));
    if folder.is_dir() { folder } else { place.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_one_hierarchies_are_found_by_their_options() {
        let mounts = "\
36 25 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
37 25 0:32 / /nowhere/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
38 25 0:33 / /nowhere/pids rw - cgroup cgroup rw,pids
39 25 0:34 / /nowhere/unified rw - cgroup2 cgroup2 rw
";
        let bases = find(mounts, "8:pids:/\n4:memory:/a/b\n0::/\n");
        let shown: Vec<_> = bases.iter().map(|b| (b.folder.display().to_string(), b.memory, b.processes)).collect();
        assert_eq!(shown, [("/nowhere/memory".to_owned(), true, false), ("/nowhere/pids".to_owned(), false, true)]);
    }

    #[test]
    fn a_unified_hierarchy_is_used_where_it_has_the_controllers() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("system.slice/kiln.service");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        let mounts = format!("39 25 0:34 / {} rw - cgroup2 cgroup2 rw\n", folder.path().display());
        let bases = find(&mounts, "0::/system.slice/kiln.service\n");
        assert_eq!(bases, [Base { version: Version::Two, folder: own, memory: true, processes: true }]);
    }

    #[test]
    fn counters_are_read_from_both_versions_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events");
        fs::write(&file, "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n").unwrap();
        assert_eq!(count(&file, "oom_kill"), 2);
        assert_eq!(count(&file, "max"), 0);
    }
}
