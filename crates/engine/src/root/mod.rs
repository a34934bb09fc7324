//! Prepared roots: made from packages once, kept by digest, shared read-only.
//!
//! What differs between package formats is behind [`RootFormat`]; nothing else here asks for the format.

mod base;
mod cache;
mod deb;
mod packages;
mod rpm;

use model::RootSpec;
use pkg::PackageFormat;

use crate::sandbox::protocol::Action;

pub(crate) use base::PACKAGES_FOLDER;
pub(crate) use cache::{Lease, RootCache, root_digest};
pub(crate) use packages::{PackageCache, ProvideError, Provided, Wanted};
pub(crate) use rpm::HOME as HOME_OF_RPM;

/// The build user and group inside; the number is the one OBS uses for `abuild`.
pub(crate) const BUILD_USER: u32 = 399;
/// Name of the build user and group.
pub(crate) const BUILD_USER_NAME: &str = "abuild";

/// Changes whenever the same packages would give another root; part of every root's digest.
pub(crate) const ROOT_LAYOUT_VERSION: u32 = 1;

/// How roots of one package format are made.
pub(crate) trait RootFormat: Sync {
    /// What file names of packages end with.
    fn extension(&self) -> &'static str;

    /// Puts every package where it is wanted, in the form the root's installer shall see.
    ///
    /// # Errors
    /// The first failure, with the number of the package.
    fn provide(
        &self,
        cache: &PackageCache,
        wanted: &[Wanted<'_>],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Provided, (usize, ProvideError)>;

    /// The actions that make a root; `files` are the names of the packages below [`PACKAGES_FOLDER`], in order.
    fn preparation(&self, root: &RootSpec, files: &[String], provided: &Provided) -> Vec<Action>;

    /// What a line the installer printed says of a failure.
    fn complaint(&self, line: &str) -> Option<Complaint>;
}

/// What an installer says of a package it could not handle.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Which one, if the line says.
    pub package: Option<String>,
    /// What happened, if the line says.
    pub message: Option<String>,
}

/// How roots of a format are made; `None` if this engine can not.
pub(crate) fn format(format: PackageFormat) -> Option<&'static dyn RootFormat> {
    match format {
        PackageFormat::Deb => Some(&deb::Deb),
        PackageFormat::Rpm => Some(&rpm::Rpm),
        PackageFormat::Arch | PackageFormat::Apk => None,
    }
}
