//! Follows a link to files that are none, and puts everything on the way together.

use std::collections::BTreeSet;

use model::{PackageName, ProjectName, Timestamp};
use pkg::Md5;
use recipe::link::{Link, Trees, expand as expand_link};
use store::{Blobs, DerivedTree, RevisionFile, Session, tree_md5};

use super::services::with_services;
use super::texts::{by_name, keep, link_of, read};
use crate::ServiceError;
use crate::inner::{Inner, blocking};

/// Most links in a row.
const MOST_HOPS: usize = 20;
/// Most files of one tree.
const MOST_FILES: usize = 20_000;

/// Own files of a package, not put together.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    /// Project of the package.
    pub(crate) project: ProjectName,
    /// The package.
    pub(crate) package: PackageName,
    /// Its number.
    pub(crate) id: i64,
    /// What names the files.
    pub(crate) tree: Md5,
    /// They.
    pub(crate) files: Vec<RevisionFile>,
}

/// What a link stands for.
#[derive(Debug, Clone)]
pub(crate) struct Expansion {
    /// The link.
    pub(crate) link: Option<Link>,
    /// The tree it points to, if that is to be had.
    pub(crate) target: Option<Md5>,
    /// Files of that tree.
    pub(crate) target_files: Vec<RevisionFile>,
    /// What names the result, if the target is to be had.
    pub(crate) tree: Option<Md5>,
    /// The files, or why they are not to be had.
    pub(crate) files: Result<Vec<RevisionFile>, String>,
}

impl Expansion {
    fn failed(link: Option<Link>, why: String) -> Self {
        Self { link, target: None, target_files: Vec::new(), tree: None, files: Err(why) }
    }
}

/// A link on the way.
struct Hop {
    own: Own,
    link: Link,
    /// The package it points to; `None` if that need not exist and does not.
    target: Option<i64>,
}

/// Where a way ends.
struct End {
    tree: Md5,
    files: Vec<RevisionFile>,
}

/// The files that own files stand for; `None` if there is no link among them.
///
/// `revision` says which revision of what the first link points to counts, whatever the link says.
pub(crate) async fn expand(inner: &Inner, own: Own, revision: Option<&str>) -> Result<Option<Expansion>, ServiceError> {
    let link = match link_of(inner, &own.files).await? {
        None => return Ok(None),
        Some(Err(why)) => return Ok(Some(Expansion::failed(None, why))),
        Some(Ok(link)) => link,
    };
    let mut first = link.clone();
    if let Some(revision) = revision {
        first.revision = if revision == "base" { link.base.clone() } else { Some(revision.to_owned()) };
    }
    let mut hops = vec![Hop { own, link: first, target: None }];
    let end = match walk(inner, &mut hops).await? {
        Ok(end) => end,
        Err(why) => return Ok(Some(Expansion::failed(Some(link), why))),
    };
    let mut result = Expansion {
        link: Some(link),
        target: None,
        target_files: Vec::new(),
        tree: Some(end.tree),
        files: Ok(end.files),
    };
    let count = hops.len();
    for (number, hop) in hops.into_iter().rev().enumerate() {
        let (Some(target), Ok(files)) = (result.tree, std::mem::replace(&mut result.files, Ok(Vec::new()))) else {
            break;
        };
        let place = format!("{}/{}: ", hop.own.project, hop.own.package);
        let (tree, made) = derive(inner, hop, target, files.clone()).await?;
        let is_first = number + 1 == count;
        let made = made.map_err(|why| if is_first { why } else { format!("{place}{why}") });
        if let (Err(why), false) = (&made, is_first) {
            return Ok(Some(Expansion::failed(result.link, why.clone())));
        }
        result = Expansion { target: Some(target), target_files: files, tree: Some(tree), files: made, ..result };
    }
    Ok(Some(result))
}

