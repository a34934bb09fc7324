//! Brings published repositories to what the results say; answers what is published.
//!
//! A publication is a map from paths to blobs, switched in one transaction. Paths of packages never change their content:
//! they contain the number of the build. What disappears stays readable for [`reconcile::GRACE`], so that a client in the
//! middle of an update does not break. Read [`run_once`] first.

mod apt;
mod archive;
mod kept;
mod key;
mod reconcile;
mod results;
mod rpmmd;
mod serve;

pub(crate) use reconcile::{State, outlines_folder, run_once};
pub(crate) use results::current_results;
pub(crate) use rpmmd::placed_path;
pub(crate) use serve::published;
