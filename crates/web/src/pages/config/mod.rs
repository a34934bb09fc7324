//! The build configuration of a project: the editor, what it comes to, what was changed when, and what would change.

mod editor;
mod effective;
mod findings;
mod history;
mod impact;

pub(super) use editor::{save, show};
pub(super) use effective::show as effective;
pub(super) use history::{list as history, show as revision};

use model::Project;

use super::html::{Html, tag};
use super::layout::project_path;

/// The parts of the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Edit,
    Effective,
    History,
}

/// The links between the parts.
fn parts(project: &Project, current: Part) -> Html {
    let base = format!("{}/config", project_path(project));
    let all = [
        (Part::Edit, base.clone(), "Edit"),
        (Part::Effective, format!("{base}/effective"), "Effective"),
        (Part::History, format!("{base}/history"), "History"),
    ];
    let links = all.into_iter().map(|(part, address, words)| {
        let link = tag("a").class("chip").href(&address);
        if part == current { link.attr("aria-current", "page").add(words) } else { link.add(words) }
    });
    tag("nav").class("subtabs").attr("aria-label", "Project Config").add(links.collect::<Html>()).into()
}
