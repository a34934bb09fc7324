//! Small documents about the builds of a package: state, reason, histories, configuration.

use model::{Build, BuildReason, BuildSource, Project, TaskState, Timestamp};
use service::{PackageTask, ServiceError, TargetName};

use super::binaries::tasks;
use super::call::{Answer, Call, document, package_name, plain, repository_name, target_name};
use super::error::ObsError;
use super::results::outcomes;
use super::xml::Node;

/// Entries of a history, if the request does not say.
const HISTORY: u32 = 100;
/// Most entries of a history that are shown.
const MOST_HISTORY: u32 = 1000;

/// A target the project has; 404 for any other.
pub(super) async fn target(
    call: &Call,
    project: &Project,
    repository: &str,
    arch: &str,
) -> Result<TargetName, ObsError> {
    let target = target_name(repository, arch)?;
    let repositories = call.app.service.repositories(project.id).await?;
    let found = repositories.iter().find(|known| known.name == target.repository);
    let found = found.ok_or_else(|| {
        ObsError::new(
            axum::http::StatusCode::NOT_FOUND,
            "unknown_repository",
            format!("project '{}' has no repository '{repository}'", project.name),
        )
    })?;
    if !found.arches.iter().any(|known| known.arch == target.arch) {
        let summary = format!("repository '{repository}' has no architecture '{arch}'");
        return Err(ObsError::missing(summary));
    }
    Ok(target)
}

/// `GET .../K/_status`.
pub(super) async fn status(call: &Call, project: &Project, target: &TargetName, package: &str) -> Answer {
    let name = package_name(package)?;
    let here = outcomes(call, project, std::slice::from_ref(&name))
        .await?
        .into_iter()
        .filter(|outcome| outcome.target == *target);
    let found = here.flat_map(|outcome| outcome.packages).find(|one| one.package == name);
    if let Some(found) = found {
        let details = found.state.details.unwrap_or_default();
        let node = Node::new("status").with("package", &name).with("code", found.state.code);
        return Ok(document(&node.child(Node::leaf("details", details))));
    }
    Err(ServiceError::PackageMissing { project: project.name.clone(), package: name }.into())
}

/// `GET .../K/_reason`: why the newest task is there.
pub(super) async fn reason(call: &Call, project: &Project, target: &TargetName, package: &str) -> Answer {
    let tasks = tasks(call, project, target, package).await?;
    let Some(newest) = tasks.first() else { return Ok(document(&Node::new("reason"))) };
    let build = call.app.service.build(newest.task.build).await?;
    let before = match tasks.get(1) {
        Some(before) => Some(call.app.service.build(before.task.build).await?),
        None => None,
    };
    let (explain, what) = explanation(&build, before.as_ref());
    let time = Node::leaf("time", build.submitted_at.as_seconds().to_string());
    let changes = what.iter().map(|key| Node::new("packagechange").with("change", "md5sum").with("key", key));
    Ok(document(&Node::new("reason").child(Node::leaf("explain", explain)).child(time).children(changes)))
}

fn explanation<'a>(build: &'a Build, before: Option<&Build>) -> (&'static str, &'a [String]) {
    match (&build.reason, before) {
        (BuildReason::Changed { what }, _) => ("meta change", what),
        (_, None) => ("new build", &[]),
        (_, Some(before)) if before.source == build.source => ("rebuild counter sync", &[]),
        _ => ("source change", &[]),
    }
}

fn revision_of(build: &Build) -> u64 {
    match build.source {
        BuildSource::Revision { revision, .. } => revision,
        BuildSource::Url { .. } | BuildSource::Upload { .. } | BuildSource::Job { .. } => 0,
    }
}

fn duration(found: &PackageTask) -> i64 {
    let (start, end) = (found.task.started_at, found.task.ended_at);
    start.zip(end).map_or(0, |(start, end)| end.as_seconds() - start.as_seconds())
}

/// `GET .../K/_history`: what succeeded, oldest first.
pub(super) async fn history(call: &Call, project: &Project, target: &TargetName, package: &str) -> Answer {
    let limit = call.number("limit")?.unwrap_or(HISTORY).min(MOST_HISTORY);
    let mut tasks = tasks(call, project, target, package).await?;
    tasks.retain(|found| found.task.state == TaskState::Succeeded);
    tasks.reverse();
    let all = tasks.len();
    let skip = all.saturating_sub(usize::try_from(limit).unwrap_or(all));
    let mut root = Node::new("buildhistory");
    for (number, found) in tasks.iter().enumerate().skip(skip) {
        let build = call.app.service.build(found.task.build).await?;
        let entry = Node::new("entry")
            .with("rev", revision_of(&build))
            .with("srcmd5", srcmd5(call, project, &build).await?)
            .with("versrel", build.version.as_deref().unwrap_or("unknown"))
            .with("bcnt", number + 1)
            .with("time", found.task.ended_at.map_or(0, Timestamp::as_seconds))
            .with("duration", duration(found));
        root = root.child(entry);
    }
    Ok(document(&root))
}

