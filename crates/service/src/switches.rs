//! What the owners of a project and of its packages have switched on and off.

use std::collections::BTreeMap;

use model::{About, FlagKind, PackageName, ProjectId, RepositoryName};
use pkg::Arch;
use store::Session;

use crate::ServiceError;

/// The switches of a project and of its packages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    project: About,
    packages: BTreeMap<PackageName, About>,
}

impl Switches {
    /// Reads the switches of a project.
    pub(crate) async fn read(session: &mut Session, project: ProjectId) -> Result<Self, ServiceError> {
        let mut about = session.about_project(project).await?;
        if let Some(project) = session.project(project).await? {
            // Whether a project publishes at all is one of its settings, which other interfaces change as well.
            about.set(FlagKind::Publish, None, project.settings.publish);
        }
        Ok(Self { project: about, packages: session.described_packages(project).await? })
    }

    /// Whether something is on for a package, or for the project as such, at a place.
    pub(crate) fn is_on(&self, kind: FlagKind, package: Option<&PackageName>, place: (&RepositoryName, &Arch)) -> bool {
        let default = self.project.is_on(kind, Some(place), kind.default_value());
        match package.and_then(|package| self.packages.get(package)) {
            Some(package) => package.is_on(kind, Some(place), default),
            None => default,
        }
    }

    /// Everything said of a kind of switch, to tell whether it has changed.
    pub(crate) fn of_kind(&self, kind: FlagKind) -> String {
        let flags = |about: &About| about.flags.iter().filter(|flag| flag.kind == kind).cloned().collect::<Vec<_>>();
        let packages = self.packages.iter().map(|(name, about)| (name, flags(about)));
        format!("{:?} {:?}", flags(&self.project), packages.filter(|(_, flags)| !flags.is_empty()).collect::<Vec<_>>())
    }
}
