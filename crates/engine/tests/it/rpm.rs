//! Spec files in roots of rpm packages.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use engine::{CancelToken, JobRunner as _};
use model::{FailureCause, JobOutcome, JobReport, ResultKind, RootPackage};

use testkit::rpm_file::CpioMember;
use testkit::srpm::SourceRpm;

use crate::kit::{Sink, job_file};
use crate::rpm_kit::{COMPILE, plain_spec, root_package, rpm_kit, source, spec};

fn failure(report: &JobReport) -> &FailureCause {
    match &report.outcome {
        JobOutcome::Failed(cause) => cause,
        other => panic!("{other:?}"),
    }
}

fn names(report: &JobReport) -> Vec<&str> {
    report.results.iter().map(|result| result.file.name.as_str()).collect()
}

/// Keeps a result as a file.
fn keep(sink: &Sink, name: &str, folder: &Path) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, &sink.results.lock().unwrap()[name]).unwrap();
    path
}

#[test]
fn a_spec_file_becomes_packages_a_source_package_and_a_record() {
    let Some(kit) = rpm_kit() else { return };
    let build = format!("id -un; id -u; pwd; echo jobs %{{jobs}} %{{?_smp_mflags}}; {COMPILE}");
    let more =
        "%package doc\nSummary: Documentation\nBuildArch: noarch\n%description doc\nD.\n%files doc\n%doc sample.c\n";
    let (report, sink) = kit.run(&spec("", &build, more), |job, _| job.settings.parallel = Some(3));
    let text = sink.text();
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{text}");
    let expected =
        ["sample-doc-1.0-1.t1.noarch.rpm", "sample-1.0-1.t1.x86_64.rpm", "sample-1.0-1.t1.src.rpm", "sample.buildenv"];
    assert_eq!(names(&report), expected);
    let kinds: Vec<ResultKind> = report.results.iter().map(|result| result.kind).collect();
    assert_eq!(kinds, [ResultKind::Package, ResultKind::Package, ResultKind::Source, ResultKind::Record]);
    assert_eq!(report.results[0].package, Some(("sample-doc".to_owned(), "1.0-1.t1".to_owned())));
    for line in ["abuild", "399", "/home/abuild/rpmbuild/BUILD/sample-1.0", "jobs 3 -j3"] {
        assert!(text.lines().any(|printed| printed == line), "{line}: {text}");
    }
    assert!(text.contains("gcc -O2 -g -Wall -o sample"), "the configuration's OptFlags: {text}");
    let record = String::from_utf8(sink.results.lock().unwrap()["sample.buildenv"].clone()).unwrap();
    let shell = kit.root(&[]).packages.into_iter().find(|package| package.name == "bash").unwrap();
    let line = format!(" {} bash {} x86_64\n", shell.file.sha256, shell.version);
    assert!(record.contains(&line) && record.contains("\n %testdist 1\n"), "{record}");
    assert!(record.contains("\n HOME=\"/home/abuild\"\n"), "{record}");
}

#[test]
fn a_source_package_is_built_again_from_itself() {
    let Some(kit) = rpm_kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (report, sink) = kit.run(&spec("", COMPILE, ""), |_, _| {});
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    let package = keep(&sink, "sample-1.0-1.t1.src.rpm", folder.path());
    let (job, files) = kit.job(std::slice::from_ref(&package));
    let sink = Sink::default();
    let report = kit.kit.engine.run(&job, &files, &sink, &CancelToken::new());
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    assert!(report.warm_root);
    assert_eq!(names(&report)[..2], ["sample-1.0-1.t1.x86_64.rpm", "sample-1.0-1.t1.src.rpm"]);

    let mut bytes = fs::read(&package).unwrap();
    let middle = bytes.len() - 100;
    bytes.truncate(middle);
    fs::write(&package, bytes).unwrap();
    let (job, files) = kit.job(&[package]);
    let sink = Sink::default();
    let report = kit.kit.engine.run(&job, &files, &sink, &CancelToken::new());
    let FailureCause::SourceInvalid { file, .. } = failure(&report) else { panic!("{report:?} {}", sink.text()) };
    assert_eq!(file, "sample-1.0-1.t1.src.rpm");
}

