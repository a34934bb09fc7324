//! The tools of rpm distributions: rpmbuild makes packages, createrepo_c describes them, dnf and libsolv read what we write.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

use pkg::{PackageMeta, Sha256};
use pkgfile::compression::Compression;
use pkgfile::rpm::{RpmLimits, RpmPackage, RpmReader, SignatureKind};
use repo::pgp::Keyring;
use repo::rpmmd::{
    ChunkCache, ExtraFile, PackageFile, PackageXml, PrimaryEntry, RepodataSettings, Repomd, RpmMdLimits, open_file,
    read_filelists, read_other, read_primary, write_repodata,
};
use repo::rpmsign::{sign_package, verify_package};

use crate::pgp::{NOW, key};
use crate::tools::run;

const SPEC: &str = r#"
Name: kiln-sample
Version: 1.2~rc1
Release: 3
Epoch: 4
Summary: says "hello" & <more>
License: MIT
Group: Tools
URL: https://example.org/?a=1&b=2
Vendor: Exämple
Packager: A <a@example.org>
BuildRequires: make >= 1, (a or b)
Requires: libc >= 2, (x if y else z)
Requires(pre): shadow
Requires(post): shadow
Requires: config(kiln-sample) = 4:1.2
Provides: greeting = 2, plain
Conflicts: old < 1
Obsoletes: older <= 0.9
Recommends: rec > 1
Suggests: sug
Supplements: (a and b)
Enhances: enh = 1-1
%description
Says <hello>.

  More & more.
%package extra
Summary: more
BuildArch: noarch
Requires: kiln-sample = 4:1.2~rc1-3
%description extra
More.
%package plain
Summary: needs nothing
BuildArch: noarch
%description plain
Plain.
%prep
%build
%install
mkdir -p %{buildroot}/usr/share/kiln-sample %{buildroot}/usr/share/kiln-plain %{buildroot}/etc/kiln.d %{buildroot}/usr/bin
echo "a&b" > "%{buildroot}/usr/share/kiln-sample/a&b <c>"
ln -s a %{buildroot}/usr/bin/kiln-sample
echo config > %{buildroot}/etc/kiln-sample
touch %{buildroot}/etc/ghost
%pre
echo pre
%post -p <lua>
print("x")
%files
/usr/bin/kiln-sample
/usr/share/kiln-sample
%dir /etc/kiln.d
%config(noreplace) /etc/kiln-sample
%ghost /etc/ghost
%files extra
%files plain
/usr/share/kiln-plain
%changelog
* Wed Jul 01 2026 A <a@example.org> - 1.2-3
- newer & better
* Wed Jul 02 2025 B <b@example.org> - 1.1-1
- first
- second
"#;

/// A repository in a folder: packages made by rpmbuild, metadata by whoever.
struct Repository {
    folder: tempfile::TempDir,
    /// Location and headers.
    rpms: Vec<(PackageFile, RpmPackage)>,
}

impl Repository {
    /// `None`, with a word about it, on machines without rpmbuild.
    fn new() -> Option<Self> {
        let mut repository = Self { folder: tempfile::tempdir().unwrap(), rpms: Vec::new() };
        let folder = repository.folder.path().to_owned();
        let spec = folder.join("sample.spec");
        std::fs::write(&spec, SPEC).unwrap();
        let out = folder.join("repo");
        let defines = [
            format!("_topdir {}/top", folder.display()),
            format!("_rpmdir {}", out.display()),
            format!("_srcrpmdir {}", out.display()),
            "_binary_payload w1.gzdio".to_owned(),
        ];
        let mut arguments = vec!["-ba", "--nodeps", "--quiet"];
        arguments.extend(defines.iter().flat_map(|define| ["--define", define.as_str()]));
        let spec = spec.to_string_lossy().into_owned();
        arguments.push(&spec);
        let (is_good, out_text, words) = run("rpmbuild", &arguments)?;
        assert!(is_good, "{out_text}{words}");
        let mut found = Vec::new();
        collect(&out, &mut found);
        found.sort();
        for path in found {
            repository.rpms.push(described(&out, &path));
        }
        assert_eq!(repository.rpms.len(), 4);
        Some(repository)
    }

