use model::{PackageName, ProjectId, RepositoryId};
use pkg::Sha256;

use crate::fields::Fields;
use crate::{Session, StoreError};

/// The newest source of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentSource {
    /// Package of the project.
    pub package: PackageName,
    /// Its source tree.
    pub tree: Sha256,
}

/// A package file that a build left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageResult {
    /// Package of the project.
    pub package: Option<PackageName>,
    /// Repository of the build.
    pub repository: RepositoryId,
    /// Architecture of the task.
    pub arch: String,
    /// Its version, epoch included.
    pub version: String,
}

pub(crate) const CURRENT_SOURCES: &str = "SELECT b.id, k.name AS package, s.digest AS tree FROM packages k \
     JOIN builds b ON b.id = (SELECT MAX(n.id) FROM builds n WHERE n.package_id = k.id AND n.source_tree_id IS NOT NULL) \
     JOIN source_trees s ON s.id = b.source_tree_id WHERE k.project_id = $1 ORDER BY k.name";

pub(crate) const RESULTS_NAMED: &str = "SELECT r.id, t.repository_id, t.arch, r.version, k.name AS project_package \
     FROM results r JOIN jobs j ON j.id = r.job_id \
     JOIN tasks t ON t.id = j.task_id AND t.result_job_id = r.job_id LEFT JOIN packages k ON k.id = t.package_id \
     WHERE r.package = $1 AND r.kind = 'package' AND +t.state = 'succeeded' ORDER BY r.id DESC LIMIT $2";

impl Session {
    /// The newest source of each package of a project, whatever became of its builds; by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn current_sources(&mut self, project: ProjectId) -> Result<Vec<CurrentSource>, StoreError> {
        let rows = sqlx::query(CURRENT_SOURCES).bind(project.get()).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("builds", row);
                Ok(CurrentSource { package: fields.name("package")?, tree: fields.name("tree")? })
            })
            .collect()
    }

    /// Where builds have left a package of a name, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn results_named(&mut self, name: &str, limit: u32) -> Result<Vec<PackageResult>, StoreError> {
        let rows = sqlx::query(RESULTS_NAMED).bind(name).bind(i64::from(limit)).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("results", row);
                Ok(PackageResult {
                    package: fields.maybe_name("project_package")?,
                    repository: RepositoryId::new(fields.int("repository_id")?),
                    arch: fields.text("arch")?,
                    version: fields.maybe_text("version")?.unwrap_or_default(),
                })
            })
            .collect()
    }
}
