use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use model::{Task, TaskId};
use service::{LogGap, ServiceError};

use super::read::{Line, View, WINDOW, Wanted, read, read_on};
use crate::app::App;
use crate::native::BASE;
use crate::pages::error::PageError;
use crate::pages::html::{Html, Tag, grouped, link, tag};
use crate::pages::layout::html_answer;
use crate::pages::words::{count, duration, size};
use crate::query::{Link, Query};

/// Longest words that are searched for, in bytes.
const LONGEST: usize = 200;

/// Longest wait for further lines.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Shortest time between two looks at a log that grows.
const PAUSE: Duration = Duration::from_millis(150);

/// Where the log is as it was written.
fn raw_path(task: TaskId) -> String {
    format!("{BASE}/tasks/{task}/log")
}

/// The log of a task, with what finds things in it.
pub(in crate::pages) async fn section(app: &App, task: &Task, query: &Query) -> Result<Html, PageError> {
    let section = tag("section").attr("id", "log").class("log");
    let log = match app.service.log(task.id).await {
        Ok(log) => log,
        Err(ServiceError::LogMissing { .. }) => {
            let words = if task.state.is_finished() { "It left no log." } else { "The log begins when a worker does." };
            return Ok(section.add(tag("h2").add("Log")).add(tag("p").class("dim").add(words)).into());
        }
        Err(error) => return Err(error.into()),
    };
    let search = query.get("q").map(str::trim).filter(|text| !text.is_empty() && text.len() <= LONGEST);
    let wanted = Wanted {
        from: query.get("line").and_then(|line| line.parse().ok()).map(|line: u64| line.max(1)),
        search: search.map(str::to_owned),
        is_complete: log.complete,
    };
    let asked = wanted.clone();
    let path = log.path.clone();
    let read = tokio::task::spawn_blocking(move || read(&path, &asked)).await;
    let view = read.map_err(|error| PageError::from(std::io::Error::other(error)))??;
    let gaps = app.service.log_gaps(task.id).await?;
    let at = view.lines.last().is_none_or(|line| line.number == view.total);
    let next = view.total + 1;
    let tools = tools(task.id, &view, &wanted, log.complete);
    let lines = tag("pre")
        .attr("id", "lines")
        .attr("tabindex", "0")
        .attr("aria-label", "Log")
        .flag("data-follow", at && !log.complete)
        .attr("data-from", format!("/tasks/{}/lines", task.id))
        .attr("data-offset", view.bytes.to_string())
        .attr("data-line", next.to_string())
        .add(line_list(&view.lines, &gaps));
    let end = (!log.complete).then(|| tag("p").attr("id", "log-end").class("dim").add("The task goes on."));
    Ok(section.add(tools).add(matches(task.id, &view, search)).add(lines).add(end).into())
}

fn tools(task: TaskId, view: &View, wanted: &Wanted, is_complete: bool) -> Html {
    let page = format!("/tasks/{task}");
    let at = |line: u64, anchor: &str| format!("{}{anchor}", Link::new(&page).with("line", Some(line)).finish());
    let first = view.lines.first().map_or(1, |line| line.number);
    let last = view.lines.last().map_or(0, |line| line.number);
    let mut jumps = Html::new();
    if let Some(error) = view.first_error {
        let near = error.saturating_sub(20).max(1);
        jumps.push(
            tag("a")
                .class("button bad")
                .attr("id", "first-error")
                .href(&at(near, &format!("#L{error}")))
                .add("First error"),
        );
    }
    if first > 1 {
        jumps.push(link(&at(1, "#log"), "Beginning"));
        jumps.push(link(&at(first.saturating_sub(WINDOW).max(1), "#log"), "Earlier"));
    }
    if last < view.total {
        jumps.push(link(&at(last + 1, "#log"), "Later"));
        jumps.push(link(&format!("{page}#log"), "End"));
    }
    let follow = (!is_complete && last >= view.total).then(|| {
        let words = "Follow";
        tag("button")
            .attr("type", "button")
            .attr("id", "follow")
            .attr("aria-pressed", "true")
            .flag("hidden", true)
            .add(words)
    });
    let search = tag("form")
        .class("filter")
        .attr("action", format!("{page}#log"))
        .add(
            tag("input")
                .attr("type", "search")
                .attr("name", "q")
                .attr("id", "log-search")
                .attr("value", wanted.search.as_deref().unwrap_or(""))
                .attr("placeholder", "Search the log")
                .attr("aria-label", "Search the log"),
        )
        .add(tag("button").add("Search"));
    let facts = format!("{}, {}", count(view.total, "line", "lines"), size(view.bytes));
    let title = tag("h2").add("Log ").add(tag("small").class("dim").add(facts));
    let raw = link(&raw_path(task), "as it was written");
    let jumps = tag("div").class("jumps").add(jumps).add(follow).add(raw);
    tag("div").class("log-tools").add(title).add(jumps).add(search).into()
}

