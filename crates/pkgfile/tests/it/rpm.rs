//! RPM packages: real ones made by rpmbuild and asked about with rpm, hand-made hostile ones, and random damage.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pkgfile::cpio::{CpioError, CpioLimits, CpioReader};
use pkgfile::rpm::{DigestCheck, RelationKind, RpmError, RpmFile, RpmLimits, RpmReader, SignatureKind, Tag};
use pkgfile::tar::EntryKind;
use proptest::prelude::*;

const SPEC: &str = r#"
Name: kiln-sample
Version: 1.2~rc1
Release: 3
Epoch: 4
Summary: says hello
License: MIT
Group: Tools
URL: https://example.org/
Vendor: Example
Source0: hello.txt
Source1: other.txt
BuildRequires: make >= 1, (a or b)
Requires: libc >= 2, (x if y else z)
Requires(pre): shadow
Requires: config(kiln-sample) = 4:1.2
Provides: greeting = 2, plain
Conflicts: old < 1
Obsoletes: older <= 0.9
Recommends: rec > 1
Suggests: sug
Supplements: (a and b)
Enhances: enh = 1-1
OrderWithRequires: first
%description
Says hello.

More.
%package extra
Summary: more
BuildArch: noarch
%description extra
More.
%prep
%build
%install
mkdir -p %{buildroot}/usr/share/kiln-sample %{buildroot}/etc
cp %{SOURCE0} %{buildroot}/usr/share/kiln-sample/hello
ln %{buildroot}/usr/share/kiln-sample/hello %{buildroot}/usr/share/kiln-sample/hello2
ln -s hello %{buildroot}/usr/share/kiln-sample/hi
echo config > %{buildroot}/etc/kiln-sample
touch %{buildroot}/etc/ghost
%pre
echo pre
%postun -p /sbin/ldconfig
%posttrans -p <lua>
print("x")
%triggerin -- other > 1
true
%filetriggerin -- /usr/lib /usr/share
true
%transfiletriggerpostun -- /etc
true
%files
/usr/share/kiln-sample
%config(noreplace) /etc/kiln-sample
%ghost /etc/ghost
%files extra
%changelog
* Wed Jul 01 2026 A <a@example.org> - 1.2-3
- newer & better
* Wed Jul 02 2025 B <b@example.org> - 1.1-1
- first
- second
"#;

/// The packages rpmbuild makes of the sample with a payload format; `None`, with a word about it, without rpmbuild.
fn rpmbuild(folder: &Path, payload: &str) -> Option<Vec<PathBuf>> {
    rpmbuild_with(folder, payload, &[])
}

