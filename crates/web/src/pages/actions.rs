//! What people can do on pages beside the editor and the settings: building again, and stopping.

use axum::extract::{Path, State};
use axum::response::Response;
use model::{Build, BuildId, PackageName, Project};
use service::{PackageTarget, TargetName};

use super::error::PageError;
use super::html::{Tag, link, tag};
use super::layout::{Page, Tab, package_path, project_path};
use super::matrix::enabled_targets;
use super::words::count;
use super::{Posted, Visitor, project_called, see};
use crate::app::App;

/// What somebody may do in a project.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rights {
    /// Start and stop builds.
    pub(super) build: bool,
    /// Change configuration and settings.
    pub(super) edit: bool,
}

/// What a visitor may do in a project; nothing without a login.
pub(super) async fn rights(app: &App, visitor: &Visitor, project: &Project) -> Result<Rights, PageError> {
    let Some(user) = &visitor.user else { return Ok(Rights::default()) };
    let build = app.service.may_build(user, project.id).await?;
    Ok(Rights { build, edit: app.service.may_edit(user, project.id).await? })
}

/// A form of one button.
pub(super) fn button_form(visitor: &Visitor, action: &str, words: &str) -> Tag {
    tag("form")
        .class("inline")
        .attr("method", "post")
        .attr("action", action)
        .add(csrf_field(visitor))
        .add(tag("button").add(words))
}

/// What every form needs.
pub(super) fn csrf_field(visitor: &Visitor) -> Tag {
    tag("input").attr("type", "hidden").attr("name", "csrf").attr("value", &visitor.csrf)
}

/// Builds a package again, everywhere or in one target.
pub(super) fn rebuild_form(
    visitor: &Visitor,
    project: &Project,
    package: &PackageName,
    target: Option<&TargetName>,
) -> Tag {
    let action = format!("{}/rebuild", package_path(project, package.as_str()));
    let words = if target.is_some() { "Build again here" } else { "Build again" };
    let hidden = target
        .map(|target| tag("input").attr("type", "hidden").attr("name", "target").attr("value", target.to_string()));
    button_form(visitor, &action, words).add(hidden)
}

/// Stops a build.
pub(super) fn cancel_form(visitor: &Visitor, build: &Build) -> Tag {
    button_form(visitor, &format!("/builds/{}/cancel", build.id), "Cancel")
}

/// `POST /builds/ID/cancel`.
pub(super) async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, PageError> {
    let user = posted.visitor.user.as_ref().ok_or(PageError::Stranger)?;
    let id: i64 = id.parse().map_err(|_| PageError::Missing)?;
    app.service.cancel(user, BuildId::new(id)).await?;
    Ok(see(&format!("/builds/{id}")))
}

/// `POST /projects/NAME/packages/PACKAGE/rebuild`, in all targets or in the one that is named.
pub(super) async fn rebuild(
    State(app): State<App>,
    Path((name, package)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, PageError> {
    let user = posted.visitor.user.as_ref().ok_or(PageError::Stranger)?;
    let project = project_called(&app, &name).await?;
    let package = PackageName::parse(&package).map_err(|_| PageError::Missing)?;
    let targets = enabled_targets(&app.service.repositories(project.id).await?);
    let chosen = posted.text("target");
    let wanted: Vec<PackageTarget> = targets
        .into_iter()
        .filter(|target| chosen.is_empty() || target.to_string() == chosen)
        .map(|target| (package.clone(), target))
        .collect();
    app.service.rebuild(user, project.id, &wanted).await?;
    Ok(see(&package_path(&project, package.as_str())))
}

/// `POST /projects/NAME/rebuild`: builds again what is out of date.
pub(super) async fn rebuild_outdated(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, PageError> {
    let user = posted.visitor.user.as_ref().ok_or(PageError::Stranger)?;
    let project = project_called(&app, &name).await?;
    let done = app.service.rebuild_outdated(user, project.id).await?;
    let begun = count(done.builds.len() as u64, "build begins", "builds begin");
    let words = match done.builds.is_empty() {
        true => "Nothing is out of date.".to_owned(),
        false => format!("{begun}."),
    };
    let builds = format!("{}/builds", project_path(&project));
    Ok(Page::new(&posted.visitor, "Out of date", builds.as_str())
        .of_project(&project, Tab::Builds)
        .add(tag("h1").add("Out of date"))
        .add(tag("p").add(words))
        .add(tag("p").add(link(&builds, "Builds of the project")))
        .answer())
}
