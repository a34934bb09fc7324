//! The program: one binary for the server, the worker inside it, and the client.

mod cli;
mod client;
mod commands;
mod env;
mod failure;
mod local;
mod memory;
mod output;
mod runner;
mod settings;
mod source;
mod watch;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::failure::{Exit, Failure};
use crate::output::Output;

fn main() -> ExitCode {
    // Before anything else: the helper inside a sandbox is this program again, and must stay single-threaded.
    engine::run_helper_if_asked();
    memory::give_back_large_buffers();
    let cli = cli::Cli::parse();
    let output = Output { json: cli.json };
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn start(cli: cli::Cli) -> Result<(), Failure> {
    start_logging(cli.is_server());
    // Fails only if there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Broken, format!("threads can not be started: {error}")))?;
    let result = runtime.block_on(cli::run(cli));
    // A job that does not obey must not keep the program alive.
    runtime.shutdown_background();
    result
}

fn start_logging(server: bool) {
    use std::io::IsTerminal as _;
    let usual = if server { "warn,kiln=info,service=info,engine=info,web=info" } else { "warn" };
    let wanted = env::text(env::LOG).unwrap_or_else(|| usual.to_owned());
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
