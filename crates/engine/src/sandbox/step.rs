//! Runs one program inside the sandbox, and watches the bounds that are seen best from inside.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, WaitOptions, WaitStatus, getrlimit, setrlimit};

use super::helper::context;
use super::init::Stop;
use super::protocol::{Bound, Event, Step, Watch};
use super::seccomp::Filter;
use super::{collect, sys, wire};

/// Time between two looks at the bounds.
const LOOK: Duration = Duration::from_millis(100);

/// Looks at the bounds from time to time, and reports each one once.
pub(super) struct Watcher<'a> {
    watch: Watch,
    /// Where the kernel stops programs if looking is too slow: a little above the bound, so that it is seen.
    hard_processes: Option<u64>,
    control: &'a OwnedFd,
    looked_at: Instant,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(watch: Watch, control: &'a OwnedFd) -> Self {
        let hard_processes = watch.processes.map(|limit| u64::from(limit) + u64::from(limit) / 8 + 16);
        Self { watch, hard_processes, control, looked_at: Instant::now() }
    }

    /// Looks, unless it did so just now.
    fn look_if_due(&mut self) {
        if self.looked_at.elapsed() >= LOOK {
            self.look();
        }
    }

    /// Looks now.
    pub(super) fn look(&mut self) {
        self.looked_at = Instant::now();
        if self.watch.disk_bytes.is_some_and(|limit| disk_used().is_some_and(|used| used > limit)) {
            self.watch.disk_bytes = None;
            self.report(Bound::Disk);
        }
        if self.watch.memory_bytes.is_none() && self.watch.processes.is_none() {
            return;
        }
        let (memory, processes) = usage();
        if self.watch.memory_bytes.is_some_and(|limit| memory > limit) {
            self.watch.memory_bytes = None;
            self.report(Bound::Memory);
        }
        if self.watch.processes.is_some_and(|limit| processes > u64::from(limit)) {
            self.watch.processes = None;
            self.report(Bound::Processes);
        }
    }

    fn report(&self, bound: Bound) {
        // If the engine is gone, this process is about to be killed.
        let _ = wire::send(self.control.as_fd(), &Event::Exceeded(bound), None);
    }
}

/// Bytes in use on the storage below `/`; an overlay answers for its upper layer.
fn disk_used() -> Option<u64> {
    let status = rustix::fs::statvfs("/").ok()?;
    Some(status.f_blocks.saturating_sub(status.f_bfree).saturating_mul(status.f_frsize))
}

/// Resident memory, and number of processes and threads, of everything inside but this process.
fn usage() -> (u64, u64) {
    let page = sys::page_bytes();
    let (mut pages, mut threads) = (0_u64, 0_u64);
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_process = |name: &OsString| *name != "1" && name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    // All at once, because they come and go while each is looked at.
    let processes: Vec<OsString> = names.filter(is_process).collect();
    for process in &processes {
        let folder = Path::new("/proc").join(process);
        let statm = fs::read_to_string(folder.join("statm")).unwrap_or_default();
        pages += statm.split(' ').nth(1).and_then(|resident| resident.parse().ok()).unwrap_or(0);
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        threads += after_name.split_whitespace().nth(17).and_then(|count| count.parse().ok()).unwrap_or(1);
    }
    let threads = threads.max(processes.len() as u64);
    (pages.saturating_mul(page), threads)
}

/// How often a program of this network namespace asked for an address that no route leads to: the kernel's own counters
/// (`OutNoRoutes` of proc(5)'s `net/snmp` and `net/snmp6`).
fn routes_missed() -> u64 {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    counter_of_table(&read("/proc/self/net/snmp"), "Ip:", "OutNoRoutes")
        + counter_of_list(&read("/proc/self/net/snmp6"), "Ip6OutNoRoutes")
}

/// A number of a table whose lines come in pairs, names and values.
fn counter_of_table(text: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol)).map(str::split_whitespace);
    let (Some(names), Some(mut values)) = (lines.next(), lines.next()) else { return 0 };
    let place = names.into_iter().position(|one| one == name);
    place.and_then(|place| values.nth(place)?.parse().ok()).unwrap_or(0)
}

