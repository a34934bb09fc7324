//! Jobs that do harm, or try to.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use engine::{CancelToken, JobRunner as _};
use model::{FailureCause, JobFile, JobOutcome, JobReport, RootPackage};

use crate::kit::{GOOD, Sink, job_file, kit, source};

fn failure(report: &JobReport) -> &FailureCause {
    match &report.outcome {
        JobOutcome::Failed(cause) => cause,
        other => panic!("{other:?}"),
    }
}

/// Nothing of a job may outlive it: no mount, no loop device, no process, no file.
fn assert_clean() {
    let Some(kit) = kit() else { return };
    let state = kit.state_dir();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(state.to_str().unwrap()), "{mounts}");
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let map = fs::read_to_string(process.path().join("uid_map")).unwrap_or_default();
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        // Other tests run at the same time; a process of an ended job would be a child of nobody.
        let parent = fs::read_to_string(process.path().join("status")).unwrap_or_default();
        let orphan = parent.lines().any(|line| line == "PPid:\t1");
        assert!(!(orphan && map.contains("1073741824")), "{name} is still there");
    }
}

#[test]
fn a_fork_bomb_meets_the_process_limit() {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run("bomb() { bomb | bomb & }; bomb; sleep 60", |job| job.limits.processes = 100);
    assert_eq!(*failure(&report), FailureCause::ProcessLimit { limit: 100 }, "{}", sink.text());
    assert_clean();
}

#[test]
fn filling_the_disk_meets_the_disk_limit() {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run("cat /dev/zero > big; rm big; exit 1", |job| job.limits.disk_bytes = 100 << 20);
    assert_eq!(*failure(&report), FailureCause::DiskLimit { limit_bytes: 100 << 20 }, "{}", sink.text());
    assert_clean();
}

#[test]
fn printing_without_end_meets_the_log_limit() {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run("yes", |job| job.limits.log_bytes = 1 << 20);
    assert_eq!(*failure(&report), FailureCause::LogLimit { limit_bytes: 1 << 20 });
    assert!(sink.text().len() < (1 << 20) + 1000, "no more than the limit and our last line is kept");
}

#[test]
fn sleeping_for_ever_meets_the_silence_limit() {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run("sleep infinity", |job| job.limits.silence_seconds = 1);
    assert_eq!(*failure(&report), FailureCause::SilenceLimit { limit_seconds: 1 }, "{}", sink.text());
}

#[test]
fn running_too_long_meets_the_time_limit() {
    let Some(kit) = kit() else { return };
    let rules = "while :; do echo still here; sleep 0.1; done";
    let (report, sink) = kit.run(rules, |job| job.limits.run_seconds = 2);
    assert_eq!(*failure(&report), FailureCause::TimeLimit { limit_seconds: 2 }, "{}", sink.text());
}

#[test]
fn allocating_without_end_meets_the_memory_limit() {
    let Some(kit) = kit() else { return };
    let rules = "perl -e 'my @a; push @a, \"x\" x 1000000 while 1' || true; sleep 5";
    let (report, sink) = kit.run(rules, |job| job.limits.memory_bytes = 200 << 20);
    assert_eq!(*failure(&report), FailureCause::MemoryLimit { limit_bytes: 200 << 20 }, "{}", sink.text());
    assert_clean();
}

#[test]
fn results_that_are_too_large_meet_the_result_limit() {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run(GOOD, |job| job.limits.result_bytes = 100);
    assert_eq!(*failure(&report), FailureCause::ResultLimit { limit_bytes: 100 }, "{}", sink.text());
    assert!(sink.results.lock().unwrap().is_empty());
}

#[test]
fn a_failing_recipe_says_with_what_it_failed() {
    let Some(kit) = kit() else { return };
    let (report, _) = kit.run("exit 3", |_| {});
    assert_eq!(*failure(&report), FailureCause::Recipe { step: "dpkg-buildpackage".to_owned(), status: 2 });
    let (report, _) = kit.run("kill -SEGV $PPID; sleep 1", |job| {
        job.settings.command = vec!["sh".to_owned(), "-c".to_owned(), "kill -SEGV $$".to_owned()];
    });
    assert_eq!(*failure(&report), FailureCause::RecipeKilled { step: "dpkg-buildpackage".to_owned(), signal: 11 });
}

