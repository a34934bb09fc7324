use axum::Json;
use axum::extract::{Path, State};
use model::{PackageName, RepositoryName};
use pkg::Arch;
use service::TargetName;

use super::error::NativeError;
use super::request::{Caller, InProject, JsonBody};
use super::wire::{ConfigImpact, ImpactRequest, PackageWhy};
use crate::app::App;
use crate::query::Query;

/// Longest name of a dependency that is asked about, in bytes.
const MAX_DEPENDENCY_BYTES: usize = 1000;

/// `GET /projects/NAME/packages/PACKAGE/why?target=REPOSITORY/ARCH&dep=`.
pub(super) async fn show(
    State(app): State<App>,
    InProject(project): InProject,
    Path((_, package)): Path<(String, String)>,
    query: Query,
) -> Result<Json<PackageWhy>, NativeError> {
    let package = PackageName::parse(&package).map_err(|error| NativeError::invalid(error.to_string()))?;
    let target = query.get("target").ok_or_else(|| NativeError::invalid("query parameter target is missing"))?;
    let target = parse_target(target)?;
    let dependency = query.get("dep").filter(|dependency| !dependency.is_empty());
    if dependency.is_some_and(|dependency| dependency.len() > MAX_DEPENDENCY_BYTES) {
        return Err(NativeError::invalid(format!("query parameter dep: longer than {MAX_DEPENDENCY_BYTES} bytes")));
    }
    Ok(Json(app.service.why(project.id, &package, &target, dependency).await?))
}

/// `REPOSITORY/ARCH`.
fn parse_target(text: &str) -> Result<TargetName, NativeError> {
    let named = text.split_once('/').and_then(|(repository, arch)| {
        Some(TargetName { repository: RepositoryName::parse(repository).ok()?, arch: Arch::parse(arch).ok()? })
    });
    named.ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        NativeError::invalid(format!(
            "query parameter target: {shown:?} has to be a repository, a slash and an architecture"
        ))
    })
}

/// `POST /projects/NAME/config/impact`; everybody who is logged in may ask.
pub(super) async fn impact(
    State(app): State<App>,
    Caller(_): Caller,
    InProject(project): InProject,
    JsonBody(wanted): JsonBody<ImpactRequest>,
) -> Result<Json<ConfigImpact>, NativeError> {
    Ok(Json(app.service.config_impact(project.id, wanted.text.as_bytes()).await?))
}
