use model::{BlockMode, RebuildMode, Timestamp};
use model::{Mirror, PathElement, ProjectId, ProjectName, Repository, RepositoryArch, RepositoryId, RepositoryName};
use pkg::Arch;
use sqlx::QueryBuilder;

use crate::fields::{Fields, json_text};
use crate::{Session, StoreError, Target, TargetName};

const REPOSITORY: &str = "SELECT r.id, r.name, r.mirror, r.rebuild, r.block, p.name AS project FROM repositories r \
                          JOIN projects p ON p.id = r.project_id WHERE p.deleted_at IS NULL";

/// Projects whose targets are read with one statement.
const PROJECTS_A_STATEMENT: usize = 500;

impl Session {
    /// The repositories of a project in order of creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repositories(&mut self, project: ProjectId) -> Result<Vec<Repository>, StoreError> {
        let mut query = QueryBuilder::new(REPOSITORY);
        query.push(" AND r.project_id = ").push_bind(project.get()).push(" ORDER BY r.id");
        self.load_repositories(query).await
    }

    /// A repository by its project's and its own name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository(
        &mut self,
        project: &ProjectName,
        name: &RepositoryName,
    ) -> Result<Option<Repository>, StoreError> {
        let mut query = QueryBuilder::new(REPOSITORY);
        query.push(" AND p.name = ").push_bind(project.as_str()).push(" AND r.name = ").push_bind(name.as_str());
        Ok(self.load_repositories(query).await?.pop())
    }

    /// A repository by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository_by_id(&mut self, id: RepositoryId) -> Result<Option<Repository>, StoreError> {
        let mut query = QueryBuilder::new(REPOSITORY);
        query.push(" AND r.id = ").push_bind(id.get());
        Ok(self.load_repositories(query).await?.pop())
    }

    /// Every repository that mirrors a distribution, in order of creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mirrored_repositories(&mut self) -> Result<Vec<Repository>, StoreError> {
        let mut query = QueryBuilder::new(REPOSITORY);
        query.push(" AND r.mirror IS NOT NULL ORDER BY r.id");
        self.load_repositories(query).await
    }

    async fn load_repositories(
        &mut self,
        mut query: QueryBuilder<sqlx::Sqlite>,
    ) -> Result<Vec<Repository>, StoreError> {
        let rows = query.build().fetch_all(self.run()).await?;
        let mut repositories = Vec::new();
        for row in &rows {
            let fields = Fields::new("repositories", row);
            let id = RepositoryId::new(fields.int("id")?);
            repositories.push(Repository {
                id,
                project: fields.name("project")?,
                name: fields.name("name")?,
                path: self.path(id).await?,
                arches: self.arches(id).await?,
                mirror: fields.maybe_json("mirror")?,
                rebuild: fields.word("rebuild", RebuildMode::parse)?,
                block: fields.word("block", BlockMode::parse)?,
            });
        }
        Ok(repositories)
    }

    async fn path(&mut self, repository: RepositoryId) -> Result<Vec<PathElement>, StoreError> {
        let rows =
            sqlx::query("SELECT project, repository FROM path_elements WHERE repository_id = $1 ORDER BY position")
                .bind(repository.get())
                .fetch_all(self.run())
                .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("path_elements", row);
                Ok(PathElement { project: fields.name("project")?, repository: fields.name("repository")? })
            })
            .collect()
    }

    async fn arches(&mut self, repository: RepositoryId) -> Result<Vec<RepositoryArch>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, arch, enabled, extra_packages, options FROM repository_arches \
             WHERE repository_id = $1 ORDER BY id",
        )
        .bind(repository.get())
        .fetch_all(self.run())
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("repository_arches", row);
                Ok(RepositoryArch {
                    arch: fields.name("arch")?,
                    enabled: fields.flag("enabled")?,
                    extra_packages: fields.json("extra_packages")?,
                    options: fields.json("options")?,
                })
            })
            .collect()
    }

    /// Adds a repository, or finds the one of that name; gives its number. Path and architectures stay as they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_repository(
        &mut self,
        project: ProjectId,
        name: &RepositoryName,
        now: Timestamp,
    ) -> Result<RepositoryId, StoreError> {
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO repositories (project_id, name, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (project_id, name) DO UPDATE SET name = excluded.name RETURNING id",
        )
        .bind(project.get())
        .bind(name.as_str())
        .bind(now.as_millis())
        .fetch_one(self.run())
        .await?;
        Ok(RepositoryId::new(id))
    }

    /// Replaces the path of a repository, strongest element first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_path(&mut self, repository: RepositoryId, path: &[PathElement]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM path_elements WHERE repository_id = $1")
            .bind(repository.get())
            .execute(self.run())
            .await?;
        for (position, element) in (0_i64..).zip(path) {
            sqlx::query(
                "INSERT INTO path_elements (repository_id, position, project, repository) VALUES ($1, $2, $3, $4)",
            )
            .bind(repository.get())
            .bind(position)
            .bind(element.project.as_str())
            .bind(element.repository.as_str())
            .execute(self.run())
            .await?;
        }
        Ok(())
    }

    /// Says where a repository's packages are downloaded from.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_mirror(&mut self, repository: RepositoryId, mirror: Option<&Mirror>) -> Result<(), StoreError> {
        sqlx::query("UPDATE repositories SET mirror = $2 WHERE id = $1")
            .bind(repository.get())
            .bind(mirror.map(json_text))
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Says which changes make the packages of a repository be built again, and what that waits for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_rebuild_modes(
        &mut self,
        repository: RepositoryId,
        (rebuild, block): (RebuildMode, BlockMode),
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE repositories SET rebuild = $2, block = $3 WHERE id = $1")
            .bind(repository.get())
            .bind(rebuild.as_str())
            .bind(block.as_str())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Adds an architecture to a repository, or replaces what is said of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_arch(&mut self, repository: RepositoryId, arch: &RepositoryArch) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO repository_arches (repository_id, arch, enabled, extra_packages, options) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository_id, arch) DO UPDATE SET \
             enabled = excluded.enabled, extra_packages = excluded.extra_packages, options = excluded.options",
        )
        .bind(repository.get())
        .bind(arch.arch.as_str())
        .bind(i64::from(arch.enabled))
        .bind(json_text(&arch.extra_packages))
        .bind(json_text(&arch.options))
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Every target, in order of creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn targets(&mut self) -> Result<Vec<Target>, StoreError> {
        let rows =
            sqlx::query("SELECT id, repository, arch, path_project, path_repository, active FROM targets ORDER BY id")
                .fetch_all(self.run())
                .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("targets", row);
                Ok(Target {
                    name: TargetName { repository: fields.name("repository")?, arch: fields.name("arch")? },
                    path: PathElement {
                        project: fields.name("path_project")?,
                        repository: fields.name("path_repository")?,
                    },
                    active: fields.flag("active")?,
                })
            })
            .collect()
    }

    /// The enabled targets of projects, in order of the projects and of creation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enabled_targets(
        &mut self,
        projects: &[ProjectId],
    ) -> Result<Vec<(ProjectId, TargetName)>, StoreError> {
        let mut found = Vec::new();
        for some in projects.chunks(PROJECTS_A_STATEMENT) {
            let mut query = QueryBuilder::new(
                "SELECT r.id, r.project_id, r.name AS repository, a.arch FROM repositories r \
                 JOIN repository_arches a ON a.repository_id = r.id WHERE a.enabled = 1 AND r.project_id IN (",
            );
            let mut list = query.separated(", ");
            for project in some {
                list.push_bind(project.get());
            }
            query.push(") ORDER BY r.project_id, r.id, a.id");
            for row in query.build().fetch_all(self.run()).await? {
                let fields = Fields::new("repositories", &row);
                let name = TargetName { repository: fields.name("repository")?, arch: fields.name("arch")? };
                found.push((ProjectId::new(fields.int("project_id")?), name));
            }
        }
        Ok(found)
    }

    /// Adds a target, or replaces the one of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_target(&mut self, target: &Target) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO targets (repository, arch, path_project, path_repository, active) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository, arch) DO UPDATE SET \
             path_project = excluded.path_project, path_repository = excluded.path_repository, \
             active = excluded.active",
        )
        .bind(target.name.repository.as_str())
        .bind(target.name.arch.as_str())
        .bind(target.path.project.as_str())
        .bind(target.path.repository.as_str())
        .bind(i64::from(target.active))
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// The (repository, arch)s that have a repository in their path, as they would have to be planned again when it changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repositories_building_against(
        &mut self,
        element: &PathElement,
    ) -> Result<Vec<RepositoryId>, StoreError> {
        let ids: Vec<(i64,)> = sqlx::query_as(
            "SELECT repository_id FROM path_elements WHERE project = $1 AND repository = $2 ORDER BY repository_id",
        )
        .bind(element.project.as_str())
        .bind(element.repository.as_str())
        .fetch_all(self.run())
        .await?;
        Ok(ids.into_iter().map(|(id,)| RepositoryId::new(id)).collect())
    }

    /// One architecture of a repository.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository_arch(
        &mut self,
        repository: RepositoryId,
        arch: &Arch,
    ) -> Result<Option<RepositoryArch>, StoreError> {
        Ok(self.arches(repository).await?.into_iter().find(|known| known.arch == *arch))
    }
}