    /// Signs all packages with our key; returns what they were.
    fn sign(&mut self) -> Vec<(PackageFile, RpmPackage)> {
        let unsigned = self.rpms.clone();
        for (file, package) in &mut self.rpms {
            let path = self.folder.path().join("repo").join(&file.location);
            let mut unsigned = Cursor::new(std::fs::read(&path).unwrap());
            let mut signed = Vec::new();
            let result = sign_package(&mut unsigned, &mut signed, &key(), NOW, RpmLimits::default()).unwrap();
            std::fs::write(&path, &signed).unwrap();
            (file.sha256, file.bytes) = (result.sha256, result.bytes);
            *package = result.package;
        }
        unsigned
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn text_path(&self, below: &str) -> String {
        self.path(below).to_string_lossy().into_owned()
    }

    fn elements(&self) -> Vec<PackageXml> {
        self.rpms.iter().map(|(file, package)| PackageXml::new(package, file).unwrap()).collect()
    }

    /// Our metadata, put into place.
    fn publish(&self, compression: Compression) {
        self.publish_with(RepodataSettings { compression, ..RepodataSettings::default() });
    }

    fn publish_with(&self, settings: RepodataSettings) {
        let public_key = Some(key().public_armoured().unwrap());
        let settings = RepodataSettings { public_key, ..settings };
        let mut elements = self.elements();
        elements.extend((0..1000).map(crate::rpmmd::numbered));
        let elements: Vec<&PackageXml> = elements.iter().collect();
        drop(std::fs::remove_dir_all(self.path("repo/repodata")));
        std::fs::create_dir_all(self.path("repo/repodata")).unwrap();
        for file in write_repodata(&settings, &elements, &mut ChunkCache::default(), &key(), NOW).unwrap() {
            std::fs::write(self.path("repo").join(&file.paths[0]), &file.content).unwrap();
        }
    }

    /// Runs dnf over the repository, with a root and a cache of that name.
    fn dnf(&self, root: &str, arguments: &[&str]) -> Option<(bool, String, String)> {
        let folder = self.text_path("repo");
        let root = self.text_path(&format!("root-{root}"));
        std::fs::create_dir_all(&root).unwrap();
        let conf = self.text_path("dnf.conf");
        let text = format!(
            "[main]\nreposdir=/dev/null\npluginpath=/dev/null\ncachedir={root}/cache\npersistdir={root}/persist\n\
             logdir={root}/log\n[kiln]\nname=kiln\nbaseurl=file://{folder}\nrepo_gpgcheck=1\ngpgcheck=0\n\
             gpgkey=file://{folder}/repodata/repomd.xml.key\n"
        );
        std::fs::write(&conf, text).unwrap();
        let root = format!("--installroot={root}");
        let mut all = vec!["-y", "-c", &conf, &root, "--releasever=1", "--forcearch=x86_64"];
        all.extend(arguments);
        run("dnf", &all)
    }

    /// A file of createrepo_c's metadata.
    fn their_file(&self, kind: &str) -> Option<Vec<u8>> {
        let out = self.path("theirs");
        if !out.exists() {
            std::fs::create_dir_all(&out).unwrap();
            let (folder, out) = (self.text_path("repo"), self.text_path("theirs"));
            let (is_good, _, words) = run("createrepo_c", &["--quiet", "--no-database", "-o", &out, &folder])?;
            assert!(is_good, "{words}");
        }
        let repomd = std::fs::read(out.join("repodata/repomd.xml")).ok()?;
        let repomd = Repomd::parse(&repomd).unwrap();
        let file = repomd.file(kind).unwrap();
        let mut content = Vec::new();
        let bytes = std::fs::read(out.join(&file.path)).unwrap();
        open_file(file, &bytes).unwrap().read_to_end(&mut content).unwrap();
        Some(content)
    }
}

/// What metadata needs to know of a file below `folder`.
fn described(folder: &Path, path: &Path) -> (PackageFile, RpmPackage) {
    let bytes = std::fs::read(path).unwrap();
    let reader = RpmReader::open(bytes.as_slice(), RpmLimits::default()).unwrap();
    let location = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    let modified_at = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let file = PackageFile { location, bytes: bytes.len() as u64, sha256: Sha256::of(&bytes), modified_at };
    (file, reader.into_package())
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

fn entries(primary: &[u8]) -> BTreeMap<String, PrimaryEntry> {
    let mut entries = BTreeMap::new();
    let mut reader = primary;
    let summary = read_primary(&mut reader, &RpmMdLimits::default(), &mut |entry| {
        entries.insert(entry.location.clone(), entry);
    });
    assert_eq!(summary.unwrap().skipped, 0);
    entries
}

fn document(root: &str, elements: impl Iterator<Item = String>) -> Vec<u8> {
    format!("<{root}>{}</{root}>", elements.collect::<String>()).into_bytes()
}

/// Order and repetition of dependencies mean nothing.
fn normalized(mut meta: PackageMeta) -> PackageMeta {
    let lists = [
        &mut meta.provides,
        &mut meta.requires,
        &mut meta.conflicts,
        &mut meta.obsoletes,
        &mut meta.recommends,
        &mut meta.supplements,
        &mut meta.suggests,
        &mut meta.enhances,
    ];
    for list in lists {
        list.sort();
        list.dedup();
    }
    meta
}

#[test]
fn a_package_and_its_metadata_say_the_same() {
    let Some(repository) = Repository::new() else { return };
    let elements = repository.elements();
    let entries = entries(&document("metadata", elements.iter().map(|xml| xml.primary().to_owned())));
    for (file, package) in &repository.rpms {
        let entry = &entries[&file.location];
        assert_eq!(normalized(entry.meta.clone()), normalized(package.meta().clone()), "{}", file.location);
        assert_eq!((entry.bytes, entry.header_range), (file.bytes, Some(package.header_range())));
        assert_eq!(entry.digest, repo::rpmmd::FileDigest::Sha256(file.sha256));
    }
    let main = entries.values().find(|entry| entry.meta.name == "kiln-sample" && entry.meta.arch != "src").unwrap();
    assert_eq!(main.files, ["/etc/ghost", "/etc/kiln-sample", "/etc/kiln.d", "/usr/bin/kiln-sample"]);
}

#[test]
fn createrepo_c_describes_the_packages_alike() {
    let Some(repository) = Repository::new() else { return };
    let elements = repository.elements();
    let Some(theirs) = repository.their_file("primary") else { return };
    let ours = document("metadata", elements.iter().map(|xml| xml.primary().to_owned()));
    let normal = |bytes: &[u8]| {
        let mut entries = entries(bytes);
        for entry in entries.values_mut() {
            let mut meta = normalized(std::mem::take(&mut entry.meta));
            // They leave out what the package gives itself.
            meta.requires.retain(|text| !meta.provides.contains(text));
            entry.meta = meta;
        }
        entries
    };
    assert_eq!(normal(&ours), normal(&theirs));
    // Every line of theirs, whatever it tells, is one of ours and the other way round.
    let lines = |bytes: &[u8]| -> BTreeSet<String> {
        // They write that one both ways.
        let text =
            String::from_utf8(bytes.to_vec()).unwrap().replace("<rpm:sourcerpm></rpm:sourcerpm>", "<rpm:sourcerpm/>");
        let is_frame = |line: &str| line.contains("metadata") || line.starts_with("<?xml") || line.is_empty();
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !is_frame(line)).collect()
    };
    let framed = [b"\n", ours.as_slice(), b"\n"].concat();
    let ours = lines(String::from_utf8(framed).unwrap().replace("metadata>", "metadata>\n").as_bytes());
    let theirs = lines(&theirs);
    let ours_only: Vec<_> = ours.difference(&theirs).filter(|line| !line.contains("<package")).collect();
    let theirs_only: Vec<_> = theirs.difference(&ours).filter(|line| !line.contains("<package")).collect();
    assert!(ours_only.is_empty() && theirs_only.is_empty(), "ours: {ours_only:#?}\ntheirs: {theirs_only:#?}");
}

#[test]
fn createrepo_c_lists_the_same_files_and_changes() {
    let Some(repository) = Repository::new() else { return };
    let elements = repository.elements();
    let (Some(filelists), Some(other)) = (repository.their_file("filelists"), repository.their_file("other")) else {
        return;
    };
    let limits = RpmMdLimits::default();
    let files = |bytes: &[u8]| {
        let mut reader = bytes;
        let mut entries = BTreeMap::new();
        let mut add = |entry: repo::rpmmd::FilelistsEntry| {
            entries.insert(entry.id.pkgid.clone(), entry);
        };
        read_filelists(&mut reader, &limits, &mut add).unwrap();
        entries
    };
    let ours = document("filelists", elements.iter().map(|xml| xml.filelists().to_owned()));
    assert_eq!(files(&ours), files(&filelists));
    let changes = |bytes: &[u8]| {
        let mut reader = bytes;
        let mut entries = BTreeMap::new();
        let mut add = |entry: repo::rpmmd::OtherEntry| {
            entries.insert(entry.id.pkgid.clone(), entry);
        };
        read_other(&mut reader, &limits, &mut add).unwrap();
        entries
    };
    let ours = document("otherdata", elements.iter().map(|xml| xml.other().to_owned()));
    assert_eq!(changes(&ours), changes(&other));
}

#[test]
fn dnf_verifies_and_reads_what_we_write() {
    let Some(repository) = Repository::new() else { return };
    for form in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
        repository.publish(form);
        let root = format!("{form:?}");
        let format = "%{name} %{epoch}:%{version}-%{release} %{location}";
        let Some((is_good, out, words)) = repository.dnf(&root, &["repoquery", "--all", "--qf", format]) else {
            return;
        };
        assert!(is_good, "{form:?}: {out}{words}");
        assert!(out.contains("kiln-sample 4:1.2~rc1-3 x86_64/kiln-sample-"), "{form:?}: {out}{words}");
        assert_eq!(out.lines().filter(|line| line.starts_with('p')).count(), 1000, "{form:?}: {words}");
        let (_, out, words) = repository.dnf(&root, &["repoquery", "-l", "kiln-sample"]).unwrap();
        assert!(out.contains("/usr/share/kiln-sample/a&b <c>"), "{form:?}: {out}{words}");
    }
}

