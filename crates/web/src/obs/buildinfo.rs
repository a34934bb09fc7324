//! `_buildinfo`: everything somebody needs who builds a package at home.

use axum::body::Body;
use axum::http::header::USER_AGENT;
use model::{PackageName, Project, Verdict};
use service::{LocalBuild, LocalBuildWish, LocalPackage, SentRecipe, TargetName};

use super::call::{Answer, Call, document, package_name};
use super::cpio;
use super::error::ObsError;
use super::xml::Node;
use crate::body;

/// Longest recipe with what lies beside it, in bytes.
const BODY_BYTES: u64 = 16 << 20;
/// Members of a sent archive that are no recipe.
const NO_RECIPES: [&str; 3] = ["deps", "buildenv", "_service"];
/// The pseudo package that stands for nothing stored.
const NO_PACKAGE: &str = "_repository";

/// `GET .../K/_buildinfo`: of the stored recipe.
pub(super) async fn stored(call: &Call, project: &Project, target: &TargetName, package: &str) -> Answer {
    if package == NO_PACKAGE {
        return Err(ObsError::invalid("no build recipe file found"));
    }
    answer(call, project, target, (package, None)).await
}

/// `POST .../K/_buildinfo`: of a recipe that is sent along.
pub(super) async fn sent(call: &Call, project: &Project, target: &TargetName, package: &str, body: Body) -> Answer {
    let bytes = body::read(body, BODY_BYTES).await?;
    if bytes.is_empty() {
        return stored(call, project, target, package).await;
    }
    let recipe = read(bytes)?;
    answer(call, project, target, (package, Some(recipe))).await
}

/// A body is the recipe itself, or an archive with it and what lies beside it.
fn read(bytes: Vec<u8>) -> Result<SentRecipe, ObsError> {
    if !cpio::is_archive(&bytes) {
        return Ok(SentRecipe { name: None, bytes, beside: Vec::new() });
    }
    let members = cpio::read(&bytes).ok_or_else(|| ObsError::invalid("the cpio archive is damaged"))?;
    if let Some((name, _)) = members.iter().find(|(name, content)| name == "deps" && !content.is_empty()) {
        return Err(ObsError::not_yet(format_args!("preferred packages of the client ({name} beside a recipe)")));
    }
    if members.iter().any(|(name, _)| name == "buildenv") {
        return Err(ObsError::not_yet("a frozen list of packages (_buildenv)"));
    }
    let recipe = members.iter().position(|(name, _)| !NO_RECIPES.contains(&name.as_str()));
    let recipe = recipe.ok_or_else(|| ObsError::invalid("no build recipe file found"))?;
    let mut files: Vec<(String, Vec<u8>)> =
        members.into_iter().map(|(name, content)| (name, content.to_vec())).collect();
    let (name, bytes) = files.swap_remove(recipe);
    Ok(SentRecipe { name: Some(name), bytes, beside: files })
}

async fn answer(
    call: &Call,
    project: &Project,
    target: &TargetName,
    (package, recipe): (&str, Option<SentRecipe>),
) -> Answer {
    let name: Option<PackageName> = if package == NO_PACKAGE { None } else { Some(package_name(package)?) };
    if let Some(name) = &name {
        call.app.service.package(project.id, name).await?;
    }
    let wish = LocalBuildWish {
        package: name,
        recipe,
        additions: call.query.all("add").map(str::to_owned).collect(),
        explained: call.flag("debug")?,
    };
    let found = call.app.service.local_build(project.id, target, wish).await?;
    let root = Node::new("buildinfo")
        .with("project", &project.name)
        .with("repository", &target.repository)
        .with("package", package)
        .child(Node::leaf("arch", target.arch.as_str()));
    let root = match &found.packages {
        Err(verdict) => root.child(Node::leaf("error", error(verdict))),
        Ok(_) => root,
    };
    let with_md5 = knows_header_md5(call) && !call.flag("striphdrmd5")?;
    Ok(document(&describe(root, target, &found, with_md5)))
}

