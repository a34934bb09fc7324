//! Packages with headers as distributions have them: some with few files, some with many.

use std::fs;
use std::path::Path;

use pkg::{Md5, Sha256};
use pkgfile::rpm::{HeaderWriter, Relation, Tag};

const WORDS: [&str; 24] = [
    "library",
    "for",
    "the",
    "of",
    "and",
    "network",
    "parser",
    "tools",
    "this",
    "package",
    "contains",
    "files",
    "needed",
    "to",
    "develop",
    "programs",
    "which",
    "use",
    "fast",
    "small",
    "protocol",
    "bindings",
    "documentation",
    "in",
];

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's constants; the upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll(256) as u8).collect()
    }

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| WORDS[self.roll(WORDS.len())]).collect::<Vec<_>>().join(" ")
    }
}

/// Writes `count` packages.
pub(crate) fn packages(folder: &Path, first: usize, count: usize) {
    fs::create_dir_all(folder).unwrap();
    for number in first..first + count {
        let name = name(number);
        fs::write(folder.join(format!("{name}-1.{number}-3.x86_64.rpm")), package(number, &name)).unwrap();
    }
}

fn name(number: usize) -> String {
    let word = WORDS[number % WORDS.len()];
    format!("{word}-{}{number}", ["lib", "python3-", "perl-", "", "golang-"][number % 5])
}

fn package(number: usize, name: &str) -> Vec<u8> {
    let mut dice = Dice(number as u64 ^ 0x5eed);
    let size = 4000 + dice.roll(32_000);
    let payload = dice.bytes(size);
    let mut header = HeaderWriter::main_header();
    for (tag, text) in [
        (Tag::NAME, name.to_owned()),
        (Tag::VERSION, format!("1.{number}")),
        (Tag::RELEASE, "3".to_owned()),
        (Tag::SUMMARY, dice.text(8)),
        (Tag::DESCRIPTION, dice.text(60)),
        (Tag::BUILD_HOST, "builder.example.org".to_owned()),
        (Tag::LICENSE, "MIT AND Apache-2.0".to_owned()),
        (Tag::GROUP, "Unspecified".to_owned()),
        (Tag::URL, format!("https://example.org/{name}")),
        (Tag::OS, "linux".to_owned()),
        (Tag::ARCH, "x86_64".to_owned()),
        (Tag::SOURCE_RPM, format!("{name}-1.{number}-3.src.rpm")),
        (Tag::PAYLOAD_FORMAT, "cpio".to_owned()),
        (Tag::PAYLOAD_COMPRESSOR, "zstd".to_owned()),
    ] {
        header.text(tag, &text);
    }
    header.numbers(Tag::BUILD_TIME, &[1_780_000_000]);
    header.numbers(Tag::SIZE, &[1_000_000]);
    header.texts(Tag::PAYLOAD_DIGEST, &[&Sha256::of(&payload).to_string()]);
    header.numbers(Tag::PAYLOAD_DIGEST_ALGO, &[8]);
    dependencies(&mut header, &mut dice, name, number);
    changelog(&mut header, &mut dice);
    files(&mut header, &mut dice, name);
    file(&header.finish().unwrap(), &payload)
}

/// Lead, signature header with digests and space as rpmbuild leaves it, header, payload.
fn file(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut lead = vec![0_u8; 96];
    lead[..8].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0]);
    (lead[9], lead[77], lead[79]) = (1, 1, 5);
    let whole = [header, payload].concat();
    let mut signature = HeaderWriter::signature_header();
    signature.text(Tag::SIG_SHA256, &Sha256::of(header).to_string());
    signature.numbers(Tag::SIG_SIZE, &[u32::try_from(whole.len()).unwrap()]);
    signature.binary(Tag::SIG_MD5, Md5::of(&whole).as_bytes());
    signature.binary(Tag::SIG_RESERVED_SPACE, &[0; 4128]);
    let mut bytes = [lead, signature.finish().unwrap()].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    [bytes, whole].concat()
}

