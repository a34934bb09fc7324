//! What another build configuration of a project would change, before anything is touched.

use std::sync::Arc;

use model::{PackageName, ProjectId, TargetAdditions, TaskId, TriggerPolicy, Verdict};
use pkg::Arch;
use recipe::Recipe;
use sched::{PackageImpact, WantedTask};
use serde::{Deserialize, Serialize};
use store::{Blobs, Session, SourceTree, TargetName};

use super::config::{ConfigTexts, MergedConfig};
use super::group::{self, GroupKey, GroupPlan, Surroundings};
use super::world::World;
use crate::formats::{RecipeReader, read_recipe};
use crate::inner::{Inner, blocking};
use crate::projects::{check_size, existing};
use crate::{Service, ServiceError};

/// Threads that plan.
const THREADS: usize = 2;

/// What a configuration would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigImpact {
    /// One entry an enabled target, in order of creation.
    pub targets: Vec<TargetImpact>,
    /// Repositories of other projects that build on this one (`PROJECT/REPOSITORY`). What changes there is not looked at.
    pub not_looked_at: Vec<String>,
    /// Whether the project builds again by itself what is to be rebuilt.
    pub rebuilds_itself: bool,
}

/// What a configuration would change in one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetImpact {
    /// Target (`debian-12-x86_64`).
    pub target: String,
    /// Why the target can not be planned at all, now as then.
    pub verdict: Option<Verdict>,
    /// Packages looked at.
    pub packages: u64,
    /// How many can not be built any more.
    pub become_unresolvable: u64,
    /// How many can be built that could not.
    pub become_resolvable: u64,
    /// How many get another root.
    pub change_root: u64,
    /// How many would be built again.
    pub rebuild: u64,
    /// How many are built in another way (command, options, profiles).
    pub other_settings: u64,
    /// The packages with a difference, by name.
    pub changes: Vec<PackageImpact>,
}

/// Everything one target's plan is made from, under both configurations.
struct Both {
    arch: Arch,
    world: [Arc<World>; 2],
    config: [MergedConfig; 2],
    additions: TargetAdditions,
}

impl Service {
    /// Plans the newest source of every package of a project with its configuration and with another one. Nothing is
    /// stored.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::BadValue`] if the text is too large.
    pub async fn config_impact(&self, project: ProjectId, text: &[u8]) -> Result<ConfigImpact, ServiceError> {
        check_size("build configuration", text.len())?;
        let inner = &*self.inner;
        let mut session = inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let repositories = session.repositories(project.id).await?;
        let sources = current_trees(&mut session, project.id).await?;
        let mut not_looked_at = Vec::new();
        for repository in &repositories {
            let element = model::PathElement { project: project.name.clone(), repository: repository.name.clone() };
            for other in session.repositories_building_against(&element).await? {
                let other = session.repository_by_id(other).await?.filter(|other| other.project != project.name);
                not_looked_at.extend(other.map(|other| format!("{}/{}", other.project, other.name)));
            }
        }
        drop(session);
        let sources = Arc::new(sources);
        let mut targets = Vec::new();
        for repository in &repositories {
            for arch in repository.arches.iter().filter(|arch| arch.enabled) {
                let name = TargetName { repository: repository.name.clone(), arch: arch.arch.clone() };
                let key = (repository.id, arch.arch.clone());
                let text = (project.name.as_str(), text);
                targets.push(target_impact(inner, &key, &name, text, &sources).await?);
            }
        }
        let rebuilds_itself = project.settings.trigger == TriggerPolicy::OnChange;
        Ok(ConfigImpact { targets, not_looked_at, rebuilds_itself })
    }
}

/// The newest source of each package of a project, by name.
pub(super) async fn current_trees(
    session: &mut Session,
    project: ProjectId,
) -> Result<Vec<(PackageName, SourceTree)>, ServiceError> {
    let mut sources = Vec::new();
    for source in session.current_sources(project).await? {
        if let Some(tree) = session.source_tree(&source.tree).await? {
            sources.push((source.package, tree));
        }
    }
    Ok(sources)
}

/// The newest source of one package of a project.
pub(super) async fn current_tree(
    session: &mut Session,
    project: ProjectId,
    package: &PackageName,
) -> Result<Option<SourceTree>, ServiceError> {
    let sources = session.current_sources(project).await?;
    match sources.into_iter().find(|source| source.package == *package) {
        Some(source) => Ok(session.source_tree(&source.tree).await?),
        None => Ok(None),
    }
}

