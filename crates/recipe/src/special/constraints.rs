use super::{SpecialError, bad, only, root, unknown};
use crate::xml::Element;

/// What a package needs of the machine it is built on. Sizes are in MiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Labels that a worker has or lacks; every one counts.
    pub host_labels: Vec<HostLabel>,
    /// Kind of sandbox, and whether it is the one that is not wanted.
    pub sandbox: Option<(String, bool)>,
    /// Flavor of the kernel.
    pub linux_flavor: Option<String>,
    /// Lowest version of the kernel.
    pub linux_min: Option<String>,
    /// Highest version of the kernel.
    pub linux_max: Option<String>,
    /// Flags of the processor, of which one is enough.
    pub cpu_flags: Vec<String>,
    /// Processors.
    pub processors: Option<u64>,
    /// Processes at once.
    pub jobs: Option<u64>,
    /// Room for the build.
    pub disk: Option<u64>,
    /// Memory with swap.
    pub memory: Option<u64>,
    /// Memory without swap.
    pub physical_memory: Option<u64>,
    /// What counts instead for some architectures or packages.
    pub overwrites: Vec<Overwrite>,
}

/// A label of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLabel {
    /// The label.
    pub label: String,
    /// Whether a worker must not have it.
    pub exclude: bool,
}

/// Constraints that count instead, under conditions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overwrite {
    /// Architectures; any, if empty.
    pub arches: Vec<String>,
    /// Packages; any, if empty.
    pub packages: Vec<String>,
    /// What counts.
    pub constraints: Constraints,
}

