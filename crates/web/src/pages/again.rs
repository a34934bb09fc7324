//! Whether a package will be built again, and why or why not.

use axum::extract::{Path, State};
use axum::response::Response;
use model::{BuildReason, PackageName, Project, RebuildMode};
use service::{Fate, Held, NewestBuild, Outlook, TargetName};

use super::Visitor;
use super::error::PageError;
use super::html::{Html, Tag, link, tag};
use super::layout::{package_path, question_path};
use super::subject::Subject;
use crate::app::App;
use crate::query::Query;

/// Names that are listed; what is left out is counted.
const MOST_NAMES: usize = 20;

/// `/projects/NAME/packages/PACKAGE/again?target=REPOSITORY/ARCH`.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, package)): Path<(String, String)>,
    query: Query,
) -> Result<Response, PageError> {
    let subject = Subject::read(&app, (&name, &package), &query).await?;
    let Subject { project, package, target } = &subject;
    let outlook = app.service.outlook(project.id, package, target).await?;
    let page = subject.page(&visitor, &format!("Will {package} be built again for {target}?"));
    Ok(page.add(section(project, &outlook)).answer())
}

/// Where that is said of a package in a target.
pub(super) fn address(project: &Project, package: &PackageName, target: &TargetName) -> String {
    question_path(project, package.as_str(), "again", target)
}

/// The answer for every target, each of which a script puts in its place; without one, links lead to them.
pub(super) fn questions(project: &Project, package: &PackageName, targets: &[TargetName]) -> Html {
    if targets.is_empty() {
        return Html::new();
    }
    let items: Html = targets
        .iter()
        .map(|target| {
            let address = address(project, package, target);
            let answer = tag("div").attr("data-again", &address).attr("aria-live", "polite");
            tag("li").add(link(&address, target.to_string())).add(answer)
        })
        .collect();
    Html::from(tag("h2").add("Will it be built again?")).add(tag("ul").class("again").add(items))
}

/// Why it was built last, and what is to be done with it.
pub(super) fn section(project: &Project, outlook: &Outlook) -> Tag {
    tag("div")
        .attr("id", "again")
        .add(outlook.newest.as_ref().map(newest))
        .add(tag("p").add(future(project, outlook)))
        .add(policy(outlook).map(|words| tag("p").class("dim").add(words)))
}

fn newest(newest: &NewestBuild) -> Tag {
    let build = link(&format!("/builds/{}", newest.build), format!("Build {}", newest.build));
    let words = tag("p").add(build);
    match &newest.reason {
        BuildReason::Submitted { by } => words.add(format!(" is the newest there; {by} submitted it.")),
        BuildReason::Changed { what } => {
            words.add(" is the newest there; it began because of changes: ").add(names(what))
        }
    }
}

fn future(project: &Project, outlook: &Outlook) -> Html {
    if let Some(held) = outlook.held {
        return Html::from(match held {
            Held::ProjectLocked => "No: the project is locked.",
            Held::PackageLocked => "No: the package is locked.",
            Held::TargetOff => "No: the project does not build for this target now.",
            Held::PackageOff => "No: builds of the package are switched off there.",
        });
    }
    match &outlook.rebuild {
        None if outlook.newest.is_none() => Html::from("It was never built there."),
        None => Html::from("That can not be told before what it is built with is known."),
        Some(Fate::Building) => Html::from("It is being built."),
        Some(Fate::Current { .. }) => Html::from("No: nothing that it was built with has changed."),
        Some(Fate::Waits { by }) => Html::from("That shows when these are built: ").add(packages(project, by)).add("."),
        Some(Fate::Outdated { what }) if outlook.rebuilds_itself => {
            Html::from("Yes: it was built with something that has changed: ").add(names(what))
        }
        Some(Fate::Outdated { what }) => Html::from(
            "Not by itself, for this project builds on request; but it is out of \
                                                     date, because of ",
        )
        .add(names(what)),
        Some(Fate::Impossible { verdict }) => Html::from(format!("It could not be built again: {verdict}.")),
    }
}

/// Which changes count, if not all.
fn policy(outlook: &Outlook) -> Option<&'static str> {
    match outlook.counts {
        RebuildMode::Transitive => None,
        RebuildMode::Direct => {
            Some("Only changes of what is in its root count there, not of what that was built with.")
        }
        RebuildMode::Local => Some("Only changes of its own source count there."),
    }
}

fn names(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}.", shown.join(", "))
}

fn packages(project: &Project, names: &[String]) -> Html {
    let mut list = Html::new();
    for (number, name) in names.iter().take(MOST_NAMES).enumerate() {
        if number > 0 {
            list.push(Html::from(", "));
        }
        list.push(link(&package_path(project, name), name.as_str()));
    }
    match names.len().saturating_sub(MOST_NAMES) {
        0 => list,
        more => list.add(format!(" and {more} more")),
    }
}
