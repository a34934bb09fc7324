use axum::Json;
use axum::extract::{Path, Request, State};
use model::{Project, ProjectId};
use serde_json::{Value, json};
use service::{Action, ErrorKind, NewFork, NewProject, ProjectFilter, ServiceError, TargetName, User};

use super::error::{V3Error, short};
use super::form::Form;
use super::input::Input;
use super::paging::Paging;
use super::project_form::{self, Changes};
use super::request::{Caller, project as find, queried_project, required, user_name};
use super::views;
use crate::app::App;
use crate::copr::chroots::targets;
use crate::copr::names::{CoprName, parse_chroot};
use crate::copr::request::Base;
use crate::query::Query;

/// Words `order` may be; whatever it is, projects come in the order of their numbers, which is that of their creation.
pub(super) const COLUMNS: [&str; 3] = ["name", "ownername", "created_on"];

/// Fewest characters anybody may search for.
const SHORTEST_SEARCH: usize = 3;

/// The entity of a project.
pub(super) async fn shown(app: &App, project: &Project, base: &str) -> Result<Value, V3Error> {
    let found = app.service.enabled_targets(&[project.id]).await?;
    let targets: Vec<TargetName> = found.into_iter().map(|(_, target)| target).collect();
    Ok(views::project(project, &targets, base))
}

/// The entities of projects, with few statements however many they are.
async fn all_shown(app: &App, projects: &[Project], base: &str) -> Result<Vec<Value>, V3Error> {
    let ids: Vec<ProjectId> = projects.iter().map(|project| project.id).collect();
    let found = app.service.enabled_targets(&ids).await?;
    let of = |project: &Project| -> Vec<TargetName> {
        found.iter().filter(|(id, _)| *id == project.id).map(|(_, target)| target.clone()).collect()
    };
    Ok(projects.iter().map(|project| views::project(project, &of(project), base)).collect())
}

/// `GET /project`.
pub(super) async fn get(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let project = queried_project(&app, &query).await?;
    Ok(Json(shown(&app, &project, &base).await?))
}

/// `GET /project/list`; somebody nobody knows has no projects.
pub(super) async fn list(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let paging = Paging::parse(&query, &COLUMNS)?;
    let mut filter = ProjectFilter {
        listed: query.get("ownername").is_none(),
        limit: Some(paging.wanted()),
        offset: paging.offset,
        descending: paging.descending(),
        ..ProjectFilter::default()
    };
    if let Some(owner) = query.get("ownername") {
        match below(owner) {
            Some(below) => filter.below = Some(below),
            None => return Ok(Json(paging.answer(Vec::new())?)),
        }
    }
    let projects = app.service.projects(&filter).await?;
    Ok(Json(paging.answer(all_shown(&app, &projects, &base).await?)?))
}

/// What the names of an owner's projects begin with; `None` if the text names no owner.
fn below(owner: &str) -> Option<String> {
    let sample = CoprName::project(owner, "x")?;
    sample.as_str().strip_suffix(":x").map(str::to_owned)
}

/// `GET /project/search`: a text anywhere in the name, or `OWNER/NAME`.
pub(super) async fn search(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let text = required(&query, "query")?;
    if text.chars().count() < SHORTEST_SEARCH {
        return Err(V3Error::invalid("Please type at least 3 characters for the query"));
    }
    let paging = Paging::parse(&query, &COLUMNS)?;
    let (owner, name) = text.split_once('/').unwrap_or(("", text));
    let listed = ProjectFilter { text: Some(name.to_owned()), listed: true, ..ProjectFilter::default() };
    let filter = match owner {
        "" => ProjectFilter { limit: Some(paging.wanted()), offset: paging.offset, ..listed },
        _ => listed,
    };
    let mut projects = app.service.projects(&filter).await?;
    if owner.is_empty() {
        return Ok(Json(paging.answer(all_shown(&app, &projects, &base).await?)?));
    }
    projects.retain(|project| CoprName::of(&project.name).owner.contains(owner));
    Ok(Json(paging.cut(all_shown(&app, &projects, &base).await?)?))
}