#[test]
fn dnf_lists_the_groups_of_packages_that_are_passed_through() {
    let Some(repository) = Repository::new() else { return };
    let comps = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<comps><group><id>samples</id><name>Sample things</name>\
                 <description/><default>true</default><uservisible>true</uservisible><packagelist>\
                 <packagereq type=\"mandatory\">kiln-sample</packagereq></packagelist></group></comps>\n";
    let (kind, file_name) = ("group".to_owned(), "comps.xml".to_owned());
    let extras = vec![ExtraFile { kind, file_name, content: comps.as_bytes().to_vec() }];
    repository.publish_with(RepodataSettings { extras, ..RepodataSettings::default() });
    let Some((is_good, out, words)) = repository.dnf("groups", &["group", "list"]) else { return };
    assert!(is_good && out.contains("Sample things"), "{out}{words}");
}

#[test]
fn dnf_installs_from_what_we_write() {
    let Some(repository) = Repository::new() else { return };
    repository.publish(Compression::Zstd);
    let arguments = ["install", "--setopt=install_weak_deps=0", "kiln-sample-plain"];
    let Some((is_good, out, words)) = repository.dnf("installed", &arguments) else { return };
    assert!(is_good, "{out}{words}");
    assert!(repository.path("root-installed/usr/share/kiln-plain").is_dir(), "{out}{words}");
}