impl Constraints {
    /// Reads the constraints of a package.
    ///
    /// # Errors
    /// [`SpecialError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SpecialError> {
        let root = root(bytes, "constraints")?;
        let mut constraints = Self::default();
        for child in &root.children {
            if child.name == "overwrite" {
                // One without conditions counts never.
                constraints.overwrites.extend(overwrite(child)?);
            } else {
                constraints.read(child)?;
            }
        }
        Ok(constraints)
    }

    /// Reads one element below the root or an overwrite.
    fn read(&mut self, element: &Element) -> Result<(), SpecialError> {
        match element.name.as_str() {
            "hostlabel" => self.host_labels.push(HostLabel { label: word(element)?, exclude: exclude(element)? }),
            "sandbox" => self.sandbox = Some((word(element)?, exclude(element)?)),
            "linux" => return each(element, |child| self.read_linux(child)),
            "hardware" => return each(element, |child| self.read_hardware(child)),
            _ => return unknown(element, "<constraints>"),
        }
        Ok(())
    }

    fn read_linux(&mut self, element: &Element) -> Result<(), SpecialError> {
        match element.name.as_str() {
            "flavor" => self.linux_flavor = Some(word(element)?),
            "version" => {
                return each(element, |child| {
                    match child.name.as_str() {
                        "min" => self.linux_min = Some(word(child)?),
                        "max" => self.linux_max = Some(word(child)?),
                        _ => return unknown(child, "<version>"),
                    }
                    Ok(())
                });
            }
            _ => return unknown(element, "<linux>"),
        }
        Ok(())
    }

    fn read_hardware(&mut self, element: &Element) -> Result<(), SpecialError> {
        match element.name.as_str() {
            "cpu" => {
                return each(element, |child| match child.name.as_str() {
                    "flag" => {
                        self.cpu_flags.push(word(child)?);
                        Ok(())
                    }
                    _ => unknown(child, "<cpu>"),
                });
            }
            "processors" => self.processors = Some(number(element)?),
            "jobs" => self.jobs = Some(number(element)?),
            "disk" => self.disk = Some(size(element)?),
            "memory" => self.memory = Some(size(element)?),
            "physicalmemory" => self.physical_memory = Some(size(element)?),
            _ => return unknown(element, "<hardware>"),
        }
        Ok(())
    }

    /// Reads the lines of a build configuration, each a path of elements and a text. Lines that mean nothing are given back;
    /// they do not count.
    ///
    /// Rule: Open Build Service's dispatcher; `+` adds a further element, `=` takes the ones before away.
    #[must_use]
    pub fn of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> (Self, Vec<&'a str>) {
        let (mut constraints, mut strange) = (Self::default(), Vec::new());
        for line in lines {
            if constraints.add_line(line).is_err() {
                strange.push(line);
            }
        }
        (constraints, strange)
    }

    fn add_line(&mut self, line: &str) -> Result<(), SpecialError> {
        let (path, mut text) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let mut attributes = Vec::new();
        text = text.trim_start();
        while let Some((first, rest)) = text.split_once(char::is_whitespace).or(Some((text, ""))) {
            let Some((name, value)) = first.split_once('=').filter(|(name, _)| !name.is_empty()) else { break };
            attributes.push((name.to_owned(), value.to_owned()));
            text = rest.trim_start();
        }
        let is_cleared = path.ends_with('=');
        let names: Vec<&str> = path.split(':').map(|name| name.trim_end_matches(['+', '=', '!'])).collect();
        if is_cleared {
            self.clear(&names);
            if text.is_empty() {
                return Ok(());
            }
        }
        let mut element = Element::of(names.last().copied().unwrap_or_default(), attributes, text);
        for name in names.iter().rev().skip(1) {
            let mut parent = Element::of(name, Vec::new(), "");
            parent.children.push(element);
            element = parent;
        }
        self.read(&element)
    }

    fn clear(&mut self, path: &[&str]) {
        match path {
            ["hostlabel"] => self.host_labels.clear(),
            ["sandbox"] => self.sandbox = None,
            ["hardware", "cpu", "flag"] | ["hardware", "cpu"] => self.cpu_flags.clear(),
            ["hardware", "processors"] => self.processors = None,
            ["hardware", "jobs"] => self.jobs = None,
            ["hardware", "disk", ..] => self.disk = None,
            ["hardware", "memory", ..] => self.memory = None,
            ["hardware", "physicalmemory", ..] => self.physical_memory = None,
            _ => {}
        }
    }

    /// These with others over them: labels and flags are joined, everything else that the others say counts.
    #[must_use]
    pub fn overlaid(mut self, over: &Self) -> Self {
        self.host_labels.extend(
            over.host_labels.iter().filter(|label| !self.host_labels.contains(label)).cloned().collect::<Vec<_>>(),
        );
        self.cpu_flags
            .extend(over.cpu_flags.iter().filter(|flag| !self.cpu_flags.contains(flag)).cloned().collect::<Vec<_>>());
        self.overwrites.extend(over.overwrites.iter().cloned());
        self.replaced(over)
    }

    /// Everything that is one value replaced by what `over` says.
    fn replaced(mut self, over: &Self) -> Self {
        let Self {
            sandbox, linux_flavor, linux_min, linux_max, processors, jobs, disk, memory, physical_memory, ..
        } = over.clone();
        self.sandbox = sandbox.or(self.sandbox);
        self.linux_flavor = linux_flavor.or(self.linux_flavor);
        self.linux_min = linux_min.or(self.linux_min);
        self.linux_max = linux_max.or(self.linux_max);
        self.processors = processors.or(self.processors);
        self.jobs = jobs.or(self.jobs);
        self.disk = disk.or(self.disk);
        self.memory = memory.or(self.memory);
        self.physical_memory = physical_memory.or(self.physical_memory);
        self
    }

    /// What counts for a package on an architecture: conditions are looked at, repeated elements replaced as a whole.
    #[must_use]
    pub fn effective(&self, arch: &str, package: &str) -> Self {
        let mut found = Self { overwrites: Vec::new(), ..self.clone() };
        // Without its flavor or the rest behind a dot, as the reference has it.
        let short = package.split('.').next().unwrap_or(package);
        for one in &self.overwrites {
            let fits = |list: &[String], names: &[&str]| {
                list.is_empty() || list.iter().any(|name| names.contains(&name.as_str()))
            };
            if fits(&one.arches, &[arch]) && fits(&one.packages, &[package, short]) {
                let over = &one.constraints;
                if !over.host_labels.is_empty() {
                    found.host_labels.clone_from(&over.host_labels);
                }
                if !over.cpu_flags.is_empty() {
                    found.cpu_flags.clone_from(&over.cpu_flags);
                }
                found = found.replaced(over);
            }
        }
        found
    }
}

fn overwrite(element: &Element) -> Result<Option<Overwrite>, SpecialError> {
    only(element, &[])?;
    let mut found = Overwrite::default();
    let mut has_conditions = false;
    for child in &element.children {
        if child.name != "conditions" {
            found.constraints.read(child)?;
            continue;
        }
        has_conditions = true;
        each(child, |condition| {
            match condition.name.as_str() {
                "arch" => found.arches.push(word(condition)?),
                "package" => found.packages.push(word(condition)?),
                _ => return unknown(condition, "<conditions>"),
            }
            Ok(())
        })?;
    }
    Ok(has_conditions.then_some(found))
}

fn each(element: &Element, mut read: impl FnMut(&Element) -> Result<(), SpecialError>) -> Result<(), SpecialError> {
    only(element, &[])?;
    element.children.iter().try_for_each(&mut read)
}

fn word(element: &Element) -> Result<String, SpecialError> {
    match element.text() {
        "" => bad(format!("<{}> is empty", element.name)),
        text if text.len() > 200 => bad(format!("<{}> is too long", element.name)),
        text => Ok(text.to_owned()),
    }
}

