//! The words of packaging: names, architectures, versions and their orderings, dependency expressions, checksums.
//!
//! Knows nothing of build services, files or networks. Read [`PackageMeta`] first.

mod arch;
mod checksum;
mod format;
mod meta;
mod recipe_kind;

pub mod deb822;
pub mod dep;
pub mod problem;
pub mod version;

pub use arch::{Arch, ArchError};
pub use checksum::{Checksum, ChecksumError, Md5, Md5Hasher, Sha256, Sha256Hasher};
pub use format::PackageFormat;
pub use meta::{MultiArch, PackageMeta};
pub use recipe_kind::RecipeKind;
