//! `cmd=diff` and `cmd=linkdiff`: what differs between files, as text or as a document.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use model::{FileName, PackageName, Project, ProjectId};
use service::{DiffWish, Difference, FileDifference, Listing, RevisionFile, ServiceError, TreeWish};

use super::call::{Answer, Call, document, file_name, package_name, project_name};
use super::error::ObsError;
use super::sources::{link_revision, revision_wish};
use super::xml::Node;

/// One side of a comparison; `None` has no files.
type Side = Option<(ProjectId, PackageName, TreeWish)>;

/// A side with the names that are shown.
struct Named {
    project: String,
    package: String,
    side: Side,
}

/// `cmd=diff`: without `oproject`, `opackage` and `orev`, against the revision before.
pub(super) async fn diff(call: &Call, project: &Project, package: &PackageName) -> Answer {
    if call.flag("meta")? {
        return Err(ObsError::not_yet("differences of a _meta"));
    }
    let missing_ok = call.flag("missingok")?;
    let given = |name: &str| call.query.get(name).filter(|text| !text.is_empty());
    let alone = ["oproject", "opackage", "orev"].into_iter().all(|name| given(name).is_none());
    let new_revision = given("rev").map(str::to_owned);
    let new = side(call, project.name.as_str(), package, new_revision.as_deref(), missing_ok).await?;
    let old_revision = if alone { before(call, &new).await? } else { given("orev").map(str::to_owned) };
    let old_project = project_name(given("oproject").unwrap_or(project.name.as_str()))?;
    let old_package = given("opackage").map_or(Ok(package.clone()), package_name)?;
    let old = side(call, old_project.as_str(), &old_package, old_revision.as_deref(), missing_ok).await?;
    let whole = call.flag("expand")? || is_link(call, &old).await? != is_link(call, &new).await?;
    let with = |named: Named, link_revision: Option<String>| Named {
        side: named
            .side
            .map(|(project, package, wish)| (project, package, TreeWish { expand: whole, link_revision, ..wish })),
        ..named
    };
    let old = with(
        old,
        link_revision(call, "olinkrev").or_else(|error| match given("olinkrev") {
            Some("linkrev") => Ok(None),
            _ => Err(error),
        })?,
    );
    let new = with(new, link_revision(call, "linkrev")?);
    answer(call, old, new).await
}

/// `cmd=linkdiff`: a link against what it points to.
pub(super) async fn link_diff(call: &Call, project: &Project, package: &PackageName) -> Answer {
    let new = side(call, project.name.as_str(), package, call.query.get("rev"), false).await?;
    let own = listing(call, &new.side).await?;
    let link = own.and_then(|own| own.link).ok_or_else(|| ObsError::invalid("package is not a link"))?;
    let target = package_name(&link.package)?;
    let tree = link.target.map(|tree| tree.to_string());
    let old = side(call, &link.project, &target, tree.as_deref(), link.missing_ok).await?;
    let new = Named {
        side: new.side.map(|(project, package, wish)| (project, package, TreeWish { expand: true, ..wish })),
        ..new
    };
    answer(call, old, new).await
}

async fn side(
    call: &Call,
    project: &str,
    package: &PackageName,
    revision: Option<&str>,
    missing_ok: bool,
) -> Result<Named, ObsError> {
    let named = |side| Named { project: project.to_owned(), package: package.to_string(), side };
    if revision == Some("0") {
        return Ok(named(None));
    }
    let wish = TreeWish { revision: revision_wish(revision)?, ..TreeWish::NEWEST };
    let found = async {
        let project = call.app.service.project_by_name(&project_name(project)?).await?;
        call.app.service.package(project.id, package).await?;
        Ok::<_, ObsError>(project.id)
    };
    match found.await {
        Ok(id) => Ok(named(Some((id, package.clone(), wish)))),
        Err(error) if missing_ok && error.is_missing() => Ok(named(None)),
        Err(error) => Err(error),
    }
}

async fn listing(call: &Call, side: &Side) -> Result<Option<Listing>, ObsError> {
    match side {
        None => Ok(None),
        Some((project, package, wish)) => Ok(Some(call.app.service.listing(*project, package, wish).await?)),
    }
}

async fn is_link(call: &Call, named: &Named) -> Result<bool, ObsError> {
    // What was asked for as a whole is no link any more.
    Ok(listing(call, &named.side).await?.and_then(|found| found.link).is_some_and(|link| link.expanded.is_some()))
}

/// The number before a side's; nothing before the first.
async fn before(call: &Call, named: &Named) -> Result<Option<String>, ObsError> {
    let number = listing(call, &named.side).await?.and_then(|found| found.revision).map_or(1, |found| found.number);
    Ok(Some(number.saturating_sub(1).to_string()))
}

