//! The build configuration of a repository, merged along its path.

use expand::LineOrigin;
use model::{BuildId, Repository, TargetAdditions};
use pkg::{Arch, Sha256};
use prjconf::{BuildConfig, Evaluated, Options, PathElement, ServerContext, Tree};
use sched::{BlockPolicy, Snapshot, WantedTask};
use store::Session;

use super::path::{self, Layer};
use super::world::World;
use crate::ServiceError;
use crate::inner::{Inner, blocking};

/// The configurations of a path, strongest first.
#[derive(Debug)]
pub(super) struct ConfigTexts {
    /// Project, repository, text.
    parts: Vec<(String, String, Vec<u8>)>,
}

/// A merged configuration.
#[derive(Debug)]
pub(super) struct MergedConfig {
    /// The text as merged, with where each part comes from.
    pub(super) tree: Tree,
    /// Names the text.
    pub(super) sha256: Sha256,
    /// What it says for the architecture.
    pub(super) evaluated: Evaluated,
}

impl MergedConfig {
    /// What a question about tasks depends on that starts nothing: no package has to be at hand, no task waits for another,
    /// and nobody wants to know what roots were made from.
    pub(super) fn question<'a>(
        &'a self,
        arch: &'a Arch,
        world: &'a World,
        additions: &'a TargetAdditions,
        tasks: &'a [WantedTask],
    ) -> Snapshot<'a> {
        Snapshot {
            arch,
            config: &self.evaluated.config,
            config_error: self.evaluated.parse_error.as_deref(),
            pool: &world.pool,
            is_local: &|_| true,
            additions,
            block: BlockPolicy::Never,
            tasks,
            open: &[],
            origins: None,
        }
    }
}

/// Reads the newest configuration of each layer.
pub(super) async fn texts(session: &mut Session, layers: &[Layer]) -> Result<ConfigTexts, ServiceError> {
    let mut parts = Vec::new();
    for layer in layers {
        let config = session.config(layer.project).await?;
        let repository = &layer.repository;
        parts.push((repository.project.to_string(), repository.name.to_string(), config.text));
    }
    Ok(ConfigTexts { parts })
}

/// The configurations of a build's targets, in the order of its tasks; never none: a build whose targets can not be read
/// gets the empty one.
pub(crate) async fn target_configs(inner: &Inner, build: BuildId) -> Result<Vec<BuildConfig>, ServiceError> {
    let mut session = inner.store.read().await?;
    let mut targets = Vec::new();
    if let Some(build) = session.build(build).await? {
        for task in build.tasks {
            let Some(repository) = session.repository(&build.project, &task.repository).await? else { continue };
            let (layers, _missing) = path::expand(&mut session, repository).await?;
            targets.push((texts(&mut session, &layers).await?, task.arch));
        }
    }
    drop(session);
    blocking(move || {
        let mut configs: Vec<BuildConfig> =
            targets.iter().map(|(texts, arch)| texts.merge(arch).evaluated.config).collect();
        if configs.is_empty() {
            configs.push(prjconf::evaluate(&prjconf::parse(b""), &Options::for_arch("x86_64")).config);
        }
        configs
    })
    .await
}

/// The configuration of a repository for the first of its architectures, for what does not depend on the architecture;
/// nothing, if it has none.
pub(crate) async fn repository_config(
    inner: &Inner,
    repository: Repository,
) -> Result<Option<BuildConfig>, ServiceError> {
    let Some(arch) = repository.arches.first().map(|arch| arch.arch.clone()) else { return Ok(None) };
    let mut session = inner.store.read().await?;
    let (layers, _missing) = path::expand(&mut session, repository).await?;
    let texts = texts(&mut session, &layers).await?;
    drop(session);
    Ok(Some(blocking(move || texts.merge(&arch).evaluated.config).await?))
}

impl ConfigTexts {
    /// The texts with another one for a project.
    pub(super) fn with(&self, project: &str, text: &[u8]) -> Self {
        let mut parts = self.parts.clone();
        for (_, _, known) in parts.iter_mut().filter(|(name, _, _)| name == project) {
            *known = text.to_vec();
        }
        Self { parts }
    }

    /// Merges as a server does and evaluates for an architecture.
    pub(super) fn merge(&self, arch: &Arch) -> MergedConfig {
        let path: Vec<PathElement<'_>> = self
            .parts
            .iter()
            .map(|(project, repository, text)| PathElement {
                project,
                repository,
                text: Some(text.as_slice()).filter(|text| !text.is_empty()),
            })
            .collect();
        let (project, repository) = path.first().map_or(("", ""), |own| (own.project, own.repository));
        let context = ServerContext { project, repository, ..ServerContext::default() };
        let tree = prjconf::server_config(&context, &path);
        let evaluated = prjconf::evaluate(&tree, &Options::for_arch(arch.as_str()));
        MergedConfig { sha256: Sha256::of(tree.text()), tree, evaluated }
    }
}

impl MergedConfig {
    /// The line of a project's configuration that has an entry.
    pub(super) fn line(&self, keyword: &str, entry: &str) -> Option<LineOrigin> {
        let place = self.evaluated.locate(&self.tree, keyword, entry)?;
        // Sources are named as `server_config` does: project, slash, repository.
        let project = place.source.and_then(|_| place.name.rsplit_once('/')).map_or("", |(project, _)| project);
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Some(LineOrigin {
            project: project.to_owned(),
            line: number(place.line),
            start: number(place.span.start),
            end: number(place.span.end),
        })
    }
}
