//! Fetches files over HTTP and HTTPS: bounded, verified, retried. What a file means is the caller's business.
//!
//! Every answer goes into a temporary file, its digest computed on the way; nothing is believed because a server said it.
//! Read [`Fetcher::fetch`] first.

mod address;
mod client;
mod error;

pub(crate) use client::{Fetched, FetchedFile, Fetcher, FetcherSettings, Validators, Wanted};
pub(crate) use error::FetchError;
