use axum::extract::{Path, State};
use axum::response::Response;
use model::{Build, PackageName, Project};
use service::{BuildFilter, PackageTask, Revision, TargetName};

use super::actions::{rebuild_form, rights};
use super::again::questions;
use super::assets::AGAIN;
use super::error::PageError;
use super::home::builds_table;
use super::html::{Html, Tag, link, tag};
use super::layout::{Page, Tab, package_path, question_path};
use super::matrix::enabled_targets;
use super::words::{ago, duration, outcome};
use super::{Visitor, html_table, project_called};
use crate::app::App;

/// Tasks of each target's history.
const HISTORY: u32 = 10;

/// Builds and revisions that are listed.
const LATEST: u32 = 20;

/// `/projects/NAME/packages/PACKAGE`: where it stands in each target, and how that came.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, package)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let name = PackageName::parse(&package).map_err(|_| PageError::Missing)?;
    let package = app.service.package(project.id, &name).await?;
    let now = app.service.now();
    let mut histories = Html::new();
    let targets = enabled_targets(&app.service.repositories(project.id).await?);
    let mut built = Vec::new();
    for target in targets {
        let tasks = app.service.tasks_of_package(project.id, &name, &target, HISTORY).await?;
        histories.push(history(&project, &name, &target, &tasks, now));
        built.extend((!tasks.is_empty()).then_some(target));
    }
    let filter = BuildFilter {
        project: Some(project.id),
        package: Some(package.id),
        limit: Some(LATEST),
        ..BuildFilter::default()
    };
    let builds = app.service.builds(&filter).await?;
    let mut revisions = app.service.revisions(project.id, &name).await?;
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    let may = rights(&app, &visitor, &project).await?;
    let here = package_path(&project, name.as_str());
    let states =
        tag("section").attr("id", "targets").flag("data-live", true).add(tag("h2").add("Targets")).add(histories);
    let list = tag("section")
        .attr("id", "builds")
        .flag("data-live", true)
        .add(tag("h2").add("Builds"))
        .add(builds_table(&builds, now, false));
    Ok(Page::new(&visitor, name.as_str(), here)
        .of_project(&project, Tab::Packages)
        .with_script(&AGAIN)
        .add(tag("h1").add(name.as_str()))
        .add(builds.first().map(source))
        .add(may.build.then(|| rebuild_form(&visitor, &project, &name, None)))
        .add(states)
        .add(questions(&project, &name, &built))
        .add(list)
        .add(revision_list(&revisions, now))
        .answer())
}

/// Which source is the newest.
fn source(build: &Build) -> Tag {
    let version = build.version.as_deref().unwrap_or("not known yet");
    let digest = build.source_tree.map(|digest| digest.to_string());
    let digest = digest.map(|digest| {
        let short: String = digest.chars().take(12).collect();
        Html::from(tag("dt").add("Source tree")).add(tag("dd").add(tag("code").attr("title", digest).add(short)))
    });
    let facts = Html::from(tag("dt").add("Version")).add(tag("dd").add(version)).add(digest);
    tag("dl").class("facts").add(facts)
}

fn history(
    project: &Project,
    package: &PackageName,
    target: &TargetName,
    tasks: &[PackageTask],
    now: model::Timestamp,
) -> Html {
    let why = why_address(project, package, target);
    let title =
        tag("h3").add(target.to_string()).add(" ").add(tag("small").add(link(&why, "what its root is made of")));
    if tasks.is_empty() {
        return Html::from(title).add(tag("p").class("dim").add("Never built here."));
    }
    let rows = tasks.iter().map(|found| {
        let task = &found.task;
        let time = task.started_at.zip(task.ended_at).map(|(start, end)| duration(end.since(start)));
        tag("tr")
            .add(tag("td").add(link(&format!("/tasks/{}", task.id), outcome(task))))
            .add(tag("td").add(found.version.as_deref().unwrap_or("")))
            .add(
                tag("td")
                    .class("number")
                    .add(link(&format!("/builds/{}", task.build), format!("build {}", task.build))),
            )
            .add(tag("td").class("number").add(time))
            .add(tag("td").class("dim").add(task.ended_at.map(|ended| ago(ended, now))))
    });
    Html::from(title).add(html_table(&["State", "Version", "Build", "Took", "Ended"], rows.collect()))
}

/// Where the root of a package in a target is explained.
pub(super) fn why_address(project: &Project, package: &PackageName, target: &TargetName) -> String {
    question_path(project, package.as_str(), "why", target)
}

fn revision_list(revisions: &[Revision], now: model::Timestamp) -> Html {
    if revisions.is_empty() {
        return Html::new();
    }
    let rows = revisions.iter().take(LATEST as usize).map(|revision| {
        tag("tr")
            .add(tag("td").class("number").add(revision.number.to_string()))
            .add(tag("td").add(revision.comment.as_str()))
            .add(tag("td").add(revision.author.as_str()))
            .add(tag("td").class("dim").add(ago(revision.created_at, now)))
    });
    Html::from(tag("h2").add("Source revisions"))
        .add(html_table(&["Revision", "Comment", "By", "When"], rows.collect()))
}