#[test]
fn hello_is_built_from_its_source_package() {
    let Some(kit) = rpm_kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let package = SourceRpm::hello();
    let path = folder.path().join(package.file_name());
    fs::write(&path, package.bytes()).unwrap();
    let (job, files) = kit.job(&[path]);
    let sink = Sink::default();
    let report = kit.kit.engine.run(&job, &files, &sink, &CancelToken::new());
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    assert_eq!(names(&report), ["hello-1.0-1.t1.x86_64.rpm", "hello-1.0-1.t1.src.rpm", "hello-1.0-1.buildenv"]);
}

/// Members that are not in the list of files, or would be anywhere else: as a recipe, and as a package of a root.
#[test]
fn a_package_whose_members_climb_out_reaches_nothing() {
    let Some(kit) = rpm_kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (member, path) in [
        ("../../../../../../../../../../tmp/kiln-escaped-rpm", "/tmp/kiln-escaped-rpm"),
        ("/tmp/kiln-escaped-rpm", "/tmp/kiln-escaped-rpm"),
    ] {
        let package = SourceRpm::hello().stranger(CpioMember::file(member, "x"));
        let file = folder.path().join(package.file_name());
        fs::write(&file, package.bytes()).unwrap();
        let (job, files) = kit.job(std::slice::from_ref(&file));
        let sink = Sink::default();
        let report = kit.kit.engine.run(&job, &files, &sink, &CancelToken::new());
        let FailureCause::SourceInvalid { file: named, .. } = failure(&report) else {
            panic!("{report:?} {}", sink.text())
        };
        assert_eq!(named, "hello-1.0-1.src.rpm");

        let (report, sink) = kit.run(&spec("", COMPILE, ""), |job, files| {
            let package = root_package(&file).1;
            files.0.insert(package.file.sha256, file.clone());
            job.root.preinstall.insert(0, "hello".to_owned());
            job.root.packages.push(package);
        });
        let FailureCause::Root { detail } = failure(&report) else { panic!("{report:?} {}", sink.text()) };
        assert!(detail.starts_with("hello: cpio member 3: "), "{detail}");
        assert!(!Path::new(path).exists());
    }
}

#[test]
fn conditions_and_debugging_symbols_follow_the_settings() {
    let Some(kit) = rpm_kit() else { return };
    let spec = spec(
        "%bcond_with extra\n%bcond_without usual",
        &format!("echo extra %{{with extra}} usual %{{with usual}}; {COMPILE}"),
        "",
    );
    let (report, sink) = kit.run(&spec, |_, _| {});
    assert!(sink.text().contains("\nextra 0 usual 1\n"), "{}", sink.text());
    assert!(!names(&report).iter().any(|name| name.contains("debug")), "{:?}", names(&report));
    let (report, sink) = kit.run(&spec, |job, _| {
        job.settings.with = vec!["extra".to_owned()];
        job.settings.without = vec!["usual".to_owned()];
        job.settings.debug_packages = true;
    });
    assert!(sink.text().contains("\nextra 1 usual 0\n"), "{}", sink.text());
    assert!(names(&report).contains(&"sample-debuginfo-1.0-1.t1.x86_64.rpm"), "{:?} {}", names(&report), sink.text());
}

#[test]
fn a_failing_section_is_the_recipes_failure() {
    let Some(kit) = rpm_kit() else { return };
    for (build, more) in [("exit 3", ""), (COMPILE, "%check\nfalse\n")] {
        let (report, sink) = kit.run(&spec("", build, more), |_, _| {});
        let cause = FailureCause::Recipe { step: "rpmbuild".to_owned(), status: 1 };
        assert_eq!(*failure(&report), cause, "{}", sink.text());
        assert!(report.results.is_empty());
    }
}

/// `%generate_buildrequires`: asked for once, there the next time.
#[test]
fn requirements_made_during_the_build_are_asked_for() {
    let Some(kit) = rpm_kit() else { return };
    let spec = spec("", COMPILE, "%generate_buildrequires\necho make\necho 'pkg-config >= 1.8'\n");
    let (report, sink) = kit.run(&spec, |_, _| {});
    let JobOutcome::NeedsPackages { requires } = &report.outcome else { panic!("{report:?} {}", sink.text()) };
    assert_eq!(*requires, ["pkg-config >= 1.8"]);
    assert!(report.results.is_empty() && sink.results.lock().unwrap().is_empty());
    let requires: Vec<&str> = requires.iter().map(String::as_str).collect();
    let (report, sink) = kit.run(&spec, |job, _| job.root = kit.root(&requires));
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
}

