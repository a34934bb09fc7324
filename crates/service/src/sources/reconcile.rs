use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use model::{BuildId, FailureCause, Fault, PackageName, SourceState};
use store::{OpenSource, SourceTree};

use super::make;
use crate::ServiceError;
use crate::background::{Pass, Reconciler};
use crate::inner::Inner;

/// How many sources are made at once.
const AT_ONCE: usize = 4;
/// How often a pass looks for new builds and for canceled ones while it works.
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// What this part keeps in memory; everything in it can be made again.
#[derive(Debug, Default)]
pub(crate) struct State {}

/// A source that is complete.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) tree: SourceTree,
    pub(super) package: PackageName,
    pub(super) version: String,
}

/// Why a source was not made.
#[derive(Debug)]
pub(super) enum NotMade {
    /// The build gets this cause, at once or after further tries.
    Cause(FailureCause),
    /// The service itself failed.
    Broken(ServiceError),
}

impl<E: Into<ServiceError>> From<E> for NotMade {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// One pass: makes sources, several at once, until none waits that may be tried now.
///
/// # Errors
/// If the database fails; what was begun is begun again by the next pass or the next start.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let mut running = FuturesUnordered::new();
    let mut begun = BTreeSet::new();
    let mut changes = 0;
    loop {
        for open in begin_more(inner, AT_ONCE - running.len(), &begun).await? {
            begun.insert(open.build);
            running.push(make_one(inner, open));
        }
        if running.is_empty() {
            break;
        }
        if let Ok(Some(finished)) = tokio::time::timeout(LOOK_AROUND, running.next()).await {
            let (build, result) = finished;
            begun.remove(&build);
            result?;
            changes += 1;
        }
    }
    let now = inner.now();
    let next = inner.store.read().await?.next_source_at().await?;
    Ok(Pass { changes, again_in: next.map(|at| at.since(now)) })
}

/// Marks up to `room` waiting sources as being made.
async fn begin_more(inner: &Inner, room: usize, begun: &BTreeSet<BuildId>) -> Result<Vec<OpenSource>, ServiceError> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let limit = u32::try_from(room).unwrap_or(1);
    let mut open = inner.store.read().await?.open_sources(inner.now(), limit).await?;
    open.retain(|source| !begun.contains(&source.build));
    if open.is_empty() {
        return Ok(open);
    }
    let mut session = inner.store.write().await?;
    let mut legal = Vec::new();
    for source in open {
        if session.begin_source(source.build).await? {
            legal.push(source);
        }
    }
    session.commit().await?;
    inner.changed();
    Ok(legal)
}

/// Makes one source and writes down how it ended.
async fn make_one(inner: &Inner, open: OpenSource) -> (BuildId, Result<(), ServiceError>) {
    let build = open.build;
    let made = tokio::select! {
        made = make::make(inner, &open) => made,
        () = canceled(inner, build) => return (build, Ok(())),
    };
    (build, note(inner, &open, made).await)
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

async fn note(inner: &Inner, open: &OpenSource, made: Result<Made, NotMade>) -> Result<(), ServiceError> {
    let (build, now) = (open.build, inner.now());
    let mut session = inner.store.write().await?;
    match made {
        Ok(made) => {
            session.store_source(build, &made.tree, &made.package, &made.version, now).await?;
            tracing::info!(build.id = %build, "source of build {build} is {} {}", made.package, made.version);
        }
        Err(NotMade::Broken(error)) => {
            session.postpone_source(build, now.plus(inner.config.retry.max_delay)).await?;
            session.commit().await?;
            return Err(error);
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
    Ok(())
}