/// A number of a list of names and values.
fn counter_of_list(text: &str, name: &str) -> u64 {
    let value = text.lines().filter_map(|line| line.split_once(char::is_whitespace)).find(|(one, _)| *one == name);
    value.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

/// Runs a step to its end and reports it.
pub(super) fn run(step: &Step, watcher: &mut Watcher<'_>, control: &OwnedFd) -> Result<(), Stop> {
    if step.only_if.as_ref().is_some_and(|path| !Path::new(path).exists()) {
        return Ok(());
    }
    let label = step.label.clone();
    wire::send(control.as_fd(), &Event::StepBegan { label: label.clone() }, None)?;
    let mut tries_left = step.retries;
    loop {
        let status = run_once(step, watcher)?;
        // What was left running counts, too.
        watcher.look();
        kill_others();
        if status.exit_status() == Some(0) {
            wire::send(control.as_fd(), &Event::StepEnded { label }, None)?;
            return Ok(());
        }
        if tries_left == 0 {
            if let Some(words) = step.last_words.as_ref().filter(|words| status.exit_status() == Some(words.status)) {
                collect::folder(&words.folder, false, control).map_err(|e| context("collecting", e))?;
            }
            let event = Event::StepFailed {
                label,
                status: status.exit_status(),
                signal: status.terminating_signal(),
                sought_network: routes_missed() > 0,
            };
            wire::send(control.as_fd(), &event, None)?;
            return Err(Stop::Reported);
        }
        tries_left -= 1;
    }
}

fn run_once(step: &Step, watcher: &mut Watcher<'_>) -> Result<WaitStatus, Stop> {
    let child = spawn(step, watcher.hard_processes)?;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => return Ok(status),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => sys::wait_for_child_signal(LOOK),
            Err(error) => return Err(context("waiting", error.into()).into()),
        }
        // Here, because a recipe may give us no rest from reaping.
        watcher.look_if_due();
    }
}

/// What programs expect of a login, whatever the engine was started with: few descriptors, because some programs close
/// all that could be open, and no core dumps, because a handler of the host would get them.
fn limit_resources() -> io::Result<()> {
    const DESCRIPTORS: u64 = 1024;
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS)));
    setrlimit(Resource::Nofile, Rlimit { current, maximum })?;
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

fn spawn(step: &Step, processes: Option<u64>) -> io::Result<Pid> {
    let (program, arguments) = step.command.split_first().ok_or_else(|| io::Error::other("an empty command"))?;
    let user = step.user;
    let filter = Filter::new();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(step.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&step.folder)
        .stdin(Stdio::null());
    sys::before_exec(&mut command, move || {
        rustix::process::setsid()?;
        // The next victim of a full memory is the recipe, not the helper.
        let _ = fs::write("/proc/self/oom_score_adj", "500");
        limit_resources()?;
        if processes.is_some() {
            setrlimit(Resource::Nproc, Rlimit { current: processes, maximum: processes })?;
        }
        if user != 0 {
            sys::drop_bounding_set();
            sys::become_user(user)?;
        }
        sys::install_filter(&filter)
    });
    let child = command.spawn().map_err(|e| context(program, e))?;
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    id.ok_or_else(|| io::Error::other("no process id"))
}

/// Kills and reaps everything inside but this process.
fn kill_others() {
    sys::kill_all();
    while !matches!(rustix::process::wait(WaitOptions::empty()), Err(rustix::io::Errno::CHILD)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_name_in_both_forms() {
        let table = "Ip: Forwarding OutNoRoutes ReasmFails\nIp: 1 23 0\nUdp: NoPorts\nUdp: 7\n";
        assert_eq!(counter_of_table(table, "Ip:", "OutNoRoutes"), 23);
        assert_eq!(counter_of_table(table, "Ip:", "NoPorts"), 0);
        assert_eq!(counter_of_table("", "Ip:", "OutNoRoutes"), 0);
        let list = "Ip6InReceives                   \t5\nIp6OutNoRoutes                  \t42\n";
        assert_eq!(counter_of_list(list, "Ip6OutNoRoutes"), 42);
        assert_eq!(counter_of_list(list, "Ip6"), 0);
    }
}
