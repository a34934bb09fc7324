//! Runs one [`model::JobSpec`]: prepares the root, runs the recipe in a sandbox, streams the log, hands over results.
//!
//! Synchronous: threads and child processes. The only crate with privileges. Read [`JobRunner`] first, then [`Engine`].

mod api;
mod builder;
mod cgroup;
mod collect;
mod config;
mod engine;
pub mod fake;
mod image;
mod log;
mod root;
mod run;
mod sandbox;
mod watch;

pub use api::{CancelToken, HandoverError, JobFiles, JobRunner, JobSink};
pub use config::{EngineConfig, EngineError, HelperCommand, IdRange, PreparationLimits, Scratch};
pub use engine::Engine;
pub use sandbox::run_helper_if_asked;
