use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::{Project, ProjectName, ProjectSettings, UserName};
use serde_json::{Map, Value, json};
use service::{BuildFilter, ErrorKind, NewProject, ProjectFilter, ServiceError, TargetName, User};

use super::error::CoprError;
use super::fields::{Fields, NullList, is_project_name};
use super::names::{CoprName, parse_chroot, repository_in};
use super::request::{Base, Bounded, Caller, InProject};
use super::{chroots, views};
use crate::app::App;
use crate::query::{Link, Query};

/// How many projects a list has if the client does not say.
const DEFAULT_LIMIT: i64 = 100;

/// `GET /api_2/projects`.
pub(super) async fn list(State(app): State<App>, query: Query) -> Result<Json<Value>, CoprError> {
    let limit = query.integer("limit")?;
    let offset = query.integer("offset")?;
    let selected = select(&app, &query).await?;
    // No upper bound, as in Copr; zero and less mean the default.
    let count = limit.filter(|limit| *limit > 0).unwrap_or(DEFAULT_LIMIT);
    let shown: Vec<Value> = selected
        .iter()
        .skip(offset.map_or(0, |offset| usize::try_from(offset).unwrap_or(0)))
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .map(|project| views::project(project, &views::project_link(project)))
        .collect();
    let link = Link::new("/api_2/projects")
        .with("owner", query.get("owner"))
        .with("group", query.get("group"))
        .with("name", query.get("name"))
        .with("limit", limit)
        .with("offset", offset)
        .with("search_query", query.get("search_query"));
    Ok(Json(json!({"projects": shown, "_links": {"self": {"href": link.finish()}}})))
}

/// Every project the parameters select, in order. Distributions are no projects of Copr's: it sees them as chroots.
async fn select(app: &App, query: &Query) -> Result<Vec<Project>, CoprError> {
    let owner = match query.get("owner").map(UserName::parse) {
        Some(Err(_)) => return Ok(Vec::new()),
        owner => owner.and_then(Result::ok),
    };
    let below = query.get("group").map(str::to_owned);
    let filter = ProjectFilter { owner, below, ..ProjectFilter::default() };
    let mut projects = app.service.projects(&filter).await?;
    let distributions = distributions(app).await?;
    let needle = query.get("search_query").map(str::to_lowercase);
    projects.retain(|project| {
        let name = CoprName::of(&project.name);
        let in_group = query.get("group").is_none_or(|group| name.owner.strip_prefix('@') == Some(group));
        let named = query.get("name").is_none_or(|wanted| name.name == wanted);
        let found = needle.as_ref().is_none_or(|needle| {
            name.to_string().to_lowercase().contains(needle)
                || project.settings.description.to_lowercase().contains(needle)
        });
        in_group && named && found && !distributions.contains(&project.name)
    });
    Ok(projects)
}

async fn distributions(app: &App) -> Result<BTreeSet<ProjectName>, ServiceError> {
    Ok(app.service.targets().await?.into_iter().map(|target| target.path.project).collect())
}

/// The projects of a group, in order.
pub(super) async fn of_group(app: &App, group: &str) -> Result<Vec<Project>, ServiceError> {
    let filter = ProjectFilter { below: Some(group.to_owned()), ..ProjectFilter::default() };
    let mut projects = app.service.projects(&filter).await?;
    projects.retain(|project| CoprName::of(&project.name).owner.strip_prefix('@') == Some(group));
    Ok(projects)
}

/// `GET /api_2/projects/ID`.
pub(super) async fn show(
    State(app): State<App>,
    InProject(project): InProject,
    query: Query,
) -> Result<Json<Value>, CoprError> {
    let with_builds = query.boolean("show_builds")?.filter(|show| *show);
    let with_chroots = query.boolean("show_chroots")?.filter(|show| *show);
    let link = Link::new(views::project_link(&project))
        .with_boolean("show_builds", with_builds)
        .with_boolean("show_chroots", with_chroots);
    let mut further = Map::new();
    if with_builds.is_some() {
        let limit = Some(super::builds::MAX_LIMIT);
        let filter = BuildFilter { project: Some(project.id), limit, ..BuildFilter::default() };
        let builds = app.service.builds(&filter).await?;
        let shown = builds.iter().map(|build| views::build(build, &views::build_link(build))).collect();
        further.insert("project_builds".to_owned(), Value::Array(shown));
    }
    if with_chroots.is_some() {
        further.insert("project_chroots".to_owned(), Value::Array(chroots::shown(&app, &project).await?));
    }
    let mut answer = views::project(&project, &link.finish());
    if let Some(keys) = answer.as_object_mut() {
        keys.append(&mut further);
    }
    Ok(Json(answer))
}

/// `POST /api_2/projects`.
pub(super) async fn create(
    State(app): State<App>,
    Caller(user): Caller,
    base: Base,
    Bounded(body): Bounded,
) -> Result<Response, CoprError> {
    let mut wanted = NewCoprProject::parse(&body)?;
    link_repositories(&app, &mut wanted.settings).await?;
    let owner = match &wanted.group {
        Some(group) => format!("@{group}"),
        None => user.name.to_string(),
    };
    let name = CoprName::project(&owner, &wanted.name)
        .ok_or_else(|| CoprError::invalid(format!("`{owner}/{}` can not be the name of a project", wanted.name)))?;
    let offered = app.service.targets().await?;
    let mut targets: Vec<TargetName> = Vec::new();
    for target in wanted.chroots.iter().filter_map(|chroot| parse_chroot(chroot)) {
        // Copr drops unknown names silently, and scripts rely on it.
        if offered.iter().any(|offer| offer.name == target) && !targets.contains(&target) {
            targets.push(target);
        }
    }
    let new = NewProject { name, settings: wanted.settings, targets };
    match app.service.create_project(&user, new).await {
        Ok(project) => Ok(base.created(&views::project_link(&project))),
        Err(error) => Err(create_error(&app, &user, &owner, &wanted.name, error).await),
    }
}

