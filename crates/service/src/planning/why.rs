//! Explains the root of a package, or why it has none, in the world as it is now.

use expand::{Asked, PackageId, Why};
use model::{PackageName, ProjectId, ProjectName, TaskId, Verdict};
use sched::WantedTask;
use serde::{Deserialize, Serialize};
use store::{SourceTree, TargetName};

use super::elsewhere;
use super::group::{self, GroupPlan, Surroundings};
use super::impact::current_tree;
use super::outlook::Outlook;
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
    /// What is known of its builds there.
    #[serde(flatten)]
    pub outlook: Outlook,
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
        let outlook = self.outlook(project.id, package, target).await?;
        let (package, target) = (package.clone(), target.to_string());
        Ok(PackageWhy { project: project.name, package, target, verdict, why, outlook })
    }
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
