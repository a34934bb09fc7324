//! Prepared roots: made from packages once, kept by digest, shared read-only.

mod cache;
mod deb;
mod packages;

pub(crate) use cache::{Lease, RootCache, root_digest};
pub(crate) use deb::{PACKAGES_FOLDER, preparation};
pub(crate) use packages::{PackageCache, RepackError, Wanted};

/// The build user and group inside; the number is the one OBS uses for `abuild`.
pub(crate) const BUILD_USER: u32 = 399;
/// Name of the build user and group.
pub(crate) const BUILD_USER_NAME: &str = "abuild";

/// Changes whenever the same packages would give another root; part of every root's digest.
pub(crate) const ROOT_LAYOUT_VERSION: u32 = 1;
