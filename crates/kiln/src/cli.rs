//! The command line: which commands there are, and what is common to them.

use clap::{Parser, Subcommand};

use crate::commands::{
    build, cancel, config, delete, dist, download, group, log, project, serve, status, submit, token, user, why,
};
use crate::failure::{Answer, Failure};
use crate::output::Output;
use crate::runtime;
use crate::settings::ClientFlags;

/// Builds packages in fresh roots and publishes signed repositories.
#[derive(Debug, Parser)]
#[command(
    name = "kiln",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 ok, 1 build failed or configurations differ, 2 invalid, 3 denied, 4 missing, 5 conflicting, 6 busy, 7 broken."
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
    #[command(flatten)]
    Waiting(WaitingCommand),
    /// Check, show, compare and lay out build configurations, files or those of projects.
    #[command(subcommand)]
    Config(config::Command),
}

/// The commands that talk to somebody.
#[derive(Debug, Subcommand)]
enum WaitingCommand {
    /// Run the server, with a worker inside.
    Serve(Box<serve::Arguments>),
    /// Build one package on this machine, without a server.
    Build(build::Arguments),
    /// Submit a build to a project.
    Submit(submit::Arguments),
    /// Show the server, or one build and why it is as it is.
    Status(status::Arguments),
    /// Show why a package gets the root it gets, or none, and what would help.
    Why(why::Arguments),
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
    /// Show who is logged in, list and create users.
    #[command(subcommand)]
    User(user::Command),
    /// List and change groups of users.
    #[command(subcommand)]
    Group(group::Command),
    /// Create, list or revoke tokens of a user.
    Token(token::Arguments),
}

/// Runs the command.
///
/// # Errors
/// Why it did not do what it was asked for.
pub(crate) fn start(cli: Cli) -> Result<Answer, Failure> {
    let output = Output { json: cli.json };
    match cli.command {
        Command::Config(command) => config::run(command, &cli.client, output),
        Command::Waiting(command) => {
            // The server's log is its voice.
            let runtime = runtime::start(matches!(command, WaitingCommand::Serve(_)))?;
            let result = runtime.block_on(run(command, &cli.client, output));
            // A job that does not obey must not keep the program alive.
            runtime.shutdown_background();
            result.map(|()| Answer::Yes)
        }
    }
}

async fn run(command: WaitingCommand, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    match command {
        WaitingCommand::Serve(arguments) => serve::run(*arguments, output).await,
        WaitingCommand::Build(arguments) => build::run(arguments, output).await,
        WaitingCommand::Submit(arguments) => submit::run(arguments, flags, output).await,
        WaitingCommand::Status(arguments) => status::run(arguments, flags, output).await,
        WaitingCommand::Why(arguments) => why::run(arguments, flags, output).await,
        WaitingCommand::Log(arguments) => log::run(arguments, flags, output).await,
        WaitingCommand::Download(arguments) => download::run(arguments, flags, output).await,
        WaitingCommand::Cancel(arguments) => cancel::run(arguments, flags, output).await,
        WaitingCommand::Delete(arguments) => delete::run(arguments, flags, output).await,
        WaitingCommand::Project(command) => project::run(command, flags, output).await,
        WaitingCommand::Dist(command) => dist::run(command, flags, output).await,
        WaitingCommand::User(command) => user::run(command, flags, output).await,
        WaitingCommand::Group(command) => group::run(command, flags, output).await,
        WaitingCommand::Token(arguments) => token::run(arguments, flags, output).await,
    }
}