fn rpmbuild_with(folder: &Path, payload: &str, definitions: &[&str]) -> Option<Vec<PathBuf>> {
    std::fs::create_dir_all(folder.join("SOURCES")).unwrap();
    std::fs::write(folder.join("SOURCES/hello.txt"), "hello ".repeat(20_000)).unwrap();
    std::fs::write(folder.join("SOURCES/other.txt"), "other").unwrap();
    std::fs::write(folder.join("sample.spec"), SPEC).unwrap();
    let mut command = Command::new("rpmbuild");
    command.args(["-ba", "--nodeps", "--quiet", "--define"]).arg(format!("_topdir {}", folder.display()));
    for name in ["_binary_payload", "_source_payload"] {
        command.arg("--define").arg(format!("{name} {payload}"));
    }
    for definition in definitions {
        command.args(["--define", definition]);
    }
    match command.arg(folder.join("sample.spec")).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            eprintln!("skipped: rpmbuild can not be run: {error}");
            return None;
        }
    }
    let mut found = Vec::new();
    for part in ["RPMS", "SRPMS"] {
        collect(&folder.join(part), &mut found);
    }
    found.sort();
    Some(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

fn rpm(path: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("rpm").arg("-qp").args(arguments).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn open(bytes: &[u8]) -> Result<RpmReader<&[u8]>, RpmError> {
    RpmReader::open(bytes, RpmLimits::default())
}

/// Everything rpm says about a package is what we read.
fn check_with_rpm(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let package = open(&bytes).unwrap().into_package();
    let queries = [
        ("--provides", RelationKind::Provides),
        ("--requires", RelationKind::Requires),
        ("--conflicts", RelationKind::Conflicts),
        ("--obsoletes", RelationKind::Obsoletes),
        ("--recommends", RelationKind::Recommends),
        ("--suggests", RelationKind::Suggests),
        ("--supplements", RelationKind::Supplements),
        ("--enhances", RelationKind::Enhances),
    ];
    for (query, kind) in queries {
        let ours: Vec<String> = package.relations(kind).iter().map(|relation| relation.text()).collect();
        assert_eq!(ours, rpm(path, &[query]), "{} {query}", path.display());
    }
    let format = "[%{FILENAMES}|%{FILEMODES}|%{FILESIZES}|%{FILEMTIMES}|%{FILEFLAGS}|%{FILEUSERNAME}|%{FILEGROUPNAME}|\
                  %{FILEDIGESTS}|%{FILELINKTOS}\n]";
    let draw = |file: &RpmFile| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        format!(
            "{}|{}|{}|{}|{}|{}|{}|{}|{}",
            text(&file.path),
            file.mode,
            file.bytes,
            file.modified_at,
            file.flags,
            file.user,
            file.group,
            file.digest,
            text(&file.link)
        )
    };
    let files: Vec<String> = package.files().unwrap().iter().map(draw).collect();
    assert_eq!(files, rpm(path, &["--qf", format]), "{}", path.display());
    let changes: Vec<String> = package
        .changelog()
        .iter()
        .flat_map(|entry| {
            format!("{} {}\n{}", entry.time, entry.author, entry.text).lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(changes, rpm(path, &["--qf", "[%{CHANGELOGTIME} %{CHANGELOGNAME}\n%{CHANGELOGTEXT}\n]"]));
    let facts = "%{NAME}|%{EPOCHNUM}|%{VERSION}|%{RELEASE}|%{SIGMD5}|%{SHA256HEADER}|%{SIZE}";
    let DigestCheck::Verified(sha256) = package.header_check() else { panic!("{:?}", package.header_check()) };
    let own = format!(
        "{}|{}|{}|{}|{}|{sha256}|{}",
        package.meta().name,
        package.epoch().unwrap_or_default(),
        package.version(),
        package.release(),
        package.identity().unwrap(),
        package.installed_bytes()
    );
    assert_eq!(rpm(path, &["--qf", facts]), [own]);
}

#[test]
fn packages_are_read_as_rpm_reads_them_in_every_compression() {
    let folder = tempfile::tempdir().unwrap();
    for payload in ["w6.gzdio", "w2.xzdio", "w3.zstdio", "w9.bzdio", "w2.lzdio", "w.ufdio"] {
        let Some(paths) = rpmbuild(&folder.path().join(payload), payload) else { return };
        assert_eq!(paths.len(), 3);
        for path in &paths {
            check_with_rpm(path);
            check_payload(path);
        }
    }
}

/// The payload holds what `rpm2cpio` and `cpio` say.
fn check_payload(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let entries = open(&bytes).unwrap().list().unwrap();
    assert!(matches!(open(&bytes).unwrap().verify_payload().unwrap(), DigestCheck::Verified(_)));
    let script = "rpm2cpio \"$0\" | cpio -t --quiet | sed 's,^\\./,,'";
    let Ok(output) = Command::new("sh").args(["-c", script]).arg(path).output() else { return };
    let theirs = String::from_utf8(output.stdout).unwrap();
    let ours: Vec<&str> = entries.iter().map(|entry| std::str::from_utf8(&entry.path).unwrap()).collect();
    if theirs.is_empty() && !ours.is_empty() {
        eprintln!("skipped: cpio is not installed");
        return;
    }
    assert_eq!(ours, theirs.lines().collect::<Vec<_>>());
    let mut reader = open(&bytes).unwrap();
    let mut members = reader.entries().unwrap();
    while let Some(entry) = members.next_entry().unwrap() {
        let mut content = Vec::new();
        members.read_to_end(&mut content).unwrap();
        assert_eq!(content.len() as u64, entry.bytes);
        if entry.path.ends_with(b"hello2") || entry.path == b"hello.txt" {
            assert_eq!(content, "hello ".repeat(20_000).into_bytes());
        }
    }
}

#[test]
fn the_words_all_formats_share_are_filled() {
    let folder = tempfile::tempdir().unwrap();
    let Some(paths) = rpmbuild(folder.path(), "w1.gzdio") else { return };
    let read = |end: &str| {
        let path = paths.iter().find(|path| path.to_string_lossy().ends_with(end)).unwrap();
        open(&std::fs::read(path).unwrap()).unwrap().into_package()
    };
    let source = read(".src.rpm");
    assert!(source.is_source() && source.source_rpm().is_none());
    let meta = source.meta();
    assert_eq!((meta.name.as_str(), meta.evr.as_str(), meta.arch.as_str()), ("kiln-sample", "4:1.2~rc1-3", "src"));
    assert_eq!(meta.requires, ["(a or b)", "make >= 1"]);
    assert_eq!(meta.provides, ["kiln-sample = 4:1.2~rc1-3", "kiln-sample-extra = 4:1.2~rc1-3"]);
    let is_spec = |file: &&RpmFile| file.flags & RpmFile::SPEC_FILE != 0;
    let files = source.files().unwrap();
    assert_eq!(files.iter().find(is_spec).unwrap().path, b"sample.spec");

    let extra = read(".noarch.rpm");
    assert_eq!((extra.meta().arch.as_str(), extra.meta().source.as_deref()), ("noarch", Some("kiln-sample")));

    let main = paths.iter().find(|path| !path.to_string_lossy().contains("noarch") && !path.ends_with("src.rpm"));
    let main = open(&std::fs::read(main.unwrap()).unwrap()).unwrap().into_package();
    let meta = main.meta();
    assert_eq!(meta.source, None);
    assert!(meta.requires.contains(&"(x if y else z)".to_owned()));
    assert!(meta.requires.iter().all(|text| !text.starts_with("rpmlib(")));
    assert!(meta.provides.contains(&"kiln-sample = 4:1.2~rc1-3".to_owned()));
    assert_eq!(
        (meta.recommends.as_slice(), meta.suggests.as_slice()),
        (&["rec > 1".to_owned()][..], &["sug".to_owned()][..])
    );
    assert_eq!(meta.supplements, ["(a and b)"]);
    assert_eq!(main.source_rpm().as_deref(), Some("kiln-sample-1.2~rc1-3.src.rpm"));
    assert!(
        main.relations(RelationKind::Requires).iter().any(|relation| relation.name == "shadow" && relation.is_pre())
    );
    let names = |kind| main.relations(kind).into_iter().map(|relation| relation.name).collect::<Vec<_>>();
    assert_eq!(names(RelationKind::Order), ["first"]);
    assert_eq!(names(RelationKind::Trigger), ["other"]);
    assert_eq!(names(RelationKind::FileTrigger), ["/usr/lib", "/usr/share"]);
    assert_eq!(names(RelationKind::TransactionFileTrigger), ["/etc"]);
    let scripts: Vec<(&str, String)> =
        main.scripts().into_iter().map(|script| (script.kind, script.program.join(" "))).collect();
    let expected = [("pre", "/bin/sh"), ("postun", "/sbin/ldconfig"), ("posttrans", "<lua>")];
    assert_eq!(scripts, expected.map(|(kind, program)| (kind, program.to_owned())));
    assert_eq!(main.signatures(), [] as [SignatureKind; 0]);
    assert_eq!(main.file_digest_algorithm(), Some("sha256"));
    let (start, end) = main.header_range();
    assert_eq!(end - start, main.header().as_bytes().len() as u64);
}

#[test]
fn damage_in_header_and_payload_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let Some(paths) = rpmbuild(folder.path(), "w1.gzdio") else { return };
    let bytes = std::fs::read(paths.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap()).unwrap();
    let (start, end) = open(&bytes).unwrap().package().header_range();
    let place = |at: u64| usize::try_from(at).unwrap();
    let mut damaged = bytes.clone();
    // The last byte of the header's store belongs to a text.
    damaged[place(end) - 2] ^= 1;
    assert!(matches!(open(&damaged), Err(RpmError::HeaderDigest { .. })));
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(open(&damaged).unwrap().verify_payload(), Err(RpmError::PayloadDigest { .. })));
    assert!(open(&damaged).unwrap().list().is_err());
    let longer = [bytes.as_slice(), b"x"].concat();
    assert!(matches!(open(&longer).unwrap().verify_payload(), Err(RpmError::PayloadDigest { .. })));
    for length in (0..place(start)).step_by(7).chain((place(start)..bytes.len()).step_by(101)) {
        assert!(open(&bytes[..length]).and_then(RpmReader::list).is_err(), "{length}");
    }
}

/// Builds headers entry by entry, right or wrong.
#[derive(Default)]
struct HeaderBuilder {
    entries: Vec<[u32; 4]>,
    store: Vec<u8>,
}

impl HeaderBuilder {
    fn raw(mut self, tag: u32, kind: u32, count: u32, bytes: &[u8]) -> Self {
        let width = [1, 1, 1, 2, 4, 8, 1, 1, 1, 1][kind as usize];
        self.store.resize(self.store.len().next_multiple_of(width), 0);
        self.entries.push([tag, kind, u32::try_from(self.store.len()).unwrap(), count]);
        self.store.extend_from_slice(bytes);
        self
    }

    fn text(self, tag: Tag, text: &str) -> Self {
        self.raw(tag.0, 6, 1, format!("{text}\0").as_bytes())
    }

    fn texts(self, tag: Tag, texts: &[&str]) -> Self {
        let bytes: String = texts.iter().map(|text| format!("{text}\0")).collect();
        self.raw(tag.0, 8, u32::try_from(texts.len()).unwrap(), bytes.as_bytes())
    }

    fn numbers(self, tag: Tag, numbers: &[u32]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        self.raw(tag.0, 4, u32::try_from(numbers.len()).unwrap(), &bytes)
    }

    fn finish(self) -> Vec<u8> {
        let mut bytes = vec![0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
        bytes.extend(u32::try_from(self.entries.len()).unwrap().to_be_bytes());
        bytes.extend(u32::try_from(self.store.len()).unwrap().to_be_bytes());
        bytes.extend(self.entries.iter().flatten().flat_map(|number| number.to_be_bytes()));
        bytes.extend(self.store);
        bytes
    }
}

fn minimal() -> HeaderBuilder {
    HeaderBuilder::default()
        .text(Tag::NAME, "a")
        .text(Tag::VERSION, "1")
        .text(Tag::RELEASE, "2")
        .text(Tag::ARCH, "noarch")
        .text(Tag::SOURCE_RPM, "src-1-2.src.rpm")
        .text(Tag::PAYLOAD_COMPRESSOR, "none")
}

fn package_of(header: HeaderBuilder, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 96];
    bytes[..8].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0]);
    bytes[79] = 5;
    bytes.extend(HeaderBuilder::default().text(Tag::SIG_SHA1, "unchecked").finish());
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(header.finish());
    bytes.extend(payload);
    bytes
}

