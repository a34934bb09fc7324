//! `POST /source/P/K?cmd=`: the commit protocol, branches, copies, differences.

use std::time::Duration;

use axum::body::Body;
use model::{PackageName, Project};
use pkg::{Md5, Sha256};
use service::{
    BranchWish, Commit, CommitHow, CopyWish, RevisionWish, ServiceError, ServiceState, TreeWish, WantedFile,
};

use super::call::{Answer, Call, document, file_name, ok, package_name, project_name, read_xml};
use super::error::ObsError;
use super::source_diff;
use super::sources::{directory_of, link_revision, refuse_special, revision_node, revision_wish, wait_for_services};
use super::xml::{Element, Node};

/// What a command does; `cmd=` decides.
pub(super) async fn run(call: &Call, project: &Project, package: &str, body: Body) -> Answer {
    match call.query.get("cmd") {
        // Services of a whole project: there are none.
        Some("getprojectservices") => Ok(document(&Node::new("services"))),
        Some("commitfilelist") => commit(call, project, package, body).await,
        Some("diff") => source_diff::diff(call, project, &package_name(package)?).await,
        Some("linkdiff") => source_diff::link_diff(call, project, &package_name(package)?).await,
        Some("branch") => branch(call, project, package).await,
        Some("copy") => copy(call, project, package).await,
        Some("linktobranch") => link_to_branch(call, project, package).await,
        Some("showlinked") => show_linked(call, project, package).await,
        Some("runservice") => {
            call.app.service.run_services(&call.user, project.id, &package_name(package)?).await?;
            Ok(ok())
        }
        Some("waitservice") => wait_service(call, project, package).await,
        Some("mergeservice") => {
            let package = package_name(package)?;
            let merged = call.app.service.merge_services(&call.user, project.id, &package, call.comment()).await?;
            Ok(document(&revision_node(&merged)))
        }
        Some("undelete") => {
            let package = package_name(package)?;
            let restored = call.app.service.undelete_package(&call.user, project.id, &package, call.comment()).await?;
            Ok(document(&revision_node(&restored)))
        }
        // Nothing is collected on this side before it is committed.
        Some("deleteuploadrev") => {
            call.app.service.package(project.id, &package_name(package)?).await?;
            Ok(ok())
        }
        Some(command) if super::flags::COMMANDS.contains(&command) => {
            super::flags::run(call, project, Some(&package_name(package)?), command).await
        }
        Some(other) => {
            Err(ObsError::not_yet(format_args!("cmd={} of a package", other.chars().take(40).collect::<String>())))
        }
        None => Err(ObsError::parameter("cmd")),
    }
}

/// Refuses switches that change what a command does and that are not known here.
fn refuse(call: &Call, switches: &[&str]) -> Result<(), ObsError> {
    for name in switches {
        if call.query.get(name).is_some_and(|value| !matches!(value, "" | "0")) {
            return Err(ObsError::not_yet(format_args!("the parameter {name}")));
        }
    }
    Ok(())
}

/// Commits a list of files, or names those that were never sent.
///
/// A file counts as sent if the package ever had it under that name; possession of its bytes need not be proved again.
async fn commit(call: &Call, project: &Project, package: &str, body: Body) -> Answer {
    let package = package_name(package)?;
    let root = read_xml(body).await?;
    let wanted: Vec<WantedFile> = root.children.iter().map(entry).collect::<Result<_, _>>()?;
    let service = &call.app.service;
    let how = CommitHow {
        comment: call.comment().to_owned(),
        keep_link: call.flag("keeplink")?,
        repair_link: call.flag("repairlink")?,
        link_revision: link_revision(call, "linkrev")?,
    };
    match service.commit_files(&call.user, project.id, &package, &wanted, &how).await? {
        Commit::Done(revision) => {
            let wish = TreeWish { revision: RevisionWish::Number(revision.number), ..TreeWish::NEWEST };
            let found = service.listing(project.id, &package, &wish).await?;
            Ok(document(&directory_of(&package, &found, false)))
        }
        Commit::Missing(missing) => Ok(document(&missing_files(&package, &missing))),
    }
}

fn missing_files(package: &PackageName, missing: &[WantedFile]) -> Node {
    let entries = missing.iter().map(|file| Node::new("entry").with("name", &file.name).with("md5", file.md5));
    Node::new("directory").with("name", package).with("error", "missing").children(entries)
}

fn entry(element: &Element) -> Result<WantedFile, ObsError> {
    let needed = |name: &str| {
        let missing = || ObsError::invalid(format!("<{}> without {name} in the file list", element.name));
        element.attribute(name).ok_or_else(missing)
    };
    let name = file_name(needed("name")?)?;
    refuse_special(&name)?;
    let md5 = Md5::parse(needed("md5")?).map_err(|error| ObsError::invalid(error.to_string()))?;
    let sha256 = element.attribute("hash").and_then(|hash| hash.strip_prefix("sha256:")).map(Sha256::parse).transpose();
    Ok(WantedFile { name, md5, sha256: sha256.map_err(|error| ObsError::invalid(error.to_string()))? })
}

