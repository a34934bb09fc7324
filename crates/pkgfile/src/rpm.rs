//! RPM packages: a lead, a signature header, a header, and a compressed cpio archive.
//!
//! Reads what the package says of itself, compares its digests, and streams its content; signatures are noticed and not
//! checked, unpacking is the caller's. Read [`RpmReader`] first; the manual is `docs/formats/rpm.5.md`.

mod files;
mod header;
mod package;
mod relation;
mod tag;
mod write;

use std::io::{self, Read, Write};

use pkg::{Sha256, Sha256Hasher};

pub use self::files::{ListedFile, RpmFile};
pub use self::header::Header;
pub use self::package::{ChangelogEntry, RpmPackage, Script, SignatureKind};
pub use self::relation::{Relation, RelationKind};
pub use self::tag::Tag;
pub use self::write::HeaderWriter;
use crate::compression::{Bounded, Compression, Decoder};
use crate::cpio::{CpioEntry, CpioError, CpioLimits, CpioReader};

const LEAD_BYTES: usize = 96;
const COPY_BYTES: usize = 64 << 10;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// What is accepted of a package.
#[derive(Debug, Clone, Copy)]
pub struct RpmLimits {
    /// Bytes of the signature header.
    pub signature_bytes: u64,
    /// Bytes of the header.
    pub header_bytes: u64,
    /// Uncompressed bytes of the payload.
    pub payload_bytes: u64,
    /// What is accepted of the archive in it.
    pub cpio: CpioLimits,
}

impl Default for RpmLimits {
    fn default() -> Self {
        Self { signature_bytes: 16 << 20, header_bytes: 64 << 20, payload_bytes: 64 << 30, cpio: CpioLimits::default() }
    }
}