#[test]
fn a_package_without_digests_is_read_and_says_so() {
    let bytes = package_of(minimal(), &cpio(&[("./x", 0o100_644, b"content")]));
    let reader = open(&bytes).unwrap();
    assert_eq!(reader.package().header_check(), DigestCheck::Absent);
    assert_eq!(reader.package().meta().provides, ["a = 1-2"]);
    assert_eq!(reader.package().meta().source.as_deref(), Some("src"));
    assert_eq!(open(&bytes).unwrap().verify_payload().unwrap(), DigestCheck::Absent);
    let entries = reader.list().unwrap();
    assert_eq!((entries[0].path.as_slice(), entries[0].kind, entries[0].bytes), (&b"x"[..], EntryKind::File, 7));
}

#[test]
fn likeness_leaves_out_what_is_of_the_build_alone() {
    let of =
        |header: HeaderBuilder, payload: &[u8]| open(&package_of(header, payload)).unwrap().into_package().likeness();
    let built = |host: &str, time: u32, digest: &str| {
        let header = minimal().text(Tag::BUILD_HOST, host).numbers(Tag::BUILD_TIME, &[time]);
        header.texts(Tag::BASE_NAMES, &["x"]).texts(Tag::FILE_DIGESTS, &[digest]).numbers(Tag::FILE_MTIMES, &[time])
    };
    let first = of(built("one", 1, "ab").texts(Tag(5092), &["p"]), b"payload");
    assert_eq!(of(built("two", 2, "ab").texts(Tag(5092), &["q"]), b"another"), first);
    for other in [
        built("one", 1, "cd"),
        built("one", 1, "ab").text(Tag::POST_IN, "true"),
        built("one", 1, "ab").texts(Tag::REQUIRE_NAME, &["b"]),
        built("one", 1, "ab").numbers(Tag::FILE_FLAGS, &[1]),
        minimal(),
    ] {
        assert_ne!(of(other, b"payload"), first);
    }
    // Where files have no digests of their own, that of the payload counts.
    let without = |digest: &str| of(minimal().texts(Tag(5092), &[digest]), b"payload");
    assert_ne!(without("p"), without("q"));
}

