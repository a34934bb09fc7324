//! Packages: real ones made by dpkg-deb and rpmbuild, hand-made hostile ones, and random damage.

#![expect(clippy::unwrap_used, reason = "a test that can not go on has failed")]
#![expect(clippy::print_stderr, reason = "says which tests were skipped")]
#![expect(clippy::disallowed_methods, reason = "the tests make packages with dpkg-deb and rpmbuild")]

mod kit;
mod rpm;

use std::io::Read as _;
use std::process::Command;

use kit::{ArBuilder, TarMember, control_tar, deb, dpkg_deb, hello_tree, tar};
use pkg::Md5;
use pkgfile::compression::{Compression, decompress};
use pkgfile::deb::{DebError, DebLimits, DebReader};
use pkgfile::tar::{EntryKind, TarError, TarLimits, TarReader};
use proptest::prelude::*;

fn open(bytes: &[u8]) -> Result<DebReader<&[u8]>, DebError> {
    DebReader::open(bytes, DebLimits::default())
}

/// The lines `dpkg-deb -c` prints, reduced to type, size and path with link target.
fn dpkg_listing(path: &std::path::Path) -> Vec<String> {
    let output = Command::new("dpkg-deb").arg("-c").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let kind = &line[..1];
            let size = if kind == "-" { words[2] } else { "0" };
            format!("{kind} {size} {}", words[5..].join(" ").trim_end_matches('/'))
        })
        .collect()
}

fn own_listing(bytes: &[u8]) -> Vec<String> {
    let entries = open(bytes).unwrap().list().unwrap();
    entries
        .iter()
        .map(|entry| {
            let path = String::from_utf8_lossy(&entry.path);
            let link = String::from_utf8_lossy(&entry.link);
            let dotted = if path.is_empty() { ".".to_owned() } else { format!("./{path}") };
            match entry.kind {
                EntryKind::Directory => format!("d 0 {dotted}"),
                EntryKind::SymbolicLink => format!("l 0 {dotted} -> {link}"),
                EntryKind::HardLink => format!("h 0 {dotted} link to ./{link}"),
                _ => format!("- {} {dotted}", entry.bytes),
            }
        })
        .collect()
}

#[test]
fn packages_of_every_compression_read_as_dpkg_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let tree = hello_tree(folder.path());
    for compression in ["none", "gzip", "xz", "zstd"] {
        let path = folder.path().join(format!("{compression}.deb"));
        let Some(bytes) = dpkg_deb(&tree, &path, &["-Z", compression, "--uniform-compression"]) else { return };
        assert_eq!(own_listing(&bytes), dpkg_listing(&path), "{compression}");
        let mut reader = open(&bytes).unwrap();
        let shown = Command::new("dpkg-deb").arg("-f").arg(&path).output().unwrap().stdout;
        assert_eq!(reader.control().fields.to_text(), String::from_utf8(shown).unwrap());
        assert_eq!(reader.control().meta.requires, ["libc6 >= 2.14", "p | q"]);
        assert!(reader.control().file("postinst").is_some_and(|file| file.mode == 0o755));
        let mut tar = Vec::new();
        reader.data().unwrap().read_to_end(&mut tar).unwrap();
        let expected = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(&path).output().unwrap().stdout;
        assert_eq!(tar, expected, "{compression}");
    }
}

#[test]
fn the_identity_is_the_md5_of_the_compressed_control_archive() {
    let control = control_tar("Package: a\nVersion: 1\n");
    let package = deb(&control, &tar(&[]));
    assert_eq!(open(&package).unwrap().control().md5, Md5::of(&control));
}

#[test]
fn content_of_members_can_be_read_one_after_the_other() {
    let data = tar(&[TarMember::file("./a", b"first"), TarMember::file("./b", b"second"), TarMember::file("./c", b"")]);
    let package = deb(&control_tar("Package: a\nVersion: 1\n"), &data);
    let mut reader = open(&package).unwrap();
    let mut entries = reader.entries().unwrap();
    let mut contents = Vec::new();
    while let Some(entry) = entries.next_entry().unwrap() {
        let mut content = String::new();
        if entry.path != b"a" {
            entries.read_to_string(&mut content).unwrap();
        }
        contents.push(content);
    }
    assert_eq!(contents, ["", "second", ""]);
}