async fn target_impact(
    inner: &Inner,
    key: &GroupKey,
    name: &TargetName,
    (project, text): (&str, &[u8]),
    sources: &Arc<Vec<(PackageName, SourceTree)>>,
) -> Result<TargetImpact, ServiceError> {
    let around = group::surroundings(inner, &mut inner.store.read().await?, key).await?;
    let around = match around {
        Ok(around) => around,
        Err(GroupPlan::Wait(verdict) | GroupPlan::Never(verdict)) => {
            return Ok(TargetImpact::new(name, sources.len(), Some(verdict), Vec::new()));
        }
        Err(GroupPlan::Same | GroupPlan::Each(_)) => return Ok(TargetImpact::new(name, 0, None, Vec::new())),
    };
    let both = Arc::new(both(inner, key, around, (project, text)).await?);
    let half = sources.len().div_ceil(THREADS).max(1);
    let mut parts = Vec::new();
    for part in 0..THREADS {
        let (both, sources, blobs) = (Arc::clone(&both), Arc::clone(sources), inner.blobs.clone());
        parts.push(tokio::spawn(blocking(move || {
            let sources = sources.chunks(half).nth(part).unwrap_or_default();
            both.compare(&blobs, sources)
        })));
    }
    let mut changes = Vec::new();
    for part in parts {
        let failed = |error: tokio::task::JoinError| ServiceError::Failed {
            what: "a helper task died".to_owned(),
            source: error.into(),
        };
        changes.extend(part.await.map_err(failed)??);
    }
    Ok(TargetImpact::new(name, sources.len(), None, changes))
}

async fn both(
    inner: &Inner,
    key: &GroupKey,
    around: Surroundings,
    (project, text): (&str, &[u8]),
) -> Result<Both, ServiceError> {
    let Surroundings { texts, inputs, additions, .. } = around;
    let changed: ConfigTexts = texts.with(project, text);
    let arch = key.1.clone();
    let config = blocking(move || [texts.merge(&arch), changed.merge(&arch)]).await?;
    let [old, new] = [&config[0], &config[1]].map(|config| inputs.clone().for_config(config));
    let before = group::world(inner, key, old.clone()).await?;
    let after = if old == new { Arc::clone(&before) } else { group::world(inner, key, new).await? };
    Ok(Both { arch: key.1.clone(), world: [before, after], config, additions })
}

impl Both {
    /// Plans packages under both configurations. Blocks.
    fn compare(&self, blobs: &Blobs, sources: &[(PackageName, SourceTree)]) -> Vec<PackageImpact> {
        let [old, new] = self
            .config
            .each_ref()
            .map(|config| RecipeReader::new(&self.arch, &config.evaluated.config, &self.additions));
        let before: Vec<WantedTask> = sources.iter().map(|source| task(blobs, source, &old)).collect();
        let pairs = sources.iter().zip(&before);
        let after: Vec<WantedTask> = pairs
            .map(|(source, known)| match old.answers_as(&new, source.1.recipe_kind) {
                true => known.clone(),
                false => task(blobs, source, &new),
            })
            .collect();
        let [old, new] = &self.config;
        let [world, new_world] = &self.world;
        let before = old.question(&self.arch, world, &self.additions, &before);
        let after = new.question(&self.arch, new_world, &self.additions, &after);
        sched::impact(&before, &after)
    }
}

pub(super) fn task(
    blobs: &Blobs,
    (package, tree): &(PackageName, SourceTree),
    reader: &RecipeReader<'_>,
) -> WantedTask {
    let recipe: Result<Recipe, String> = read_recipe(blobs, tree, package.as_str(), reader);
    WantedTask { task: TaskId::new(0), package: package.to_string(), recipe, ordered: None }
}

impl TargetImpact {
    fn new(name: &TargetName, packages: usize, verdict: Option<Verdict>, changes: Vec<PackageImpact>) -> Self {
        let count = |is_one: fn(&PackageImpact) -> bool| {
            u64::try_from(changes.iter().filter(|change| is_one(change)).count()).unwrap_or(u64::MAX)
        };
        Self {
            target: name.to_string(),
            verdict,
            packages: u64::try_from(packages).unwrap_or(u64::MAX),
            become_unresolvable: count(PackageImpact::becomes_unresolvable),
            become_resolvable: count(PackageImpact::becomes_resolvable),
            change_root: count(PackageImpact::changes_root),
            rebuild: count(|change| change.rebuild),
            other_settings: count(|change| change.other_settings),
            changes,
        }
    }
}
