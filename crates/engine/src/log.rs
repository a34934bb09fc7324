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

#[cfg(test)]
mod tests {
    use super::*;

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
