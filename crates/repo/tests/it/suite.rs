//! Written suites, read back by our own readers; what a change costs, by counting.

use std::collections::BTreeMap;
use std::io::Read as _;

use pkg::Sha256;
use pkg::deb822::{ControlFields, Paragraph};
use pkgfile::compression::{Compression, decompress};
use repo::debian::{
    ChunkCache, IndexError, IndexLimits, OutputFile, PoolFile, Release, Stanza, SuiteSettings, WriteError,
    newest_source, open_index, read_packages, write_suite,
};
use repo::pgp::Keyring;

use crate::pgp::{NOW, key};

pub(crate) fn settings() -> SuiteSettings {
    SuiteSettings {
        suite: "stable".into(),
        codename: "stable".into(),
        origin: "Kiln".into(),
        label: "home:alice".into(),
        description: "Packages of home:alice".into(),
        component: "main".into(),
        architectures: vec!["amd64".into(), "arm64".into()],
        valid_seconds: None,
        compressions: vec![Compression::Gzip, Compression::Xz, Compression::Zstd],
    }
}

fn stanza(number: usize, arch: &str) -> Stanza {
    let text = format!(
        "Package: p{number}\nVersion: 1.{number}\nArchitecture: {arch}\nMaintainer: A <a@example.org>\n\
         Depends: libc6 (>= 2.{number}), p{}\nDescription: number {number}\n A longer text.\n",
        number / 2
    );
    let control = ControlFields::from_paragraph(&Paragraph::from_text(&text));
    let path = format!("pool/main/p/p{number}_1.{number}_{arch}.deb");
    let file = PoolFile { path, bytes: 1000, sha256: Sha256::of(text.as_bytes()), md5: None };
    Stanza::new(&control, &file).unwrap()
}

fn write(stanzas: &[Stanza], cache: &mut ChunkCache) -> Vec<OutputFile> {
    let stanzas: Vec<&Stanza> = stanzas.iter().collect();
    write_suite(&settings(), &stanzas, cache, &key(), NOW).unwrap()
}

fn by_path(files: &[OutputFile]) -> BTreeMap<&str, &OutputFile> {
    files.iter().flat_map(|file| file.paths.iter().map(move |path| (path.as_str(), file))).collect()
}

#[test]
fn what_is_written_is_read_back_through_every_check() {
    let stanzas: Vec<Stanza> = (0..700).map(|number| stanza(number, ["amd64", "all", "arm64"][number % 3])).collect();
    let files = write(&stanzas, &mut ChunkCache::default());
    let files = by_path(&files);
    let keyring = Keyring::parse(key().public_armoured().unwrap().as_bytes()).unwrap();
    let in_release = keyring.verify_clearsigned(&files["dists/stable/InRelease"].content, NOW).unwrap();
    let release_bytes = &files["dists/stable/Release"].content;
    assert_eq!(in_release.text.as_bytes(), release_bytes.as_slice());
    keyring.verify_detached(release_bytes, &files["dists/stable/Release.gpg"].content, NOW).unwrap();
    let release = Release::parse(&in_release.text).unwrap();
    assert!(release.has_by_hash && release.check_time(NOW).is_ok());
    let plain = release.files["main/binary-amd64/Packages"];
    for way in release.packages_index("main", "amd64").iter().filter(|way| way.compression != Compression::None) {
        let file = files[format!("dists/stable/{}", way.path).as_str()];
        assert_eq!(files[format!("dists/stable/{}", way.by_hash_path()).as_str()].content, file.content);
        assert_eq!((file.sha256, Sha256::of(&file.content)), (way.file.sha256, way.file.sha256));
        let mut index = Vec::new();
        open_index(way, &file.content).unwrap().read_to_end(&mut index).unwrap();
        assert!(matches!(open_index(way, &file.content[1..]), Err(IndexError::ChecksumMismatch { .. })));
        assert_eq!((Sha256::of(&index), index.len() as u64), (plain.sha256, plain.bytes));
        let mut names = Vec::new();
        let summary = read_packages(&mut index.as_slice(), &IndexLimits::default(), &mut |entry| {
            names.push(entry.meta.name);
        });
        assert_eq!(summary.unwrap().skipped, 0);
        assert_eq!(names.len(), 467);
        assert!(names.is_sorted());
    }
}

