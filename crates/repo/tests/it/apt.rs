//! The tools of Debian: dpkg-deb makes packages, dpkg-scanpackages and apt-ftparchive describe them, APT installs from what
//! we write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pkg::Sha256;
use pkg::deb822::paragraphs;
use pkgfile::compression::Compression;
use pkgfile::deb::{DebLimits, DebReader};
use repo::debian::{
    ChunkCache, IndexLimits, PoolFile, Stanza, SuiteSettings, deb_file_name, pool_path, read_packages, write_suite,
};

use crate::pgp::{NOW, key};
use crate::suite::settings;
use crate::tools::{apt_lists, run};

/// An archive in a folder: packages made by dpkg-deb, metadata by us.
struct Archive {
    folder: tempfile::TempDir,
    debs: Vec<PathBuf>,
}

impl Archive {
    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn text_path(&self, below: &str) -> String {
        self.path(below).to_string_lossy().into_owned()
    }

    /// `None` on machines without dpkg-deb.
    fn new(packages: &[(&str, &str, &str)]) -> Option<Self> {
        let mut archive = Self { folder: tempfile::tempdir().unwrap(), debs: Vec::new() };
        for (name, version, extra) in packages {
            let tree = archive.path(&format!("tree-{name}-{version}"));
            std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
            std::fs::create_dir_all(tree.join("usr/share/doc").join(name)).unwrap();
            std::fs::write(tree.join("usr/share/doc").join(name).join("file"), name).unwrap();
            let control = format!(
                "Package: {name}\nVersion: {version}\nMaintainer: A <a@example.org>\n{extra}Description: short\n long\n .\n more\n"
            );
            std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
            let made = archive.text_path("made.deb");
            let (is_good, _, words) =
                run("dpkg-deb", &["--root-owner-group", "-Zgzip", "-b", &tree.to_string_lossy(), &made])?;
            assert!(is_good, "{words}");
            archive.add(Path::new(&made));
        }
        Some(archive)
    }

    fn add(&mut self, deb: &Path) {
        let bytes = std::fs::read(deb).unwrap();
        let reader = DebReader::open(bytes.as_slice(), DebLimits::default()).unwrap();
        let meta = &reader.control().meta;
        let source = meta.source.as_deref().unwrap_or(&meta.name);
        let path = pool_path("main", source, &deb_file_name(meta));
        std::fs::create_dir_all(self.path(&path).parent().unwrap()).unwrap();
        std::fs::rename(deb, self.path(&path)).unwrap();
        self.debs.push(path.into());
    }

    fn stanzas(&self) -> Vec<Stanza> {
        let stanza = |path: &PathBuf| {
            let bytes = std::fs::read(self.folder.path().join(path)).unwrap();
            let reader = DebReader::open(bytes.as_slice(), DebLimits::default()).unwrap();
            let path = path.to_string_lossy().into_owned();
            let file = PoolFile { path, bytes: bytes.len() as u64, sha256: Sha256::of(&bytes), md5: None };
            Stanza::new(&reader.control().fields, &file).unwrap()
        };
        self.debs.iter().map(stanza).collect()
    }

    fn publish(&self, settings: &SuiteSettings) {
        let stanzas = self.stanzas();
        let stanzas: Vec<&Stanza> = stanzas.iter().collect();
        for file in write_suite(settings, &stanzas, &mut ChunkCache::default(), &key(), NOW).unwrap() {
            for path in &file.paths {
                std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
                std::fs::write(self.path(path), &file.content).unwrap();
            }
        }
        std::fs::write(self.path("key.gpg"), key().public_binary().unwrap()).unwrap();
    }

    /// Options that keep APT inside our folder.
    fn apt_options(&self) -> Vec<String> {
        for folder in ["apt/state/lists/partial", "apt/cache/archives/partial", "apt/etc", "apt/root"] {
            std::fs::create_dir_all(self.path(folder)).unwrap();
        }
        std::fs::write(self.path("apt/state/status"), "").unwrap();
        let folder = self.folder.path().display();
        let source = format!("deb [arch=amd64 signed-by={folder}/key.gpg] file:{folder} stable main\n");
        std::fs::write(self.path("apt/etc/sources.list"), source).unwrap();
        let settings = [
            format!("Dir::State={folder}/apt/state"),
            format!("Dir::State::status={folder}/apt/state/status"),
            format!("Dir::Cache={folder}/apt/cache"),
            format!("Dir::Etc={folder}/apt/etc"),
            format!("Dir::Etc::sourcelist={folder}/apt/etc/sources.list"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            "Dir::Etc::trustedparts=/dev/null".to_owned(),
            "APT::Architecture=amd64".to_owned(),
            "APT::Architectures=amd64".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
        ];
        settings.into_iter().flat_map(|setting| ["-o".to_owned(), setting]).collect()
    }

    fn apt(&self, program: &str, arguments: &[&str]) -> Option<(bool, String, String)> {
        let options = self.apt_options();
        let all: Vec<&str> = options.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        run(program, &all)
    }
}

const PACKAGES: &[(&str, &str, &str)] = &[
    ("hello", "1:2.10-3", "Architecture: amd64\nSource: hello-src (2.10-2)\nDepends: libhello1 (>= 1), hello-data\n"),
    ("libhello1", "1.5~rc1", "Architecture: amd64\nMulti-Arch: same\nBreaks: hello (<< 2)\nProvides: virtual (= 2)\n"),
    ("hello-data", "2", "Architecture: all\nConflicts: other\nHomepage: https://example.org/\n"),
];

#[test]
fn apt_updates_and_installs_from_what_we_write() {
    for form in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let Some(archive) = Archive::new(PACKAGES) else { return };
        archive.publish(&SuiteSettings { compressions: vec![form], ..settings() });
        let Some((is_good, out, words)) = archive.apt("apt-get", &["update"]) else { return };
        assert!(is_good && !words.contains("W:") && !words.contains("E:"), "{form:?}: {out}{words}");
        let (_, shown, _) = archive.apt("apt-cache", &["show", "hello"]).unwrap();
        assert!(shown.contains("Version: 1:2.10-3"), "{form:?}: {shown}");
        let (is_good, plan, words) = archive.apt("apt-get", &["install", "-s", "hello"]).unwrap();
        assert!(is_good && plan.contains("Inst libhello1 (1.5~rc1"), "{form:?}: {plan}{words}");
        let (is_good, out, words) = archive.apt("apt-get", &["install", "-y", "--download-only", "hello"]).unwrap();
        assert!(is_good, "{form:?}: {out}{words}");
    }
}