/// Branches a package, by default to the caller's own project for branches of its project.
///
/// The package itself need not be there with `missingok=1`, its project must.
async fn branch(call: &Call, project: &Project, package: &str) -> Answer {
    refuse(
        call,
        &[
            "maintenance",
            "noaccess",
            "newinstance",
            "extend_package_names",
            "add_repositories_block",
            "add_repositories_rebuild",
            "dryrun",
            "linkrev",
        ],
    )?;
    let package = package_name(package)?;
    let given = |name: &str| call.query.get(name).filter(|text| !text.is_empty());
    let into_project = match given("target_project") {
        Some(name) => project_name(name)?,
        None => project_name(&format!("home:{}:branches:{}", call.user.name, project.name))?,
    };
    let into_package = given("target_package").map_or(Ok(package.clone()), package_name)?;
    let revision = given("rev").filter(|text| *text != "latest").map(str::to_owned);
    let wish = BranchWish {
        project: project.name.clone(),
        package: package.clone(),
        revision,
        into_project,
        into_package,
        comment: call.comment().to_owned(),
        force: call.flag("force")?,
        missing_ok: call.flag("missingok")?,
        add_repositories: call.flag("add_repositories")?,
    };
    let made = call.app.service.branch(&call.user, wish).await?;
    let data = |name: &str, value: &str| Node::leaf("data", value).with("name", name);
    let status = Node::new("status").with("code", "ok").child(Node::leaf("summary", "Ok"));
    Ok(document(
        &status
            .child(data("targetproject", made.project.as_str()))
            .child(data("targetpackage", made.package.as_str()))
            .child(data("sourceproject", project.name.as_str()))
            .child(data("sourcepackage", package.as_str())),
    ))
}

async fn copy(call: &Call, project: &Project, package: &str) -> Answer {
    refuse(
        call,
        &["makeoriginolder", "withvrev", "vrevbump", "instantiate", "freezelink", "dontupdatesource", "withacceptinfo"],
    )?;
    let package = package_name(package)?;
    let from_project = match call.query.get("oproject") {
        Some(name) => call.project(name).await?,
        None => project.clone(),
    };
    let from_package = call.query.get("opackage").map_or(Ok(package.clone()), package_name)?;
    let revision = call.query.get("orev").filter(|text| !text.is_empty());
    let expand = call.flag("expand")?;
    if from_project.id == project.id && from_package == package && revision.is_none() && !expand {
        return Err(ObsError::invalid("need a revision to copy"));
    }
    let link_revision = link_revision(call, "olinkrev")?;
    let tree = TreeWish { revision: revision_wish(revision)?, expand, link_revision, bare: false };
    let wish = CopyWish {
        project: from_project.id,
        package: from_package,
        tree,
        keep_link: call.flag("keeplink")?,
        comment: call.comment().to_owned(),
    };
    let revision = call.app.service.copy_package(&call.user, wish, (project.id, &package)).await?;
    Ok(document(&revision_node(&revision)))
}

async fn link_to_branch(call: &Call, project: &Project, package: &str) -> Answer {
    refuse(call, &["rev", "linkrev"])?;
    let package = package_name(package)?;
    let revision = call.app.service.link_to_branch(&call.user, project.id, &package, call.comment()).await?;
    Ok(document(&revision_node(&revision)))
}

/// Answers when services have ended; an error if they failed.
async fn wait_service(call: &Call, project: &Project, package: &str) -> Answer {
    const LONGEST: Duration = Duration::from_secs(600);
    let package = package_name(package)?;
    let found = wait_for_services(call, project, &package, (&TreeWish::NEWEST, LONGEST)).await?;
    match found.service.map(|service| service.state) {
        None => Err(ObsError::missing(format!("{package} has no services that the server runs"))),
        Some(ServiceState::Failed(why)) => Err(ObsError::invalid(why)),
        Some(ServiceState::Running) => Err(ObsError::invalid("the services are still running")),
        Some(ServiceState::Succeeded) => Ok(ok()),
    }
}

/// The packages that link to one.
async fn show_linked(call: &Call, project: &Project, package: &str) -> Answer {
    let package = package_name(package)?;
    call.app.service.package(project.id, &package).await?;
    let mut nodes = Vec::new();
    for (id, name) in call.app.service.linked_by(&project.name, &package).await? {
        match call.app.service.project(id).await {
            Ok(project) => nodes.push(Node::new("package").with("project", &project.name).with("name", &name)),
            Err(ServiceError::ProjectMissing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(document(&Node::new("collection").children(nodes)))
}
