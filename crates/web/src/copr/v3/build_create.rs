use axum::Json;
use axum::extract::{Request, State};
use model::{PackageName, Project};
use serde_json::{Value, json};
use service::{ErrorKind, NewBuild, NewSource, ServiceError, User};

use super::build_options::Options;
use super::error::{V3Error, short};
use super::form::{Form, is_web_address};
use super::input::Input;
use super::package_source;
use super::request::{Caller, project as find};
use super::views;
use crate::app::App;
use crate::copr::names::CoprName;
use crate::copr::request::Base;
use crate::upload::recipe_first;

/// Most builds of one request.
const MOST_BUILDS: usize = 100;

/// What a recipe's name ends with.
const ENDINGS: [&str; 4] = [".src.rpm", ".nosrc.rpm", ".spec", ".dsc"];

/// The project a body names, and the user may build in.
async fn project(app: &App, user: &User, form: &mut Form) -> Result<Project, V3Error> {
    let (owner, name) = (form.text("ownername"), form.text("projectname"));
    let missing = |name: &str| V3Error::invalid(format!("Missing argument {name}"));
    let owner = owner.ok_or_else(|| missing("ownername"))?;
    let name = name.ok_or_else(|| missing("projectname"))?;
    let project = find(app, &owner, &name).await?;
    if !app.service.may_build(user, project.id).await? {
        return Err(not_allowed(user, &project));
    }
    Ok(project)
}

fn not_allowed(user: &User, project: &Project) -> V3Error {
    let name = CoprName::of(&project.name);
    V3Error::denied(format!("User {} is not allowed to build in the copr: {name}", user.name))
}

/// `POST /build/check-before-build`.
pub(super) async fn check(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = project(&app, &user, &mut form).await?;
    let options = Options::parse(&app, &project, &mut form).await?;
    form.finish_build()?;
    let checked = app.service.check_build(&project, options.targets.as_deref()).await;
    checked.map_err(|error| submit_error(&user, &project, error))?;
    Ok(Json(json!({"message": "It should be safe to submit a build like this"})))
}

/// `POST /build/create/url`: a build for each address.
pub(super) async fn from_urls(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = project(&app, &user, &mut form).await?;
    let options = Options::parse(&app, &project, &mut form).await?;
    let urls = form.list("pkgs").unwrap_or_default();
    let urls: Vec<String> = urls.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    if urls.is_empty() {
        form.problem("pkgs", "This field is required.");
    } else if urls.len() > MOST_BUILDS {
        form.problem("pkgs", format!("More than {MOST_BUILDS} addresses."));
    }
    for url in &urls {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        if !is_web_address(url) || !ENDINGS.iter().any(|ending| path.ends_with(ending)) {
            form.problem("pkgs", format!("Bad URL for build source: {}", short(url)));
        }
    }
    form.finish_build()?;
    let mut shown = Vec::new();
    for url in urls {
        shown.push(submit(&app, &user, &project, &options, NewSource::Url(url), &base).await?);
    }
    let meta = json!({"limit": null, "offset": null, "order": null, "order_type": null});
    Ok(Json(json!({"items": shown, "meta": meta})))
}

/// `POST /build/create/upload`: one build of all files in the form.
pub(super) async fn from_files(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut input = Input::read(&app, &user, request).await?;
    let mut form = input.form();
    let project = project(&app, &user, &mut form).await?;
    let options = Options::parse(&app, &project, &mut form).await?;
    let files = recipe_first(std::mem::take(&mut input.uploads));
    match files.first() {
        None => form.problem("pkgs", "This field is required."),
        Some(recipe) if !ENDINGS.iter().any(|ending| recipe.name.as_str().ends_with(ending)) => {
            form.problem("pkgs", format!("You can upload only files with these endings: {}", ENDINGS.join(" ")));
        }
        Some(_) => {}
    }
    form.finish_build()?;
    Ok(Json(submit(&app, &user, &project, &options, NewSource::Files(files), &base).await?))
}

/// Submits a build and shows it.
pub(super) async fn submit(
    app: &App,
    user: &User,
    project: &Project,
    options: &Options,
    source: NewSource,
    base: &str,
) -> Result<Value, V3Error> {
    let new = NewBuild {
        project: project.id,
        source,
        targets: options.targets.clone(),
        network: options.network,
        limits: options.limits,
        queue: options.queue,
    };
    let id = app.service.submit(user, new).await.map_err(|error| submit_error(user, project, error))?;
    Ok(views::build(&app.service.build(id).await?, base))
}

fn submit_error(user: &User, project: &Project, error: ServiceError) -> V3Error {
    match error {
        ServiceError::NoTarget { .. } => {
            V3Error::invalid("Cannot create new build due to: There are no active chroots in the project")
        }
        ServiceError::BuildMissing { build } => V3Error::invalid(format!("Build {build} not found")),
        ServiceError::BatchFinished { .. } => V3Error::invalid(V3Error::from(error).message()),
        error if error.kind() == ErrorKind::Denied => not_allowed(user, project),
        error => error.into(),
    }
}

/// `POST /build/create/{scm,distgit,pypi,rubygems,custom}`: a build of what a job makes.
async fn convert(
    app: App,
    user: User,
    base: String,
    request: Request,
    source_type: &'static str,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = project(&app, &user, &mut form).await?;
    let options = Options::parse(&app, &project, &mut form).await?;
    let name = form.text("package_name").unwrap_or_default();
    let how = (package_source::Names::OfBuild, app.service.dist_gits());
    let source = package_source::parse(&mut form, source_type, &name, how);
    let package = match name.as_str() {
        "" => None,
        name => PackageName::parse(name).map_err(|error| form.problem("package_name", error.to_string())).ok(),
    };
    form.finish_build()?;
    let source = source.ok_or_else(|| V3Error::invalid(format!("Unsupported source type {source_type}")))?;
    Ok(Json(submit(&app, &user, &project, &options, NewSource::Job(package, source), &base).await?))
}

/// `POST /build/create/scm`.
pub(super) async fn scm(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    convert(app, user, base, request, "scm").await
}

/// `POST /build/create/distgit`.
pub(super) async fn distgit(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    convert(app, user, base, request, "distgit").await
}

/// `POST /build/create/pypi`.
pub(super) async fn pypi(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    convert(app, user, base, request, "pypi").await
}

/// `POST /build/create/rubygems`.
pub(super) async fn rubygems(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    convert(app, user, base, request, "rubygems").await
}

/// `POST /build/create/custom`.
pub(super) async fn custom(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Base(base): Base,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    convert(app, user, base, request, "custom").await
}

/// `POST /build/create/rpm-upload`: refused, for what is published here was built here.
pub(super) async fn rpm_upload(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    request: Request,
) -> Result<Json<Value>, V3Error> {
    let mut form = Input::read(&app, &user, request).await?.form();
    let project = project(&app, &user, &mut form).await?;
    Options::parse(&app, &project, &mut form).await?;
    form.finish_build()?;
    Err(V3Error::unsupported(
        "publishing a package that was built elsewhere",
        "make a source package and submit its address or upload it",
    ))
}
