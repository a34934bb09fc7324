//! A small signed Debian archive on a web server of its own.

use std::collections::BTreeMap;

use model::Timestamp;
use pkg::deb822::{self, ControlFields};
use pkg::{MultiArch, PackageMeta, Sha256};
use repo::compress::Compression;
use repo::debian::{ChunkCache, PoolFile, Stanza, SuiteSettings, pool_path, write_suite};
use repo::pgp::SigningKey;
use service::DistributionOptions;
use testkit::http::HttpServer;

/// Enough of Debian for the preset's roots: every package is empty, and needs little.
const BASE: &str = "base-files base-passwd bash bsdutils coreutils dash debianutils diffutils dpkg findutils grep gzip \
                    hostname init-system-helpers libc-bin login ncurses-base ncurses-bin perl-base sed \
                    sysvinit-utils tar util-linux mawk usr-is-merged build-essential fakeroot xz-utils tzdata";

pub(crate) struct Archive {
    pub(crate) server: HttpServer,
    pub(crate) folder: tempfile::TempDir,
    key: SigningKey,
    packages: Vec<PackageMeta>,
    /// Behind each package's content; a new one changes every file.
    generation: u32,
}

impl Archive {
    /// An archive with the base and further packages, as lines `P:`, published at the clock's time.
    pub(crate) fn new(further: &str, now: Timestamp) -> Self {
        let mut packages =
            testkit::world::packages(&BASE.split(' ').map(|name| format!("P: {name}\n")).collect::<String>());
        packages.extend(testkit::world::packages(further));
        let key = SigningKey::generate("Test archive", [7; 32], now.as_seconds()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys.gpg"), key.public_binary().unwrap()).unwrap();
        let archive = Self { server: HttpServer::start(), folder, key, packages, generation: 0 };
        archive.publish(now);
        archive
    }

    pub(crate) fn options(&self) -> DistributionOptions {
        let url = self.server.url("debian");
        DistributionOptions {
            mirror_url: Some(url.clone()),
            security_url: Some(url),
            arches: vec![pkg::Arch::parse("x86_64").unwrap()],
            keyring: Some(self.folder.path().join("keys.gpg").to_str().unwrap().to_owned()),
        }
    }

    pub(crate) fn add(&mut self, lines: &str) {
        self.packages.extend(testkit::world::packages(lines));
    }

    /// Every package file gets other bytes and an index that says so.
    pub(crate) fn rebuild_everything(&mut self, now: Timestamp) {
        self.generation += 1;
        self.publish(now);
    }

    /// Writes the archive anew: all packages in the main suite, nothing in the others.
    pub(crate) fn publish(&self, now: Timestamp) {
        let mut files = BTreeMap::new();
        let mut stanzas = Vec::new();
        for package in &self.packages {
            let control = control(package);
            let content = testkit::deb::package(&control, &format!("{}", self.generation));
            let name = format!("{}_{}_{}.deb", package.name, package.evr, package.arch);
            let path = pool_path("main", &package.name, &name);
            let file =
                PoolFile { path: path.clone(), bytes: content.len() as u64, sha256: Sha256::of(&content), md5: None };
            let fields = ControlFields::from_paragraph(&deb822::Paragraph::from_text(&control));
            stanzas.push(Stanza::new(&fields, &file).unwrap());
            files.insert(format!("debian/{path}"), content);
        }
        let all: Vec<&Stanza> = stanzas.iter().collect();
        for (suite, stanzas) in [("bookworm", all), ("bookworm-updates", vec![]), ("bookworm-security", vec![])] {
            let written =
                write_suite(&settings(suite), &stanzas, &mut ChunkCache::default(), &self.key, now.as_seconds());
            for file in written.unwrap() {
                for path in file.paths {
                    files.insert(format!("debian/{path}"), file.content.clone());
                }
            }
        }
        self.server.replace_all(files);
    }

    /// Path on the server of a package's file.
    pub(crate) fn package_path(&self, name: &str) -> String {
        self.server.paths().into_iter().find(|path| path.contains(&format!("/{name}_"))).unwrap()
    }

    /// Serves a source package beside the archive and gives its address.
    pub(crate) fn source(&self, name: &str, fields: &str) -> String {
        let files: [(&str, &[u8]); 1] = [("content.tar", b"content")];
        let text = testkit::deb::description(name, "1.0-1", fields, &files);
        self.server.put(&format!("src/{name}_1.0-1.dsc"), text);
        self.server.put("src/content.tar", "content");
        self.server.url(&format!("src/{name}_1.0-1.dsc"))
    }
}

fn settings(suite: &str) -> SuiteSettings {
    SuiteSettings {
        suite: suite.to_owned(),
        codename: suite.to_owned(),
        origin: "Test".to_owned(),
        label: "Test".to_owned(),
        description: "Test".to_owned(),
        component: "main".to_owned(),
        architectures: vec!["amd64".to_owned()],
        valid_seconds: Some(7 * 86_400),
        compressions: vec![Compression::Xz, Compression::Gzip],
    }
}

fn control(package: &PackageMeta) -> String {
    assert_eq!(package.multi_arch, MultiArch::No);
    let mut text = format!("Package: {}\nVersion: {}\nArchitecture: {}\n", package.name, package.evr, package.arch);
    let relations = |list: &[String]| list.iter().map(|entry| debian_relation(entry)).collect::<Vec<_>>().join(", ");
    if !package.requires.is_empty() {
        text += &format!("Depends: {}\n", relations(&package.requires));
    }
    if package.provides.len() > 1 {
        text += &format!("Provides: {}\n", relations(&package.provides[1..]));
    }
    text + "Description: test\n"
}

/// `a >= 1` as Debian writes it.
fn debian_relation(text: &str) -> String {
    match text.split_once(' ') {
        Some((name, constraint)) if !constraint.starts_with('|') => format!("{name} ({constraint})"),
        _ => text.to_owned(),
    }
}
