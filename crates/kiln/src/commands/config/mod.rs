//! Build configurations: files, standard input, or those of a server's projects. One file a command.

mod check;
mod diff;
mod dump;
mod eval;
mod fmt;
mod input;
mod remote;
mod render;
mod show;

use clap::Subcommand;

use crate::failure::{Answer, Failure};
use crate::lsp;
use crate::output::Output;
use crate::settings::ClientFlags;

pub(crate) use eval::in_configuration;
pub(crate) use fmt::laid_out;
pub(crate) use input::{USUAL_ARCHES, arches, arches_to_check};
pub(crate) use render::render;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what is wrong or doubtful in configurations.
    Check(check::Arguments),
    /// Show what a configuration comes to, and where each entry is written.
    Show(show::Arguments),
    /// Print the result of an evaluation as canonical JSON.
    Dump(dump::Arguments),
    /// Evaluate an expression, a condition or a text with macros.
    Eval(eval::Arguments),
    /// Show what two configurations do differently; exits with 1 if anything.
    Diff(diff::Arguments),
    /// Lay out files; the meaning stays.
    Fmt(fmt::Arguments),
    /// Run the language server for editors, on the standard streams.
    Lsp,
}

/// Runs a command on build configurations.
pub(crate) fn run(command: Command, flags: &ClientFlags, output: Output) -> Result<Answer, Failure> {
    match command {
        Command::Check(arguments) => check::run(&arguments, flags, output).map(|()| Answer::Yes),
        Command::Show(arguments) => show::run(arguments, flags, output).map(|()| Answer::Yes),
        Command::Dump(arguments) => dump::run(&arguments, output).map(|()| Answer::Yes),
        Command::Eval(arguments) => eval::run(&arguments, flags, output).map(|()| Answer::Yes),
        Command::Diff(arguments) => diff::run(&arguments, flags, output),
        Command::Fmt(arguments) => fmt::run(&arguments, output),
        Command::Lsp => lsp::run(),
    }
}
