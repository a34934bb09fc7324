use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::inner::Inner;
use crate::{ReconcilerStatus, Service, ServiceError, leases, mirror, planning, prune, publish, sources, trees};

/// How soon a reconciler that failed runs again, if nobody pokes it.
const AFTER_ERROR: Duration = Duration::from_secs(10);

/// Shortest time between two passes that nobody poked.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// Shortest rest after something was published.
const PUBLISH_REST: Duration = Duration::from_secs(1);

/// Shortest and longest rest after something was planned.
const PLANNING_REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Longest rest after packages were to be built again.
const CHANGES_REST: Duration = Duration::from_secs(20);

/// How long a stop waits for passes to end by themselves.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);

/// The reconcilers: idempotent background work that re-reads the state of things, poked and periodic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reconciler {
    /// Makes source trees for builds that wait for one.
    Sources,
    /// Builds packages again whose files are made from others that changed.
    Links,
    /// Gives verdicts, and prepares what can run.
    Planning,
    /// Builds again what is built with something that has changed, where projects ask for that.
    Changes,
    /// Keeps the indices of mirrored distributions fresh.
    Mirror,
    /// Brings published repositories to what the results say.
    Publish,
    /// Takes back jobs whose worker is silent, and wakes workers when a task may be tried again.
    Leases,
    /// Deletes blobs and logs that nothing refers to.
    Prune,
}

impl Reconciler {
    /// Every reconciler, in the order of a build's life.
    pub(crate) const ALL: [Self; 8] = [
        Self::Sources,
        Self::Links,
        Self::Planning,
        Self::Changes,
        Self::Mirror,
        Self::Publish,
        Self::Leases,
        Self::Prune,
    ];

    /// Its name and how long it sleeps when nobody pokes it.
    pub(crate) const fn traits(self) -> (&'static str, Duration) {
        match self {
            Self::Sources => ("sources", Duration::from_secs(30)),
            Self::Links => ("links", Duration::from_secs(60)),
            Self::Planning => ("planning", Duration::from_secs(60)),
            Self::Changes => ("changes", Duration::from_secs(60)),
            Self::Mirror => ("mirror", Duration::from_secs(60)),
            Self::Publish => ("publish", Duration::from_secs(60)),
            Self::Leases => ("leases", Duration::from_secs(30)),
            Self::Prune => ("prune", Duration::from_secs(3600)),
        }
    }

    /// How long pokes wait after a pass that took so long and changed something, so that a burst of them is one more pass.
    ///
    /// The first poke after a quiet time never waits.
    fn rest(self, took: Duration) -> Duration {
        match self {
            // Signs and writes whole indices, whether one package is new or a hundred are.
            Self::Publish => PUBLISH_REST.max(took),
            // May have to put the packages of a distribution together again.
            Self::Planning => took.clamp(PLANNING_REST.0, PLANNING_REST.1),
            // Looks at every package of what has changed.
            Self::Changes => (took * 2).clamp(PLANNING_REST.0, CHANGES_REST),
            Self::Sources | Self::Links | Self::Mirror | Self::Leases | Self::Prune => Duration::ZERO,
        }
    }

    async fn run_once(self, inner: &Inner) -> Result<Pass, ServiceError> {
        match self {
            Self::Sources => sources::run_once(inner).await,
            Self::Links => trees::run_once(inner).await,
            Self::Planning => planning::run_once(inner).await,
            Self::Changes => planning::follow_changes(inner).await,
            Self::Mirror => mirror::run_once(inner).await,
            Self::Publish => publish::run_once(inner).await,
            Self::Leases => leases::run_once(inner).await,
            Self::Prune => prune::run_once(inner).await,
        }
    }
}

/// What one pass of a reconciler did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pass {
    /// How many things it changed.
    pub(crate) changes: u64,
    /// When it wants to run again, if that is before its period.
    pub(crate) again_in: Option<Duration>,
}

