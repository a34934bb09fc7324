//! What the real apt makes of the file that Kiln serves.

use std::path::Path;
use std::process::Command;

use testkit::archive::Archive;
use testkit::rpm_distribution::RpmDistribution;

use crate::builds::{now, server_of};

/// apt with all of its folders below one of its own.
fn apt(folder: &Path, words: &[&str]) -> Result<String, String> {
    for below in ["etc/sources.list.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial", "here"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    std::fs::write(folder.join("status"), "").unwrap();
    let at = |name: &str, below: &str| format!("{name}={}", folder.join(below).display());
    let output = Command::new("apt-get")
        .args(["-o", "APT::Architecture=amd64", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"])
        .args(["-o", &at("Dir::Etc", "etc"), "-o", &at("Dir::State", "state"), "-o", &at("Dir::Cache", "cache")])
        .args(["-o", &at("Dir::State::status", "status"), "-o", "Acquire::http::Proxy=false"])
        .args(words)
        .current_dir(folder.join("here"))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text) }
}

#[test]
fn apt_takes_the_file_that_is_served_as_it_is() {
    if Command::new("apt-get").arg("--version").output().is_err() {
        println!("skipped: no apt on this machine");
        return;
    }
    let (folder, archive) = (tempfile::tempdir().unwrap(), Archive::new("P: debhelper\n", now()));
    let server = server_of(folder.path(), &archive);
    let source = archive.source("hello", "Build-Depends: debhelper\n");
    let ran = server.kiln(&["submit", "home:admin:tools", &source, "--wait"]);
    assert_eq!(ran.code(), 0, "{}{}", ran.stdout(), ran.stderr());
    server.url_until_found("/repositories/home:admin:tools/debian-12/pool/");
    let text = server.url_until_found("/coprs/admin/tools/repo/debian-12/tools.sources");

    let place = folder.path().join("apt");
    apt(&place, &["check"]).unwrap();
    let file = place.join("etc/sources.list.d/tools.sources");
    std::fs::write(&file, &text).unwrap();
    let words = apt(&place, &["update"]).unwrap_or_else(|words| panic!("{words}"));
    assert!(!words.contains("W:") && words.contains("InRelease"), "{words}");
    apt(&place, &["download", "hello"]).unwrap_or_else(|words| panic!("{words}"));
    let package = place.join("here/hello_1.0-1_amd64.deb");
    let fields = Command::new("dpkg-deb").arg("--field").arg(package).arg("Package").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&fields.stdout), "hello\n");

    // Another key, and apt believes nothing.
    let (head, _) = text.split_once("Signed-By:").unwrap();
    let other: String = RpmDistribution::public_key()
        .lines()
        .map(|line| match line {
            "" => " .\n".to_owned(),
            line => format!(" {line}\n"),
        })
        .collect();
    std::fs::write(&file, format!("{head}Signed-By:\n{other}")).unwrap();
    std::fs::remove_dir_all(place.join("state/lists")).unwrap();
    let refused = apt(&place, &["update"]).unwrap_err();
    assert!(refused.contains("is not signed"), "{refused}");
}