#[test]
fn apt_reads_indices_of_many_chunks_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive { folder, debs: Vec::new() };
    for form in [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::None] {
        let stanzas: Vec<Stanza> = (0..1000).map(crate::suite::numbered).collect();
        let stanzas: Vec<&Stanza> = stanzas.iter().collect();
        let settings = SuiteSettings { compressions: vec![form], ..settings() };
        archive.publish(&settings);
        for file in write_suite(&settings, &stanzas, &mut ChunkCache::default(), &key(), NOW).unwrap() {
            std::fs::write(archive.path(&file.paths[0]), &file.content).unwrap();
        }
        let Some((is_good, out, words)) = archive.apt("apt-get", &["update"]) else { return };
        assert!(is_good, "{form:?}: {out}{words}");
        let (_, names, _) = archive.apt("apt-cache", &["pkgnames", "p"]).unwrap();
        let real = names.lines().filter(|name| name[1..].bytes().all(|digit| digit.is_ascii_digit())).count();
        assert_eq!(real, 1000, "{form:?}");
    }
}

#[test]
fn apt_refuses_what_somebody_changed() {
    let Some(archive) = Archive::new(&PACKAGES[2..]) else { return };
    archive.publish(&settings());
    let in_release = archive.path("dists/stable/InRelease");
    let text = std::fs::read_to_string(&in_release).unwrap();
    std::fs::write(&in_release, text.replace("Label: home:alice", "Label: home:mallo")).unwrap();
    std::fs::remove_file(archive.path("dists/stable/Release.gpg")).unwrap();
    let Some((is_good, _, words)) = archive.apt("apt-get", &["update"]) else { return };
    assert!(!is_good && words.contains("E:"), "{words}");
}

/// All fields of all paragraphs, by package, without those only one of the writers has.
fn fields(index: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let packages = paragraphs(index).map(|paragraph| {
        let fields = paragraph.fields().filter(|field| !["MD5sum", "SHA1", "SHA512"].contains(&field.name));
        let fields = fields.map(|field| (field.name.to_owned(), field.value.to_owned())).collect();
        (paragraph.get("Package").unwrap().to_owned(), fields)
    });
    packages.collect()
}

#[test]
fn dpkg_scanpackages_and_apt_ftparchive_describe_the_packages_alike() {
    let Some(archive) = Archive::new(PACKAGES) else { return };
    let ours: String = archive.stanzas().iter().map(Stanza::text).collect();
    let folder = archive.folder.path().display();
    let script = |tool: &str| format!("cd {folder} && {tool} pool");
    for tool in ["dpkg-scanpackages", "apt-ftparchive packages"] {
        let Some((_, theirs, words)) = run("sh", &["-c", &script(tool)]) else { return };
        if theirs.is_empty() {
            eprintln!("skipped: {tool} can not be run: {words}");
            continue;
        }
        assert_eq!(fields(&ours), fields(&theirs), "{tool}");
    }
}

#[test]
fn every_package_of_the_machines_lists_is_read_as_apt_reads_it() {
    for (path, index) in apt_lists("_Packages") {
        let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let summary = read_packages(&mut index.as_slice(), &IndexLimits::default(), &mut |entry| {
            let own = format!("{} = {}", entry.meta.name, entry.meta.evr);
            assert!(entry.meta.provides.contains(&own), "{own}");
            versions.entry(entry.meta.name).or_default().push(entry.meta.evr);
        });
        let summary = summary.unwrap();
        let text = String::from_utf8_lossy(&index);
        let count = text.lines().filter(|line| line.starts_with("Package: ")).count();
        assert_eq!((summary.entries as usize, summary.skipped), (count, 0), "{}", path.display());
    }
}
