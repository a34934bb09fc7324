//! What every page has: the frame, the tabs of a project, and the headers that keep a browser from running anything else.

use axum::http::{HeaderName, HeaderValue};
use axum::response::{Html as Body, IntoResponse as _, Response};
use model::Project;
use service::TargetName;

use super::assets::{Asset, ICON, LIVE, STYLE};
use super::html::{Html, link, tag};
use crate::address::{encode_query_value, encode_segment};
use crate::session::Visitor;

/// The parts of a project that have a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Packages,
    Builds,
    Repositories,
    Config,
    Settings,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Packages, "", "Packages"),
        (Self::Builds, "/builds", "Builds"),
        (Self::Repositories, "/repositories", "Repositories"),
        (Self::Config, "/config", "Project Config"),
        (Self::Settings, "/settings", "Settings"),
    ];
}

/// A page that is being put together.
pub(super) struct Page<'a> {
    visitor: &'a Visitor,
    title: String,
    /// The path one comes back to after a login.
    here: String,
    project: Option<(&'a Project, Tab)>,
    scripts: Vec<&'static Asset>,
    body: Html,
}

impl<'a> Page<'a> {
    /// A page of this title; `here` is its own address.
    pub(super) fn new(visitor: &'a Visitor, title: impl Into<String>, here: impl Into<String>) -> Self {
        let (title, here) = (title.into(), here.into());
        Self { visitor, title, here, project: None, scripts: vec![&LIVE], body: Html::new() }
    }

    /// Puts it under a tab of a project.
    pub(super) fn of_project(mut self, project: &'a Project, tab: Tab) -> Self {
        self.project = Some((project, tab));
        self
    }

    /// Has it run one of our scripts.
    pub(super) fn with_script(mut self, script: &'static Asset) -> Self {
        self.scripts.push(script);
        self
    }

    /// Adds content.
    pub(super) fn add(mut self, part: impl Into<Html>) -> Self {
        self.body.push(part);
        self
    }

    /// The finished answer.
    pub(super) fn answer(self) -> Response {
        let Self { visitor, title, here, project, scripts, body } = self;
        let is_first = project.is_some_and(|(project, _)| title == project.name.as_str());
        let tabs = project.map(|(project, tab)| project_header(project, tab, is_first));
        let full = match project {
            Some((project, _)) if title != project.name.as_str() => format!("{title} - {}", project.name),
            _ => title,
        };
        let header = frame_header(visitor, &here);
        let main = tag("main").attr("id", "main").attr("tabindex", "-1").add(tabs).add(body);
        html_answer(document(&full, &scripts, header.add(main)))
    }
}

fn frame_header(visitor: &Visitor, here: &str) -> Html {
    let skip = tag("a").class("skip").href("#main").add("Skip to the content");
    let brand = tag("a").class("brand").href("/").add("Kiln");
    let search = tag("form").class("search").attr("action", "/projects").attr("role", "search").add(
        tag("input")
            .attr("type", "search")
            .attr("name", "q")
            .attr("placeholder", "Find a project")
            .attr("aria-label", "Find a project"),
    );
    let who = match &visitor.user {
        Some(user) => Html::from(link("/account", user.name.as_str())),
        None => link(&format!("/login?next={}", encode_query_value(here)), "Log in").into(),
    };
    let links = tag("nav").attr("aria-label", "Kiln").add(link("/projects", "Projects")).add(who);
    let bar = tag("div").class("bar").add(brand).add(search).add(links);
    Html::from(skip).add(tag("header").class("top").add(bar))
}

fn project_header(project: &Project, tab: Tab, is_first: bool) -> Html {
    let base = project_path(project);
    // On its first page, the project itself is what the page is about.
    let title = tag(if tab == Tab::Packages && is_first { "h1" } else { "p" })
        .class("project-name")
        .add(link(&base, breakable(project.name.as_str())));
    let tabs = Tab::ALL.iter().map(|(which, path, name)| {
        let address = format!("{base}{path}");
        let link = link(&address, *name);
        if *which == tab { tag("a").attr("aria-current", "page").href(&address).add(*name) } else { link }
    });
    let tabs = tag("nav").class("tabs").attr("aria-label", "Project").add(tabs.collect::<Html>());
    Html::from(title).add(tabs)
}

/// A name that may be broken behind its colons.
fn breakable(name: &str) -> Html {
    let mut text = Html::new();
    for (place, part) in name.split(':').enumerate() {
        if place > 0 {
            text.push(":");
            text.push(Html::markup("<wbr>"));
        }
        text.push(part);
    }
    text
}

/// The path of a project's pages, without a slash at the end.
pub(super) fn project_path(project: &Project) -> String {
    format!("/projects/{}", encode_segment(project.name.as_str()))
}

/// The path of a package's page.
pub(super) fn package_path(project: &Project, package: &str) -> String {
    format!("{}/packages/{}", project_path(project), encode_segment(package))
}

/// The address of the answer to a question about a package in a target: `why`, `again`.
pub(super) fn question_path(project: &Project, package: &str, question: &str, target: &TargetName) -> String {
    let (repository, arch) = (encode_segment(target.repository.as_str()), encode_segment(target.arch.as_str()));
    format!("{}/{question}?target={repository}/{arch}", package_path(project, package))
}

fn document(title: &str, scripts: &[&'static Asset], body: Html) -> String {
    let meta = |name: &str, content: &str| tag("meta").attr("name", name).attr("content", content);
    let mut head = Html::from(tag("meta").attr("charset", "utf-8"))
        .add(meta("viewport", "width=device-width, initial-scale=1"))
        .add(meta("color-scheme", "light dark"))
        .add(tag("title").add(format!("{title} - Kiln")))
        .add(tag("link").attr("rel", "icon").attr("type", "image/svg+xml").href(ICON.address()))
        .add(tag("link").attr("rel", "stylesheet").href(STYLE.address()));
    for script in scripts {
        head.push(tag("script").attr("src", script.address()).flag("defer", true));
    }
    let page = tag("html").attr("lang", "en").add(tag("head").add(head)).add(tag("body").add(body));
    format!("<!doctype html>\n{}\n", Html::from(page).into_string())
}

/// A whole page without a frame of its own kind; `body` is HTML whose parts from outside are escaped.
pub(crate) fn page(title: &str, body: &str) -> String {
    let main = tag("main").attr("id", "main").add(Html::trusted(body));
    document(title, &[], frame_header(&Visitor::default(), "/").add(main))
}

/// An answer with the headers of pages: our own style sheet and scripts, requests and forms to this server, nothing else.
pub(super) fn html_answer(text: String) -> Response {
    let mut response = Body(text).into_response();
    headers(&mut response);
    response
}

/// The headers of pages. The referrer policy is not `no-referrer`: with that, browsers send forms without saying that they
/// come from here.
pub(super) fn headers(response: &mut Response) {
    const HEADERS: [(&str, &str); 6] = [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        // What a page shows depends on who looks at it.
        ("cache-control", "private, no-cache"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