#[test]
fn dnf_installs_what_we_signed_and_nothing_unsigned() {
    let (Some(mut signed), Some(unsigned)) = (Repository::new(), Repository::new()) else { return };
    signed.sign();
    let arguments = ["install", "--setopt=install_weak_deps=0", "--setopt=kiln.gpgcheck=1", "kiln-sample-plain"];
    for (repository, is_signed) in [(signed, true), (unsigned, false)] {
        repository.publish(Compression::Zstd);
        let Some((is_good, out, words)) = repository.dnf("checked", &arguments) else { return };
        assert_eq!(is_good, is_signed, "{out}{words}");
        assert_eq!(repository.path("root-checked/usr/share/kiln-plain").is_dir(), is_signed, "{out}{words}");
        assert!(is_signed || out.contains("not signed") || words.contains("not signed"), "{out}{words}");
    }
}

#[test]
fn a_signed_package_says_what_the_unsigned_one_said() {
    let Some(mut signed) = Repository::new() else { return };
    let unsigned = signed.sign();
    for ((file, package), (old_file, old)) in signed.rpms.iter().zip(&unsigned) {
        assert_eq!((&file.location, file.bytes), (&old_file.location, old_file.bytes));
        assert_eq!(package.header_range(), old.header_range());
        assert_eq!(package.signatures(), [SignatureKind::Header]);
        let path = signed.path("repo").join(&file.location);
        assert_eq!(described(&signed.path("repo"), &path).0.sha256, file.sha256);
    }
}

