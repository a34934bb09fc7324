//! Source packages made without rpmbuild, held against rpm's own tools.

use std::path::Path;

use repo::pgp::SigningKey;
use testkit::rpm_file::CpioMember;
use testkit::srpm::SourceRpm;

use crate::tools::run;

const SPEC: &str = "Name: hello\nVersion: 1.0\nRelease: 2\nEpoch: 3\nSummary: Says hello\nLicense: MIT\nSource0: hello.sh\n\
                    BuildArch: noarch\nBuildRequires: bash >= 2, (make or ninja)\n%description\nHello.\n%prep\n%build\n\
                    %install\ninstall -D -m 755 %{SOURCE0} %{buildroot}/usr/bin/hello\n%files\n/usr/bin/hello\n";

fn written(made: &SourceRpm, folder: &Path) -> String {
    let path = folder.join(made.file_name());
    std::fs::write(&path, made.bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn rpm_checks_queries_and_rebuilds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&SourceRpm::new(SPEC).file("hello.sh", "#!/bin/bash\necho hello\n"), folder.path());
    let Some(words) = run("rpm", &["--checksig", "--nosignature", "--verbose", &path]) else { return };
    assert!(words.contains("Header SHA256 digest: OK") && words.contains("Payload SHA256 digest: OK"), "{words}");
    let format = "%{name}-%{epoch}:%{version}-%{release} %{sourcepackage} [%{source} ][%{basenames} ][%{fileflags:fflags}]\n[%{requirenevrs}\n]";
    let words = run("rpm", &["-qp", "--nosignature", "--qf", format, &path]).unwrap();
    assert!(words.starts_with("hello-3:1.0-2 1 hello.sh hello.sh hello.spec s\n"), "{words}");
    assert!(words.contains("\nbash >= 2\n") && words.contains("\n(make or ninja)\n"), "{words}");
    let top = format!("_topdir {}", folder.path().join("top").display());
    run("rpmbuild", &["--rebuild", "--nodeps", "--nosignature", "--define", &top, &path]).unwrap();
    assert!(folder.path().join("top/RPMS/noarch/hello-1.0-2.noarch.rpm").is_file());
}

#[test]
fn rpm_verifies_its_signature() {
    const NOW: i64 = 1_783_764_997;
    let key = SigningKey::generate("A <a@example.org>", [5; 32], NOW - 1000).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("key.asc"), key.public_armoured().unwrap()).unwrap();
    std::fs::write(path("hello.src.rpm"), SourceRpm::hello().signed_bytes(&key, NOW)).unwrap();
    let database = format!("_dbpath {}", path("database"));
    if run("rpmkeys", &["--define", &database, "--import", &path("key.asc")]).is_none() {
        return;
    }
    let words = run("rpmkeys", &["--define", &database, "--checksig", "-v", &path("hello.src.rpm")]).unwrap();
    assert!(words.lines().any(|line| line.contains("EdDSA/SHA512 Signature") && line.ends_with(": OK")), "{words}");
}

#[test]
fn rpm2cpio_gives_the_archive_with_its_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let made = SourceRpm::new(SPEC).file("hello.sh", "").stranger(CpioMember::file("../../outside", "x"));
    let path =
        written(&made.stranger(CpioMember::link("way", "/etc")).stranger(CpioMember::device("null")), folder.path());
    let script = format!("rpm2cpio {path} | cpio --quiet -t");
    let Some(words) = run("bash", &["-c", &script]) else { return };
    if words.contains("not found") {
        return eprintln!("skipped: {words}");
    }
    assert_eq!(words, "hello.sh\nhello.spec\n../../outside\nway\nnull\n");
}

#[test]
fn rpm_sees_what_is_missing_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&SourceRpm::new(SPEC).without_source(0), folder.path());
    assert!(path.ends_with("hello-1.0-2.nosrc.rpm"));
    let Some(words) = run("rpm", &["-qp", "--nosignature", "--qf", "[%{nosource} ]%{arch}", &path]) else { return };
    assert_eq!(words, "0 x86_64");
    let wrong = SourceRpm::new(SPEC).file("hello.sh", "x").wrong_digest("hello.sh");
    let path = written(&wrong, folder.path());
    let top = format!("_topdir {}", folder.path().join("top").display());
    let install = format!("rpm -i --nosignature --define '{top}' {path} 2>&1 || true");
    let words = run("bash", &["-c", &install]).unwrap();
    assert!(words.contains("Digest mismatch"), "{words}");
}
