//! A small signed Debian archive on a web server of its own, its metadata written as Debian's wiki page "DebianRepository/Format"
//! says, not by the code that is tested with it. See [`Archive`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use model::Timestamp;
use pkg::{MultiArch, PackageMeta, Sha256};

use crate::http::HttpServer;
use crate::openpgp::Key;

/// Enough of Debian for the preset's roots: every package is empty, and needs little.
const BASE: &str = "base-files base-passwd bash bsdutils coreutils dash debianutils diffutils dpkg findutils grep gzip \
                    hostname init-system-helpers libc-bin login ncurses-base ncurses-bin perl-base sed \
                    sysvinit-utils tar util-linux mawk usr-is-merged build-essential fakeroot xz-utils tzdata";

/// For how many seconds what was published is valid.
const VALID_SECONDS: i64 = 7 * 86_400;

/// An archive with the suites `bookworm`, `bookworm-updates` and `bookworm-security` below `debian/`, for amd64.
#[derive(Debug)]
pub struct Archive {
    /// Serves it.
    pub server: HttpServer,
    /// Holds the archive's keyring, `keys.gpg`.
    pub folder: tempfile::TempDir,
    key: Key,
    packages: Vec<PackageMeta>,
    /// Behind each package's content; a new one changes every file.
    generation: u32,
}

impl Archive {
    /// An archive with the base and further packages, as lines `P:` (see [`crate::world`]), published at the clock's time.
    #[must_use]
    pub fn new(further: &str, now: Timestamp) -> Self {
        let base: String = BASE.split(' ').map(|name| format!("P: {name}\n")).collect();
        let mut packages = crate::world::packages(&base);
        packages.extend(crate::world::packages(further));
        let key = Key::new("Test archive", 7, now.as_seconds());
        let folder = tempfile::tempdir().unwrap();
        let archive = Self { server: HttpServer::start(), folder, key, packages, generation: 0 };
        std::fs::write(archive.keyring(), archive.key.keyring()).unwrap();
        archive.publish(now);
        archive
    }

    /// Address of the archive.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url("debian")
    }

    /// Path of the file with its public key.
    #[must_use]
    pub fn keyring(&self) -> String {
        self.folder.path().join("keys.gpg").to_str().unwrap().to_owned()
    }

    /// Takes further packages in; they are there after [`Self::publish`].
    pub fn add(&mut self, lines: &str) {
        self.packages.extend(crate::world::packages(lines));
    }

    /// Every package file gets other bytes and an index that says so.
    pub fn rebuild_everything(&mut self, now: Timestamp) {
        self.generation += 1;
        self.publish(now);
    }

    /// Writes the archive anew: all packages in the main suite, nothing in the others.
    pub fn publish(&self, now: Timestamp) {
        let mut files = BTreeMap::new();
        let mut index = String::new();
        for package in &self.packages {
            let control = control(package);
            let content = crate::deb::package(&control, &format!("{}", self.generation));
            let path = pool_path(package);
            let (bytes, sha256) = (content.len(), Sha256::of(&content));
            writeln!(index, "{control}Filename: {path}\nSize: {bytes}\nSHA256: {sha256}\n").unwrap();
            files.insert(format!("debian/{path}"), content);
        }
        for (suite, index) in [("bookworm", index.as_str()), ("bookworm-updates", ""), ("bookworm-security", "")] {
            for (path, content) in self.suite(suite, index, now) {
                files.insert(format!("debian/dists/{suite}/{path}"), content);
            }
        }
        self.server.replace_all(files);
    }

    /// The files of a suite, by their path below it.
    fn suite(&self, suite: &str, index: &str, now: Timestamp) -> BTreeMap<String, Vec<u8>> {
        const FOLDER: &str = "main/binary-amd64";
        let plain = index.as_bytes();
        let mut table = format!(" {} {} {FOLDER}/Packages\n", Sha256::of(plain), plain.len());
        let mut files = BTreeMap::new();
        for (name, content) in [("Packages.xz", xz(plain)), ("Packages.gz", gzip(plain))] {
            let sha256 = Sha256::of(&content);
            writeln!(table, " {sha256} {} {FOLDER}/{name}", content.len()).unwrap();
            files.insert(format!("{FOLDER}/by-hash/SHA256/{sha256}"), content.clone());
            files.insert(format!("{FOLDER}/{name}"), content);
        }
        let (date, valid_until) = (date(now.as_seconds()), date(now.as_seconds() + VALID_SECONDS));
        let release = format!(
            "Origin: Test\nLabel: Test\nSuite: {suite}\nCodename: {suite}\nDate: {date}\nValid-Until: {valid_until}\n\
             Acquire-By-Hash: yes\nArchitectures: amd64\nComponents: main\nDescription: Test\nSHA256:\n{table}"
        );
        files.insert("InRelease".to_owned(), self.key.clearsign(&release, now.as_seconds()).into_bytes());
        files
    }

    /// Path on the server of a package's file.
    #[must_use]
    pub fn package_path(&self, name: &str) -> String {
        self.server.paths().into_iter().find(|path| path.contains(&format!("/{name}_"))).unwrap()
    }

    /// Serves a source package beside the archive and gives its address.
    #[must_use]
    pub fn source(&self, name: &str, fields: &str) -> String {
        let files: [(&str, &[u8]); 1] = [("content.tar", b"content")];
        let text = crate::deb::description(name, "1.0-1", fields, &files);
        self.server.put(&format!("src/{name}_1.0-1.dsc"), text);
        self.server.put("src/content.tar", "content");
        self.server.url(&format!("src/{name}_1.0-1.dsc"))
    }
}

