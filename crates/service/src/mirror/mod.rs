//! Keeps the indices of mirrored distributions fresh and fetches packages when a root needs them.
//!
//! An archive is believed only as far as its signed table of contents goes (`InRelease`, `repomd.xml`): every index and every
//! package is checked against the digests that lead there. What the packages mean is planning's business. Read [`refresh`] first.

mod archive;
mod debian;
mod digest;
mod download;
mod index;
mod reconcile;
mod refresh;
mod rpmmd;

pub(crate) use digest::{DigestNames, load_names};
pub(crate) use download::{Download, DownloadError, download};
pub(crate) use index::{PackageFile, read_indices};
pub(crate) use reconcile::{State, ask_soon, refresh_project, run_once};
