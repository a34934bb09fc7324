use pkg::Sha256;
use sqlx::QueryBuilder;

use crate::{Session, StoreError};

/// Every column that keeps a blob alive. A new table that names blobs belongs here, with an index on the column.
const REFERENCES: &[(&str, &str)] = &[
    ("build_uploads", "sha256"),
    ("source_files", "sha256"),
    ("results", "sha256"),
    ("environments", "digest"),
    ("environment_packages", "sha256"),
    ("task_plans", "config_sha256"),
    ("fingerprints", "sha256"),
    ("mirror_suites", "release_sha256"),
    ("mirror_indices", "sha256"),
    ("published_files", "sha256"),
    ("revision_files", "sha256"),
    ("deleted_files", "sha256"),
    ("waiting_files", "sha256"),
    ("derived_files", "sha256"),
    ("packages", "constraints_sha256"),
    ("aggregates", "sha256"),
];

pub(crate) const LOOSE_TREES: &str = "DELETE FROM source_trees WHERE id IN (SELECT id FROM loose_trees) \
     AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.source_tree_id = source_trees.id)";
pub(crate) const LOOSE_ROOTS: &str = "DELETE FROM environments WHERE id IN (SELECT id FROM loose_environments) \
     AND NOT EXISTS (SELECT 1 FROM task_plans t WHERE t.environment_id = environments.id)";

impl Session {
    /// Those of the digests that some row refers to, at most a few hundred at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn referenced(&mut self, digests: &[Sha256]) -> Result<Vec<Sha256>, StoreError> {
        let mut found = Vec::new();
        for (table, column) in REFERENCES {
            let mut query = QueryBuilder::new("SELECT DISTINCT ");
            query.push(column).push(" AS digest FROM ").push(table).push(" WHERE ").push(column).push(" IN (");
            let mut list = query.separated(", ");
            for digest in digests {
                list.push_bind(digest.to_string());
            }
            query.push(")");
            for row in query.build().fetch_all(self.run()).await? {
                found.push(crate::fields::Fields::new(table, &row).name("digest")?);
            }
        }
        Ok(found)
    }

    /// Deletes what nothing refers to any more: source trees without a build, roots without a task. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_orphans(&mut self) -> Result<u64, StoreError> {
        let trees = sqlx::query(LOOSE_TREES).execute(self.run()).await?;
        let roots = sqlx::query(LOOSE_ROOTS).execute(self.run()).await?;
        sqlx::raw_sql("DELETE FROM loose_trees; DELETE FROM loose_environments").execute(self.run()).await?;
        Ok(trees.rows_affected() + roots.rows_affected())
    }
}