fn matches(task: TaskId, view: &View, search: Option<&str>) -> Html {
    let Some(search) = search else { return Html::new() };
    if view.matches.is_empty() {
        return tag("p").class("dim").attr("role", "status").add(format!("No line has {search:?}.")).into();
    }
    let found = view.matches.iter().map(|line| {
        let near = line.number.saturating_sub(20).max(1);
        let address =
            format!("{}#L{}", Link::new(format!("/tasks/{task}")).with("line", Some(near)).finish(), line.number);
        let number = tag("span").class("dim").add(grouped(line.number));
        tag("li").add(tag("a").href(&address).add(number).add(" ").add(line.text.trim()))
    });
    let more = view.more_matches.then(|| tag("p").class("dim").add("There are more lines like these."));
    let list = tag("ol").class("matches").attr("aria-label", "Lines found").add(found.collect::<Html>());
    Html::from(list).add(more)
}

/// Lines with their numbers, and the silences between them.
fn line_list(lines: &[Line], gaps: &[LogGap]) -> Html {
    let mut list = Html::new();
    for line in lines {
        if let Some(gap) = gaps.iter().find(|gap| gap.offset == line.offset) {
            list.push(gap_line(gap.duration));
        }
        let anchor = format!("L{}", line.number);
        let number = tag("a")
            .attr("id", &anchor)
            .href(&format!("#{anchor}"))
            .attr("tabindex", "-1")
            .add(line.number.to_string());
        let class = if line.is_error { "l error" } else { "l" };
        list.push(tag("span").attr("class", class).add(number).add(line.text.as_str()).add("\n"));
    }
    list
}

fn gap_line(silence: Duration) -> Tag {
    tag("span").class("gap").add(format!("{} without a line\n", duration(silence)))
}

/// `/tasks/ID/lines?offset=&line=`: the markup of what comes behind an offset; waits a while for it.
pub(in crate::pages) async fn lines(
    State(app): State<App>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let task = TaskId::new(id.parse().map_err(|_| PageError::Missing)?);
    let number = |key: &str, least: u64| query.get(key).and_then(|text| text.parse::<u64>().ok()).unwrap_or(least);
    let (offset, first) = (number("offset", 0), number("line", 1).max(1));
    let waiting = tokio::time::Instant::now();
    let mut seen = 0;
    let (lines, next, is_done) = loop {
        let log = match app.service.log(task).await {
            Ok(log) => Some(log),
            Err(ServiceError::LogMissing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let is_complete = log.as_ref().is_some_and(|log| log.complete);
        let (lines, next) = match log {
            Some(log) => {
                let read = tokio::task::spawn_blocking(move || read_on(&log.path, offset, first, is_complete)).await;
                read.map_err(|error| PageError::from(std::io::Error::other(error)))??
            }
            None => (Vec::new(), offset),
        };
        let is_done = is_complete && lines.is_empty();
        if !lines.is_empty() || is_done || waiting.elapsed() >= LONGEST_WAIT || app.options.stop.is_cancelled() {
            break (lines, next, is_done);
        }
        tokio::select! {
            now = app.service.wait_for_change(seen) => seen = now,
            () = tokio::time::sleep(LONGEST_WAIT.saturating_sub(waiting.elapsed())) => {}
            () = app.options.stop.cancelled() => {}
        }
        tokio::time::sleep(PAUSE).await;
    };
    let gaps = if lines.is_empty() { Vec::new() } else { app.service.log_gaps(task).await? };
    let line = first + u64::try_from(lines.len()).unwrap_or(0);
    let mut response = html_answer(line_list(&lines, &gaps).into_string());
    let facts = [
        ("kiln-offset", next.to_string()),
        ("kiln-line", line.to_string()),
        ("kiln-done", if is_done { "yes" } else { "no" }.to_owned()),
    ];
    for (name, value) in facts {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}
