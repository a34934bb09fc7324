//! Written rpm-md repositories, read back by our own readers; what a change costs, by counting.

use std::collections::BTreeMap;
use std::io::Read as _;

use pkg::Sha256;
use pkgfile::compression::Compression;
use repo::pgp::Keyring;
use repo::rpmmd::{
    ChunkCache, ExtraFile, FileDigest, ListedFile, OutputFile, PackageXml, RepodataError, RepodataSettings, Repomd,
    RpmMdError, RpmMdLimits, open_file, read_filelists, read_other, read_primary, write_repodata,
};

use crate::pgp::{NOW, key};

pub(crate) fn numbered(number: usize) -> PackageXml {
    let pkgid = Sha256::of(&number.to_be_bytes());
    let version = format!("<version epoch=\"0\" ver=\"1.{number}\" rel=\"1\"/>");
    let provides = format!("<rpm:entry name=\"p{number}\" flags=\"EQ\" epoch=\"0\" ver=\"1.{number}\" rel=\"1\"/>");
    let requires: String = (1..20)
        .map(|place| format!("<rpm:entry name=\"p{}\" flags=\"GE\" epoch=\"0\" ver=\"{place}\"/>\n", number / place))
        .collect();
    let location = format!("Packages/p{number}-1.{number}-1.noarch.rpm");
    let primary = format!(
        "<package type=\"rpm\">\n<name>p{number}</name>\n<arch>noarch</arch>\n{version}\n\
         <checksum type=\"sha256\" pkgid=\"YES\">{pkgid}</checksum>\n<summary>number {number}</summary>\n\
         <description>A longer text about {number}.</description>\n<packager/>\n<url>https://example.org/{number}</url>\n\
         <time file=\"1\" build=\"1\"/>\n<size package=\"1{number}\" installed=\"1\" archive=\"1\"/>\n\
         <location href=\"{location}\"/>\n<format>\n<rpm:license>MIT</rpm:license>\n\
         <rpm:provides>\n{provides}\n</rpm:provides>\n<rpm:requires>\n{requires}</rpm:requires>\n\
         <file>/usr/bin/p{number}</file>\n</format>\n</package>\n"
    );
    let start = format!("<package pkgid=\"{pkgid}\" name=\"p{number}\" arch=\"noarch\">\n{version}\n");
    let files: String = (0..10).map(|place| format!("<file>/usr/share/p{number}/file-{place}</file>\n")).collect();
    let filelists = format!(
        "{start}<file type=\"dir\">/usr/share/p{number}</file>\n<file>/usr/bin/p{number}</file>\n{files}</package>\n"
    );
    let other =
        format!("{start}<changelog author=\"A &lt;a@example.org&gt;\" date=\"7\">- {number}</changelog>\n</package>\n");
    PackageXml::from_elements(location, primary, filelists, other)
}

fn settings(compression: Compression) -> RepodataSettings {
    let extra = ExtraFile { kind: "group".into(), file_name: "comps.xml".into(), content: b"<comps/>".to_vec() };
    RepodataSettings { compression, has_open_digests: true, extras: vec![extra], ..RepodataSettings::default() }
}

fn write(packages: &[PackageXml], compression: Compression, cache: &mut ChunkCache) -> Vec<OutputFile> {
    let packages: Vec<&PackageXml> = packages.iter().collect();
    write_repodata(&settings(compression), &packages, cache, &key(), NOW).unwrap()
}

/// The files of a written repository, through every check.
pub(crate) fn opened(files: &[OutputFile]) -> BTreeMap<String, Vec<u8>> {
    let by_path: BTreeMap<&str, &OutputFile> = files.iter().map(|file| (file.paths[0].as_str(), file)).collect();
    let keyring = Keyring::parse(key().public_armoured().unwrap().as_bytes()).unwrap();
    let (repomd, signature) = (&by_path["repodata/repomd.xml"].content, &by_path["repodata/repomd.xml.asc"].content);
    let (repomd, verified) = Repomd::parse_signed(repomd, signature, &keyring, NOW).unwrap();
    assert_eq!((verified.signed_at, repomd.revision.as_str(), repomd.skipped), (NOW, &*NOW.to_string(), 0));
    let open = |file: &repo::rpmmd::RepomdFile| {
        let written = by_path[file.path.as_str()];
        assert_eq!(FileDigest::Sha256(written.sha256), file.digest);
        assert!(file.path.contains(&file.digest.to_string()) && file.made_at == Some(NOW));
        let mut content = Vec::new();
        open_file(file, &written.content).unwrap().read_to_end(&mut content).unwrap();
        if let Some(digest) = file.open_digest {
            assert_eq!((digest, file.open_bytes), (digest.of_same_kind(&content), Some(content.len() as u64)));
        }
        (file.kind.clone(), content)
    };
    repomd.files.iter().map(open).collect()
}

