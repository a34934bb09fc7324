//! The files of packages: listings, single files, history.

use std::time::Duration;

use axum::body::Body;
use model::{FileName, PackageName, Project};
use pkg::Md5;
use service::{BuildFilter, LinkView, Listing, Revision, RevisionFile, RevisionWish};
use service::{ServiceError, ServiceState, ServiceView, TreeWish};

use super::call::{Answer, Call, directory, document, file_name, ok, package_name};
use super::error::ObsError;
use super::xml::Node;
use crate::files::{Document, serve_document};

/// Name of the tree without files.
const EMPTY_TREE: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Special files that the server knows.
const KNOWN_SPECIAL: [&str; 5] = ["_link", "_multibuild", "_constraints", "_aggregate", "_service"];

/// `GET /source/P`: its packages.
pub(super) async fn packages(call: &Call, project: &Project) -> Answer {
    match call.query.get("view") {
        Some("info") => return infos(call, project).await,
        Some(view) => return Err(ObsError::not_yet(format_args!("the view {view:?} of a project"))),
        None => {}
    }
    if call.flag("deleted")? {
        return Ok(directory(call.app.service.deleted_packages(project.id).await?));
    }
    // With this parameter the client means all that is built, flavors as well.
    let flavors = call.query.get("deleted").is_some();
    let packages = call.app.service.packages(project.id, None, 0).await?;
    let shown = packages.into_iter().filter(|package| flavors || package.main.is_none());
    let mut names: Vec<PackageName> = shown.map(|package| package.name).collect();
    names.sort();
    Ok(directory(names))
}

/// `GET /source/P?view=info`. The client asserts that the root has no attributes.
async fn infos(call: &Call, project: &Project) -> Answer {
    let named: Vec<&str> = call.query.all("package").collect();
    let mut list = Node::new("sourceinfolist");
    for package in call.app.service.packages(project.id, None, 0).await? {
        let is_named = if named.is_empty() { package.main.is_none() } else { named.contains(&package.name.as_str()) };
        if is_named {
            list = list.child(info(call, project, &package.name, &TreeWish::NEWEST).await?);
        }
    }
    Ok(document(&list))
}

/// What a package's sources are, without their names.
async fn info(call: &Call, project: &Project, package: &PackageName, wish: &TreeWish) -> Result<Node, ObsError> {
    let own = call.app.service.listing(project.id, package, wish).await?;
    let node = Node::new("sourceinfo")
        .with("package", package)
        .with_maybe("rev", own.revision.as_ref().map(|revision| revision.version_count))
        .with_maybe("vrev", own.revision.as_ref().map(|revision| revision.version_count));
    let Some(link) = own.link else {
        return Ok(node.with("srcmd5", own.tree).with("verifymd5", own.tree));
    };
    let linked = Node::new("linked").with("project", &link.project).with("package", &link.package);
    Ok(match link.expanded {
        Some(tree) => {
            let whole = TreeWish { revision: RevisionWish::Tree(tree), ..TreeWish::NEWEST };
            let files = call.app.service.listing(project.id, package, &whole).await?.files;
            node.with("srcmd5", tree)
                .with("lsrcmd5", link.own)
                .with("verifymd5", service::tree_md5(&files))
                .child(linked)
        }
        None => node
            .with("srcmd5", own.tree)
            .with("lsrcmd5", link.own)
            .child(linked)
            .child(Node::leaf("error", link.failure.unwrap_or_default())),
    })
}

/// Which revision a text names.
pub(super) fn revision_wish(text: Option<&str>) -> Result<RevisionWish, ObsError> {
    match text {
        None | Some("" | "latest" | "build" | "upload" | "repository") => Ok(RevisionWish::Newest),
        Some(text) if text.len() == 32 => Md5::parse(text).map(RevisionWish::Tree).map_err(|_| bad_revision(text)),
        Some(text) => text.parse().map(RevisionWish::Number).map_err(|_| bad_revision(text)),
    }
}

/// Which files a request names.
fn tree_wish(call: &Call) -> Result<TreeWish, ObsError> {
    let revision = match revision_wish(call.query.get("rev"))? {
        // What nothing was committed to yet is known by this name.
        RevisionWish::Tree(tree) if tree == Md5::of(b"") => RevisionWish::Newest,
        wish => wish,
    };
    Ok(TreeWish {
        revision,
        expand: call.flag("expand")?,
        link_revision: link_revision(call, "linkrev")?,
        bare: call.flag("emptylink")?,
    })
}

/// Which revision a link is to be looked at with.
pub(super) fn link_revision(call: &Call, parameter: &str) -> Result<Option<String>, ObsError> {
    match call.query.get(parameter).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some("base") => Ok(Some("base".to_owned())),
        Some(text) => revision_wish(Some(text)).map(|_| Some(text.to_owned())),
    }
}

