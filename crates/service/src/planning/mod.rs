//! Gives every pending task a verdict and prepares what can run.

use crate::ServiceError;
use crate::background::Pass;
use crate::inner::Inner;

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug, Default)]
pub(crate) struct State {}

/// One pass: idempotent, re-reads the state of things.
///
/// # Errors
/// If the pass could not be ended; it is run again.
pub(crate) async fn run_once(_inner: &Inner) -> Result<Pass, ServiceError> {
    Ok(Pass::default())
}
