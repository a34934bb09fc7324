//! Which runner runs jobs: the engine, or for tests one that needs no root.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use engine::JobRunner;
use engine::fake::FakeEngine;
use pkg::Arch;

use crate::failure::{Exit, Failure};

/// If this process is the engine's helper inside a sandbox, does its work and says how it ended.
pub(crate) fn sandbox_helper() -> Option<ExitCode> {
    None
}

/// The runner; `state` is the engine's own folder.
///
/// # Errors
/// If this machine can not run it.
pub(crate) fn runner(_state: &Path, fake: bool) -> Result<Arc<dyn JobRunner>, Failure> {
    if fake {
        return Ok(Arc::new(FakeEngine));
    }
    Err(Failure::new(Exit::Broken, "this program was built without an engine"))
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
