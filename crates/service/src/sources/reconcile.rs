use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use model::{BuildId, BuildSource, FailureCause, Fault, PackageName, SourceSignature, SourceState};
use repo::pgp::Keyring;
use store::{OpenSource, SourceTree, UploadedFile};

use super::job::Delegation;
use super::{make, signature};
use crate::background::{Pass, Reconciler};
use crate::crew::Crew;
use crate::fetch::{Fetcher, FetcherSettings};
use crate::inner::Inner;
use crate::{ServiceConfig, ServiceError, trees};

/// How many sources are made at once.
const AT_ONCE: usize = 4;
/// How often a pass looks for new builds and for canceled ones while it works.
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug)]
pub(crate) struct State {
    /// The keys that recipes' signatures are checked against.
    pub(super) keyring: Arc<Keyring>,
    fetcher: OnceLock<Fetcher>,
    /// Builds whose source some pass of this program is making.
    made_now: Mutex<BTreeSet<BuildId>>,
}

impl State {
    /// Reads the keyrings of a configuration.
    pub(crate) async fn open(config: &ServiceConfig) -> Result<Self, ServiceError> {
        let keyring = Arc::new(signature::read_keyrings(&config.source_keyrings).await?);
        Ok(Self { keyring, fetcher: OnceLock::new(), made_now: Mutex::default() })
    }

    /// The client that sources are fetched with.
    pub(super) fn fetcher(&self, inner: &Inner) -> Result<Fetcher, ServiceError> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher.clone());
        }
        let settings = FetcherSettings::new(inner.config.retry, inner.config.allow_private_sources);
        let made = Fetcher::new(inner.blobs.clone(), settings)?;
        Ok(self.fetcher.get_or_init(|| made).clone())
    }
}

/// A source that is complete.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) tree: SourceTree,
    pub(super) package: PackageName,
    pub(super) version: String,
}

/// What became of a try to make a source.
#[derive(Debug)]
pub(super) struct Making {
    /// Of the recipe, if that could be read.
    pub(super) signature: Option<SourceSignature>,
    pub(super) end: Result<Made, NotMade>,
}

/// Why a source was not made.
#[derive(Debug)]
pub(super) enum NotMade {
    /// The build gets this cause, at once or after further tries.
    Cause(FailureCause),
    /// A job has to make it; it is tried again when that has left its files.
    Job(Box<Delegation>),
    /// It never was to be one: services made these files of a package.
    Served(Vec<UploadedFile>),
    /// The service itself failed.
    Broken(ServiceError),
}

impl From<ServiceError> for NotMade {
    fn from(error: ServiceError) -> Self {
        Self::Broken(error)
    }
}

impl From<FailureCause> for NotMade {
    fn from(cause: FailureCause) -> Self {
        Self::Cause(cause)
    }
}

/// A source that is being made; dropped, it is being made no longer.
struct Begun<'a> {
    state: &'a State,
    open: OpenSource,
}

impl<'a> Begun<'a> {
    /// Takes a source, unless another pass has it.
    fn take(state: &'a State, open: OpenSource) -> Option<Self> {
        let is_new = state.made_now.lock().unwrap_or_else(PoisonError::into_inner).insert(open.build);
        is_new.then(|| Self { state, open })
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.state.made_now.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.open.build);
    }
}