fn exclude(element: &Element) -> Result<bool, SpecialError> {
    only(element, &["exclude"])?;
    match element.attribute("exclude") {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => bad(format!("exclude={other:?} is neither true nor false")),
    }
}

fn number(element: &Element) -> Result<u64, SpecialError> {
    only(element, &["unit"])?;
    match element.text().parse() {
        Ok(number) => Ok(number),
        Err(_) => bad(format!("<{}> is no whole number", element.name)),
    }
}

/// `<size unit="G">4</size>` in MiB, rounded up.
fn size(element: &Element) -> Result<u64, SpecialError> {
    only(element, &[])?;
    let [size] = element.children.as_slice() else {
        return bad(format!("<{}> has no <size>", element.name));
    };
    if size.name != "size" {
        return unknown(size, "a size");
    }
    let value = number(size)?;
    let scaled = match size.attribute("unit").unwrap_or("B") {
        "B" => Some(value.div_ceil(1 << 20)),
        "K" => Some(value.div_ceil(1 << 10)),
        "M" => Some(value),
        "G" => value.checked_mul(1 << 10),
        "T" => value.checked_mul(1 << 20),
        "P" => value.checked_mul(1 << 30),
        other => return bad(format!("the unit {other:?} is none of B, K, M, G, T, P")),
    };
    match scaled {
        Some(size) => Ok(size),
        None => bad(format!("<{}> is too large", element.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(inside: &str) -> Constraints {
        Constraints::parse(format!("<constraints>{inside}</constraints>").as_bytes()).unwrap()
    }

    #[test]
    fn sizes_have_units() {
        let found = parse(
            "<hardware><memory><size unit='G'>2</size></memory><disk><size unit='M'>5</size></disk>\
             <physicalmemory><size>1048577</size></physicalmemory><processors>4</processors></hardware>",
        );
        assert_eq!((found.memory, found.disk, found.physical_memory), (Some(2048), Some(5), Some(2)));
        assert_eq!(found.processors, Some(4));
    }

    #[test]
    fn what_counts_may_depend_on_architecture_and_package() {
        let found = parse(
            "<hostlabel>A</hostlabel><hardware><jobs>1</jobs></hardware><overwrite><conditions><arch>aarch64</arch>\
             <package>hello</package></conditions><hostlabel exclude='true'>B</hostlabel><hardware><jobs>9</jobs></hardware>\
             </overwrite><overwrite><hardware><jobs>7</jobs></hardware></overwrite>",
        );
        assert_eq!(found.effective("x86_64", "hello").jobs, Some(1));
        assert_eq!(found.effective("aarch64", "other").jobs, Some(1));
        let here = found.effective("aarch64", "hello.1");
        assert_eq!((here.jobs, here.host_labels.len(), here.host_labels[0].exclude), (Some(9), 1, true));
    }

    #[test]
    fn lines_of_a_configuration_are_the_ground() {
        let lines =
            ["hardware:memory:size unit=G 4", "hostlabel exclude=true SLOW", "hardware:cpu:flag avx2", "nonsense x"];
        let (ground, strange) = Constraints::of_lines(lines);
        assert_eq!((ground.memory, ground.cpu_flags.as_slice()), (Some(4096), &["avx2".to_owned()][..]));
        assert!(ground.host_labels[0].exclude && strange == ["nonsense x"]);
        let over = parse("<hostlabel>SSD</hostlabel><hardware><memory><size unit='G'>1</size></memory></hardware>");
        let both = ground.overlaid(&over);
        assert_eq!((both.memory, both.host_labels.len(), both.cpu_flags.len()), (Some(1024), 2, 1));
        let (cleared, _) = Constraints::of_lines(["hostlabel A", "hostlabel= B"]);
        assert_eq!(cleared.host_labels.iter().map(|one| one.label.as_str()).collect::<Vec<_>>(), ["B"]);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (bad, word) in [
            ("<memory/>", "<memory> in <constraints>"),
            ("<hardware><gpu/></hardware>", "<gpu> in <hardware>"),
            ("<hardware><memory><size unit='X'>1</size></memory></hardware>", "unit \"X\""),
            ("<hardware><memory>4</memory></hardware>", "no <size>"),
            ("<hardware><memory><size unit='P'>99999999999999</size></memory></hardware>", "too large"),
            ("<hardware><processors>many</processors></hardware>", "no whole number"),
            ("<sandbox exclude='no'>kvm</sandbox>", "exclude"),
            ("<hostlabel/>", "<hostlabel> is empty"),
            ("<hostlabel a='b'>x</hostlabel>", "attribute a"),
        ] {
            let text = format!("<constraints>{bad}</constraints>");
            let error = Constraints::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