#[test]
fn two_builds_of_one_spec_file_are_alike() {
    let folder = tempfile::tempdir().unwrap();
    let likenesses = |below: &str, options: &[&str]| {
        let found = rpmbuild_with(&folder.path().join(below), "w9.gzdio", options)?;
        let likeness = |path: &PathBuf| open(&std::fs::read(path).unwrap()).unwrap().into_package().likeness();
        let binary = found.iter().filter(|path| !path.to_str().unwrap().ends_with(".src.rpm"));
        Some(binary.map(likeness).collect::<Vec<_>>())
    };
    let Some(first) = likenesses("one", &["_buildhost one"]) else { return };
    assert!(!first.is_empty());
    assert_eq!(likenesses("two", &["_buildhost two"]).unwrap(), first);
    assert_ne!(likenesses("three", &["packager somebody"]).unwrap(), first);
}

#[test]
fn source_packages_that_lack_sources_are_told_apart() {
    let source = || {
        let header = HeaderBuilder::default().text(Tag::NAME, "a").text(Tag::VERSION, "1").text(Tag::RELEASE, "2");
        header.text(Tag::ARCH, "x86_64").numbers(Tag::SOURCE_PACKAGE, &[1])
    };
    let arch = |header| open(&package_of(header, b"")).unwrap().package().meta().arch.clone();
    assert_eq!(arch(source()), "src");
    assert_eq!(arch(source().numbers(Tag::NO_SOURCE, &[0])), "nosrc");
    assert_eq!(arch(source().numbers(Tag::NO_PATCH, &[3])), "nosrc");
}

