use axum::extract::State;
use axum::response::Response;
use model::{Build, TaskState, Timestamp};
use service::{BuildFilter, RunningTask, TargetName};

use super::error::PageError;
use super::html::{Html, Tag, link, tag};
use super::layout::Page;
use super::words::{ago, count, duration, state};
use super::{Visitor, html_table};
use crate::address::encode_segment;
use crate::app::App;

/// Running tasks that are named.
const RUNNING: u32 = 12;

/// Builds that are listed.
const LATEST: u32 = 15;

/// `/`: what this server is, what it does now, what it did last.
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    let running = app.service.running(RUNNING).await?;
    let open = app.service.open_tasks().await?;
    let latest = BuildFilter { limit: Some(LATEST), ..BuildFilter::default() };
    let builds = app.service.builds(&latest).await?;
    let now = app.service.now();
    let intro = tag("section").class("intro").add(tag("h1").add("Package build service")).add(
        tag("p")
            .add("Sources go in; each is built in a fresh root, exactly as its project's build configuration says; ")
            .add("signed package repositories come out. Use it with ")
            .add(tag("code").add("osc"))
            .add(", ")
            .add(tag("code").add("copr-cli"))
            .add(" or ")
            .add(tag("code").add("kiln"))
            .add(": ")
            .add(link("/api", "how to log in"))
            .add("."),
    );
    let of = |state: TaskState| open.get(&state).copied().unwrap_or(0);
    let waiting = of(TaskState::Waiting) + of(TaskState::Pending);
    let counts = format!(
        "{} running, {} waiting",
        count(of(TaskState::Starting) + of(TaskState::Running), "task", "tasks"),
        count(waiting, "task", "tasks")
    );
    let now_running = tag("section")
        .attr("id", "running")
        .flag("data-live", true)
        .add(tag("h2").add("Now"))
        .add(tag("p").class("dim").add(counts))
        .add(running_table(&running, now));
    let done = tag("section")
        .attr("id", "latest")
        .flag("data-live", true)
        .add(tag("h2").add("Latest builds"))
        .add(builds_table(&builds, now, true));
    Ok(Page::new(&visitor, "Packages", "/").add(intro).add(now_running).add(done).answer())
}

fn running_table(running: &[RunningTask], now: Timestamp) -> Html {
    if running.is_empty() {
        return Html::new();
    }
    let rows = running.iter().map(|RunningTask { build, task }| {
        let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
        let since = task.started_at.map(|started| duration(now.since(started)));
        tag("tr")
            .add(tag("td").add(link(&format!("/tasks/{}", task.id), package_text(build))))
            .add(tag("td").add(project_link(build)))
            .add(tag("td").add(target.to_string()))
            .add(tag("td").add(state(task.state.as_str())))
            .add(tag("td").class("number").add(since))
    });
    html_table(&["Package", "Project", "Target", "State", "For"], rows.collect())
}

fn project_link(build: &Build) -> Tag {
    link(&format!("/projects/{}", encode_segment(build.project.as_str())), build.project.as_str())
}

fn package_text(build: &Build) -> String {
    match (&build.package, &build.version) {
        (Some(package), Some(version)) => format!("{package} {version}"),
        (Some(package), None) => package.to_string(),
        (None, _) => format!("build {}", build.id),
    }
}

/// Builds as a table, or a word that there are none.
pub(super) fn builds_table(builds: &[Build], now: Timestamp, with_project: bool) -> Html {
    if builds.is_empty() {
        return tag("p").class("dim").add("Nothing was built yet.").into();
    }
    let rows = builds.iter().map(|build| {
        let number = link(&format!("/builds/{}", build.id), build.id.to_string());
        let project = with_project.then(|| tag("td").add(project_link(build)));
        tag("tr")
            .add(tag("td").class("number").add(number))
            .add(tag("td").add(link(&format!("/builds/{}", build.id), package_text(build))))
            .add(project)
            .add(tag("td").add(state(build.state().as_str())))
            .add(tag("td").class("dim").add(ago(build.submitted_at, now)))
    });
    let heads: &[&str] = match with_project {
        true => &["Build", "Package", "Project", "State", "Submitted"],
        false => &["Build", "Package", "State", "Submitted"],
    };
    html_table(heads, rows.collect())
}

/// `/api`: how to log in.
pub(super) async fn tokens(visitor: Visitor) -> Response {
    let example =
        "[copr-cli]\nlogin = ...\nusername = ...\ntoken = ...\ncopr_url = http://HOST:PORT\nencrypted = false";
    Page::new(&visitor, "How to log in", "/api")
        .add(tag("h1").add("How to log in"))
        .add(
            tag("p")
                .add("Make a token on ")
                .add(link("/account", "your account's page"))
                .add(", or have an administrator make one with ")
                .add(tag("code").add("kiln token USER"))
                .add(". Put it into ")
                .add(tag("code").add("~/.config/copr"))
                .add("; copr-cli and kiln both read it:"),
        )
        .add(tag("pre").add(example))
        .answer()
}
