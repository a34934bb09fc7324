use axum::Json;
use axum::extract::{Path, State};
use model::{Project, RepositoryName};
use pkg::Arch;
use service::{ConfigFinding, ConfigRevision, EffectiveConfig, TargetName};

use super::entries::entries;
use super::error::NativeError;
use super::request::{Caller, InProject, JsonBody};
use super::wire::{
    ConfigAnswer, ConfigCheckAnswer, ConfigRequest, ConfigRevisionAnswer, ConfigRevisionsAnswer, EffectiveAnswer,
    FindingAnswer, ImpactRequest, LayerAnswer,
};
use crate::app::App;
use crate::query::Query;

/// `GET /projects/NAME/config`.
pub(super) async fn show(
    State(app): State<App>,
    InProject(project): InProject,
) -> Result<Json<ConfigAnswer>, NativeError> {
    let revision = app.service.config(project.id).await?;
    answer(&app, &project, revision).await.map(Json)
}

/// `PUT /projects/NAME/config`: refused if the text has an error, unless the project takes every text.
pub(super) async fn set(
    State(app): State<App>,
    Caller(user): Caller,
    InProject(project): InProject,
    JsonBody(wanted): JsonBody<ConfigRequest>,
) -> Result<Json<ConfigAnswer>, NativeError> {
    let revision = app.service.set_checked_config(&user, project.id, wanted.text.into_bytes(), &wanted.comment).await?;
    answer(&app, &project, revision).await.map(Json)
}

/// `POST /projects/NAME/config/check`: what is odd about a text; nothing is stored.
pub(super) async fn check(
    State(app): State<App>,
    InProject(project): InProject,
    JsonBody(wanted): JsonBody<ImpactRequest>,
) -> Result<Json<ConfigCheckAnswer>, NativeError> {
    let text = wanted.text.as_bytes();
    let found = app.service.config_findings(project.id, text).await?;
    Ok(Json(ConfigCheckAnswer { findings: found.iter().map(|found| finding(text, found)).collect() }))
}

/// `GET /projects/NAME/config/revisions?limit=&offset=`.
pub(super) async fn revisions(
    State(app): State<App>,
    InProject(project): InProject,
    query: Query,
) -> Result<Json<ConfigRevisionsAnswer>, NativeError> {
    let number = |value: Option<i64>| value.map(|value| u32::try_from(value.max(0)).unwrap_or(u32::MAX));
    let limit = number(query.integer("limit")?);
    let offset = number(query.integer("offset")?).unwrap_or(0);
    let changes = app.service.config_changes(project.id, limit, offset).await?.into_iter();
    let revisions = changes.map(|change| ConfigRevisionAnswer {
        revision: change.revision,
        comment: change.comment,
        author: change.author,
        created_at: change.created_at,
        bytes: change.bytes,
        sha256: change.sha256.to_string(),
    });
    Ok(Json(ConfigRevisionsAnswer { revisions: revisions.collect() }))
}

/// `GET /projects/NAME/config/revisions/N`.
pub(super) async fn revision(
    State(app): State<App>,
    InProject(project): InProject,
    Path((_, revision)): Path<(String, String)>,
) -> Result<Json<ConfigAnswer>, NativeError> {
    let number = number(&revision).ok_or_else(|| NativeError::missing("the number of a revision has digits only"))?;
    let revision = app.service.config_revision(project.id, number).await?;
    answer(&app, &project, revision).await.map(Json)
}

/// `GET /projects/NAME/config/effective?repository=&arch=&revision=`.
pub(super) async fn effective(
    State(app): State<App>,
    InProject(project): InProject,
    query: Query,
) -> Result<Json<EffectiveAnswer>, NativeError> {
    let needed = |name: &'static str| {
        query.get(name).ok_or_else(|| NativeError::invalid(format!("the parameter {name} is needed")))
    };
    let invalid = |error: &dyn std::fmt::Display| NativeError::invalid(error.to_string());
    let target = TargetName {
        repository: RepositoryName::parse(needed("repository")?).map_err(|error| invalid(&error))?,
        arch: Arch::parse(needed("arch")?).map_err(|error| invalid(&error))?,
    };
    let revision = query.get("revision").map(|text| {
        number(text).ok_or_else(|| NativeError::invalid("revision: the number of a revision has digits only"))
    });
    let effective = app.service.effective_config(project.id, &target, revision.transpose()?).await?;
    Ok(Json(effective_answer(&project, &target, &effective)))
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn effective_answer(project: &Project, target: &TargetName, effective: &EffectiveConfig) -> EffectiveAnswer {
    let layers = effective.layers.iter().map(|layer| LayerAnswer {
        project: layer.project.to_string(),
        repository: layer.repository.to_string(),
        revision: layer.revision,
        text: String::from_utf8_lossy(&layer.text).into_owned(),
    });
    EffectiveAnswer {
        project: project.name.to_string(),
        repository: target.repository.to_string(),
        arch: target.arch.to_string(),
        layers: layers.collect(),
        missing: effective.missing.iter().map(ToString::to_string).collect(),
        entries: entries(&effective.tree, &effective.evaluated),
        parse_error: effective.evaluated.parse_error.clone(),
    }
}

async fn answer(app: &App, project: &Project, revision: ConfigRevision) -> Result<ConfigAnswer, NativeError> {
    let found = app.service.config_findings(project.id, &revision.text).await?;
    Ok(ConfigAnswer {
        revision: revision.revision,
        findings: found.iter().map(|found| finding(&revision.text, found)).collect(),
        text: String::from_utf8_lossy(&revision.text).into_owned(),
        comment: revision.comment,
        author: revision.author,
        created_at: revision.created_at,
    })
}

fn finding(text: &[u8], found: &ConfigFinding) -> FindingAnswer {
    FindingAnswer::of(&found.finding, &found.location, text)
}
