//! What the headers of a package say.

use pkg::{Md5, PackageMeta, Sha256};

use super::files::{self, ListedFile, RpmFile};
use super::header::Header;
use super::relation::{self, Relation, RelationKind};
use super::tag::Tag;
use super::{DigestCheck, RpmError, compression_named};
use crate::compression::Compression;
use crate::cpio::CpioEntry;

/// The headers of a package.
#[derive(Debug, Clone)]
pub struct RpmPackage {
    signature: Header,
    header: Header,
    header_start: u64,
    header_check: DigestCheck,
    meta: PackageMeta,
}

/// One entry of a changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangelogEntry {
    /// Seconds since 1970; noon of the day.
    pub time: u64,
    /// Name, address and mostly version.
    pub author: String,
    /// What changed.
    pub text: String,
}

/// A script of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// As spec files call it: `pre`, `post`, `preun`, `postun`, `pretrans`, `posttrans`, `preuntrans`, `postuntrans`.
    pub kind: &'static str,
    /// What runs it, with its arguments: `/bin/sh`, `<lua>`.
    pub program: Vec<String>,
    /// The script; empty if the program does it all.
    pub body: String,
}

/// What a signature is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureKind {
    /// The header, and through its digest the payload.
    Header,
    /// Header and payload in one; the old way.
    HeaderAndPayload,
}

const SCRIPTS: [(&str, Tag, Tag); 8] = [
    ("pre", Tag::PRE_IN, Tag::PRE_IN_PROG),
    ("post", Tag::POST_IN, Tag::POST_IN_PROG),
    ("preun", Tag::PRE_UN, Tag::PRE_UN_PROG),
    ("postun", Tag::POST_UN, Tag::POST_UN_PROG),
    ("pretrans", Tag::PRE_TRANS, Tag::PRE_TRANS_PROG),
    ("posttrans", Tag::POST_TRANS, Tag::POST_TRANS_PROG),
    ("preuntrans", Tag::PRE_UN_TRANS, Tag::PRE_UN_TRANS_PROG),
    ("postuntrans", Tag::POST_UN_TRANS, Tag::POST_UN_TRANS_PROG),
];

impl RpmPackage {
    pub(super) fn new(signature: Header, header: Header, header_start: u64) -> Result<Self, RpmError> {
        let header_check = check_header(&signature, &header)?;
        let meta = meta(&header)?;
        Ok(Self { signature, header, header_start, header_check, meta })
    }

    /// What the package says of itself, in the words all formats share.
    ///
    /// `arch` is `src` or `nosrc` for source packages, whose requirements are what their build needs, and whose provides are
    /// those of the packages they make. Dependencies on
    /// features of rpm itself (`rpmlib(…)`) are left out.
    #[must_use]
    pub const fn meta(&self) -> &PackageMeta {
        &self.meta
    }

    /// The main header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The signature header.
    #[must_use]
    pub const fn signature_header(&self) -> &Header {
        &self.signature
    }

    /// First byte of the main header and the one behind its last, counted from the start of the file.
    #[must_use]
    pub fn header_range(&self) -> (u64, u64) {
        let length = u64::try_from(self.header.as_bytes().len()).unwrap_or(u64::MAX);
        (self.header_start, self.header_start.saturating_add(length))
    }

    /// Whether the header was compared with the digest in the signature header.
    #[must_use]
    pub const fn header_check(&self) -> DigestCheck {
        self.header_check
    }

    /// The package's identity where OBS speaks of `hdrmd5`: the MD5 digest in the signature header, or else the first half
    /// of the SHA-256 digest there. Not compared with anything.
    #[must_use]
    pub fn identity(&self) -> Option<Md5> {
        if let Some(md5) = self.signature.binary(Tag::SIG_MD5) {
            return Some(Md5::from_bytes(md5.try_into().ok()?));
        }
        let sha256 = self.signature.text(Tag::SIG_SHA256)?;
        Md5::parse(std::str::from_utf8(sha256.get(..32)?).ok()?).ok()
    }

    /// The signatures that are there, unchecked.
    #[must_use]
    pub fn signatures(&self) -> Vec<SignatureKind> {
        let has = |tags: &[Tag]| tags.iter().any(|tag| self.signature.has(*tag));
        let mut kinds = Vec::new();
        if has(&[Tag::SIG_RSA, Tag::SIG_DSA, Tag::SIG_OPENPGP]) {
            kinds.push(SignatureKind::Header);
        }
        if has(&[Tag::SIG_PGP, Tag::SIG_GPG]) {
            kinds.push(SignatureKind::HeaderAndPayload);
        }
        kinds
    }

