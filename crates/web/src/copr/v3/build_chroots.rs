use axum::Json;
use axum::extract::{Path, State};
use model::{Build, ResultKind, Task};
use serde_json::{Value, json};

use super::builds::find as find_build;
use super::error::{V3Error, short};
use super::paging::Paging;
use super::request::required;
use super::views;
use crate::app::App;
use crate::copr::names::parse_chroot;
use crate::copr::request::Base;
use crate::copr::views::target_of;
use crate::query::Query;

async fn find(app: &App, id: &str, chroot: &str) -> Result<(Build, Task), V3Error> {
    let build = find_build(app, id).await?;
    let wanted = parse_chroot(chroot);
    let task = build.tasks.iter().find(|task| wanted.as_ref() == Some(&target_of(task))).cloned();
    let missing = || V3Error::missing(format!("Build {} was not submitted to {} chroot.", build.id, short(chroot)));
    let task = task.ok_or_else(missing)?;
    Ok((build, task))
}

async fn queried(app: &App, query: &Query) -> Result<(Build, Task), V3Error> {
    let id = required(query, "build_id")?;
    find(app, id, required(query, "chrootname")?).await
}

/// `GET /build-chroot`.
pub(super) async fn get(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let (build, task) = queried(&app, &query).await?;
    Ok(Json(views::build_chroot(&build, &task, &base)))
}

/// `GET /build-chroot/ID/CHROOT`.
pub(super) async fn get_in_path(
    State(app): State<App>,
    Path((id, chroot)): Path<(String, String)>,
    Base(base): Base,
) -> Result<Json<Value>, V3Error> {
    let (build, task) = find(&app, &id, &chroot).await?;
    Ok(Json(views::build_chroot(&build, &task, &base)))
}

/// `GET /build-chroot/list`; of a build nobody knows, nothing.
pub(super) async fn list(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let id = required(&query, "build_id")?.to_owned();
    listed(&app, &id, &base, &query).await
}

/// `GET /build-chroot/list/ID`.
pub(super) async fn list_in_path(
    State(app): State<App>,
    Path(id): Path<String>,
    Base(base): Base,
    query: Query,
) -> Result<Json<Value>, V3Error> {
    listed(&app, &id, &base, &query).await
}

async fn listed(app: &App, id: &str, base: &str, query: &Query) -> Result<Json<Value>, V3Error> {
    let paging = Paging::parse(query, &["name", "state", "started_on", "ended_on"])?;
    let build = match find_build(app, id).await {
        Ok(build) => Some(build),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error),
    };
    let mut shown: Vec<Value> = match &build {
        Some(build) => build.tasks.iter().map(|task| views::build_chroot(build, task, base)).collect(),
        None => Vec::new(),
    };
    if paging.order() == "name" {
        shown.sort_by(|left, right| left["name"].as_str().cmp(&right["name"].as_str()));
    }
    Ok(Json(paging.cut(shown)?))
}

/// `GET /build-chroot/build-config`.
pub(super) async fn build_config(
    State(app): State<App>,
    Base(base): Base,
    query: Query,
) -> Result<Json<Value>, V3Error> {
    let (build, task) = queried(&app, &query).await?;
    let project = app.service.project(build.project_id).await?;
    let target = target_of(&task);
    let repositories = app.service.repositories(project.id).await?;
    let arch = crate::copr::chroots::targets(&repositories).find(|(name, _)| *name == target).map(|(_, arch)| arch);
    let mut config = super::chroots::config(&project, &target, arch, &base);
    let limits = app.service.limits_of(build.id).await?;
    if let Some(keys) = config.as_object_mut() {
        keys.insert("memory_limit".to_owned(), json!(limits.memory_bytes >> 20));
        keys.insert("timeout".to_owned(), json!(limits.run_seconds));
        keys.insert("enable_net".to_owned(), json!(build.network));
        keys.insert("is_background".to_owned(), json!(build.background));
    }
    Ok(Json(config))
}

/// `GET /build-chroot/built-packages`.
pub(super) async fn built_packages(State(app): State<App>, query: Query) -> Result<Json<Value>, V3Error> {
    let (_, task) = queried(&app, &query).await?;
    Ok(Json(json!({"packages": packages(&app, &task).await?})))
}

/// The packages among the results of a task, source packages included.
pub(super) async fn packages(app: &App, task: &Task) -> Result<Vec<Value>, V3Error> {
    let results = app.service.results(task.id).await?;
    let named = results.iter().filter_map(|stored| {
        let (name, version) = stored.result.package.as_ref()?;
        let is_source = stored.result.kind != ResultKind::Package;
        let arch = if is_source { "src" } else { file_arch(stored.result.file.name.as_str(), task.arch.as_str()) };
        Some(package(name, version, arch))
    });
    Ok(named.collect())
}

/// `[epoch:]version[-release]` in its parts.
fn package(name: &str, version: &str, arch: &str) -> Value {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0_u64), rest),
        None => (0, version),
    };
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    json!({"name": name, "epoch": epoch, "version": version, "release": release, "arch": arch})
}

/// The architecture in the name of a package file: `a-1-1.x86_64.rpm`, `a_1-1_amd64.deb`.
fn file_arch<'a>(file: &'a str, otherwise: &'a str) -> &'a str {
    let of_rpm = file.strip_suffix(".rpm").and_then(|stem| stem.rsplit_once('.'));
    let of_deb = || file.strip_suffix(".deb").and_then(|stem| stem.rsplit_once('_'));
    of_rpm.or_else(of_deb).map_or(otherwise, |(_, arch)| arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_apart() {
        assert_eq!(
            package("a", "1:2.0~rc1-3", "x86_64"),
            json!({"name": "a", "epoch": 1, "version": "2.0~rc1", "release": "3", "arch": "x86_64"})
        );
        assert_eq!(package("a", "2.0", "src")["release"], "");
        assert_eq!(file_arch("a-1-1.x86_64.rpm", "?"), "x86_64");
        assert_eq!(file_arch("a_1-1_all.deb", "?"), "all");
        assert_eq!(file_arch("a.apk", "?"), "?");
    }
}