/// Where Debian puts a package's file: by the first letter of its source, four letters for libraries.
fn pool_path(package: &PackageMeta) -> String {
    let PackageMeta { name, evr, arch, .. } = package;
    let letters = if name.starts_with("lib") { 4 } else { 1 };
    let prefix: String = name.chars().take(letters).collect();
    format!("pool/main/{prefix}/{name}/{name}_{evr}_{arch}.deb")
}

fn xz(plain: &[u8]) -> Vec<u8> {
    let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 1);
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

/// A time in seconds since 1970 as in a Release file (`Sat, 01 Jan 2000 00:00:00 UTC`).
fn date(seconds: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (mut year, mut day) = (1970, days);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let weekday = DAYS[usize::try_from(days.rem_euclid(7)).unwrap()];
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{weekday}, {:02} {} {year} {hour:02}:{minute:02}:{second:02} UTC", day + 1, MONTHS[month])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_debian_does() {
        // `date -u -R -d @SECONDS`.
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 UTC");
        assert_eq!(date(951_782_399), "Mon, 28 Feb 2000 23:59:59 UTC");
        assert_eq!(date(951_868_800), "Wed, 01 Mar 2000 00:00:00 UTC");
        assert_eq!(date(1_735_689_599), "Tue, 31 Dec 2024 23:59:59 UTC");
    }

    #[test]
    fn an_archive_serves_what_its_signed_table_names() {
        let archive = Archive::new("P: libmore 2 amd64 requires base-files >= 1\n", Timestamp::from_millis(0));
        let text = String::from_utf8(archive.server.get("debian/dists/bookworm/InRelease")).unwrap();
        let line = text.lines().find(|line| line.ends_with("Packages.xz")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let index = archive.server.get(&format!("debian/dists/bookworm/main/binary-amd64/by-hash/SHA256/{}", words[0]));
        assert_eq!((index.len().to_string().as_str(), Sha256::of(&index).to_string().as_str()), (words[1], words[0]));
        assert_eq!(archive.package_path("libmore"), "debian/pool/main/libm/libmore/libmore_2_amd64.deb");
    }
}
