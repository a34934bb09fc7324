//! Services: scripts of our own that run as a job in a root and make files of a package.
//!
//! A revision with services is one build without targets, whose source is made by a job. What the job leaves is kept as a
//! derived tree: the package's own files with `_service:NAME:FILE` beside them. Builds get them without what stands before
//! the second colon.

mod compose;
mod run;

pub(crate) use compose::problem_of;
pub(crate) use run::{
    after_services, delegation, keep_made, needs_services, plain_names, start_services, with_services,
};
