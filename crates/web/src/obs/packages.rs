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
    let limit = call.number("limit")?.unwrap_or(HISTORY).min(1000);
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

/// `GET /build/P/R/A/_jobhistory`: what has ended, oldest first.
pub(super) async fn job_history(call: &Call, project: &Project, target: &TargetName) -> Answer {
    let limit = usize::try_from(call.number("limit")?.unwrap_or(HISTORY)).unwrap_or(100);
    let (wanted, codes): (Vec<&str>, Vec<&str>) =
        (call.query.all("package").collect(), call.query.all("code").collect());
    let mut list = Vec::new();
    for package in call.app.service.packages(project.id, None, 0).await? {
        if wanted.is_empty() || wanted.contains(&package.name.as_str()) {
            list.extend(tasks(call, project, target, package.name.as_str()).await?);
        }
    }
    let word = |found: &PackageTask| if found.task.state == TaskState::Succeeded { "succeeded" } else { "failed" };
    list.retain(|found| found.task.state.is_finished() && found.task.started_at.is_some());
    list.retain(|found| {
        codes.is_empty() || codes.contains(&word(found)) || (codes.contains(&"lastfailures") && word(found) == "failed")
    });
    list.sort_by_key(|found| found.task.ended_at);
    let mut root = Node::new("jobhistlist");
    for found in list.iter().skip(list.len().saturating_sub(limit)) {
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
            .with("code", word(found))
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