/// Follows the last hop until there is no link; the inner error is a sentence for whoever made the links.
async fn walk(inner: &Inner, hops: &mut Vec<Hop>) -> Result<Result<End, String>, ServiceError> {
    let mut seen = BTreeSet::new();
    while let Some(hop) = hops.last_mut() {
        let (project, package) = match link_names(&hop.link, &hop.own) {
            Ok(names) => names,
            Err(why) => return Ok(Err(why)),
        };
        let revision = hop.link.revision.clone().unwrap_or_default();
        if !seen.insert((project.clone(), package.clone(), revision.clone())) {
            return Ok(Err("circular package link".to_owned()));
        }
        if seen.len() > MOST_HOPS {
            return Ok(Err(format!("more than {MOST_HOPS} links in a row")));
        }
        let mut session = inner.store.read().await?;
        let found = find(&mut session, (&project, &package), &revision, hop.link.missing_ok).await?;
        drop(session);
        let (target, own, is_whole) = match found {
            Err(why) => return Ok(Err(why)),
            Ok(None) => return Ok(Ok(End { tree: tree_md5(&[]), files: Vec::new() })),
            Ok(Some((own, true))) => (own.id, own, true),
            Ok(Some((own, false))) => match with_services(inner, own).await? {
                Ok(own) => (own.id, own, false),
                Err(why) => return Ok(Err(format!("{project}/{package}: {why}"))),
            },
        };
        hop.target = Some(target);
        let link = if is_whole { None } else { link_of(inner, &own.files).await? };
        match link {
            None => return Ok(Ok(End { tree: own.tree, files: own.files })),
            Some(Err(why)) => return Ok(Err(format!("{project}/{package}: {why}"))),
            Some(Ok(link)) => hops.push(Hop { own, link, target: None }),
        }
    }
    Ok(Err("no link".to_owned()))
}

/// What a link points to, by name.
pub(super) fn link_names(link: &Link, own: &Own) -> Result<(ProjectName, PackageName), String> {
    let project = link.project.as_deref().map_or(Ok(own.project.clone()), ProjectName::parse);
    let package = link.package.as_deref().map_or(Ok(own.package.clone()), PackageName::parse);
    match (project, package) {
        (Ok(_), Ok(package)) if package.as_str().contains(':') => {
            Err(format!("link points to illegal package name '{package}'"))
        }
        (Ok(project), Ok(package)) => Ok((project, package)),
        (Err(error), _) | (_, Err(error)) => Err(format!("_link is bad: {error}")),
    }
}

type Found = Result<Option<(Own, bool)>, String>;

/// The files a link points to, and whether they are put together already; nothing for a package that need not exist.
async fn find(
    session: &mut Session,
    (project, package): (&ProjectName, &PackageName),
    revision: &str,
    missing_ok: bool,
) -> Result<Found, ServiceError> {
    let Some(found) = session.project_by_name(project).await? else {
        return Ok(if missing_ok { Ok(None) } else { Err(format!("linked project '{project}' does not exist")) });
    };
    let Some(row) = session.package(found.id, package).await? else {
        let why = format!("linked package '{package}' does not exist in project '{project}'");
        return Ok(if missing_ok { Ok(None) } else { Err(why) });
    };
    let own = |tree, files| Own { project: project.clone(), package: package.clone(), id: row.id, tree, files };
    let wanted = match revision {
        "" | "latest" => session.newest_revision(row.id).await?,
        text if text.len() == 32 => match Md5::parse(text) {
            Ok(tree) => match tree_of(session, row.id, &tree).await? {
                Some((files, is_whole)) => return Ok(Ok(Some((own(tree, files), is_whole)))),
                None => return Ok(Err(format!("{project}/{package}: no such revision '{text}'"))),
            },
            Err(_) => None,
        },
        text => match text.parse() {
            Ok(number) => session.revision(row.id, number).await?,
            Err(_) => None,
        },
    };
    match wanted {
        Some(revision) => {
            let files = session.revision_files(row.id, revision.number).await?;
            Ok(Ok(Some((own(revision.tree, files), false))))
        }
        None if revision.is_empty() && missing_ok => Ok(Ok(None)),
        None if revision.is_empty() => Ok(Err(format!("linked package '{package}' is empty"))),
        None => Ok(Err(format!("{project}/{package}: no such revision '{revision}'"))),
    }
}

