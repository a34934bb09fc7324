//! Why a package gets the root it gets, or none: the decisions as a tree that can be folded.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;
use model::Verdict;
use service::{PackageWhy, TargetName, Why};

use super::Visitor;
use super::again;
use super::error::PageError;
use super::html::{Html, Tag, tag};
use super::subject::Subject;
use super::words::count;
use crate::app::App;
use crate::query::Query;

/// Longest name that is asked about, in bytes.
const LONGEST: usize = 1000;

/// How deep the tree is drawn.
const DEPTH: usize = 12;

/// Nodes of a drawn tree; what is left out says so.
const NODES: usize = 1500;

/// `/projects/NAME/packages/PACKAGE/why?target=REPOSITORY/ARCH&dep=`.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, package)): Path<(String, String)>,
    query: Query,
) -> Result<Response, PageError> {
    let subject = Subject::read(&app, (&name, &package), &query).await?;
    let Subject { project, package, target } = &subject;
    let asked = query.get("dep").map(str::trim).filter(|text| !text.is_empty() && text.len() <= LONGEST);
    let answer = app.service.why(project.id, package, target, asked).await?;
    Ok(subject
        .page(&visitor, &format!("The root of {package} for {target}"))
        .add(tag("p").add(verdict(&answer)))
        .add(question(&subject.address(), target, asked))
        .add(asked.is_none().then(|| again::section(project, &answer.outlook)))
        .add(answer.why.as_ref().map(explanation))
        .answer())
}

fn verdict(answer: &PackageWhy) -> String {
    match &answer.verdict {
        Verdict::Scheduled => "Its root can be made from what the repositories offer now.".to_owned(),
        Verdict::Unresolvable { problems } => {
            format!("Its root can not be made: {}.", count(problems.len() as u64, "problem", "problems"))
        }
        other => other.to_string(),
    }
}

fn question(page: &str, target: &TargetName, asked: Option<&str>) -> Tag {
    let target = format!("{}/{}", target.repository, target.arch);
    tag("form")
        .class("filter")
        .attr("action", format!("{page}/why"))
        .add(tag("input").attr("type", "hidden").attr("name", "target").attr("value", target))
        .add(tag("label").attr("for", "dep").add("How did this come in?"))
        .add(
            tag("input")
                .attr("id", "dep")
                .attr("name", "dep")
                .attr("type", "search")
                .attr("value", asked.unwrap_or(""))
                .attr("placeholder", "package or dependency"),
        )
        .add(tag("button").add("Explain"))
}

fn explanation(why: &Why) -> Html {
    if why.focus.is_some() || !why.problems.is_empty() {
        // The words are the command line's: one explanation, wherever it is read.
        return problems(why).add(tag("pre").attr("tabindex", "0").class("why-text").add(why.to_text()));
    }
    tree(why)
}

/// Lines that were tried, ready to be copied.
fn problems(why: &Why) -> Html {
    let Some(remedy) = &why.remedy else { return Html::new() };
    Html::from(tag("p").add("Added to the end of the build configuration, this was tried and makes the root possible:"))
        .add(tag("pre").attr("tabindex", "0").add(remedy.lines.join("\n")))
}

fn tree(why: &Why) -> Html {
    // The decisions by who asked, in their order; each package is drawn below its first asker.
    let mut children: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut roots: Vec<(String, Vec<usize>)> = Vec::new();
    for (place, link) in why.taken.iter().enumerate() {
        let asker = link.needed_by.to_string();
        if why.taken.iter().any(|other| other.package == asker) {
            children.entry(asker).or_default().push(place);
            continue;
        }
        match roots.iter_mut().find(|(known, _)| *known == asker) {
            Some((_, places)) => places.push(place),
            None => roots.push((asker, vec![place])),
        }
    }
    let mut drawing = Drawing { why, children, nodes: 0 };
    let mut text = Html::from(tag("p").add(format!("{}:", count(why.taken.len() as u64, "package", "packages"))));
    for (asker, places) in roots {
        let list = drawing.list(&places, 1);
        let summary = tag("summary").add(format!("{asker} ")).add(tag("span").class("dim").add(places.len()));
        text.push(tag("details").class("tree").flag("open", asker == "the recipe").add(summary).add(list));
    }
    if !why.dropped.is_empty() {
        let dropped: Html = why
            .dropped
            .iter()
            .map(|dropped| {
                let line = dropped.line.as_ref().map(|line| format!(" ({line})")).unwrap_or_default();
                tag("li").add(format!("{} of {}{line}", dropped.dependency, dropped.needed_by))
            })
            .collect();
        text.push(tag("details").class("tree").add(tag("summary").add("not followed")).add(tag("ul").add(dropped)));
    }
    text
}

struct Drawing<'a> {
    why: &'a Why,
    children: BTreeMap<String, Vec<usize>>,
    nodes: usize,
}

impl Drawing<'_> {
    fn list(&mut self, places: &[usize], depth: usize) -> Tag {
        let mut items = Html::new();
        for place in places {
            let Some(taken) = self.why.taken.get(*place) else { continue };
            self.nodes += 1;
            if self.nodes > NODES {
                items.push(tag("li").class("dim").add("and more"));
                break;
            }
            let rule =
                taken.rule_line.as_ref().map(|line| tag("span").class("dim").add(format!(", because of {line}")));
            let wanted = (taken.dependency != taken.package)
                .then(|| tag("span").class("dim").add(format!(" for {}", taken.dependency)));
            let words = Html::from(tag("b").add(taken.package.as_str()))
                .add(" ")
                .add(taken.version.as_str())
                .add(wanted)
                .add(rule);
            let below = self.children.get(&taken.package).cloned().filter(|_| depth < DEPTH);
            items.push(match below {
                Some(below) => {
                    let list = self.list(&below, depth + 1);
                    tag("li").add(tag("details").add(tag("summary").add(words)).add(list))
                }
                None => tag("li").add(words),
            });
        }
        tag("ul").add(items)
    }
}
