//! Runs one [`model::JobSpec`]: prepares the root, runs the recipe in a sandbox, streams the log, hands over results.
//!
//! Synchronous: threads and child processes. The only crate with privileges. Read [`JobRunner`] first.

mod api;
pub mod fake;

pub use api::{CancelToken, HandoverError, JobFiles, JobRunner, JobSink};
