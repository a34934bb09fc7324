//! `/worker`: what the machine that builds has, and whether that is enough for a package.

use axum::body::Body;
use axum::http::Method;
use service::{ErrorKind, RevisionWish, ServiceError, TreeWish, WorkerTraits};

use super::call::{Answer, Call, document, package_name, read_bytes, target_name};
use super::error::ObsError;
use super::instance;
use super::xml::Node;

/// Workers live in the server; there is one.
const NAME: &str = "local";

/// Answers a request below `/worker`.
pub(super) async fn handle(call: &Call, method: &Method, path: &[&str], body: Body) -> Answer {
    match (method.as_str(), path) {
        ("GET", ["_status"]) => instance::workers(call).await,
        ("GET", [id]) => show(call, id),
        ("POST", []) if call.query.get("cmd") == Some("checkconstraints") => check(call, body).await,
        _ => Err(ObsError::not_yet("this request to workers")),
    }
}

fn id(arch: &str) -> String {
    format!("{arch}:{NAME}")
}

fn show(call: &Call, wanted: &str) -> Answer {
    let missing = || ObsError::missing(format!("unknown worker '{wanted}'"));
    let worker = call.app.service.worker().ok_or_else(missing)?;
    if wanted != id(&worker.host_arch) && wanted != NAME {
        return Err(missing());
    }
    Ok(document(&describe(worker)))
}

fn describe(worker: &WorkerTraits) -> Node {
    let number = |name, value: u64| Node::leaf(name, value.to_string());
    let flags = worker.cpu_flags.iter().map(|flag| Node::leaf("flag", flag.as_str()));
    let hardware = Node::new("hardware")
        .child(Node::new("cpu").children(flags))
        .child(number("processors", worker.processors))
        .child(number("jobs", worker.jobs))
        .child(Node::new("nativeonly"))
        .child(number("memory", worker.memory))
        .child(number("swap", worker.swap))
        .child(number("disk", worker.disk));
    let linux = Node::new("linux")
        .child(Node::leaf("version", worker.linux_version.as_str()))
        .child(Node::leaf("flavor", worker.linux_flavor.as_str()));
    Node::new("worker")
        .with("hostarch", &worker.host_arch)
        .with("workerid", NAME)
        .children(worker.arches.iter().map(|arch| Node::leaf("buildarch", arch.as_str())))
        .children(worker.labels.iter().map(|label| Node::leaf("hostlabel", label.as_str())))
        .child(Node::leaf("sandbox", worker.sandbox.as_str()))
        .child(linux)
        .child(hardware)
}

/// The workers that can build a package, with the constraints that are sent along or its own.
async fn check(call: &Call, body: Body) -> Answer {
    let given = |name: &'static str| call.query.get(name).ok_or_else(|| ObsError::parameter(name));
    let project = call.project(given("project")?).await?;
    let package = package_name(given("package")?)?;
    let target = target_name(given("repository")?, given("arch")?)?;
    let sent = read_bytes(body).await?;
    let text = if sent.iter().any(|byte| !byte.is_ascii_whitespace()) {
        sent
    } else {
        own(call, project.id, &package).await?
    };
    let misfits = call.app.service.misfits(project.id, &package, &target, &text).await?;
    let fits = match (misfits.is_empty(), call.app.service.worker()) {
        (true, Some(worker)) if worker.arches.contains(&target.arch.to_string()) => Some(id(&worker.host_arch)),
        _ => None,
    };
    Ok(document(&Node::new("directory").children(fits.map(|id| Node::new("entry").with("name", id)))))
}

/// The constraints among a package's files; none are an empty text.
async fn own(call: &Call, project: model::ProjectId, package: &model::PackageName) -> Result<Vec<u8>, ObsError> {
    let wish = TreeWish { revision: RevisionWish::Newest, ..TreeWish::EXPANDED };
    let files = call.app.service.listing(project, package, &wish).await?.files;
    let Some(file) = files.into_iter().find(|file| file.name.as_str() == "_constraints") else { return Ok(Vec::new()) };
    let path = call.app.service.blob_path(&file.sha256);
    let read = tokio::fs::read(path).await;
    read.map_err(|error| {
        let error = ServiceError::Io(error);
        debug_assert_eq!(error.kind(), ErrorKind::Broken);
        error.into()
    })
}
