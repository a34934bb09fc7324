//! Keeps the indices of mirrored distributions fresh and fetches packages when a root needs them.
//!
//! An archive is believed only as far as its signed `InRelease` goes: every index and every package is checked against the
//! digests that lead there. What the packages mean is planning's business. Read [`refresh`] first.

mod archive;
mod download;
mod index;
mod reconcile;
mod refresh;

pub(crate) use download::{Download, DownloadError, download};
pub(crate) use index::{PackageFile, read_index};
pub(crate) use reconcile::{State, ask_soon, refresh_project, run_once};
