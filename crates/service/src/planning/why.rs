//! Explains the root of a package, or why it has none, in the world as it is now.

use expand::{Asked, PackageId, Why};
use model::{BuildId, BuildReason, PackageName, ProjectId, ProjectName, TaskId, TriggerPolicy, Verdict};
use sched::{Fate, WantedTask};
use serde::{Deserialize, Serialize};
use store::{Session, SourceTree, TargetName};

use super::elsewhere;
use super::group::{self, GroupPlan, Surroundings};
use super::impact::current_tree;
use super::path::Layer;
use crate::formats::{RecipeReader, read_recipe};
use crate::inner::{Inner, blocking};
use crate::projects::{existing, find_arch};
use crate::{Service, ServiceError};

/// The root of a package in one target, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageWhy {
    /// Project.
    pub project: ProjectName,
    /// Package.
    pub package: PackageName,
    /// Target (`debian-12-x86_64`).
    pub target: String,
    /// What dependencies, configuration and recipe make of it: scheduled means that it can be built. Whether it waits for
    /// other builds is not looked at.
    pub verdict: Verdict,
    /// The decisions behind that; absent if the verdict has nothing to do with dependencies.
    pub why: Option<Why>,
    /// Why the newest build there exists; absent if there is none.
    pub newest: Option<NewestBuild>,
    /// What is to be done with it if its source does not change; absent if it was never built there.
    pub rebuild: Option<Fate>,
    /// Whether the project builds by itself what is to be built again.
    pub rebuilds_itself: bool,
}

/// The newest build of a package in a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestBuild {
    /// Number.
    pub build: BuildId,
    /// Why it exists.
    pub reason: BuildReason,
}

impl Service {
    /// Explains the root of a package's newest source, made from what the repository path offers now. Nothing is stored.
    ///
    /// `dependency` narrows the explanation to how one package or dependency came in.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::TargetMissing`], [`ServiceError::PackageMissing`].
    pub async fn why(
        &self,
        project: ProjectId,
        package: &PackageName,
        target: &TargetName,
        dependency: Option<&str>,
    ) -> Result<PackageWhy, ServiceError> {
        let inner = &*self.inner;
        let mut session = inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let repositories = session.repositories(project.id).await?;
        let found = find_arch(&repositories, target).map(|(repository, arch)| (repository.id, arch.arch.clone()));
        let missing = || ServiceError::TargetMissing { project: project.name.clone(), target: target.clone() };
        let key = found.ok_or_else(missing)?;
        let missing = || ServiceError::PackageMissing { project: project.name.clone(), package: package.clone() };
        let tree = current_tree(&mut session, project.id, package).await?.ok_or_else(missing)?;
        let around = group::surroundings(inner, &mut session, &key).await?;
        drop(session);
        let (verdict, why) = match around {
            Err(GroupPlan::Wait(verdict) | GroupPlan::Never(verdict)) => (verdict, None),
            Err(GroupPlan::Same | GroupPlan::Each(_)) => (Verdict::Fetching, None),
            Ok(around) => explain(inner, &key, around, (package, tree), dependency).await?,
        };
        let newest = newest_build(&mut inner.store.read().await?, project.id, package, &key).await?;
        let rebuild = self.fate(&project, (package, target)).await?;
        Ok(PackageWhy {
            rebuilds_itself: project.settings.trigger == TriggerPolicy::OnChange,
            project: project.name,
            package: package.clone(),
            target: target.to_string(),
            verdict,
            why,
            newest,
            rebuild,
        })
    }
}

async fn newest_build(
    session: &mut Session,
    project: ProjectId,
    package: &PackageName,
    (repository, arch): &group::GroupKey,
) -> Result<Option<NewestBuild>, ServiceError> {
    let Some(package) = session.package(project, package).await? else { return Ok(None) };
    let newest = session.tasks_of_package(package.id, (*repository, arch), 1).await?.pop();
    let Some(newest) = newest else { return Ok(None) };
    let build = session.build(newest.task.build).await?;
    Ok(build.map(|build| NewestBuild { build: build.id, reason: build.reason }))
}

async fn explain(
    inner: &Inner,
    key: &group::GroupKey,
    around: Surroundings,
    (package, tree): (&PackageName, SourceTree),
    dependency: Option<&str>,
) -> Result<(Verdict, Option<Why>), ServiceError> {
    let Surroundings { layers, texts, inputs, additions, .. } = around;
    let arch = key.1.clone();
    let config = blocking(move || texts.merge(&arch)).await?;
    let inputs = inputs.for_config(&config);
    let world = group::world(inner, key, inputs).await?;
    let (blobs, arch, package) = (inner.blobs.clone(), key.1.clone(), package.to_string());
    let (dependency, shared) = (dependency.map(str::to_owned), layers.clone());
    let explained = blocking(move || {
        let reader = RecipeReader::new(&arch, &config.evaluated.config, &additions);
        let recipe = read_recipe(&blobs, &tree, &package, &reader);
        let task = WantedTask { task: TaskId::new(0), package, recipe, ordered: None };
        let snapshot = config.question(&arch, &world, &additions, std::slice::from_ref(&task));
        let asked = Asked {
            dependency: dependency.as_deref(),
            line: &|keyword, entry| config.line(keyword, entry),
            repository: &|package: PackageId| repository(&shared, world.pool.repository(package)),
            with_fixes: true,
        };
        sched::explain(&snapshot, &task, asked)
    })
    .await?;
    match explained {
        Err(verdict) => Ok((verdict, None)),
        Ok(mut why) => {
            elsewhere::add_hints(inner, &layers, &key.1, &mut why).await?;
            let verdict = if why.problems.is_empty() {
                Verdict::Scheduled
            } else {
                let problems = why.problems.iter().map(|trouble| trouble.message.clone()).collect();
                Verdict::Unresolvable { problems }
            };
            Ok((verdict, Some(why)))
        }
    }
}

/// The repository a package of a world is from: each layer has two ranks, its results and what it mirrors.
fn repository(layers: &[Layer], rank: u16) -> Option<String> {
    layers.get(usize::from(rank / 2)).map(|layer| layer.element().to_string())
}