/// A recipe that gives up because it needs the network is told apart from one that fails by itself.
#[test]
fn a_recipe_that_fails_for_want_of_the_network_says_so() {
    let Some(kit) = kit() else { return };
    let connect = |host: &str| {
        format!(
            "perl -MIO::Socket::IP -e 'IO::Socket::IP->new(PeerHost => \"{host}\", PeerPort => 80) or die \"$@\\n\"'"
        )
    };
    for host in ["192.0.2.7", "2001:db8::7", "nowhere.example.org"] {
        let (report, sink) = kit.run(&connect(host), |_| {});
        let cause = FailureCause::NetworkRefused { step: "dpkg-buildpackage".to_owned(), status: 2 };
        assert_eq!(*failure(&report), cause, "{host}: {}", sink.text());
    }
    let (report, sink) = kit.run(&connect("127.0.0.1"), |_| {});
    assert!(matches!(failure(&report), FailureCause::Recipe { .. }), "{}", sink.text());
    let (report, _) = kit.run(&format!("{} || true\n{GOOD}", connect("192.0.2.7")), |_| {});
    assert_eq!(report.outcome, JobOutcome::Succeeded, "trying is allowed");
}

/// Runs checks inside that print `bad: ...` when the sandbox lets them through.
fn check_inside(rules: &str) {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run(&format!("{rules}\necho all checks ran\nexit 9"), |_| {});
    let text = sink.text();
    assert!(
        matches!(failure(&report), FailureCause::Recipe { status: 2, .. } | FailureCause::NetworkRefused { .. }),
        "{text}"
    );
    assert!(text.contains("all checks ran"), "{text}");
    assert!(!text.contains("bad:"), "{text}");
}

#[test]
fn there_is_no_network_but_loopback() {
    check_inside(
        r#"
perl -MIO::Socket::INET -e 'for my $host ("1.1.1.1", "10.0.0.1", "169.254.169.254") {
    print "bad: reached $host\n" if IO::Socket::INET->new(PeerAddr => $host, PeerPort => 80, Timeout => 2);
}
my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or print "bad: no loopback\n";
IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $server->sockport) or print "bad: loopback is deaf\n";'
[ "$(ls /sys/class/net 2>/dev/null | grep -v lo)" = "" ] || echo "bad: network devices"
[ "$(tail -n +3 /proc/net/dev | grep -vc lo:)" = 0 ] || echo "bad: network devices"
"#,
    );
}

