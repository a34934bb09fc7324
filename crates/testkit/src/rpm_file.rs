//! The bytes of an rpm, put together by hand: for packages that rpmbuild and the crate for rpms would refuse to make.
//!
//! Rule: rpm's "RPM v4 package format" manual. See [`cpio`].

use std::collections::BTreeMap;
use std::io::Write as _;

use pkg::Sha256;

const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
/// The tags of the regions that cover all entries behind them.
const SIGNATURES: u32 = 62;
const IMMUTABLE: u32 = 63;

const PAYLOAD_FORMAT: u32 = 1124;
const PAYLOAD_COMPRESSOR: u32 = 1125;
const PAYLOAD_FLAGS: u32 = 1126;
const PAYLOAD_DIGEST: u32 = 5092;
const PAYLOAD_DIGEST_ALGORITHM: u32 = 5093;
/// The name is older than the algorithm: signatures that are not RSA's.
const SIG_DSA: u32 = 267;
const SIG_SHA256: u32 = 273;
const SIG_SIZE: u32 = 1000;
const SIG_PAYLOAD_SIZE: u32 = 1007;
const ALGORITHM_SHA256: u32 = 8;

/// The tags of a header, with their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags {
    entries: BTreeMap<u32, Value>,
}

#[derive(Debug, Clone)]
struct Value {
    kind: u32,
    count: usize,
    alignment: usize,
    bytes: Vec<u8>,
}

impl Tags {
    pub(crate) fn text(&mut self, tag: u32, text: &str) {
        self.put(tag, 6, 1, 1, terminated(text));
    }

    /// A text that might have translations.
    pub(crate) fn translated(&mut self, tag: u32, text: &str) {
        self.put(tag, 9, 1, 1, terminated(text));
    }

    /// No tag at all if there are no texts.
    pub(crate) fn texts<Text: AsRef<str>>(&mut self, tag: u32, texts: &[Text]) {
        let bytes = texts.iter().flat_map(|text| terminated(text.as_ref())).collect();
        self.put(tag, 8, texts.len(), 1, bytes);
    }

    /// 16 bits each.
    pub(crate) fn shorts(&mut self, tag: u32, numbers: &[u16]) {
        let bytes = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        self.put(tag, 3, numbers.len(), 2, bytes);
    }

    /// 32 bits each.
    pub(crate) fn numbers(&mut self, tag: u32, numbers: &[u32]) {
        let bytes = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        self.put(tag, 4, numbers.len(), 4, bytes);
    }

    pub(crate) fn bytes(&mut self, tag: u32, bytes: Vec<u8>) {
        self.put(tag, 7, bytes.len(), 1, bytes);
    }

    fn put(&mut self, tag: u32, kind: u32, count: usize, alignment: usize, bytes: Vec<u8>) {
        if count > 0 {
            self.entries.insert(tag, Value { kind, count, alignment, bytes });
        }
    }

    /// The header with a region around everything.
    fn header(&self, region: u32) -> Vec<u8> {
        let mut index = Vec::new();
        let mut store = Vec::new();
        for (tag, value) in &self.entries {
            store.resize(store.len().next_multiple_of(value.alignment), 0);
            entry(&mut index, [*tag, value.kind, number(store.len()), number(value.count)]);
            store.extend(&value.bytes);
        }
        // The region's entry comes first and points to a trailer, which says where the entries start, counted backwards.
        let entries = self.entries.len() + 1;
        let mut first = Vec::new();
        entry(&mut first, [region, 7, number(store.len()), 16]);
        entry(&mut store, [region, 7, number(entries * 16).wrapping_neg(), 16]);
        let mut header = HEADER_MAGIC.to_vec();
        header.extend(number(entries).to_be_bytes());
        header.extend(number(store.len()).to_be_bytes());
        for part in [first, index, store] {
            header.extend(part);
        }
        header
    }
}

fn terminated(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn entry(out: &mut Vec<u8>, numbers: [u32; 4]) {
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}

/// Makes a signature of a header.
pub(crate) type Sign<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// How a package is closed around its tags and its archive.
pub(crate) struct Closing<'a> {
    /// `NAME-VERSION-RELEASE.ARCH`.
    pub(crate) name: &'a str,
    /// Whether it is a source package.
    pub(crate) is_source: bool,
    /// Whether header and content have digests; packages of long ago have none.
    pub(crate) has_digests: bool,
    /// Gives the signature of the header.
    pub(crate) sign: Option<Sign<'a>>,
}

