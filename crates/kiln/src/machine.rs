//! What this machine has, for packages that need more than any machine has.

use std::path::Path;

use model::Limits;
use pkg::Arch;
use service::{Machine, WorkerTraits};

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// Describes this machine as a worker; what can not be told counts as nothing.
pub(crate) fn describe(arches: &[Arch], limits: &Limits) -> WorkerTraits {
    let memory = read("/proc/meminfo");
    let kibibytes = |name: &str| -> u64 {
        let line = memory.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim_start_matches(':').split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let (all, bound) = (kibibytes("MemTotal") / 1024, limits.memory_bytes / MIB);
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let release = read("/proc/sys/kernel/osrelease");
    let (version, flavor) = release.trim().split_once('-').unwrap_or((release.trim(), ""));
    let machine = Machine {
        labels: Vec::new(),
        // Namespaces of the kernel around a root of its own.
        sandbox: "lxc".to_owned(),
        linux_version: version.to_owned(),
        linux_flavor: flavor.to_owned(),
        cpu_flags: flags(&read("/proc/cpuinfo")),
        processors,
        jobs: processors,
        disk: limits.disk_bytes / MIB,
        memory: all.min(bound),
        // A build that is bounded below the machine's memory gets no more from its swap.
        swap: if all < bound { (kibibytes("SwapTotal") / 1024).min(bound - all) } else { 0 },
    };
    WorkerTraits {
        host_arch: std::env::consts::ARCH.to_owned(),
        arches: arches.iter().map(ToString::to_string).collect(),
        machine,
    }
}

fn read(path: &str) -> String {
    fs_err::read_to_string(Path::new(path)).unwrap_or_default()
}

/// The flags of the first processor: `flags` or, on Arm, `Features`.
fn flags(text: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    let words = line.and_then(|line| line.split_once(':')).map_or("", |(_, words)| words);
    words.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_processor_are_words() {
        assert_eq!(flags("processor\t: 0\nflags\t\t: fpu avx2\nbugs\t: x\n"), ["fpu", "avx2"]);
        assert_eq!(flags("Features\t: fp asimd\n"), ["fp", "asimd"]);
        assert!(flags("").is_empty());
    }

    #[test]
    fn this_machine_has_processors_and_memory() {
        let found = describe(&[Arch::parse("x86_64").unwrap()], &Limits::default());
        assert!(found.machine.processors > 0 && found.machine.memory > 0 && found.machine.disk > 0);
        assert_eq!(found.arches, ["x86_64"]);
    }
}
