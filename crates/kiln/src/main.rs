//! The program: one binary for the server, the worker inside it, and the client.

mod cli;
mod client;
mod commands;
mod env;
mod failure;
mod local;
mod lsp;
mod machine;
mod memory;
mod oidc;
mod output;
mod runner;
mod runtime;
mod settings;
mod source;
mod source_jobs;
mod watch;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

use crate::failure::Answer;
use crate::output::Output;

fn main() -> ExitCode {
    // Before anything else: the helper inside a sandbox is this program again, and must stay single-threaded.
    engine::run_helper_if_asked();
    memory::give_back_large_buffers();
    let cli = cli::Cli::parse();
    let output = Output { json: cli.json };
    match cli::start(cli) {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}
