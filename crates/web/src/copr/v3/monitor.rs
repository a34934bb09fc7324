use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use service::{NewestTask, TargetName};

use super::error::V3Error;
use super::request::queried_project;
use super::views::results_url;
use crate::address::encode_segment;
use crate::app::App;
use crate::copr::names::{CoprName, chroot_name};
use crate::copr::request::Base;
use crate::copr::states::{task_number, task_word};
use crate::query::Query;

/// Fields that are only answered if they are asked for.
const FURTHER: [&str; 3] = ["url_build_log", "url_backend_log", "url_build"];

/// `GET /monitor`: how the newest build of each package fared in each chroot.
pub(super) async fn show(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let project = queried_project(&app, &query).await?;
    let fields: Vec<&str> = query.all("additional_fields[]").collect();
    if let Some(unknown) = fields.iter().find(|field| !FURTHER.contains(field)) {
        return Err(V3Error::invalid(format!("Wrong additional_fields argument: {}", super::error::short(unknown))));
    }
    let name = CoprName::of(&project.name);
    let mut packages: Vec<(String, Map<String, Value>)> = Vec::new();
    for task in app.service.newest_tasks(project.id).await? {
        let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
        let chroot = chroot_name(&target);
        let shown = shown(&task, &chroot, &name, &base, &fields);
        match packages.last_mut().filter(|(package, _)| package == task.package.as_str()) {
            Some((_, chroots)) => drop(chroots.insert(chroot, shown)),
            None => packages.push((task.package.to_string(), Map::from_iter([(chroot, shown)]))),
        }
    }
    let packages: Vec<Value> =
        packages.into_iter().map(|(name, chroots)| json!({"name": name, "chroots": chroots})).collect();
    Ok(Json(json!({"output": "ok", "message": "Project monitor request successful", "packages": packages})))
}

fn shown(task: &NewestTask, chroot: &str, project: &CoprName, base: &str, fields: &[&str]) -> Value {
    let mut entry = json!({
        "state": task_word(task.state),
        "status": task_number(task.state),
        "build_id": task.build,
        "pkg_version": task.version,
    });
    let folder = format!(
        "{}/{chroot}/{:08}-{}",
        results_url(project, base),
        task.build.get(),
        encode_segment(task.package.as_str())
    );
    let begun = !matches!(task.state, model::TaskState::Waiting | model::TaskState::Pending);
    let log = |name: &str| begun.then(|| format!("{folder}/{name}"));
    for field in fields {
        let value = match *field {
            "url_build_log" => json!(log("builder-live.log")),
            "url_backend_log" => json!(log("backend.log")),
            _ => json!(format!("{base}/coprs/build/{}", task.build)),
        };
        if let Some(keys) = entry.as_object_mut() {
            keys.insert((*field).to_owned(), value);
        }
    }
    entry
}