/// The tree of the revision a build is made from; of other sources there is none.
async fn srcmd5(call: &Call, project: &Project, build: &Build) -> Result<String, ObsError> {
    let BuildSource::Revision { package, revision, tree, .. } = &build.source else { return Ok(String::new()) };
    if let Some(tree) = tree {
        return Ok(tree.to_string());
    }
    let revision = service::RevisionWish::Number(*revision);
    let wish = service::TreeWish { revision, ..service::TreeWish::NEWEST };
    match call.app.service.listing(project.id, package, &wish).await {
        Ok(found) => Ok(found.tree.to_string()),
        Err(error) if error.kind() == service::ErrorKind::Missing => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

/// The tasks that ran and ended, of the packages and with the codes a request names, as many as it wants; oldest first.
async fn ended(call: &Call, project: &Project, target: &TargetName) -> Result<Vec<PackageTask>, ObsError> {
    let limit = call.number("limit")?.unwrap_or(HISTORY).min(MOST_HISTORY);
    let codes: Vec<&str> = call.query.all("code").collect();
    let has = |words: &[&str]| codes.is_empty() || words.iter().any(|word| codes.contains(word));
    let states = [
        (TaskState::Succeeded, has(&["succeeded"])),
        (TaskState::Failed, has(&["failed", "lastfailures"])),
        (TaskState::Canceled, has(&["failed", "lastfailures"])),
    ];
    let mut list = Vec::new();
    let packages: Vec<&str> = call.query.all("package").collect();
    if packages.is_empty() && codes.is_empty() {
        list = call.app.service.ended_tasks(project.id, target, None, limit).await?;
    } else if packages.is_empty() {
        for (state, _) in states.iter().filter(|(_, is_wanted)| *is_wanted) {
            list.extend(call.app.service.ended_tasks(project.id, target, Some(*state), limit).await?);
        }
    }
    for package in packages {
        let name = package_name(package)?;
        match call.app.service.tasks_of_package(project.id, &name, target, MOST_HISTORY).await {
            Ok(tasks) => list.extend(tasks),
            // Nothing has been built of what nobody knows.
            Err(error) if error.kind() == service::ErrorKind::Missing => {}
            Err(error) => return Err(error.into()),
        }
    }
    let is_wanted = |state| states.iter().any(|(one, is_wanted)| *is_wanted && *one == state);
    list.retain(|found| found.task.started_at.is_some() && is_wanted(found.task.state));
    list.sort_by_key(|found| found.task.ended_at);
    let superfluous = list.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(list.split_off(superfluous))
}

/// `GET /build/P/R/A/_jobhistory`: what has ended, oldest first.
pub(super) async fn job_history(call: &Call, project: &Project, target: &TargetName) -> Answer {
    let list = ended(call, project, target).await?;
    let mut root = Node::new("jobhistlist");
    for found in &list {
        let build = call.app.service.build(found.task.build).await?;
        let seconds = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_seconds);
        let node = Node::new("jobhist")
            .with("package", &found.package)
            .with("rev", revision_of(&build))
            .with("srcmd5", srcmd5(call, project, &build).await?)
            .with("versrel", build.version.as_deref().unwrap_or("unknown"))
            .with("bcnt", found.task.attempts)
            .with("readytime", build.submitted_at.as_seconds())
            .with("starttime", seconds(found.task.started_at))
            .with("endtime", seconds(found.task.ended_at))
            .with("code", if found.task.state == TaskState::Succeeded { "succeeded" } else { "failed" })
            .with("uri", "")
            .with("workerid", "kiln")
            .with("hostarch", &found.task.arch)
            .with("reason", explanation(&build, None).0);
        root = root.child(node);
    }
    Ok(document(&root))
}

/// `GET /build/P/R/_buildconfig`: the configurations of the path as builds see them.
pub(super) async fn build_config(call: &Call, project: &Project, repository: &str) -> Answer {
    if call.query.get("path").is_some() {
        return Err(ObsError::not_yet("a configuration along another path"));
    }
    // Which architecture does not matter for the text.
    let repository = repository_name(repository)?;
    let arch = pkg::Arch::parse("noarch").map_err(|error| ObsError::invalid(error.to_string()))?;
    let target = TargetName { repository, arch };
    let effective = call.app.service.effective_config(project.id, &target, None).await?;
    Ok(plain(effective.tree.text().to_vec()))
}
