//! What a package is apart from when and where it was built: two builds with equal likeness install the same.
//!
//! It errs on the side of difference: whatever is not known to be of the time or the place of a build counts.
//!
//! Rule: what build-compare leaves out for the Open Build Service; unlike it, files inside are compared byte for byte.

use std::io::{self, Read};

use pkg::{Sha256, Sha256Hasher};

use crate::deb::{DebError, DebReader};
use crate::rpm::{RpmPackage, Tag};
use crate::tar::Entry;

const COPY_BYTES: usize = 64 << 10;

/// Entries of a header that say when and where a package was built, or that follow from that.
const OF_THE_BUILD: [Tag; 11] = [
    // The regions, which name all entries.
    Tag(61),
    Tag(62),
    Tag(63),
    Tag::BUILD_TIME,
    Tag::BUILD_HOST,
    Tag::FILE_MTIMES,
    Tag::ARCHIVE_SIZE,
    // A cookie of host and time.
    Tag(1094),
    Tag::FILE_DEVICES,
    Tag::FILE_INODES,
    // Which file the source package was.
    Tag(1146),
];

/// Digests of the payload, which has the times of files in it. They are left out if every file has its own.
const OF_THE_PAYLOAD: [Tag; 2] = [Tag(5092), Tag(5097)];

/// Fields, each with its length, so that no two lists run into the same bytes.
struct Fields(Sha256Hasher);

impl Fields {
    fn new(kind: &str) -> Self {
        let mut fields = Self(Sha256Hasher::new());
        fields.text(kind.as_bytes());
        fields
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.number(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.update(bytes);
    }

    fn entry(&mut self, entry: &Entry) {
        self.text(&entry.path);
        self.text(format!("{:?}", entry.kind).as_bytes());
        let (major, minor) = entry.device;
        for number in [entry.bytes, entry.mode.into(), entry.uid, entry.gid, major.into(), minor.into()] {
            self.number(number);
        }
        for text in [&entry.user, &entry.group, &entry.link] {
            self.text(text);
        }
    }

    /// Everything a reader gives, whose length is among the fields already.
    fn content(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            self.0.update(buffer.get(..count).unwrap_or_default());
        }
    }
}

impl RpmPackage {
    /// Equal for packages that differ in nothing but when and where they were built, and how they are signed.
    ///
    /// Everything in the header counts but the time and host of the build, times, devices and inodes of files, and what is
    /// computed from those; the digests of the files stand for the payload.
    #[must_use]
    pub fn likeness(&self) -> Sha256 {
        let header = self.header();
        let has_digests = header.has(Tag::FILE_DIGESTS);
        let is_of_the_build = |tag: &Tag| OF_THE_BUILD.contains(tag) || (has_digests && OF_THE_PAYLOAD.contains(tag));
        let mut fields = Fields::new("rpm");
        for tag in header.tags().filter(|tag| !is_of_the_build(tag)) {
            fields.number(tag.0.into());
            if let Some((kind, count, bytes)) = header.raw(tag) {
                fields.number(kind.into());
                fields.number(u64::try_from(count).unwrap_or(u64::MAX));
                fields.text(bytes);
            }
        }
        fields.0.finish()
    }
}

impl<R: Read> DebReader<R> {
    /// Equal for packages that differ in nothing but when and where they were built: everything counts but the times of files
    /// and how the archives are compressed. Reads all of the data.
    ///
    /// # Errors
    /// As [`DebReader::list`].
    pub fn likeness(mut self) -> Result<Sha256, DebError> {
        let mut fields = Fields::new("deb");
        for file in &self.control().files {
            fields.text(file.name.as_bytes());
            fields.number(file.mode.into());
            fields.text(&file.bytes);
        }
        fields.text(b"data");
        let mut entries = self.entries()?;
        while let Some(entry) = entries.next_entry().map_err(|source| DebError::Tar { member: "data.tar", source })? {
            fields.entry(&entry);
            fields.content(&mut entries).map_err(|source| DebError::Read { member: "data.tar", source })?;
        }
        Ok(fields.0.finish())
    }
}