/// One pass: makes sources, several at once, until none waits that may be tried now.
///
/// # Errors
/// If the database or the blob folder fails. What is being made then is still brought to its end; what can not be noted is
/// put back in line by the next pass.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    recover(inner).await?;
    let mut crew = Crew::new();
    let (mut changes, mut failure) = (0, None);
    loop {
        let room = if failure.is_some() { 0 } else { AT_ONCE.saturating_sub(crew.working()) };
        match crew.beside(begin_more(inner, room)).await {
            Ok(begun) => begun.into_iter().for_each(|one| crew.push(make_one(inner, one))),
            Err(error) => failure = Some(error),
        }
        if crew.is_empty() {
            break;
        }
        match crew.next_within(LOOK_AROUND).await {
            Some(Ok(())) => changes += 1,
            Some(Err(error)) => failure = Some(error),
            None => {}
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let next = inner.store.read().await?.next_source_at().await?;
    Ok(Pass { changes, again_in: next.map(|at| at.since(inner.now())) })
}

/// Puts back in line what a pass that was cut off had begun.
async fn recover(inner: &Inner) -> Result<(), ServiceError> {
    let mut session = inner.store.write().await?;
    // Only now: whoever begins a source takes it first and then needs this very session.
    let made_now = inner.sources.made_now.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let abandoned = session.recover_sources_but(&made_now).await? + session.recover_source_jobs().await?;
    session.commit().await?;
    if abandoned > 0 {
        tracing::warn!(sources = abandoned, "{abandoned} sources are made again");
    }
    Ok(())
}

/// Marks up to `room` waiting sources as being made.
async fn begin_more(inner: &Inner, room: usize) -> Result<Vec<Begun<'_>>, ServiceError> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let limit = u32::try_from(room).unwrap_or(1);
    let open = inner.store.read().await?.open_sources(inner.now(), limit).await?;
    let taken: Vec<Begun<'_>> = open.into_iter().filter_map(|one| Begun::take(&inner.sources, one)).collect();
    if taken.is_empty() {
        return Ok(taken);
    }
    let mut session = inner.store.write().await?;
    let mut legal = Vec::new();
    for one in taken {
        if session.begin_source(one.open.build).await? {
            legal.push(one);
        }
    }
    session.commit().await?;
    inner.changed();
    Ok(legal)
}

/// Makes one source and writes down how it ended.
async fn make_one(inner: &Inner, begun: Begun<'_>) -> Result<(), ServiceError> {
    let open = &begun.open;
    let making = tokio::select! {
        making = make::make(inner, open) => making,
        () = canceled(inner, open.build) => return Ok(()),
    };
    note(inner, open, making).await
}

/// Resolves when nobody wants the source of a build any more.
async fn canceled(inner: &Inner, build: BuildId) {
    loop {
        tokio::time::sleep(LOOK_AROUND).await;
        let Ok(mut session) = inner.store.read().await else { continue };
        match session.build(build).await {
            Ok(Some(found)) if found.source_state == SourceState::Running => {}
            Ok(_) => return,
            Err(error) => tracing::warn!(build.id = %build, %error, "build {build} could not be looked at"),
        }
    }
}

async fn note(inner: &Inner, open: &OpenSource, making: Making) -> Result<(), ServiceError> {
    if let Err(NotMade::Served(made)) = &making.end {
        return trees::keep_made(inner, open, made).await;
    }
    let (build, now) = (open.build, inner.now());
    let mut session = inner.store.write().await?;
    if let Some(signature) = &making.signature {
        session.put_source_signature(build, signature).await?;
    }
    match making.end {
        Ok(mut made) => {
            // What a package is called says whoever keeps its files, not the recipe among them.
            if let BuildSource::Revision { package, .. } | BuildSource::Job { package: Some(package), .. } =
                &open.source
            {
                made.package = package.clone();
            }
            session.store_source(build, &made.tree, &made.package, &made.version, now).await?;
            tracing::info!(build.id = %build, "source of build {build} is {} {}", made.package, made.version);
        }
        Err(NotMade::Broken(error)) => {
            session.postpone_source(build, now.plus(inner.config.retry.max_delay)).await?;
            session.commit().await?;
            return Err(error);
        }
        Err(NotMade::Served(_)) => {}
        Err(NotMade::Job(delegation)) => {
            let Delegation { target: (repository, arch), job } = &*delegation;
            session.delegate_source(build, (*repository, arch), job).await?;
            tracing::info!(build.id = %build, "source of build {build} is left to a job");
        }
        Err(NotMade::Cause(cause)) => {
            let again = inner.config.retry.delay_after(open.attempts + 1).filter(|_| cause.fault() == Fault::Service);
            tracing::info!(build.id = %build, again = again.is_some(), "source of build {build}: {cause}");
            match again {
                Some(delay) => session.postpone_source(build, now.plus(delay)).await?,
                None => session.fail_source(build, &cause, now).await?,
            };
        }
    }
    session.commit().await?;
    inner.changed();
    inner.poke(Reconciler::Planning);
    if store::services_of(&open.source).is_some() {
        inner.poke(Reconciler::Links);
    }
    Ok(())
}
