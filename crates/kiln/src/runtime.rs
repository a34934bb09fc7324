//! What commands that wait need: threads, TLS, logging. Commands that only compute do without.

use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

use crate::env;
use crate::failure::{Exit, Failure};

/// Starts logging and the threads of a command.
///
/// # Errors
/// If the system has no threads left.
pub(crate) fn start(server: bool) -> Result<Runtime, Failure> {
    start_logging(server);
    // Fails only if there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Broken, format!("threads can not be started: {error}")))
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
