//! One file a command.

pub(crate) mod account;
pub(crate) mod build;
pub(crate) mod cancel;
pub(crate) mod config;
pub(crate) mod delete;
pub(crate) mod dist;
pub(crate) mod download;
pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod project;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod why;

use crate::client::Client;
use crate::failure::Failure;
use crate::settings::{ClientFlags, resolve};

/// A client for the server the flags, the environment or the settings file name.
fn client(flags: &ClientFlags) -> Result<Client, Failure> {
    Client::new(resolve(flags)?)
}