/// Builds a package that is then part of a root.
fn built_package(tags: &str, more: &str, folder: &Path) -> Option<(RootPackage, PathBuf)> {
    let kit = rpm_kit()?;
    let (report, sink) = kit.run(&spec(&format!("BuildArch: noarch\n{tags}"), "touch sample", more), |_, _| {});
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    let path = keep(&sink, "sample-1.0-1.t1.noarch.rpm", folder);
    Some((root_package(&path).1, path))
}

#[test]
fn a_script_that_fails_in_a_root_names_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let Some((package, path)) = built_package("", "%pre\necho I do not like this root\nexit 7\n", folder.path()) else {
        return;
    };
    let Some(kit) = rpm_kit() else { return };
    let (report, sink) = kit.run(&spec("", COMPILE, ""), |job, files| {
        files.0.insert(package.file.sha256, path);
        job.root.packages.push(package);
    });
    let detail =
        "installing packages failed for sample-1.0-1.t1.noarch: %prein scriptlet failed, exit status 7".to_owned();
    assert_eq!(*failure(&report), FailureCause::Root { detail }, "{}", sink.text());
    assert!(sink.text().contains("I do not like this root"));
    assert!(!report.warm_root);
}

#[test]
fn packages_that_have_the_same_file_with_other_content_are_named() {
    let Some(kit) = rpm_kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (report, sink) =
        kit.run(&plain_spec("mkdir -p $R/usr/bin; echo evil > $R/usr/bin/make", "", "/usr/bin/make"), |_, _| {});
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    let path = keep(&sink, "sample-1.0-1.t1.noarch.rpm", folder.path());
    let package = root_package(&path).1;
    let (report, sink) = kit.run(&spec("", COMPILE, ""), |job, files| {
        files.0.insert(package.file.sha256, path);
        job.root.packages.push(package);
    });
    let FailureCause::Root { detail } = failure(&report) else { panic!("{report:?}") };
    let start = "installing packages failed: file /usr/bin/make conflicts between attempted installs of ";
    assert!(detail.starts_with(start) && detail.contains("sample-1.0-1.t1.noarch"), "{detail}: {}", sink.text());
}

/// As with every installer of rpms: what runs after a package is there is warned of, and does not undo it.
#[test]
fn a_script_that_fails_after_its_package_is_installed_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let Some((package, path)) = built_package("", "%post\nexit 7\n", folder.path()) else { return };
    let Some(kit) = rpm_kit() else { return };
    let (report, sink) = kit.run(&spec("", "test -e /usr/bin/sample\ntouch sample", ""), |job, files| {
        files.0.insert(package.file.sha256, path);
        job.root.packages.push(package);
    });
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    assert!(sink.text().contains("warning: %post(sample-1.0-1.t1.noarch) scriptlet failed"), "{}", sink.text());
}

#[test]
fn a_damaged_package_of_a_root_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut package, path)) = built_package("", "", folder.path()) else { return };
    let Some(kit) = rpm_kit() else { return };
    let bytes = fs::read(&path).unwrap();
    for (damaged, preinstalled, start) in [
        (b"not a package".to_vec(), false, "sample: not an rpm package"),
        (bytes[..bytes.len() - 60].to_vec(), true, "sample: "),
        (bytes[..bytes.len() - 60].to_vec(), false, "installing packages failed for sample-1.0-1.t1.noarch: "),
    ] {
        fs::write(&path, damaged).unwrap();
        package.file = job_file(&path).unwrap();
        let (report, sink) = kit.run(&spec("", COMPILE, ""), |job, files| {
            files.0.insert(package.file.sha256, path.clone());
            job.root.packages.push(package.clone());
            if preinstalled {
                job.root.preinstall.insert(0, "sample".to_owned());
            }
        });
        let FailureCause::Root { detail } = failure(&report) else { panic!("{report:?}") };
        assert!(detail.starts_with(start), "{detail}: {}", sink.text());
    }
}

