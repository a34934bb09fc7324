//! rpm-md repositories, as dnf, zypper and libsolv read them: `repodata/repomd.xml` and what it names.
//!
//! Reading: [`Repomd`] (whose bytes [`Repomd::parse_signed`] has verified) names the files, [`open_file`] compares and
//! decompresses one, [`read_primary`], [`read_filelists`] and [`read_other`] read them; [`find_owners`] looks for some paths.
//! Writing: a [`PackageXml`] for each package, then [`write_repodata`], or [`write_repodata_from`] where most of them stay in a
//! store. The manual is `docs/formats/rpm-md.5.md`.

mod digest;
mod lists;
mod outline;
mod owners;
mod package;
mod primary;
mod repomd;
mod text;
mod write;
mod xml;

use std::io;
use std::sync::Arc;

pub use digest::{FileDigest, FileHasher};
pub use lists::{Change, FilelistsEntry, ListedFile, OtherEntry, PackageId, read_filelists, read_other};
pub use outline::{PackageOutline, StoredPackageError};
pub use owners::find_owners;
pub use package::{PackageFile, PackageXml, PackageXmlError};
pub use primary::{PrimaryEntry, read_primary};
pub use repomd::{Repomd, RepomdFile, open_file};
pub use write::{ExtraFile, RepodataError, RepodataSettings, write_repodata, write_repodata_from};

pub use crate::chunks::{ChunkCache, ChunkWork, LayoutError};
pub use crate::output::OutputFile;

use crate::pgp::VerifyError;

/// What is accepted of a file.
#[derive(Debug, Clone, Copy)]
pub struct RpmMdLimits {
    /// Uncompressed bytes.
    pub bytes: u64,
    /// Bytes of one package.
    pub package_bytes: usize,
    /// Bytes of one tag or text.
    pub event_bytes: usize,
    /// Packages.
    pub entries: u64,
}

impl Default for RpmMdLimits {
    fn default() -> Self {
        Self { bytes: 8 << 30, package_bytes: 128 << 20, event_bytes: 4 << 20, entries: 2_000_000 }
    }
}

/// What was found in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RpmMdSummary {
    /// Packages given to the caller.
    pub entries: u64,
    /// Packages left out: they lack a field, have no digest of the SHA-2 family, or lie elsewhere.
    pub skipped: u64,
}

/// Why a file of a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RpmMdError {
    /// The caller's reader, or the decompressor, failed.
    #[error("{file}: can not be read")]
    Read {
        /// `primary.xml` and so on.
        file: String,
        /// What the reader said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Not XML.
    #[error("{file}: not readable as XML near byte {position}")]
    Malformed {
        /// `primary.xml` and so on.
        file: &'static str,
        /// Where reading stopped, in uncompressed bytes.
        position: u64,
        /// What the parser said.
        #[source]
        source: XmlError,
    },
    /// XML that metadata never needs and that only attacks have, or something else entirely.
    #[error("{file}: {what}")]
    Refused {
        /// `primary.xml` and so on.
        file: &'static str,
        /// What it has.
        what: &'static str,
    },
    /// Larger than the limits allow.
    #[error("{file}: {what} exceeds the limit of {limit}")]
    TooLarge {
        /// `primary.xml` and so on.
        file: &'static str,
        /// What is too large.
        what: &'static str,
        /// What is allowed.
        limit: u64,
    },
    /// Not the bytes that `repomd.xml` speaks of.
    #[error("{path}: {bytes} bytes with checksum {found}, but repomd.xml says {expected}")]
    ChecksumMismatch {
        /// Path of the file.
        path: String,
        /// Its size.
        bytes: u64,
        /// Its digest.
        found: Box<FileDigest>,
        /// The digest it should have.
        expected: Box<FileDigest>,
    },
    /// Nobody we trust has signed it.
    #[error("repomd.xml: not signed by a key that is trusted")]
    Signature(#[source] VerifyError),
}

/// What the XML library said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct XmlError(#[from] quick_xml::Error);
