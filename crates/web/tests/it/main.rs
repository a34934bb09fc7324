//! The interface over real sockets: a router on a service in a temporary folder, on a free port.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
mod copr;
mod files;
mod hooks;
mod hostile;
mod hostile_more;
mod kit;
mod native;
mod obs_links;
mod pages;
mod recorded;
mod refusals;
mod v3;
