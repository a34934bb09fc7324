//! What tests share: small worlds of packages as text, a web server that misbehaves on demand, keys
//! that sign. Never part of a program.
#![expect(clippy::unwrap_used, reason = "a fixture that fails must fail the test")]

pub mod archive;
pub mod deb;
pub mod http;
pub mod openpgp;
pub mod rpm_archive;
pub mod rpm_distribution;
pub mod rpm_file;
pub mod rpm_raw;
pub mod srpm;
pub mod world;