async fn create_error(app: &App, user: &User, owner: &str, name: &str, error: ServiceError) -> CoprError {
    match error.kind() {
        ErrorKind::Conflicting => {
            CoprError::new(StatusCode::CONFLICT, format!("Copr: '{owner}/{name}' already exists"))
        }
        ErrorKind::Denied => match owner.strip_prefix('@') {
            Some(group) if !group_exists(app, group).await => {
                CoprError::new(StatusCode::NOT_FOUND, format!("Group `{group}` not found"))
            }
            _ => CoprError::denied(format!("User {} cannot create projects of {owner}.", user.name)),
        },
        _ => error.into(),
    }
}

/// A group is one of users, or whoever has projects under a name, or could have.
async fn group_exists(app: &App, group: &str) -> bool {
    let is_known = match UserName::parse(group) {
        Ok(name) => {
            app.service.group(&name).await.is_ok_and(|group| group.is_some())
                || app.service.user(&name).await.is_ok_and(|user| user.is_some())
        }
        Err(_) => false,
    };
    is_known || of_group(app, group).await.is_ok_and(|projects| !projects.is_empty())
}

/// `PUT /api_2/projects/ID`: changes only the fields that are there.
pub(super) async fn update(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    Bounded(body): Bounded,
) -> Result<StatusCode, CoprError> {
    let mut fields = Fields::parse(&body)?;
    let mut settings = project.settings;
    change_settings(&mut fields, &mut settings);
    fields.finish()?;
    link_repositories(&app, &mut settings).await?;
    match app.service.update_project(&user, project.id, settings).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(CoprError::denied("Only owners and admins may update their projects."))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /api_2/projects/ID`.
pub(super) async fn delete(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
) -> Result<StatusCode, CoprError> {
    let error = match app.service.delete_project(&user, project.id).await {
        Ok(()) => return Ok(StatusCode::NO_CONTENT),
        Err(error) => error,
    };
    if let ServiceError::NotFinished { build } = error {
        return Err(CoprError::invalid(format!("You can not delete build `{build}` which is not finished.")));
    }
    if error.kind() != ErrorKind::Denied {
        return Err(error.into());
    }
    // Copr asks for the right to delete each build first, newest first.
    let filter = BuildFilter { project: Some(project.id), limit: Some(1), ..BuildFilter::default() };
    let newest = app.service.builds(&filter).await?.into_iter().next();
    Err(CoprError::denied(match newest {
        Some(build) => format!("You are not allowed to delete build `{}`.", build.id),
        None => "Only owners may delete their projects.".to_owned(),
    }))
}

/// Turns names of projects that exist into links to them. Copr keeps the names of others too, so Kiln does; builds that would
/// lack them are refused.
async fn link_repositories(app: &App, settings: &mut ProjectSettings) -> Result<(), ServiceError> {
    for entry in &mut settings.extra_repositories {
        let linked = repository_in(entry);
        let Some(project) = service::referenced_project(&linked) else { continue };
        match app.service.project_by_name(&project).await {
            Ok(_) => *entry = linked,
            Err(ServiceError::ProjectMissing { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the body of a creation says.
struct NewCoprProject {
    name: String,
    group: Option<String>,
    chroots: Vec<String>,
    settings: ProjectSettings,
}

impl NewCoprProject {
    fn parse(body: &[u8]) -> Result<Self, CoprError> {
        let mut fields = Fields::parse(body)?;
        let name = fields.required_text("name");
        if name.as_ref().is_some_and(|name| !is_project_name(name)) {
            let rule = "Name must contain only letters,digits, underscores, dashes and dots.And starts with letter";
            fields.problem("name", rule);
        }
        let group = fields.text("group").filter(|group| !group.is_empty());
        let chroots = fields.list("chroots", NullList::Refused).unwrap_or_default();
        // Copr publishes and lets builds reach the network unless told otherwise.
        let mut settings = ProjectSettings { publish: true, network: true, ..ProjectSettings::default() };
        change_settings(&mut fields, &mut settings);
        fields.finish()?;
        Ok(Self { name: name.unwrap_or_default(), group, chroots, settings })
    }
}

/// Takes the settings a body has; the others stay.
fn change_settings(fields: &mut Fields<'_>, settings: &mut ProjectSettings) {
    if let Some(description) = fields.text("description") {
        settings.description = description;
    }
    if let Some(instructions) = fields.text("instructions") {
        settings.instructions = instructions;
    }
    if let Some(homepage) = fields.homepage("homepage") {
        settings.homepage = homepage;
    }
    if let Some(contact) = fields.contact("contact") {
        settings.contact = contact;
    }
    if let Some(repositories) = fields.list("repos", NullList::Empty) {
        settings.extra_repositories = repositories;
    }
    if let Some(manual) = fields.boolean("disable_createrepo") {
        settings.publish = !manual;
    }
    if let Some(network) = fields.boolean("build_enable_net") {
        settings.network = network;
    }
}