fn describe(root: Node, target: &TargetName, found: &LocalBuild, with_md5: bool) -> Node {
    let root = match &found.revision {
        None => root,
        Some(revision) => root
            .child(Node::leaf("srcmd5", revision.tree.to_string()))
            .child(Node::leaf("verifymd5", revision.tree.to_string()))
            .child(Node::leaf("rev", revision.number.to_string())),
    };
    let version = found.version.split_once(':').map_or(found.version.as_str(), |(_epoch, rest)| rest);
    let packages = found.packages.iter().flatten().map(|package| dependency(package, target, with_md5));
    let path = found
        .path
        .iter()
        .map(|element| Node::new("path").with("project", &element.project).with("repository", &element.repository));
    root.child(Node::leaf("file", found.file.as_str()))
        .child(Node::leaf("versrel", version))
        .child(Node::leaf("debuginfo", if found.debug_packages { "1" } else { "0" }))
        .children(found.subpackages.iter().map(|name| Node::leaf("subpack", name.as_str())))
        .children(packages)
        .children(path)
        .children(found.why.as_ref().map(|why| Node::leaf("expanddebug", why.to_text())))
}

fn dependency(package: &LocalPackage, target: &TargetName, with_md5: bool) -> Node {
    let (epoch, rest) = match package.version.split_once(':') {
        Some((epoch, rest)) => (Some(epoch), rest),
        None => (None, package.version.as_str()),
    };
    let (version, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, Some(release)),
        None => (rest, None),
    };
    let flag = |is_on: bool| is_on.then_some("1");
    Node::new("bdep")
        .with("name", &package.name)
        .with_maybe("preinstall", flag(package.preinstall))
        .with_maybe("vminstall", flag(package.vm_install))
        .with_maybe("runscripts", flag(package.run_scripts))
        .with_maybe("notmeta", flag(!package.triggers))
        .with_maybe("epoch", epoch)
        .with("version", version)
        .with_maybe("release", release)
        .with("arch", &package.arch)
        .with("project", &package.place.project)
        .with("repository", &package.place.repository)
        .with("repoarch", &target.arch)
        .with_maybe("hdrmd5", package.header_md5.filter(|_| with_md5))
}

/// Why there is no root, in the words the client takes apart.
fn error(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Unresolvable { problems } => format!("unresolvable: {}", problems.join(", ")),
        Verdict::Excluded { reason } => format!("excluded: {reason}"),
        Verdict::Broken { detail } => format!("broken: {detail}"),
        other => other.to_string(),
    }
}

/// Clients before 0.175 give up over every package that has one.
fn knows_header_md5(call: &Call) -> bool {
    let agent = call.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let minor = agent.and_then(|agent| agent.strip_prefix("osc/0.")).and_then(|rest| rest.split('.').next());
    minor.is_none_or(|minor| minor.parse::<u32>().is_ok_and(|minor| minor >= 175))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_comes_alone_or_first_in_an_archive() {
        let plain = read(b"Name: a\n".to_vec()).unwrap();
        assert_eq!((plain.name, plain.bytes.as_slice()), (None, &b"Name: a\n"[..]));
        let mut archive = cpio::file("_service", b"<services/>");
        archive.extend(cpio::file("a.spec", b"Name: a\n"));
        archive.extend(cpio::file("b.inc", b"words"));
        archive.extend(cpio::end());
        let sent = read(archive.clone()).unwrap();
        assert_eq!((sent.name.as_deref(), sent.bytes.as_slice()), (Some("a.spec"), &b"Name: a\n"[..]));
        assert!(sent.beside.iter().any(|(name, content)| name == "b.inc" && content == b"words"), "{sent:?}");
        assert!(read(archive[..archive.len() - 8].to_vec()).is_err());
        let mut alone = cpio::file("_service", b"<services/>");
        alone.extend(cpio::end());
        assert!(read(alone).is_err());
    }
}
