//! Builds links again whose target changed, and takes results over that are new.

use model::{BuildReason, PackageName, ProjectName};

use super::chain::{Own, link_names};
use super::services::after_services;
use super::texts::link_of;
use super::{Effective, aggregate};
use crate::ServiceError;
use crate::background::Pass;
use crate::inner::Inner;
use crate::rebuild::build_package;

/// Links looked at with one statement.
const AT_ONCE: u32 = 50;

/// One pass: looks at every link that was marked since it was last put together.
///
/// # Errors
/// If the database or the blob folder fails; what was not looked at keeps its mark.
pub(crate) async fn run_once(inner: &Inner) -> Result<Pass, ServiceError> {
    let mut changes = aggregate::take_over(inner).await? + after_services(inner).await?;
    loop {
        let stale = inner.store.read().await?.stale_links(AT_ONCE).await?;
        if stale.is_empty() {
            return Ok(Pass { changes, again_in: None });
        }
        for link in stale {
            let mut session = inner.store.read().await?;
            let project = session.project(link.project).await?;
            let package = session.package(link.project, &link.package).await?;
            drop(session);
            // A project that was deleted builds nothing any more.
            let Some((project, package)) = project.zip(package) else {
                let mut session = inner.store.write().await?;
                session.settle_link(link.id, None, None).await?;
                session.commit().await?;
                continue;
            };
            let now = Effective::of(inner, &project, &package).await?;
            let tree = now.as_ref().and_then(|now| now.tree.filter(|_| now.files.is_ok()));
            let failure = now.as_ref().and_then(|now| now.files.as_ref().err());
            if tree.is_some() && tree != link.tree {
                let reason = BuildReason::Changed { what: vec![format!("what {} links to", package.name)] };
                build_package(inner, &reason, &project, &package, None).await?;
            }
            let mut session = inner.store.write().await?;
            session.settle_link(package.id, tree, failure.map(String::as_str)).await?;
            session.set_package_failure(package.id, failure.map(String::as_str)).await?;
            if tree != link.tree {
                session.touch_links_to(&project.name, &package.name).await?;
            }
            session.commit().await?;
            inner.changed();
            changes += 1;
        }
    }
}

/// What new files of a package link to, checked.
///
/// # Errors
/// [`ServiceError::BadValue`] for a link that can not be read, or that names what can not exist.
pub(crate) async fn link_target(inner: &Inner, own: &Own) -> Result<Option<(ProjectName, PackageName)>, ServiceError> {
    let bad = |detail| ServiceError::BadValue { field: "link", detail };
    match link_of(inner, &own.files).await? {
        None => Ok(None),
        Some(Err(why)) => Err(bad(why)),
        Some(Ok(link)) => Ok(Some(link_names(&link, own).map_err(bad)?)),
    }
}
