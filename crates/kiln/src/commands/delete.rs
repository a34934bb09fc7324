use clap::Args;

use super::client;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of the build.
    build: i64,
}

/// Deletes a finished build with its results.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    client(flags)?.delete(&format!("/builds/{}", arguments.build)).await?;
    let answer = serde_json::json!({"deleted": {"build": arguments.build}});
    output.result(&answer, |output| output.line(format!("build {} is deleted", arguments.build)));
    Ok(())
}
