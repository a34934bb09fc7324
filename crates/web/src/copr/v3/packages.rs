use axum::Json;
use axum::extract::{Path, Request, State};
use model::{Build, Package, PackageName, PackageSettings, PackageSource, Project};
use serde_json::Value;
use service::{DistGit, ErrorKind, NewSource, ServiceError, User};

use super::build_create::submit;
use super::build_options::Options;
use super::error::{V3Error, short};
use super::form::Form;
use super::input::Input;
use super::package_source::{self, Names};
use super::paging::Paging;
use super::request::{Caller, project as find_project, queried_project, required};
use super::views;
use crate::app::App;
use crate::copr::names::CoprName;
use crate::copr::request::Base;
use crate::query::Query;

/// Most packages of an answer that has a build of each.
const MOST_WITH_BUILDS: u32 = 1000;

/// A package of a project.
pub(super) async fn find(app: &App, project: &Project, name: &str) -> Result<Package, V3Error> {
    let missing = || {
        let project = CoprName::of(&project.name).name;
        V3Error::missing(format!("No package with name {} in copr {project}", short(name)))
    };
    let parsed = PackageName::parse(name).map_err(|_| missing())?;
    match app.service.package(project.id, &parsed).await {
        Err(ServiceError::PackageMissing { .. }) => Err(missing()),
        found => Ok(found?),
    }
}

/// Which builds of each package are wanted.
#[derive(Clone, Copy)]
struct Wanted {
    latest: bool,
    good: bool,
}

impl Wanted {
    fn parse(query: &Query) -> Self {
        let of = |name| query.get(name).is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1");
        Self { latest: of("with_latest_build"), good: of("with_latest_succeeded_build") }
    }
}

async fn shown(app: &App, project: &Project, package: &Package, wanted: Wanted, base: &str) -> Result<Value, V3Error> {
    let (latest, good): (Option<Build>, Option<Build>) = match wanted {
        Wanted { latest: false, good: false } => (None, None),
        Wanted { latest, good } => {
            let (newest, succeeded) = app.service.newest_builds(package).await?;
            (newest.filter(|_| latest), succeeded.filter(|_| good))
        }
    };
    Ok(views::package(project, package, latest.as_ref(), good.as_ref(), base))
}

const NOTHING: Wanted = Wanted { latest: false, good: false };

/// `GET /package`.
pub(super) async fn get(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let project = queried_project(&app, &query).await?;
    let package = find(&app, &project, required(&query, "packagename")?).await?;
    Ok(Json(shown(&app, &project, &package, Wanted::parse(&query), &base).await?))
}

/// `GET /package/list`.
pub(super) async fn list(State(app): State<App>, Base(base): Base, query: Query) -> Result<Json<Value>, V3Error> {
    let project = queried_project(&app, &query).await?;
    let paging = Paging::parse(&query, &["name"])?;
    let wanted = Wanted::parse(&query);
    let many = if wanted.latest || wanted.good { MOST_WITH_BUILDS } else { u32::MAX };
    let packages = app.service.packages(project.id, Some(paging.wanted().min(many)), paging.offset).await?;
    let mut items = Vec::new();
    for package in &packages {
        items.push(shown(&app, &project, package, wanted, &base).await?);
    }
    Ok(Json(paging.answer(items)?))
}

fn package_name(text: &str) -> Result<PackageName, V3Error> {
    PackageName::parse(text).map_err(|error| V3Error::invalid(format!("package_name: {error}")))
}

/// Reads source and settings; fields that are not sent keep their value.
fn changed(
    form: &mut Form,
    source_type: &str,
    name: &str,
    known: PackageSettings,
    dist_gits: &[DistGit],
) -> Result<(PackageSource, PackageSettings), V3Error> {
    form.nothing("chroot_denylist", "name the architectures in the recipe or in the build configuration")?;
    let Some(source) = package_source::parse(form, source_type, name, (Names::OfPackage, dist_gits)) else {
        let types = package_source::TYPES.join(", ");
        return Err(V3Error::invalid(format!(
            "Unsupported package source type {}; known are {types}",
            short(source_type)
        )));
    };
    let number = |number: i64| u32::try_from(number).unwrap_or_default();
    let timeout = form.integer("timeout", 0, 108_000).map(number);
    let settings = PackageSettings {
        auto_rebuild: form.boolean("webhook_rebuild").unwrap_or(known.auto_rebuild),
        max_builds: form.integer("max_builds", 0, 100).map_or(known.max_builds, number),
        timeout_seconds: timeout.map_or(known.timeout_seconds, |seconds| Some(seconds).filter(|seconds| *seconds > 0)),
    };
    Ok((source, settings))
}

/// `POST /package/add/OWNER/PROJECT/NAME/TYPE`.
pub(super) async fn add(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Path((owner, project, name, source_type)): Path<(String, String, String, String)>,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = find_project(&app, &owner, &project).await?;
    let parsed = package_name(&name)?;
    let (source, settings) =
        changed(&mut form, &source_type, &name, PackageSettings::default(), app.service.dist_gits())?;
    form.finish()?;
    match app.service.add_package(&user, project.id, &parsed, source, settings).await {
        Ok(package) => Ok(Json(shown(&app, &project, &package, NOTHING, &base).await?)),
        Err(error) => Err(package_error(&project, &name, error)),
    }
}

