//! The wire and screen words of Kiln: the Copr dialect, Kiln's own interface, repositories and results as files, pages.
//!
//! Knows neither the store nor the engine. Read [`router`] first; [`Server`] carries it over sockets.

mod address;
mod app;
mod auth;
mod body;
mod copr;
mod files;
mod guesses;
mod incident;
mod multipart;
pub mod native;
mod obs;
mod pages;
mod query;
mod server;
mod session;
mod signature;
mod upload;

pub use app::{WebOptions, router};
pub use server::{Server, ServerOptions};