/// A package with these tags and this archive, which is compressed with gzip.
pub(crate) fn package_file(closing: &Closing<'_>, mut tags: Tags, archive: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(archive).unwrap();
    let payload = encoder.finish().unwrap();
    tags.text(PAYLOAD_FORMAT, "cpio");
    tags.text(PAYLOAD_COMPRESSOR, "gzip");
    tags.text(PAYLOAD_FLAGS, "1");
    if closing.has_digests {
        tags.texts(PAYLOAD_DIGEST, &[Sha256::of(&payload).to_string()]);
        tags.numbers(PAYLOAD_DIGEST_ALGORITHM, &[ALGORITHM_SHA256]);
    }
    let header = tags.header(IMMUTABLE);
    let mut signature = Tags::default();
    if closing.has_digests {
        signature.text(SIG_SHA256, &Sha256::of(&header).to_string());
    }
    signature.numbers(SIG_SIZE, &[number(header.len() + payload.len())]);
    signature.numbers(SIG_PAYLOAD_SIZE, &[number(archive.len())]);
    if let Some(sign) = closing.sign {
        signature.bytes(SIG_DSA, sign(&header));
    }
    let mut file = lead(closing);
    file.extend(signature.header(SIGNATURES));
    file.resize(file.len().next_multiple_of(8), 0);
    file.extend(header);
    file.extend(payload);
    file
}

/// What nobody reads but to recognise the file.
fn lead(closing: &Closing<'_>) -> Vec<u8> {
    let mut lead = LEAD_MAGIC.to_vec();
    // Format 3.0, binary or source, any architecture.
    lead.extend([3, 0, 0, u8::from(closing.is_source), 0, 1]);
    lead.extend(closing.name.bytes().take(65));
    lead.resize(76, 0);
    // Linux; signatures as a header.
    lead.extend([0, 1, 0, 5]);
    lead.resize(96, 0);
    lead
}

/// A member of a cpio archive, written as it is said here however little sense it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpioMember {
    /// Path as it stands in the archive.
    pub path: String,
    /// Kind and permissions: `0o100644` is a file, `0o120777` a link, `0o040755` a folder, `0o020666` a device.
    pub mode: u32,
    /// Content, or where a link leads.
    pub content: Vec<u8>,
    /// Number of the file; members with the same one and more than one link are names of one file.
    pub inode: u32,
    /// How many names the file has.
    pub links: u32,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// The size it claims, if that is not the content's, in bytes.
    pub claimed_bytes: Option<u32>,
}

impl CpioMember {
    /// A plain file.
    #[must_use]
    pub fn file(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, 0o100_644, content.into())
    }

    /// A symbolic link.
    #[must_use]
    pub fn link(path: &str, target: &str) -> Self {
        Self::new(path, 0o120_777, target.as_bytes().to_vec())
    }

    /// A folder.
    #[must_use]
    pub fn folder(path: &str) -> Self {
        Self::new(path, 0o040_755, Vec::new())
    }

    /// The device `/dev/null` is.
    #[must_use]
    pub fn device(path: &str) -> Self {
        Self { device: (1, 3), ..Self::new(path, 0o020_666, Vec::new()) }
    }

    pub(crate) fn new(path: &str, mode: u32, content: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode, content, inode: 0, links: 1, device: (0, 0), claimed_bytes: None }
    }
}

/// An archive in cpio's "newc" form. Members without number get one by their place.
#[must_use]
pub fn cpio(members: &[CpioMember]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (place, member) in members.iter().enumerate() {
        let inode = if member.inode == 0 { number(place + 1) } else { member.inode };
        push_member(&mut archive, member, inode);
    }
    push_member(&mut archive, &CpioMember::new("TRAILER!!!", 0, Vec::new()), 0);
    archive
}

fn push_member(archive: &mut Vec<u8>, member: &CpioMember, inode: u32) {
    let bytes = member.claimed_bytes.unwrap_or_else(|| number(member.content.len()));
    let (major, minor) = member.device;
    let path = terminated(&member.path);
    // Number, mode, owner, group, links, time, size, folder's device, own device, length of the path, check sum.
    let fields = [inode, member.mode, 0, 0, member.links, 0, bytes, 0, 0, major, minor, number(path.len()), 0];
    archive.extend(b"070701");
    archive.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
    archive.extend(path);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(&member.content);
    archive.resize(archive.len().next_multiple_of(4), 0);
}
