//! From a request to its handler.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use model::{About, ProjectName};
use service::{Change, TargetName};

use super::call::{Answer, Call, directory, document, ok, package_name, project_name, read_xml};
use super::error::ObsError;
use super::{
    attributes, binaries, blame, buildinfo, commands, config, depinfo, flags, history, instance, keys, log, meta,
    packages,
};
use super::{people, published, repository, results, search, source_commands, sources, workers};
use crate::app::App;
use crate::body::BodyReader;
use crate::query::Query;
use crate::{address, auth};

/// Answers every request of the dialect.
pub(super) async fn handle(State(app): State<App>, request: Request) -> Response {
    let mut cookie = None;
    let mut response = answer(app, request, &mut cookie).await.unwrap_or_else(|error| error.into_response());
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The answer; `cookie` becomes what the client is to come back with.
async fn answer(app: App, request: Request, cookie: &mut Option<HeaderValue>) -> Answer {
    let (parts, body) = request.into_parts();
    let segments = parts.uri.path().split('/').filter(|segment| !segment.is_empty()).map(address::decode);
    let segments: Option<Vec<String>> = segments.collect();
    let segments = segments.ok_or_else(|| ObsError::invalid("path is not utf-8"))?;
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    if path == ["about"] {
        return Ok(instance::about());
    }
    let Some((user, session)) = auth::client_of(&parts, &app).await? else {
        // The client sends the whole body before it reads that it should have said who it is.
        drain(body, app.options.upload_bytes).await;
        return Err(ObsError::unauthorized());
    };
    *cookie = session;
    let query = Query::parse(parts.uri.query());
    let call = Call { app, user, query, headers: parts.headers };
    let method = if parts.method == Method::HEAD { Method::GET } else { parts.method };
    match path.split_first() {
        Some((&"source", rest)) => source(&call, &method, rest, body).await,
        Some((&"build", rest)) => build(&call, &method, rest, body).await,
        Some((&"worker", rest)) => workers::handle(&call, &method, rest, body).await,
        Some((&"search", rest)) if method == Method::GET || method == Method::POST => search::show(&call, rest).await,
        Some((&"person" | &"group", _)) => people(&call, &method, &path, body).await,
        _ if method == Method::GET => other(&call, &path).await,
        _ => Err(unknown(&method, &path)),
    }
}

/// Reads a body to its end and forgets it.
async fn drain(body: Body, limit_bytes: u64) {
    let mut reader = BodyReader::new(body, limit_bytes);
    while let Ok(Some(_)) = reader.next().await {}
}

fn unknown(method: &Method, path: &[&str]) -> ObsError {
    let path: String = path.join("/").chars().take(200).collect();
    ObsError::new(axum::http::StatusCode::BAD_REQUEST, "not_supported", format!("unknown request: {method}:/{path}"))
}

async fn other(call: &Call, path: &[&str]) -> Answer {
    match path {
        ["configuration"] => instance::configuration(call).await,
        ["distributions"] => instance::distributions(call).await,
        ["architectures"] => instance::architectures(call).await,
        ["attribute", rest @ ..] => attributes::kinds(rest),
        ["published"] => instance::projects(call).await,
        ["published", project, rest @ ..] => published::show(call, &call.project(project).await?, rest).await,
        ["request"] => instance::requests(call),
        _ => Err(unknown(&Method::GET, path)),
    }
}

async fn people(call: &Call, method: &Method, path: &[&str], body: Body) -> Answer {
    match (method.as_str(), path) {
        ("GET", ["person"]) => people::list(call).await,
        ("GET", ["person", name]) => instance::person(call, name).await,
        ("PUT", ["person", name]) => people::put_person(call, name, body).await,
        ("GET", ["group"]) => people::groups(call).await,
        ("GET", ["group", name]) => people::group(call, name).await,
        ("PUT", ["group", name]) => people::put_group(call, name, body).await,
        ("POST", ["group", name]) => people::command(call, name).await,
        ("DELETE", ["group", name]) => people::delete_group(call, name).await,
        _ => Err(unknown(method, path)),
    }
}

/// What is kept with a project or a package under names.
async fn attribute(
    call: &Call,
    method: &Method,
    (project, package): (&model::Project, Option<&str>),
    name: Option<&str>,
    body: Body,
) -> Answer {
    let package = package.map(package_name).transpose()?;
    let package = package.as_ref();
    match (method.as_str(), name) {
        ("GET", name) => attributes::show(call, project, package, name).await,
        ("PUT" | "POST", name) => attributes::store(call, project, package, name, body).await,
        ("DELETE", Some(name)) => attributes::delete(call, project, package, name).await,
        _ => Err(ObsError::invalid(format!("{method} of _attribute"))),
    }
}

async fn source(call: &Call, method: &Method, path: &[&str], body: Body) -> Answer {
    let [name, rest @ ..] = path else { return instance::projects(call).await };
    if let (["_meta"], method) = (rest, method.as_str()) {
        return match method {
            "GET" => project_meta(call, name).await,
            "PUT" => put_project_meta(call, name, body).await,
            _ => Err(ObsError::invalid(format!("{method} of a _meta"))),
        };
    }
    if method == Method::POST && rest.is_empty() && call.query.get("cmd") == Some("undelete") {
        call.app.service.undelete_project(&call.user, &project_name(name)?).await?;
        return Ok(ok());
    }
    let project = call.project(name).await?;
    match (method.as_str(), rest) {
        ("GET", []) => sources::packages(call, &project).await,
        ("DELETE", []) => sources::delete_project(call, &project).await,
        ("GET", ["_config"] | ["_project", "_config"]) => config::show(call, &project).await,
        ("PUT", ["_config"] | ["_project", "_config"]) => config::store(call, &project, body).await,
        ("GET", ["_history"] | ["_project", "_history"]) => config::revisions(call, &project).await,
        ("GET", ["_project"]) => config::listing(call, &project).await,
        ("GET", ["_project", "_meta"]) => project_meta(call, name).await,
        ("POST", ["_project"]) => source_commands::run(call, &project, "_project", body).await,
        ("GET", ["_pubkey"] | ["_project", "_pubkey"]) => keys::armoured(call, &project).await,
        ("GET", ["_keyinfo"]) => keys::described(call, &project).await,
        ("GET", ["_project", "_sslcert"]) => Err(ObsError::missing("_sslcert: no such file")),
        (_, ["_attribute"] | ["_project", "_attribute"]) => attribute(call, method, (&project, None), None, body).await,
        (_, ["_attribute", name]) => attribute(call, method, (&project, None), Some(name), body).await,
        (_, [package, "_attribute"]) => attribute(call, method, (&project, Some(package)), None, body).await,
        (_, [package, "_attribute", name]) => {
            attribute(call, method, (&project, Some(package)), Some(name), body).await
        }
        ("POST", []) => flags::of_project(call, &project).await,
        ("GET", [package]) => sources::listing(call, &project, package).await,
        ("POST", [package]) => source_commands::run(call, &project, package, body).await,
        ("DELETE", [package]) => sources::delete_package(call, &project, package).await,
        ("GET", [package, "_meta"]) => {
            let package = package_name(package)?;
            if wants_blame(call)? {
                return blame::of_package(call, &project, &package).await;
            }
            if let Some(revision) = revision_of_meta(call) {
                return history::package_meta(call, &project, &package, revision).await;
            }
            let about: About = call.app.service.about_package(project.id, &package).await?;
            Ok(document(&meta::package(&project.name, &package, &about)))
        }
        ("PUT", [package, "_meta"]) => {
            let package = package_name(package)?;
            if package.as_str().contains(':') {
                return Err(ObsError::invalid(format!("'{package}' is a flavor's name; only _multibuild makes those")));
            }
            let about = meta::read_package(&read_xml(body).await?, &project.name, &package)?;
            call.app.service.put_about_package(&call.user, project.id, &package, (&about, call.comment())).await?;
            Ok(ok())
        }
        ("GET", [package, "_history"]) => sources::history(call, &project, package).await,
        ("GET", [package, file]) => sources::file(call, &project, package, file).await,
        ("PUT", [package, file]) => sources::put_file(call, &project, package, file, body).await,
        ("DELETE", [package, file]) => sources::delete_file(call, &project, package, file).await,
        _ => Err(unknown(method, path)),
    }
}

async fn project_meta(call: &Call, name: &str) -> Answer {
    let name: ProjectName = project_name(name)?;
    if wants_blame(call)? {
        return blame::of_project(call, &call.project(name.as_str()).await?).await;
    }
    if let Some(revision) = revision_of_meta(call) {
        return history::project_meta(call, &call.project(name.as_str()).await?, revision).await;
    }
    Ok(document(&meta::project(&call.app.service.project_view(&name).await?)))
}

/// Which revision of a `_meta` is asked for; none for the newest.
fn revision_of_meta(call: &Call) -> Option<&str> {
    call.query.get("rev").filter(|revision| !revision.is_empty() && *revision != "latest")
}

/// Whether a `_meta` is to be shown with the revision behind each line.
fn wants_blame(call: &Call) -> Result<bool, ObsError> {
    match call.query.get("view") {
        None => Ok(false),
        Some("blame") => Ok(true),
        Some(_) => Err(ObsError::not_yet("this view of a _meta")),
    }
}

async fn put_project_meta(call: &Call, name: &str, body: Body) -> Answer {
    let name: ProjectName = project_name(name)?;
    if call.flag("remove_linking_repositories")? {
        return Err(ObsError::not_yet("remove_linking_repositories=1; force=1 leaves their paths as they are"));
    }
    let force = call.flag("force")?;
    let wanted = meta::read_project(&read_xml(body).await?, &name)?;
    call.app.service.put_project(&call.user, &name, wanted, Change { force, comment: call.comment() }).await?;
    Ok(ok())
}

async fn build(call: &Call, method: &Method, path: &[&str], body: Body) -> Answer {
    let [name, rest @ ..] = path else { return instance::projects(call).await };
    let project = call.project(name).await?;
    match (method.as_str(), rest) {
        ("GET", []) => {
            Ok(directory(call.app.service.repositories(project.id).await?.iter().map(|one| one.name.clone())))
        }
        ("POST", []) => commands::run(call, &project).await,
        ("GET", ["_result"]) => results::show(call, &project).await,
        ("GET", [repository]) => {
            let repositories = call.app.service.repositories(project.id).await?;
            let found = repositories.iter().find(|one| one.name.as_str() == *repository);
            let missing = || ObsError::missing(format!("project '{name}' has no repository '{repository}'"));
            Ok(directory(found.ok_or_else(missing)?.arches.iter().map(|arch| arch.arch.clone())))
        }
        ("GET", [repository, "_buildconfig"]) => packages::build_config(call, &project, repository).await,
        (_, [repository, arch, rest @ ..]) => {
            let target = packages::target(call, &project, repository, arch).await?;
            in_target(call, method, (&project, &target), rest, body).await
        }
        _ => Err(unknown(method, path)),
    }
}

async fn in_target(
    call: &Call,
    method: &Method,
    (project, target): (&model::Project, &TargetName),
    path: &[&str],
    body: Body,
) -> Answer {
    match (method.as_str(), path) {
        ("GET", []) => Ok(directory(call.app.service.packages_with_tasks(project.id, target).await?)),
        ("GET", ["_builddepinfo"]) => depinfo::show(call, project, target).await,
        ("GET", ["_jobhistory"]) => packages::job_history(call, project, target).await,
        ("GET", ["_repository"]) => repository::show(call, project, target).await,
        ("GET", ["_repository", "_buildconfig"]) => {
            packages::build_config(call, project, target.repository.as_str()).await
        }
        ("GET", ["_repository", name]) if *name != "_buildinfo" => repository::file(call, project, target, name).await,
        ("GET", [package]) => binaries::list(call, project, target, package).await,
        ("GET", [package, "_log"]) => log::show(call, project, target, package).await,
        ("GET", [package, "_status"]) => packages::status(call, project, target, package).await,
        ("GET", [package, "_reason"]) => packages::reason(call, project, target, package).await,
        ("GET", [package, "_history"]) => packages::history(call, project, target, package).await,
        ("GET", [package, "_buildinfo"]) => buildinfo::stored(call, project, target, package).await,
        ("POST", [package, "_buildinfo"]) => buildinfo::sent(call, project, target, package, body).await,
        // What the client fetches besides, and is content to miss.
        ("GET", [_, "rpmlint.log" | "_statistics"]) => Err(ObsError::missing("no such file")),
        ("GET", [package, file]) => binaries::file(call, project, target, package, file).await,
        _ => Err(unknown(method, path)),
    }
}