    /// The OpenPGP signature packets of the header, for whoever has keys.
    #[must_use]
    pub fn header_signature(&self) -> Option<&[u8]> {
        self.signature.binary(Tag::SIG_RSA).or_else(|| self.signature.binary(Tag::SIG_DSA))
    }

    /// Whether it is a source package.
    #[must_use]
    pub fn is_source(&self) -> bool {
        is_source(&self.header)
    }

    /// File name of the source package it was built from; `None` for source packages.
    #[must_use]
    pub fn source_rpm(&self) -> Option<String> {
        (!self.is_source()).then(|| self.header.string(Tag::SOURCE_RPM))
    }

    /// Epoch, if there is one.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        self.header.number(Tag::EPOCH)
    }

    /// Version alone.
    #[must_use]
    pub fn version(&self) -> String {
        self.header.string(Tag::VERSION)
    }

    /// Release alone.
    #[must_use]
    pub fn release(&self) -> String {
        self.header.string(Tag::RELEASE)
    }

    /// Bytes of all files, installed.
    #[must_use]
    pub fn installed_bytes(&self) -> u64 {
        self.header.number(Tag::LONG_SIZE).or_else(|| self.header.number(Tag::SIZE)).unwrap_or_default()
    }

    /// The dependencies of a kind, in the order of the package, `rpmlib(…)` included.
    #[must_use]
    pub fn relations(&self, kind: RelationKind) -> Vec<Relation> {
        relation::read(&self.header, kind)
    }

    /// The files, in the order of the package.
    ///
    /// # Errors
    /// [`RpmError`] if a file has no folder, or if all paths together are longer than allowed.
    pub fn files(&self) -> Result<Vec<RpmFile>, RpmError> {
        files::read(&self.header)
    }

    /// Gives path and kind of each file, in the order of the package; much cheaper than [`RpmPackage::files`].
    ///
    /// # Errors
    /// As [`RpmPackage::files`]; what was given before stays given.
    pub fn list_files(&self, on_file: &mut dyn FnMut(ListedFile<'_>)) -> Result<(), RpmError> {
        files::list(&self.header, on_file)
    }

    /// Which digest [`RpmFile::digest`] is: `md5`, `sha256` and so on; `None` if it is none we know.
    #[must_use]
    pub fn file_digest_algorithm(&self) -> Option<&'static str> {
        Some(match self.header.number(Tag::FILE_DIGEST_ALGO).unwrap_or(1) {
            1 => "md5",
            2 => "sha1",
            8 => "sha256",
            9 => "sha384",
            10 => "sha512",
            11 => "sha224",
            12 => "sha3-256",
            14 => "sha3-512",
            _ => return None,
        })
    }

    /// The changelog, in the order of the package: newest first.
    #[must_use]
    pub fn changelog(&self) -> Vec<ChangelogEntry> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let authors = self.header.texts(Tag::CHANGELOG_NAME);
        let texts = self.header.texts(Tag::CHANGELOG_TEXT);
        let entries = self.header.numbers(Tag::CHANGELOG_TIME).zip(authors).zip(texts);
        entries.map(|((time, author), body)| ChangelogEntry { time, author: text(author), text: text(body) }).collect()
    }

    /// The scripts, without those of triggers.
    #[must_use]
    pub fn scripts(&self) -> Vec<Script> {
        let texts = |tag| self.header.texts(tag).map(|text| String::from_utf8_lossy(text).into_owned());
        let script = |(kind, body, program): (&'static str, Tag, Tag)| {
            let is_there = self.header.has(body) || self.header.has(program);
            is_there.then(|| Script { kind, program: texts(program).collect(), body: self.header.string(body) })
        };
        SCRIPTS.into_iter().filter_map(script).collect()
    }

    /// What the header says of the members of the payload, if those may be named by number: where files have 4 GiB or more.
    pub(super) fn described_members(&self) -> Result<Vec<CpioEntry>, RpmError> {
        if self.header.has(Tag::LONG_FILE_SIZES) { files::described(&self.header) } else { Ok(Vec::new()) }
    }

    /// The digest the package says its compressed payload has, if that is SHA-256.
    #[must_use]
    pub fn payload_digest(&self) -> Option<String> {
        let is_sha256 = matches!(self.header.number(Tag::PAYLOAD_DIGEST_ALGO), Some(8) | None);
        let digest = self.header.string(Tag::PAYLOAD_DIGEST);
        (is_sha256 && !digest.is_empty()).then_some(digest)
    }

    /// How the payload is compressed; `None` if the header does not say, which its first bytes must tell then.
    ///
    /// # Errors
    /// [`RpmError::UnsupportedPayload`] if that, or the format of the payload, is not known.
    pub fn payload_compression(&self) -> Result<Option<Compression>, RpmError> {
        let unsupported = |what: &[u8]| RpmError::UnsupportedPayload { what: crate::path::shown(what) };
        let format = self.header.text(Tag::PAYLOAD_FORMAT).unwrap_or(b"cpio");
        if format != b"cpio" {
            return Err(unsupported(format));
        }
        let Some(name) = self.header.text(Tag::PAYLOAD_COMPRESSOR) else { return Ok(None) };
        compression_named(name).map(Some).ok_or_else(|| unsupported(name))
    }
}