/// `POST /project/add/OWNER`.
pub(super) async fn add(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path(owner): Path<String>,
    Base(base): Base,
    query: Query,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    check_owner(&app, &user, &owner).await?;
    let title = form.required("name");
    project_form::check_name(&mut form, &title);
    let changes = Changes::parse(&mut form, "additional_repos")?;
    let chroots = changes.chroots.clone().unwrap_or_default();
    let targets = wanted_targets(&app, &mut form, &chroots).await?;
    project_form::check_repositories(&app, &mut form, &changes).await?;
    form.finish()?;
    let name = CoprName::project(&owner, &title).ok_or_else(|| {
        V3Error::invalid(format!("name: {} can not be a project of {}", short(&title), short(&owner)))
    })?;
    let new = NewProject { name: name.clone(), settings: changes.applied(project_form::fresh()), targets };
    match app.service.create_project(&user, new).await {
        Ok(project) => Ok(Json(shown(&app, &project, &base).await?)),
        Err(ServiceError::ProjectExists { .. }) if query.get("exist_ok") == Some("True") => {
            let project = app.service.project_by_name(&name).await?;
            Ok(Json(shown(&app, &project, &base).await?))
        }
        Err(ServiceError::ProjectExists { .. }) => Err(V3Error::invalid(match owner.strip_prefix('@') {
            Some(_) => format!("name: Group {owner} already has a project named '{title}'."),
            None => format!("name: You already have a project named '{title}'."),
        })),
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(V3Error::denied(format!("User {} can not create projects of {}: {error}", user.name, short(&owner))))
        }
        Err(error) => Err(error.into()),
    }
}

/// 404 for an owner that does not exist, 403 for one whose projects are not the user's to make.
async fn check_owner(app: &App, user: &User, owner: &str) -> Result<(), V3Error> {
    let missing = |kind: &str, name: &str| V3Error::missing(format!("{kind} {} does not exist", short(name)));
    let denied = |message: String| if user.admin { Ok(()) } else { Err(V3Error::denied(message)) };
    match owner.strip_prefix('@') {
        Some(name) => {
            let group = match user_name(name) {
                Ok(found) => app.service.group(&found).await?,
                Err(_) => None,
            };
            match group {
                Some(group) if group.members.contains(&user.name) => Ok(()),
                Some(_) => denied(format!("User '{}' doesn't have access to the group {name}", user.name)),
                // Below their own names, people may have such projects without a group.
                None if name == user.name.as_str() || user.admin => Ok(()),
                None => Err(missing("Group", name)),
            }
        }
        None if owner == user.name.as_str() => Ok(()),
        None => {
            let known = match user_name(owner) {
                Ok(name) => app.service.user(&name).await?,
                Err(_) => None,
            };
            known.ok_or_else(|| missing("User", owner))?;
            denied("You were authenticated as a different user".to_owned())
        }
    }
}

/// The targets of chroot names that some distribution offers; the others are problems.
async fn wanted_targets(app: &App, form: &mut Form, chroots: &[String]) -> Result<Vec<TargetName>, V3Error> {
    if chroots.is_empty() {
        form.problem("chroots", super::form::not_a_choice("[]"));
    }
    let offered = app.service.targets().await?;
    let mut targets = Vec::new();
    for chroot in chroots {
        let target = parse_chroot(chroot);
        match target.filter(|target| offered.iter().any(|offer| offer.active && offer.name == *target)) {
            Some(target) if !targets.contains(&target) => targets.push(target),
            Some(_) => {}
            None => form.problem("chroots", super::form::not_a_choice(chroot)),
        }
    }
    Ok(targets)
}

/// `PUT /project/edit/OWNER/PROJECT`: changes only what is sent.
pub(super) async fn edit(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = find(&app, &owner, &name).await?;
    let changes = Changes::parse(&mut form, "repos")?;
    let wanted = match changes.chroots.as_ref().filter(|chroots| !chroots.is_empty()) {
        Some(chroots) => Some(wanted_targets(&app, &mut form, chroots).await?),
        None => None,
    };
    project_form::check_repositories(&app, &mut form, &changes).await?;
    form.finish()?;
    let settings = changes.applied(project.settings.clone());
    app.service.update_project(&user, project.id, settings).await.map_err(|error| edit_error(&owner, &name, error))?;
    if let Some(wanted) = wanted {
        set_targets(&app, &user, &project, &wanted).await?;
    }
    let project = app.service.project(project.id).await?;
    Ok(Json(shown(&app, &project, &base).await?))
}

