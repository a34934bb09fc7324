//! Which runner runs jobs: the engine, or for tests one that needs no root.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::fake::FakeEngine;
use engine::{Engine, EngineConfig, EngineError, JobRunner};
use pkg::Arch;

use crate::failure::{Exit, Failure, chain};

/// The runner; `state` is the engine's own folder, `authorities` the file of whom jobs trust that make sources. Opening the engine tries a sandbox, which takes a moment.
///
/// # Errors
/// If this machine can not run it.
pub(crate) async fn runner(
    state: &Path,
    fake: bool,
    authorities: Option<PathBuf>,
) -> Result<Arc<dyn JobRunner>, Failure> {
    if fake {
        return Ok(Arc::new(FakeEngine));
    }
    let config = EngineConfig { source_authorities: authorities, ..EngineConfig::new(state.to_owned()) };
    let opened = tokio::task::spawn_blocking(move || Engine::open(config)).await;
    match opened {
        Ok(Ok(engine)) => Ok(Arc::new(engine)),
        Ok(Err(error)) => Err(engine_failure(&error)),
        Err(panic) => Err(Failure::new(Exit::Broken, format!("the engine can not be opened: {panic}"))),
    }
}

fn engine_failure(error: &EngineError) -> Failure {
    let exit = match error {
        EngineError::Busy { .. } => Exit::Busy,
        EngineError::State { .. } | EngineError::Machine { .. } => Exit::Broken,
    };
    Failure::new(exit, chain(error))
}

/// The architectures this machine can build for, its own first.
pub(crate) fn arches() -> Vec<Arch> {
    let names: &[&str] = match std::env::consts::ARCH {
        "x86_64" => &["x86_64", "i586"],
        "aarch64" => &["aarch64", "armv7l"],
        other => &[other],
    };
    names.iter().filter_map(|name| Arch::parse(name).ok()).collect()
}
