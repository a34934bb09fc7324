use axum::extract::{Path, State};
use axum::response::Response;
use model::{Project, ProjectSettings, Repository, TriggerPolicy};
use service::{Target, TargetName};

use super::actions::{csrf_field, rights};
use super::error::PageError;
use super::html::{Html, Tag, tag};
use super::layout::{Page, Tab, project_path};
use super::matrix::enabled_targets;
use super::{Posted, Visitor, project_called, see};
use crate::app::App;
use crate::query::Query;

/// `/projects/NAME/settings?saved=`.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let repositories = app.service.repositories(project.id).await?;
    let known = app.service.targets().await?;
    let may = rights(&app, &visitor, &project).await?.edit;
    let saved = query.get("saved").map(|_| tag("div").class("note good").attr("role", "status").add("Saved."));
    let whose = (!may).then(|| tag("p").class("dim").add("Only who may change the project can change them."));
    Ok(Page::new(&visitor, "Settings", format!("{}/settings", project_path(&project)))
        .of_project(&project, Tab::Settings)
        .add(tag("h1").add("Settings"))
        .add(saved)
        .add(whose)
        .add(settings_form(&visitor, &project, may))
        .add(targets_form(&visitor, &project, &repositories, &known, may))
        .answer())
}

fn settings_form(visitor: &Visitor, project: &Project, may: bool) -> Tag {
    let settings = &project.settings;
    let area = |name: &'static str, label: &str, value: &str| {
        let area = tag("textarea").attr("id", name).attr("name", name).attr("rows", "4").flag("disabled", !may);
        Html::from(tag("label").attr("for", name).add(label)).add(area.add("\n").add(value))
    };
    let line = |name: &'static str, label: &str, value: &Option<String>| {
        let input = tag("input").attr("id", name).attr("name", name).attr("value", value.as_deref().unwrap_or(""));
        Html::from(tag("label").attr("for", name).add(label)).add(input.flag("disabled", !may))
    };
    let check = |name: &'static str, label: &str, hint: &str, on: bool| {
        let input = tag("input").attr("type", "checkbox").attr("name", name).attr("value", "1");
        let input = input.flag("checked", on).flag("disabled", !may);
        Html::from(tag("label").class("check").add(input).add(tag("span").add(label)))
            .add(tag("p").class("hint").add(hint))
    };
    let save = may.then(|| tag("button").class("primary").add("Save"));
    tag("form")
        .class("stacked")
        .attr("method", "post")
        .attr("action", format!("{}/settings", project_path(project)))
        .add(csrf_field(visitor))
        .add(area("description", "Description", &settings.description))
        .add(area("instructions", "How to use its packages", &settings.instructions))
        .add(line("homepage", "Homepage", &settings.homepage))
        .add(line("contact", "Contact", &settings.contact))
        .add(check(
            "publish",
            "Publish",
            "New results go to the project's repositories by themselves.",
            settings.publish,
        ))
        .add(check(
            "network",
            "Network",
            "Recipes may reach the network, unless a build says otherwise.",
            settings.network,
        ))
        .add(check(
            "on_change",
            "Build on changes",
            "What depends on a changed source, dependency or configuration is built again by itself.",
            settings.trigger == TriggerPolicy::OnChange,
        ))
        .add(check(
            "check_config",
            "Check the build configuration",
            "A configuration with an error is refused with its line. Without this, every text is stored.",
            !settings.takes_any_config,
        ))
        .add(check("unlisted", "Unlisted", "It is left out of lists of what is new here.", settings.unlisted))
        .add(save)
}

fn targets_form(
    visitor: &Visitor,
    project: &Project,
    repositories: &[Repository],
    known: &[Target],
    may: bool,
) -> Option<Tag> {
    if repositories.iter().any(|repository| repository.mirror.is_some()) || known.is_empty() {
        return None;
    }
    let enabled = enabled_targets(repositories);
    let boxes: Html = known
        .iter()
        .filter(|target| target.active || enabled.contains(&target.name))
        .map(|target| {
            let name = target.name.to_string();
            let input = tag("input").attr("type", "checkbox").attr("name", "target").attr("value", &name);
            let input = input.flag("checked", enabled.contains(&target.name)).flag("disabled", !may);
            let against = tag("span").class("dim small").add(format!(" built against {}", target.path));
            tag("label").class("check").add(input).add(tag("span").add(name).add(against))
        })
        .collect();
    let set = tag("fieldset").add(tag("legend").add("Targets")).add(boxes);
    Some(
        tag("form")
            .class("stacked")
            .attr("method", "post")
            .attr("action", format!("{}/settings/targets", project_path(project)))
            .add(csrf_field(visitor))
            .add(set)
            .add(may.then(|| tag("button").add("Save targets"))),
    )
}

/// `POST /projects/NAME/settings`.
pub(super) async fn save(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, PageError> {
    let user = posted.visitor.user.as_ref().ok_or(PageError::Stranger)?;
    let project = project_called(&app, &name).await?;
    let text = |name: &str| posted.text(name).replace("\r\n", "\n").trim().to_owned();
    let some = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let is_on = |name: &str| posted.text(name) == "1";
    let settings = ProjectSettings {
        description: text("description"),
        instructions: text("instructions"),
        homepage: some("homepage"),
        contact: some("contact"),
        publish: is_on("publish"),
        network: is_on("network"),
        trigger: if is_on("on_change") { TriggerPolicy::OnChange } else { TriggerPolicy::OnRequest },
        takes_any_config: !is_on("check_config"),
        unlisted: is_on("unlisted"),
        ..project.settings.clone()
    };
    app.service.update_project(user, project.id, settings).await?;
    Ok(see(&format!("{}/settings?saved=1", project_path(&project))))
}

/// `POST /projects/NAME/settings/targets`: builds for these targets and for no others.
pub(super) async fn save_targets(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, PageError> {
    let user = posted.visitor.user.as_ref().ok_or(PageError::Stranger)?;
    let project = project_called(&app, &name).await?;
    let enabled = enabled_targets(&app.service.repositories(project.id).await?);
    let offered: Vec<TargetName> = app.service.targets().await?.into_iter().map(|target| target.name).collect();
    let names: Vec<&str> = posted.fields.all("target").collect();
    let wanted: Vec<&TargetName> = offered.iter().filter(|name| names.contains(&name.to_string().as_str())).collect();
    for target in wanted.iter().copied().filter(|target| !enabled.contains(target)) {
        app.service.enable_target(user, project.id, target, Vec::new()).await?;
    }
    for target in enabled.iter().filter(|target| offered.contains(target) && !wanted.contains(target)) {
        app.service.disable_target(user, project.id, target).await?;
    }
    Ok(see(&format!("{}/settings?saved=1", project_path(&project))))
}
