use std::io;

use pkg::Sha256;

use super::package::PackageXml;
use crate::chunks::Piece;
use crate::compress;
use crate::fields::{Fields, push_number};
use crate::output::is_safe_path;
use pkgfile::compression::Compression;

/// First bytes of a stored package. To be changed with what [`PackageXml::new`] writes, so that all are made again.
const MAGIC: &[u8; 16] = b"kiln rpm-md 1\0\0\0";
/// Bytes the three elements of one package may have together, uncompressed.
const TEXTS_BYTES_MOST: u64 = 1 << 30;

/// Digests and lengths of a package's elements: what [`super::write_repodata_from`] needs of packages that did not change.
///
/// The first bytes of [`PackageXml::to_bytes`] are one, hence callers with many packages hold or read only these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageOutline {
    location: String,
    elements: [Piece; 3],
}

/// Stored bytes that are no package of ours, are damaged or of another version: it has to be made again from the file.
#[derive(Debug, thiserror::Error)]
#[error("stored metadata of a package can not be used: {what}")]
pub struct StoredPackageError {
    what: &'static str,
    #[source]
    source: Option<io::Error>,
}

const fn unusable(what: &'static str) -> StoredPackageError {
    StoredPackageError { what, source: None }
}

impl PackageOutline {
    pub(super) fn of(location: String, texts: [&str; 3]) -> Self {
        Self { location, elements: texts.map(Piece::of) }
    }

    /// Path of the file, relative to the repository's root; what files are sorted by.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    pub(super) const fn elements(&self) -> &[Piece; 3] {
        &self.elements
    }

    /// Reads the beginning of what [`PackageXml::to_bytes`] gave; what comes behind is not looked at. An outline takes 128 bytes
    /// and the location.
    ///
    /// # Errors
    /// [`StoredPackageError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredPackageError> {
        Self::split(bytes).map(|(outline, _)| outline)
    }

    /// The outline, and what is behind it.
    fn split(bytes: &[u8]) -> Result<(Self, &[u8]), StoredPackageError> {
        let fields = bytes.strip_prefix(MAGIC).ok_or_else(|| unusable("it is of another version"))?;
        Self::read(Fields::new(fields)).ok_or_else(|| unusable("its outline is damaged"))
    }

    fn read(mut fields: Fields<'_>) -> Option<(Self, &[u8])> {
        let mut piece = || {
            let bytes = u64::try_from(fields.number()?).ok()?;
            Some(Piece { bytes, sha256: fields.sha256()? })
        };
        let elements = [piece()?, piece()?, piece()?];
        let length = fields.number()?;
        let location = std::str::from_utf8(fields.take(length)?).ok().filter(|path| is_safe_path(path))?;
        Some((Self { location: location.to_owned(), elements }, fields.rest()))
    }

    /// The form that [`PackageOutline::from_bytes`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for element in &self.elements {
            push_number(&mut bytes, usize::try_from(element.bytes).unwrap_or(usize::MAX));
            bytes.extend(element.sha256.as_bytes());
        }
        push_number(&mut bytes, self.location.len());
        bytes.extend(self.location.as_bytes());
        bytes
    }
}

impl PackageXml {
    /// The form to be stored, for instance under the digest of the package's file: the outline, and the three elements as one
    /// zstd frame. The same elements give the same bytes as long as the compressor is the same.
    ///
    /// # Errors
    /// If the compressor can not get its memory.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = self.outline().to_bytes();
        let text = [self.primary(), self.filelists(), self.other()].concat();
        bytes.extend(compress::compress_fast(text.as_bytes())?);
        Ok(bytes)
    }

    /// Reads what [`PackageXml::to_bytes`] gave. Memory grows with what is there, up to 1 GiB; digests are compared, so the
    /// elements are those of back then.
    ///
    /// # Errors
    /// [`StoredPackageError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredPackageError> {
        let (outline, frame) = PackageOutline::split(bytes)?;
        let length = outline.elements.iter().try_fold(0_u64, |sum, element| sum.checked_add(element.bytes));
        let length = length.filter(|length| *length <= TEXTS_BYTES_MOST).ok_or_else(|| unusable("it is too long"))?;
        let text = compress::decompress(frame, Compression::Zstd, length)
            .map_err(|source| StoredPackageError { what: "its elements are damaged", source: Some(source) })?;
        let text = String::from_utf8(text).map_err(|_| unusable("its elements are not text"))?;
        let mut rest = text.as_str();
        let mut texts = [const { String::new() }; 3];
        for (own, element) in texts.iter_mut().zip(&outline.elements) {
            let place = usize::try_from(element.bytes).unwrap_or(usize::MAX);
            let (text, behind) = rest.split_at_checked(place).ok_or_else(|| unusable("its elements are cut off"))?;
            if Sha256::of(text.as_bytes()) != element.sha256 {
                return Err(unusable("its elements are others"));
            }
            text.clone_into(own);
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(unusable("something is behind its elements"));
        }
        Ok(Self::with_outline(outline, texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> PackageXml {
        let lines = "<file>/usr/share/ä</file>\n".repeat(100);
        PackageXml::from_elements("Packages/a.rpm".into(), "<package>a</package>\n".into(), lines, String::new())
    }

    #[test]
    fn what_is_stored_is_read_back_and_begins_with_its_outline() {
        let bytes = sample().to_bytes().unwrap();
        assert_eq!(PackageXml::from_bytes(&bytes).unwrap(), sample());
        assert!(bytes.len() < 400, "{}", bytes.len());
        let length = 16 + 3 * 36 + 4 + "Packages/a.rpm".len();
        assert_eq!(PackageOutline::from_bytes(&bytes[..length]).unwrap(), *sample().outline());
        assert!(PackageOutline::from_bytes(&bytes[..length - 1]).is_err());
    }

    #[test]
    fn damage_is_never_taken_for_a_package() {
        let bytes = sample().to_bytes().unwrap();
        for place in 0..bytes.len() {
            for flip in [1, 0x80] {
                let mut damaged = bytes.clone();
                damaged[place] ^= flip;
                // Another location is the only thing that is not protected; the caller knows which package it asked for.
                if let Ok(package) = PackageXml::from_bytes(&damaged) {
                    assert_eq!((package.primary(), package.other()), (sample().primary(), ""), "at {place}");
                }
            }
            assert!(PackageXml::from_bytes(&bytes[..place]).is_err(), "up to {place}");
        }
        let longer = [bytes.as_slice(), &compress::compress(b"x", Compression::Zstd).unwrap()].concat();
        assert!(PackageXml::from_bytes(&longer).is_err());
    }

    #[test]
    fn a_length_that_lies_costs_no_memory() {
        let mut bytes = MAGIC.to_vec();
        for length in [1_u32 << 29, 1 << 28, 0] {
            bytes.extend(length.to_be_bytes());
            bytes.extend([0; 32]);
        }
        bytes.extend([0, 0, 0, 1, b'a']);
        let frame = compress::compress(b"x", Compression::Zstd).unwrap();
        assert!(PackageXml::from_bytes(&[bytes.as_slice(), &frame].concat()).is_err());
        let mut long = bytes;
        long[16] = 0xff;
        assert_eq!(
            PackageXml::from_bytes(&long).unwrap_err().to_string(),
            "stored metadata of a package can not be used: it is too long"
        );
    }
}