/// Before rpm runs, what it needs must be there in full: files with several names, and what scripts prepare.
#[test]
fn a_preinstalled_package_is_whole_before_rpm_runs() {
    let folder = tempfile::tempdir().unwrap();
    let install = "mkdir -p $R/opt/x; echo text > $R/opt/x/a; ln $R/opt/x/a $R/opt/x/b; ln -s a $R/opt/x/c";
    let scripts = "%pre\necho \"argument of pre: $1\"\n\
                   %post\n[ /opt/x/a -ef /opt/x/b ] && [ \"$(cat /opt/x/a /opt/x/c)\" = \"$(echo text; echo text)\" ] || echo bad\n\
                   echo \"argument of post: $1\"\n[ -e /var/lib/rpm/rpmdb.sqlite ] || echo before the database\nexit 1\n";
    let Some(kit) = rpm_kit() else { return };
    let (report, sink) = kit.run(&plain_spec(install, scripts, "/opt/x"), |_, _| {});
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    let path = keep(&sink, "sample-1.0-1.t1.noarch.rpm", folder.path());
    let package = root_package(&path).1;
    let (report, sink) = kit.run(&spec("", COMPILE, ""), |job, files| {
        files.0.insert(package.file.sha256, path);
        job.root.packages.push(package);
        job.root.preinstall.push("sample".to_owned());
        job.root.run_scripts.push("sample".to_owned());
    });
    let text = sink.text();
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{text}");
    assert!(!text.contains("\nbad\n"), "{text}");
    assert!(text.contains("argument of pre: 0\n") && text.contains("before the database\n"), "{text}");
    assert!(text.contains("warning: it ended with exit status 1\n"), "{text}");
    assert!(text.contains("argument of post: 1\n"), "{text}");
}

/// A package that makes `/bin` a link counts from the start, wherever it is in the order.
#[test]
fn a_merged_system_is_merged_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let install = "mkdir -p $R/usr $R/var/tmp; for name in bin sbin lib lib64; do ln -s usr/$name $R/$name; done";
    let Some(kit) = rpm_kit() else { return };
    let (report, sink) =
        kit.run(&plain_spec(install, "", "/bin\n/sbin\n/lib\n/lib64\n%attr(1777,root,root) /var/tmp"), |_, _| {});
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    let path = keep(&sink, "sample-1.0-1.t1.noarch.rpm", folder.path());
    let package = root_package(&path).1;
    let check = "for name in bin sbin lib lib64; do [ \"$(readlink /$name)\" = usr/$name ] || exit 3; done";
    let (report, sink) = kit.run(&spec("", &format!("{check}\n{COMPILE}"), ""), |job, files| {
        files.0.insert(package.file.sha256, path);
        // The distribution's own has folders there.
        job.root.packages.retain(|package| package.name != "base-files");
        job.root.packages.push(package);
    });
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
}