fn dependencies(header: &mut HeaderWriter, dice: &mut Dice, name: &str, number: usize) {
    let mut set = |tags: [Tag; 3], relations: &[(String, u32, String)]| {
        header.texts(tags[0], &relations.iter().map(|relation| relation.0.as_str()).collect::<Vec<_>>());
        header.numbers(tags[1], &relations.iter().map(|relation| relation.1).collect::<Vec<_>>());
        header.texts(tags[2], &relations.iter().map(|relation| relation.2.as_str()).collect::<Vec<_>>());
    };
    let own = (name.to_owned(), Relation::EQUAL, format!("1.{number}-3"));
    let plain = |text: String| (text, 0, String::new());
    let provides = [own, plain(format!("{name}(x86-64)")), plain(format!("lib{number}.so.1()(64bit)"))];
    set([Tag::PROVIDE_NAME, Tag::PROVIDE_FLAGS, Tag::PROVIDE_VERSION], &provides);
    let mut requires = vec![plain("libc.so.6(GLIBC_2.34)(64bit)".to_owned()), plain("rtld(GNU_HASH)".to_owned())];
    for _ in 0..4 + dice.roll(20) {
        let other = dice.roll(24_000);
        requires.push(match dice.roll(3) {
            0 => (super::generate::name(other), Relation::EQUAL | Relation::GREATER, "1.0".to_owned()),
            1 => plain(format!("lib{other}.so.1()(64bit)")),
            _ => plain(super::generate::name(other)),
        });
    }
    set([Tag::REQUIRE_NAME, Tag::REQUIRE_FLAGS, Tag::REQUIRE_VERSION], &requires);
}

fn changelog(header: &mut HeaderWriter, dice: &mut Dice) {
    let count = 5 + dice.roll(20);
    let author = "Somebody Else <somebody@example.org> - 1.0-1";
    let times: Vec<u32> = (0..count).map(|place| 1_780_000_000 - place as u32 * 8_000_000).collect();
    let texts: Vec<String> = (0..count).map(|_| format!("- {}", dice.text(14))).collect();
    header.numbers(Tag::CHANGELOG_TIME, &times);
    header.texts(Tag::CHANGELOG_NAME, &vec![author; count]);
    header.texts(Tag::CHANGELOG_TEXT, &texts.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Three packages of five have some, every tenth hundreds: 80 on average.
fn files(header: &mut HeaderWriter, dice: &mut Dice, name: &str) {
    let count = match dice.roll(10) {
        0 => 150 + dice.roll(600),
        1..=3 => 30 + dice.roll(120),
        _ => 5 + dice.roll(25),
    };
    let folders = [
        "/usr/bin/".to_owned(),
        format!("/usr/share/doc/{name}/"),
        format!("/usr/lib64/python3.14/site-packages/{name}/"),
        format!("/usr/include/{name}-1/{name}/"),
        format!("/usr/share/{name}/locale/"),
    ];
    let base = |place: usize, dice: &mut Dice| {
        let (word, other) = (WORDS[dice.roll(WORDS.len())], WORDS[dice.roll(WORDS.len())]);
        format!("{word}_{other}{place}{}", ["", ".py", ".h", ".html", ".so.1"][dice.roll(5)])
    };
    let names: Vec<String> = (0..count).map(|place| base(place, dice)).collect();
    let places: Vec<u32> =
        (0..count).map(|place| if place == 0 { 0 } else { 1 + dice.roll(folders.len() - 1) as u32 }).collect();
    let digests: Vec<String> = (0..count).map(|_| Sha256::of(&dice.bytes(8)).to_string()).collect();
    let texts = |texts: &[String]| texts.to_vec();
    for (tag, texts) in [
        (Tag::BASE_NAMES, texts(&names)),
        (Tag::DIR_NAMES, texts(&folders)),
        (Tag::FILE_DIGESTS, digests),
        (Tag::FILE_USER_NAME, vec!["root".to_owned(); count]),
        (Tag::FILE_GROUP_NAME, vec!["root".to_owned(); count]),
        (Tag::FILE_LINK_TOS, vec![String::new(); count]),
    ] {
        header.texts(tag, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    }
    header.numbers(Tag::DIR_INDEXES, &places);
    for tag in [Tag::FILE_SIZES, Tag::FILE_MTIMES, Tag::FILE_INODES] {
        header.numbers(tag, &(0..count).map(|_| 1_700_000_000 + dice.roll(1 << 20) as u32).collect::<Vec<_>>());
    }
    header.numbers(Tag::FILE_FLAGS, &vec![0; count]);
    header.numbers(Tag::FILE_DIGEST_ALGO, &[8]);
    header.short_numbers(Tag::FILE_MODES, &vec![0o100_644; count]);
    header.short_numbers(Tag::FILE_RDEVS, &vec![0; count]);
}
