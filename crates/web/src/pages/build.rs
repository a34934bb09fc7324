use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use model::{Build, BuildId, BuildReason, BuildSource, PackageSource, Task, Timestamp};
use service::TargetName;

use super::actions::{cancel_form, rebuild_form, rights};
use super::error::PageError;
use super::html::{Html, Tag, link, outside_link, tag};
use super::layout::{Page, Tab, package_path};
use super::words::{ago, duration, outcome, reason, state};
use super::{Visitor, timeline};
use crate::address::encode_segment;
use crate::app::App;
use crate::files::result_path;

/// `/builds/ID`.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id: i64 = id.parse().map_err(|_| PageError::Missing)?;
    let build = app.service.build(BuildId::new(id)).await?;
    let project = app.service.project(build.project_id).await?;
    let now = app.service.now();
    let may = rights(&app, &visitor, &project).await?;
    let open = !build.is_finished();
    let actions = tag("div").class("actions").add((may.build && open).then(|| cancel_form(&visitor, &build))).add(
        build
            .package
            .as_ref()
            .filter(|_| may.build && !open)
            .map(|package| rebuild_form(&visitor, &project, package, None)),
    );
    let head = tag("h1").add(title(&build)).add(" ").add(state(build.state().as_str()));
    let live = tag("section")
        .attr("id", "build")
        .flag("data-live", true)
        .add(head)
        .add(about(&build, now))
        .add(actions)
        .add(tag("h2").add("Tasks"))
        .add(tasks(&build, now));
    let here = format!("/builds/{id}");
    Ok(Page::new(&visitor, title(&build), here).of_project(&project, Tab::Builds).add(live).answer())
}

/// What a build is called.
pub(super) fn title(build: &Build) -> String {
    match &build.package {
        Some(package) => format!("{package} {}", build.version.as_deref().unwrap_or_default()).trim_end().to_owned(),
        None => format!("Build {}", build.id),
    }
}

/// Copr's clients print this address after a submission.
pub(super) async fn copr_build(Path(id): Path<String>) -> Redirect {
    Redirect::temporary(&format!("/builds/{}", encode_segment(&id)))
}

/// What a job makes the source from.
fn made(source: &PackageSource) -> String {
    match source {
        PackageSource::Checkout { url, revision, .. } if revision.is_empty() => url.clone(),
        PackageSource::Checkout { url, revision, .. } => format!("{url} at {revision}"),
        PackageSource::DistGit { url, .. } => url.clone(),
        PackageSource::Pypi { name, .. } => format!("{name} of the Python package index"),
        PackageSource::Gem { name } => format!("the Ruby gem {name}"),
        PackageSource::Script { .. } => "the output of a script".to_owned(),
    }
}

fn about(build: &Build, now: Timestamp) -> Tag {
    let source: Html = match &build.source {
        BuildSource::Url { url } => outside_link(url),
        BuildSource::Upload { file } => format!("{file} (uploaded)").into(),
        BuildSource::Revision { package, revision, file, .. } => {
            format!("{file}, revision {revision} of {package}").into()
        }
        BuildSource::Job { source, .. } => made(source).into(),
    };
    let reason = match &build.reason {
        BuildReason::Submitted { by } => format!("submitted by {by}"),
        BuildReason::Changed { what } => format!("changed: {}", what.join(", ")),
    };
    let fact = |name: &str, value: Html| Html::from(tag("dt").add(name)).add(tag("dd").add(value));
    let mut facts = fact("Build", format!("{}", build.id).into())
        .add(fact("Source", source))
        .add(fact("Why", reason.into()))
        .add(fact("Submitted", ago(build.submitted_at, now).into()));
    if let (Some(start), Some(end)) = (build.started_at(), build.ended_at()) {
        facts.push(fact("Took", duration(end.since(start)).into()));
    }
    if let Some(signature) = &build.source_signature {
        facts.push(fact("Signature", signature.to_string().into()));
    }
    if build.network {
        facts.push(fact("Network", "the recipe may reach it".into()));
    }
    if let Some(failure) = &build.source_failure {
        facts.push(fact("Source failed", failure.to_string().into()));
    }
    tag("dl").class("facts").add(facts)
}

fn tasks(build: &Build, now: Timestamp) -> Html {
    if build.tasks.is_empty() {
        return tag("p").class("dim").add("There is none.").into();
    }
    let scale = timeline::scale(build, now);
    let cards: Html = build.tasks.iter().map(|task| card(build, task, scale, now)).collect();
    tag("div").class("cards").add(cards).into()
}

fn card(build: &Build, task: &Task, scale: std::time::Duration, now: Timestamp) -> Tag {
    let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
    let address = format!("/tasks/{}", task.id);
    let results = task.started_at.and_then(|_| result_path(build, task)).map(|path| link(&path, "results"));
    let took = match (task.started_at, task.ended_at) {
        (Some(start), Some(end)) => Some(format!("took {}", duration(end.since(start)))),
        (Some(start), None) => Some(format!("for {}", duration(now.since(start)))),
        _ => None,
    };
    let head = tag("div")
        .class("card-head")
        .add(tag("h3").add(link(&address, target.to_string())))
        .add(outcome(task))
        .add(took.map(|took| tag("span").class("dim").add(took)))
        .add(tag("span").class("links").add(link(&format!("{address}#log"), "log")).add(" ").add(results));
    tag("article").class("card").add(head).add(timeline::of_task(build, task, scale, now)).add(reason(build, task))
}

/// The project a build's page lies under; for pages of its tasks.
pub(super) fn crumb(build: &Build, project: &model::Project) -> Tag {
    let package = build.package.as_ref().map(|package| {
        let address = package_path(project, package.as_str());
        Html::from(link(&address, package.as_str())).add(" / ")
    });
    tag("p").class("crumb").add(package).add(link(&format!("/builds/{}", build.id), format!("build {}", build.id)))
}
