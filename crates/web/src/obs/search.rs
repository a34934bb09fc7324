//! `/search/...`: projects, packages, persons and built packages that a condition holds for.

use model::{PackageName, Project, ProjectName};
use service::ProjectFilter;

use super::call::{Answer, Call, document};
use super::error::ObsError;
use super::xml::Node;
use super::xpath::{self, Condition};
use super::{attributes, instance, meta};

/// Most answers, if the request does not say.
const MATCHES: usize = 1000;
/// Most projects and packages that are looked at for one request.
const MAX_LOOKED_AT: usize = 20_000;
/// Projects read at once.
const PAGE: u32 = 200;

/// What has been found.
struct Found {
    skip: usize,
    limit: usize,
    nodes: Vec<Node>,
    looked_at: usize,
    cut: bool,
}

impl Found {
    /// Takes a document that was looked at; whether to go on.
    fn add(&mut self, holds: bool, node: impl FnOnce() -> Node) -> bool {
        self.looked_at += 1;
        if holds && self.skip > 0 {
            self.skip -= 1;
        } else if holds && self.nodes.len() >= self.limit {
            self.cut = true;
        } else if holds {
            self.nodes.push(node());
        }
        self.cut |= self.looked_at >= MAX_LOOKED_AT;
        !self.cut
    }

    fn answer(self) -> Answer {
        let root = Node::new("collection").with("matches", self.nodes.len());
        Ok(document(&root.with_maybe("limited", self.cut.then_some("true")).children(self.nodes)))
    }
}

/// `GET|POST /search/WHAT[/id]?match=`.
pub(super) async fn show(call: &Call, path: &[&str]) -> Answer {
    let what = match path {
        // There never are any.
        ["request"] => return Ok(instance::no_requests()),
        ["project" | "package" | "person"] | ["project" | "package", "id"] | ["published", "binary", "id"] => path,
        other => {
            let what: String = other.join("/").chars().take(40).collect();
            return Err(ObsError::not_yet(format_args!("a search for {what:?}")));
        }
    };
    let text = call.query.get("match").ok_or_else(|| ObsError::parameter("match"))?;
    let condition = xpath::parse(text)?;
    let number = |name: &str| Ok::<_, ObsError>(call.number(name)?.and_then(|number| usize::try_from(number).ok()));
    let limit = number("limit")?.unwrap_or(MATCHES).min(MATCHES);
    let mut found = Found { skip: number("offset")?.unwrap_or(0), limit, nodes: Vec::new(), looked_at: 0, cut: false };
    match *what {
        ["person"] => persons(call, &condition, &mut found).await?,
        ["published", ..] => binaries(call, &condition, &mut found).await?,
        [what, ref rest @ ..] => {
            let with_attributes = text.contains("attribute");
            projects(call, &condition, (what == "package", rest.is_empty(), with_attributes), &mut found).await?;
        }
        [] => {}
    }
    found.answer()
}

async fn persons(call: &Call, condition: &Condition, found: &mut Found) -> Result<(), ObsError> {
    for user in call.app.service.users().await? {
        let node = instance::person_node(&user);
        // Documents have the name as a text, conditions ask for an attribute.
        let seen = Node::new("person").with("login", &user.name).with("email", "").with("realname", "");
        if !found.add(condition.holds(&seen) || condition.holds(&node), || node.clone()) {
            return Ok(());
        }
    }
    Ok(())
}

async fn projects(
    call: &Call,
    condition: &Condition,
    (packages, whole, with_attributes): (bool, bool, bool),
    found: &mut Found,
) -> Result<(), ObsError> {
    let service = &call.app.service;
    let only = condition.required(if packages { "project" } else { "name" });
    let name = match only.map(ProjectName::parse) {
        None => None,
        Some(Ok(name)) => Some(name),
        // Nothing can be called so.
        Some(Err(_)) => return Ok(()),
    };
    let mut offset = 0;
    loop {
        let filter = ProjectFilter { name: name.clone(), limit: Some(PAGE), offset, ..ProjectFilter::default() };
        let page = service.projects(&filter).await?;
        for project in &page {
            let goes_on = match packages {
                true => in_project(call, project, condition, (whole, with_attributes), found).await?,
                false => {
                    let mut node = meta::project(&service.project_view(&project.name).await?);
                    let seen = match with_attributes {
                        true => node.clone().children(attributes::nodes(call, project, None).await?),
                        false => node.clone(),
                    };
                    if !whole {
                        node = Node::new("project").with("name", &project.name);
                    }
                    found.add(condition.holds(&seen), || node)
                }
            };
            if !goes_on {
                return Ok(());
            }
        }
        if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok(());
        }
        offset += PAGE;
    }
}

/// Whether to go on with the next project.
async fn in_project(
    call: &Call,
    project: &Project,
    condition: &Condition,
    (whole, with_attributes): (bool, bool),
    found: &mut Found,
) -> Result<bool, ObsError> {
    for outline in call.app.service.package_outlines(project.id, None).await? {
        if condition.required("name").is_some_and(|name| name != outline.name.as_str()) {
            continue;
        }
        let node = meta::package(&project.name, &outline.name, &outline.about);
        let seen = match with_attributes {
            true => node.clone().children(attributes::nodes(call, project, Some(&outline.name)).await?),
            false => node.clone(),
        };
        let short = || Node::new("package").with("project", &project.name).with("name", &outline.name);
        if !found.add(condition.holds(&seen), || if whole { node } else { short() }) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn binaries(call: &Call, condition: &Condition, found: &mut Found) -> Result<(), ObsError> {
    let Some(name) = condition.required("name") else {
        return Err(ObsError::not_yet("a search for built packages without @name='...'"));
    };
    for built in call.app.service.built_packages(name).await? {
        let (version, release) = match built.version.rsplit_once('-') {
            Some((version, release)) => (version, release),
            None => (built.version.as_str(), ""),
        };
        let version = version.split_once(':').map_or(version, |(_epoch, version)| version);
        let package: Option<&PackageName> = built.package.as_ref();
        let node = Node::new("binary")
            .with("name", name)
            .with("project", &built.place.project)
            .with("repository", &built.place.repository)
            .with_maybe("package", package)
            .with("version", version)
            .with("release", release)
            .with("arch", &built.arch);
        let path = Node::new("path").with("project", &built.place.project).with("repository", &built.place.repository);
        if !found.add(condition.holds(&node.clone().child(path)), || node) {
            break;
        }
    }
    Ok(())
}
