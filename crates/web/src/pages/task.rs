use axum::extract::{Path, State};
use axum::response::Response;
use model::{Build, Task, TaskId};
use service::{StoredResult, TargetName};

use super::actions::{cancel_form, rebuild_form, rights};
use super::assets::LOG;
use super::error::PageError;
use super::html::{Html, Tag, link, tag};
use super::layout::{Page, Tab};
use super::package::why_address;
use super::words::{ago, duration, outcome, reason, size};
use super::{Visitor, build, html_table, log, timeline};
use crate::address::encode_segment;
use crate::app::App;
use crate::files::result_path;
use crate::native::BASE;
use crate::query::Query;

/// `/tasks/ID?line=&q=`: how it went, why, and its log.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let id = TaskId::new(id.parse().map_err(|_| PageError::Missing)?);
    let (of_build, task) = app.service.task(id).await?;
    let project = app.service.project(of_build.project_id).await?;
    let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
    let title = format!("{} for {target}", build::title(&of_build));
    let may = rights(&app, &visitor, &project).await?;
    let package = of_build.package.as_ref();
    let why = package.map(|package| link(&why_address(&project, package, &target), "What its root is made of"));
    let actions = tag("div")
        .class("actions")
        .add(why)
        .add((may.build && !of_build.is_finished()).then(|| cancel_form(&visitor, &of_build)))
        .add(
            package
                .filter(|_| may.build && task.state.is_finished())
                .map(|package| rebuild_form(&visitor, &project, package, Some(&target))),
        );
    let live = tag("section")
        .attr("id", "task")
        .flag("data-live", !task.state.is_finished())
        .add(build::crumb(&of_build, &project))
        .add(tag("h1").add(title.as_str()).add(" ").add(outcome(&task)))
        .add(reason(&of_build, &task))
        .add(about(&app, &of_build, &task).await?)
        .add(actions);
    let log = log::section(&app, &task, &query).await?;
    Ok(Page::new(&visitor, title, format!("/tasks/{id}"))
        .of_project(&project, Tab::Builds)
        .with_script(&LOG)
        .add(live)
        .add(log)
        .answer())
}

async fn about(app: &App, of_build: &Build, task: &Task) -> Result<Html, PageError> {
    let now = app.service.now();
    let attempt = app.service.attempt(task.id).await?;
    let timings = app.service.phase_timings(task.id).await?;
    let (timings, is_warm) = timings.map_or((Vec::new(), None), |(timings, warm)| (timings, Some(warm)));
    let results = app.service.results(task.id).await?;
    let mut facts = Html::new();
    let mut fact = |name: &str, value: Html| {
        facts.push(tag("dt").add(name));
        facts.push(tag("dd").add(value));
    };
    if let (Some(start), end) = (task.started_at, task.ended_at) {
        fact("Started", ago(start, now).into());
        fact("Took", duration(end.unwrap_or(now).since(start)).into());
    }
    if task.attempts > 1 {
        fact("Attempts", task.attempts.to_string().into());
    }
    if let Some(attempt) = &attempt {
        fact("Worker", attempt.worker.as_str().into());
    }
    if let Some(is_warm) = is_warm {
        fact("Root", if is_warm { "from the cache" } else { "made anew" }.into());
    }
    let timings = if task.state.is_finished() { timings } else { Vec::new() };
    Ok(Html::from(tag("dl").class("facts").add(facts))
        .add(timeline::phases(&timings, attempt.as_ref(), now))
        .add(result_list(of_build, task, &results)))
}

fn result_list(of_build: &Build, task: &Task, results: &[StoredResult]) -> Html {
    if results.is_empty() {
        return Html::new();
    }
    let rows = results.iter().map(|stored| {
        let name = stored.result.file.name.as_str();
        let address = format!("{BASE}/tasks/{}/results/{}", task.id, encode_segment(name));
        let bytes = tag("td").class("number").add(size(stored.result.file.bytes));
        tag("tr").add(tag("td").add(link(&address, name))).add(bytes)
    });
    let folder =
        result_path(of_build, task).map(|path| tag("p").class("dim").add(link(&path, "all files as a folder")));
    let list: Tag = tag("details")
        .add(tag("summary").add(super::words::count(results.len() as u64, "result", "results")))
        .add(html_table(&["File", "Size"], rows.collect()))
        .add(folder);
    list.into()
}
