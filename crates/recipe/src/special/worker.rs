use std::cmp::Ordering;

use super::Constraints;

/// What a machine that builds has. Sizes are in MiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worker {
    /// Labels its owner gave it.
    pub labels: Vec<String>,
    /// Kind of sandbox builds run in.
    pub sandbox: String,
    /// Version of its kernel.
    pub linux_version: String,
    /// Flavor of its kernel.
    pub linux_flavor: String,
    /// Flags of its processor.
    pub cpu_flags: Vec<String>,
    /// Processors a build may use.
    pub processors: u64,
    /// Processes at once.
    pub jobs: u64,
    /// Room for a build.
    pub disk: u64,
    /// Memory a build may use.
    pub memory: u64,
    /// Swap beside it.
    pub swap: u64,
}

/// A constraint that a worker does not meet: the path of its element.
pub type Misfit = &'static str;

/// Sandboxes that a recipe can not leave.
const SECURE: [&str; 3] = ["xen", "kvm", "zvm"];

impl Worker {
    /// The constraints that it does not meet; none, if it can build what has them.
    ///
    /// Rule: Open Build Service's dispatcher.
    #[must_use]
    pub fn misfits(&self, wanted: &Constraints) -> Vec<Misfit> {
        let enough = |wanted: Option<u64>, has: u64| wanted.is_none_or(|wanted| wanted <= has);
        let label = |label: &super::HostLabel| self.labels.contains(&label.label) != label.exclude;
        let sandbox = wanted.sandbox.as_ref().is_none_or(|(kind, exclude)| {
            let same = *kind == self.sandbox || (kind == "secure" && SECURE.contains(&self.sandbox.as_str()));
            same != *exclude
        });
        let version = |wanted: &Option<String>, refused: Ordering| {
            wanted.as_deref().is_none_or(|wanted| pkg::version::compare_rpm(&self.linux_version, wanted) != refused)
        };
        let flags = &wanted.cpu_flags;
        let met = [
            ("hostlabel", wanted.host_labels.iter().all(label)),
            ("sandbox", sandbox),
            ("linux:flavor", wanted.linux_flavor.as_ref().is_none_or(|flavor| *flavor == self.linux_flavor)),
            ("linux:version:min", version(&wanted.linux_min, Ordering::Less)),
            ("linux:version:max", version(&wanted.linux_max, Ordering::Greater)),
            ("hardware:cpu:flag", flags.is_empty() || flags.iter().any(|flag| self.cpu_flags.contains(flag))),
            ("hardware:processors", enough(wanted.processors, self.processors)),
            ("hardware:jobs", enough(wanted.jobs, self.jobs)),
            ("hardware:disk", enough(wanted.disk, self.disk)),
            ("hardware:memory", enough(wanted.memory, self.memory.saturating_add(self.swap))),
            ("hardware:physicalmemory", enough(wanted.physical_memory, self.memory)),
        ];
        met.into_iter().filter(|(_, met)| !met).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_meets_what_it_has() {
        let worker = Worker {
            labels: vec!["SSD".to_owned()],
            sandbox: "lxc".to_owned(),
            linux_version: "6.1.0".to_owned(),
            linux_flavor: "default".to_owned(),
            cpu_flags: vec!["avx2".to_owned()],
            processors: 4,
            jobs: 4,
            disk: 1000,
            memory: 2000,
            swap: 500,
        };
        let misfits = |inside: &str| {
            let text = format!("<constraints>{inside}</constraints>");
            worker.misfits(&Constraints::parse(text.as_bytes()).unwrap())
        };
        assert!(misfits("<hostlabel>SSD</hostlabel><hostlabel exclude='true'>SLOW</hostlabel>").is_empty());
        assert_eq!(misfits("<hostlabel exclude='true'>SSD</hostlabel>"), ["hostlabel"]);
        assert!(misfits("<sandbox>lxc</sandbox>").is_empty());
        assert_eq!(misfits("<sandbox>secure</sandbox>"), ["sandbox"]);
        assert!(misfits("<sandbox exclude='true'>kvm</sandbox>").is_empty());
        assert!(misfits("<linux><version><min>5.10</min><max>6.9</max></version></linux>").is_empty());
        assert_eq!(misfits("<linux><version><min>6.10</min></version></linux>"), ["linux:version:min"]);
        assert!(misfits("<hardware><cpu><flag>sse9</flag><flag>avx2</flag></cpu></hardware>").is_empty());
        assert!(misfits("<hardware><memory><size unit='M'>2500</size></memory></hardware>").is_empty());
        assert_eq!(
            misfits(
                "<hardware><processors>8</processors><physicalmemory><size unit='M'>2001</size></physicalmemory></hardware>"
            ),
            ["hardware:processors", "hardware:physicalmemory"]
        );
    }
}