#[test]
fn signatures_are_noticed_and_given_away() {
    let mut bytes = package_of(minimal(), b"");
    let unsigned = HeaderBuilder::default().text(Tag::SIG_SHA1, "unchecked").finish();
    let signed = HeaderBuilder::default().raw(Tag::SIG_RSA.0, 7, 3, b"sig").raw(Tag::SIG_PGP.0, 7, 3, b"old").finish();
    let end = 96 + unsigned.len().next_multiple_of(8);
    let mut padded = signed;
    padded.resize(padded.len().next_multiple_of(8), 0);
    bytes.splice(96..end, padded);
    let package = open(&bytes).unwrap().into_package();
    assert_eq!(package.signatures(), [SignatureKind::Header, SignatureKind::HeaderAndPayload]);
    assert_eq!(package.header_signature(), Some(&b"sig"[..]));
    assert_eq!(package.identity(), None);
}

#[test]
fn a_wrong_digest_in_the_signature_header_is_an_error() {
    let mut bytes = package_of(minimal(), b"");
    let start = usize::try_from(open(&bytes).unwrap().package().header_range().0).unwrap();
    let header = bytes[start..].to_vec();
    let with_digest = |digest: &str| {
        let mut signature = HeaderBuilder::default().text(Tag::SIG_SHA256, digest).finish();
        signature.resize(signature.len().next_multiple_of(8), 0);
        [&[0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0][..], &[0; 71], &[5], &[0; 16], &signature, &header].concat()
    };
    let right = pkg::Sha256::of(&header).to_string();
    bytes = with_digest(&right);
    assert!(matches!(open(&bytes).unwrap().package().header_check(), DigestCheck::Verified(_)));
    for wrong in ["0".repeat(64).as_str(), "", &right[..32]] {
        assert!(matches!(open(&with_digest(wrong)), Err(RpmError::HeaderDigest { .. })), "{wrong}");
    }
}

