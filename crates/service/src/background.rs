use std::time::Duration;

/// The reconcilers: idempotent background work that re-reads the state of things, poked and periodic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reconciler {
    /// Makes source trees for builds that wait for one.
    Sources,
    /// Gives verdicts, and prepares what can run.
    Planning,
    /// Keeps the indices of mirrored distributions fresh.
    Mirror,
    /// Brings published repositories to what the results say.
    Publish,
    /// Takes back jobs whose worker is silent.
    Leases,
    /// Deletes blobs that nothing refers to.
    Prune,
}

/// What one pass of a reconciler did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pass {
    /// How many things it changed.
    pub(crate) changes: u64,
    /// When it wants to run again, if that is before its period.
    pub(crate) again_in: Option<Duration>,
}

/// The running background work.
#[derive(Debug)]
pub struct Background {}

impl Background {
    /// Lets every reconciler end its pass, and waits for that.
    pub async fn stop(self) {
        todo!()
    }
}