#[test]
fn likeness_leaves_out_times_and_compression_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let tree = hello_tree(folder.path());
    let path = folder.path().join("a.deb");
    let likeness = |options: &[&str]| {
        let bytes = dpkg_deb(&tree, &path, options)?;
        Some((open(&bytes).unwrap().likeness().unwrap(), bytes))
    };
    let Some((first, bytes)) = likeness(&["-Zxz"]) else { return };
    let program = tree.join("usr/bin/hello");
    let touched = Command::new("touch").args(["--date", "@1000000000"]).arg(&program).status();
    assert!(touched.unwrap().success());
    let (again, other) = likeness(&["-Zgzip"]).unwrap();
    assert!(again == first && other != bytes);

    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (changed, _) = likeness(&["-Zxz"]).unwrap();
    assert_ne!(changed, first);
    std::fs::write(tree.join("DEBIAN/postinst"), "#!/bin/sh\ntrue\n").unwrap();
    let (scripted, _) = likeness(&["-Zxz"]).unwrap();
    assert_ne!(scripted, changed);
    std::fs::write(&program, vec![b'y'; 70_000]).unwrap();
    assert_ne!(likeness(&["-Zxz"]).unwrap().0, scripted);
}

#[test]
fn members_with_an_underscore_are_skipped_and_foreign_ones_refused() {
    let control = control_tar("Package: a\nVersion: 1\n");
    let with = |extra: &str| {
        let start = ArBuilder::new().member("debian-binary", b"2.0\n").member(extra, b"abc");
        start.member("control.tar", &control).member("data.tar", &tar(&[])).finish()
    };
    assert!(open(&with("_extra")).is_ok());
    assert!(matches!(open(&with("extra")), Err(DebError::MissingMember { member: "control.tar" })));
    assert!(matches!(open(&with("control.tar.rar")), Err(DebError::Compression { .. })));
}

#[test]
fn what_is_not_a_package_is_told_apart() {
    let only = |name: &str, content: &[u8]| ArBuilder::new().member(name, content).finish();
    assert!(matches!(open(b""), Err(DebError::Ar(_))));
    assert!(matches!(open(b"PK\x03\x04 something"), Err(DebError::Ar(_))));
    assert!(matches!(open(&only("debian-binary", b"3.0\n")), Err(DebError::Version { .. })));
    assert!(matches!(open(&only("other", b"2.0\n")), Err(DebError::MissingMember { member: "debian-binary" })));
    assert!(matches!(open(&deb(&control_tar("Package: a\n"), &[])), Err(DebError::Control)));
    assert!(matches!(open(&deb(&tar(&[]), &[])), Err(DebError::Control)));
    let endless = format!("Package: a\nVersion: 1\nDepends: {}\n", "b,".repeat(600_000));
    assert!(matches!(open(&deb(&control_tar(&endless), &[])), Err(DebError::Control)));
}

#[test]
fn paths_that_leave_the_root_are_errors() {
    let hard_link = |target| TarMember { kind: b'1', link: target, ..TarMember::file("./l", b"") };
    for (member, bad) in [
        (TarMember::file("/etc/passwd", b"x"), true),
        (TarMember::file("../x", b"x"), true),
        (TarMember::file("./a/../../x", b"x"), true),
        (TarMember::file("./a/..", b"x"), true),
        (hard_link("../x"), true),
        (hard_link("/x"), true),
        (hard_link("./x"), false),
        (TarMember::file("./a..b/..c", b"x"), false),
        (TarMember { kind: b'2', link: "../../x", ..TarMember::file("./s", b"") }, false),
    ] {
        let package = deb(&control_tar("Package: a\nVersion: 1\n"), &tar(&[member]));
        let listed = open(&package).unwrap().list();
        let refused = matches!(listed, Err(DebError::Tar { source: TarError::UnsafePath { .. }, .. }));
        assert_eq!(refused, bad, "{listed:?}");
        assert_eq!(listed.is_err(), bad);
    }
}

#[test]
fn limits_on_bytes_and_members_are_kept() {
    let big = deb(&control_tar("Package: a\nVersion: 1\n"), &tar(&[TarMember::file("./a", &[0; 5000])]));
    let tight = DebLimits { data_bytes: 4000, ..DebLimits::default() };
    assert!(DebReader::open(&*big, tight).unwrap().list().is_err());
    let tight = DebLimits { control_bytes: 1000, ..DebLimits::default() };
    assert!(matches!(DebReader::open(&*big, tight), Err(DebError::ControlTooLong { .. })));
    let bomb = zstd::encode_all(&vec![b'\n'; 10 << 20][..], 3).unwrap();
    let package = ArBuilder::new().member("debian-binary", b"2.0\n").member("control.tar.zst", &bomb).finish();
    let tight = DebLimits { control_bytes: 1 << 20, ..DebLimits::default() };
    assert!(matches!(DebReader::open(&*package, tight), Err(DebError::ControlTooLong { .. })));
    let many = tar(&[TarMember::file("a", b""), TarMember::file("b", b""), TarMember::file("c", b"")]);
    let mut reader = TarReader::new(&*many, TarLimits { members: 2, ..TarLimits::default() });
    assert!(reader.next_entry().is_ok() && reader.next_entry().is_ok());
    assert!(matches!(reader.next_entry(), Err(TarError::TooManyMembers { limit: 2 })));
}

