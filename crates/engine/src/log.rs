//! The log of a job: bytes as printed, and the engine's own lines.

use std::time::Instant;

use crate::api::JobSink;

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

/// Remembers the lines in which dpkg names the packages it could not handle.
#[derive(Default)]
pub(crate) struct DpkgErrors {
    line: Vec<u8>,
    found: Vec<String>,
}

/// Longest line looked at; longer ones are cut.
const LINE_BYTES: usize = 1024;
/// Packages named in one failure.
const NAMED: usize = 10;

impl DpkgErrors {
    /// Looks at the next bytes of the log.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end_line();
            } else if self.line.len() < LINE_BYTES {
                self.line.push(*byte);
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        // dpkg's `print_error_perpackage`: "error processing package NAME (--configure):", or "archive PATH (--unpack)".
        let Some(rest) = line.strip_prefix("dpkg: error processing ") else { return };
        let mut words = rest.split(' ').skip(1);
        let Some(name) = words.next() else { return };
        let name = name.rsplit('/').next().unwrap_or(name).trim_end_matches(':').to_owned();
        if self.found.len() < NAMED && !self.found.contains(&name) {
            self.found.push(name);
        }
    }

    /// The packages, in the order of their first failure.
    pub(crate) fn packages(&self) -> &[String] {
        &self.found
    }
}

/// Remembers what `dpkg-source -x` and the archivers it starts say of a source that can not be unpacked.
#[derive(Default)]
pub(crate) struct UnpackErrors {
    line: Vec<u8>,
    archive: Option<String>,
    climbing: Option<(Option<String>, String)>,
    complaint: Option<String>,
    error: Option<String>,
}

impl UnpackErrors {
    /// Looks at the next bytes of the log.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = String::from_utf8_lossy(&self.line).into_owned();
                self.line.clear();
                self.end_line(&line);
            } else if self.line.len() < LINE_BYTES {
                self.line.push(*byte);
            }
        }
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
    fn failing_packages_are_found_in_what_dpkg_prints() {
        let mut errors = DpkgErrors::default();
        errors.hear(b"Setting up hello (1) ...\ndpkg: error processing package hel");
        errors.hear(b"lo (--configure):\n installed hello package post-installation script subprocess returned 1\n");
        errors.hear(b"dpkg: error processing archive /.kiln/packages/0001_bad.deb (--unpack):\nErrors:\n hello\n");
        errors.hear(b"dpkg: error processing package hello (--configure):\n");
        assert_eq!(errors.packages(), ["hello", "0001_bad.deb"]);
    }
}
