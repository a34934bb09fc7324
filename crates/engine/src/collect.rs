//! Takes over what a recipe left, and checks that it is what it claims to be.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use model::{FailureCause, FileName, JobFile, JobSpec, Phase, ResultFile, ResultKind};
use pkg::{Sha256, Sha256Hasher, deb822};
use pkgfile::deb::{DebLimits, DebReader};

use crate::builder::dsc;
use crate::log::{JobLog, UnpackErrors};
use crate::sandbox::protocol::Event;
use crate::watch::Hearer;

/// Most results of one job.
const RESULTS: usize = 4096;
/// Largest `.changes` that is read.
const CHANGES_BYTES: u64 = 16 << 20;

/// Hears a recipe's sandbox and copies its results out.
pub(crate) struct Collector<'a> {
    job: &'a JobSpec,
    folder: PathBuf,
    last_step: String,
    /// When the recipe had ended.
    pub(crate) began_at: Option<Instant>,
    results: Vec<JobFile>,
    failure: Option<FailureCause>,
    /// What unpacking the sources prints, while it does.
    unpacking: Option<UnpackErrors>,
}

/// What kind of result a file name is, if any.
fn kind_of(name: &str) -> Option<ResultKind> {
    match name.rsplit_once('.')?.1 {
        "deb" | "udeb" | "ddeb" => Some(ResultKind::Package),
        "changes" | "buildinfo" => Some(ResultKind::Record),
        _ => None,
    }
}

fn invalid(file: &str, detail: impl Into<String>) -> FailureCause {
    FailureCause::ResultInvalid { file: file.to_owned(), detail: detail.into() }
}

fn worker(what: &Path, error: &io::Error) -> FailureCause {
    FailureCause::Worker { detail: format!("{}: {error}", what.display()) }
}

impl<'a> Collector<'a> {
    /// Results go to `folder`, which is there; the recipe is over when `last_step` has ended.
    pub(crate) fn new(job: &'a JobSpec, folder: PathBuf, last_step: &str) -> Self {
        let last_step = last_step.to_owned();
        Self { job, folder, last_step, began_at: None, results: Vec::new(), failure: None, unpacking: None }
    }

    /// Why the sources could not be unpacked, in the words of what tried.
    pub(crate) fn unpacking_failure(&self) -> Option<FailureCause> {
        let (archive, detail) = self.unpacking.as_ref()?.reason()?;
        let file = archive.unwrap_or(self.job.recipe.file.as_str()).to_owned();
        Some(FailureCause::SourceInvalid { file, detail })
    }

    /// Why collecting was refused.
    pub(crate) fn take_failure(&mut self) -> Option<FailureCause> {
        self.failure.take()
    }

    fn take(&mut self, name: &str, bytes: u64, fd: OwnedFd) -> Result<(), FailureCause> {
        if kind_of(name).is_none() {
            return Ok(());
        }
        let file_name = FileName::parse(name).map_err(|error| invalid(name, error.to_string()))?;
        let limit_bytes = self.job.limits.result_bytes;
        let taken: u64 = self.results.iter().map(|result| result.bytes).sum();
        if taken.saturating_add(bytes) > limit_bytes {
            return Err(FailureCause::ResultLimit { limit_bytes });
        }
        if self.results.len() >= RESULTS {
            return Err(invalid(name, format!("more than {RESULTS} results")));
        }
        let path = self.folder.join(name);
        let sha256 = copy(File::from(fd), &path, bytes).map_err(|error| worker(&path, &error))?;
        self.results.push(JobFile { name: file_name, bytes, sha256 });
        Ok(())
    }

    /// Checks all results against each other and against their formats.
    pub(crate) fn check(&self, log: &mut JobLog<'_>) -> Result<Vec<(ResultFile, PathBuf)>, FailureCause> {
        for file in self.results.iter().filter(|file| file.name.as_str().ends_with(".changes")) {
            self.check_changes(file, log)?;
        }
        let mut checked = Vec::new();
        for file in &self.results {
            let Some(kind) = kind_of(file.name.as_str()) else { continue };
            let path = self.folder.join(file.name.as_str());
            let package = match kind {
                ResultKind::Package => Some(self.check_package(file, &path)?),
                ResultKind::Source | ResultKind::Record => None,
            };
            checked.push((ResultFile { kind, file: file.clone(), package }, path));
        }
        if checked.iter().any(|(result, _)| result.kind == ResultKind::Package) {
            Ok(checked)
        } else {
            Err(FailureCause::NoResults)
        }
    }

