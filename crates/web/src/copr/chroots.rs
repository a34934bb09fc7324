use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::{ArchOptions, PackageGroups, Project, Repository, RepositoryArch};
use serde_json::{Value, json};
use service::{ErrorKind, ServiceError, TargetName};

use super::error::CoprError;
use super::fields::{Fields, NullList};
use super::names::{CoprName, chroot_name, chroot_parts, parse_chroot};
use super::request::{Base, Bounded, Caller, InProject, NumberAndName};
use super::views;
use crate::app::App;

/// `GET /api_2/projects/ID/chroots`: the enabled ones that some distribution still offers.
pub(super) async fn list(State(app): State<App>, InProject(project): InProject) -> Result<Json<Value>, CoprError> {
    let link = format!("{}/chroots", views::project_link(&project));
    Ok(Json(json!({"chroots": shown(&app, &project).await?, "_links": {"self": {"href": link}}})))
}

/// The chroots of a project as every list shows them.
pub(super) async fn shown(app: &App, project: &Project) -> Result<Vec<Value>, CoprError> {
    let offered = app.service.targets().await?;
    let repositories = app.service.repositories(project.id).await?;
    let shown = targets(&repositories)
        .filter(|(_, arch)| arch.enabled)
        .filter(|(target, _)| offered.iter().any(|offer| offer.name == *target && offer.active))
        .filter(|(target, _)| chroot_parts(target).is_some())
        .map(|(target, arch)| views::project_chroot(project, &target, arch));
    Ok(shown.collect())
}

/// Every target of a project, disabled ones included, in order.
pub(super) fn targets(repositories: &[Repository]) -> impl Iterator<Item = (TargetName, &RepositoryArch)> {
    repositories.iter().flat_map(|repository| {
        repository
            .arches
            .iter()
            .map(|arch| (TargetName { repository: repository.name.clone(), arch: arch.arch.clone() }, arch))
    })
}

/// `GET /api_2/projects/ID/chroots/NAME`; also one that was disabled.
pub(super) async fn show(
    State(app): State<App>,
    InProject(project): InProject,
    NumberAndName(_, name): NumberAndName,
) -> Result<Json<Value>, CoprError> {
    let target = parse_chroot(&name).ok_or_else(CoprError::bad_chroot)?;
    Ok(Json(view(&app, &project, &target).await?))
}

async fn view(app: &App, project: &Project, wanted: &TargetName) -> Result<Value, CoprError> {
    let repositories = app.service.repositories(project.id).await?;
    let found = targets(&repositories).find(|(target, _)| target == wanted);
    let (target, arch) = found.ok_or_else(CoprError::missing)?;
    Ok(views::project_chroot(project, &target, arch))
}

/// `POST /api_2/projects/ID/chroots`.
///
/// DIFFERS from Copr: a chroot that was disabled can be enabled again.
pub(super) async fn enable(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    base: Base,
    Bounded(body): Bounded,
) -> Result<Response, CoprError> {
    let mut fields = Fields::parse(&body)?;
    let name = fields.required_text("name");
    let packages = fields.list("buildroot_pkgs", NullList::Refused).unwrap_or_default();
    fields.finish()?;
    let name = name.unwrap_or_default();
    let Some(target) = parse_chroot(&name) else {
        let shown: String = name.chars().take(200).collect();
        let message = format!("Bad mock chroot name: {shown}. Error: Chroot identification is not valid");
        return Err(CoprError::invalid(message));
    };
    match app.service.enable_target(&user, project.id, &target, packages).await {
        Ok(()) => Ok(base.created(&format!("{}/chroots/{}", views::project_link(&project), chroot_name(&target)))),
        Err(ServiceError::TargetUnknown { .. }) => {
            Err(CoprError::invalid(format!("Bad mock chroot name: {name}. Error: None")))
        }
        Err(error) if error.kind() == ErrorKind::Conflicting => {
            let message = format!("Copr {} already has chroot {name} enabled", CoprName::of(&project.name));
            Err(CoprError::new(StatusCode::CONFLICT, message))
        }
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(CoprError::denied("Failed to create copr chroot: Only owners and admins may update their projects."))
        }
        Err(error) => Err(error.into()),
    }
}

/// `PUT /api_2/projects/ID/chroots/NAME`: the packages and the file of package groups.
pub(super) async fn update(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    NumberAndName(_, name): NumberAndName,
    Bounded(body): Bounded,
) -> Result<Json<Value>, CoprError> {
    let target = parse_chroot(&name).ok_or_else(CoprError::bad_chroot)?;
    let repositories = app.service.repositories(project.id).await?;
    let found = targets(&repositories).find(|(known, _)| *known == target);
    let (packages, mut options) = match found {
        Some((_, arch)) => (arch.extra_packages.clone(), arch.options.clone()),
        None => return Err(CoprError::missing()),
    };
    let mut fields = Fields::parse(&body)?;
    let wanted = fields.list("buildroot_pkgs", NullList::Refused);
    let (text, name) = (fields.filled_text("comps"), fields.filled_text("comps_name"));
    fields.finish()?;
    change_groups(&mut options, text, name);
    // Writing what is there already asks for the permission that Copr asks for even without a change.
    match app.service.set_target(&user, project.id, &target, wanted.unwrap_or(packages), options).await {
        Ok(()) => Ok(Json(view(&app, &project, &target).await?)),
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(CoprError::denied("Failed to update copr chroot: Only owners and admins may update their projects."))
        }
        Err(error) => Err(error.into()),
    }
}

/// Null leaves groups as they are: clients send it for everything they do not know.
fn change_groups(options: &mut ArchOptions, text: Option<String>, name: Option<String>) {
    let Some(text) = text else { return };
    let known = options.groups.take().map(|groups| groups.name);
    let name = name.or(known).unwrap_or_else(|| "comps.xml".to_owned());
    options.groups = Some(PackageGroups { name, text });
}

/// `DELETE /api_2/projects/ID/chroots/NAME`; again and again, if need be.
pub(super) async fn disable(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    NumberAndName(_, name): NumberAndName,
) -> Result<StatusCode, CoprError> {
    let target = parse_chroot(&name).ok_or_else(CoprError::bad_chroot)?;
    match app.service.disable_target(&user, project.id, &target).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if error.kind() == ErrorKind::Denied => {
            Err(CoprError::denied("Failed to remove copr chroot: Only owners and admins may update their projects."))
        }
        Err(error) => Err(error.into()),
    }
}
