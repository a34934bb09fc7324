//! Debian archives, as APT reads them (Debian's repository format page, apt-secure(8), `sources.list(5)`).
//!
//! Reading: [`Release`] (of an `InRelease` that [`crate::pgp::Keyring`] has verified) names the indices,
//! [`read_packages`] and [`read_sources`] read them. Writing: a [`Stanza`] for each package, then [`write_suite`].

mod date;
mod index;
mod pool;
mod release;
mod sources;
mod stanza;
mod suite;

pub use crate::chunks::ChunkCache;
pub use crate::output::{OutputFile, is_safe_path};
pub use date::{format_date, parse_date};
pub use index::{IndexEntry, IndexError, IndexLimits, IndexSummary, open_index, read_packages};
pub use pool::{deb_file_name, pool_path};
pub use release::{IndexFile, Release, ReleaseError, ReleaseFile};
pub use sources::{SourceEntry, SourceIndexFile, newest_source, read_sources};
pub use stanza::{PoolFile, Stanza, StanzaError};
pub use suite::{SuiteSettings, WriteError, write_suite};
