//! The distribution, held against rpm, dnf and our own expander.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use expand::{BuildRequest, ExpandConfig, Expander, PoolBuilder};
use pkg::PackageFormat;
use repo::rpmmd::{PrimaryEntry, Repomd, RpmMdLimits, open_file, read_primary};
use testkit::rpm_distribution::RpmDistribution;

use crate::tools::{inside, is_root, root_folder, run};

const HELLO: &str = r#"
Name: hello
Version: 1.0
Release: 1%{?dist}
Summary: Says hello
License: MIT
BuildRequires: gcc, make
%description
Says hello.
%prep
%setup -q -c -T
%build
echo '#include <stdio.h>
int main(void) { return puts("hello from C") == EOF; }' > hello.c
gcc %{optflags} -o hello hello.c
%install
install -D -m 755 hello %{buildroot}%{_bindir}/hello
install -d %{buildroot}%{_mandir}/man1
printf '#!/usr/bin/perl\nuse strict;\nuse File::Find;\nprint "hello from perl\\n";\n' > %{buildroot}%{_bindir}/hello.pl
chmod 755 %{buildroot}%{_bindir}/hello.pl
echo '.TH hello 1' > %{buildroot}%{_mandir}/man1/hello.1
%post
echo ran as $BASH_VERSION
%files
%{_bindir}/hello*
%{_mandir}/man1/hello.1*
%changelog
* Wed Jul 01 2026 A <a@example.org> - 1.0-1
- First
"#;

/// What the repository offers, by name.
fn offers(distribution: &RpmDistribution) -> BTreeMap<String, PrimaryEntry> {
    let repomd = Repomd::parse(&std::fs::read(distribution.folder().join("repodata/repomd.xml")).unwrap()).unwrap();
    let file = repomd.file("primary").unwrap();
    let mut primary = Vec::new();
    let bytes = std::fs::read(distribution.folder().join(&file.path)).unwrap();
    open_file(file, &bytes).unwrap().read_to_end(&mut primary).unwrap();
    let mut entries = BTreeMap::new();
    let mut reader = primary.as_slice();
    let summary = read_primary(&mut reader, &RpmMdLimits::default(), &mut |entry| {
        entries.insert(entry.meta.name.clone(), entry);
    });
    assert_eq!(summary.unwrap().skipped, 0);
    entries
}

fn config() -> ExpandConfig {
    let tree = prjconf::parse(RpmDistribution::CONFIG.as_bytes());
    let evaluated = prjconf::evaluate(&tree, &prjconf::Options::for_arch("x86_64"));
    assert!(evaluated.findings.is_empty(), "{:?}", evaluated.findings);
    ExpandConfig::from(&evaluated.config)
}

/// What a root for a build is made of.
struct Plan {
    /// Unpacked first, in any order.
    preinstall: Vec<String>,
    /// All packages, in install order.
    install: Vec<String>,
}

/// What the configuration says for a build with these requirements.
fn plan(requirements: &[&str], offers: &BTreeMap<String, PrimaryEntry>) -> Plan {
    let mut builder = PoolBuilder::new(PackageFormat::Rpm);
    offers.values().for_each(|entry| builder.add_repository_package(0, &entry.meta));
    let (pool, config) = (builder.finish(), config());
    let expander = Expander::new(&pool, &config);
    let dependencies = requirements.iter().map(|item| (*item).to_owned()).collect();
    let set = expander.build_set(&BuildRequest { dependencies, own_binaries: Vec::new() });
    let set = set.unwrap_or_else(|problems| panic!("{problems:?}"));
    let preinstalls = expander.preinstalls().unwrap();
    assert_eq!(preinstalls.missing(&pool, false), [""; 0]);
    let order = expander.install_order(&set);
    let install = order.order.into_iter().map(|package| pool.name(package).to_owned()).collect();
    Plan { preinstall: preinstalls.preinstall.clone(), install }
}

/// A root with these packages, made by the machine's rpm; `None` where that can not be.
fn install(rpms: &[PathBuf]) -> Option<tempfile::TempDir> {
    if !is_root() {
        return None;
    }
    let root = root_folder();
    let path = root.path().to_str().unwrap();
    let mut arguments = vec!["--root", path, "--define", "_dbpath /var/lib/rpm", "--nosignature", "-i"];
    arguments.extend(rpms.iter().map(|rpm| rpm.to_str().unwrap()));
    run("rpm", &arguments)?;
    make_null(root.path());
    Some(root)
}

/// The one device that scripts can not do without; a sandbox has more.
fn make_null(root: &Path) {
    run("mknod", &["-m", "666", root.join("dev/null").to_str().unwrap(), "c", "1", "3"]);
}

/// Builds [`HELLO`] inside, installs and runs it.
fn build_hello(root: &Path) {
    std::fs::write(root.join("root/hello.spec"), HELLO).unwrap();
    let words = inside(root, "cd; rpmbuild -ba hello.spec");
    assert!(!words.contains("Illegal option") && !words.contains("not found"), "{words}");
    let words = inside(root, "rpm -i ~/rpmbuild/RPMS/*/hello-1.0-1.x86_64.rpm; hello; hello.pl; rpm -ql hello");
    for expected in ["ran as 5.", "hello from C", "hello from perl", "/usr/share/man/man1/hello.1.gz"] {
        assert!(words.contains(expected), "{expected} is missing: {words}");
    }
    let words = inside(root, "cd; rpmbuild -bb --define '_enable_debug_packages 1' hello.spec; ls rpmbuild/RPMS/*");
    assert!(words.contains("hello-debuginfo-1.0-1.x86_64.rpm"), "{words}");
}

