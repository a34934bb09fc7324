//! A valid rpm package without files, written by hand.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use pkg::Sha256;

/// Tags of the signature header.
mod signature {
    pub(super) const REGION: u32 = 62;
    pub(super) const SHA256: u32 = 273;
    pub(super) const SIZE: u32 = 1000;
}

/// An archive without members: nothing but its end.
const NO_MEMBERS: &[u8] = b"07070100000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000b00000000TRAILER!!!\0\0\0\0";

/// What a tag says.
enum Value<'a> {
    Number(u32),
    Text(&'a str),
    Texts(&'a str),
    Translated(&'a str),
}

pub(super) fn small_package(name: &str, version: &str, release: &str, arch: &str) -> io::Result<Vec<u8>> {
    use Value::{Number, Text, Texts, Translated};
    let mut payload = GzEncoder::new(Vec::new(), Compression::fast());
    payload.write_all(NO_MEMBERS)?;
    let payload = payload.finish()?;
    let digest = Sha256::of(&payload).to_string();
    let source = format!("{name}-{version}-{release}.src.rpm");
    let evr = format!("{version}-{release}");
    // Numbers of the tags as rpm's rpmtag.h has them.
    let header = header(
        63,
        &[
            (100, Texts("C")),
            (1000, Text(name)),
            (1001, Text(version)),
            (1002, Text(release)),
            (1004, Translated("made without a build")),
            (1005, Translated("made without a build")),
            (1006, Number(1_767_225_600)),
            (1007, Text("localhost")),
            (1009, Number(0)),
            (1014, Text("MIT")),
            (1016, Translated("Unspecified")),
            (1021, Text("linux")),
            (1022, Text(arch)),
            (1044, Text(&source)),
            (1047, Texts(name)),
            (1112, Number(8)),
            (1113, Texts(&evr)),
            (1124, Text("cpio")),
            (1125, Text("gzip")),
            (1126, Text("1")),
            (5092, Texts(&digest)),
            (5093, Number(8)),
        ],
    )?;
    let bytes = u32::try_from(header.len() + payload.len()).map_err(io::Error::other)?;
    let digest = Sha256::of(&header).to_string();
    let mut signature =
        self::header(signature::REGION, &[(signature::SHA256, Text(&digest)), (signature::SIZE, Number(bytes))])?;
    signature.resize(signature.len().next_multiple_of(8), 0);
    Ok([lead(&format!("{name}-{evr}")), signature, header, payload].concat())
}

/// The first 96 bytes, which nobody but file(1) reads any more.
fn lead(name: &str) -> Vec<u8> {
    let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1];
    lead.extend(name.bytes().take(65));
    lead.resize(76, 0);
    lead.extend([0, 1, 0, 5]);
    lead.resize(96, 0);
    lead
}

/// A header with its tags in the given order, below a region that covers all of them.
fn header(region: u32, tags: &[(u32, Value<'_>)]) -> io::Result<Vec<u8>> {
    let number = |count: usize| u32::try_from(count).map_err(io::Error::other);
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, value) in tags {
        let (kind, bytes) = match value {
            Value::Number(number) => (4_u32, number.to_be_bytes().to_vec()),
            Value::Text(text) => (6, [text.as_bytes(), b"\0"].concat()),
            Value::Texts(text) => (8, [text.as_bytes(), b"\0"].concat()),
            Value::Translated(text) => (9, [text.as_bytes(), b"\0"].concat()),
        };
        if kind == 4 {
            store.resize(store.len().next_multiple_of(4), 0);
        }
        index.extend([*tag, kind, number(store.len())?, 1].map(u32::to_be_bytes).concat());
        store.extend(bytes);
    }
    let count = number(tags.len() + 1)?;
    let trailer = [region, 7, (count * 16).wrapping_neg(), 16].map(u32::to_be_bytes).concat();
    let first = [region, 7, number(store.len())?, 16].map(u32::to_be_bytes).concat();
    store.extend(trailer);
    let start = [0x8ead_e801, 0, count, number(store.len())?].map(u32::to_be_bytes).concat();
    Ok([start, first, index, store].concat())
}

#[cfg(test)]
mod tests {
    use pkgfile::rpm::{DigestCheck, RpmLimits, RpmReader};

    use super::*;

    #[test]
    fn the_small_package_is_one_rpm_and_we_can_read() {
        let bytes = small_package("hello", "1.0", "1", "x86_64").unwrap();
        let reader = RpmReader::open(bytes.as_slice(), RpmLimits::default()).unwrap();
        let package = reader.package();
        assert_eq!((package.meta().name.as_str(), package.meta().evr.as_str()), ("hello", "1.0-1"));
        assert!(matches!(package.header_check(), DigestCheck::Verified(_)) && !package.is_source());
        assert!(reader.list().unwrap().is_empty());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.rpm");
        fs_err::write(&path, bytes).unwrap();
        let Ok(output) = std::process::Command::new("rpm").arg("-Kv").arg(&path).output() else {
            eprintln!("skipped: no rpm on this machine");
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("Header SHA256 digest: OK") && text.contains("Payload SHA256 digest: OK"), "{text}");
        let output = std::process::Command::new("rpm").args(["-qp", "--provides"]).arg(&path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello = 1.0-1\n");
    }
}
