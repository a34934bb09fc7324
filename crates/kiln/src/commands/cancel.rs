use clap::Args;
use web::native::wire::BuildAnswer;

use super::client;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of the build.
    build: i64,
}

/// Cancels a build.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let path = format!("/builds/{}/cancel", arguments.build);
    let answer: BuildAnswer = client.post(&path, &serde_json::json!({})).await?;
    output.result(&answer, |output| output.line(format!("build {} is canceled", arguments.build)));
    Ok(())
}