/// How each reconciler fared last.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<BTreeMap<Reconciler, ReconcilerStatus>>);

impl Reports {
    /// Every reconciler, those that never ran included.
    pub(crate) fn all(&self) -> Vec<ReconcilerStatus> {
        let reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Reconciler::ALL.map(|one| reports.get(&one).cloned().unwrap_or_else(|| unused(one))).into()
    }

    fn note(&self, reconciler: Reconciler, began: Timestamp, took: Duration, result: &Result<Pass, ServiceError>) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let report = reports.entry(reconciler).or_insert_with(|| unused(reconciler));
        report.passes += 1;
        report.last_started_at = Some(began);
        report.last_duration = took;
        report.last_changes = result.as_ref().map_or(0, |pass| pass.changes);
        report.last_error = result.as_ref().err().map(chain);
    }
}

const fn unused(reconciler: Reconciler) -> ReconcilerStatus {
    ReconcilerStatus {
        name: reconciler.traits().0,
        passes: 0,
        last_started_at: None,
        last_duration: Duration::ZERO,
        last_changes: 0,
        last_error: None,
    }
}

/// An error with all its causes in one line.
pub(crate) fn chain(error: &ServiceError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// One pass, noted in the status.
async fn pass(inner: &Inner, reconciler: Reconciler) -> Result<Pass, ServiceError> {
    let (began, clock) = (inner.now(), Instant::now());
    let result = reconciler.run_once(inner).await;
    inner.reports.note(reconciler, began, clock.elapsed(), &result);
    result
}

async fn keep_running(inner: Arc<Inner>, reconciler: Reconciler, stop: CancellationToken) {
    let (name, period) = reconciler.traits();
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = inner.poked(reconciler) => {}
            () = tokio::time::sleep(wait) => {}
        }
        let begun = Instant::now();
        let ended = pass(&inner, reconciler).await;
        if ended.as_ref().is_ok_and(|pass| pass.changes > 0) {
            let rest = reconciler.rest(begun.elapsed());
            if stop.run_until_cancelled(tokio::time::sleep(rest)).await.is_none() {
                return;
            }
        }
        wait = match ended {
            Ok(pass) => pass.again_in.map_or(period, |soon| soon.clamp(SHORTEST_WAIT, period)),
            Err(error) => {
                tracing::warn!(reconciler.name = name, "the pass of {name} failed: {}", chain(&error));
                AFTER_ERROR.min(period)
            }
        };
    }
}

/// The running background work; dropped, it is aborted, which loses nothing.
#[derive(Debug)]
pub struct Background {
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Background {
    /// Lets every reconciler end its pass, and waits for that, but not for long: a pass may wait for a slow server, and one
    /// that is cut off is made again at the next start.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let ended = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(LONGEST_GOODBYE, ended).await.is_err() {
            self.running.shutdown().await;
        }
    }
}

impl Service {
    /// Starts the background work. Call it once, inside a tokio runtime.
    #[must_use]
    pub fn start(&self) -> Background {
        let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
        for reconciler in Reconciler::ALL {
            running.spawn(keep_running(Arc::clone(&self.inner), reconciler, stop.clone()));
        }
        Background { stop, running }
    }

    /// Runs one pass of a reconciler now, by the name it has in the status; gives how many things it changed.
    ///
    /// # Errors
    /// [`ServiceError::BadValue`] if there is no such reconciler; else why the pass failed.
    pub async fn reconcile(&self, name: &str) -> Result<u64, ServiceError> {
        let reconciler = Reconciler::ALL.into_iter().find(|one| one.traits().0 == name);
        let reconciler = reconciler.ok_or_else(|| ServiceError::BadValue {
            field: "reconciler",
            detail: format!("{name:?} is none; there are {}", Reconciler::ALL.map(|one| one.traits().0).join(", ")),
        })?;
        Ok(pass(&self.inner, reconciler).await?.changes)
    }
}
