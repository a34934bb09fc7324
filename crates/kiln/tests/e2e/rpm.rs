//! Source packages of rpm through the real engine to a repository that dnf installs from, driven by the historic Copr client.

use std::path::Path;
use std::process::Command;

use testkit::http::HttpServer;
use testkit::rpm_distribution::RpmDistribution;
use testkit::srpm::SourceRpm;

use crate::copr_client::historic_python;
use crate::dnf;
use crate::kit::Server;

/// A spec file that builds for one of the two distributions only.
const HALF: &str = "\
Name: half
Version: 1
Release: 1
Summary: Builds for one of two distributions
License: MIT
BuildArch: noarch
%description
Builds for one of two distributions.
%build
%if 0%{?fedora} == 45
exit 1
%endif
%install
mkdir -p %{buildroot}/usr/share/half
echo %{fedora} > %{buildroot}/usr/share/half/version
%files
/usr/share/half
";

/// A server with the real engine and two rpm distributions on it, and what serves their packages.
pub(crate) struct Bed {
    pub(crate) server: Server,
    archive: HttpServer,
    pub(crate) distribution: RpmDistribution,
    pub(crate) folder: tempfile::TempDir,
}

/// Says why there is none.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn bed() -> Option<Bed> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        eprintln!("skipped: only root may install a root");
        return None;
    }
    let distribution = RpmDistribution::get_or_say()?;
    let archive = HttpServer::start();
    serve(&archive, distribution.folder(), "dist");
    let folder = tempfile::tempdir().unwrap();
    let keyring = folder.path().join("keys.asc");
    std::fs::write(&keyring, RpmDistribution::public_key()).unwrap();
    let server = Server::start_with_engine(folder.path(), &["--workers", "2"]);
    let (repository, keyring) = (format!("all={}", archive.url("dist")), keyring.to_str().unwrap());
    for version in ["44", "45"] {
        let preset = format!("fedora-{version}");
        server.json(&["dist", "add", &preset, "--repository", &repository, "--keyring", keyring, "--arch", "x86_64"]);
        let config = folder.path().join("prjconf");
        let macros = format!("Macros:\n%fedora {version}\n:Macros\n");
        std::fs::write(&config, format!("{}{macros}", RpmDistribution::CONFIG)).unwrap();
        server.json(&["project", "config", &format!("Fedora:{version}"), "--set", config.to_str().unwrap()]);
    }
    Some(Bed { server, archive, distribution, folder })
}

/// Serves everything below a folder.
pub(crate) fn serve(server: &HttpServer, folder: &Path, path: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{path}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            serve(server, &entry.path(), &path);
        } else {
            server.put(&path, std::fs::read(entry.path()).unwrap());
        }
    }
}

impl Bed {
    /// Installs a package with Debian's dnf from what the project has published and from the distribution; gives the root.
    fn dnf_install(&self, below: &str, package: &str) -> Option<tempfile::TempDir> {
        let root = tempfile::tempdir().unwrap();
        // The folders of the distribution are links, which must be there before anything is in them.
        ["base-files", package].iter().all(|package| self.dnf(root.path(), below, package)).then_some(root)
    }

    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn dnf(&self, root: &Path, below: &str, package: &str) -> bool {
        let address = format!("{}/{below}", self.server.url);
        let output = Command::new("dnf")
            .args(["--assumeyes", "--quiet", "--releasever=1", "--setopt=reposdir=/nonexistent", "--disablerepo=*"])
            .args(["--setopt=tsflags=noscripts,nodocs", "--setopt=install_weak_deps=False", "--nogpgcheck"])
            .arg(format!("--installroot={}", root.display()))
            .arg(format!("--setopt=cachedir={}/cache", root.display()))
            .args([format!("--repofrompath=kiln,{address}"), "--enablerepo=kiln".to_owned()])
            .args([format!("--repofrompath=dist,file://{}", self.distribution.folder().display())])
            .args(["--enablerepo=dist", "install", package])
            .output();
        let Ok(output) = output else {
            eprintln!("skipped: no dnf on this machine");
            return false;
        };
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{below}: {out}\n{err}");
        true
    }
}

#[test]
fn the_historic_client_builds_source_packages_that_dnf_installs() {
    let Some(python) = historic_python() else {
        eprintln!("skipped: pip can not install the client here");
        return;
    };
    let Some(bed) = bed() else { return };
    let source = SourceRpm::hello();
    let file = bed.folder.path().join(source.file_name());
    std::fs::write(&file, source.bytes()).unwrap();
    bed.archive.put("hello-1.0-1.src.rpm", source.bytes());
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/copr_rpm_session.py"))
        .arg(bed.server.config())
        .arg(bed.archive.url("hello-1.0-1.src.rpm"))
        .arg(&file)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim_end().ends_with("session ok"), "{out}\n{err}");

    // The repository over everything, the one of an architecture, and the address under which Copr has that.
    let repositories = "repositories/home:admin:rpms";
    for repository in ["fedora-44", "fedora-45"] {
        // The newest build is the fourth.
        bed.server.url_until_found(&format!("/{repositories}/{repository}/x86_64/00000004-hello/"));
    }
    let addresses = ["fedora-44/", "fedora-45/x86_64/"].map(|below| format!("{repositories}/{below}"));
    for below in addresses.iter().map(String::as_str).chain(["results/admin/rpms/fedora-44-x86_64/"]) {
        let Some(root) = bed.dnf_install(below, "hello") else { return };
        let said = Command::new("chroot").arg(root.path()).arg("/usr/bin/hello").output().unwrap();
        let complaint = String::from_utf8_lossy(&said.stderr);
        assert_eq!(String::from_utf8_lossy(&said.stdout), "hello\n", "{below}: {complaint}");
    }
    dnf::installs_with_the_file_that_is_served(&bed);
    dnf::enables_the_project_as_one_of_copr(&bed);
}

#[test]
fn one_chroot_of_a_build_may_fail_while_the_other_succeeds() {
    let Some(bed) = bed() else { return };
    let source = SourceRpm::new(HALF);
    let file = bed.folder.path().join(source.file_name());
    std::fs::write(&file, source.bytes()).unwrap();
    let targets = ["--target", "fedora-44-x86_64", "--target", "fedora-45-x86_64"];
    bed.server.json(&[&["project", "create", "home:admin:rpms"][..], &targets].concat());
    let build = bed.server.json(&["submit", "home:admin:rpms", file.to_str().unwrap()])["build"].as_i64().unwrap();
    let build = bed.server.wait_for(build, "failed");
    let tasks: Vec<String> = build["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| {
            format!("{} {}", task["target"].as_str().unwrap_or_default(), task["task"]["state"].as_str().unwrap())
        })
        .collect();
    assert_eq!(tasks, ["fedora-44-x86_64 succeeded", "fedora-45-x86_64 failed"], "{build}");
}
