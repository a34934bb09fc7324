//! The tabs of a project that only show: its builds, its repositories, and its people.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use model::{Project, Repository, UserName};
use service::{BuildFilter, ProjectFilter};

use super::error::PageError;
use super::home::builds_table;
use super::html::{Html, Tag, link, tag};
use super::layout::{Page, Tab, project_path};
use super::{Visitor, project_called, projects};
use crate::address::{base_url, encode_segment, host_of};
use crate::app::App;
use crate::query::{Link, Query};

/// Builds of one page.
const BUILDS: u32 = 50;

/// `/projects/NAME/builds?open=&page=`.
pub(super) async fn builds(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let number = query.get("page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1).clamp(1, 1_000_000);
    let open = query.get("open").is_some_and(|open| open == "1");
    let filter = BuildFilter {
        project: Some(project.id),
        finished: open.then_some(false),
        limit: Some(BUILDS + 1),
        offset: (number - 1).saturating_mul(BUILDS),
        ..BuildFilter::default()
    };
    let mut builds = app.service.builds(&filter).await?;
    let has_more = builds.len() > BUILDS as usize;
    builds.truncate(BUILDS as usize);
    let at = |open: bool, page: u32| {
        let link = Link::new(format!("{}/builds", project_path(&project)));
        link.with("open", open.then_some(1)).with("page", (page > 1).then_some(page)).finish()
    };
    let chip = |is_open: bool, words: &str| {
        let link = tag("a").class("chip").href(&at(is_open, 1));
        if is_open == open { link.attr("aria-current", "true").add(words) } else { link.add(words) }
    };
    let pager = tag("nav")
        .class("pager")
        .attr("aria-label", "Pages")
        .add((number > 1).then(|| link(&at(open, number - 1), "Newer")))
        .add(has_more.then(|| link(&at(open, number + 1), "Older")));
    let list = tag("section")
        .attr("id", "builds")
        .flag("data-live", true)
        .add(builds_table(&builds, app.service.now(), false))
        .add(pager);
    let here = at(open, number);
    Ok(Page::new(&visitor, "Builds", here)
        .of_project(&project, Tab::Builds)
        .add(tag("h1").add("Builds"))
        .add(tag("div").class("chips").add(chip(false, "all")).add(chip(true, "unfinished")))
        .add(list)
        .answer())
}

/// `/projects/NAME/repositories`: what is published, and how to install from it.
pub(super) async fn repositories(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let repositories = app.service.repositories(project.id).await?;
    let kinds = app.service.repository_kinds(project.id).await?;
    let publishes = project.settings.publish && repositories.iter().any(|repository| repository.mirror.is_none());
    let key = if publishes { app.service.key_fingerprint(project.id).await? } else { None };
    let base = base_url(&headers, &app.options.public_url);
    let mut page = Page::new(&visitor, "Repositories", format!("{}/repositories", project_path(&project)))
        .of_project(&project, Tab::Repositories)
        .add(tag("h1").add("Repositories"));
    if !project.settings.instructions.trim().is_empty() {
        page = page.add(tag("p").class("lines").add(project.settings.instructions.trim()));
    }
    if !project.settings.publish {
        page = page.add(tag("p").add("This project does not publish its results by itself."));
    }
    if let Some(key) = &key {
        page = page.add(key_text(&project, key));
    }
    for repository in &repositories {
        let kind = kinds.get(&repository.id).map_or("", String::as_str);
        page = page.add(repository_text(&base, &project, repository, kind));
    }
    if repositories.is_empty() {
        page = page.add(tag("p").class("dim").add("There is none yet."));
    }
    Ok(page.answer())
}

/// A fingerprint in groups of four, as people compare it.
fn key_text(project: &Project, fingerprint: &str) -> Tag {
    let groups: Vec<String> =
        fingerprint.chars().collect::<Vec<_>>().chunks(4).map(|four| four.iter().collect()).collect();
    let file = format!("/repositories/{}/key.asc", encode_segment(project.name.as_str()));
    tag("p")
        .add("Everything is signed with the key ")
        .add(tag("code").class("fingerprint").add(groups.join(" ")))
        .add(" (")
        .add(link(&file, "key.asc"))
        .add(").")
}

fn repository_text(base: &str, project: &Project, repository: &Repository, kind: &str) -> Html {
    let folder = repository_folder(project, repository);
    let enabled = repository.arches.iter().filter(|arch| arch.enabled);
    let arches: Vec<&str> = enabled.map(|arch| arch.arch.as_str()).collect();
    let path: Vec<String> = repository.path.iter().map(ToString::to_string).collect();
    let mut facts = Html::from(tag("dt").add("Architectures")).add(tag("dd").add(arches.join(", ")));
    if !path.is_empty() {
        facts.push(tag("dt").add("Built against"));
        facts.push(tag("dd").add(path.join(", ")));
    }
    let mut text = Html::from(tag("h2").add(link(&folder, repository.name.as_str())));
    text.push(tag("dl").class("facts").add(facts));
    // A mirrored distribution is not published here.
    if repository.mirror.is_none() && project.settings.publish {
        let (tool, lines) = match kind {
            "spec" => ("dnf", dnf_lines(base, project, repository, &folder)),
            _ => ("apt", apt_lines(base, project, repository, &folder)),
        };
        text.push(tag("p").add("Install with ").add(tag("code").add(tool)).add(":"));
        text.push(tag("pre").attr("tabindex", "0").add(lines));
    }
    text
}

fn repository_folder(project: &Project, repository: &Repository) -> String {
    let (project, repository) = (project.name.as_str(), repository.name.as_str());
    format!("/repositories/{}/{}/", encode_segment(project), encode_segment(repository))
}

/// The name of a project as that of a file.
fn file_name(project: &Project) -> String {
    project.name.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// What to type to install from a repository of Debian packages.
fn apt_lines(base: &str, project: &Project, repository: &Repository, folder: &str) -> String {
    let file = file_name(project);
    let key = format!("/etc/apt/keyrings/{file}.asc");
    format!(
        "sudo curl -fsSo {key} {base}{folder}key.asc\n\
         echo \"deb [signed-by={key}] {base}{folder} {} main\" | sudo tee /etc/apt/sources.list.d/{file}.list\n\
         sudo apt update",
        repository.name
    )
}

/// What to type to install from a repository of rpm packages.
fn dnf_lines(base: &str, project: &Project, repository: &Repository, folder: &str) -> String {
    let file = file_name(project);
    let host = host_of(base).split(':').next().unwrap_or_default();
    format!(
        "sudo tee /etc/yum.repos.d/{file}.repo <<'EOF'\n[{file}]\nname={} ({}) on {host}\n\
         baseurl={base}{folder}$basearch/\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey={base}{folder}key.asc\nEOF\n\
         sudo dnf makecache",
        project.name, repository.name
    )
}

/// `/users/NAME`: what somebody has here.
pub(super) async fn user(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    let name = UserName::parse(&name).map_err(|_| PageError::Missing)?;
    let user = app.service.user(&name).await?.ok_or(PageError::Missing)?;
    let owner = Some(user.name.clone());
    let filter = ProjectFilter { owner: owner.clone(), limit: Some(200), ..ProjectFilter::default() };
    let owned = app.service.projects(&filter).await?;
    let filter = BuildFilter { owner, limit: Some(20), ..BuildFilter::default() };
    let builds = app.service.builds(&filter).await?;
    let role = user.admin.then(|| tag("p").class("dim").add("An administrator of this server."));
    Ok(Page::new(&visitor, user.name.as_str(), format!("/users/{}", user.name))
        .add(tag("h1").add(user.name.as_str()))
        .add(role)
        .add(tag("h2").add("Projects"))
        .add(projects::table(&owned))
        .add(tag("h2").add("Latest builds in them"))
        .add(builds_table(&builds, app.service.now(), true))
        .answer())
}