#[test]
fn what_is_written_is_read_back_through_every_check() {
    let packages: Vec<PackageXml> = (0..500).map(numbered).collect();
    for form in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
        let files = opened(&write(&packages, form, &mut ChunkCache::default()));
        assert_eq!(files.keys().collect::<Vec<_>>(), ["filelists", "group", "other", "primary"], "{form:?}");
        let limits = RpmMdLimits::default();
        let mut entries = Vec::new();
        let summary = read_primary(&mut files["primary"].as_slice(), &limits, &mut |entry| entries.push(entry));
        assert_eq!((summary.unwrap().skipped, entries.len()), (0, 500));
        assert!(entries.is_sorted_by(|left, right| left.location < right.location));
        let last = entries.iter().find(|entry| entry.meta.name == "p499").unwrap();
        assert_eq!((last.bytes, last.meta.requires.len(), last.files.len()), (1499, 19, 1));
        let mut count = 0;
        let mut check = |entry: repo::rpmmd::FilelistsEntry| {
            assert!(matches!(&entry.files[0], ListedFile::Directory(path) if path.ends_with(&entry.id.name)));
            count += entry.files.len();
        };
        read_filelists(&mut files["filelists"].as_slice(), &limits, &mut check).unwrap();
        assert_eq!(count, 500 * 12);
        let mut authors = Vec::new();
        read_other(&mut files["other"].as_slice(), &limits, &mut |entry| authors.push(entry.changes)).unwrap();
        assert_eq!(authors[7][0].author, "A <a@example.org>");
    }
}

#[test]
fn an_empty_repository_is_a_repository() {
    for form in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
        let files = opened(&write(&[], form, &mut ChunkCache::default()));
        let summary = read_primary(&mut files["primary"].as_slice(), &RpmMdLimits::default(), &mut drop).unwrap();
        assert_eq!((summary.entries, summary.skipped), (0, 0));
    }
}

#[test]
fn the_result_depends_neither_on_order_nor_on_the_cache() {
    let mut packages: Vec<PackageXml> = (0..600).map(numbered).collect();
    let mut cache = ChunkCache::default();
    write(&packages[..300], Compression::Zstd, &mut cache);
    let warm = write(&packages, Compression::Zstd, &mut cache);
    packages.reverse();
    packages.push(numbered(3));
    assert_eq!(write(&packages, Compression::Zstd, &mut ChunkCache::default()), warm);
}

#[test]
fn one_package_more_or_less_compresses_a_chunk_or_two_a_file() {
    let mut packages: Vec<PackageXml> = (0..3000).map(numbered).collect();
    let mut cache = ChunkCache::default();
    write(&packages, Compression::Gzip, &mut cache);
    let (_, full) = cache.hits_and_misses();
    assert!(full > 40, "{full} chunks");
    packages.push(numbered(4711));
    write(&packages, Compression::Gzip, &mut cache);
    let (hits, more) = cache.hits_and_misses();
    // A head and at most two chunks of each of three files.
    assert!(more - full <= 9 && hits >= full - 9, "{} of {full} were compressed again", more - full);
    packages.remove(17);
    write(&packages, Compression::Gzip, &mut cache);
    let (_, less) = cache.hits_and_misses();
    assert!(less - more <= 9, "{} of {full} were compressed again", less - more);
}

#[test]
fn what_would_break_a_repository_is_refused() {
    let write = |settings: &RepodataSettings, packages: &[&PackageXml]| {
        write_repodata(settings, packages, &mut ChunkCache::default(), &key(), NOW)
    };
    for form in [Compression::None, Compression::Bzip2, Compression::Lzma] {
        assert!(matches!(write(&settings(form), &[]), Err(RepodataError::Setting { .. })), "{form:?}");
    }
    for (kind, file_name) in
        [("primary", "a.xml"), ("", "a.xml"), ("group", "../a.xml"), ("group", "a/b"), ("group", "")]
    {
        let extra = ExtraFile { kind: kind.into(), file_name: file_name.into(), content: Vec::new() };
        let settings = RepodataSettings { extras: vec![extra], ..RepodataSettings::default() };
        assert!(matches!(write(&settings, &[]), Err(RepodataError::Setting { .. })), "{kind} {file_name}");
    }
    let one = numbered(1);
    let other = PackageXml::from_elements(one.location().into(), "<package/>".into(), String::new(), String::new());
    let duplicate = write(&RepodataSettings::default(), &[&one, &other]);
    assert!(matches!(duplicate, Err(RepodataError::Duplicate { .. })));
    assert!(write(&RepodataSettings::default(), &[&one, &one]).is_ok());
}

