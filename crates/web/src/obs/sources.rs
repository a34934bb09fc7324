//! The files of packages: listings, single files, history, and the commit protocol.

use axum::body::Body;
use model::{FileName, PackageName, Project};
use pkg::{Md5, Sha256};
use service::{BuildFilter, Commit, Revision, RevisionFile, RevisionWish, ServiceError, WantedFile};

use super::call::{Answer, Call, directory, document, file_name, ok, package_name, read_xml};
use super::error::ObsError;
use super::xml::{Element, Node};
use crate::files::{Document, serve_document};

/// Name of the tree without files.
const EMPTY_TREE: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// `GET /source/P`: its packages.
pub(super) async fn packages(call: &Call, project: &Project) -> Answer {
    match call.query.get("view") {
        Some("info") => return infos(call, project).await,
        Some(view) => return Err(ObsError::not_yet(format_args!("the view {view:?} of a project"))),
        None => {}
    }
    if call.flag("deleted")? {
        return Err(ObsError::not_yet("lists of deleted packages"));
    }
    let mut names: Vec<PackageName> =
        call.app.service.packages(project.id, None, 0).await?.into_iter().map(|package| package.name).collect();
    names.sort();
    Ok(directory(names))
}

/// `GET /source/P?view=info`. The client asserts that the root has no attributes.
async fn infos(call: &Call, project: &Project) -> Answer {
    let named: Vec<&str> = call.query.all("package").collect();
    let mut list = Node::new("sourceinfolist");
    for package in call.app.service.packages(project.id, None, 0).await? {
        if !named.is_empty() && !named.contains(&package.name.as_str()) {
            continue;
        }
        let info = Node::new("sourceinfo").with("package", &package.name);
        let found = call.app.service.revision(project.id, &package.name, RevisionWish::Newest).await?;
        list = list.child(match found {
            Some((revision, _)) => info
                .with("rev", revision.number)
                .with("vrev", revision.number)
                .with("srcmd5", revision.tree)
                .with("verifymd5", revision.tree),
            None => info.with("srcmd5", EMPTY_TREE).with("verifymd5", EMPTY_TREE),
        });
    }
    Ok(document(&list))
}

/// Which revision a request names.
fn wish(call: &Call) -> Result<RevisionWish, ObsError> {
    match call.query.get("rev") {
        None | Some("" | "latest" | "build") => Ok(RevisionWish::Newest),
        Some(text) if text.len() == 32 => Md5::parse(text).map(RevisionWish::Tree).map_err(|_| bad_revision(text)),
        Some(text) => text.parse().map(RevisionWish::Number).map_err(|_| bad_revision(text)),
    }
}

fn bad_revision(text: &str) -> ObsError {
    let text: String = text.chars().take(80).collect();
    ObsError::invalid(format!("bad revision '{text}'"))
}

/// `GET /source/P/K`.
pub(super) async fn listing(call: &Call, project: &Project, package: &str) -> Answer {
    for (name, what) in [("view", "views of a package's files"), ("linkrev", "links between packages")] {
        if call.query.get(name).is_some_and(|value| value != "base") {
            return Err(ObsError::not_yet(what));
        }
    }
    if call.flag("meta")? || call.flag("deleted")? {
        return Err(ObsError::not_yet("the revisions of a _meta or of a deleted package"));
    }
    let name = package_name(package)?;
    let empty = Md5::of(b"");
    let wish = match wish(call)? {
        // What nothing was committed to yet is known by this name.
        RevisionWish::Tree(tree) if tree == empty => RevisionWish::Newest,
        wish => wish,
    };
    let found = call.app.service.revision(project.id, &name, wish).await?;
    Ok(document(&directory_of(&name, found.as_ref(), matches!(wish, RevisionWish::Tree(_)))))
}

fn directory_of(package: &PackageName, found: Option<&(Revision, Vec<RevisionFile>)>, by_tree: bool) -> Node {
    let root = Node::new("directory").with("name", package);
    let Some((revision, files)) = found else { return root.with("srcmd5", EMPTY_TREE) };
    let rev = if by_tree { revision.tree.to_string() } else { revision.number.to_string() };
    let entry = |file: &RevisionFile| {
        Node::new("entry")
            .with("name", &file.name)
            .with("md5", file.md5)
            .with("size", file.bytes)
            .with("mtime", file.modified_at.as_seconds())
    };
    let mut files: Vec<&RevisionFile> = files.iter().collect();
    files.sort_by(|left, right| left.name.as_str().as_bytes().cmp(right.name.as_str().as_bytes()));
    root.with("rev", rev)
        .with("vrev", revision.number)
        .with("srcmd5", revision.tree)
        .children(files.into_iter().map(entry))
}

/// `GET /source/P/K/FILE`.
pub(super) async fn file(call: &Call, project: &Project, package: &str, file: &str) -> Answer {
    if call.query.get("view").is_some() {
        return Err(ObsError::not_yet("views of a file"));
    }
    let (name, file) = (package_name(package)?, file_name(file)?);
    let found = call.app.service.revision(project.id, &name, wish(call)?).await?;
    let files = found.map(|(_, files)| files).unwrap_or_default();
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

/// Files that mean something to the server; it must not look as if they did.
fn refuse_special(name: &FileName) -> Result<(), ObsError> {
    if name.as_str().starts_with('_') {
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

fn revision_node(revision: &Revision) -> Node {
    Node::new("revision")
        .with("rev", revision.number)
        .with("vrev", revision.number)
        .child(Node::leaf("srcmd5", revision.tree.to_string()))
        .child(Node::leaf("version", "unknown"))
        .child(Node::leaf("time", revision.created_at.as_seconds().to_string()))
        .child(Node::leaf("user", revision.author.as_str()))
        .child(Node::leaf("comment", revision.comment.as_str()))
}

/// `POST /source/P/K?cmd=`.
pub(super) async fn command(call: &Call, project: &Project, package: &str, body: Body) -> Answer {
    match call.query.get("cmd") {
        Some("commitfilelist") => commit(call, project, package, body).await,
        // Services of a whole project: there are none.
        Some("getprojectservices") => Ok(document(&Node::new("services"))),
        Some(command) if super::flags::COMMANDS.contains(&command) => {
            super::flags::run(call, project, Some(&package_name(package)?), command).await
        }
        Some(other) => {
            Err(ObsError::not_yet(format_args!("cmd={} of a package", other.chars().take(40).collect::<String>())))
        }
        None => Err(ObsError::parameter("cmd")),
    }
}

/// Commits a list of files, or names those that were never sent.
///
/// A file counts as sent if the package ever had it under that name; possession of its bytes need not be proved again.
async fn commit(call: &Call, project: &Project, package: &str, body: Body) -> Answer {
    let package = package_name(package)?;
    if call.flag("keeplink")? || call.flag("repairlink")? {
        return Err(ObsError::not_yet("links between packages"));
    }
    let root = read_xml(body).await?;
    let wanted: Vec<WantedFile> = root.children.iter().map(entry).collect::<Result<_, _>>()?;
    let service = &call.app.service;
    match service.commit_files(&call.user, project.id, &package, &wanted, call.comment()).await? {
        Commit::Done(revision) => {
            let found = service.revision(project.id, &package, RevisionWish::Number(revision.number)).await?;
            Ok(document(&directory_of(&package, found.as_ref(), false)))
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