/// Only its owner may read what the store keeps; inside the sandbox that is somebody else.
#[test]
fn packages_nobody_else_may_read_are_copied() {
    let folder = tempfile::tempdir().unwrap();
    let Some((package, path)) = built_package("", "", folder.path()) else { return };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let Some(kit) = rpm_kit() else { return };
    let (report, sink) = kit.run(&spec("", "test -e /usr/bin/sample\ntouch sample", ""), |job, files| {
        files.0.insert(package.file.sha256, path.clone());
        job.root.packages.push(package);
    });
    assert_eq!(report.outcome, JobOutcome::Succeeded, "{}", sink.text());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// The folders of results belong to the recipe, which may leave anything there.
#[test]
fn results_that_are_no_packages_are_refused() {
    let Some(kit) = rpm_kit() else { return };
    let top = "/home/abuild/rpmbuild";
    for (evil, file, reason) in [
        (format!("echo x > {top}/RPMS/fake-1-1.noarch.rpm"), "fake-1-1.noarch.rpm", "not an rpm package"),
        (format!("ln -s /etc/shadow {top}/RPMS/link-1-1.noarch.rpm"), "link-1-1.noarch.rpm", "is a symbolic link"),
        (format!("mkfifo {top}/SRPMS/fifo-1-1.src.rpm"), "fifo-1-1.src.rpm", "is neither a file nor a folder"),
        (
            format!("mkdir -p {top}/RPMS/a {top}/RPMS/b; touch {top}/RPMS/a/x.rpm {top}/RPMS/b/x.rpm"),
            "x.rpm",
            "there are two of this name",
        ),
    ] {
        let (report, sink) = kit.run(&spec("", &format!("{COMPILE}\n{evil}"), ""), |_, _| {});
        let cause = FailureCause::ResultInvalid { file: file.to_owned(), detail: reason.to_owned() };
        assert_eq!(*failure(&report), cause, "{}", sink.text());
        assert!(sink.results.lock().unwrap().is_empty());
    }
    let renamed = "%define _rpmfilename other-1-1.noarch.rpm";
    let (report, sink) = kit.run(&format!("{renamed}\n{}", spec("", COMPILE, "")), |_, _| {});
    let detail = "its header says it is sample-1.0-1.t1.x86_64.rpm".to_owned();
    let cause = FailureCause::ResultInvalid { file: "other-1-1.noarch.rpm".to_owned(), detail };
    assert_eq!(*failure(&report), cause, "{}", sink.text());
}

#[test]
fn a_recipe_that_removes_the_folder_of_results_has_none() {
    let Some(kit) = rpm_kit() else { return };
    let evil =
        "(sleep 0.1; while :; do rm -rf /home/abuild/rpmbuild/SRPMS; ln -s /etc /home/abuild/rpmbuild/SRPMS; done) &";
    let (report, sink) = kit.run(&spec("", &format!("{COMPILE}\n{evil}"), ""), |_, _| {});
    let fails = matches!(report.outcome, JobOutcome::Failed(FailureCause::Recipe { .. } | FailureCause::NoResults));
    assert!(fails || report.outcome == JobOutcome::Succeeded, "not the worker's trouble: {report:?} {}", sink.text());
    let none = "%define _rpmdir /tmp\n";
    let (report, sink) = kit.run(&format!("{none}{}", spec("", COMPILE, "")), |_, _| {});
    assert_eq!(*failure(&report), FailureCause::NoResults, "{}", sink.text());
}

#[test]
fn a_package_that_unpacks_to_more_than_the_disk_is_refused() {
    let Some(kit) = rpm_kit() else { return };
    let sparse = plain_spec("mkdir -p $R/opt; truncate -s 100M $R/opt/sparse", "", "/opt/sparse");
    let (report, sink) = kit.run(&sparse, |job, _| job.limits.disk_bytes = 50 << 20);
    let cause = failure(&report);
    let file = "sample-1.0-1.t1.noarch.rpm";
    let refused = matches!(cause, FailureCause::ResultInvalid { file: named, .. } if named == file);
    assert!(refused, "{cause:?} {}", sink.text());
}

#[test]
fn a_fork_bomb_in_a_spec_file_meets_the_process_limit() {
    let Some(kit) = rpm_kit() else { return };
    let (report, sink) = kit.run(&spec("", "bomb() { bomb | bomb & }; bomb; sleep 60", ""), |job, _| {
        job.limits.processes = 100;
    });
    assert_eq!(*failure(&report), FailureCause::ProcessLimit { limit: 100 }, "{}", sink.text());
}

#[test]
fn a_spec_file_needs_a_root_of_rpm_packages() {
    let Some(kit) = rpm_kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut job, files) = kit.job(&source(folder.path(), &spec("", COMPILE, "")));
    job.root = kit.kit.root.clone();
    let report = kit.kit.engine.run(&job, &files, &Sink::default(), &CancelToken::new());
    let detail = "spec recipes in roots of deb packages can not be built".to_owned();
    assert_eq!(*failure(&report), FailureCause::Configuration { detail });
}

/// For people: `cargo test --release -p engine --test it -- --ignored --nocapture rpm::measure`.
#[test]
#[ignore = "measures, proves nothing"]
fn measure_rpm_roots() {
    let Some(kit) = rpm_kit() else { return };
    let state = crate::kit::folder().join("measured-rpm-state");
    let _ = fs::remove_dir_all(&state);
    let spec = spec("", COMPILE, "").replace("%setup -q -c -T", "printf '\\nfirst line\\n\\n'\n%setup -q -c -T");
    for what in ["cold", "warm", "warm"] {
        let engine = engine::Engine::open(crate::kit::config(state.clone())).unwrap();
        let work = tempfile::tempdir().unwrap();
        let (job, files) = kit.job(&source(work.path(), &spec));
        let sink = crate::measure::FirstLine::new();
        let before = crate::measure::processor_seconds();
        let started = Instant::now();
        let report = engine.run(&job, &files, &sink, &CancelToken::new());
        assert_eq!(report.outcome, JobOutcome::Succeeded);
        let (first, after) = (sink.first_line(), crate::measure::processor_seconds());
        eprintln!("{what}: processor: engine {:.2} s, sandbox {:.2} s", after.0 - before.0, after.1 - before.1);
        eprintln!("{what}: first line after {first:?}, all after {:?}; {:?}", started.elapsed(), report.timings);
    }
}
