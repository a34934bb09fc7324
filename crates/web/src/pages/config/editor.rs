use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::Project;
use service::{ConfigRevision, ServiceError};

use super::super::actions::{Rights, csrf_field, rights};
use super::super::assets::{COMPLETE, EDITOR};
use super::super::error::PageError;
use super::super::html::{Html, Tag, link, tag};
use super::super::layout::{Page, Tab, project_path};
use super::super::words::ago;
use super::super::{Posted, Visitor, project_called, see};
use super::{Part, findings, impact, parts};
use crate::address::{encode_query_value, encode_segment};
use crate::app::App;
use crate::native::BASE;
use crate::native::wire::FindingAnswer;
use crate::query::Query;

/// Lines of the text area without a script.
const ROWS: &str = "28";

/// What is in the editor.
struct Draft {
    text: Vec<u8>,
    comment: String,
    /// The revision it began from.
    base: u64,
    /// What is to be said about it above the editor, and whether that is bad.
    note: Option<(Html, bool)>,
    /// What it would change, if somebody asked.
    impact: Option<Html>,
    status: StatusCode,
}

impl Draft {
    fn of(revision: &ConfigRevision) -> Self {
        Self {
            text: revision.text.clone(),
            comment: String::new(),
            base: revision.revision,
            note: None,
            impact: None,
            status: StatusCode::OK,
        }
    }
}

/// `/projects/NAME/config?restore=&saved=`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let current = app.service.config(project.id).await?;
    let mut draft = Draft::of(&current);
    if let Some(number) = query.get("restore").and_then(|number| number.parse().ok()) {
        draft.text = app.service.config_revision(project.id, number).await?.text;
        draft.comment = format!("restore revision {number}");
        draft.note = Some((format!("This is revision {number}. Nothing is changed until you save it.").into(), false));
    } else if query.get("saved").is_some() {
        let words = format!("Revision {} is saved.", current.revision);
        draft.note = Some((Html::from(words).add(what_now(&project)), false));
    }
    page(&app, &visitor, &project, &current, draft).await
}

/// What follows from a saved configuration.
fn what_now(project: &Project) -> Html {
    let builds = format!("{}/builds", project_path(project));
    match project.settings.trigger {
        model::TriggerPolicy::OnChange => {
            Html::from(" What it changes is built again by itself: ").add(link(&builds, "builds")).add(".")
        }
        model::TriggerPolicy::OnRequest => {
            Html::from(" This project builds on request: packages are built with it next time.")
        }
    }
}