fn bad_revision(text: &str) -> ObsError {
    let text: String = text.chars().take(80).collect();
    ObsError::invalid(format!("bad revision '{text}'"))
}

/// `GET /source/P/K`.
pub(super) async fn listing(call: &Call, project: &Project, package: &str) -> Answer {
    let name = package_name(package)?;
    if call.flag("meta")? || call.flag("deleted")? {
        return Err(ObsError::not_yet("the revisions of a _meta or of a deleted package"));
    }
    let wish = tree_wish(call)?;
    match call.query.get("view") {
        None => {}
        Some("info") => return Ok(document(&info(call, project, &name, &wish).await?)),
        Some(_) => return Err(ObsError::not_yet("views of a package's files")),
    }
    // The client asks without a pause while services run.
    let found = wait_for_services(call, project, &name, (&wish, Duration::from_secs(3))).await?;
    Ok(document(&directory_of(&name, &found, matches!(wish.revision, RevisionWish::Tree(_)))))
}

/// A list of files; `by_tree` says that it was asked for by what names them.
pub(super) fn directory_of(package: &PackageName, found: &Listing, by_tree: bool) -> Node {
    let root = Node::new("directory").with("name", package);
    let root = match &found.revision {
        // A link's files that are put together are known by their tree only.
        Some(revision) if by_tree || revision.tree != found.tree => {
            root.with("rev", found.tree).with("vrev", revision.version_count)
        }
        Some(revision) => root.with("rev", revision.number).with("vrev", revision.version_count),
        None => root,
    };
    let entry = |file: &RevisionFile| {
        Node::new("entry")
            .with("name", &file.name)
            .with("md5", file.md5)
            .with("size", file.bytes)
            .with("mtime", file.modified_at.as_seconds())
    };
    let mut files: Vec<&RevisionFile> = found.files.iter().collect();
    files.sort_by(|left, right| left.name.as_str().as_bytes().cmp(right.name.as_str().as_bytes()));
    root.with("srcmd5", found.tree)
        .children(found.link.as_ref().map(link_info))
        .children(found.service.as_ref().map(service_info))
        .children(files.into_iter().map(entry))
}

/// How services fared; the client asks again and again while they run.
fn service_info(service: &ServiceView) -> Node {
    let (code, error) = match &service.state {
        ServiceState::Running => ("running", None),
        ServiceState::Succeeded => ("succeeded", None),
        ServiceState::Failed(why) => ("failed", Some(why)),
    };
    Node::new("serviceinfo")
        .with("code", code)
        .with_maybe("xsrcmd5", service.expanded)
        .with("lsrcmd5", service.own)
        .children(error.map(|why| Node::leaf("error", why.as_str())))
}

