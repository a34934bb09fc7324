//! Gives every pending task a verdict and prepares what can run.
//!
//! Decides nothing itself: it gathers what [`sched::plan`] needs, then carries out what it says. Read [`run_once`] first.

mod config;
mod group;
mod kept;
mod outcome;
mod path;
mod reconcile;
mod world;

pub(crate) use path::expand as expand_path;
pub(crate) use reconcile::{State, run_once};