/// Files of a package by what names them, and whether they were put together.
pub(super) async fn tree_of(
    session: &mut Session,
    package: i64,
    tree: &Md5,
) -> Result<Option<(Vec<RevisionFile>, bool)>, ServiceError> {
    if let Some((derived, files)) = session.derived_tree(package, tree).await? {
        return Ok(derived.failure.is_none().then_some((files, true)));
    }
    match session.revision_of_tree(package, tree).await? {
        Some(revision) => Ok(Some((session.revision_files(package, revision.number).await?, false))),
        None if *tree == tree_md5(&[]) => Ok(Some((Vec::new(), false))),
        None => Ok(None),
    }
}

/// What names a link that is put together.
///
/// Rule: Open Build Service's source server.
fn expanded_md5(target: Md5, own: Md5) -> Md5 {
    Md5::of(format!("{target}  /LINK\n{own}  /LOCAL\n").as_bytes())
}

type Made = Result<Vec<RevisionFile>, String>;

/// Puts one link together, or finds what an earlier call made.
async fn derive(inner: &Inner, hop: Hop, target: Md5, files: Vec<RevisionFile>) -> Result<(Md5, Made), ServiceError> {
    let tree = expanded_md5(target, hop.own.tree);
    let mut session = inner.store.read().await?;
    if let Some((known, files)) = session.derived_tree(hop.own.id, &tree).await? {
        return Ok((tree, known.failure.map_or(Ok(files), Err)));
    }
    let base = match (&hop.link.base, hop.link.is_branch()) {
        (Some(base), true) => base_files(&mut session, hop.target, base).await?,
        _ => None,
    };
    drop(session);
    let (blobs, now, id, own) = (inner.blobs.clone(), inner.now(), hop.own.id, hop.own.tree);
    let made = blocking(move || put_together(&blobs, &hop, &files, base.as_deref(), now)).await??;
    let made = made.and_then(|files| check_size(files, inner.config.source_bytes));
    let derived = DerivedTree { tree, target: Some(target), own, failure: made.as_ref().err().cloned() };
    let mut session = inner.store.write().await?;
    session.put_derived_tree(id, &derived, made.as_deref().unwrap_or_default(), now).await?;
    session.commit().await?;
    Ok((tree, made))
}

async fn base_files(
    session: &mut Session,
    target: Option<i64>,
    base: &str,
) -> Result<Option<Vec<RevisionFile>>, ServiceError> {
    let Ok(base) = Md5::parse(base) else { return Ok(None) };
    let found = match target {
        Some(target) => tree_of(session, target, &base).await?.map(|(files, _)| files),
        None => (base == tree_md5(&[])).then(Vec::new),
    };
    Ok(found.filter(|files| files.iter().all(|file| file.name.as_str() != recipe::link::FILE)))
}

fn put_together(
    blobs: &Blobs,
    hop: &Hop,
    target: &[RevisionFile],
    base: Option<&[RevisionFile]>,
    now: Timestamp,
) -> Result<Made, ServiceError> {
    let (target, own, base) = (by_name(target), by_name(&hop.own.files), base.map(by_name));
    let trees = Trees { target: &target, own: &own, base: base.as_ref() };
    let mut failure = None;
    let result = expand_link(&hop.link, &trees, &mut |text| read(blobs, text, &mut failure));
    if let Some(error) = failure {
        return Err(error.into());
    }
    match result {
        Ok(files) => Ok(Ok(keep(blobs, files, now)?)),
        Err(conflict) => Ok(Err(conflict.to_string())),
    }
}

fn check_size(files: Vec<RevisionFile>, limit_bytes: u64) -> Made {
    let bytes = files.iter().map(|file| file.bytes).fold(0_u64, u64::saturating_add);
    if bytes > limit_bytes || files.len() > MOST_FILES {
        return Err(format!("more than {limit_bytes} bytes or {MOST_FILES} files"));
    }
    Ok(files)
}
