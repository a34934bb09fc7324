//! The first tab of a project: packages against targets.

use axum::extract::{Path, State};
use axum::response::Response;
use model::{Outcome, PackageName, Project, Repository};
use service::{Matrix, MatrixFilter, MatrixRow, OutcomeCount, PackageTask, TargetName};

use super::actions::{button_form, rights};
use super::error::PageError;
use super::html::{Html, Tag, grouped, link, outside_link, tag};
use super::layout::{Page, Tab, package_path, project_path};
use super::words::{count, outcome, state};
use super::{Visitor, project_called};
use crate::app::App;
use crate::query::{Link, Query};

/// Cells of one page, so that a page of many targets is no larger than one of few.
const CELLS: usize = 400;

/// Most and fewest packages of one page.
const ROWS: (usize, usize) = (10, 100);

/// Characters of a reason in a cell.
const REASON: usize = 90;

/// Longest text that is searched for, in bytes.
const LONGEST: usize = 200;

/// `/projects/NAME?q=&state=&after=&before=`.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let targets = enabled_targets(&app.service.repositories(project.id).await?);
    let packages = app.service.package_count(project.id).await?;
    let counts = app.service.outcome_counts(project.id).await?;
    let filter = wanted(&query, targets.len());
    let matrix = app.service.matrix(project.id, &filter).await?;
    let here = address(&project, &filter, None);
    let may = rights(&app, &visitor, &project).await?;
    let outdated = (may.build && packages > 0).then(|| {
        let action = format!("{}/rebuild", project_path(&project));
        tag("div").class("actions").add(button_form(&visitor, &action, "Build what is out of date"))
    });
    let overview = tag("section")
        .attr("id", "overview")
        .flag("data-live", true)
        .add(totals(&project, (packages, targets.len()), &counts, &filter))
        .add(filter_form(&project, &filter))
        .add(table(&project, &targets, &counts, &matrix, packages))
        .add(pager(&project, &filter, &matrix));
    Ok(Page::new(&visitor, project.name.as_str(), here)
        .of_project(&project, Tab::Packages)
        .add(about(&project))
        .add(outdated)
        .add(overview)
        .answer())
}

/// The enabled targets of a project, in order of creation.
pub(super) fn enabled_targets(repositories: &[Repository]) -> Vec<TargetName> {
    let of = |repository: &Repository| -> Vec<TargetName> {
        let enabled = repository.arches.iter().filter(|arch| arch.enabled);
        let target =
            |arch: &model::RepositoryArch| TargetName { repository: repository.name.clone(), arch: arch.arch.clone() };
        enabled.map(target).collect()
    };
    repositories.iter().flat_map(of).collect()
}

fn wanted(query: &Query, targets: usize) -> MatrixFilter {
    let name = |key: &str| query.get(key).and_then(|text| PackageName::parse(text).ok());
    let text = query.get("q").map(str::trim).filter(|text| !text.is_empty() && text.len() <= LONGEST);
    let rows = (CELLS / targets.max(1)).clamp(ROWS.0, ROWS.1);
    MatrixFilter {
        text: text.map(str::to_owned),
        outcome: query.get("state").and_then(Outcome::parse),
        after: name("after"),
        before: name("before"),
        limit: u32::try_from(rows).unwrap_or(u32::MAX),
    }
}

/// The address of the first page of a filter, or of one beside it.
fn address(project: &Project, filter: &MatrixFilter, place: Option<(&str, &PackageName)>) -> String {
    let link = Link::new(project_path(project))
        .with("q", filter.text.as_deref())
        .with("state", filter.outcome.map(Outcome::as_str));
    match place {
        Some((key, name)) => link.with(key, Some(name)).finish(),
        None => link.finish(),
    }
}

fn about(project: &Project) -> Html {
    let settings = &project.settings;
    let mut text = Html::new();
    for paragraph in settings.description.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        text.push(tag("p").class("lines").add(paragraph.trim()));
    }
    let mut facts = Html::from(tag("dt").add("Owner"));
    facts.push(tag("dd").add(link(&format!("/users/{}", project.owner), project.owner.as_str())));
    for (name, value) in [("Homepage", &settings.homepage), ("Contact", &settings.contact)] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            facts.push(tag("dt").add(name));
            facts.push(tag("dd").add(outside_link(value)));
        }
    }
    text.add(tag("dl").class("facts").add(facts))
}

/// What became of everything, each number a link to what it counts.
fn totals(
    project: &Project,
    (packages, targets): (u64, usize),
    counts: &[OutcomeCount],
    filter: &MatrixFilter,
) -> Html {
    let chosen = |outcome: Option<Outcome>| MatrixFilter { outcome, ..filter.clone() };
    let chip = |outcome: Option<Outcome>, content: Html| {
        let link = tag("a").class("chip").href(&address(project, &chosen(outcome), None));
        let link = if filter.outcome == outcome { link.attr("aria-current", "true") } else { link };
        link.add(content)
    };
    let whole = match targets {
        0 | 1 => count(packages, "package", "packages"),
        _ => format!("{} × {targets} targets", count(packages, "package", "packages")),
    };
    let mut chips = Html::from(chip(None, whole.into()));
    for outcome in Outcome::ALL {
        let number: u64 = counts.iter().filter(|count| count.outcome == outcome).map(|count| count.packages).sum();
        if number > 0 || filter.outcome == Some(outcome) {
            let content = Html::from(state(outcome.as_str())).add(" ").add(tag("b").add(number));
            chips.push(chip(Some(outcome), content));
        }
    }
    tag("div").class("chips").add(chips).into()
}

