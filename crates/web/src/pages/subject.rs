//! What pages about a package in a target have in common.

use model::{PackageName, Project};
use service::TargetName;

use super::error::PageError;
use super::html::{link, tag};
use super::layout::{Page, Tab, package_path};
use super::{Visitor, project_called, target_called};
use crate::app::App;
use crate::query::Query;

/// A package of a project in one of its targets.
pub(super) struct Subject {
    pub(super) project: Project,
    pub(super) package: PackageName,
    pub(super) target: TargetName,
}

impl Subject {
    /// From `/projects/NAME/packages/PACKAGE/...?target=REPOSITORY/ARCH`.
    ///
    /// # Errors
    /// [`PageError::Missing`], [`PageError::Invalid`].
    pub(super) async fn read(app: &App, (project, package): (&str, &str), query: &Query) -> Result<Self, PageError> {
        let project = project_called(app, project).await?;
        let package = PackageName::parse(package).map_err(|_| PageError::Missing)?;
        let target = target_called(query.get("target").unwrap_or_default())?;
        Ok(Self { project, package, target })
    }

    /// Address of the package's own page.
    pub(super) fn address(&self) -> String {
        package_path(&self.project, self.package.as_str())
    }

    /// A page about it, with the way back to the package.
    pub(super) fn page<'a>(&'a self, visitor: &'a Visitor, title: &str) -> Page<'a> {
        let page = self.address();
        Page::new(visitor, title, page.as_str())
            .of_project(&self.project, Tab::Packages)
            .add(tag("p").class("crumb").add(link(&page, self.package.as_str())))
            .add(tag("h1").add(title))
    }
}
