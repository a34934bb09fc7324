//! Words, persons and switches of projects and packages.

use model::{About, ProjectId};

use crate::fields::{Fields, json_text};
use crate::{Session, StoreError};

impl Session {
    /// What is kept about a project beside its settings.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn about_project(&mut self, project: ProjectId) -> Result<About, StoreError> {
        let row =
            sqlx::query("SELECT id, about FROM projects WHERE id = $1").bind(project.get()).fetch_optional(self.run());
        row.await?.map_or(Ok(About::default()), |row| Fields::new("projects", &row).json("about"))
    }

    /// Replaces what is kept about a project beside its settings.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_about_project(&mut self, project: ProjectId, about: &About) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE projects SET about = $2 WHERE id = $1");
        query.bind(project.get()).bind(json_text(about)).execute(self.run()).await?;
        Ok(())
    }

    /// What is kept about a package beside its settings.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn about_package(&mut self, package: i64) -> Result<About, StoreError> {
        let row = sqlx::query("SELECT id, about FROM packages WHERE id = $1").bind(package).fetch_optional(self.run());
        row.await?.map_or(Ok(About::default()), |row| Fields::new("packages", &row).json("about"))
    }

    /// Replaces what is kept about a package beside its settings.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_about_package(&mut self, package: i64, about: &About) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE packages SET about = $2 WHERE id = $1");
        query.bind(package).bind(json_text(about)).execute(self.run()).await?;
        Ok(())
    }
}
