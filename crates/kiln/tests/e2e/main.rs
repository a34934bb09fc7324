//! The program as a whole: a real server process, real clients, real signals.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod apt;
mod browser;
mod builds;
mod client;
mod config;
mod copr_client;
mod death;
mod demo;
mod dnf;
mod hostile;
mod kit;
mod oidc;
mod osc;
mod osc_accounts;
mod osc_build;
mod osc_kit;
mod osc_links;
mod osc_projects;
mod rpm;
mod schemathesis;
mod sources;
mod webdriver;
mod why;
