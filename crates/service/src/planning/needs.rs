//! Which packages of a project need which others of it.

use model::{PackageName, ProjectId};
use sched::WantedTask;
use store::TargetName;

use super::group::{self, GroupPlan, Surroundings};
use super::impact::{current_trees, task};
use crate::formats::RecipeReader;
use crate::inner::blocking;
use crate::projects::existing;
use crate::{Service, ServiceError};

/// The packages of a project in one target, and which of them have to be built before which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildNeeds {
    /// The packages, by name.
    pub packages: Vec<PackageNeeds>,
    /// Their places in that list, what is needed first outside of cycles.
    pub order: Vec<usize>,
    /// Packages that need each other, each the next one.
    pub cycles: Vec<Vec<PackageName>>,
}

/// What one package needs and makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageNeeds {
    /// Package.
    pub package: PackageName,
    /// What its recipe calls itself; the package's name, if it can not be read.
    pub source: String,
    /// The packages of the project it needs, by name.
    pub needs: Vec<PackageName>,
    /// The binary packages it makes, as far as known.
    pub makes: Vec<String>,
}

impl Service {
    /// Which packages of a project need which others in a target, from their newest sources and what the path offers now.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::TargetMissing`], [`ServiceError::Unavailable`] if the packages of the
    /// path are not known yet.
    pub async fn build_needs(&self, project: ProjectId, target: &TargetName) -> Result<BuildNeeds, ServiceError> {
        let inner = &*self.inner;
        let mut session = inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let key = self.key(&mut session, &project, target).await?;
        let sources = current_trees(&mut session, project.id).await?;
        let around = match group::surroundings(inner, &mut session, &key).await? {
            Ok(around) => around,
            Err(GroupPlan::Wait(verdict) | GroupPlan::Never(verdict)) => {
                let (what, detail) = (format!("{}/{target}", project.name), verdict.to_string());
                return Err(ServiceError::Unavailable { what, detail });
            }
            Err(GroupPlan::Same | GroupPlan::Each(_)) => return Ok(BuildNeeds::default()),
        };
        drop(session);
        let Surroundings { texts, inputs, additions, .. } = around;
        let arch = key.1.clone();
        let config = blocking(move || texts.merge(&arch)).await?;
        let world = group::world(inner, &key, inputs.for_config(&config)).await?;
        let blobs = inner.blobs.clone();
        blocking(move || {
            let reader = RecipeReader::new(&key.1, &config.evaluated.config, &additions);
            let tasks: Vec<WantedTask> = sources.iter().map(|source| task(&blobs, source, &reader)).collect();
            let found = sched::needs(&config.question(&key.1, &world, &additions, &tasks));
            let name = |place: &u32| sources.get(*place as usize).map(|(package, _)| package.clone());
            let packages = sources.iter().zip(&tasks).zip(&found.needs).map(|(((package, _), task), needs)| {
                let recipe = task.recipe.as_ref().ok();
                PackageNeeds {
                    package: package.clone(),
                    source: recipe.map_or_else(|| package.to_string(), |recipe| recipe.name.clone()),
                    needs: needs.iter().filter_map(name).collect(),
                    makes: recipe.map(|recipe| recipe.subpackages.clone()).unwrap_or_default(),
                }
            });
            BuildNeeds {
                packages: packages.collect(),
                order: found.order.iter().map(|place| *place as usize).collect(),
                cycles: found.cycles.iter().map(|cycle| cycle.iter().filter_map(name).collect()).collect(),
            }
        })
        .await
    }
}