/// `POST /projects/NAME/config`: checks, tries or saves a text, as its field `do` says.
pub(in crate::pages) async fn save(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let user = posted.visitor.user.as_ref().ok_or(PageError::Stranger)?;
    let current = app.service.config(project.id).await?;
    // Browsers send every line with a carriage return, whatever it had.
    let text = posted.text("text").replace("\r\n", "\n").into_bytes();
    let base = posted.text("base").parse().unwrap_or(0);
    let comment = posted.text("comment").trim().to_owned();
    let mut draft = Draft { text, comment, base, ..Draft::of(&current) };
    match posted.text("do") {
        "check" => {}
        "impact" => draft.impact = Some(impact::section(&app, &project, &current.text, &draft.text).await?),
        _ if draft.base != current.revision => {
            let by = current.author.as_ref().map(|author| format!(" by {author}")).unwrap_or_default();
            let history = format!("{}/config/history/{}", project_path(&project), current.revision);
            let note = Html::from(format!("Not saved: meanwhile revision {} was saved{by}. ", current.revision))
                .add(link(&history, "See what it changed"))
                .add(", then save again to put your text in its place.");
            draft.note = Some((note, true));
            draft.base = current.revision;
            draft.status = StatusCode::CONFLICT;
        }
        _ => {
            let saved = app.service.set_checked_config(user, project.id, draft.text.clone(), &draft.comment).await;
            match saved {
                Ok(revision) => {
                    return Ok(see(&format!("{}/config?saved={}", project_path(&project), revision.revision)));
                }
                Err(ServiceError::ConfigRefused { line, message, .. }) => {
                    draft.note = Some((format!("Not saved: line {line}: {message}").into(), true));
                    draft.status = StatusCode::BAD_REQUEST;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    page(&app, &posted.visitor, &project, &current, draft).await
}

async fn page(
    app: &App,
    visitor: &Visitor,
    project: &Project,
    current: &ConfigRevision,
    draft: Draft,
) -> Result<Response, PageError> {
    let found = app.service.config_findings(project.id, &draft.text).await?;
    let found: Vec<FindingAnswer> =
        found.iter().map(|found| FindingAnswer::of(&found.finding, &found.location, &draft.text)).collect();
    let may = rights(app, visitor, project).await?;
    let here = format!("{}/config", project_path(project));
    let note = draft.note.as_ref().map(|(words, is_bad)| {
        let (class, role) = if *is_bad { ("note bad", "alert") } else { ("note good", "status") };
        tag("div").class(class).attr("role", role).add(words.clone())
    });
    let lossy = std::str::from_utf8(&draft.text).is_err().then(|| {
        tag("div").class("note bad").add("The text has bytes that are not UTF-8. Saving it here replaces them.")
    });
    let side = tag("aside")
        .class("side")
        .attr("aria-labelledby", "findings-title")
        .add(tag("h2").attr("id", "findings-title").add("Findings"))
        .add(tag("p").attr("id", "findings-summary").class("dim").add(findings::summary(&found)))
        .add(findings::list(&found));
    let columns = tag("div").class("config-columns").add(form(visitor, project, may, &draft)).add(side);
    let impact = tag("div").attr("id", "impact").attr("aria-live", "polite").add(draft.impact);
    let mut response = Page::new(visitor, "Project Config", here)
        .of_project(project, Tab::Config)
        .with_script(&EDITOR)
        .with_script(&COMPLETE)
        .add(tag("h1").add("Project Config"))
        .add(parts(project, Part::Edit))
        .add(note)
        .add(lossy)
        .add(state_of(current, project, app))
        .add(columns)
        .add(impact)
        .answer();
    *response.status_mut() = draft.status;
    Ok(response)
}

fn state_of(current: &ConfigRevision, project: &Project, app: &App) -> Tag {
    let words = tag("p").class("dim");
    let words = match &current.author {
        Some(author) => {
            let comment = if current.comment.is_empty() { String::new() } else { format!(": {}", current.comment) };
            words
                .add(format!("Revision {} by {author}, ", current.revision))
                .add(ago(current.created_at, app.service.now()))
                .add(comment)
                .add(".")
        }
        None => {
            words.add("This project has no configuration of its own yet: what it builds against decides everything.")
        }
    };
    let any = project.settings.takes_any_config;
    words.add(any.then_some(" Errors are stored too: the project's settings say so."))
}

fn form(visitor: &Visitor, project: &Project, may: Rights, draft: &Draft) -> Tag {
    let path = format!("{}/config", project_path(project));
    let text = String::from_utf8_lossy(&draft.text);
    // A text area leaves out the first line feed behind its tag.
    let area = tag("textarea")
        .attr("id", "text")
        .attr("name", "text")
        .attr("rows", ROWS)
        .attr("spellcheck", "false")
        .attr("autocapitalize", "none")
        .attr("autocomplete", "off")
        .attr("wrap", "off")
        .attr("aria-label", "Build configuration")
        .attr("aria-describedby", "cursor-finding")
        .add("\n")
        .add(text.as_ref());
    let config = format!("{BASE}/projects/{}/config", encode_segment(project.name.as_str()));
    let editor = tag("div")
        .class("editor")
        .attr("id", "editor")
        .attr("data-check", format!("{config}/check"))
        .attr("data-complete", format!("{config}/complete"))
        .add(area);
    let cursor = tag("div")
        .class("cursor-finding dim")
        .attr("id", "cursor-finding")
        .attr("aria-live", "polite")
        .flag("hidden", true);
    tag("form")
        .attr("id", "config-form")
        .attr("method", "post")
        .attr("action", &path)
        .add(csrf_field(visitor))
        .add(tag("input").attr("type", "hidden").attr("name", "base").attr("value", draft.base.to_string()))
        .add(editor)
        .add(cursor)
        .add(buttons(visitor, may, draft, &path))
}

fn buttons(visitor: &Visitor, may: Rights, draft: &Draft, path: &str) -> Html {
    if visitor.user.is_none() {
        let login = format!("/login?next={}", encode_query_value(path));
        let words =
            tag("p").class("dim").add(link(&login, "Log in")).add(" to try what a text would change, and to save it.");
        return words.into();
    }
    let check = tag("button").attr("name", "do").attr("value", "check").attr("id", "check").add("Check");
    let try_it =
        tag("button").attr("name", "do").attr("value", "impact").attr("id", "try").add("What would this change?");
    let comment = tag("div").class("grow").add(tag("label").attr("for", "comment").add("Why do you change it?")).add(
        tag("input")
            .attr("id", "comment")
            .attr("name", "comment")
            .attr("maxlength", "1000")
            .attr("value", &draft.comment),
    );
    let save = tag("button").class("primary").attr("name", "do").attr("value", "save").attr("id", "save").add("Save");
    let no_save = tag("p").class("dim").add("You may not save it: this is somebody else's project.");
    let row = tag("div").class("save").add(check).add(try_it);
    if may.edit {
        return Html::from(row.add(comment).add(save));
    }
    Html::from(row).add(no_save)
}
