//! Reads package files (deb; later rpm and Arch) from bytes the caller opened.
//!
//! Bounded on hostile input, never panics, opens nothing itself. One module a format; read [`deb::DebReader`] first.

mod ar;

pub mod compression;
pub mod deb;
pub mod tar;
