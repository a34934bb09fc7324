use model::{Project, Verdict};
use service::{ConfigDifferences, ConfigImpact, PackageImpact, TargetImpact};

use super::super::error::PageError;
use super::super::html::{Html, Tag, link, tag};
use super::super::html_table;
use super::super::layout::package_path;
use super::super::words::count;
use crate::app::App;

/// Packages of a target that are listed.
const PACKAGES: usize = 100;

/// Packages of a root that are named.
const NAMES: usize = 6;

/// What another text would change: in the configuration, and for packages.
pub(super) async fn section(app: &App, project: &Project, before: &[u8], after: &[u8]) -> Result<Html, PageError> {
    let differences = app.service.config_differences(project.id, before.to_vec(), after.to_vec()).await?;
    let impact = app.service.config_impact(project.id, after).await?;
    let section = tag("section")
        .class("impact")
        .attr("aria-labelledby", "impact-title")
        .add(tag("h2").attr("id", "impact-title").attr("tabindex", "-1").add("What this would change"))
        .add(diff(&differences, "It means the same as the configuration that is saved."))
        .add(packages(project, &impact));
    Ok(section.into())
}

/// Differences by meaning, grouped by the targets that have them.
pub(super) fn diff(found: &ConfigDifferences, same: &'static str) -> Html {
    if found.targets.is_empty() {
        return tag("p").class("dim").add("The project builds for no target, so nothing can be compared.").into();
    }
    if found.differences.is_empty() {
        return tag("p").add(same).into();
    }
    let mut groups: Vec<&[String]> = Vec::new();
    for difference in &found.differences {
        if !groups.contains(&difference.targets.as_slice()) {
            groups.push(&difference.targets);
        }
    }
    let mut text = Html::new();
    for group in groups {
        let everywhere = group.len() == found.targets.len();
        let title = if everywhere { "In every target".to_owned() } else { group.join(", ") };
        let of_group = found.differences.iter().filter(|difference| difference.targets == group);
        let lines = of_group.map(|difference| {
            let class = difference.change.parts().0;
            tag("li").class(class).add(prjconf::printable(&difference.change.to_string()))
        });
        text.push(tag("h3").add(title));
        text.push(tag("ul").class("diff").add(lines.collect::<Html>()));
    }
    text
}

fn packages(project: &Project, impact: &ConfigImpact) -> Html {
    let mut text: Html = impact.targets.iter().map(|one| target(project, one)).collect();
    let rebuilds: u64 = impact.targets.iter().map(|target| target.rebuild).sum();
    if rebuilds > 0 {
        let builds = count(rebuilds, "build", "builds");
        text.push(tag("p").add(match impact.rebuilds_itself {
            true => format!("Saving it starts {builds}."),
            false => format!("This project builds on request: saving it starts nothing; {builds} would be due."),
        }));
    }
    if !impact.not_looked_at.is_empty() {
        let names = impact.not_looked_at.join(", ");
        text.push(tag("p").class("dim").add(format!("Not looked at, although built on this project: {names}.")));
    }
    text
}

fn target(project: &Project, impact: &TargetImpact) -> Html {
    let title = tag("h3").add(impact.target.as_str());
    if let Some(verdict) = &impact.verdict {
        return Html::from(title).add(tag("p").add(format!("Nothing can be built here, now as then: {verdict}.")));
    }
    let parts = [
        (impact.become_unresolvable, "can not be built any more"),
        (impact.become_resolvable, "can be built then"),
        (impact.change_root, "get another root"),
        (impact.other_settings, "are built in another way"),
        (impact.rebuild, "would be built again"),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, words)| format!("{number} {words}")).collect();
    let of = count(impact.packages, "package", "packages");
    let words = match said.is_empty() {
        true => format!("Of {of} none is concerned."),
        false => format!("Of {of} {}.", said.join(", ")),
    };
    let mut text = Html::from(title).add(tag("p").add(words));
    if !impact.changes.is_empty() {
        let rows: Html = impact.changes.iter().take(PACKAGES).map(|change| row(project, change)).collect();
        text.push(html_table(&["Package", "What changes", "Built again"], rows));
    }
    if impact.changes.len() > PACKAGES {
        let more = impact.changes.len() - PACKAGES;
        text.push(tag("p").class("dim").add(format!("And {more} more.")));
    }
    text
}

fn row(project: &Project, change: &PackageImpact) -> Tag {
    let address = package_path(project, &change.package);
    tag("tr")
        .add(tag("td").add(link(&address, change.package.as_str())))
        .add(tag("td").add(words(change)))
        .add(tag("td").add(if change.rebuild { "yes" } else { "no" }))
}

fn words(change: &PackageImpact) -> String {
    match (&change.before, &change.after) {
        (Verdict::Scheduled, Verdict::Scheduled) => {
            let signed = |sign: &str, names: &[String]| -> Vec<String> {
                names.iter().map(|name| format!("{sign}{name}")).collect()
            };
            let mut names = [signed("+", &change.added), signed("\u{2212}", &change.removed)].concat();
            let more = names.len().saturating_sub(NAMES);
            names.truncate(NAMES);
            let mut text = names.join(", ");
            if more > 0 {
                text.push_str(&format!(" and {more} more"));
            }
            if change.other_settings {
                text.push_str(if text.is_empty() { "built in another way" } else { "; built in another way" });
            }
            text
        }
        (before, Verdict::Scheduled) => format!("can be built then; now {before}"),
        (_, after) => after.to_string(),
    }
}
