use axum::Json;
use axum::extract::{Path, Request, State};
use model::{Project, Repository, RepositoryArch};
use serde_json::{Map, Value, json};
use service::{ErrorKind, TargetName};

use super::echoes;
use super::error::{V3Error, short};
use super::input::Input;
use super::project_form::reference_exists;
use super::request::{Caller, project as find_project, queried_project, required};
use super::views;
use crate::app::App;
use crate::copr::chroots::targets;
use crate::copr::names::{CoprName, chroot_name, parse_chroot, repository_in, repository_out};
use crate::copr::request::Base;
use crate::query::Query;

const NO_MODULES: &str = "distributions without modules are all there are";

/// `GET /mock-chroots/list`: what can be enabled.
pub(super) async fn offered(State(app): State<App>) -> Result<Json<Value>, V3Error> {
    let targets = app.service.targets().await?;
    let active = targets.iter().filter(|target| target.active).map(|target| chroot_name(&target.name));
    Ok(Json(Value::Object(active.map(|name| (name, json!(""))).collect::<Map<_, _>>())))
}

fn find<'a>(
    project: &Project,
    repositories: &'a [Repository],
    chroot: &str,
) -> Result<(TargetName, &'a RepositoryArch), V3Error> {
    let wanted = parse_chroot(chroot).ok_or_else(|| V3Error::missing("Chroot identification is not valid"))?;
    let found = targets(repositories).find(|(target, _)| *target == wanted);
    found.filter(|(_, arch)| arch.enabled).ok_or_else(|| {
        let name = CoprName::of(&project.name);
        V3Error::missing(format!("Chroot name {} does not exist in Copr {name}.", short(chroot)))
    })
}

/// `GET /project-chroot`.
pub(super) async fn get(State(app): State<App>, query: Query) -> Result<Json<Value>, V3Error> {
    let project = queried_project(&app, &query).await?;
    let repositories = app.service.repositories(project.id).await?;
    let (target, arch) = find(&project, &repositories, required(&query, "chrootname")?)?;
    Ok(Json(views::project_chroot(&project, &target, arch)))
}

/// `GET /project-chroot/build-config`.
pub(super) async fn build_config(
    State(app): State<App>,
    Base(base): Base,
    query: Query,
) -> Result<Json<Value>, V3Error> {
    let project = queried_project(&app, &query).await?;
    let repositories = app.service.repositories(project.id).await?;
    let (target, arch) = find(&project, &repositories, required(&query, "chrootname")?)?;
    let mut answer = config(&project, &target, Some(arch), &base);
    if let Some(keys) = answer.as_object_mut() {
        keys.insert("chroot".to_owned(), json!(chroot_name(&target)));
        keys.insert("additional_modules".to_owned(), json!([]));
        keys.insert("isolation".to_owned(), json!(echoes::shown(&arch.options.echoes, "isolation", "unchanged")));
    }
    Ok(Json(answer))
}

/// What a build in a target sees.
pub(super) fn config(project: &Project, target: &TargetName, arch: Option<&RepositoryArch>, base: &str) -> Value {
    let name = CoprName::of(&project.name);
    let chroot = chroot_name(target);
    let own = arch.map(|arch| arch.options.extra_repositories.as_slice()).unwrap_or_default();
    let mut repositories = vec![json!({
        "id": "copr_base",
        "name": "Copr repository",
        "baseurl": format!("{}/{chroot}/", views::results_url(&name, base)),
        "priority": project.settings.repository_priority,
        "module_hotfixes": project.settings.module_hotfixes.then_some(true),
        "repo_gpgcheck": false,
    })];
    let mut additional = vec![format!("copr://{name}")];
    for entry in project.settings.extra_repositories.iter().chain(own) {
        let written = repository_out(entry);
        let baseurl = match service::referenced_project(entry) {
            Some(other) => format!("{}/{chroot}/", views::results_url(&CoprName::of(&other), base)),
            None => written.clone(),
        };
        let id = repository_id(&written);
        additional.push(written);
        repositories.push(json!({
            "id": id,
            "name": format!("Additional repo {id}"),
            "baseurl": baseurl,
            "priority": null,
            "module_hotfixes": null,
            "repo_gpgcheck": null,
        }));
    }
    json!({
        "repos": repositories,
        "additional_repos": additional,
        "additional_packages": arch.map(|arch| arch.extra_packages.clone()).unwrap_or_default(),
        "with_opts": arch.map(|arch| arch.options.with.clone()).unwrap_or_default(),
        "without_opts": arch.map(|arch| arch.options.without.clone()).unwrap_or_default(),
        "enable_net": project.settings.network,
    })
}

/// The name of a repository, made from its address: runs of other characters than letters and digits are one underscore.
fn repository_id(address: &str) -> String {
    let plain: String = address.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("_")
}

/// `PUT /project-chroot/edit/OWNER/PROJECT/CHROOT`.
pub(super) async fn edit(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, name, chroot)): Path<(String, String, String)>,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut input = Input::read(&app, &user, request).await?;
    let project = find_project(&app, &owner, &name).await?;
    let repositories = app.service.repositories(project.id).await?;
    let (target, arch) = find(&project, &repositories, &chroot)?;
    let (mut packages, mut options) = (arch.extra_packages.clone(), arch.options.clone());
    let mut form = input.form();
    for field in form.list("reset_fields").unwrap_or_default() {
        match field.as_str() {
            "additional_packages" => packages.clear(),
            "additional_repos" => options.extra_repositories.clear(),
            "comps_name" => options.groups = None,
            "isolation" | "bootstrap" => drop(options.echoes.remove(&field)),
            "with_opts" => options.with.clear(),
            "without_opts" => options.without.clear(),
            "additional_modules" | "bootstrap_image" | "delete_after_days" => {}
            other => form.problem("reset_fields", format!("Trying to reset an invalid attribute: {}", short(other))),
        }
    }
    echoes::check(&mut form)?;
    echoes::take(&mut form, &mut options.echoes, "unchanged");
    form.nothing("additional_modules", NO_MODULES)?;
    if let Some(words) = form.words("with_opts") {
        options.with = words;
    }
    if let Some(words) = form.words("without_opts") {
        options.without = words;
    }
    if let Some(words) = form.words("additional_packages") {
        packages = words;
    }
    if let Some(words) = form.words("additional_repos") {
        options.extra_repositories = words.iter().map(|text| repository_in(text)).collect();
        for entry in &options.extra_repositories {
            if !reference_exists(&app, entry).await? {
                form.problem("repos", format!("{} does not exist.", short(&repository_out(entry))));
            }
        }
    }
    if form.boolean("delete_comps").unwrap_or(false) {
        options.groups = None;
    }
    form.finish()?;
    if let Some(groups) = input.groups.take() {
        options.groups = Some(groups);
    }
    match app.service.set_target(&user, project.id, &target, packages, options).await {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::Denied => {
            return Err(V3Error::denied("Only owners and admins may update their projects."));
        }
        Err(error) => return Err(error.into()),
    }
    let repositories = app.service.repositories(project.id).await?;
    let (target, arch) = find(&project, &repositories, &chroot)?;
    Ok(Json(views::project_chroot(&project, &target, arch)))
}