#[test]
fn old_weak_dependencies_are_told_by_their_flag() {
    let header = minimal()
        .texts(Tag::OLD_SUGGESTS_NAME, &["strong", "weak"])
        .texts(Tag::OLD_SUGGESTS_VERSION, &["1", ""])
        .numbers(Tag::OLD_SUGGESTS_FLAGS, &[0x800_0008, 0]);
    let package = open(&package_of(header, b"")).unwrap().into_package();
    assert_eq!(package.meta().recommends, ["strong = 1"]);
    assert_eq!(package.meta().suggests, ["weak"]);
}

/// The block of a page that is marked with `kind`.
fn example<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, behind) = page.split_once(&format!("```{kind}\n")).unwrap();
    behind.split_once("```").unwrap().0
}

#[test]
fn the_example_of_the_manual_is_true() {
    let page = include_str!("../../../../docs/formats/rpm.5.md");
    let mut relations: Vec<(&str, &str, u32, &str)> = Vec::new();
    let mut header = HeaderBuilder::default();
    for line in example(page, "header").lines() {
        let (word, rest) = line.split_once(' ').unwrap();
        header = match word {
            "NAME" => header.text(Tag::NAME, rest),
            "EPOCH" => header.numbers(Tag::EPOCH, &[rest.parse().unwrap()]),
            "VERSION" => header.text(Tag::VERSION, rest),
            "RELEASE" => header.text(Tag::RELEASE, rest),
            "ARCH" => header.text(Tag::ARCH, rest),
            "SOURCERPM" => header.text(Tag::SOURCE_RPM, rest),
            kind => {
                let name_end = rest.rfind(')').map_or_else(|| rest.find(' ').unwrap(), |end| end + 1);
                let (flags, version) = rest[name_end + 1..].split_once(' ').unwrap_or((&rest[name_end + 1..], ""));
                relations.push((kind, &rest[..name_end], flags.parse().unwrap(), version));
                header
            }
        };
    }
    let tags = [
        ("PROVIDE", [Tag::PROVIDE_NAME, Tag::PROVIDE_FLAGS, Tag::PROVIDE_VERSION]),
        ("REQUIRE", [Tag::REQUIRE_NAME, Tag::REQUIRE_FLAGS, Tag::REQUIRE_VERSION]),
        ("RECOMMEND", [Tag::RECOMMEND_NAME, Tag::RECOMMEND_FLAGS, Tag::RECOMMEND_VERSION]),
    ];
    for (kind, [names, flags, versions]) in tags {
        let of_kind: Vec<_> = relations.iter().filter(|relation| relation.0 == kind).collect();
        header = header
            .texts(names, &of_kind.iter().map(|relation| relation.1).collect::<Vec<_>>())
            .numbers(flags, &of_kind.iter().map(|relation| relation.2).collect::<Vec<_>>())
            .texts(versions, &of_kind.iter().map(|relation| relation.3).collect::<Vec<_>>());
    }
    let package = open(&package_of(header, b"")).unwrap().into_package();
    let meta = package.meta();
    let drawn = format!(
        "evr: {}\nrequires: {}\nprovides: {}\nrecommends: {}\nsource: {}\n",
        meta.evr,
        meta.requires.join(", "),
        meta.provides.join(", "),
        meta.recommends.join(", "),
        meta.source.as_deref().unwrap_or_default()
    );
    assert_eq!(drawn, example(page, "meta"));
}

#[test]
fn headers_that_lie_are_refused() {
    let refused = |header: HeaderBuilder| {
        let error = open(&package_of(header, b"")).unwrap_err();
        assert!(matches!(error, RpmError::Header { .. } | RpmError::MissingField { .. }), "{error:?}");
    };
    refused(HeaderBuilder::default());
    refused(minimal().raw(5000, 4, 1000, &[0; 4]));
    refused(minimal().raw(5000, 8, u32::MAX, b"a\0"));
    refused(minimal().raw(5000, 10 - 1, 0, b""));
    refused(minimal().raw(5000, 6, 2, b"a\0b\0"));
    refused(minimal().raw(5000, 6, 1, b"no end"));
    let mut outside = minimal();
    outside.entries.push([5000, 4, u32::MAX, 1]);
    refused(outside);
    let name = |name: &str| HeaderBuilder::default().text(Tag::NAME, name).text(Tag::VERSION, "1");
    for text in ["", "a/b", "a b", "a\nb"] {
        refused(name(text).text(Tag::RELEASE, "1").text(Tag::ARCH, "noarch"));
    }
}

