use std::io::Read;
use std::sync::Arc;

use pkgfile::compression::{Compression, Decoder};

use super::xml::{Token, Xml};
use super::{FileDigest, RpmMdError, RpmMdLimits};
use crate::output::is_safe_path;
use crate::pgp::{Keyring, Verified};

const FILE: &str = "repomd.xml";
/// Most files a `repomd.xml` may name.
const LIMIT_FILES: usize = 1000;
/// Most bytes a `repomd.xml` may have.
const LIMIT_BYTES: u64 = 16 << 20;

/// What `repomd.xml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repomd {
    /// Mostly the time of its making in seconds since 1970, but any text is allowed.
    pub revision: String,
    /// The files, in order; those that can not be used are left out, see [`Repomd::skipped`].
    pub files: Vec<RepomdFile>,
    /// Files left out: no digest of the SHA-2 family, or a path that leads elsewhere.
    pub skipped: u64,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepomdFile {
    /// `primary`, `filelists`, `other`, `updateinfo`, `group`, `modules` and so on.
    pub kind: String,
    /// Path relative to the repository's root, with `repodata/` in front.
    pub path: String,
    /// Digest of the file.
    pub digest: FileDigest,
    /// Size of the file in bytes, if it is given.
    pub bytes: Option<u64>,
    /// Digest of the uncompressed content, if it is given.
    pub open_digest: Option<FileDigest>,
    /// Size of the uncompressed content in bytes, if it is given.
    pub open_bytes: Option<u64>,
    /// Time of its making in seconds since 1970, if it is given.
    pub made_at: Option<i64>,
}

impl RepomdFile {
    /// How the file is compressed, by its name.
    #[must_use]
    pub fn compression(&self) -> Compression {
        Compression::from_file_name(&self.path)
    }
}

#[derive(Debug, Default)]
struct Draft {
    kind: String,
    path: Option<String>,
    digest: Option<FileDigest>,
    open_digest: Option<FileDigest>,
    /// Kind of the digest whose text comes.
    digest_kind: String,
    bytes: Option<u64>,
    open_bytes: Option<u64>,
    made_at: Option<i64>,
}

impl Repomd {
    /// Reads a `repomd.xml`.
    ///
    /// # Errors
    /// [`RpmMdError`] if it is not XML of that kind, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, RpmMdError> {
        let mut bytes = bytes;
        let limits = RpmMdLimits { bytes: LIMIT_BYTES, ..RpmMdLimits::default() };
        let mut xml = Xml::new(FILE, &mut bytes, &limits);
        let mut repomd = Self::default();
        let mut draft = None;
        let mut text = String::new();
        loop {
            match xml.next()? {
                Token::Start(tag) => {
                    text.clear();
                    match (tag.depth, tag.name(), &mut draft) {
                        (1, name, _) => {
                            let name = name.to_owned();
                            xml.expect_root(&name, "repomd")?;
                        }
                        (2, "data", _) => {
                            let kind = tag.attribute("type").unwrap_or_default();
                            draft = Some(Draft { kind, ..Draft::default() });
                        }
                        (3, "checksum" | "open-checksum", Some(draft)) => {
                            draft.digest_kind = tag.attribute("type").unwrap_or_default();
                        }
                        // What has a base lies elsewhere.
                        (3, "location", Some(draft)) if tag.attribute("base").is_none() => {
                            draft.path = tag.attribute("href");
                        }
                        _ => {}
                    }
                }
                Token::Text(more) => text.push_str(&more),
                Token::End(2, tag) if tag.name() == "data" => {
                    repomd.add(draft.take().unwrap_or_default())?;
                }
                Token::End(2, tag) if tag.name() == "revision" => text.trim().clone_into(&mut repomd.revision),
                Token::End(3, tag) => {
                    if let Some(draft) = &mut draft {
                        draft.take(tag.name(), text.trim());
                    }
                }
                Token::End(..) | Token::Nothing => {}
                Token::Eof => return Ok(repomd),
            }
        }
    }

    /// Reads a `repomd.xml` that `signature` (`repomd.xml.asc`) covers; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`RpmMdError::Signature`] if no key of the keyring made it, else as [`Repomd::parse`].
    pub fn parse_signed(
        bytes: &[u8],
        signature: &[u8],
        keyring: &Keyring,
        now: i64,
    ) -> Result<(Self, Verified), RpmMdError> {
        let verified = keyring.verify_detached(bytes, signature, now).map_err(RpmMdError::Signature)?;
        Ok((Self::parse(bytes)?, verified))
    }

    /// The file of a kind; of several the first whose compression we know.
    #[must_use]
    pub fn file(&self, kind: &str) -> Option<&RepomdFile> {
        let is_readable = |file: &&RepomdFile| file.kind == kind && !has_ending(&file.path, "zck");
        self.files.iter().find(is_readable)
    }

    fn add(&mut self, draft: Draft) -> Result<(), RpmMdError> {
        if self.files.len() >= LIMIT_FILES {
            let limit = u64::try_from(LIMIT_FILES).unwrap_or(u64::MAX);
            return Err(RpmMdError::TooLarge { file: FILE, what: "number of files", limit });
        }
        let Draft { kind, path, digest, open_digest, bytes, open_bytes, made_at, .. } = draft;
        match (path.filter(|path| is_safe_path(path)), digest) {
            (Some(path), Some(digest)) => {
                self.files.push(RepomdFile { kind, path, digest, bytes, open_digest, open_bytes, made_at });
            }
            _ => self.skipped += 1,
        }
        Ok(())
    }
}

