//! Source packages of rpm from a spec file and a few words, byte for byte the same each time, without rpmbuild. See
//! [`SourceRpm`].

use std::collections::BTreeSet;

use pkg::Sha256;
use repo::pgp::SigningKey;

use crate::rpm_file::{Closing, CpioMember, Sign, Tags, cpio, package_file};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const SUMMARY: u32 = 1004;
const DESCRIPTION: u32 = 1005;
const BUILD_TIME: u32 = 1006;
const BUILD_HOST: u32 = 1007;
const SIZE: u32 = 1009;
const LICENSE: u32 = 1014;
const GROUP: u32 = 1016;
const SOURCE: u32 = 1018;
const PATCH: u32 = 1019;
const OS: u32 = 1021;
const ARCH: u32 = 1022;
const FILE_SIZES: u32 = 1028;
const FILE_MODES: u32 = 1030;
const FILE_RDEVS: u32 = 1033;
const FILE_MTIMES: u32 = 1034;
const FILE_DIGESTS: u32 = 1035;
const FILE_LINKTOS: u32 = 1036;
const FILE_FLAGS: u32 = 1037;
const FILE_USERS: u32 = 1039;
const FILE_GROUPS: u32 = 1040;
const FILE_VERIFY_FLAGS: u32 = 1045;
const REQUIRE_FLAGS: u32 = 1048;
const REQUIRE_NAMES: u32 = 1049;
const REQUIRE_VERSIONS: u32 = 1050;
const NO_SOURCE: u32 = 1051;
const RPM_VERSION: u32 = 1064;
const FILE_DEVICES: u32 = 1095;
const FILE_INODES: u32 = 1096;
const FILE_LANGUAGES: u32 = 1097;
const SOURCE_PACKAGE: u32 = 1106;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;
const FILE_DIGEST_ALGORITHM: u32 = 5011;
const I18N_TABLE: u32 = 100;

const IS_SPEC: u32 = 1 << 5;
const ALGORITHM_SHA256: u32 = 8;
/// The first second of 2026.
const MADE_AT: u32 = 1_767_225_600;

/// A spec file that builds a C program, for [`SourceRpm::hello`].
const HELLO: &str = "\
Name: hello
Version: 1.0
Release: 1%{?dist}
Summary: Says hello
License: MIT
Source0: hello.c
BuildRequires: gcc, make
%description
Says hello.
%prep
%setup -q -c -T
cp %{SOURCE0} .
%build
gcc %{optflags} -o hello hello.c
%install
install -D -m 755 hello %{buildroot}%{_bindir}/hello
%files
%{_bindir}/hello
%changelog
* Wed Jul 01 2026 A <a@example.org> - 1.0-1
- First
";

/// Name and content.
type SourceFile = (String, Vec<u8>);

/// A source package to be made.
///
/// ```text
/// SourceRpm::new(SPEC).file("hello.c", "int main(void) { return 0; }").bytes()
/// ```
#[derive(Debug, Clone)]
pub struct SourceRpm {
    spec: String,
    files: Vec<SourceFile>,
    missing: Vec<u32>,
    strangers: Vec<CpioMember>,
    wrong_digests: BTreeSet<String>,
}

impl SourceRpm {
    /// A package of this spec file alone. The tags of its preamble are taken as they stand, but for `%{…}`, which is left
    /// out; BuildRequires are words and comparisons.
    #[must_use]
    pub fn new(spec: &str) -> Self {
        let (files, missing, strangers) = (Vec::new(), Vec::new(), Vec::new());
        Self { spec: spec.to_owned(), files, missing, strangers, wrong_digests: BTreeSet::new() }
    }

    /// A package that builds `/usr/bin/hello` of a C file, which says "hello".
    #[must_use]
    pub fn hello() -> Self {
        Self::new(HELLO).file("hello.c", "#include <stdio.h>\nint main(void) { return puts(\"hello\") == EOF; }\n")
    }

    /// With a further file.
    #[must_use]
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// Without the source of that number, as `NoSource:` makes it: a `nosrc` package.
    #[must_use]
    pub fn without_source(mut self, number: u32) -> Self {
        self.missing.push(number);
        self
    }

    /// With a member at the end of the archive that the header's list of files does not have.
    #[must_use]
    pub fn stranger(mut self, member: CpioMember) -> Self {
        self.strangers.push(member);
        self
    }

    /// With a digest in the header that the content of that file does not have.
    #[must_use]
    pub fn wrong_digest(mut self, name: &str) -> Self {
        self.wrong_digests.insert(name.to_owned());
        self
    }

