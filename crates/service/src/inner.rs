use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fs_err as fs;
use model::{JobId, Timestamp};
use store::{BlobError, Blobs, Store};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::accounts::{Passwords, Provider};
use crate::background::{Reconciler, Reports};
use crate::{ServiceConfig, ServiceError, mirror, planning, publish, sources};

/// Jobs whose logs share a folder.
const LOGS_A_FOLDER: i64 = 1000;

/// Longest wait for work without a look; a wake-up can not be lost, this only bounds what a bug would cost.
const LONGEST_WAIT_FOR_WORK: Duration = Duration::from_secs(60);

/// What every part of the service shares.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: ServiceConfig,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) mirror: mirror::State,
    pub(crate) planning: planning::State,
    pub(crate) following: planning::ChangeState,
    pub(crate) publish: publish::State,
    pub(crate) sources: sources::State,
    pub(crate) passwords: Passwords,
    pub(crate) oidc: Option<Provider>,
    pub(crate) reports: Reports,
    changes: watch::Sender<u64>,
    work: Notify,
    pokes: [Notify; Reconciler::ALL.len()],
    stops: Mutex<HashMap<JobId, CancellationToken>>,
    /// Held as long as this program uses the data folder.
    _lock: File,
}

impl Inner {
    /// Makes the folders, takes the data folder for this program, opens the database.
    pub(crate) async fn open(config: ServiceConfig) -> Result<Self, ServiceError> {
        for folder in ["blobs", "logs"] {
            fs::create_dir_all(config.data_dir.join(folder))?;
        }
        let lock = lock(&config)?;
        let oidc = config.oidc.clone().map(Provider::new).transpose()?;
        let sources = sources::State::open(&config).await?;
        let blobs = Blobs::open(&config.data_dir.join("blobs"))?;
        let store = Store::open(&config.data_dir.join("kiln.db")).await?;
        Ok(Self {
            config,
            store,
            blobs,
            mirror: mirror::State::default(),
            planning: planning::State::default(),
            following: planning::ChangeState::default(),
            publish: publish::State::default(),
            sources,
            passwords: Passwords::default(),
            oidc,
            reports: Reports::default(),
            changes: watch::Sender::new(1),
            work: Notify::new(),
            pokes: std::array::from_fn(|_| Notify::new()),
            stops: Mutex::default(),
            _lock: lock,
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    /// Makes a reconciler run soon. Cheap; many pokes are one pass.
    pub(crate) fn poke(&self, reconciler: Reconciler) {
        self.pokes[reconciler as usize].notify_one();
        // Whatever can make a plan another one can make what was built before out of date.
        if reconciler == Reconciler::Planning {
            self.pokes[Reconciler::Changes as usize].notify_one();
        }
    }

    /// Resolves when somebody has poked a reconciler since it last asked.
    pub(crate) async fn poked(&self, reconciler: Reconciler) {
        self.pokes[reconciler as usize].notified().await;
    }

    /// Tells followers that a build, a task or a log changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) async fn wait_for_change(&self, seen: u64) -> u64 {
        let mut changes = self.changes.subscribe();
        changes.wait_for(|count| *count != seen).await.map_or(seen, |count| *count)
    }

    /// Tells workers that something may be claimable: those that wait, and the next one that comes to wait.
    pub(crate) fn poke_workers(&self) {
        self.work.notify_waiters();
        self.work.notify_one();
    }

    pub(crate) async fn wait_for_work(&self) {
        // Either way the worker looks again.
        let _elapsed = tokio::time::timeout(LONGEST_WAIT_FOR_WORK, self.work.notified()).await;
    }

    /// Makes the token that says that a job must stop.
    pub(crate) fn stop_token(&self, job: JobId) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).entry(job).or_default();
    }

    pub(crate) fn known_stop_token(&self, job: JobId) -> Option<CancellationToken> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).get(&job).cloned()
    }

    /// Says that a job must stop, or has ended.
    pub(crate) fn stop_job(&self, job: JobId) {
        if let Some(token) = self.stops.lock().unwrap_or_else(PoisonError::into_inner).remove(&job) {
            token.cancel();
        }
    }

    /// Where the log of a job is.
    pub(crate) fn log_path(&self, job: JobId) -> PathBuf {
        let folder = (job.get() / LOGS_A_FOLDER).to_string();
        self.config.data_dir.join("logs").join(folder).join(format!("{job}.log"))
    }

    /// Does something with the blob folder on a thread that may block.
    pub(crate) async fn with_blobs<T, F>(&self, work: F) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        F: FnOnce(&Blobs) -> Result<T, BlobError> + Send + 'static,
    {
        let blobs = self.blobs.clone();
        blocking(move || work(&blobs)).await?.map_err(ServiceError::Blob)
    }
}

/// Runs something on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ServiceError::Failed { what: "a helper thread died".to_owned(), source: error.into() })
}

fn lock(config: &ServiceConfig) -> Result<File, ServiceError> {
    let path = config.data_dir.join("lock");
    let file = fs::File::create(&path)?.into_parts().0;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServiceError::Unavailable {
            what: config.data_dir.display().to_string(),
            detail: "another program uses this data folder".to_owned(),
        }),
        Err(TryLockError::Error(error)) => {
            Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())).into())
        }
    }
}
