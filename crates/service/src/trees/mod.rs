//! The files of packages as they are meant: links put together, edits of them kept as links, differences, branches.
//!
//! A tree is named by the MD5 of its file list, or, if it was put together, by the MD5 of what it was made from; either kind is
//! found under its name for as long as the package is there. [`Listing`] is what everything here gives; `chain` follows links.

mod aggregate;
mod branch;
mod chain;
mod commit;
mod diff;
mod listing;
mod reconcile;
mod services;
mod special;
mod texts;

pub(crate) use aggregate::aggregate_of;
pub use branch::{BranchWish, Branched, CopyWish};
pub(crate) use chain::Own;
pub use commit::CommitHow;
pub use diff::{DiffWish, Difference, FileDifference};
pub(crate) use listing::{Effective, main_of};
pub use listing::{LinkView, Listing, ServiceState, ServiceView, TreeWish};
pub(crate) use reconcile::{link_target, run_once};
pub(crate) use services::{delegation, keep_made, needs_services, start_services};
pub(crate) use special::{check_special, constraints_of, flavor_name, flavored, with_flavor};
