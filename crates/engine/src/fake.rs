//! A runner without a root and without a sandbox: it writes one small package at once. For tests of everything around an
//! engine, and for measuring what a build costs the service.
//!
//! What it does follows from the recipe's name: `fail-...` fails, `wait-...` runs until it is canceled, `slow-...` takes a
//! few seconds, `needs-NAME` asks for the package NAME as long as its root is without, all others succeed at once. A job
//! that makes a source leaves a small one, called after the end of the address its script has in a variable.

mod rpm;
mod source;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use model::{
    FailureCause, FileName, JobFile, JobOutcome, JobReport, JobSpec, JobWork, Phase, PhaseTiming, ResultFile,
    ResultKind,
};
use pkg::{PackageFormat, Sha256};

use crate::{CancelToken, JobFiles, JobRunner, JobSink};

/// How often a waiting job looks whether it is canceled.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// How long a slow job takes.
const SLOW: Duration = Duration::from_secs(3);

/// The runner.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeEngine;

impl JobRunner for FakeEngine {
    fn run(&self, job: &JobSpec, _files: &dyn JobFiles, sink: &dyn JobSink, cancel: &CancelToken) -> JobReport {
        let started = Instant::now();
        sink.phase(Phase::Recipe);
        sink.log(format!("[kiln] {}: no root, no recipe: a small package at once\n", job.title).as_bytes());
        let (name, version) = match &job.work {
            JobWork::Recipe(recipe) => source_name(recipe.file.as_str()),
            JobWork::Source(script) => (source::name(script), "1.0"),
        };
        let goes_on = || name.starts_with("wait-") || name.starts_with("slow-") && started.elapsed() < SLOW;
        while goes_on() && !cancel.is_canceled() {
            std::thread::sleep(CANCEL_POLL);
        }
        let ran = if cancel.is_canceled() {
            Err(JobOutcome::Canceled)
        } else if name.starts_with("fail-") {
            Err(JobOutcome::Failed(FailureCause::Recipe { step: "fake".to_owned(), status: 1 }))
        } else if let Some(needed) = name.strip_prefix("needs-").filter(|needed| lacks(job, needed)) {
            Err(JobOutcome::NeedsPackages { requires: vec![needed.to_owned()] })
        } else {
            let files = match job.work {
                JobWork::Recipe(_) => package(job, name, version).map(|file| vec![file]),
                JobWork::Source(_) => source::files(job.root.format, name, version),
            };
            files
                .and_then(|files| files.into_iter().map(|file| hand_over(file, sink)).collect())
                .map_err(|error| JobOutcome::Failed(FailureCause::Worker { detail: error.to_string() }))
        };
        let (outcome, results) =
            ran.map_or_else(|outcome| (outcome, Vec::new()), |files| (JobOutcome::Succeeded, files));
        let timings = vec![PhaseTiming { phase: Phase::Recipe, duration: started.elapsed() }];
        JobReport { outcome, results, timings, warm_root: true }
    }
}

fn lacks(job: &JobSpec, package: &str) -> bool {
    job.root.packages.iter().all(|there| there.name != package)
}

/// `NAME` and `VERSION` of `NAME_VERSION.dsc` or `NAME.spec`.
fn source_name(recipe: &str) -> (&str, &str) {
    let stem = recipe.rsplit_once('.').map_or(recipe, |(stem, _)| stem);
    stem.split_once('_').unwrap_or((stem, "1.0"))
}

/// A file that was made, and what it is.
struct MadeFile {
    name: String,
    kind: ResultKind,
    package: Option<(String, String)>,
    bytes: Vec<u8>,
}

fn package(job: &JobSpec, name: &str, version: &str) -> io::Result<MadeFile> {
    let (file_name, version, bytes) = match job.root.format {
        PackageFormat::Rpm => {
            let arch = job.arch.as_str();
            let bytes = rpm::small_package(name, version, "1", arch)?;
            (format!("{name}-{version}-1.{arch}.rpm"), format!("{version}-1"), bytes)
        }
        _ => {
            let arch = job.arch.debian_name();
            (format!("{name}_{version}_{arch}.deb"), version.to_owned(), small_package(name, version, arch)?)
        }
    };
    Ok(MadeFile { name: file_name, kind: ResultKind::Package, package: Some((name.to_owned(), version)), bytes })
}

fn hand_over(made: MadeFile, sink: &dyn JobSink) -> io::Result<ResultFile> {
    let MadeFile { name, kind, package, bytes } = made;
    let name = FileName::parse(&name).map_err(io::Error::other)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name.as_str());
    fs_err::write(&path, &bytes)?;
    let file = JobFile { name, bytes: bytes.len() as u64, sha256: Sha256::of(&bytes) };
    let result = ResultFile { kind, file, package };
    sink.result(&result, &path).map_err(io::Error::other)?;
    Ok(result)
}

/// A valid Debian package with one file in it.
fn small_package(name: &str, version: &str, arch: &str) -> std::io::Result<Vec<u8>> {
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: Nobody <nobody@example.org>\n\
         Description: made without a build\n"
    );
    let place = format!("./usr/share/{name}/made");
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", archive("./control", control.as_bytes())?),
        ("data.tar.gz", archive(&place, version.as_bytes())?),
    ];
    let mut package = b"!<arch>\n".to_vec();
    for (member, bytes) in members {
        let header = format!("{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", bytes.len());
        package.extend_from_slice(header.as_bytes());
        package.extend_from_slice(&bytes);
        if bytes.len() % 2 == 1 {
            package.push(b'\n');
        }
    }
    Ok(package)
}

/// A compressed tar archive with one file.
fn archive(path: &str, content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, Path::new(path), content)?;
    archive.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_package_is_one_dpkg_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.deb");
        fs_err::write(&path, small_package("hello", "2.10-3", "amd64").unwrap()).unwrap();
        let Ok(output) = std::process::Command::new("dpkg-deb").arg("--info").arg(&path).output() else {
            eprintln!("skipped: no dpkg-deb on this machine");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("Package: hello"));
    }

    #[test]
    fn name_and_version_come_from_the_recipe() {
        let name = |text: &str| {
            let (name, version) = source_name(text);
            format!("{name} {version}")
        };
        assert_eq!(name("hello_2.10-3.dsc"), "hello 2.10-3");
        assert_eq!(name("hello.dsc"), "hello 1.0");
    }
}