#[test]
fn a_header_may_not_claim_more_than_is_there() {
    let mut bytes = package_of(minimal(), b"");
    let start = usize::try_from(open(&bytes).unwrap().package().header_range().0).unwrap();
    bytes[start + 12..start + 16].copy_from_slice(&(60_u32 << 20).to_be_bytes());
    assert!(matches!(open(&bytes), Err(RpmError::Read { .. })));
    bytes[start + 12..start + 16].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(open(&bytes), Err(RpmError::HeaderTooLong { .. })));
    bytes[start + 8..start + 12].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(open(&bytes), Err(RpmError::Header { .. })));
}

#[test]
fn many_files_in_a_long_folder_are_refused_before_they_fill_the_memory() {
    let folder = format!("/{}/", "x".repeat(1 << 20));
    let names: Vec<&str> = vec!["f"; 1000];
    let header = minimal()
        .texts(Tag::DIR_NAMES, &[&folder])
        .numbers(Tag::DIR_INDEXES, &[0; 1000])
        .texts(Tag::BASE_NAMES, &names);
    let package = open(&package_of(header, b"")).unwrap().into_package();
    assert!(matches!(package.files(), Err(RpmError::PathsTooLong { .. })));
    let header = minimal().texts(Tag::DIR_NAMES, &["/"]).numbers(Tag::DIR_INDEXES, &[7]).texts(Tag::BASE_NAMES, &["f"]);
    assert!(open(&package_of(header, b"")).unwrap().package().files().is_err());
}