impl Draft {
    fn take(&mut self, name: &str, text: &str) {
        match name {
            "checksum" => self.digest = FileDigest::parse(&self.digest_kind, text),
            "open-checksum" => self.open_digest = FileDigest::parse(&self.digest_kind, text),
            "size" => self.bytes = text.parse().ok(),
            "open-size" => self.open_bytes = text.parse().ok(),
            // Old tools wrote fractions of a second.
            "timestamp" => self.made_at = text.split('.').next().and_then(|seconds| seconds.parse().ok()),
            _ => {}
        }
    }
}

fn has_ending(path: &str, ending: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, last)| last == ending)
}

/// The uncompressed content of a fetched file, for [`super::read_primary`] and its like, or as it is for those that are only
/// passed through.
///
/// # Errors
/// [`RpmMdError::ChecksumMismatch`] if these are not the bytes that `repomd.xml` speaks of, [`RpmMdError::Read`] if the
/// decompressor can not get its memory.
pub fn open_file<'a>(file: &RepomdFile, bytes: &'a [u8]) -> Result<impl Read + use<'a>, RpmMdError> {
    let found = file.digest.of_same_kind(bytes);
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found != file.digest || file.bytes.is_some_and(|expected| expected != length) {
        let (path, found, expected) = (file.path.clone(), Box::new(found), Box::new(file.digest));
        return Err(RpmMdError::ChecksumMismatch { path, bytes: length, found, expected });
    }
    Decoder::new(bytes, file.compression())
        .map_err(|source| RpmMdError::Read { file: file.path.clone(), source: Arc::new(source) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b";

    fn data(kind: &str, path: &str, digest_kind: &str, digest: &str) -> String {
        format!(
            "<data type=\"{kind}\"><checksum type=\"{digest_kind}\">{digest}</checksum><location href=\"{path}\"/>\
             <timestamp>1700000000.5</timestamp><size>12</size><open-size>x</open-size></data>"
        )
    }

    fn parse(content: &str) -> Result<Repomd, RpmMdError> {
        Repomd::parse(format!("<repomd xmlns=\"x\"><revision> 7 </revision>{content}</repomd>").as_bytes())
    }

    #[test]
    fn files_are_read_and_unusable_ones_counted() {
        let content = data("primary", "repodata/primary.xml.zst", "sha256", SHA)
            + &data("primary", "../primary.xml", "sha256", SHA)
            + &data("other", "repodata/other.xml", "sha", &SHA[..40])
            + &data("modules", "repodata/modules.yaml.gz", "sha512", &SHA.repeat(2));
        let repomd = parse(&content).unwrap();
        assert_eq!((repomd.revision.as_str(), repomd.files.len(), repomd.skipped), ("7", 2, 2));
        let primary = repomd.file("primary").unwrap();
        assert_eq!((primary.bytes, primary.open_bytes, primary.made_at), (Some(12), None, Some(1_700_000_000)));
        assert_eq!(primary.compression(), Compression::Zstd);
        assert!(matches!(open_file(primary, b"abc").map(|_| ()), Err(RpmMdError::ChecksumMismatch { .. })));
    }

    #[test]
    fn a_page_instead_of_metadata_is_refused() {
        for text in ["<html><body/></html>", "", "not found"] {
            assert!(matches!(Repomd::parse(text.as_bytes()), Err(RpmMdError::Refused { .. })), "{text}");
        }
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let content = data("primary", "repodata/primary.xml", "sha256", SHA).repeat(LIMIT_FILES + 1);
        assert!(matches!(parse(&content), Err(RpmMdError::TooLarge { .. })));
    }
}
