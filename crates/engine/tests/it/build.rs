//! Jobs that work.

use std::process::Command;
use std::time::Instant;

use engine::{CancelToken, JobRunner as _};
use model::{JobOutcome, Phase, ResultKind};

use crate::kit::{GOOD, Sink, folder, kit};

#[test]
fn a_source_package_becomes_a_binary_package() {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run(GOOD, |_| {});
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    let packages: Vec<_> = report.results.iter().filter_map(|result| result.package.clone()).collect();
    assert_eq!(packages, [("sample".to_owned(), "1".to_owned())]);
    let kinds: Vec<_> = report.results.iter().map(|result| (result.file.name.as_str(), result.kind)).collect();
    assert!(kinds.contains(&("sample_1_all.deb", ResultKind::Package)), "{kinds:?}");
    assert!(kinds.iter().any(|(name, kind)| name.ends_with(".changes") && *kind == ResultKind::Record));
    assert_eq!(*sink.phases.lock().unwrap(), [Phase::Fetch, Phase::Root, Phase::Recipe, Phase::Collect]);
    assert!(sink.text().contains("[kiln "), "the engine's own lines are recognisable");
}

#[test]
fn debians_hello_is_built() {
    let Some(kit) = kit() else { return };
    let Some(sources) = hello() else { return eprintln!("skipped: hello can not be downloaded") };
    let (mut job, files) = kit.job(&sources);
    // A real package, on a machine that may have much else to do.
    job.limits.run_seconds = 1200;
    let sink = Sink::default();
    let started = Instant::now();
    let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    eprintln!("{:?}; warm: {}; {:?}", started.elapsed(), report.warm_root, report.timings);
    assert!(report.results.iter().any(|result| result.package.as_ref().is_some_and(|(name, _)| name == "hello")));
}

/// Downloads hello's source from the machine's own package source.
fn hello() -> Option<Vec<std::path::PathBuf>> {
    let output = Command::new("apt-cache").args(["show", "--no-all-versions", "hello"]).output().ok()?;
    let show = String::from_utf8(output.stdout).ok()?;
    let version = show.lines().find_map(|line| line.strip_prefix("Version: "))?;
    let version = version.split('+').next()?;
    let upstream = version.rsplit_once('-')?.0;
    let format = "$(MIRROR)".replace("MIRROR", "REPO_URI");
    let sites = Command::new("apt-get").args(["indextargets", "--format", &format]).output().ok()?;
    let sites = String::from_utf8(sites.stdout).ok()?;
    let names = [
        format!("hello_{version}.dsc"),
        format!("hello_{upstream}.orig.tar.gz"),
        format!("hello_{upstream}.orig.tar.gz.asc"),
        format!("hello_{version}.debian.tar.xz"),
    ];
    let mut paths = Vec::new();
    for name in names {
        let path = folder().join(&name);
        if !path.exists() {
            let site = sites.lines().find(|site| site.trim_end_matches('/').ends_with("/debian"))?;
            let url = format!("{}/pool/main/h/hello/{name}", site.trim_end_matches('/'));
            let done =
                Command::new("/usr/lib/apt/apt-helper").arg("download-file").arg(url).arg(&path).status().ok()?;
            if !done.success() {
                return None;
            }
        }
        paths.push(path);
    }
    Some(paths)
}