#[test]
fn we_verify_what_rpmsign_signed() {
    let Some(repository) = Repository::new() else { return };
    let Some(key) = crate::rpmsign::rsa_key(repository.folder.path()) else { return };
    let home = format!("_gpg_path {}", repository.text_path("gnupg"));
    let keyring = Keyring::parse(&key.public_binary().unwrap()).unwrap();
    for (file, _) in &repository.rpms {
        let path = repository.path("repo").join(&file.location);
        let text = path.to_string_lossy().into_owned();
        let defines = [home.as_str(), "_gpg_name RSA <rsa@example.org>", "__gpg /usr/bin/gpg"];
        let mut arguments: Vec<&str> = defines.into_iter().flat_map(|define| ["--define", define]).collect();
        arguments.extend(["--addsign", &text]);
        let Some((is_good, out, words)) = run("rpmsign", &arguments) else { return };
        assert!(is_good, "{out}{words}");
        let now = i64::from(u32::MAX / 2);
        let theirs = std::fs::read(&path).unwrap();
        let verified = verify_package(&mut Cursor::new(&theirs), &keyring, now, RpmLimits::default()).unwrap();
        assert_eq!((verified.fingerprint, verified.kind), (key.fingerprint(), SignatureKind::Header));
        // With the same key and time ours has the same entries, and is as long.
        let mut ours = Vec::new();
        let time = verified.signed_at;
        let result = sign_package(&mut Cursor::new(&theirs), &mut ours, &key, time, RpmLimits::default()).unwrap();
        assert_eq!(ours.len(), theirs.len());
        let tags = |package: &RpmPackage| package.signature_header().tags().collect::<Vec<_>>();
        assert_eq!(tags(&result.package), tags(&verified.package));
    }
}

#[test]
fn zypper_verifies_and_reads_what_we_write() {
    let Some(repository) = Repository::new() else { return };
    for form in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
        repository.publish(form);
        let root = repository.text_path(&format!("zypper-{form:?}"));
        std::fs::create_dir_all(&root).unwrap();
        let zypper = |arguments: &[&str]| {
            let common = ["--root", &root, "--non-interactive", "--gpg-auto-import-keys"];
            let all: Vec<&str> = common.into_iter().chain(arguments.iter().copied()).collect();
            run("zypper", &all)
        };
        let url = format!("file://{}", repository.text_path("repo"));
        let Some((is_good, out, words)) = zypper(&["addrepo", "--gpgcheck-strict", &url, "kiln"]) else { return };
        assert!(is_good, "{form:?}: {out}{words}");
        let (is_good, out, words) = zypper(&["refresh"]).unwrap();
        assert!(is_good, "{form:?}: {out}{words}");
        let (_, out, words) = zypper(&["search", "--details", "--type", "package"]).unwrap();
        assert!(out.contains("4:1.2~rc1-3") && out.contains("p999 "), "{form:?}: {out:.2000}{words}");
    }
}

#[test]
fn dnf_refuses_what_somebody_changed() {
    let Some(repository) = Repository::new() else { return };
    repository.publish(Compression::Gzip);
    let repomd = repository.path("repo/repodata/repomd.xml");
    let text = std::fs::read_to_string(&repomd).unwrap();
    std::fs::write(&repomd, text.replace("<revision>1", "<revision>2")).unwrap();
    let Some((is_good, out, words)) = repository.dnf("changed", &["repoquery", "--all"]) else { return };
    assert!(!is_good && words.contains("repomd.xml GPG signature verification error"), "{out}{words}");
}

#[test]
fn libsolv_reads_what_we_write() {
    let Some(repository) = Repository::new() else { return };
    for form in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
        repository.publish(form);
        let suffix = form.suffix();
        let script = format!(
            "cd {}/repodata && for f in *-primary.xml{suffix}; do {} $f | rpmmd2solv > ../../a.solv; done && dumpsolv ../../a.solv",
            repository.text_path("repo"),
            match form {
                Compression::Gzip => "zcat",
                Compression::Xz => "xzcat",
                _ => "zstdcat",
            }
        );
        let (is_good, out, words) = run("sh", &["-c", &script]).unwrap();
        if words.contains("not found") {
            eprintln!("skipped: {words}");
            return;
        }
        assert!(is_good && words.is_empty(), "{form:?}: {words}");
        // A solvable is one block of lines.
        assert_eq!(out.matches("solvable:name:").count(), 1004, "{form:?}: {out:.2000}");
    }
}
