use axum::extract::State;
use axum::response::Response;
use model::Project;
use service::ProjectFilter;

use super::error::PageError;
use super::html::{Html, link, tag};
use super::layout::{Page, project_path};
use super::{Visitor, html_table};
use crate::app::App;
use crate::query::{Link, Query};

/// Projects of one page.
const PAGE: u32 = 50;

/// Longest text that is searched for, in bytes.
const LONGEST: usize = 200;

/// Characters of a description in the list.
const SUMMARY: usize = 160;

/// `/projects?q=&page=`: every project, or those with a text in their name or description.
pub(super) async fn list(State(app): State<App>, visitor: Visitor, query: Query) -> Result<Response, PageError> {
    let text = query.get("q").map(str::trim).filter(|text| !text.is_empty() && text.len() <= LONGEST);
    let number = query.get("page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1).clamp(1, 1_000_000);
    let filter = ProjectFilter {
        text: text.map(str::to_owned),
        limit: Some(PAGE + 1),
        offset: (number - 1).saturating_mul(PAGE),
        ..ProjectFilter::default()
    };
    let mut projects = app.service.projects(&filter).await?;
    let has_more = projects.len() > PAGE as usize;
    projects.truncate(PAGE as usize);
    let search = tag("form")
        .class("filter")
        .attr("action", "/projects")
        .add(tag("label").attr("for", "q").add("Name or description"))
        .add(tag("input").attr("type", "search").attr("id", "q").attr("name", "q").attr("value", text.unwrap_or("")))
        .add(tag("button").add("Find"));
    let at = |page: u32| Link::new("/projects").with("q", text).with("page", (page > 1).then_some(page)).finish();
    let pager = tag("nav")
        .class("pager")
        .attr("aria-label", "Pages")
        .add((number > 1).then(|| link(&at(number - 1), "Previous")))
        .add(has_more.then(|| link(&at(number + 1), "Next")));
    let here = at(number);
    Ok(Page::new(&visitor, "Projects", here)
        .add(tag("h1").add("Projects"))
        .add(search)
        .add(table(&projects))
        .add(pager)
        .answer())
}

/// Projects with what they are.
pub(super) fn table(projects: &[Project]) -> Html {
    if projects.is_empty() {
        return tag("p").class("dim").add("There is none.").into();
    }
    let rows = projects.iter().map(|project| {
        let first = project.settings.description.lines().next().unwrap_or_default();
        let summary: String = first.chars().take(SUMMARY).collect();
        let owner = link(&format!("/users/{}", project.owner), project.owner.as_str());
        tag("tr")
            .add(tag("td").add(link(&project_path(project), project.name.as_str())))
            .add(tag("td").add(owner))
            .add(tag("td").add(summary))
    });
    html_table(&["Project", "Owner", "Description"], rows.collect())
}
