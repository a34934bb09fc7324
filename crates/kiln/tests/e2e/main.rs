//! The program as a whole: a real server process, real clients, real signals.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared with the tests of the service, which use more of it")]
#[path = "../../../service/tests/it/archive.rs"]
mod archive;
mod builds;
mod client;
mod config;
mod copr_client;
mod death;
mod demo;
mod kit;
