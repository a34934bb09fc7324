use model::Timestamp;
use store::{Blobs, Store};

use crate::background::Reconciler;
use crate::{ServiceConfig, mirror, planning, publish, sources};

/// What every part of the service shares.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: ServiceConfig,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) mirror: mirror::State,
    pub(crate) planning: planning::State,
    pub(crate) publish: publish::State,
    pub(crate) sources: sources::State,
}

impl Inner {
    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    /// Makes a reconciler run soon. Cheap; many pokes are one pass.
    pub(crate) fn poke(&self, _reconciler: Reconciler) {
        todo!()
    }

    /// Tells followers that a build, a task or a log changed.
    pub(crate) fn changed(&self) {
        todo!()
    }

    /// Tells workers that something may be claimable.
    pub(crate) fn poke_workers(&self) {
        todo!()
    }
}