fn filter_form(project: &Project, filter: &MatrixFilter) -> Tag {
    let hidden = filter
        .outcome
        .map(|outcome| tag("input").attr("type", "hidden").attr("name", "state").attr("value", outcome.as_str()));
    let text = filter.text.as_deref().unwrap_or_default();
    tag("form")
        .class("filter")
        .attr("action", project_path(project))
        .add(tag("label").attr("for", "q").add("Package"))
        .add(tag("input").attr("type", "search").attr("id", "q").attr("name", "q").attr("value", text))
        .add(hidden)
        .add(tag("button").add("Find"))
}

fn table(project: &Project, targets: &[TargetName], counts: &[OutcomeCount], matrix: &Matrix, packages: u64) -> Html {
    if matrix.rows.is_empty() {
        let words = if packages == 0 { "This project has no packages yet." } else { "No package is like that." };
        return tag("p").class("dim").add(words).into();
    }
    let heads: Html = targets.iter().map(|target| target_head(target, counts)).collect();
    let head = tag("tr").add(tag("th").attr("scope", "col").add("Package")).add(heads);
    let rows: Html = matrix.rows.iter().map(|row| row_of(project, targets, row)).collect();
    let table = tag("table").class("matrix").add(tag("thead").add(head)).add(tag("tbody").add(rows));
    tag("div")
        .class("scroll")
        .attr("role", "region")
        .attr("aria-label", "Packages and targets")
        .attr("tabindex", "0")
        .add(table)
        .into()
}

fn target_head(target: &TargetName, counts: &[OutcomeCount]) -> Tag {
    let of = |outcome: Outcome| {
        let found = counts.iter().find(|count| {
            count.outcome == outcome && count.repository == target.repository && count.arch == target.arch
        });
        found.map_or(0, |count| count.packages)
    };
    let bad = of(Outcome::Failed) + of(Outcome::Unresolvable);
    let summary = match bad {
        0 => format!("{} built", grouped(of(Outcome::Succeeded))),
        _ => format!("{} built, {} not", grouped(of(Outcome::Succeeded)), grouped(bad)),
    };
    tag("th")
        .attr("scope", "col")
        .add(target.repository.as_str())
        .add(Html::markup("<br>"))
        .add(tag("span").class("arch").add(target.arch.as_str()))
        .add(Html::markup("<br>"))
        .add(tag("span").class("dim small").add(summary))
}

fn row_of(project: &Project, targets: &[TargetName], row: &MatrixRow) -> Tag {
    let path = package_path(project, row.package.as_str());
    let name = tag("th").attr("scope", "row").add(link(&path, row.package.as_str()));
    let cells: Html = targets
        .iter()
        .map(|target| {
            let found = row.tasks.iter().find(|task| is_of(task, target));
            found.map_or_else(|| tag("td").attr("data-t", target.to_string()), |task| cell(task, target))
        })
        .collect();
    tag("tr").add(name).add(cells)
}

fn is_of(task: &PackageTask, target: &TargetName) -> bool {
    task.task.repository == target.repository && task.task.arch == target.arch
}

fn cell(found: &PackageTask, target: &TargetName) -> Tag {
    let word = tag("a").href(&format!("/tasks/{}", found.task.id)).add(outcome(&found.task));
    tag("td").attr("data-t", target.to_string()).add(word).add(short_reason(found))
}

/// The beginning of a reason; the whole of it is on the task's page.
fn short_reason(found: &PackageTask) -> Option<Tag> {
    let reason = match (Outcome::of(&found.task), &found.task.failure, &found.task.verdict) {
        (Outcome::Failed, Some(failure), _) => failure.to_string(),
        (Outcome::Unresolvable, Some(model::FailureCause::Unresolvable { problems }), _) => problems.join(", "),
        (Outcome::Blocked, _, Some(model::Verdict::Blocked { by })) => format!("by {}", by.join(", ")),
        (Outcome::Excluded, _, Some(model::Verdict::Excluded { reason })) => reason.to_string(),
        _ => return None,
    };
    let mut short: String = reason.chars().take(REASON).collect();
    if short.len() < reason.len() {
        short.push('…');
    }
    Some(tag("span").class("why").add(short))
}

fn pager(project: &Project, filter: &MatrixFilter, matrix: &Matrix) -> Option<Tag> {
    if !matrix.has_previous && !matrix.has_next {
        return None;
    }
    let (first, last) = (matrix.rows.first(), matrix.rows.last());
    let beside = |key: &str, row: Option<&MatrixRow>, words: &str| {
        row.map(|row| link(&address(project, filter, Some((key, &row.package))), words))
    };
    let previous = if matrix.has_previous { beside("before", first, "Previous") } else { None };
    let next = if matrix.has_next { beside("after", last, "Next") } else { None };
    let range = match (first, last) {
        (Some(first), Some(last)) => format!("{} to {}", first.package, last.package),
        _ => String::new(),
    };
    let range = tag("span").class("dim").add(range);
    Some(tag("nav").class("pager").attr("aria-label", "Pages").add(previous).add(range).add(next))
}
