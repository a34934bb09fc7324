//! Written rpm-md repositories, read back by our own readers; what a change costs, by counting.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use pkg::Sha256;
use pkgfile::compression::Compression;
use repo::compress::compress;
use repo::pgp::Keyring;
use repo::rpmmd::{
    ChunkCache, ExtraFile, FileDigest, LayoutError, ListedFile, OutputFile, PackageOutline, PackageXml, RepodataError,
    RepodataSettings, Repomd, RpmMdError, RpmMdLimits, open_file, read_filelists, read_other, read_primary,
    write_repodata, write_repodata_from,
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

/// Publishes from stored bytes, as a service that was started again does: which packages were read, beside the files.
fn write_from(
    store: &[Vec<u8>],
    form: Compression,
    cache: &mut ChunkCache,
) -> Result<(Vec<OutputFile>, BTreeSet<usize>), RepodataError> {
    let settings = RepodataSettings { has_open_digests: false, ..settings(form) };
    let outlines: Vec<PackageOutline> = store.iter().map(|bytes| PackageOutline::from_bytes(bytes).unwrap()).collect();
    let mut read = BTreeSet::new();
    let mut load = |place: usize| {
        read.insert(place);
        PackageXml::from_bytes(&store[place]).map(Cow::Owned).map_err(std::io::Error::other)
    };
    let outlines: Vec<&PackageOutline> = outlines.iter().collect();
    let files = write_repodata_from(&settings, &outlines, &mut load, cache, &key(), NOW)?;
    Ok((files, read))
}

#[test]
fn the_work_for_one_package_more_or_less_does_not_grow_with_the_repository() {
    for form in [Compression::Gzip, Compression::Zstd] {
        let mut worst = Vec::new();
        for count in [1000, 4000] {
            let mut store: Vec<Vec<u8>> = (0..count).map(|number| numbered(number).to_bytes().unwrap()).collect();
            let mut cache = ChunkCache::default();
            let (_, all) = write_from(&store, form, &mut cache).unwrap();
            let full = cache.work();
            assert_eq!((all.len(), full.texts), (count, 3 * count as u64));
            let mut most = (0, 0, 0);
            for change in [-1, 4711, 99_999, 17, -500] {
                match usize::try_from(change) {
                    Ok(number) => store.push(numbered(100_000 + number).to_bytes().unwrap()),
                    Err(_) => drop(store.remove(usize::try_from(-change).unwrap())),
                }
                let before = cache.work();
                let (_, read) = write_from(&store, form, &mut cache).unwrap();
                let after = cache.work();
                let chunks = after.misses - before.misses;
                // A head and at most two chunks of each of three files.
                assert!(chunks <= 9 && after.hits - before.hits >= full.misses - 12, "{chunks} of {}", full.misses);
                let bytes = after.text_bytes - before.text_bytes;
                most = (most.0.max(chunks), most.1.max(bytes), most.2.max(read.len()));
            }
            worst.push((most, full));
        }
        let [(small, _), (large, full)] = worst.as_slice() else { unreachable!() };
        // Chunks have 128 kB or 128 packages on average, rarely four times as much.
        assert!(small.1 < 2 << 20 && large.1 < 2 << 20, "{small:?} {large:?} of {full:?}");
        assert!(large.2 < 1000 && full.text_bytes > 9_000_000, "{large:?} of {full:?}");
    }
}

#[test]
fn a_restart_compresses_nothing_again() {
    for form in [Compression::Gzip, Compression::Zstd] {
        let mut store: Vec<Vec<u8>> = (0..2000).map(|number| numbered(number).to_bytes().unwrap()).collect();
        let mut cache = ChunkCache::default();
        let (files, _) = write_from(&store, form, &mut cache).unwrap();
        let layout = cache.layout();
        let full = cache.work().misses;
        let blobs: BTreeMap<_, _> = files.iter().map(|file| (file.sha256, file.content.clone())).collect();

        let mut restarted = ChunkCache::default();
        let count = restarted.refill(&layout, &mut |sha256| blobs.get(sha256).cloned()).unwrap();
        assert_eq!(count as u64, full);
        let (again, read) = write_from(&store, form, &mut restarted).unwrap();
        assert_eq!((&again, read.len(), restarted.work().misses), (&files, 0, 0));
        assert_eq!(restarted.layout(), layout);

        store.push(numbered(4711).to_bytes().unwrap());
        let mut again = ChunkCache::default();
        again.refill(&layout, &mut |sha256| blobs.get(sha256).cloned()).unwrap();
        let (more, _) = write_from(&store, form, &mut again).unwrap();
        assert!(again.work().misses <= 9, "{:?}", again.work());
        assert_eq!(more, write_from(&store, form, &mut cache).unwrap().0);
    }
}

#[test]
fn lost_and_changed_files_only_cost_time_and_damaged_layouts_are_errors() {
    let store: Vec<Vec<u8>> = (0..300).map(|number| numbered(number).to_bytes().unwrap()).collect();
    let mut cache = ChunkCache::default();
    let (files, _) = write_from(&store, Compression::Gzip, &mut cache).unwrap();
    let layout = cache.layout();
    let mut restarted = ChunkCache::default();
    assert_eq!(restarted.refill(&layout, &mut |_| None), Ok(0));
    assert_eq!(restarted.refill(&layout, &mut |_| Some(b"something else".to_vec())), Ok(0));
    assert_eq!(write_from(&store, Compression::Gzip, &mut restarted).unwrap().0, files);
    for place in 0..layout.len() {
        let mut damaged = layout.clone();
        damaged[place] ^= 1;
        assert_eq!(restarted.refill(&damaged, &mut |_| None), Err(LayoutError), "at {place}");
        assert_eq!(restarted.refill(&layout[..place], &mut |_| None), Err(LayoutError), "up to {place}");
    }
    // One index for all blocks of xz: nothing can be taken from it.
    let mut xz = ChunkCache::default();
    write_from(&store, Compression::Xz, &mut xz).unwrap();
    assert_eq!(ChunkCache::default().refill(&xz.layout(), &mut |_| unreachable!()), Ok(0));
}

#[test]
fn a_store_that_fails_or_lies_is_an_error_that_names_the_package() {
    let stored = numbered(1).to_bytes().unwrap();
    let cut_off = stored[..stored.len() - 1].to_vec();
    let error = write_from(&[cut_off], Compression::Gzip, &mut ChunkCache::default()).unwrap_err();
    assert!(matches!(&error, RepodataError::Package { location, .. } if location.starts_with("Packages/p1-")));
    let other = numbered(2);
    let result = write_repodata_from(
        &settings(Compression::Gzip),
        &[numbered(1).outline()],
        &mut |_| Ok(Cow::Borrowed(&other)),
        &mut ChunkCache::default(),
        &key(),
        NOW,
    );
    assert!(matches!(result, Err(RepodataError::Changed { .. })));
}

#[test]
fn what_others_made_is_passed_through_byte_by_byte() {
    let kinds = [("updateinfo", "updateinfo.xml.zst"), ("group", "comps.xml"), ("modules", "modules.yaml.gz")];
    let extra = |(kind, name): (&str, &str)| {
        let text = format!("what {kind} says \u{0}").repeat(100);
        let content = compress(text.as_bytes(), Compression::from_file_name(name)).unwrap();
        ExtraFile { kind: kind.into(), file_name: name.into(), content }
    };
    let extras: Vec<ExtraFile> = kinds.into_iter().map(extra).collect();
    let settings = RepodataSettings { extras: extras.clone(), ..RepodataSettings::default() };
    let written = write_repodata(&settings, &[], &mut ChunkCache::default(), &key(), NOW).unwrap();
    let files = opened(&written);
    for extra in extras {
        assert!(written.iter().any(|file| file.content == extra.content && file.paths[0].ends_with(&extra.file_name)));
        assert_eq!(files[&extra.kind], format!("what {} says \u{0}", extra.kind).repeat(100).into_bytes());
    }
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
