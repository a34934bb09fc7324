//! The log of a job: bytes as printed, and the engine's own lines.

use std::time::Instant;

use crate::api::JobSink;
use crate::root::RootFormat;

/// Writes to a job's log and counts.
pub(crate) struct JobLog<'a> {
    sink: &'a dyn JobSink,
    started: Instant,
    bytes: u64,
    at_line_start: bool,
}

impl<'a> JobLog<'a> {
    pub(crate) fn new(sink: &'a dyn JobSink) -> Self {
        Self { sink, started: Instant::now(), bytes: 0, at_line_start: true }
    }

    /// Where phases and results go.
    pub(crate) const fn sink(&self) -> &'a dyn JobSink {
        self.sink
    }

    /// Bytes printed so far, the engine's own lines included.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Passes on bytes as a program printed them.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.sink.log(bytes);
            self.bytes += bytes.len() as u64;
            self.at_line_start = *last == b'\n';
        }
    }

    /// One line of the engine's own, recognisable by its start: `[kiln   12s] text`.
    pub(crate) fn say(&mut self, text: &str) {
        let gap = if self.at_line_start { "" } else { "\n" };
        let line = format!("{gap}[kiln {:4}s] {text}\n", self.started.elapsed().as_secs());
        self.raw(line.as_bytes());
    }
}

/// Longest line looked at; longer ones are cut.
const LINE_BYTES: usize = 1024;
/// Packages, and messages, named in one failure.
const NAMED: usize = 10;

/// Cuts what programs print into lines.
#[derive(Default)]
pub(crate) struct Lines(Vec<u8>);

impl Lines {
    /// Takes the next bytes and gives every line that is whole now.
    pub(crate) fn hear(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        for byte in bytes {
            if *byte == b'\n' {
                line(&String::from_utf8_lossy(&self.0));
                self.0.clear();
            } else if self.0.len() < LINE_BYTES {
                self.0.push(*byte);
            }
        }
    }
}

/// Remembers the lines in which an installer complains.
pub(crate) struct Complaints {
    format: &'static dyn RootFormat,
    lines: Lines,
    packages: Vec<String>,
    messages: Vec<String>,
}

impl Complaints {
    pub(crate) fn new(format: &'static dyn RootFormat) -> Self {
        Self { format, lines: Lines::default(), packages: Vec::new(), messages: Vec::new() }
    }

    /// Looks at the next bytes of the log.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        let Self { format, lines, packages, messages } = self;
        lines.hear(bytes, |line| {
            let Some(complaint) = format.complaint(line) else { return };
            for (list, text) in [(&mut *packages, complaint.package), (&mut *messages, complaint.message)] {
                if let Some(text) = text.filter(|text| list.len() < NAMED && !list.contains(text)) {
                    list.push(text);
                }
            }
        });
    }

    /// The messages, in the order they were printed; `None` if there are none.
    pub(crate) fn messages(&self) -> Option<String> {
        (!self.messages.is_empty()).then(|| self.messages.join("; "))
    }

    /// ` failed for PACKAGES: MESSAGES`, in the order they were printed; `None` if nothing was said.
    pub(crate) fn describe(&self) -> Option<String> {
        if self.packages.is_empty() && self.messages.is_empty() {
            return None;
        }
        let mut text = " failed".to_owned();
        if !self.packages.is_empty() {
            text += &format!(" for {}", self.packages.join(", "));
        }
        if !self.messages.is_empty() {
            text += &format!(": {}", self.messages.join("; "));
        }
        Some(text)
    }
}

/// Remembers what `dpkg-source -x` and the archivers it starts say of a source that can not be unpacked.
#[derive(Default)]
pub(crate) struct UnpackErrors {
    lines: Lines,
    archive: Option<String>,
    climbing: Option<(Option<String>, String)>,
    complaint: Option<String>,
    error: Option<String>,
}

