//! Reads and writes repository metadata, and signs it through a signer it is given.
//!
//! Takes and gives bytes only: fetching, storing and switching are the caller's. One module a format.

pub mod compress;
pub mod debian;