    /// `NAME-VERSION-RELEASE.src.rpm`, or `.nosrc.rpm`.
    #[must_use]
    pub fn file_name(&self) -> String {
        let kind = if self.missing.is_empty() { "src" } else { "nosrc" };
        format!("{}-{}-{}.{kind}.rpm", self.tag("Name"), self.tag("Version"), self.tag("Release"))
    }

    /// The package. Its digests are right unless asked otherwise; it has no signature.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.made(None)
    }

    /// As [`Self::bytes`], signed; time in seconds since 1970.
    #[must_use]
    pub fn signed_bytes(&self, key: &SigningKey, signed_at: i64) -> Vec<u8> {
        self.made(Some(&|header| key.detached_packet(header, signed_at).unwrap()))
    }

    fn made(&self, sign: Option<Sign<'_>>) -> Vec<u8> {
        let mut files = self.files.clone();
        files.push((format!("{}.spec", self.tag("Name")), self.spec.clone().into_bytes()));
        files.sort();
        let mut tags = self.preamble();
        self.put_requirements(&mut tags);
        self.put_files(&mut tags, &files);
        let mut members: Vec<CpioMember> =
            files.iter().map(|(name, content)| CpioMember::file(name, content.clone())).collect();
        members.extend(self.strangers.iter().cloned());
        let file_name = self.file_name();
        let name = file_name.trim_end_matches(".rpm");
        package_file(&Closing { name, is_source: true, has_digests: true, sign }, tags, &cpio(&members))
    }

    fn preamble(&self) -> Tags {
        let mut tags = Tags::default();
        tags.texts(I18N_TABLE, &["C"]);
        for (tag, word) in [(NAME, "Name"), (VERSION, "Version"), (RELEASE, "Release"), (LICENSE, "License")] {
            tags.text(tag, &self.tag(word));
        }
        tags.numbers(EPOCH, &self.values("Epoch").filter_map(|epoch| epoch.parse().ok()).collect::<Vec<u32>>());
        tags.translated(SUMMARY, &self.tag("Summary"));
        tags.translated(DESCRIPTION, "Made for a test.");
        tags.translated(GROUP, "Unspecified");
        tags.text(BUILD_HOST, "localhost");
        tags.numbers(BUILD_TIME, &[MADE_AT]);
        tags.text(OS, "linux");
        tags.text(ARCH, "x86_64");
        tags.text(RPM_VERSION, "4.18.0");
        tags.numbers(SOURCE_PACKAGE, &[1]);
        tags.texts(SOURCE, &self.numbered("Source"));
        tags.texts(PATCH, &self.numbered("Patch"));
        tags.numbers(NO_SOURCE, &self.missing);
        tags
    }

    fn put_requirements(&self, tags: &mut Tags) {
        let (mut names, mut flags, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        for value in self.values("BuildRequires") {
            let mut words = words(&value).into_iter().peekable();
            while let Some(name) = words.next() {
                let operator = words.next_if(|word| word.starts_with(['<', '>', '=']));
                let sense = |sign, bit| if operator.is_some_and(|text| text.contains(sign)) { bit } else { 0 };
                flags.push(sense('<', 2) | sense('>', 4) | sense('=', 8));
                versions.push(operator.and_then(|_| words.next()).unwrap_or_default().to_owned());
                names.push(name.to_owned());
            }
        }
        for (feature, version) in [("CompressedFileNames", "3.0.4-1"), ("FileDigests", "4.6.0-1")] {
            names.push(format!("rpmlib({feature})"));
            flags.push(1 << 24 | 2 | 8);
            versions.push(version.to_owned());
        }
        tags.texts(REQUIRE_NAMES, &names);
        tags.numbers(REQUIRE_FLAGS, &flags);
        tags.texts(REQUIRE_VERSIONS, &versions);
    }

    fn put_files(&self, tags: &mut Tags, files: &[SourceFile]) {
        let numbers = |of: &dyn Fn(&SourceFile) -> u32| files.iter().map(of).collect::<Vec<u32>>();
        let zeros = vec![0; files.len()];
        let same = |text: &'static str| vec![text; files.len()];
        let size = |content: &[u8]| u32::try_from(content.len()).unwrap();
        let digests = files.iter().map(|(name, content)| match self.wrong_digests.contains(name) {
            true => Sha256::of(b"something else").to_string(),
            false => Sha256::of(content).to_string(),
        });
        tags.numbers(SIZE, &[files.iter().map(|(_, content)| size(content)).sum()]);
        tags.numbers(FILE_SIZES, &numbers(&|(_, content)| size(content)));
        tags.shorts(FILE_MODES, &vec![0o100_644; files.len()]);
        tags.shorts(FILE_RDEVS, &vec![0; files.len()]);
        tags.numbers(FILE_MTIMES, &numbers(&|_| MADE_AT));
        tags.texts(FILE_DIGESTS, &digests.collect::<Vec<_>>());
        tags.texts(FILE_LINKTOS, &same(""));
        tags.numbers(FILE_FLAGS, &numbers(&|(name, _)| if name.ends_with(".spec") { IS_SPEC } else { 0 }));
        tags.texts(FILE_USERS, &same("root"));
        tags.texts(FILE_GROUPS, &same("root"));
        tags.numbers(FILE_VERIFY_FLAGS, &numbers(&|_| u32::MAX));
        tags.numbers(FILE_DEVICES, &numbers(&|_| 1));
        tags.numbers(FILE_INODES, &(1..=u32::try_from(files.len()).unwrap()).collect::<Vec<_>>());
        tags.texts(FILE_LANGUAGES, &same(""));
        tags.numbers(DIR_INDEXES, &zeros);
        tags.texts(BASE_NAMES, &files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        tags.texts(DIR_NAMES, &[""]);
        tags.numbers(FILE_DIGEST_ALGORITHM, &[ALGORITHM_SHA256]);
    }

    /// The first value of a tag, empty if there is none.
    fn tag(&self, name: &str) -> String {
        self.values(name).next().unwrap_or_default()
    }

    /// All values of a tag, without macros.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.tags().filter(move |(tag, _)| tag.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// File names of `Source:`, `Source0:` and so on, in order.
    fn numbered(&self, name: &str) -> Vec<String> {
        let is_one = |tag: &str| {
            tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
                && tag[name.len()..].bytes().all(|byte| byte.is_ascii_digit())
        };
        let found = self.tags().filter(|(tag, _)| is_one(tag)).map(|(_, value)| value);
        found.map(|value| value.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    }

    /// The lines `Tag: value` in front of the first section.
    fn tags(&self) -> impl Iterator<Item = (&str, String)> {
        let preamble = self.spec.lines().take_while(|line| !line.starts_with("%description"));
        preamble.filter_map(|line| line.split_once(':')).map(|(tag, value)| (tag.trim(), without_macros(value.trim())))
    }
}

/// Words between commas and blanks; what is in parentheses is one word.
fn words(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let words = text.split(|character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (character == ',' || character.is_whitespace())
    });
    words.filter(|word| !word.is_empty()).collect()
}

fn without_macros(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%{") {
        out += before;
        rest = after.split_once('}').map_or("", |(_, behind)| behind);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use pkgfile::rpm::{RpmLimits, RpmReader};

    use super::*;

    const SPEC: &str = "Name: hello\nVersion: 1.0\nRelease: 2%{?dist}\nSummary: Says hello\nLicense: MIT\n\
                        Source0: https://example.org/hello.c\nPatch1: fix.patch\nBuildRequires: gcc, make >= 4 (a or b)\n\
                        %description\nName: other\n";

    #[test]
    fn our_reader_finds_what_was_put_in() {
        let made = SourceRpm::new(SPEC).file("hello.c", "int main(void) {}").file("fix.patch", "--- a\n");
        assert_eq!(made.file_name(), "hello-1.0-2.src.rpm");
        let bytes = made.bytes();
        let mut reader = RpmReader::open(bytes.as_slice(), RpmLimits::default()).unwrap();
        let mut entries = reader.entries().unwrap();
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            let mut content = String::new();
            entries.read_to_string(&mut content).unwrap();
            found.push((String::from_utf8(entry.path).unwrap(), content.len()));
        }
        drop(entries);
        assert_eq!(
            found,
            [("fix.patch".to_owned(), 6), ("hello.c".to_owned(), 17), ("hello.spec".to_owned(), SPEC.len())]
        );
        let package = reader.into_package();
        assert_eq!((package.meta().arch.as_str(), package.meta().evr.as_str()), ("src", "1.0-2"));
        assert_eq!(package.meta().requires[..2], ["gcc", "make >= 4"]);
        assert_eq!(package.meta().requires[2..], ["(a or b)"]);
    }

    #[test]
    fn a_missing_source_makes_a_nosrc_package() {
        let made = SourceRpm::new(SPEC).file("fix.patch", "").without_source(0);
        assert_eq!(made.file_name(), "hello-1.0-2.nosrc.rpm");
        let bytes = made.bytes();
        let package = RpmReader::open(bytes.as_slice(), RpmLimits::default()).unwrap().into_package();
        assert_eq!(package.meta().arch, "nosrc");
    }
}
