//! The command line: which commands there are, and what is common to them.

use clap::{Parser, Subcommand};

use crate::commands::{build, cancel, delete, dist, download, log, project, serve, status, submit, token, user};
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

/// Builds packages in fresh roots and publishes signed repositories.
#[derive(Debug, Parser)]
#[command(
    name = "kiln",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 ok, 1 build failed, 2 invalid, 3 denied, 4 missing, 5 conflicting, 6 busy, 7 broken."
)]
pub(crate) struct Cli {
    /// Print results for machines: JSON, a value a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    client: ClientFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server, with a worker inside.
    Serve(serve::Arguments),
    /// Build one package on this machine, without a server.
    Build(build::Arguments),
    /// Submit a build to a project.
    Submit(submit::Arguments),
    /// Show the server, or one build and why it is as it is.
    Status(status::Arguments),
    /// Show the log of a build.
    Log(log::Arguments),
    /// Download the results of a build.
    Download(download::Arguments),
    /// Cancel a build.
    Cancel(cancel::Arguments),
    /// Delete a finished build.
    Delete(delete::Arguments),
    /// Create, show and configure projects.
    #[command(subcommand)]
    Project(project::Command),
    /// Add and list distributions.
    #[command(subcommand)]
    Dist(dist::Command),
    /// Show who is logged in, and create users.
    #[command(subcommand)]
    User(user::Command),
    /// Create a token for a user.
    Token(token::Arguments),
}

impl Cli {
    /// Whether the command is the server, whose log is its voice.
    pub(crate) const fn is_server(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }
}

/// Runs the command.
///
/// # Errors
/// Why it did not do what it was asked for.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let output = Output { json: cli.json };
    let flags = &cli.client;
    match cli.command {
        Command::Serve(arguments) => serve::run(arguments, output).await,
        Command::Build(arguments) => build::run(arguments, output).await,
        Command::Submit(arguments) => submit::run(arguments, flags, output).await,
        Command::Status(arguments) => status::run(arguments, flags, output).await,
        Command::Log(arguments) => log::run(arguments, flags, output).await,
        Command::Download(arguments) => download::run(arguments, flags, output).await,
        Command::Cancel(arguments) => cancel::run(arguments, flags, output).await,
        Command::Delete(arguments) => delete::run(arguments, flags, output).await,
        Command::Project(command) => project::run(command, flags, output).await,
        Command::Dist(command) => dist::run(command, flags, output).await,
        Command::User(command) => user::run(command, flags, output).await,
        Command::Token(arguments) => token::run(arguments, flags, output).await,
    }
}
