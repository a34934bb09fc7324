//! Makes source trees for builds that wait for one: fetches or collects the files, checks them against the recipe, reads
//! name and version.
//!
//! It decides nothing about architectures or configurations; that is planning. Read [`run_once`] first.

mod address;
mod collect;
mod make;
mod recipe_file;
mod reconcile;
mod signature;

pub(crate) use reconcile::{State, run_once};
