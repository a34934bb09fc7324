//! Makes source trees for builds that wait for one: fetches or collects the files, checks them against the recipe, reads
//! name and version.
//!
//! It decides nothing about what is built where; that is planning. Which kind of source a file is says
//! [`crate::formats::Submission`]. Read [`run_once`] first.

mod address;
mod cause;
mod collect;
mod dsc;
mod fetching;
mod handed;
pub(crate) mod job;
mod make;
mod reconcile;
mod remote;
mod signature;
mod spec;
mod srpm;
mod target_specs;

pub(crate) use reconcile::{State, run_once};
