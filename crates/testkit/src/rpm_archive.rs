//! A small rpm-md repository on a web server of its own, its metadata written by hand, not by the code that is tested with it.
//! See [`RpmArchive`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use model::Timestamp;
use pkg::{PackageMeta, Sha256};
use sha2::{Digest as _, Sha512};

use crate::http::HttpServer;
use crate::openpgp::Key;
use crate::rpm_raw::RawRpm;

/// A signed repository below `rpm/x86_64/`.
#[derive(Debug)]
pub struct RpmArchive {
    /// Serves it.
    pub server: HttpServer,
    /// Holds the repository's keyring, `keys.gpg`.
    pub folder: tempfile::TempDir,
    /// Whether files and packages are named by SHA-512, as openSUSE does.
    pub has_sha512: bool,
    key: Key,
    packages: Vec<PackageMeta>,
    /// Files of packages by the package's name.
    files: Vec<(String, String)>,
}

impl RpmArchive {
    /// A repository with packages as lines `P:` (see [`crate::world`]), published at the clock's time.
    #[must_use]
    pub fn new(packages: &str, now: Timestamp) -> Self {
        let key = Key::new("Test repository", 9, now.as_seconds());
        let folder = tempfile::tempdir().unwrap();
        let packages = crate::world::packages(packages);
        let archive = Self { server: HttpServer::start(), folder, has_sha512: false, key, packages, files: Vec::new() };
        std::fs::write(archive.keyring(), archive.key.keyring()).unwrap();
        archive.publish(now);
        archive
    }

    /// Address of the repository, with `$basearch` in it.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url("rpm/$basearch")
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

    /// Gives a package a file, which is there after [`Self::publish`].
    pub fn add_file(&mut self, package: &str, path: &str) {
        self.files.push((package.to_owned(), path.to_owned()));
    }

    /// Writes the repository anew.
    pub fn publish(&self, now: Timestamp) {
        let mut files = BTreeMap::new();
        let (mut primary, mut filelists) = (String::new(), String::new());
        for package in &self.packages {
            let paths: Vec<&str> =
                self.files.iter().filter(|(name, _)| *name == package.name).map(|(_, path)| path.as_str()).collect();
            let content = package_file(package, &paths);
            let (version, release) = evr(package);
            let location = format!("Packages/{}-{version}-{release}.{}.rpm", package.name, arch(package));
            let digest = self.digest(&content);
            primary += &self.primary(package, &digest, content.len(), &location, &paths);
            writeln!(
                filelists,
                "<package pkgid=\"{digest}\" name=\"{}\" arch=\"{}\"><version epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>",
                package.name,
                arch(package)
            )
            .unwrap();
            paths.iter().for_each(|path| writeln!(filelists, "<file>{path}</file>").unwrap());
            filelists += "</package>\n";
            files.insert(format!("rpm/x86_64/{location}"), content);
        }
        let mut repomd = format!("<repomd><revision>{}</revision>\n", now.as_seconds());
        for (kind, root, text) in [("primary", "metadata", primary), ("filelists", "filelists", filelists)] {
            let content = gzip(format!("<{root} packages=\"0\">\n{text}</{root}>\n").as_bytes());
            let (name, digest) = (self.digest_name(), self.digest(&content));
            let path = format!("repodata/{}-{kind}.xml.gz", &digest[..64]);
            writeln!(
                repomd,
                "<data type=\"{kind}\"><checksum type=\"{name}\">{digest}</checksum><location href=\"{path}\"/>\
                 <size>{}</size></data>",
                content.len()
            )
            .unwrap();
            files.insert(format!("rpm/x86_64/{path}"), content);
        }
        repomd += "</repomd>\n";
        let signature = self.key.detach(repomd.as_bytes(), now.as_seconds());
        files.insert("rpm/x86_64/repodata/repomd.xml".to_owned(), repomd.into_bytes());
        files.insert("rpm/x86_64/repodata/repomd.xml.asc".to_owned(), signature);
        self.server.replace_all(files);
    }

    const fn digest_name(&self) -> &'static str {
        if self.has_sha512 { "sha512" } else { "sha256" }
    }

    fn digest(&self, content: &[u8]) -> String {
        if self.has_sha512 {
            return Sha512::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        }
        Sha256::of(content).to_string()
    }

    fn primary(&self, package: &PackageMeta, digest: &str, bytes: usize, location: &str, paths: &[&str]) -> String {
        let (version, release) = evr(package);
        let entries = |list: &[String]| -> String { list.iter().map(|item| entry(item)).collect() };
        let own = format!("{} = {version}-{release}", package.name);
        let provides = entries(&[std::slice::from_ref(&own), &package.provides[1..]].concat());
        let requires = entries(&package.requires);
        // As createrepo does: of the files only those that are asked for most.
        let files: String = paths
            .iter()
            .filter(|path| path.contains("bin/") || path.starts_with("/etc/"))
            .map(|path| format!("<file>{path}</file>"))
            .collect();
        format!(
            "<package type=\"rpm\"><name>{}</name><arch>{}</arch><version epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>\
             <checksum type=\"{}\" pkgid=\"YES\">{digest}</checksum><size package=\"{bytes}\"/><location href=\"{location}\"/>\
             <format><rpm:provides>{provides}</rpm:provides><rpm:requires>{requires}</rpm:requires>{files}</format></package>\n",
            package.name,
            arch(package),
            self.digest_name()
        )
    }
}

fn arch(package: &PackageMeta) -> &str {
    if package.arch == "all" { "noarch" } else { &package.arch }
}

/// Version and release.
fn evr(package: &PackageMeta) -> (&str, &str) {
    package.evr.split_once('-').unwrap_or((&package.evr, "1"))
}

fn entry(dependency: &str) -> String {
    let words: Vec<&str> = dependency.split(' ').collect();
    let flags = |operator: &str| match operator {
        "<" => "LT",
        "<=" => "LE",
        ">" => "GT",
        ">=" => "GE",
        _ => "EQ",
    };
    match words.as_slice() {
        [name, operator, evr] if !name.starts_with('(') => {
            let (version, release) = evr.split_once('-').map_or((*evr, None), |(v, r)| (v, Some(r)));
            let release = release.map(|release| format!(" rel=\"{release}\"")).unwrap_or_default();
            format!("<rpm:entry name=\"{name}\" flags=\"{}\" epoch=\"0\" ver=\"{version}\"{release}/>", flags(operator))
        }
        _ => format!("<rpm:entry name=\"{dependency}\"/>"),
    }
}

fn package_file(package: &PackageMeta, paths: &[&str]) -> Vec<u8> {
    let (version, release) = evr(package);
    let file = RawRpm::binary(&package.name, version, release, arch(package));
    let file = file.requires(&package.requires).provides(&package.provides[1..]);
    paths.iter().fold(file, |file, path| file.file(path, b"")).build()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_serves_what_its_table_names() {
        let mut archive = RpmArchive::new("P: more 2-3 x86_64 requires base >= 1\n", Timestamp::from_millis(0));
        archive.add_file("more", "/usr/bin/more");
        archive.publish(Timestamp::from_millis(0));
        let table = String::from_utf8(archive.server.get("rpm/x86_64/repodata/repomd.xml")).unwrap();
        for path in table.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let content = archive.server.get(&format!("rpm/x86_64/{path}"));
            assert!(path.contains(&Sha256::of(&content).to_string()), "{path}");
        }
        assert!(archive.server.paths().contains(&"rpm/x86_64/Packages/more-2-3.x86_64.rpm".to_owned()));
    }
}
