//! Reads and writes repository metadata, and signs it and rpm packages through a signer it is given.
//!
//! Takes and gives bytes only: fetching, storing and switching are the caller's. One module a format.

mod chunks;
mod fields;
mod output;

pub mod compress;
pub mod debian;
pub mod pgp;
pub mod rpmmd;
pub mod rpmsign;

pub use chunks::{ChunkCache, ChunkWork, LayoutError};
pub use output::{OutputFile, is_safe_path};
