//! Builders of archives, right and wrong, for the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct ArBuilder(Vec<u8>);

impl ArBuilder {
    pub(crate) fn new() -> Self {
        Self(b"!<arch>\n".to_vec())
    }

    pub(crate) fn member(mut self, name: &str, content: &[u8]) -> Self {
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len());
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        if content.len() % 2 == 1 {
            self.0.push(b'\n');
        }
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// A tar member with full control over its name, which tar libraries rightly refuse to write.
#[derive(Clone, Copy)]
pub(crate) struct TarMember<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: u8,
    pub(crate) link: &'a str,
    pub(crate) content: &'a [u8],
}

impl<'a> TarMember<'a> {
    pub(crate) fn file(name: &'a str, content: &'a [u8]) -> Self {
        Self { name, kind: b'0', link: "", content }
    }
}

pub(crate) fn tar(members: &[TarMember<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for member in members {
        let mut header = [0_u8; 512];
        let mut put = |place: usize, text: &[u8]| header[place..place + text.len()].copy_from_slice(text);
        put(0, member.name.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", member.content.len()).as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[member.kind]);
        put(157, member.link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(member.content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

pub(crate) fn control_tar(control: &str) -> Vec<u8> {
    tar(&[TarMember::file("./control", control.as_bytes())])
}

pub(crate) fn deb(control: &[u8], data: &[u8]) -> Vec<u8> {
    let start = ArBuilder::new().member("debian-binary", b"2.0\n");
    start.member("control.tar", control).member("data.tar", data).finish()
}

/// A small tree as dpkg-deb packs it, with links and a script.
pub(crate) fn hello_tree(folder: &Path) -> PathBuf {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let tree = folder.join("tree");
    std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    std::fs::create_dir_all(tree.join("usr/bin")).unwrap();
    let control = "Package: hello\nVersion: 1:2.10-3\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
                   Depends: libc6 (>= 2.14), p | q\nDescription: short\n long\n .\n  more\n";
    std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
    std::fs::write(tree.join("DEBIAN/postinst"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(tree.join("DEBIAN/postinst"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(tree.join("usr/bin/hello"), vec![b'x'; 70_000]).unwrap();
    std::fs::hard_link(tree.join("usr/bin/hello"), tree.join("usr/bin/hello2")).unwrap();
    symlink("hello", tree.join("usr/bin/hi")).unwrap();
    let deep = tree.join("usr").join("long".repeat(30)).join("name".repeat(20));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("file"), "deep").unwrap();
    tree
}

/// The package dpkg-deb makes of a tree; `None`, with a word about it, on machines without dpkg-deb.
pub(crate) fn dpkg_deb(tree: &Path, path: &Path, options: &[&str]) -> Option<Vec<u8>> {
    let status = Command::new("dpkg-deb").args(options).args(["--root-owner-group", "-b"]).arg(tree).arg(path).output();
    match status {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(std::fs::read(path).unwrap())
        }
        Err(error) => {
            eprintln!("skipped: dpkg-deb can not be run: {error}");
            None
        }
    }
}
