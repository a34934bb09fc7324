use std::collections::BTreeMap;

use model::{
    BuildId, BuildReason, BuildSource, FailureCause, FileName, JobFile, Package, Project, ProjectId, SourceFile,
};
use pkg::{Arch, Md5, PackageFormat};
use recipe::special::{Service as Wanted, file, services};
use store::{DerivedTree, NewBuildRow, OpenSource, RevisionFile, Session, UploadedFile, tree_md5};

use super::compose::compose;
use crate::background::Reconciler;
use crate::inner::Inner;
use crate::rebuild::build_package;
use crate::revisions::md5_of;
use crate::trees::chain::Own;
use crate::trees::special::read;
use crate::{ServiceError, planning};

/// What begins the names of files that services make.
const PREFIX: &str = "_service:";
/// Runs looked at with one statement.
const AT_ONCE: u32 = 50;

/// The services that the server runs on files; nothing, if there are none.
async fn wanted(inner: &Inner, files: &[RevisionFile]) -> Result<Vec<Wanted>, ServiceError> {
    let Some(found) = files.iter().find(|one| one.name.as_str() == file::SERVICES) else { return Ok(Vec::new()) };
    // It was checked when it was sent.
    let Ok(bytes) = read(inner, found).await? else { return Ok(Vec::new()) };
    let mut list = services(&bytes).unwrap_or_default();
    list.retain(|service| service.mode.is_on_server());
    Ok(list)
}

/// Whether services have to run before these files are complete.
pub(crate) async fn needs_services(inner: &Inner, files: &[RevisionFile]) -> Result<bool, ServiceError> {
    Ok(!wanted(inner, files).await?.is_empty())
}

/// Own files with what services made of them; the inner error says why that is not to be had.
pub(crate) async fn with_services(inner: &Inner, own: Own) -> Result<Result<Own, String>, ServiceError> {
    if !needs_services(inner, &own.files).await? {
        return Ok(Ok(own));
    }
    let mut session = inner.store.read().await?;
    let Some(run) = session.service_run(own.id, &own.tree).await? else {
        return Ok(Err("its services have not run".to_owned()));
    };
    if run.is_running() {
        return Ok(Err("its services are still running".to_owned()));
    }
    let tree = match run.tree {
        Some(tree) => session.derived_tree(own.id, &tree).await?,
        None => None,
    };
    Ok(match tree {
        Some((derived, files)) => Ok(Own { tree: derived.tree, files, ..own }),
        None => {
            Err(run.failure.map_or_else(|| "its services were stopped".to_owned(), |cause| format!("service {cause}")))
        }
    })
}

/// Begins a build that runs the services of a revision's files.
pub(crate) async fn start_services(
    inner: &Inner,
    session: &mut Session,
    (project, package): (&Project, &Package),
    (revision, tree, files): (u64, &Md5, &[RevisionFile]),
    reason: BuildReason,
) -> Result<BuildId, ServiceError> {
    let name = FileName::parse(file::SERVICES)?;
    let mut uploads: Vec<UploadedFile> =
        files.iter().map(|one| UploadedFile { name: one.name.clone(), bytes: one.bytes, sha256: one.sha256 }).collect();
    uploads.sort_by_key(|upload| upload.name != name);
    let row = NewBuildRow {
        project: project.id,
        uploads,
        source: BuildSource::Revision { package: package.name.clone(), revision, file: name, tree: None },
        targets: Vec::new(),
        reason,
        network: true,
        limits: None,
        extra_repositories: Vec::new(),
        priority: 0,
        batch: None,
    };
    let build = session.add_build(&row, inner.now()).await?;
    session.set_build_package(build, package.id).await?;
    session.set_service_run(package.id, tree, build).await?;
    tracing::info!(build.id = %build, "build {build} runs the services of package {} of {}", package.name, project.name);
    Ok(build)
}