/// A source package is one that names no other as its source.
fn is_source(header: &Header) -> bool {
    header.has(Tag::SOURCE_PACKAGE) || header.text(Tag::SOURCE_RPM).is_none()
}

fn check_header(signature: &Header, header: &Header) -> Result<DigestCheck, RpmError> {
    let Some(expected) = signature.text(Tag::SIG_SHA256) else { return Ok(DigestCheck::Absent) };
    let found = Sha256::of(header.as_bytes());
    if expected.eq_ignore_ascii_case(found.to_string().as_bytes()) {
        Ok(DigestCheck::Verified(found))
    } else {
        Err(RpmError::HeaderDigest { expected: crate::path::shown(expected), found })
    }
}

/// A text that becomes part of names: neither empty nor with blanks, slashes or control characters.
fn word(header: &Header, tag: Tag, field: &'static str) -> Result<String, RpmError> {
    let is_bad = |character: char| character.is_control() || character.is_whitespace() || character == '/';
    let text = header.text(tag).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let is_usable = (1..=1024).contains(&text.len()) && !text.contains(is_bad);
    if is_usable { Ok(text.to_owned()) } else { Err(RpmError::MissingField { field }) }
}

fn meta(header: &Header) -> Result<PackageMeta, RpmError> {
    let name = word(header, Tag::NAME, "name")?;
    let version = word(header, Tag::VERSION, "version")?;
    let release = word(header, Tag::RELEASE, "release")?;
    let epoch = header.number(Tag::EPOCH).filter(|epoch| *epoch > 0).map(|epoch| format!("{epoch}:"));
    let evr = format!("{}{version}-{release}", epoch.unwrap_or_default());
    let is_source = is_source(header);
    let arch = match (is_source, header.has(Tag::NO_SOURCE) || header.has(Tag::NO_PATCH)) {
        (false, _) => word(header, Tag::ARCH, "architecture")?,
        (true, false) => "src".to_owned(),
        (true, true) => "nosrc".to_owned(),
    };
    let texts = |kind| -> Vec<String> {
        let relations = relation::read(header, kind);
        relations.iter().filter(|relation| !relation.is_rpmlib()).map(Relation::text).collect()
    };
    let mut provides = texts(RelationKind::Provides);
    let own = format!("{name} = {evr}");
    let is_own = |text: &String| *text == own || text.strip_prefix(&name) == Some(&format!(" = 0:{evr}"));
    if !is_source && !provides.iter().any(is_own) {
        provides.push(own);
    }
    let source = header.text(Tag::SOURCE_RPM).and_then(source_name).filter(|source| *source != name);
    Ok(PackageMeta {
        evr,
        arch,
        provides,
        requires: texts(RelationKind::Requires),
        conflicts: texts(RelationKind::Conflicts),
        obsoletes: texts(RelationKind::Obsoletes),
        recommends: texts(RelationKind::Recommends),
        supplements: texts(RelationKind::Supplements),
        suggests: texts(RelationKind::Suggests),
        enhances: texts(RelationKind::Enhances),
        source,
        name,
        ..PackageMeta::default()
    })
}

/// `NAME` of `NAME-VERSION-RELEASE.src.rpm`.
fn source_name(file: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(file).ok()?;
    let stem = text.strip_suffix(".src.rpm").or_else(|| text.strip_suffix(".nosrc.rpm"))?;
    let (rest, _release) = stem.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_packages_are_named_by_their_file() {
        assert_eq!(source_name(b"a-b-1.0-2.3.src.rpm").as_deref(), Some("a-b"));
        assert_eq!(source_name(b"a-1-1.nosrc.rpm").as_deref(), Some("a"));
        for text in [&b"a-1.src.rpm"[..], b"a-1-1.rpm", b"-1-1.src.rpm", b"(none)"] {
            assert_eq!(source_name(text), None, "{text:?}");
        }
    }
}