/// Waits until the services of a package have ended, or a while is over.
pub(super) async fn wait_for_services(
    call: &Call,
    project: &Project,
    package: &PackageName,
    (wish, longest): (&TreeWish, Duration),
) -> Result<Listing, ObsError> {
    let (begun, mut seen) = (tokio::time::Instant::now(), 0);
    loop {
        let found = call.app.service.listing(project.id, package, wish).await?;
        let runs = found.service.as_ref().is_some_and(|service| service.state == ServiceState::Running);
        if !runs || begun.elapsed() >= longest {
            return Ok(found);
        }
        tokio::select! {
            now = call.app.service.wait_for_change(seen) => seen = now,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = call.app.options.stop.cancelled() => return Ok(found),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the client tells links by: `xsrcmd5` says that the list is not put together, `error` that it can not be.
fn link_info(link: &LinkView) -> Node {
    Node::new("linkinfo")
        .with("project", &link.project)
        .with("package", &link.package)
        .with_maybe("rev", link.revision.as_ref())
        .with_maybe("srcmd5", link.target)
        .with_maybe("baserev", link.base.as_ref())
        .with_maybe("missingok", link.missing_ok.then_some("true"))
        .with_maybe("xsrcmd5", link.expanded)
        .with("lsrcmd5", link.own)
        .with_maybe("error", link.failure.as_ref())
        .with_maybe("lastworking", link.last_working)
}

/// `GET /source/P/K/FILE`.
pub(super) async fn file(call: &Call, project: &Project, package: &str, file: &str) -> Answer {
    let (name, file) = (package_name(package)?, file_name(file)?);
    match call.query.get("view") {
        None => {}
        Some("blame") => return super::blame::of_file(call, project, &name, &file).await,
        Some(_) => return Err(ObsError::not_yet("this view of a file")),
    }
    let files = call.app.service.listing(project.id, &name, &tree_wish(call)?).await?.files;
    let found = files.into_iter().find(|known| known.name == file);
    let found = found.ok_or_else(|| ObsError::missing(format!("{file}: no such file")))?;
    let path = call.app.service.blob_path(&found.sha256);
    let document = Document { path, sha256: Some(found.sha256), media_type: "application/octet-stream" };
    Ok(serve_document(&call.headers, &document).await?)
}

/// `PUT /source/P/K/FILE`.
pub(super) async fn put_file(call: &Call, project: &Project, package: &str, file: &str, body: Body) -> Answer {
    let (package, name) = (package_name(package)?, file_name(file)?);
    refuse_special(&name)?;
    if call.flag("meta")? {
        return Err(ObsError::not_yet("files beside a _meta"));
    }
    let is_kept = match call.query.get("rev") {
        Some("repository") => true,
        None | Some("" | "latest") => false,
        Some(other) => return Err(ObsError::not_yet(format_args!("rev={other} of an upload"))),
    };
    // Before the body is read: nobody sends a gigabyte to be told that there is no such package.
    call.app.service.package(project.id, &package).await?;
    let upload = call.upload(name.clone(), body).await?;
    if is_kept {
        call.app.service.keep_file(&call.user, project.id, &package, upload).await?;
        let kept = Node::new("revision").with("rev", "repository").child(Node::leaf("srcmd5", EMPTY_TREE));
        return Ok(document(&kept));
    }
    let change = (&name, Some(upload));
    let revision = call.app.service.commit_one(&call.user, project.id, &package, change, call.comment()).await?;
    Ok(document(&revision_node(&revision)))
}

/// `DELETE /source/P/K/FILE`.
pub(super) async fn delete_file(call: &Call, project: &Project, package: &str, file: &str) -> Answer {
    let (package, name) = (package_name(package)?, file_name(file)?);
    call.app.service.commit_one(&call.user, project.id, &package, (&name, None), call.comment()).await?;
    Ok(ok())
}

/// Files that mean something to the server; what it does not know must not look as if it did.
pub(super) fn refuse_special(name: &FileName) -> Result<(), ObsError> {
    if name.as_str().starts_with('_') && !KNOWN_SPECIAL.contains(&name.as_str()) {
        return Err(ObsError::not_yet(format_args!("the special file {name}")));
    }
    Ok(())
}

/// `GET /source/P/K/_history`, oldest first.
pub(super) async fn history(call: &Call, project: &Project, package: &str) -> Answer {
    if call.flag("deleted")? {
        return Err(ObsError::not_yet("the history of a deleted package"));
    }
    let name = package_name(package)?;
    if call.flag("meta")? {
        return super::history::of_package(call, project, &name).await;
    }
    let mut all = call.app.service.revisions(project.id, &name).await?;
    match call.query.get("rev") {
        None | Some("" | "latest") => {}
        Some(text) => all.retain(|one| one.number.to_string() == text || one.tree.to_string() == text),
    }
    if let Some(before) = call.number("startbefore")? {
        all.retain(|one| one.number < u64::from(before));
    }
    if let Some(limit) = call.number("limit")?.and_then(|limit| usize::try_from(limit).ok()) {
        all.drain(..all.len().saturating_sub(limit));
    }
    Ok(document(&Node::new("revisionlist").children(all.iter().map(revision_node))))
}

/// The version without epoch and release, as this interface counts it.
fn revision_version(revision: &Revision) -> &str {
    let version = revision.version.as_deref().unwrap_or("unknown");
    let version = version.split_once(':').map_or(version, |(_epoch, version)| version);
    version.rsplit_once('-').map_or(version, |(upstream, _release)| upstream)
}

pub(super) fn revision_node(revision: &Revision) -> Node {
    Node::new("revision")
        .with("rev", revision.number)
        .with("vrev", revision.version_count)
        .child(Node::leaf("srcmd5", revision.tree.to_string()))
        .child(Node::leaf("version", revision_version(revision)))
        .child(Node::leaf("time", revision.created_at.as_seconds().to_string()))
        .child(Node::leaf("user", revision.author.as_str()))
        .child(Node::leaf("comment", revision.comment.as_str()))
}

/// `DELETE /source/P/K`.
pub(super) async fn delete_package(call: &Call, project: &Project, package: &str) -> Answer {
    call.app.service.remove_package(&call.user, project.id, &package_name(package)?).await?;
    Ok(ok())
}

/// `DELETE /source/P`.
pub(super) async fn delete_project(call: &Call, project: &Project) -> Answer {
    if call.flag("force")? {
        // What still builds would keep the project.
        let open = BuildFilter { project: Some(project.id), finished: Some(false), ..BuildFilter::default() };
        for build in call.app.service.builds(&open).await? {
            match call.app.service.cancel(&call.user, build.id).await {
                Ok(()) | Err(ServiceError::NotCancelable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    call.app.service.delete_project(&call.user, project.id).await?;
    Ok(ok())
}
