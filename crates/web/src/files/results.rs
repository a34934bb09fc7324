use axum::extract::{OriginalUri, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use model::{Build, BuildId, Project, Task, TaskState};
use service::{BuildFilter, ErrorKind, ProjectFilter, Published, ServiceError, StoredResult, TargetName, TaskLog};

use super::answer::{FileError, security_headers};
use super::listing::{Line, listing};
use super::serve::{Document, media_type, serve_document};
use crate::address::{decode, encode_segment};
use crate::app::App;
use crate::copr::names::{CoprName, chroot_name, parse_chroot};
use crate::native::reasons;

/// The log of a task's run.
const BUILD_LOG: &str = "builder-live.log";
/// What the service did with the task.
const SERVICE_LOG: &str = "backend.log";

/// Name of the folder of a task's results; `None` until the source is known.
fn task_folder(build: &Build) -> Option<String> {
    Some(format!("{:08}-{}", build.id.get(), build.package.as_ref()?))
}

/// Path of the folder of a task's results, with a slash at the end; `None` until the source is known.
pub(crate) fn result_path(build: &Build, task: &Task) -> Option<String> {
    let name = CoprName::of(&build.project);
    let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
    let segments = [name.owner, name.name, chroot_name(&target), task_folder(build)?];
    let path: Vec<String> = segments.iter().map(|segment| encode_segment(segment)).collect();
    Some(format!("/results/{}/", path.join("/")))
}

/// The folder of a project with what jobs left that make sources.
const SOURCE_FOLDER: &str = "srpm-builds";

/// Path of the folder of what a job left of a build's source, with a slash at the end.
pub(crate) fn source_path(build: &Build) -> String {
    let name = CoprName::of(&build.project);
    let (owner, project) = (encode_segment(&name.owner), encode_segment(&name.name));
    format!("/results/{owner}/{project}/{SOURCE_FOLDER}/{:08}/", build.id.get())
}

/// The build whose source a job has made, or makes.
async fn find_source(app: &App, owner: &str, name: &str, folder: &str) -> Result<(Build, Task), FileError> {
    let number = folder.parse().map_err(|_| FileError::Missing)?;
    let build = app.service.build(BuildId::new(number)).await?;
    let right_project = CoprName::project(owner, name).is_some_and(|name| name == build.project);
    let task = app.service.source_task(build.id).await?.filter(|_| right_project);
    Ok((build, task.ok_or(FileError::Missing)?))
}

/// Anything below `/results/`.
pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, FileError> {
    let raw = uri.path();
    let below = raw.strip_prefix("/results").unwrap_or_default();
    let is_folder = below.ends_with('/');
    let segments = below.split('/').filter(|segment| !segment.is_empty()).map(decode);
    let segments: Vec<String> = segments.collect::<Option<_>>().ok_or(FileError::Missing)?;
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answer = match words.as_slice() {
        [] => owners(&app).await?,
        [owner] => projects(&app, owner).await?,
        [owner, name] => chroots(&app, &project(&app, owner, name).await?).await?,
        [owner, name, "pubkey.gpg"] => return key(&app, owner, name).await,
        [owner, name, chroot, "repodata", rest @ ..] => {
            let project = project(&app, owner, name).await?;
            return super::repositories::metadata(&app, &headers, &project, chroot, rest).await;
        }
        // No list: a project may have had a million of them.
        [_, _, SOURCE_FOLDER] => return Err(FileError::Missing),
        [owner, name, SOURCE_FOLDER, folder] => {
            let (build, task) = find_source(&app, owner, name, folder).await?;
            result_lines(&app, &build, &task).await?
        }
        [owner, name, SOURCE_FOLDER, folder, file] => {
            let (build, task) = find_source(&app, owner, name, folder).await?;
            return result_file(&app, &headers, &build, &task, file).await;
        }
        [owner, name, chroot] => tasks(&app, &project(&app, owner, name).await?, chroot).await?,
        [owner, name, chroot, folder] => {
            let (build, task) = find(&app, owner, name, chroot, folder).await?;
            result_lines(&app, &build, &task).await?
        }
        [owner, name, chroot, folder, file] => {
            let (build, task) = find(&app, owner, name, chroot, folder).await?;
            return result_file(&app, &headers, &build, &task, file).await;
        }
        _ => return Err(FileError::Missing),
    };
    if !is_folder {
        return Ok(Redirect::permanent(&format!("{raw}/")).into_response());
    }
    Ok(listing(&format!("/results{}", segments.iter().map(|part| format!("/{part}")).collect::<String>()), &answer))
}

async fn owners(app: &App) -> Result<Vec<Line>, FileError> {
    let projects = app.service.projects(&ProjectFilter::default()).await?;
    let mut owners: Vec<String> = projects.iter().map(|project| CoprName::of(&project.name).owner).collect();
    owners.sort();
    owners.dedup();
    Ok(owners.into_iter().map(Line::folder).collect())
}

async fn projects(app: &App, owner: &str) -> Result<Vec<Line>, FileError> {
    let projects = app.service.projects(&ProjectFilter::default()).await?;
    let names = projects.iter().map(|project| CoprName::of(&project.name)).filter(|name| name.owner == owner);
    let mut lines: Vec<Line> = names.map(|name| Line::folder(name.name)).collect();
    if lines.is_empty() {
        return Err(FileError::Missing);
    }
    lines.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(lines)
}

async fn project(app: &App, owner: &str, name: &str) -> Result<Project, FileError> {
    let name = CoprName::project(owner, name).ok_or(FileError::Missing)?;
    Ok(app.service.project_by_name(&name).await?)
}

async fn chroots(app: &App, project: &Project) -> Result<Vec<Line>, FileError> {
    let mut lines = Vec::new();
    for repository in app.service.repositories(project.id).await? {
        for arch in &repository.arches {
            let target = TargetName { repository: repository.name.clone(), arch: arch.arch.clone() };
            lines.push(Line::folder(chroot_name(&target)));
        }
    }
    lines.push(Line::file("pubkey.gpg", 0, None));
    Ok(lines)
}

async fn key(app: &App, owner: &str, name: &str) -> Result<Response, FileError> {
    let project = project(app, owner, name).await?;
    let key = app.service.public_key(project.id).await?;
    let mut response = ([(CONTENT_TYPE, "text/plain; charset=utf-8")], key).into_response();
    security_headers(&mut response);
    Ok(response)
}

async fn tasks(app: &App, project: &Project, chroot: &str) -> Result<Vec<Line>, FileError> {
    let wanted = parse_chroot(chroot).ok_or(FileError::Missing)?;
    let filter = BuildFilter { project: Some(project.id), ..BuildFilter::default() };
    let mut lines = Vec::new();
    for build in app.service.builds(&filter).await? {
        let begun = build
            .tasks
            .iter()
            .find(|task| task.repository == wanted.repository && task.arch == wanted.arch && task.started_at.is_some());
        if let (Some(task), Some(name)) = (begun, task_folder(&build)) {
            lines.push(Line { modified: task.ended_at, ..Line::folder(name) });
        }
    }
    Ok(lines)
}

async fn find(app: &App, owner: &str, name: &str, chroot: &str, folder: &str) -> Result<(Build, Task), FileError> {
    let number = folder.split_once('-').and_then(|(number, _)| number.parse().ok()).ok_or(FileError::Missing)?;
    let build = app.service.build(BuildId::new(number)).await?;
    let wanted = parse_chroot(chroot).ok_or(FileError::Missing)?;
    let right_project = CoprName::project(owner, name).is_some_and(|name| name == build.project);
    let right_folder = task_folder(&build).is_some_and(|name| name == folder);
    let task = build.tasks.iter().find(|task| task.repository == wanted.repository && task.arch == wanted.arch);
    match task.cloned().filter(|_| right_project && right_folder) {
        Some(task) => Ok((build, task)),
        None => Err(FileError::Missing),
    }
}

async fn log(app: &App, task: &Task) -> Result<Option<TaskLog>, FileError> {
    match app.service.log(task.id).await {
        Ok(log) => Ok(Some(log)),
        Err(ServiceError::LogMissing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn result_lines(app: &App, build: &Build, task: &Task) -> Result<Vec<Line>, FileError> {
    let mut lines = Vec::new();
    if let Some(log) = log(app, task).await? {
        lines.push(Line::file(BUILD_LOG, log.bytes, task.ended_at));
    }
    for (name, text) in records(app, build, task).await? {
        lines.push(Line::file(name, u64::try_from(text.len()).unwrap_or(u64::MAX), task.ended_at));
    }
    for stored in app.service.results(task.id).await? {
        let file = &stored.result.file;
        lines.push(Line::file(file.name.to_string(), file.bytes, task.ended_at));
    }
    lines.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(lines)
}

async fn result_file(
    app: &App,
    headers: &HeaderMap,
    build: &Build,
    task: &Task,
    name: &str,
) -> Result<Response, FileError> {
    if name == BUILD_LOG {
        let log = log(app, task).await?.ok_or(FileError::Missing)?;
        let document = Document { path: log.path, sha256: None, media_type: media_type(name) };
        return serve_document(headers, &document).await;
    }
    let of_target = build.tasks.iter().any(|of_build| of_build.id == task.id);
    if of_target && let Some(document) = published(app, build, task, name).await? {
        return serve_document(headers, &document).await;
    }
    let stored =
        app.service.results(task.id).await?.into_iter().find(|stored| stored.result.file.name.as_str() == name);
    if let Some(StoredResult { result, path }) = stored {
        let document = Document { path, sha256: Some(result.file.sha256), media_type: media_type(name) };
        return serve_document(headers, &document).await;
    }
    let record = records(app, build, task).await?.into_iter().find(|(record, _)| *record == name);
    let (_, text) = record.ok_or(FileError::Missing)?;
    let media = if name.contains('.') { media_type(name) } else { "text/plain; charset=utf-8" };
    let mut response = ([(CONTENT_TYPE, media)], text).into_response();
    security_headers(&mut response);
    Ok(response)
}

/// A package as it is published, if it is: signed, so with other bytes than the build left. Repositories of a chroot name these.
async fn published(app: &App, build: &Build, task: &Task, name: &str) -> Result<Option<Document>, FileError> {
    let Some(folder) = task_folder(build).filter(|_| name.ends_with(".rpm")) else { return Ok(None) };
    let path = format!("{}/{folder}/{name}", task.arch);
    match app.service.published(&build.project, &task.repository, &path).await {
        Ok(Published::File { path, sha256, media_type, .. }) => {
            Ok(Some(Document { path, sha256: Some(sha256), media_type }))
        }
        Ok(Published::Folder(_)) => Ok(None),
        Err(error) if error.kind() == ErrorKind::Missing => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The small files Copr's tools look for beside the results.
async fn records(app: &App, build: &Build, task: &Task) -> Result<Vec<(&'static str, String)>, FileError> {
    let mut records = vec![
        (SERVICE_LOG, reasons::task_history(build, task)),
        ("build.info", format!("build_id={}\nbuilder_ip=None\n", build.id)),
    ];
    if task.state == TaskState::Succeeded {
        let results = app.service.results(task.id).await?;
        let packages: Vec<_> = results.iter().filter_map(|stored| stored.result.package.as_ref()).collect();
        let packages: Vec<_> =
            packages.iter().map(|(name, version)| serde_json::json!({"name": name, "version": version})).collect();
        records.push(("results.json", serde_json::json!({ "packages": packages }).to_string()));
        records.push(("success", "done\n".to_owned()));
    }
    Ok(records)
}