impl UnpackErrors {
    /// Looks at the next bytes of the log.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.hear(bytes, |line| self.end_line(line));
        self.lines = lines;
    }

    fn end_line(&mut self, line: &str) {
        let unpacked = ["dpkg-source: info: unpacking ", "dpkg-source: info: applying "];
        if let Some(archive) = unpacked.iter().find_map(|start| line.strip_prefix(start)) {
            self.archive = Some(archive.to_owned());
        } else if let Some(error) = line.strip_prefix("dpkg-source: error: ") {
            self.error.get_or_insert(error.to_owned());
        } else if let Some(prefix) = stripped_prefix(line) {
            let detail = format!("its members are outside the source tree, they begin with {prefix}");
            self.climbing.get_or_insert((self.archive.clone(), detail));
        } else if !line.starts_with("dpkg-source: ") && !line.is_empty() {
            self.complaint.get_or_insert(line.to_owned());
        }
    }

    /// Whether an archive has members that would be outside of the source tree.
    pub(crate) const fn climbs_out(&self) -> bool {
        self.climbing.is_some()
    }

    /// The archive that is to blame, if one is, and why; `None` if nothing was said.
    pub(crate) fn reason(&self) -> Option<(Option<&str>, String)> {
        if let Some((archive, detail)) = &self.climbing {
            return Some((archive.as_deref(), detail.clone()));
        }
        let error = self.error.as_ref()?;
        // What the archiver says first is nearer to the cause than how its parent takes it.
        let detail = self.complaint.as_ref().map_or_else(|| error.clone(), |first| format!("{first} ({error})"));
        Some((self.archive.as_deref(), detail))
    }
}

/// What GNU tar strips from the names of members: it says so once an archive and prefix.
fn stripped_prefix(line: &str) -> Option<&str> {
    let (prefix, rest) = line.strip_prefix("tar: Removing leading `")?.rsplit_once('\'')?;
    (rest == " from member names").then_some(prefix)
}

#[cfg(test)]
mod tests {
    use pkg::PackageFormat;

    use super::*;

    #[test]
    fn the_reason_of_a_failed_unpacking_is_what_was_said_first() {
        let mut errors = UnpackErrors::default();
        errors.hear(b"dpkg-source: info: extracting a in a-1\ndpkg-source: info: unpacking a_1.tar.xz\n");
        assert_eq!(errors.reason(), None);
        errors.hear(b"xz: (stdin): Unexpected end of input\ntar: Error is not recoverable: exiting now\n");
        errors.hear(b"dpkg-source: error: tar subprocess returned exit status 2\n");
        let detail = "xz: (stdin): Unexpected end of input (tar subprocess returned exit status 2)";
        assert_eq!(errors.reason(), Some((Some("a_1.tar.xz"), detail.to_owned())));
        assert!(!errors.climbs_out());
        errors.hear(b"tar: Removing leading `/' from hard link targets\n");
        assert!(!errors.climbs_out(), "links are made inside");
        errors.hear(b"tar: Removing leading `../../' from member names\n");
        assert!(errors.climbs_out());
        assert!(errors.reason().unwrap().1.ends_with("begin with ../../"));
    }

    #[test]
    fn complaints_name_packages_and_messages_once_each() {
        let describe = |format, text: &[u8]| {
            let mut complaints = Complaints::new(crate::root::format(format).unwrap());
            let (start, end) = text.split_at(text.len() / 2);
            complaints.hear(start);
            complaints.hear(end);
            complaints.describe()
        };
        assert_eq!(describe(PackageFormat::Deb, b"Setting up hello (1) ...\n"), None);
        let text =
            b"dpkg: error processing package hello (--configure):\n installed hello package post-installation script\n\
            dpkg: error processing archive /.kiln/packages/0001_bad.deb (--unpack):\nErrors:\n hello\n\
            dpkg: error processing package hello (--configure):\n";
        assert_eq!(describe(PackageFormat::Deb, text).as_deref(), Some(" failed for hello, 0001_bad.deb"));
        let text =
            b"error: %prein(bad-1-1.noarch) scriptlet failed, exit status 3\nerror: bad-1-1.noarch: install failed\n";
        let described = " failed for bad-1-1.noarch: %prein scriptlet failed, exit status 3";
        assert_eq!(describe(PackageFormat::Rpm, text).as_deref(), Some(described));
    }
}
