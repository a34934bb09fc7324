//! Reads package files (deb and rpm) from bytes the caller opened.
//!
//! Bounded on hostile input, never panics, opens nothing itself. One module a format; read [`deb::DebReader`] or
//! [`rpm::RpmReader`] first.

mod ar;
mod path;

pub mod compression;
pub mod cpio;
pub mod deb;
mod likeness;
pub mod rpm;
pub mod tar;
