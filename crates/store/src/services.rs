//! Services that make files of packages: which build runs them, and what came out.

use model::{BuildId, BuildReason, BuildSource, FailureCause, SourceEvent, SourceState};
use pkg::Md5;

use crate::fields::Fields;
use crate::{Session, StoreError};

/// A run of a package's services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRun {
    /// The build that runs them.
    pub build: BuildId,
    /// What came out.
    pub tree: Option<Md5>,
    /// Where that build's source stands; nothing, if the build is gone.
    pub state: Option<SourceState>,
    /// Why it ended without files.
    pub failure: Option<FailureCause>,
}

impl ServiceRun {
    /// Whether it goes on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.tree.is_none()
            && self.state.is_some_and(|state| {
                !matches!(state, SourceState::Succeeded | SourceState::Failed | SourceState::Canceled)
            })
    }
}

/// A run that has ended, and whose end nobody has looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedRun {
    /// Row of the package.
    pub package: i64,
    /// The files they ran on.
    pub own: Md5,
    /// The build that ran them.
    pub build: BuildId,
    /// Why they ran; nothing, if that build is gone.
    pub reason: Option<BuildReason>,
}

pub(crate) const ENDED_RUNS: &str = "SELECT r.package_id AS id, r.own_md5, r.build_id, b.reason FROM service_runs r \
     LEFT JOIN builds b ON b.id = r.build_id WHERE r.settled = 0 AND (b.id IS NULL OR b.finished = 1) LIMIT $1";

impl Session {
    /// Says which build runs the services of some files.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_service_run(&mut self, package: i64, own: &Md5, build: BuildId) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO service_runs (package_id, own_md5, build_id) VALUES ($1, $2, $3) \
             ON CONFLICT (package_id, own_md5) DO UPDATE SET build_id = excluded.build_id, tree_md5 = NULL, settled = 0",
        )
        .bind(package)
        .bind(own.to_string())
        .bind(build.get())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Says what came out of services; nothing happens if another build runs them by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_service_tree(
        &mut self,
        package: i64,
        own: &Md5,
        build: BuildId,
        tree: &Md5,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE service_runs SET tree_md5 = $4 WHERE package_id = $1 AND own_md5 = $2 AND build_id = $3")
            .bind(package)
            .bind(own.to_string())
            .bind(build.get())
            .bind(tree.to_string())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// The run of the services of some files.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn service_run(&mut self, package: i64, own: &Md5) -> Result<Option<ServiceRun>, StoreError> {
        let row = sqlx::query(
            "SELECT r.package_id AS id, r.build_id, r.tree_md5, b.source_state, b.source_failure FROM service_runs r \
             LEFT JOIN builds b ON b.id = r.build_id WHERE r.package_id = $1 AND r.own_md5 = $2",
        )
        .bind(package)
        .bind(own.to_string())
        .fetch_optional(self.run())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new("service_runs", &row);
        Ok(Some(ServiceRun {
            build: BuildId::new(fields.int("build_id")?),
            tree: fields.maybe_name("tree_md5")?,
            state: fields.maybe_text("source_state")?.as_deref().and_then(SourceState::parse),
            failure: fields.maybe_json("source_failure")?,
        }))
    }

    /// Ends the source of a build that only runs services. Whether that was legal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_services(&mut self, build: BuildId) -> Result<bool, StoreError> {
        if self.change_source(build, SourceEvent::Stored).await?.is_none() {
            return Ok(false);
        }
        self.derive_finished(build).await?;
        Ok(true)
    }

    /// Runs that have ended and were not looked at since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_service_runs(&mut self, limit: u32) -> Result<Vec<EndedRun>, StoreError> {
        let rows = sqlx::query(ENDED_RUNS).bind(i64::from(limit)).fetch_all(self.run()).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("service_runs", row);
                Ok(EndedRun {
                    package: fields.int("id")?,
                    own: fields.name("own_md5")?,
                    build: BuildId::new(fields.int("build_id")?),
                    reason: fields.maybe_json("reason")?,
                })
            })
            .collect()
    }

    /// Notes that the end of a run was looked at; nothing happens if another build runs the services by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_service_run(&mut self, run: &EndedRun) -> Result<(), StoreError> {
        sqlx::query("UPDATE service_runs SET settled = 1 WHERE package_id = $1 AND own_md5 = $2 AND build_id = $3")
            .bind(run.package)
            .bind(run.own.to_string())
            .bind(run.build.get())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// Says why the files of a package are not to be had, or that they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_package_failure(&mut self, package: i64, failure: Option<&str>) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE packages SET failure = $2 WHERE id = $1");
        query.bind(package).bind(failure).execute(self.run()).await?;
        Ok(())
    }

    /// The project a package belongs to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn project_of_package(&mut self, package: i64) -> Result<Option<model::ProjectId>, StoreError> {
        let found: Option<(i64,)> = sqlx::query_as("SELECT project_id FROM packages WHERE id = $1")
            .bind(package)
            .fetch_optional(self.run())
            .await?;
        Ok(found.map(|(id,)| model::ProjectId::new(id)))
    }
}

/// The package and revision whose services a build runs; nothing, if it is another kind of build.
#[must_use]
pub fn services_of(source: &BuildSource) -> Option<(&model::PackageName, u64)> {
    match source {
        BuildSource::Revision { package, revision, file, .. } if file.as_str() == "_service" => {
            Some((package, *revision))
        }
        _ => None,
    }
}
