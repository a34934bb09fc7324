use axum::extract::{Path, State};
use axum::response::Response;
use model::Project;
use service::{ConfigLayer, EffectiveConfig, TargetName};

use super::super::error::PageError;
use super::super::html::{Html, Tag, link, tag};
use super::super::layout::{Page, Tab, project_path};
use super::super::matrix::enabled_targets;
use super::super::{Visitor, html_table, project_called, target_called};
use super::{Part, parts};
use crate::address::encode_segment;
use crate::app::App;
use crate::native::entries::entries;
use crate::native::wire::EntryAnswer;
use crate::query::Query;

/// `/projects/NAME/config/effective?target=REPOSITORY/ARCH`: every entry, and the line that is its reason.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, PageError> {
    let project = project_called(&app, &name).await?;
    let targets = enabled_targets(&app.service.repositories(project.id).await?);
    let asked = query.get("target").filter(|text| !text.is_empty()).map(target_called).transpose()?;
    let here = format!("{}/config/effective", project_path(&project));
    let page = Page::new(&visitor, "Effective configuration", here.as_str())
        .of_project(&project, Tab::Config)
        .add(tag("h1").add("Effective configuration"))
        .add(parts(&project, Part::Effective));
    let Some(target) = asked.or_else(|| targets.first().cloned()) else {
        return Ok(page.add(tag("p").class("dim").add("The project builds for no target.")).answer());
    };
    let effective = app.service.effective_config(project.id, &target, None).await?;
    Ok(page.add(choice(&here, &targets, &target)).add(body(&project, &effective)).answer())
}

fn choice(here: &str, targets: &[TargetName], chosen: &TargetName) -> Tag {
    let options: Html = targets
        .iter()
        .map(|target| {
            let value = format!("{}/{}", target.repository, target.arch);
            tag("option").attr("value", &value).flag("selected", target == chosen).add(value)
        })
        .collect();
    tag("form")
        .class("filter")
        .attr("action", here)
        .add(tag("label").attr("for", "target").add("For"))
        .add(tag("select").attr("id", "target").attr("name", "target").add(options))
        .add(tag("button").add("Show"))
}

fn body(project: &Project, effective: &EffectiveConfig) -> Html {
    let layers: Html = effective.layers.iter().map(layer).collect();
    let mut text = Html::from(tag("p").add("Made of these configurations, the strongest first:"));
    text.push(tag("ol").add(layers));
    if !effective.missing.is_empty() {
        let names: Vec<String> = effective.missing.iter().map(ToString::to_string).collect();
        text.push(tag("div").class("note bad").add(format!("Not there: {}.", names.join(", "))));
    }
    if let Some(error) = &effective.evaluated.parse_error {
        let words = format!("The first error: {}. Builds go on without what it spoils.", prjconf::printable(error));
        text.push(tag("div").class("note bad").add(words));
    }
    let entries = entries(&effective.tree, &effective.evaluated);
    let rows: Html = entries.iter().map(|entry| row(project, effective, entry)).collect();
    text.add(html_table(&["Keyword", "Entry", "Value", "Because of"], rows))
}

fn layer(layer: &ConfigLayer) -> Tag {
    let address = format!("/projects/{}/config", encode_segment(layer.project.as_str()));
    let revision = match layer.revision {
        0 => "no configuration".to_owned(),
        number => format!("revision {number}"),
    };
    tag("li")
        .add(link(&address, format!("{}/{}", layer.project, layer.repository)))
        .add(tag("span").class("dim").add(format!(", {revision}")))
}

fn row(project: &Project, effective: &EffectiveConfig, entry: &EntryAnswer) -> Tag {
    let shown = |text: &Option<String>| text.as_deref().map(|text| tag("code").add(prjconf::printable(text)));
    tag("tr")
        .add(tag("td").add(entry.keyword.as_str()))
        .add(tag("td").add(shown(&entry.entry)))
        .add(tag("td").add(shown(&entry.value)))
        .add(tag("td").class("origin").add(origin(project, effective, entry)))
}

/// The line that is the reason of an entry, as a link to it.
fn origin(project: &Project, effective: &EffectiveConfig, entry: &EntryAnswer) -> Html {
    let Some(origin) = &entry.origin else { return tag("span").class("dim").add("default").into() };
    let of = |layer: &&ConfigLayer| format!("{}/{}", layer.project, layer.repository) == origin.source;
    let Some(layer) = effective.layers.iter().find(of) else { return format!("line {}", origin.line).into() };
    let address = format!("/projects/{}/config?line={}#text", encode_segment(layer.project.as_str()), origin.line);
    let own = layer.project == project.name;
    let words = if own { format!("line {}", origin.line) } else { format!("{}, line {}", layer.project, origin.line) };
    link(&address, words).into()
}