    /// What a `.changes` lists must be there as listed.
    fn check_changes(&self, file: &JobFile, log: &mut JobLog<'_>) -> Result<(), FailureCause> {
        let path = self.folder.join(file.name.as_str());
        if file.bytes > CHANGES_BYTES {
            return Err(invalid(file.name.as_str(), format!("larger than {CHANGES_BYTES} bytes")));
        }
        let text = fs::read(&path).map_err(|error| worker(&path, &error))?;
        let text = String::from_utf8_lossy(&text);
        let listed = deb822::paragraphs(&text).find_map(|paragraph| paragraph.get("Checksums-Sha256"));
        for line in listed.unwrap_or_default().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [digest, bytes, name] = words.as_slice() else { continue };
            let Some(found) = self.results.iter().find(|result| result.name.as_str() == *name) else {
                if kind_of(name).is_some() {
                    return Err(invalid(name, format!("listed in {}, but not there", file.name)));
                }
                log.say(&format!("{name} is listed in {}, but not a kind of file that is kept", file.name));
                continue;
            };
            let same =
                Sha256::parse(digest).is_ok_and(|digest| digest == found.sha256) && bytes.parse() == Ok(found.bytes);
            if !same {
                return Err(invalid(name, format!("its bytes are not the ones {} lists", file.name)));
            }
        }
        Ok(())
    }

    /// Reads a package to its end; returns its name and version.
    fn check_package(&self, file: &JobFile, path: &Path) -> Result<(String, String), FailureCause> {
        let name = file.name.as_str();
        let open = File::open(path).map_err(|error| worker(path, &error))?;
        // What a package holds had to be on the recipe's disk.
        let limits = DebLimits { data_bytes: self.job.limits.disk_bytes, ..DebLimits::default() };
        let reader = io::BufReader::with_capacity(1 << 17, open);
        let mut reader = DebReader::open(reader, limits).map_err(|error| invalid(name, chain(&error)))?;
        let package = (reader.control().meta.name.clone(), reader.control().meta.evr.clone());
        let mut entries = reader.entries().map_err(|error| invalid(name, chain(&error)))?;
        while entries.next_entry().map_err(|error| invalid(name, chain(&error)))?.is_some() {}
        Ok(package)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Copies exactly `bytes` bytes and returns their digest.
fn copy(mut from: File, to: &Path, bytes: u64) -> io::Result<Sha256> {
    let mut target = File::options().write(true).create_new(true).open(to)?;
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = from.read(buffer.get_mut(..most).unwrap_or_default())?;
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        hasher.update(piece);
        target.write_all(piece)?;
        left -= count as u64;
    }
    Ok(hasher.finish())
}

impl Hearer for Collector<'_> {
    fn printed(&mut self, bytes: &[u8]) {
        if let Some(errors) = &mut self.unpacking {
            errors.hear(bytes);
        }
    }

    fn happened(&mut self, event: Event, fd: Option<OwnedFd>, log: &mut JobLog<'_>) -> bool {
        match event {
            Event::StepBegan { label } => {
                self.unpacking = (label == dsc::FIRST_STEP).then(UnpackErrors::default);
                log.say(&format!("running {label}"));
            }
            // GNU tar only warns of members that begin at the top of the file system, and strips them.
            Event::StepEnded { label }
                if label == dsc::FIRST_STEP && self.unpacking.as_ref().is_some_and(UnpackErrors::climbs_out) =>
            {
                self.failure = self.unpacking_failure();
            }
            Event::StepEnded { label } if label == self.last_step => {
                self.began_at = Some(Instant::now());
                log.sink().phase(Phase::Collect);
                log.say("collecting results");
            }
            Event::Result { name, bytes } => {
                let taken = fd.map_or(Ok(()), |fd| self.take(&name, bytes, fd));
                self.failure = taken.err();
            }
            Event::NotAFile { name, what } if kind_of(&name).is_some() => {
                self.failure = Some(invalid(&name, format!("is {what}")));
            }
            _ => {}
        }
        self.failure.is_none()
    }
}