#[test]
fn everything_installs_together_and_the_root_is_whole() {
    let Some(distribution) = RpmDistribution::get_or_say() else { return };
    let rpms = distribution.rpms();
    let Some(root) = install(&rpms) else { return };
    let words = inside(root.path(), "rpm -qa | wc -l; rpm -Va --nomtime; cc --version; awk 'BEGIN { print 6 * 7 }'");
    let first = words.lines().next().unwrap();
    assert_eq!(first, rpms.len().to_string(), "{words}");
    assert!(words.contains("(Debian") && words.contains("\n42\n"), "{words}");
    assert!(words.lines().all(|line| !line.contains("missing") && !line.starts_with("Unsatisfied")), "{words}");
}

#[test]
fn the_configuration_makes_a_root_in_which_a_c_program_is_built() {
    let Some(distribution) = RpmDistribution::get_or_say() else { return };
    let offers = offers(&distribution);
    let Plan { preinstall, install } = plan(&["gcc", "make"], &offers);
    let position = |name: &str| install.iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name}"));
    assert!(position("base-files") < position("libc6") && position("libc6") < position("bash"), "{install:?}");
    assert!(!install.iter().any(|name| name == "g++"), "{install:?}");
    if !is_root() || run("rpm", &["--version"]).is_none() {
        return;
    }
    let folder = root_folder();
    let root = folder.path();
    let path = |name: &String| distribution.folder().join(&offers[name].location);
    for name in &preinstall {
        let script = format!("rpm2cpio {} | cpio --quiet -idum -D {}", path(name).display(), root.display());
        run("bash", &["-c", &script]);
    }
    make_null(root);
    // The root's own rpm does the rest, as in a build service.
    std::fs::create_dir(root.join("packages")).unwrap();
    let names: Vec<String> = install.iter().map(|name| format!("packages/{name}.rpm")).collect();
    for (name, target) in install.iter().zip(&names) {
        std::fs::copy(path(name), root.join(target)).unwrap();
    }
    let words = inside(root, &format!("rpm --initdb; rpm -U --nosignature {}; rpm -qa | wc -l", names.join(" ")));
    assert_eq!(words.lines().next().unwrap(), install.len().to_string(), "{words}");
    build_hello(root);
}

#[test]
fn dnf_makes_a_root_from_the_folder() {
    let Some(distribution) = RpmDistribution::get_or_say() else { return };
    if !is_root() {
        return;
    }
    let folder = root_folder();
    let path = |below: &str| folder.path().join(below).to_str().unwrap().to_owned();
    let (root, state, source) = (path("root"), path("state"), distribution.folder().display());
    let conf = format!(
        "[main]\nreposdir=/dev/null\npluginpath=/dev/null\ncachedir={state}/cache\npersistdir={state}/persist\n\
         logdir={state}/log\n[test]\nname=test\nbaseurl=file://{source}\nrepo_gpgcheck=1\ngpgcheck=0\n\
         gpgkey=file://{source}/repodata/repomd.xml.key\n"
    );
    std::fs::write(path("dnf.conf"), conf).unwrap();
    let (conf, root_option) = (path("dnf.conf"), format!("--installroot={root}"));
    let arguments =
        ["-y", "-c", &conf, &root_option, "--releasever=1", "--forcearch=x86_64", "install", "bash", "make"];
    if run("dnf", &arguments).is_some() {
        let words = inside(Path::new(&root), "make --version; ls /usr/bin/gcc || echo no gcc");
        assert!(words.contains("GNU Make") && words.contains("no gcc"), "{words}");
    }
}

#[test]
fn a_second_call_gives_the_same_folder_and_a_copy_is_complete() {
    let Some(distribution) = RpmDistribution::get_or_say() else { return };
    assert_eq!(RpmDistribution::get().unwrap().folder(), distribution.folder());
    let parent = tempfile::tempdir().unwrap();
    let copy = parent.path().join("copy");
    distribution.copy_to(&copy);
    let offers = offers(&distribution);
    assert_eq!(offers.len(), distribution.rpms().len());
    assert!(offers.values().all(|entry| copy.join(&entry.location).is_file()));
    assert!(copy.join("repodata/repomd.xml.asc").is_file());
}

/// The names by which rpms find libraries, as rpm's own generator gives them.
#[test]
fn libraries_provide_what_rpm_says() {
    let Some(distribution) = RpmDistribution::get_or_say() else { return };
    let offers = offers(&distribution);
    for (package, library) in [
        ("libc6", "/lib/x86_64-linux-gnu/libc.so.6"),
        ("libgcc-s1", "/lib/x86_64-linux-gnu/libgcc_s.so.1"),
        ("zlib1g", "/lib/x86_64-linux-gnu/libz.so.1"),
    ] {
        let Some(words) = run("/usr/lib/rpm/elfdeps", &["--provides", library]) else { return };
        let provides = &offers[package].meta.provides;
        for name in words.lines() {
            assert!(provides.iter().any(|known| known == name), "{package} does not provide {name}: {provides:?}");
        }
    }
}