/// Why a package could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RpmError {
    /// The file does not start as packages do.
    #[error("not an rpm package")]
    Lead,
    /// A header is missing or makes no sense.
    #[error("the {which} of the package is damaged")]
    Header {
        /// `header` or `signature header`.
        which: &'static str,
    },
    /// A header is longer than allowed.
    #[error("the {which} of the package has more than {limit_bytes} bytes")]
    HeaderTooLong {
        /// `header` or `signature header`.
        which: &'static str,
        /// How many are allowed.
        limit_bytes: u64,
    },
    /// The file list is longer than allowed.
    #[error("the paths of the package have more than {limit_bytes} bytes")]
    PathsTooLong {
        /// How many are allowed.
        limit_bytes: usize,
    },
    /// A text every package must have is missing or not usable.
    #[error("the package has no usable {field}")]
    MissingField {
        /// `name`, `version`, `release` or `architecture`.
        field: &'static str,
    },
    /// The header is not the one the package was made with.
    #[error("the header has the digest {found}, but the package says {expected}")]
    HeaderDigest {
        /// What the package says.
        expected: String,
        /// What was computed.
        found: Sha256,
    },
    /// The payload is not the one the package was made with.
    #[error("the payload has the digest {found}, but the package says {expected}")]
    PayloadDigest {
        /// What the package says.
        expected: String,
        /// What was computed.
        found: Sha256,
    },
    /// The payload is not a cpio archive, or compressed in a way we do not know.
    #[error("payload {what:?} is not supported")]
    UnsupportedPayload {
        /// The format or compressor.
        what: String,
    },
    /// The archive is damaged or hostile.
    #[error("the payload is damaged")]
    Cpio(#[source] CpioError),
    /// The caller's reader failed, or the package ends too early.
    #[error("the {part} can not be read")]
    Read {
        /// Which part.
        part: &'static str,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// The caller's writer failed.
    #[error("the copy of the package can not be written")]
    Write(#[source] io::Error),
}

/// Whether bytes were compared with what the package says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestCheck {
    /// They are right.
    Verified(Sha256),
    /// The package has no SHA-256 digest of them.
    Absent,
}

/// A package whose headers have been read, in front of its payload.
#[derive(Debug)]
pub struct RpmReader<R> {
    lead: [u8; LEAD_BYTES],
    payload: Hashing<R>,
    package: RpmPackage,
    limits: RpmLimits,
}

/// The uncompressed bytes of the payload.
pub type Payload<'a, R> = Bounded<Decoder<&'a mut Hashing<R>>>;

impl<R: Read> RpmReader<R> {
    /// Reads the headers and stops in front of the payload.
    ///
    /// # Errors
    /// [`RpmError`] if this is not a package, is damaged, exceeds the limits, or if the header does not have the SHA-256
    /// digest the package says it has.
    pub fn open(mut reader: R, limits: RpmLimits) -> Result<Self, RpmError> {
        let mut lead = [0; LEAD_BYTES];
        match reader.read_exact(&mut lead) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(RpmError::Lead),
            Err(source) => return Err(RpmError::Read { part: "lead", source }),
        }
        let [.., major, _, _, kind] = lead.first_chunk::<8>().copied().unwrap_or_default();
        // The last two bytes of the signature's type: only type 5, a header, has been in use for decades.
        let is_known =
            lead.starts_with(&LEAD_MAGIC) && (3..=6).contains(&major) && kind <= 1 && lead.get(79) == Some(&5);
        if !is_known {
            return Err(RpmError::Lead);
        }
        let signature = Header::read(&mut reader, "signature header", limits.signature_bytes)?;
        let signature_length = signature.as_bytes().len();
        let padding = signature_length.next_multiple_of(8) - signature_length;
        let read_error = |source| RpmError::Read { part: "signature header", source };
        reader.read_exact(&mut [0_u8; 8][..padding]).map_err(read_error)?;
        let header = Header::read(&mut reader, "header", limits.header_bytes)?;
        let header_start = LEAD_BYTES + signature_length + padding;
        let package = RpmPackage::new(signature, header, u64::try_from(header_start).unwrap_or(u64::MAX))?;
        let payload = Hashing { reader, hasher: Sha256Hasher::new(), peeked: Vec::new() };
        Ok(Self { lead, payload, package, limits })
    }

    /// The lead: the bytes in front of the signature header.
    pub const fn lead(&self) -> &[u8] {
        &self.lead
    }

    /// What the headers say.
    pub const fn package(&self) -> &RpmPackage {
        &self.package
    }

    /// Gives away what the headers say; for callers that do not want the payload.
    pub fn into_package(self) -> RpmPackage {
        self.package
    }

    /// The uncompressed bytes of the payload; to be asked for once.
    ///
    /// # Errors
    /// [`RpmError`] if the payload's format or compression is not supported. Damage shows while reading.
    pub fn payload(&mut self) -> Result<Payload<'_, R>, RpmError> {
        let compression = match self.package.payload_compression()? {
            Some(compression) => compression,
            None => self.payload.guess_compression().map_err(|source| RpmError::Read { part: "payload", source })?,
        };
        let decoder = Decoder::new(&mut self.payload, compression)
            .map_err(|source| RpmError::Read { part: "payload", source })?;
        Ok(Bounded::new(decoder, self.limits.payload_bytes))
    }

    /// The members of the payload, checked: no absolute paths, no `..`. To be asked for once.
    ///
    /// # Errors
    /// As [`RpmReader::payload`].
    pub fn entries(&mut self) -> Result<CpioReader<Payload<'_, R>>, RpmError> {
        let limits = self.limits.cpio;
        let described = self.package.described_members()?;
        Ok(CpioReader::with_descriptions(self.payload()?, limits, described))
    }

    /// Reads what is left of the payload as it is, and compares its digest. Needs not be decompressed for that.
    ///
    /// # Errors
    /// [`RpmError::PayloadDigest`] if it is another one; [`RpmError::Read`] if the reader fails.
    pub fn verify_payload(self) -> Result<DigestCheck, RpmError> {
        self.copy_payload(&mut io::sink()).map(|(check, _)| check)
    }

    /// As [`RpmReader::verify_payload`], and writes what it reads, as it is; says how many bytes these were. What was written
    /// is worthless after an error.
    ///
    /// # Errors
    /// As [`RpmReader::verify_payload`], and [`RpmError::Write`].
    pub fn copy_payload(mut self, writer: &mut dyn Write) -> Result<(DigestCheck, u64), RpmError> {
        let mut buffer = vec![0; COPY_BYTES];
        let mut length = 0;
        loop {
            let count = match self.payload.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(RpmError::Read { part: "payload", source }),
            };
            writer.write_all(buffer.get(..count).unwrap_or_default()).map_err(RpmError::Write)?;
            length += u64::try_from(count).unwrap_or_default();
        }
        let Some(expected) = self.package.payload_digest() else { return Ok((DigestCheck::Absent, length)) };
        let found = self.payload.hasher.finish();
        if expected.eq_ignore_ascii_case(&found.to_string()) {
            Ok((DigestCheck::Verified(found), length))
        } else {
            Err(RpmError::PayloadDigest { expected, found })
        }
    }

    /// All members of the payload, without their content; the payload's digest is compared too.
    ///
    /// # Errors
    /// As [`RpmReader::payload`] and [`RpmReader::verify_payload`], and if the archive is damaged or hostile.
    pub fn list(mut self) -> Result<Vec<CpioEntry>, RpmError> {
        let mut entries = self.entries()?;
        let mut list = Vec::new();
        while let Some(entry) = entries.next_entry().map_err(RpmError::Cpio)? {
            list.push(entry);
        }
        drop(entries);
        self.verify_payload()?;
        Ok(list)
    }
}

/// Computes a digest of everything that is read through it.
#[derive(Debug)]
pub struct Hashing<R> {
    reader: R,
    hasher: Sha256Hasher,
    /// Bytes that were looked at before they are read.
    peeked: Vec<u8>,
}

impl<R: Read> Hashing<R> {
    /// For packages that do not name a compression: rpm takes gzip, whose reader lets plain bytes through.
    fn guess_compression(&mut self) -> io::Result<Compression> {
        const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
        self.reader.by_ref().take(2).read_to_end(&mut self.peeked)?;
        Ok(if self.peeked == GZIP_MAGIC { Compression::Gzip } else { Compression::None })
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = if self.peeked.is_empty() {
            self.reader.read(buffer)?
        } else {
            let count = self.peeked.as_slice().read(buffer)?;
            self.peeked.drain(..count);
            count
        };
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// The compression a header names.
fn compression_named(name: &[u8]) -> Option<Compression> {
    Some(match name {
        b"gzip" => Compression::Gzip,
        b"bzip2" => Compression::Bzip2,
        b"xz" => Compression::Xz,
        b"lzma" => Compression::Lzma,
        b"zstd" => Compression::Zstd,
        b"none" | b"identity" => Compression::None,
        _ => return None,
    })
}
