use axum::extract::{Path, State};
use axum::response::Response;
use service::ConfigChange;

use super::super::error::PageError;
use super::super::html::{Html, Tag, link, tag};
use super::super::layout::{Page, Tab, project_path};
use super::super::words::{ago, size};
use super::super::{Visitor, html_table, project_called};
use super::{Part, impact, parts};
use crate::app::App;
use crate::query::Query;

/// Revisions of one page.
const PAGE: u32 = 50;

/// `/projects/NAME/config/history?page=`.
pub(in crate::pages) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let number = query.get("page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1).clamp(1, 1_000_000);
    let changes = app.service.config_changes(project.id, Some(PAGE + 1), (number - 1).saturating_mul(PAGE)).await?;
    let here = format!("{}/config/history", project_path(&project));
    let now = app.service.now();
    let rows: Html = changes.iter().take(PAGE as usize).map(|change| row(&here, change, now)).collect();
    let list = match changes.is_empty() {
        true => tag("p").class("dim").add("There is no configuration yet.").into(),
        false => html_table(&["Revision", "Comment", "By", "When", "Size"], rows),
    };
    let at = |page: u32| format!("{here}?page={page}");
    let pager = tag("nav")
        .class("pager")
        .attr("aria-label", "Pages")
        .add((number > 1).then(|| link(&at(number - 1), "Newer")))
        .add((changes.len() > PAGE as usize).then(|| link(&at(number + 1), "Older")));
    Ok(Page::new(&visitor, "Configuration history", here.as_str())
        .of_project(&project, Tab::Config)
        .add(tag("h1").add("History"))
        .add(parts(&project, Part::History))
        .add(list)
        .add(pager)
        .answer())
}

fn row(here: &str, change: &ConfigChange, now: model::Timestamp) -> Tag {
    let address = format!("{here}/{}", change.revision);
    let comment = if change.comment.is_empty() { "no comment" } else { change.comment.as_str() };
    tag("tr")
        .add(tag("td").class("number").add(link(&address, change.revision.to_string())))
        .add(tag("td").add(comment))
        .add(tag("td").add(change.author.as_ref().map(|author| author.as_str().to_owned())))
        .add(tag("td").class("dim").add(ago(change.created_at, now)))
        .add(tag("td").class("number").add(size(change.bytes)))
}

/// `/projects/NAME/config/history/N?from=`: a revision, and what it changed.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, number)): Path<(String, String)>,
    query: Query,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let number: u64 = number.parse().map_err(|_| PageError::Missing)?;
    let revision = app.service.config_revision(project.id, number).await?;
    let from = query.get("from").and_then(|from| from.parse().ok()).unwrap_or(number.saturating_sub(1));
    let before = app.service.config_revision(project.id, from).await?;
    let differences = app.service.config_differences(project.id, before.text, revision.text.clone()).await?;
    let base = format!("{}/config", project_path(&project));
    let author = revision.author.as_ref().map_or("nobody", |author| author.as_str());
    let about = tag("p")
        .class("dim")
        .add(format!("By {author}, "))
        .add(ago(revision.created_at, app.service.now()))
        .add(if revision.comment.is_empty() { String::new() } else { format!(": {}", revision.comment) });
    let restore = tag("a").class("button").href(&format!("{base}?restore={number}")).add("Restore it");
    let text = String::from_utf8_lossy(&revision.text).into_owned();
    Ok(Page::new(&visitor, format!("Configuration, revision {number}"), format!("{base}/history/{number}"))
        .of_project(&project, Tab::Config)
        .add(tag("p").class("crumb").add(link(&format!("{base}/history"), "History")))
        .add(tag("h1").add(format!("Revision {number}")))
        .add(about)
        .add(tag("div").class("actions").add(restore))
        .add(tag("h2").add(format!("What it changed since revision {from}")))
        .add(impact::diff(&differences, "Nothing: it means the same."))
        .add(tag("h2").add("The text"))
        .add(tag("pre").attr("tabindex", "0").add(text))
        .answer())
}