fn edit_error(owner: &str, name: &str, error: ServiceError) -> V3Error {
    if let ServiceError::Denied { action: Action::Administer, .. } = error {
        return V3Error::denied("Only administrators may change persistent, or switch auto_prune off.");
    }
    match error.kind() {
        ErrorKind::Denied => {
            V3Error::denied(format!("Only owners and admins may update their projects: {owner}/{name}"))
        }
        _ => error.into(),
    }
}

/// Enables what is wanted and disables the rest.
async fn set_targets(app: &App, user: &User, project: &Project, wanted: &[TargetName]) -> Result<(), V3Error> {
    let repositories = app.service.repositories(project.id).await?;
    let known: Vec<(TargetName, bool, Vec<String>)> =
        targets(&repositories).map(|(name, arch)| (name, arch.enabled, arch.extra_packages.clone())).collect();
    for (target, _, _) in known.iter().filter(|(target, enabled, _)| *enabled && !wanted.contains(target)) {
        app.service.disable_target(user, project.id, target).await?;
    }
    for target in wanted {
        let found = known.iter().find(|(name, _, _)| name == target);
        if found.is_none_or(|(_, enabled, _)| !enabled) {
            let packages = found.map(|(_, _, packages)| packages.clone()).unwrap_or_default();
            app.service.enable_target(user, project.id, target, packages).await?;
        }
    }
    Ok(())
}

/// `DELETE /project/delete/OWNER/PROJECT`; answers what it was.
pub(super) async fn delete(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    // Whether `verify` is true does not matter, but the body must be readable.
    Input::read(&app, &user, request).await?;
    let project = find(&app, &owner, &name).await?;
    let answer = shown(&app, &project, &base).await?;
    match app.service.delete_project(&user, project.id).await {
        Ok(()) => Ok(Json(answer)),
        Err(ServiceError::NotFinished { .. }) => {
            let running = app.service.unfinished_builds(project.id, 1000).await?;
            Err(V3Error::invalid(still_running(&running)))
        }
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(V3Error::denied(format!("Only owners may delete their projects: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Copr's words for builds that are not finished.
pub(super) fn still_running(builds: &[model::BuildId]) -> String {
    let numbers: Vec<String> = builds.iter().map(ToString::to_string).collect();
    format!("Build(s) {} are still running.\n", numbers.join(", "))
}

/// `POST /project/fork/OWNER/PROJECT`.
pub(super) async fn fork(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = find(&app, &owner, &name).await?;
    let title = form.required("name");
    project_form::check_name(&mut form, &title);
    let into = form.text("ownername").unwrap_or_else(|| user.name.to_string());
    let into_existing = form.boolean("confirm").unwrap_or(false);
    form.finish()?;
    check_owner(&app, &user, &into).await?;
    let name = CoprName::project(&into, &title)
        .ok_or_else(|| V3Error::invalid(format!("name: {} can not be a project of {}", short(&title), short(&into))))?;
    match app.service.fork_project(&user, NewFork { from: project.id, name, into_existing }).await {
        Ok(copy) => Ok(Json(shown(&app, &copy, &base).await?)),
        Err(ServiceError::ProjectExists { .. }) => Err(V3Error::invalid(format!(
            "You are about to fork into existing project: {title}\nPlease use --confirm if you really want to do this"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// `PUT /project/regenerate-repos/OWNER/PROJECT`.
pub(super) async fn regenerate(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
    Base(base): Base,
) -> Result<Json<Value>, V3Error> {
    let project = find(&app, &owner, &name).await?;
    app.service.publish_again(&user, project.id).await?;
    Ok(Json(shown(&app, &project, &base).await?))
}

/// `POST /webhook/generate/OWNER/PROJECT`.
pub(super) async fn new_webhook_secret(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, V3Error> {
    let project = find(&app, &owner, &name).await?;
    let secret = app.service.new_webhook_secret(&user, project.id).await?;
    let name = CoprName::of(&project.name);
    Ok(Json(json!({
        "id": project.id,
        "name": name.name,
        "ownername": name.owner,
        "full_name": name.to_string(),
        "webhook_secret": secret,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_of_an_owner_lie_below_one_name() {
        assert_eq!(below("alice").as_deref(), Some("home:alice"));
        assert_eq!(below("@team").as_deref(), Some("team"));
        for nobody in ["", "@", "a b", "a/b", "@a:b"] {
            assert_eq!(below(nobody), None, "{nobody}");
        }
    }
}