#[test]
fn the_result_depends_neither_on_order_nor_on_the_cache() {
    let mut stanzas: Vec<Stanza> = (0..300).map(|number| stanza(number, "amd64")).collect();
    let mut cache = ChunkCache::default();
    write(&stanzas[..200], &mut cache);
    let warm = write(&stanzas, &mut cache);
    stanzas.reverse();
    stanzas.push(stanzas[5].clone());
    assert_eq!(write(&stanzas, &mut ChunkCache::default()), warm);
}

#[test]
fn one_package_more_compresses_at_most_two_chunks_a_form() {
    let mut stanzas: Vec<Stanza> = (0..3000).map(|number| stanza(number, "amd64")).collect();
    let mut cache = ChunkCache::default();
    write(&stanzas, &mut cache);
    let before = cache.work().misses;
    assert!(before > 3 * 5, "{before} chunks");
    stanzas.push(stanza(4711, "amd64"));
    write(&stanzas, &mut cache);
    let (hits, after) = (cache.work().hits, cache.work().misses);
    assert!(
        after - before <= 2 * 3 && hits > before - 10,
        "{} of {before} chunks were compressed again",
        after - before
    );
}

#[test]
fn an_empty_suite_is_a_suite() {
    let files = write(&[], &mut ChunkCache::default());
    let files = by_path(&files);
    let empty = decompress(&files["dists/stable/main/binary-amd64/Packages.xz"].content, Compression::Xz, 10);
    assert_eq!(empty.unwrap(), b"");
}

#[test]
fn settings_that_break_a_path_or_a_field_are_refused() {
    let refused = |settings: SuiteSettings| {
        matches!(write_suite(&settings, &[], &mut ChunkCache::default(), &key(), NOW), Err(WriteError::Setting { .. }))
    };
    assert!(!refused(settings()));
    assert!(refused(SuiteSettings { suite: "../x".into(), ..settings() }));
    assert!(refused(SuiteSettings { component: "a/b".into(), ..settings() }));
    assert!(refused(SuiteSettings { label: "a\nSHA256: x".into(), ..settings() }));
    assert!(refused(SuiteSettings { architectures: vec!["..".into()], ..settings() }));
    assert!(refused(SuiteSettings { compressions: vec![], ..settings() }));
    assert!(refused(SuiteSettings { compressions: vec![Compression::Bzip2], ..settings() }));
}

/// The first block of a page that is marked with `kind`.
fn example<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, behind) = page.split_once(&format!("```{kind}\n")).unwrap();
    behind.split_once("```").unwrap().0
}

#[test]
fn the_examples_of_the_manual_are_true() {
    let page = include_str!("../../../../docs/formats/debian-repository.5.md");
    let release = Release::parse(example(page, "release")).unwrap();
    assert_eq!(release.packages_index("main", "amd64").len(), 1);
    let limits = IndexLimits::default();
    let mut found = Vec::new();
    read_packages(&mut example(page, "packages").as_bytes(), &limits, &mut |entry| found.push(entry)).unwrap();
    assert_eq!(found[0].meta.requires, ["libc6 >= 2.34"]);
    let source = newest_source(&mut example(page, "sources").as_bytes(), &limits, "hello").unwrap().unwrap();
    assert!(source.dsc().is_some());
}

/// A made-up package for other tests.
pub(crate) fn numbered(number: usize) -> Stanza {
    stanza(number, "amd64")
}

proptest::proptest! {
    #[test]
    fn no_index_and_no_keyring_panics(
        text in r"((Package|Version|Directory|SHA256|Date|Checksums-Sha256|X)?:?[ \n\t#.,a-f0-9-]{0,70}\n?){0,10}",
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
    ) {
        let limits = IndexLimits::default();
        drop(Release::parse(&text));
        drop(read_packages(&mut text.as_bytes(), &limits, &mut drop));
        drop(repo::debian::read_sources(&mut text.as_bytes(), &limits, &mut drop));
        drop(Keyring::parse(&bytes));
        drop(Keyring::parse(text.as_bytes()));
        let mut damaged = key().public_binary().unwrap();
        let cut = bytes.len() % damaged.len();
        damaged.splice(cut..cut, bytes.iter().copied().take(3));
        drop(Keyring::parse(&damaged));
    }
}