/// The job that runs the services of a build's files, and where; or why there is none.
pub(crate) async fn delegation(
    inner: &Inner,
    open: &OpenSource,
) -> Result<Result<((model::RepositoryId, Arch), model::SourceJob), FailureCause>, ServiceError> {
    let configuration = |detail: String| FailureCause::Configuration { detail };
    let now = inner.now();
    let mut files = Vec::new();
    for upload in &open.uploads {
        let md5 = Md5::of(b"");
        let UploadedFile { name, bytes, sha256 } = upload.clone();
        files.push(RevisionFile { name, bytes, md5, sha256, modified_at: now });
    }
    let list = wanted(inner, &files).await?;
    if let Some(problem) = super::compose::problem_of(&list) {
        return Ok(Err(configuration(problem)));
    }
    let Some((target, format)) = root(inner, open.project).await? else {
        return Ok(Err(configuration("services need a repository whose packages they run with".to_owned())));
    };
    let needs_addresses = list.iter().any(|service| service.name == "download_files");
    let downloads = if needs_addresses { addresses(inner, open).await? } else { Vec::new() };
    let package = store::services_of(&open.source).map(|(name, _)| name.to_string());
    let inputs: Vec<JobFile> = open
        .uploads
        .iter()
        .map(|upload| JobFile { name: upload.name.clone(), bytes: upload.bytes, sha256: upload.sha256 })
        .collect();
    let mut job = compose(&list, (&package.unwrap_or_default(), inputs), &downloads, format);
    for (name, value) in &inner.config.source_variables {
        job.script.variables.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Ok(Ok((target, job)))
}

/// Whose root services of a project run in: the server's, if it is set to one, else the project's first target.
async fn root(
    inner: &Inner,
    project: ProjectId,
) -> Result<Option<((model::RepositoryId, Arch), PackageFormat)>, ServiceError> {
    let mut session = inner.store.read().await?;
    let found = match &inner.config.source_target {
        Some(set) => {
            let repository = session.repository(&set.project, &set.repository).await?;
            repository.map(|repository| (repository, set.arch.clone()))
        }
        None => session.repositories(project).await?.into_iter().find_map(|repository| {
            let arch = repository.arches.iter().find(|arch| arch.enabled)?.arch.clone();
            Some((repository, arch))
        }),
    };
    drop(session);
    let Some((repository, arch)) = found else { return Ok(None) };
    let target = (repository.id, arch);
    let config = planning::repository_config(inner, repository).await?;
    let format = config.and_then(|config| config.package_format()).unwrap_or(PackageFormat::Deb);
    Ok(Some((target, format)))
}

/// Names and addresses of the files that spec files name and that are not there.
async fn addresses(inner: &Inner, open: &OpenSource) -> Result<Vec<(String, String)>, ServiceError> {
    let files: Vec<SourceFile> = open
        .uploads
        .iter()
        .map(|upload| SourceFile { name: upload.name.clone(), bytes: upload.bytes, sha256: upload.sha256 })
        .collect();
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for recipe in files.iter().filter(|one| one.name.as_str().ends_with(".spec")) {
        for (name, location) in crate::sources::named_by_spec(inner, open.build, &recipe.name, &files).await? {
            let is_address = ["http://", "https://", "ftp://"].iter().any(|start| location.starts_with(start));
            if is_address
                && !location.contains(char::is_whitespace)
                && files.iter().all(|one| one.name.as_str() != name)
            {
                found.insert(name, location);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Keeps what services made as a tree of their package, and ends their build.
pub(crate) async fn keep_made(inner: &Inner, open: &OpenSource, made: &[UploadedFile]) -> Result<(), ServiceError> {
    let Some((name, revision)) = store::services_of(&open.source) else { return Ok(()) };
    let mut session = inner.store.read().await?;
    let package = session.package(open.project, name).await?;
    let found = match &package {
        Some(package) => session.revision(package.id, revision).await?,
        None => None,
    };
    let mut files = match (&package, &found) {
        (Some(package), Some(found)) => session.revision_files(package.id, found.number).await?,
        _ => Vec::new(),
    };
    drop(session);
    for upload in made {
        let name = match upload.name.as_str() {
            name if name.starts_with(PREFIX) => upload.name.clone(),
            name => match FileName::parse(&format!("{PREFIX}made:{name}")) {
                Ok(name) => name,
                Err(error) => return no_files(inner, open, &format!("services made {name}: {error}")).await,
            },
        };
        let md5 = md5_of(inner, upload.sha256).await?;
        let file = RevisionFile { name, bytes: upload.bytes, md5, sha256: upload.sha256, modified_at: inner.now() };
        files.retain(|known| known.name != file.name);
        files.push(file);
    }
    let mut session = inner.store.write().await?;
    if let (Some(package), Some(found)) = (package, found) {
        let tree = Md5::of(format!("{}  /SERVICE\n{}  /LOCAL\n", tree_md5(&files), found.tree).as_bytes());
        let derived = DerivedTree { tree, target: None, own: found.tree, failure: None };
        session.put_derived_tree(package.id, &derived, &files, inner.now()).await?;
        session.set_service_tree(package.id, &found.tree, open.build, &tree).await?;
    }
    session.end_services(open.build).await?;
    session.commit().await?;
    inner.changed();
    inner.poke(Reconciler::Links);
    Ok(())
}

/// Ends a run whose results can not be kept.
async fn no_files(inner: &Inner, open: &OpenSource, detail: &str) -> Result<(), ServiceError> {
    let mut session = inner.store.write().await?;
    let cause = FailureCause::Configuration { detail: detail.to_owned() };
    session.fail_source(open.build, &cause, inner.now()).await?;
    session.commit().await?;
    inner.changed();
    inner.poke(Reconciler::Links);
    Ok(())
}

/// Builds what services made since the last look; gives how many runs that were.
pub(crate) async fn after_services(inner: &Inner) -> Result<u64, ServiceError> {
    let mut changes = 0;
    loop {
        let ended = inner.store.read().await?.ended_service_runs(AT_ONCE).await?;
        if ended.is_empty() {
            return Ok(changes);
        }
        for run in ended {
            let mut session = inner.store.read().await?;
            let package = session.package_by_id(run.package).await?;
            let project = match session.project_of_package(run.package).await? {
                Some(project) => session.project(project).await?,
                None => None,
            };
            drop(session);
            if let Some((project, package)) = project.zip(package) {
                let other = || BuildReason::Changed { what: vec!["its services".to_owned()] };
                let reason = run.reason.clone().unwrap_or_else(other);
                build_package(inner, &reason, &project, &package, None).await?;
                let mut session = inner.store.write().await?;
                session.touch_links_to(&project.name, &package.name).await?;
                session.commit().await?;
            }
            let mut session = inner.store.write().await?;
            session.settle_service_run(&run).await?;
            session.commit().await?;
            changes += 1;
        }
    }
}

/// Files as a build gets them: what services made is called as they called it, and replaces what was there.
pub(crate) fn plain_names(files: Vec<RevisionFile>) -> Vec<RevisionFile> {
    let (made, own): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.name.as_str().starts_with(PREFIX));
    let mut plain = own;
    for file in made {
        let name = file.name.as_str().splitn(3, ':').nth(2).unwrap_or_default();
        // A name that hides is none of a package's.
        let Some(name) = FileName::parse(name).ok().filter(|name| !name.as_str().starts_with(['.', '_'])) else {
            continue;
        };
        plain.retain(|known| known.name != name);
        plain.push(RevisionFile { name, ..file });
    }
    plain.sort_by(|left, right| left.name.cmp(&right.name));
    plain
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use pkg::Sha256;

    use super::*;

    #[test]
    fn builds_get_what_services_made_under_its_own_name() {
        let file = |name: &str| RevisionFile {
            name: FileName::parse(name).unwrap(),
            bytes: name.len() as u64,
            md5: Md5::of(b""),
            sha256: Sha256::of(b""),
            modified_at: Timestamp::from_millis(0),
        };
        let names =
            ["_service", "_service:set_version:a.spec", "a.spec", "_service:x:..", "_service:x:_link", "_service:y"];
        let plain = plain_names(names.iter().map(|name| file(name)).collect());
        let plain: Vec<_> = plain.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
        assert_eq!(plain, [("_service", 8), ("a.spec", 27)]);
    }
}