fn package_error(project: &Project, name: &str, error: ServiceError) -> V3Error {
    let project = CoprName::of(&project.name);
    match error.kind() {
        ErrorKind::Conflicting if matches!(error, ServiceError::PackageExists { .. }) => {
            V3Error::conflict(format!("Package {name} already exists in copr {project}."))
        }
        ErrorKind::Denied => V3Error::denied(format!("You are not allowed to change packages of {project}.")),
        _ => error.into(),
    }
}

/// `POST /package/edit/OWNER/PROJECT/NAME/TYPE`.
pub(super) async fn edit(
    state: State<App>,
    caller: Caller,
    Path((owner, project, name, source_type)): Path<(String, String, String, String)>,
    base: Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    edited(state.0, caller.user, (owner, project, name), Some(source_type), base.0, request).await
}

/// `POST /package/edit/OWNER/PROJECT/NAME`: the kind of source stays.
pub(super) async fn edit_same_type(
    state: State<App>,
    caller: Caller,
    Path(path): Path<(String, String, String)>,
    base: Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    edited(state.0, caller.user, path, None, base.0, request).await
}

async fn edited(
    app: App,
    user: User,
    (owner, project, name): (String, String, String),
    source_type: Option<String>,
    base: String,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = find_project(&app, &owner, &project).await?;
    let package = find(&app, &project, &name).await?;
    let (known_type, known) = package_source::shown(package.source.as_ref());
    // The Python client sends the word None when it was not told a type.
    let source_type = source_type.filter(|word| word != "None").unwrap_or_else(|| known_type.to_owned());
    if source_type == known_type {
        form.keep(&known, &[("type", "scm_type")], if known_type == "custom" { "script_" } else { "" });
    }
    let (source, settings) = match source_type.as_str() {
        // Nothing but settings can be changed in a package without a source.
        "unset" => (None, package.settings.clone()),
        _ => {
            let (source, settings) =
                changed(&mut form, &source_type, &name, package.settings.clone(), app.service.dist_gits())?;
            (Some(source), settings)
        }
    };
    form.finish()?;
    match app.service.update_package(&user, project.id, &package.name, source, settings).await {
        Ok(package) => Ok(Json(shown(&app, &project, &package, NOTHING, &base).await?)),
        Err(error) => Err(package_error(&project, &name, error)),
    }
}

/// Project and package that a body names.
async fn named(app: &App, form: &mut Form) -> Result<(Project, Package), V3Error> {
    let (owner, project) = (form.text("ownername"), form.text("projectname"));
    let name = form.text("package_name");
    let missing = |name: &str| V3Error::invalid(format!("Missing argument {name}"));
    let owner = owner.ok_or_else(|| missing("ownername"))?;
    let project = find_project(app, &owner, &project.ok_or_else(|| missing("projectname"))?).await?;
    let package = find(app, &project, &name.ok_or_else(|| missing("package_name"))?).await?;
    Ok((project, package))
}

/// `PUT /package/reset`: the package is what builds have made known.
pub(super) async fn reset(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let (project, package) = named(&app, &mut form).await?;
    form.finish()?;
    match app.service.update_package(&user, project.id, &package.name, None, package.settings.clone()).await {
        Ok(package) => Ok(Json(shown(&app, &project, &package, NOTHING, &base).await?)),
        Err(error) => Err(package_error(&project, package.name.as_str(), error)),
    }
}

/// `POST /package/build`: a build of the source a package is said to have.
pub(super) async fn build(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let (project, package) = named(&app, &mut form).await?;
    if !app.service.may_build(&user, project.id).await? {
        let name = CoprName::of(&project.name);
        return Err(V3Error::denied(format!("User {} is not allowed to build in the copr: {name}", user.name)));
    }
    let options = Options::parse(&app, &project, &mut form).await?;
    form.finish_build()?;
    let Some(source) = package.source else {
        return Err(V3Error::invalid(format!(
            "Package 'Unset default source for package {}' doesn't have the default source method set, but it is \
             required for the rebuild request.  Please configure some source  method first",
            package.name
        )));
    };
    let options = options.or_timeout(&app, &package.settings);
    let source = NewSource::Job(Some(package.name), source);
    Ok(Json(submit(&app, &user, &project, &options, source, &base).await?))
}

/// `DELETE /package/delete`; answers what it was. Its builds go too.
pub(super) async fn delete(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let (project, package) = named(&app, &mut form).await?;
    form.finish()?;
    match app.service.delete_package(&user, project.id, &package.name).await {
        Ok(package) => Ok(Json(shown(&app, &project, &package, NOTHING, &base).await?)),
        Err(ServiceError::NotFinished { build }) => {
            Err(V3Error::conflict(format!("Build {build} of package {} is not finished", package.name)))
        }
        Err(error) => Err(package_error(&project, package.name.as_str(), error)),
    }
}
