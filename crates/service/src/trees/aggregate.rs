//! Results that a package takes over from others.

use model::{
    About, BuildReason, BuildSource, FileName, FlagKind, PackageName, Project, ProjectName, RepositoryName, ResultFile,
    ResultKind,
};
use pkg::Md5;
use recipe::special::{Aggregate, file};
use store::{AggregateRow, AggregateWish, RevisionFile, Session, TakenOver};

use super::special::read;
use crate::ServiceError;
use crate::background::Reconciler;
use crate::inner::Inner;

/// Packages looked at with one statement.
const AT_ONCE: u32 = 50;

/// What a package's files take over: the blob that says it, and whose results it looks at; nothing, if they do not.
pub(crate) async fn aggregate_of(
    inner: &Inner,
    files: &[RevisionFile],
    revision: u64,
) -> Result<Option<AggregateWish>, ServiceError> {
    let Some(found) = files.iter().find(|one| one.name.as_str() == file::AGGREGATE) else { return Ok(None) };
    // It was checked when it was sent; names that can not be any take nothing over.
    let Ok(bytes) = read(inner, found).await? else { return Ok(None) };
    let list = Aggregate::parse(&bytes).unwrap_or_default();
    let mut sources = Vec::new();
    for one in &list {
        let Ok(project) = ProjectName::parse(&one.project) else { continue };
        let packages = one.packages.iter().filter_map(|name| PackageName::parse(name).ok());
        sources.extend(packages.map(|package| (project.clone(), package)));
    }
    Ok(Some(AggregateWish { sha256: found.sha256, revision, sources }))
}

/// Takes over again what changed; gives how many packages were looked at.
pub(super) async fn take_over(inner: &Inner) -> Result<u64, ServiceError> {
    let mut changes = 0;
    loop {
        let stale = inner.store.read().await?.stale_aggregates(AT_ONCE).await?;
        if stale.is_empty() {
            return Ok(changes);
        }
        for row in stale {
            take_over_one(inner, &row).await?;
            changes += 1;
        }
    }
}

async fn take_over_one(inner: &Inner, row: &AggregateRow) -> Result<(), ServiceError> {
    let sha256 = row.sha256;
    let bytes = inner.with_blobs(move |blobs| blobs.read(&sha256)).await?;
    let list = Aggregate::parse(&bytes).unwrap_or_default();
    let mut session = inner.store.write().await?;
    let found = match session.project(row.project).await? {
        Some(project) => gather(&mut session, &project, row, &list).await?,
        None => Vec::new(),
    };
    let digest = Md5::of(describe(&found).as_bytes()).to_string();
    if row.taken.as_ref() == Some(&digest) || (row.taken.is_none() && found.is_empty()) {
        session.settle_aggregate(row.package, &digest).await?;
        return Ok(session.commit().await?);
    }
    let source = BuildSource::Revision {
        package: row.name.clone(),
        revision: row.revision,
        file: FileName::parse(file::AGGREGATE)?,
        tree: None,
    };
    let reason = BuildReason::Changed { what: vec!["what it takes over".to_owned()] };
    session.add_taken_over((row.project, row.package), (&source, &reason), &found, inner.now()).await?;
    session.settle_aggregate(row.package, &digest).await?;
    session.commit().await?;
    tracing::info!(project.id = %row.project, "package {} has taken results over", row.name);
    inner.poke(Reconciler::Publish);
    inner.poke(Reconciler::Planning);
    inner.changed();
    Ok(())
}

/// The results a package takes over in each of its targets.
async fn gather(
    session: &mut Session,
    project: &Project,
    row: &AggregateRow,
    list: &[Aggregate],
) -> Result<Vec<TakenOver>, ServiceError> {
    let about: About = session.about_package(row.package).await?;
    let mut taken = Vec::new();
    for repository in session.repositories(project.id).await? {
        for arch in repository.arches.iter().filter(|arch| arch.enabled) {
            if !about.is_on(FlagKind::Build, Some((&repository.name, &arch.arch)), true) {
                continue;
            }
            let mut results: Vec<ResultFile> = Vec::new();
            for one in list {
                for found in from(session, one, (&repository.name, &arch.arch)).await? {
                    // The first one of a name counts.
                    if !results.iter().any(|known| known.file.name == found.file.name) {
                        results.push(found);
                    }
                }
            }
            results.sort_by(|left, right| left.file.name.cmp(&right.file.name));
            taken.push(TakenOver { repository: repository.id, arch: arch.arch.clone(), results });
        }
    }
    Ok(taken)
}

async fn from(
    session: &mut Session,
    wanted: &Aggregate,
    (repository, arch): (&RepositoryName, &pkg::Arch),
) -> Result<Vec<ResultFile>, ServiceError> {
    let names = (ProjectName::parse(&wanted.project), wanted.source_of(repository.as_str()).map(RepositoryName::parse));
    let (Ok(project), Some(Ok(repository))) = names else { return Ok(Vec::new()) };
    let Some(repository) = session.repository(&project, &repository).await? else { return Ok(Vec::new()) };
    let Some(project) = session.project_by_name(&project).await? else { return Ok(Vec::new()) };
    let mut results = Vec::new();
    for name in wanted.packages.iter().filter_map(|name| PackageName::parse(name).ok()) {
        let Some(package) = session.package(project.id, &name).await? else { continue };
        let Some(task) = session.newest_good_task(package.id, repository.id, arch).await? else { continue };
        let takes = |result: &ResultFile| match result.kind {
            ResultKind::Package => result.package.as_ref().is_none_or(|(name, _)| wanted.takes(name)),
            ResultKind::Source => !wanted.no_sources,
            ResultKind::Record => false,
        };
        results.extend(session.results_of_task(task).await?.into_iter().filter(takes));
    }
    Ok(results)
}

/// One line a file: equal for equal results.
fn describe(taken: &[TakenOver]) -> String {
    let mut text = String::new();
    for one in taken {
        text += &format!("{} {}\n", one.repository, one.arch);
        one.results.iter().for_each(|result| text += &format!("{} {}\n", result.file.sha256, result.file.name));
    }
    text
}
