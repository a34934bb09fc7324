//! Trees that are made from others: links put together, results of services.

use model::{PackageName, ProjectId, ProjectName, Timestamp};
use pkg::Md5;
use sqlx::sqlite::SqliteRow;

use crate::fields::Fields;
use crate::revisions::file;
use crate::{RevisionFile, Session, StoreError};

/// A tree that was derived, or that could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedTree {
    /// What names it.
    pub tree: Md5,
    /// Of a link, the tree it points to.
    pub target: Option<Md5>,
    /// The package's own tree.
    pub own: Md5,
    /// Why it has no files.
    pub failure: Option<String>,
}

/// A package whose newest revision is a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageLink {
    /// Its project.
    pub project: ProjectId,
    /// Its name.
    pub package: PackageName,
    /// Its number.
    pub id: i64,
    /// What it was last found to stand for.
    pub tree: Option<Md5>,
}

fn derived(row: &SqliteRow) -> Result<(i64, DerivedTree), StoreError> {
    let fields = Fields::new("derived_trees", row);
    let tree = DerivedTree {
        tree: fields.name("tree_md5")?,
        target: fields.maybe_name("target_md5")?,
        own: fields.name("own_md5")?,
        failure: fields.maybe_text("failure")?,
    };
    Ok((fields.int("id")?, tree))
}

fn link(row: &SqliteRow) -> Result<PackageLink, StoreError> {
    let fields = Fields::new("package_links", row);
    Ok(PackageLink {
        project: ProjectId::new(fields.int("project_id")?),
        package: fields.name("name")?,
        id: fields.int("id")?,
        tree: fields.maybe_name("tree_md5")?,
    })
}

pub(crate) const STALE_LINKS: &str = "SELECT k.id, k.project_id, k.name, l.tree_md5 FROM package_links l \
     JOIN packages k ON k.id = l.package_id WHERE l.stale = 1 ORDER BY l.package_id LIMIT $1";

pub(crate) const LINKS_TO: &str = "SELECT k.id, k.project_id, k.name, l.tree_md5 FROM package_links l \
     JOIN packages k ON k.id = l.package_id WHERE l.project = $1 AND l.package = $2 ORDER BY k.id";

const ADD_FILE: &str =
    "INSERT INTO derived_files (tree_id, name, bytes, md5, sha256, modified_at) VALUES ($1, $2, $3, $4, $5, $6)";

impl Session {
    /// A tree derived from a package's files, with its own files by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn derived_tree(
        &mut self,
        package: i64,
        tree: &Md5,
    ) -> Result<Option<(DerivedTree, Vec<RevisionFile>)>, StoreError> {
        let row = sqlx::query(
            "SELECT id, tree_md5, target_md5, own_md5, failure FROM derived_trees \
             WHERE package_id = $1 AND tree_md5 = $2",
        )
        .bind(package)
        .bind(tree.to_string())
        .fetch_optional(self.run())
        .await?;
        let Some((id, tree)) = row.as_ref().map(derived).transpose()? else { return Ok(None) };
        let rows = sqlx::query(
            "SELECT name, bytes, md5, sha256, modified_at FROM derived_files WHERE tree_id = $1 ORDER BY name",
        )
        .bind(id)
        .fetch_all(self.run())
        .await?;
        Ok(Some((tree, rows.iter().map(file).collect::<Result<_, _>>()?)))
    }

    /// The newest tree that was derived from a package's own tree.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_derived(&mut self, package: i64, own: &Md5) -> Result<Option<Md5>, StoreError> {
        let row = sqlx::query(
            "SELECT id, tree_md5 FROM derived_trees WHERE package_id = $1 AND own_md5 = $2 AND failure IS NULL \
             ORDER BY id DESC LIMIT 1",
        )
        .bind(package)
        .bind(own.to_string())
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(|row| Fields::new("derived_trees", row).name("tree_md5")).transpose()
    }

    /// Keeps a derived tree; one of the same name stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_derived_tree(
        &mut self,
        package: i64,
        tree: &DerivedTree,
        files: &[RevisionFile],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let added: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO derived_trees (package_id, tree_md5, target_md5, own_md5, failure, made_at) \
             SELECT id, $2, $3, $4, $5, $6 FROM packages WHERE id = $1 ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(package)
        .bind(tree.tree.to_string())
        .bind(tree.target.map(|target| target.to_string()))
        .bind(tree.own.to_string())
        .bind(tree.failure.as_deref())
        .bind(now.as_millis())
        .fetch_optional(self.run())
        .await?;
        let Some((id,)) = added else { return Ok(()) };
        self.add_files(ADD_FILE, id, files).await
    }

    /// Says what a package links to now; nothing, if it is no link.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_link(
        &mut self,
        package: i64,
        target: Option<(&ProjectName, &PackageName)>,
    ) -> Result<(), StoreError> {
        let Some((to_project, to_package)) = target else {
            sqlx::query("DELETE FROM package_links WHERE package_id = $1").bind(package).execute(self.run()).await?;
            return Ok(());
        };
        sqlx::query(
            "INSERT INTO package_links (package_id, project, package) VALUES ($1, $2, $3) \
             ON CONFLICT (package_id) DO UPDATE SET project = excluded.project, package = excluded.package, stale = 1",
        )
        .bind(package)
        .bind(to_project.as_str())
        .bind(to_package.as_str())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Marks every link to a package, because its files changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn touch_links_to(&mut self, project: &ProjectName, package: &PackageName) -> Result<u64, StoreError> {
        let done = sqlx::query("UPDATE package_links SET stale = 1 WHERE project = $1 AND package = $2")
            .bind(project.as_str())
            .bind(package.as_str())
            .execute(self.run())
            .await?;
        Ok(done.rows_affected())
    }

    /// Marks every link into a project, because it came or went as a whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn touch_links_into(&mut self, project: &ProjectName) -> Result<u64, StoreError> {
        let query = sqlx::query("UPDATE package_links SET stale = 1 WHERE project = $1").bind(project.as_str());
        Ok(query.execute(self.run()).await?.rows_affected())
    }

    /// Links that were marked and not looked at since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stale_links(&mut self, limit: u32) -> Result<Vec<PackageLink>, StoreError> {
        let rows = sqlx::query(STALE_LINKS).bind(i64::from(limit)).fetch_all(self.run()).await?;
        rows.iter().map(link).collect()
    }

    /// The packages that link to one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn links_to(
        &mut self,
        project: &ProjectName,
        package: &PackageName,
    ) -> Result<Vec<PackageLink>, StoreError> {
        let query = sqlx::query(LINKS_TO).bind(project.as_str()).bind(package.as_str());
        query.fetch_all(self.run()).await?.iter().map(link).collect()
    }

    /// Takes the mark from a link and writes down what it stands for, or why that is not to be had.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_link(
        &mut self,
        package: i64,
        tree: Option<Md5>,
        failure: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE package_links SET stale = 0, tree_md5 = $2, failure = $3 WHERE package_id = $1")
            .bind(package)
            .bind(tree.map(|tree| tree.to_string()))
            .bind(failure)
            .execute(self.run())
            .await?;
        Ok(())
    }
}