/// An archive with full control over its members.
fn cpio(members: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, mode, content) in members.iter().chain([&("TRAILER!!!", 0, &b""[..])]) {
        let fields = [1, *mode, 0, 0, 1, 0, content.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
        archive.extend(b"070701");
        archive.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
        archive.extend(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

fn first_entry(archive: &[u8]) -> Result<Option<pkgfile::cpio::CpioEntry>, CpioError> {
    CpioReader::new(archive, CpioLimits::default()).next_entry()
}

#[test]
fn hostile_archive_members_are_refused() {
    for path in ["/etc/passwd", "../x", "./a/../../x", "a/.."] {
        let found = first_entry(&cpio(&[(path, 0o100_644, b"")]));
        assert!(matches!(found, Err(CpioError::UnsafePath { .. })), "{path}: {found:?}");
    }
    for mode in [0o140_755, 0o644, 0o170_000] {
        assert!(matches!(first_entry(&cpio(&[("s", mode, b"")])), Err(CpioError::UnsupportedType { .. })), "{mode:o}");
    }
    assert!(matches!(first_entry(&cpio(&[("d", 0o040_755, b"x")])), Err(CpioError::UnsupportedType { .. })));
    assert!(matches!(first_entry(&cpio(&[("l", 0o120_777, b"a\0b")])), Err(CpioError::Header { .. })));
    assert!(matches!(first_entry(&cpio(&[("l", 0o120_777, b"")])), Err(CpioError::Header { .. })));
    let long = "x".repeat(70_000);
    assert!(matches!(first_entry(&cpio(&[(&long, 0o100_644, b"")])), Err(CpioError::Header { .. })));
    assert!(matches!(first_entry(b"07070X00000000  "), Err(CpioError::Undescribed { .. })));
    assert!(matches!(first_entry(b"07070X0000-001  "), Err(CpioError::Header { .. })));
    assert!(matches!(first_entry(b""), Err(CpioError::Read(_))));
    let mut archive = cpio(&[("a", 0o100_644, b"")]);
    archive[50] = b'+';
    assert!(matches!(first_entry(&archive), Err(CpioError::Header { .. })));
}

#[test]
fn members_of_packages_with_large_files_are_described_by_the_header() {
    let sizes: Vec<u8> = [5_u64, 5, 6, 0].iter().flat_map(|size| size.to_be_bytes()).collect();
    let modes: Vec<u8> =
        [0o100_644_u16, 0o100_644, 0o120_777, 0o040_755].iter().flat_map(|mode| mode.to_be_bytes()).collect();
    let header = |folder| {
        minimal()
            .texts(Tag::DIR_NAMES, &[folder])
            .numbers(Tag::DIR_INDEXES, &[0; 4])
            .texts(Tag::BASE_NAMES, &["a", "b", "link", "folder"])
            .raw(Tag::LONG_FILE_SIZES.0, 5, 4, &sizes)
            .raw(Tag::FILE_MODES.0, 3, 4, &modes)
            .numbers(Tag::FILE_INODES, &[1, 1, 2, 3])
            .texts(Tag::FILE_LINK_TOS, &["", "", "target", ""])
    };
    let mut payload = Vec::new();
    for (number, content) in [(3, &b""[..]), (0, b""), (1, b"hello\0\0\0"), (2, b"target\0\0")] {
        payload.extend(format!("07070X{number:08x}\0\0").bytes());
        payload.extend(content);
    }
    payload.extend(cpio(&[]));
    let bytes = package_of(header("/usr/"), &payload);
    let mut reader = open(&bytes).unwrap();
    let mut entries = reader.entries().unwrap();
    let mut drawn = Vec::new();
    while let Some(entry) = entries.next_entry().unwrap() {
        let mut content = String::new();
        entries.read_to_string(&mut content).unwrap();
        let [path, link] = [entry.path, entry.link].map(|bytes| String::from_utf8(bytes).unwrap());
        drawn.push(format!("{path} {:?} {} {link} {content}", entry.kind, entry.link_count));
    }
    let expected =
        ["usr/folder Directory 1  ", "usr/a File 2  ", "usr/b File 2  hello", "usr/link SymbolicLink 1 target "];
    assert_eq!(drawn, expected);
    assert!(open(&package_of(header("/usr/../"), &payload)).unwrap().list().is_err());
}

#[test]
fn members_are_counted_and_links_have_targets() {
    let archive = cpio(&[("l", 0o120_777, b"../target"), ("b", 0o100_600, b"x"), ("c", 0o100_600, b"")]);
    let link = first_entry(&archive).unwrap().unwrap();
    assert_eq!((link.kind, link.link.as_slice(), link.bytes), (EntryKind::SymbolicLink, &b"../target"[..], 0));
    let mut reader = CpioReader::new(archive.as_slice(), CpioLimits { members: 2, ..CpioLimits::default() });
    assert!(reader.next_entry().unwrap().is_some() && reader.next_entry().unwrap().is_some());
    assert!(matches!(reader.next_entry(), Err(CpioError::TooManyMembers { limit: 2 })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damage_panics(changes in proptest::collection::vec((0_usize..4000, any::<u8>()), 1..6)) {
        let header = minimal()
            .texts(Tag::REQUIRE_NAME, &["b", "(c or d)"])
            .texts(Tag::REQUIRE_VERSION, &["1", ""])
            .numbers(Tag::REQUIRE_FLAGS, &[8, 0])
            .texts(Tag::DIR_NAMES, &["/usr/"])
            .numbers(Tag::DIR_INDEXES, &[0, 0])
            .texts(Tag::BASE_NAMES, &["x", "y"])
            .texts(Tag::CHANGELOG_NAME, &["A"])
            .numbers(Tag::CHANGELOG_TIME, &[1]);
        let mut bytes = package_of(header, &cpio(&[("x", 0o100_644, b"content"), ("l", 0o120_777, b"y")]));
        let length = bytes.len();
        for (place, value) in changes {
            bytes[place % length] = value;
        }
        if let Ok(reader) = open(&bytes) {
            let package = reader.package();
            let _ = (package.files(), package.changelog(), package.scripts(), package.identity(), package.signatures());
            for kind in RelationKind::ALL {
                let _ = package.relations(kind);
            }
            for entry in reader.list().into_iter().flatten() {
                prop_assert!(!entry.path.starts_with(b"/") && !entry.path.split(|byte| *byte == b'/').any(|part| part == b".."));
            }
        }
    }
}
