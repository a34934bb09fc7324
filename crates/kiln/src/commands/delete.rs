use clap::Args;

use super::client;
use crate::failure::Failure;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of the build.
    build: i64,
}

/// Deletes a finished build with its results.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags) -> Result<(), Failure> {
    client(flags)?.delete(&format!("/builds/{}", arguments.build)).await
}