async fn answer(call: &Call, old: Named, new: Named) -> Answer {
    let files: Vec<FileName> =
        call.query.all("file[]").chain(call.query.all("file")).map(file_name).collect::<Result<_, _>>()?;
    let wish = DiffWish { old: old.side.clone(), new: new.side.clone(), files };
    let found = call.app.service.difference(&wish).await.map_err(|error| match error {
        // The client looks for these words, and shows the files as they are then.
        ServiceError::SourceBroken { detail, .. } => ObsError::invalid(format!("bad link: {detail}")),
        error => error.into(),
    })?;
    match call.query.get("view") {
        None | Some("") => Ok(text(render(&found, call.flag("unified")?))),
        Some("xml") => Ok(document(&sourcediff(&found, &old, &new))),
        Some(_) => Err(ObsError::not_yet("this view of a difference")),
    }
}

fn text(bytes: Vec<u8>) -> Response {
    let mut response = ([(CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response();
    crate::files::security_headers(&mut response);
    response
}

fn revision(listing: Option<&Listing>) -> String {
    let number = |found: &Listing| found.revision.as_ref().map(|revision| revision.number);
    match listing {
        Some(found) if found.link.as_ref().is_some_and(|link| link.expanded.is_none() && link.failure.is_none()) => {
            found.tree.to_string()
        }
        found => found.and_then(number).unwrap_or(0).to_string(),
    }
}

fn render(found: &Difference, unified: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let names = |wanted: &dyn Fn(&FileDifference) -> bool| -> Vec<&FileName> {
        found.files.iter().filter(|file| wanted(file)).map(|file| &file.name).collect()
    };
    if !unified {
        for (title, list) in [("old", names(&|file| file.new.is_none())), ("new", names(&|file| file.old.is_none()))] {
            if !list.is_empty() {
                out.extend(format!("\n{title}:\n----\n").into_bytes());
                list.iter().for_each(|name| out.extend(format!("  {name}\n").into_bytes()));
            }
        }
        if !found.files.is_empty() {
            out.extend_from_slice(b"\nother changes:\n--------------\n");
        }
    }
    let (old, new) = (revision(found.old.as_ref()), revision(found.new.as_ref()));
    for file in &found.files {
        let name = &file.name;
        let head = match (unified, &file.old, &file.new) {
            (true, ..) => format!("Index: {name}\n{}\n", "=".repeat(67)),
            (false, None, _) => format!("\n++++++ {name} (new)\n"),
            (false, _, None) => format!("\n++++++ {name} (deleted)\n"),
            _ => format!("\n++++++ {name}\n"),
        };
        out.extend(head.into_bytes());
        match &file.changes {
            Some(changes) if unified => {
                out.extend(format!("--- {name}\t(revision {old})\n+++ {name}\t(revision {new})\n").into_bytes());
                out.extend_from_slice(changes);
            }
            Some(changes) => {
                out.extend(format!("--- {name}\n+++ {name}\n").into_bytes());
                out.extend_from_slice(changes);
            }
            None => out.extend_from_slice(b"(binary differs)\n"),
        }
    }
    out
}

fn sourcediff(found: &Difference, old: &Named, new: &Named) -> Node {
    let side = |element, named: &Named, listing: Option<&Listing>| {
        Node::new(element)
            .with("project", &named.project)
            .with("package", &named.package)
            .with("rev", revision(listing))
            .with_maybe("srcmd5", listing.map(|found| found.tree))
    };
    let file = |element, file: &Option<RevisionFile>| {
        file.as_ref()
            .map(|file| Node::new(element).with("name", &file.name).with("md5", file.md5).with("size", file.bytes))
    };
    let one = |one: &FileDifference| {
        let state = match (&one.old, &one.new) {
            (None, _) => "added",
            (_, None) => "deleted",
            _ => "changed",
        };
        let changes = one.changes.as_ref().map(|changes| {
            let text = String::from_utf8_lossy(changes).into_owned();
            Node::leaf("diff", text).with("lines", changes.iter().filter(|byte| **byte == b'\n').count())
        });
        Node::new("file")
            .with("state", state)
            .children(file("old", &one.old))
            .children(file("new", &one.new))
            .children(changes.or_else(|| Some(Node::new("diff").with("binary", 1))))
    };
    let tree = |listing: &Option<Listing>| listing.as_ref().map_or_else(String::new, |found| found.tree.to_string());
    let key = pkg::Md5::of(format!("{} {}", tree(&found.old), tree(&found.new)).as_bytes());
    Node::new("sourcediff")
        .with("key", key)
        .child(side("old", old, found.old.as_ref()))
        .child(side("new", new, found.new.as_ref()))
        .child(Node::new("files").children(found.files.iter().map(one)))
        // No words of bug trackers are looked for.
        .child(Node::new("issues"))
}