#[test]
fn the_host_is_out_of_sight() {
    let Some(kit) = kit() else { return };
    let state = kit.state_dir();
    let marker = state.join("secret-of-the-host");
    fs::write(&marker, "secret").unwrap();
    let rules = format!(
        r#"
[ -e {marker} ] && echo "bad: state folder visible"
grep -q {state} /proc/self/mountinfo && echo "bad: host path in mountinfo"
[ "$(id -u)" = 399 ] || echo "bad: user $(id -u)"
[ "$(ls -d /proc/[0-9]* | wc -l)" -lt 30 ] || echo "bad: host processes visible"
kill -0 {host_process} 2>/dev/null && [ {host_process} -gt 1000 ] && echo "bad: host process can be signalled"
kill -9 1 2>/dev/null && echo "bad: init can be killed"
[ -r /proc/kcore ] && [ -s /proc/kcore ] && echo "bad: kcore"
echo x 2>/dev/null > /proc/sys/kernel/core_pattern && echo "bad: sysctl"
echo x 2>/dev/null > /proc/sysrq-trigger && [ ! -c /proc/sysrq-trigger ] && echo "bad: sysrq"
mount -t tmpfs none /mnt 2>/dev/null && echo "bad: mount"
unshare -Ur true 2>/dev/null && echo "bad: user namespace"
mknod /tmp/disk b 7 0 2>/dev/null && echo "bad: device"
ls /dev/loop* /dev/vd* /dev/sd* /dev/mem 2>/dev/null && echo "bad: devices"
[ "$(grep NoNewPrivs /proc/self/status | tr -dc 0-9)" = 1 ] || echo "bad: new privileges"
[ "$(grep CapBnd /proc/self/status | cut -f2 | tr -d 0)" = "" ] || echo "bad: capabilities"
[ "$(cat /proc/self/cgroup | cut -d: -f3 | sort -u)" = / ] || echo "bad: control groups of the host visible"
ls -l /proc/self/fd | grep -v 'pipe\|null\|/proc/\|total\|script' && echo "bad: descriptors"
cat /etc/shadow 2>/dev/null && echo "bad: shadow"
[ "$(hostname)" = localhost ] || echo "bad: host name"
hostname other 2>/dev/null && echo "bad: host name can be set"
cat /proc/*/environ 2>/dev/null | tr '\0' '\n' | grep -q '^KILN_\|^CARGO' && echo "bad: environment of the host"
for file in /proc/sys/vm/overcommit_memory /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/hostname /sys/kernel/uevent_helper; do
    echo 1 2>/dev/null > $file && echo "bad: $file can be written"
done
ls /proc/1/root/ 2>/dev/null && echo "bad: the first process's root"
dmesg 2>/dev/null | grep -q . && echo "bad: kernel log"
[ "$(find /dev -type b 2>/dev/null | wc -l)" = 0 ] || echo "bad: block devices"
perl -e 'exit(syscall(101, 16, 1, 0, 0) == 0)' || echo "bad: ptrace of init"
echo x 2>/dev/null > /etc/passwd && echo "bad: passwd"
:
"#,
        marker = marker.display(),
        state = state.display(),
        host_process = std::process::id(),
    );
    check_inside(&rules);
    fs::remove_file(marker).unwrap();
}

/// Command lines of all processes of this machine that have a word in them.
fn marked(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(word)).collect()
}

#[test]
fn a_cancel_kills_everything_within_two_seconds() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let rules = "trap '' TERM INT HUP
        (setsid sh -c 'while :; do sleep 1; done; : kiln4712' &)
        perl -e 'use POSIX; exit if fork; POSIX::setsid(); exit if fork; $SIG{$_} = \"IGNORE\" for qw(TERM HUP INT);
            $0 = \"daemon kiln4712\"; sleep 1000'
        sleep 0.2; echo begun; while :; do sleep 1; done";
    let (job, files) = kit.job(&source(folder.path(), rules));
    let sink = Sink::default();
    let cancel = CancelToken::new();
    let (report, took) = std::thread::scope(|scope| {
        let running = scope.spawn(|| kit.engine.run(&job, &files, &sink, &cancel));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !sink.text().contains("\nbegun") && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(marked("kiln4712").len() >= 2, "they run: {}", sink.text());
        let canceled_at = Instant::now();
        cancel.cancel();
        (running.join().unwrap(), canceled_at.elapsed())
    });
    assert_eq!(marked("kiln4712"), Vec::<String>::new());
    assert_eq!(report.outcome, JobOutcome::Canceled, "{}", sink.text());
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_clean();
}

#[test]
fn results_that_are_no_plain_files_are_refused() {
    let Some(kit) = kit() else { return };
    for trick in [
        "ln -s /etc/passwd ../evil_1_all.deb",
        "ln ../sample_1_all.deb ../evil_1_all.deb",
        "mkfifo ../evil_1_all.deb",
        "mv .. ../../moved && ln -s /etc ../../work; ln -s /etc/hosts ../evil_1_all.deb",
    ] {
        let (report, sink) = kit.run(&format!("{GOOD}{trick}\n"), |_| {});
        assert!(!sink.results.lock().unwrap().contains_key("evil_1_all.deb"));
        let cause = failure(&report);
        assert!(
            matches!(cause, FailureCause::ResultInvalid { .. } | FailureCause::Recipe { .. }),
            "{trick}: {cause:?} {}",
            sink.text()
        );
    }
}

#[test]
fn a_result_that_is_no_package_is_refused() {
    let Some(kit) = kit() else { return };
    let (report, sink) = kit.run(&format!("{GOOD}echo junk > ../junk_1_all.deb\n"), |_| {});
    assert!(matches!(failure(&report), FailureCause::ResultInvalid { file, .. } if file == "junk_1_all.deb"));
    assert!(sink.results.lock().unwrap().is_empty(), "all or nothing");
}

#[test]
fn a_result_that_unpacks_to_more_than_the_disk_is_refused() {
    let Some(kit) = kit() else { return };
    let rules = format!(
        "{GOOD}
perl -e 'open F, \">\", \"sparse\"; truncate F, 300000000'
tar cf - sparse | xz -0 > data.tar.xz
perl -e 'open F, \"data.tar.xz\"; local $/; $d = <F>; open D, \"../sample_1_all.deb\"; $o = <D>;
    $o =~ /^(.*?)data.tar/s; printf \"%s\", $1; printf \"%-16s%-12s%-6s%-6s%-8s%-10d`\\n\", \"data.tar.xz\", 0, 0, 0, 100644, length $d;
    print $d' > ../bomb_1_all.deb
"
    );
    let (report, sink) = kit.run(&rules, |job| job.limits.disk_bytes = 100 << 20);
    let cause = failure(&report);
    assert!(
        matches!(cause, FailureCause::ResultInvalid { file, .. } if file == "bomb_1_all.deb"),
        "{cause:?} {}",
        sink.text()
    );
}

/// A package made of a control text and a tar archive.
fn package(folder: &Path, name: &str, data_tar: &[u8], scripts: &[(&str, &str)]) -> JobFile {
    let mut control = tar::Builder::new(Vec::new());
    let text = format!(
        "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: x\n"
    );
    for (file, content) in [("control", text.as_str())].iter().chain(scripts) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        control.append_data(&mut header, format!("./{file}"), content.as_bytes()).unwrap();
    }
    let work = tempfile::tempdir_in(folder).unwrap();
    let write = |file: &str, bytes: &[u8]| fs::write(work.path().join(file), bytes).unwrap();
    write("debian-binary", b"2.0\n");
    write("control.tar", &control.into_inner().unwrap());
    write("data.tar", data_tar);
    let path = folder.join(format!("{name}_1_all.deb"));
    let mut ar = Command::new("ar");
    ar.arg("rc").arg(&path).args(["debian-binary", "control.tar", "data.tar"]);
    assert!(ar.current_dir(work.path()).status().unwrap().success());
    job_file(&path).unwrap()
}

/// A tar archive with one file whose name nobody checked.
fn tar_with(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    archive.append(&header, content).unwrap();
    archive.into_inner().unwrap()
}

/// Runs a job whose root is only the given package, preinstalled.
fn run_with_root(name: &str, data_tar: &[u8], scripts: &[(&str, &str)]) -> Option<JobReport> {
    let kit = kit()?;
    let folder = tempfile::tempdir().unwrap();
    let file = package(folder.path(), name, data_tar, scripts);
    let (mut job, mut files) = kit.job(&source(folder.path(), GOOD));
    files.0.insert(file.sha256, folder.path().join(file.name.as_str()));
    job.root.preinstall = vec![name.to_owned()];
    job.root.run_scripts = vec![name.to_owned()];
    job.root.packages =
        vec![RootPackage { name: name.to_owned(), version: "1".to_owned(), arch: "all".to_owned(), file }];
    Some(kit.engine.run(&job, &files, &Sink::default(), &CancelToken::new()))
}

#[test]
fn packages_whose_members_leave_the_root_are_refused() {
    for name in ["../../../../kiln-escaped", "/../kiln-escaped", "x/../../kiln-escaped"] {
        let Some(report) = run_with_root("evil", &tar_with(name, b"x"), &[]) else { return };
        let cause = failure(&report);
        assert!(matches!(cause, FailureCause::Root { detail } if detail.starts_with("evil: ")), "{name}: {cause:?}");
        assert!(!Path::new("/kiln-escaped").exists());
    }
}

#[test]
fn packages_that_write_through_links_stay_inside() {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive.append_link(&mut header, "out", "/../../../../../../tmp").unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    archive.append_data(&mut header, "out/kiln-escaped", &b"x"[..]).unwrap();
    let Some(report) = run_with_root("evil", &archive.into_inner().unwrap(), &[]) else { return };
    assert!(matches!(failure(&report), FailureCause::Root { .. } | FailureCause::Worker { .. }), "there is no dpkg");
    assert!(!Path::new("/tmp/kiln-escaped").exists());
}

#[test]
fn a_failing_maintainer_script_names_its_package() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = package(
        folder.path(),
        "grumpy",
        &tar_with("./usr/share/grumpy", b"x"),
        &[("postinst", "#!/bin/sh\necho I do not like this root\nexit 7\n")],
    );
    let (mut job, mut files) = kit.job(&source(folder.path(), GOOD));
    files.0.insert(file.sha256, folder.path().join(file.name.as_str()));
    job.root.packages.push(RootPackage {
        name: "grumpy".to_owned(),
        version: "1".to_owned(),
        arch: "all".to_owned(),
        file,
    });
    let sink = Sink::default();
    let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
    let cause = failure(&report);
    assert!(matches!(cause, FailureCause::Root { detail } if detail.contains("grumpy")), "{cause:?} {}", sink.text());
    assert!(sink.text().contains("I do not like this root"));
    assert!(!report.warm_root);
    assert_clean();
}

/// Packs a tree as a native source package by hand, for trees dpkg-source would not pack.
fn hostile_source(folder: &Path, archive: &[u8]) -> Vec<std::path::PathBuf> {
    source(folder, GOOD);
    fs::write(folder.join("sample_1.tar"), archive).unwrap();
    let path = folder.join("sample_1.tar.xz");
    fs::remove_file(&path).unwrap();
    assert!(Command::new("xz").arg(folder.join("sample_1.tar")).status().unwrap().success());
    let file = job_file(&path).unwrap();
    let dsc = folder.join("sample_1.dsc");
    let text = format!(
        "Format: 3.0 (native)\nSource: sample\nBinary: sample\nArchitecture: all\nVersion: 1\n\
         Maintainer: Nobody <nobody@example.org>\nChecksums-Sha256:\n {} {} sample_1.tar.xz\n\
         Files:\n {} {} sample_1.tar.xz\n",
        file.sha256,
        file.bytes,
        pkg::Md5::of(&fs::read(&path).unwrap()),
        file.bytes
    );
    fs::write(&dsc, text).unwrap();
    vec![dsc, path]
}

#[test]
fn a_source_whose_members_climb_out_reaches_nothing() {
    let Some(kit) = kit() else { return };
    for (name, prefix) in [
        ("../../../../../tmp/kiln-escaped", "../../../../../"),
        ("/tmp/kiln-escaped", "/"),
        ("x/../../escaped", "x/../../"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (job, files) = kit.job(&hostile_source(folder.path(), &tar_with(name, b"x")));
        let sink = Sink::default();
        let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
        let detail = format!("its members are outside the source tree, they begin with {prefix}");
        let cause = FailureCause::SourceInvalid { file: "sample_1.tar.xz".to_owned(), detail };
        assert_eq!(*failure(&report), cause, "{}", sink.text());
        assert!(!Path::new("/tmp/kiln-escaped").exists());
    }
}

/// GNU tar strips the slash, warns, and goes on: the rest of the source would be built.
#[test]
fn a_source_that_could_be_built_but_has_absolute_members_is_refused() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    source(folder.path(), GOOD);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all("sample-1", folder.path().join("sample-1")).unwrap();
    let mut archive = archive.into_inner().unwrap();
    archive.truncate(archive.len() - 1024);
    archive.extend(tar_with("/etc/kiln-escaped", b"x"));
    let (job, files) = kit.job(&hostile_source(&folder.path().join("packed"), &archive));
    let sink = Sink::default();
    let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
    let FailureCause::SourceInvalid { file, detail } = failure(&report) else { panic!("{}", sink.text()) };
    assert!(file == "sample_1.tar.xz" && detail.ends_with("begin with /"), "{file}: {detail}");
    assert!(sink.results.lock().unwrap().is_empty());
}

#[test]
fn a_source_whose_archive_is_cut_off_names_it() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut archive = tar_with("sample-1/file", &[b'x'; 5000]);
    archive.truncate(3000);
    let (job, files) = kit.job(&hostile_source(folder.path(), &archive));
    let sink = Sink::default();
    let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
    let FailureCause::SourceInvalid { file, detail } = failure(&report) else { panic!("{}", sink.text()) };
    assert!(file == "sample_1.tar.xz" && detail.contains("Unexpected EOF"), "{file}: {detail}");
}

#[test]
fn a_source_that_unpacks_to_more_than_the_disk_meets_the_disk_limit() {
    let Some(kit) = kit() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bomb = tar_with("sample-1/zeros", &vec![0; 300 << 20]);
    let (mut job, files) = kit.job(&hostile_source(folder.path(), &bomb));
    job.limits.disk_bytes = 50 << 20;
    let sink = Sink::default();
    let report = kit.engine.run(&job, &files, &sink, &CancelToken::new());
    assert_eq!(*failure(&report), FailureCause::DiskLimit { limit_bytes: 50 << 20 }, "{}", sink.text());
}