#[test]
fn long_names_of_gnu_and_pax_archives_are_read_and_bounded() {
    let long = format!("./{}", "d/".repeat(150)) + "file";
    let gnu = tar(&[
        TarMember { kind: b'L', ..TarMember::file("././@LongLink", format!("{long}\0").as_bytes()) },
        TarMember::file("cut", b"x"),
    ]);
    let record = |key: &str, value: &str| {
        let bare = key.len() + value.len() + 3;
        let total = (bare + 2..).find(|total| bare + total.to_string().len() == *total).unwrap_or(bare + 1);
        format!("{total} {key}={value}\n")
    };
    let records = record("path", &long) + &record("mtime", "12.5");
    let pax =
        tar(&[TarMember { kind: b'x', ..TarMember::file("pax", records.as_bytes()) }, TarMember::file("cut", b"x")]);
    for archive in [&gnu, &pax] {
        let mut reader = TarReader::new(archive.as_slice(), TarLimits::default());
        let entry = reader.next_entry().unwrap().unwrap();
        assert_eq!(entry.path, long.as_bytes()[2..]);
        assert!(reader.next_entry().unwrap().is_none());
        let mut tight = TarReader::new(archive.as_slice(), TarLimits { name_bytes: 100, ..TarLimits::default() });
        assert!(tight.next_entry().is_err());
    }
}

#[test]
fn damage_behind_the_last_member_is_found_by_the_checksum_of_the_compression() {
    let data = zstd_with_checksum(&tar(&[TarMember::file("./a", b"x")]));
    let with = |data: &[u8]| {
        let start = ArBuilder::new().member("debian-binary", b"2.0\n");
        start.member("control.tar", &control_tar("Package: a\nVersion: 1\n")).member("data.tar.zst", data).finish()
    };
    assert!(open(&with(&data)).unwrap().list().is_ok());
    let mut damaged = data.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(open(&with(&damaged)).unwrap().list().is_err());
}

fn zstd_with_checksum(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn archives_that_end_too_early_are_errors() {
    let data = tar(&[TarMember::file("./a", &[7; 2000])]);
    let package = deb(&control_tar("Package: a\nVersion: 1\n"), &data);
    for length in [70, 200, 1000, package.len() - 3000] {
        let cut = &package[..length];
        assert!(open(cut).and_then(|mut reader| reader.list()).is_err(), "{length}");
    }
}

/// The first block of a page that is marked with `kind`.
fn example<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, behind) = page.split_once(&format!("```{kind}\n")).unwrap();
    behind.split_once("```").unwrap().0
}

#[test]
fn the_example_of_the_manual_is_true() {
    let page = include_str!("../../../../docs/formats/deb.5.md");
    let package = deb(&control_tar(example(page, "deb822")), &tar(&[]));
    let meta = &open(&package).unwrap().into_control().meta;
    let shown = format!(
        "requires: {}\nconflicts: {}\nprovides: {}\nsource: {}\n",
        meta.requires.join(", "),
        meta.conflicts.join(", "),
        meta.provides.join(", "),
        meta.source.as_deref().unwrap_or_default(),
    );
    assert_eq!(shown, example(page, "meta"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(places in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12)) {
        let control = zstd::encode_all(&*control_tar("Package: a\nVersion: 1\nDepends: b (>= 1) | c\n"), 1).unwrap();
        let data = tar(&[TarMember::file("./a", b"first"), TarMember { kind: b'x', ..TarMember::file("p", b"12 path=abc\n") },
            TarMember::file("./b", b"x")]);
        let start = ArBuilder::new().member("debian-binary", b"2.0\n").member("control.tar.zst", &control);
        let mut package = start.member("data.tar", &data).finish();
        for (place, value) in places {
            let place = place.index(package.len());
            package[place] = value;
        }
        if let Ok(mut reader) = open(&package) {
            drop(reader.list());
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut reader = TarReader::new(bytes.as_slice(), TarLimits::default());
        drop(reader.next_entry());
        for kind in [Compression::Gzip, Compression::Xz, Compression::Lzma, Compression::Zstd, Compression::Bzip2] {
            drop(decompress(&bytes, kind, 10_000));
        }
    }
}
