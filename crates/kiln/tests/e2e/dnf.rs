//! What the real dnf makes of the `.repo` files that Kiln serves, and dnf's own plugin for Copr.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::rpm::Bed;

/// dnf with a folder of `.repo` files and one of settings, all of its own.
struct Dnf<'a> {
    bed: &'a Bed,
    folder: tempfile::TempDir,
}

impl<'a> Dnf<'a> {
    fn new(bed: &'a Bed) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for below in ["repos", "plugins/copr.d"] {
            std::fs::create_dir_all(folder.path().join(below)).unwrap();
        }
        let address = bed.server.url.strip_prefix("http://").unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        let hub = format!("[kiln]\nhostname = {host}\nprotocol = http\nport = {port}\n");
        std::fs::write(folder.path().join("plugins/copr.conf"), hub).unwrap();
        Self { bed, folder }
    }

    fn repository_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("repos").join(name)
    }

    fn run(&self, root: &Path, words: &[&str]) -> Output {
        Command::new("dnf")
            .args(["--assumeyes", "--releasever=44", "--setopt=tsflags=noscripts,nodocs"])
            .args(["--setopt=install_weak_deps=False", "--disableplugin=*", "--enableplugin=copr"])
            .arg(format!("--setopt=reposdir={}", self.folder.path().join("repos").display()))
            .arg(format!("--setopt=pluginconfpath={}", self.folder.path().join("plugins").display()))
            .arg(format!("--installroot={}", root.display()))
            .arg(format!("--setopt=cachedir={}/cache", root.display()))
            .arg(format!("--repofrompath=dist,file://{}", self.bed.distribution.folder().display()))
            .arg("--setopt=dist.gpgcheck=0")
            .args(words)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap()
    }

    /// What it says, if it succeeds; else that as well.
    fn says(&self, words: &[&str]) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        let output = self.run(root.path(), words);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    /// Installs hello into a root of its own and runs it.
    fn hello_runs(&self) {
        let root = tempfile::tempdir().unwrap();
        // The folders of the distribution are links, which must be there before anything is in them.
        for package in ["base-files", "hello"] {
            let output = self.run(root.path(), &["install", package]);
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{package}: {out}\n{err}");
        }
        let said = Command::new("chroot").arg(root.path()).arg("/usr/bin/hello").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout), "hello\n");
    }
}

/// A user puts the file that is served where dnf looks, and installs; with another key nothing is installed.
pub(crate) fn installs_with_the_file_that_is_served(bed: &Bed) {
    let dnf = Dnf::new(bed);
    let text = bed.server.url_until_found("/coprs/admin/rpms/repo/fedora-44/admin-rpms.repo");
    assert!(text.contains("\ngpgcheck=1\n"), "{text}");
    let file = dnf.repository_file("admin-rpms.repo");
    std::fs::write(&file, &text).unwrap();
    dnf.hello_runs();

    let own = format!("gpgkey={}/results/admin/rpms/pubkey.gpg", bed.server.url);
    assert!(text.contains(&own), "{text}");
    let other = format!("gpgkey=file://{}", bed.folder.path().join("keys.asc").display());
    std::fs::write(&file, text.replace(&own, &other)).unwrap();
    let refused = dnf.says(&["install", "hello"]).unwrap_err();
    assert!(refused.contains("GPG"), "{refused}");
}

/// A user enables a project with `dnf copr`, with Kiln as its hub.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn enables_the_project_as_one_of_copr(bed: &Bed) {
    let dnf = Dnf::new(bed);
    if let Err(words) = dnf.says(&["copr", "help"]) {
        eprintln!("skipped: dnf has no plugin for Copr here: {words}");
        return;
    }
    let said = dnf.says(&["copr", "enable", "--hub", "kiln", "admin/rpms", "fedora-44-x86_64"]).unwrap();
    assert!(said.contains("Repository successfully enabled."), "{said}");
    let listed = dnf.says(&["copr", "list"]).unwrap();
    assert!(listed.contains("127.0.0.1/admin/rpms"), "{listed}");
    dnf.hello_runs();
    let words = |words: &[&str]| dnf.says(&[&["copr", "--hub", "kiln"][..], words].concat());
    let found = words(&["search", "rpms", "fedora-44-x86_64"]).unwrap();
    assert!(found.contains("admin/rpms : "), "{found}");
    let found = words(&["list", "--available-by-user=admin"]).unwrap();
    assert!(found.contains("admin/rpms : "), "{found}");
    words(&["disable", "admin/rpms", "fedora-44-x86_64"]).unwrap();
    let listed = dnf.says(&["copr", "list"]).unwrap();
    assert!(listed.contains("127.0.0.1/admin/rpms (disabled)"), "{listed}");
    words(&["remove", "admin/rpms", "fedora-44-x86_64"]).unwrap();
    assert!(!dnf.repository_file("_copr:127.0.0.1:admin:rpms.repo").exists());

    let missing = words(&["enable", "admin/rpms", "fedora-17-x86_64"]).unwrap_err();
    assert!(missing.contains("Available repositories: 'fedora-44-x86_64', 'fedora-45-x86_64'"), "{missing}");
    let missing = words(&["enable", "admin/nosuch", "fedora-44-x86_64"]).unwrap_err();
    assert!(missing.contains("Project admin/nosuch does not exist."), "{missing}");
}