#[test]
fn changed_metadata_is_noticed() {
    let files = write(&[numbered(1)], Compression::Gzip, &mut ChunkCache::default());
    let content = |name: &str| files.iter().find(|file| file.paths[0].ends_with(name)).unwrap().content.clone();
    let keyring = Keyring::parse(key().public_armoured().unwrap().as_bytes()).unwrap();
    let (repomd, signature) = (content("/repomd.xml"), content("/repomd.xml.asc"));
    let mut changed = repomd.clone();
    let place = changed.len() - 30;
    changed[place] ^= 1;
    let result = Repomd::parse_signed(&changed, &signature, &keyring, NOW);
    assert!(matches!(result, Err(RpmMdError::Signature(_))));
    let repomd = Repomd::parse(&repomd).unwrap();
    let mut primary = content("primary.xml.gz");
    primary[20] ^= 1;
    let result = open_file(repomd.file("primary").unwrap(), &primary).map(|_| ());
    assert!(matches!(result, Err(RpmMdError::ChecksumMismatch { .. })));
}

#[test]
fn the_examples_of_the_manual_are_true() {
    let page = include_str!("../../../../docs/formats/rpm-md.5.md");
    let example = |name: &str| {
        let text = page.split_once(&format!("```{name}\n")).unwrap().1;
        text.split_once("```").unwrap().0
    };
    let repomd = Repomd::parse(example("repomd").as_bytes()).unwrap();
    assert_eq!(repomd.file("primary").unwrap().compression(), Compression::Zstd);
    let limits = RpmMdLimits::default();
    let mut found = Vec::new();
    read_primary(&mut example("primary").as_bytes(), &limits, &mut |entry| found.push(entry)).unwrap();
    assert_eq!(found[0].meta.requires, ["libc.so.6()(64bit)", "info >= 6.0"]);
    assert_eq!((found[0].meta.evr.as_str(), found[0].files.as_slice()), ("2.12-3", &["/usr/bin/hello".to_owned()][..]));
    let mut files = Vec::new();
    read_filelists(&mut example("filelists").as_bytes(), &limits, &mut |entry| files.push(entry)).unwrap();
    assert_eq!((files[0].files.len(), files[0].id.evr.as_str()), (2, "2.12-3"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    #[test]
    fn no_metadata_panics(
        text in r#"(<(/?(metadata|package|format|rpm:entry|version|checksum|data|repomd|!DOCTYPE|x))( [a-z]+="[^"<]{0,9}")?/?>|&[#a-z0-9]{1,4};|[ -~]){0,60}"#,
        place in 0_usize..1000,
        byte in proptest::prelude::any::<u8>(),
    ) {
        let limits = RpmMdLimits::default();
        let mut damaged = format!("<metadata>{}</metadata>", numbered(1).primary()).into_bytes();
        let place = place % damaged.len();
        damaged[place] = byte;
        for mut bytes in [text.as_bytes(), &damaged] {
            drop(Repomd::parse(bytes));
            drop(read_primary(&mut bytes, &limits, &mut drop));
            drop(read_filelists(&mut bytes, &limits, &mut drop));
            drop(read_other(&mut bytes, &limits, &mut drop));
        }
    }
}

/// What this thread has computed; other processes do not disturb it.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Measures, instead of counting; run by hand: `cargo test --release -p repo -- --ignored --nocapture measure`.
#[test]
#[ignore = "measures"]
fn measure_one_package_more_among_24000() {
    let mut packages: Vec<PackageXml> = (0..24_000).map(numbered).collect();
    for form in [Compression::Gzip, Compression::Zstd] {
        for has_open_digests in [false, true] {
            let settings = RepodataSettings { has_open_digests, extras: Vec::new(), ..settings(form) };
            let mut cache = ChunkCache::default();
            let mut run = |packages: &[PackageXml], what: &str| {
                let packages: Vec<&PackageXml> = packages.iter().collect();
                let start = cpu_seconds();
                let files = write_repodata(&settings, &packages, &mut cache, &key(), NOW).unwrap();
                let bytes: usize = files.iter().map(|file| file.content.len()).sum();
                eprintln!("{form:?} open={has_open_digests} {what}: {:.3} s CPU, {bytes} bytes", cpu_seconds() - start);
            };
            run(&packages, "full");
            packages.push(numbered(99_999));
            run(&packages, "one more");
            packages.pop();
            run(&packages, "one less");
        }
    }
    let text: usize = packages.iter().map(|xml| xml.primary().len() + xml.filelists().len() + xml.other().len()).sum();
    eprintln!("{text} bytes of text");
    let primary = format!("<metadata>{}</metadata>", packages.iter().map(PackageXml::primary).collect::<String>());
    let start = cpu_seconds();
    read_primary(&mut primary.as_bytes(), &RpmMdLimits::default(), &mut drop).unwrap();
    eprintln!("reading {} bytes of primary.xml: {:.3} s CPU", primary.len(), cpu_seconds() - start);
}
