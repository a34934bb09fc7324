use std::io::{self, Read, Seek, SeekFrom, Write};

use pkg::{Sha256, Sha256Hasher};
use pkgfile::rpm::{Header, HeaderWriter, RpmError, RpmLimits, RpmPackage, RpmReader, Tag};

use crate::pgp::{SignError, SigningKey};

/// A package that [`sign_package`] has written.
#[derive(Debug, Clone)]
pub struct SignedPackage {
    /// Digest of the whole file.
    pub sha256: Sha256,
    /// Size of the whole file.
    pub bytes: u64,
    /// What its headers say; the place of the header and the signature header are those of the signed file.
    pub package: RpmPackage,
}

/// Why a package was not signed; what was written so far is worthless.
#[derive(Debug, thiserror::Error)]
pub enum SignPackageError {
    /// It can not be read, is damaged, or the copy can not be written.
    #[error("the package can not be copied")]
    Package(#[source] RpmError),
    /// A format of packages whose signatures look differently.
    #[error("packages of rpm's format {format} are not signed")]
    Format {
        /// What the package says: 6 for those that rpm 6 can make.
        format: u64,
    },
    /// The reader could not go back to its start.
    #[error("the package can not be read twice")]
    Seek(#[source] io::Error),
    /// The signer failed.
    #[error("the package can not be signed")]
    Sign(#[source] SignError),
}

/// Entries of a signature header that say something of the package and stay as they are. Everything else is dropped: signatures
/// of others, and what we do not know.
const KEPT: [Tag; 12] = [
    Tag::SIG_SHA1,
    Tag::SIG_LONG_SIZE,
    Tag::SIG_LONG_ARCHIVE_SIZE,
    Tag::SIG_SHA256,
    Tag::SIG_FILE_SIGNATURES,
    Tag::SIG_FILE_SIGNATURE_LENGTH,
    Tag::SIG_VERITY_SIGNATURES,
    Tag::SIG_VERITY_SIGNATURE_ALGO,
    Tag::SIG_SHA3_256,
    Tag::SIG_SIZE,
    Tag::SIG_MD5,
    Tag::SIG_PAYLOAD_SIZE,
];

/// A signature header up to this length keeps its length, as far as its reserved space allows; what is longer was made to waste
/// space.
const KEPT_LENGTH: usize = 64 << 10;
/// What the entry of the reserved space costs beside its bytes.
const RESERVED_ENTRY_BYTES: usize = 16;

/// Writes a package again with a signature by `key` in place of those it had.
///
/// The signature is over the header, which has the payload's digest; packages without that digest, or with one of another kind
/// than SHA-256 (made by rpm before 4.14), also get one over header and payload. The reader is read more than once. Header and
/// payload are copied byte by byte, and compared with the digests the package has of them: a damaged package is not signed.
/// `now` is the signature's time in seconds since 1970; the same package, key and time give the same bytes, and where the package
/// has reserved space, as rpmbuild leaves it, its header stays where it was. Memory is that of the headers; the payload is not
/// decompressed.
///
/// # Errors
/// [`SignPackageError`].
pub fn sign_package(
    reader: &mut (impl Read + Seek),
    writer: &mut dyn Write,
    key: &SigningKey,
    now: i64,
    limits: RpmLimits,
) -> Result<SignedPackage, SignPackageError> {
    reader.rewind().map_err(SignPackageError::Seek)?;
    let package = RpmReader::open(&mut *reader, limits).map_err(SignPackageError::Package)?.into_package();
    let header = package.header();
    if let Some(format) = header.number(Tag::RPM_FORMAT).filter(|format| *format > 4) {
        return Err(SignPackageError::Format { format });
    }
    let signature = key.detached_packet(header.as_bytes(), now).map_err(SignPackageError::Sign)?;
    let [header_tag, whole_tag] =
        if key.is_rsa() { [Tag::SIG_RSA, Tag::SIG_PGP] } else { [Tag::SIG_DSA, Tag::SIG_GPG] };
    let mut signatures = vec![(header_tag, signature)];
    if package.payload_digest().is_none() {
        reader.seek(SeekFrom::Start(package.header_range().0)).map_err(SignPackageError::Seek)?;
        let signature = key.detached_packet_of(reader, now).map_err(SignPackageError::Sign)?;
        signatures.push((whole_tag, signature));
    }
    let signature_header = signature_header(package.signature_header(), &signatures)
        .ok_or(SignPackageError::Package(RpmError::Header { which: "signature header" }))?;
    reader.rewind().map_err(SignPackageError::Seek)?;
    write(reader, writer, &signature_header, limits).map_err(SignPackageError::Package)
}

/// The old header with other signatures, as long as the old one if that is possible.
fn signature_header(old: &Header, signatures: &[(Tag, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut writer = HeaderWriter::signature_header();
    for tag in KEPT {
        writer.copy(old, tag);
    }
    for (tag, packet) in signatures {
        writer.binary(*tag, packet);
    }
    let shortest = writer.clone().finish()?;
    let wanted = old.as_bytes().len();
    let room = wanted.saturating_sub(shortest.len() + RESERVED_ENTRY_BYTES);
    if wanted > KEPT_LENGTH || room == 0 {
        return Some(shortest);
    }
    // Its tag is the highest, so no other entry moves to another boundary.
    writer.binary(Tag::SIG_RESERVED_SPACE, &vec![0; room]);
    writer.finish()
}

fn write(
    reader: &mut dyn Read,
    writer: &mut dyn Write,
    signature_header: &[u8],
    limits: RpmLimits,
) -> Result<SignedPackage, RpmError> {
    let mut writer = Counting { writer, hasher: Sha256Hasher::new(), bytes: 0 };
    let reader = RpmReader::open(reader, limits)?;
    let mut head = [reader.lead(), signature_header].concat();
    head.resize(head.len().next_multiple_of(8), 0);
    head.extend_from_slice(reader.package().header().as_bytes());
    writer.write_all(&head).map_err(RpmError::Write)?;
    // Read again as any reader will see it.
    let package = RpmReader::open(head.as_slice(), limits)?.into_package();
    reader.copy_payload(&mut writer)?;
    writer.flush().map_err(RpmError::Write)?;
    Ok(SignedPackage { sha256: writer.hasher.finish(), bytes: writer.bytes, package })
}

struct Counting<'w> {
    writer: &'w mut dyn Write,
    hasher: Sha256Hasher,
    bytes: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.writer.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.bytes += u64::try_from(count).unwrap_or_default();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
