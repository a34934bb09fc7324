//! The program as a whole: a real server process, real clients, real signals.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod builds;
mod client;
mod config;
mod copr_client;
mod death;
mod demo;
mod hostile;
mod kit;
mod oidc;
mod osc;
mod osc_accounts;
mod osc_build;
mod osc_build_deb;
mod osc_flavors;
mod osc_kit;
mod osc_links;
mod osc_projects;
mod osc_undelete;
mod rpm;
mod schemathesis;
mod source_roots;
mod sources;
mod tools;
mod webdriver;
mod why;
