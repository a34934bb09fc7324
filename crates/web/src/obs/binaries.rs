//! What builds leave: lists and files.

use axum::response::Response;
use model::{PackageName, Project, ResultKind, Task, TaskState};
use service::{PackageTask, StoredResult, TargetName};

use super::call::{Answer, Call, document, package_name};
use super::error::ObsError;
use super::xml::Node;
use crate::files::{Document, serve_document};

/// Tasks looked at for the newest that succeeded.
const MAX_TASKS: u32 = 50;

/// The newest task of a package that left results.
async fn newest_good(
    call: &Call,
    project: &Project,
    target: &TargetName,
    package: &PackageName,
) -> Result<Option<Task>, ObsError> {
    let tasks = call.app.service.tasks_of_package(project.id, package, target, MAX_TASKS).await?;
    Ok(tasks.into_iter().map(|found| found.task).find(|task| task.state == TaskState::Succeeded))
}

/// `GET /build/P/R/A/K`.
pub(super) async fn list(call: &Call, project: &Project, target: &TargetName, package: &str) -> Answer {
    if call.query.get("view").is_some() {
        return Err(ObsError::not_yet("views of results"));
    }
    let package = package_name(package)?;
    let root = Node::new("binarylist").with("package", &package);
    let Some(task) = newest_good(call, project, target, &package).await? else { return Ok(document(&root)) };
    let results = call.app.service.results(task.id).await?;
    Ok(document(&root.children(entries(call, &task, &results).await?)))
}

async fn entries(call: &Call, task: &Task, results: &[StoredResult]) -> Result<Vec<Node>, ObsError> {
    let wanted: Vec<&str> = call.query.all("binary").collect();
    let fits = |name: &str| {
        let matches = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *pattern,
        };
        wanted.is_empty() || wanted.iter().any(matches)
    };
    let (with_md5, no_source) = (call.flag("withmd5")?, call.flag("nosource")?);
    let mut nodes = Vec::new();
    for stored in results {
        let file = &stored.result.file;
        if !fits(file.name.as_str()) || (no_source && stored.result.kind == ResultKind::Source) {
            continue;
        }
        let md5 = if with_md5 { Some(call.app.service.md5_of(file.sha256).await?) } else { None };
        let node = Node::new("binary")
            .with("filename", &file.name)
            .with("size", file.bytes)
            .with("mtime", task.ended_at.map_or(0, model::Timestamp::as_seconds));
        nodes.push(node.with_maybe("md5", md5));
    }
    Ok(nodes)
}

/// `GET /build/P/R/A/K/FILE`.
pub(super) async fn file(call: &Call, project: &Project, target: &TargetName, package: &str, name: &str) -> Answer {
    if call.query.get("view").is_some() {
        return Err(ObsError::not_yet("views of a result"));
    }
    let package = package_name(package)?;
    let missing = || ObsError::missing(format!("{name}: No such file or directory"));
    let task = newest_good(call, project, target, &package).await?.ok_or_else(missing)?;
    let results = call.app.service.results(task.id).await?;
    let found = results.into_iter().find(|stored| stored.result.file.name.as_str() == name).ok_or_else(missing)?;
    send(call, found).await
}

async fn send(call: &Call, stored: StoredResult) -> Result<Response, ObsError> {
    let media_type = media_type(stored.result.file.name.as_str());
    let document = Document { path: stored.path, sha256: Some(stored.result.file.sha256), media_type };
    Ok(serve_document(&call.headers, &document).await?)
}

/// The media type of a result by its name.
pub(super) fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "rpm" => "application/x-rpm",
        "deb" => "application/x-debian-package",
        _ => "application/octet-stream",
    }
}

/// `GET /build/P/R/A/_repository`: the packages a (repository, arch) has built.
pub(super) async fn repository(call: &Call, project: &Project, target: &TargetName) -> Answer {
    let mut nodes = Vec::new();
    for (task, stored) in packages(call, project, target).await? {
        let file = &stored.result.file;
        let node = Node::new("binary").with("filename", &file.name).with("size", file.bytes);
        nodes.push(node.with("mtime", task.ended_at.map_or(0, model::Timestamp::as_seconds)));
    }
    Ok(document(&Node::new("binarylist").children(nodes)))
}

/// `GET /build/P/R/A/_repository/NAME`: by the name of a package or of a file.
pub(super) async fn repository_file(call: &Call, project: &Project, target: &TargetName, name: &str) -> Answer {
    for (_, stored) in packages(call, project, target).await? {
        let is_package = stored.result.package.as_ref().is_some_and(|(package, _)| package == name);
        if is_package || stored.result.file.name.as_str() == name {
            return send(call, stored).await;
        }
    }
    Err(ObsError::missing(format!("{name}: No such file or directory")))
}

async fn packages(call: &Call, project: &Project, target: &TargetName) -> Result<Vec<(Task, StoredResult)>, ObsError> {
    let mut list = Vec::new();
    for package in call.app.service.packages(project.id, None, 0).await? {
        let Some(task) = newest_good(call, project, target, &package.name).await? else { continue };
        for stored in call.app.service.results(task.id).await? {
            if stored.result.kind == ResultKind::Package {
                list.push((task.clone(), stored));
            }
        }
    }
    list.sort_by(|left, right| left.1.result.file.name.cmp(&right.1.result.file.name));
    Ok(list)
}

/// The tasks of a package in a target, newest first.
pub(super) async fn tasks(
    call: &Call,
    project: &Project,
    target: &TargetName,
    package: &str,
) -> Result<Vec<PackageTask>, ObsError> {
    let package = package_name(package)?;
    Ok(call.app.service.tasks_of_package(project.id, &package, target, MAX_TASKS).await?)
}
