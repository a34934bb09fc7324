//! What two build configurations of a project do differently, by meaning and not by lines.

use model::ProjectId;
use prjconf::{Difference, Options};

use crate::configurations::{join, layers};
use crate::inner::blocking;
use crate::projects::existing;
use crate::{Service, ServiceError, TargetName};

/// What two texts do differently in the targets of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDifferences {
    /// Every target that was compared (`debian-12-x86_64`), in order of creation.
    pub targets: Vec<String>,
    /// What differs, with the targets where it does.
    pub differences: Vec<Difference>,
}

impl Service {
    /// Compares two texts as the configuration of a project, joined with what its repositories build against now.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn config_differences(
        &self,
        id: ProjectId,
        before: Vec<u8>,
        after: Vec<u8>,
    ) -> Result<ConfigDifferences, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        let mut stacks = Vec::new();
        for repository in session.repositories(id).await? {
            let enabled = repository.arches.iter().filter(|arch| arch.enabled);
            let arches: Vec<_> = enabled.map(|arch| arch.arch.clone()).collect();
            let name = repository.name.clone();
            if !arches.is_empty() {
                stacks.push((name, arches, layers(&mut session, repository).await?.0));
            }
        }
        drop(session);
        blocking(move || {
            let mut pairs = Vec::new();
            for (repository, arches, mut layers) in stacks {
                let [before, after] = [&before, &after].map(|text| {
                    if let Some(own) = layers.first_mut() {
                        own.text.clone_from(text);
                    }
                    join(&layers)
                });
                for arch in arches {
                    let options = Options::for_arch(arch.as_str());
                    let config = |tree| prjconf::evaluate(tree, &options).config;
                    let target = TargetName { repository: repository.clone(), arch: arch.clone() }.to_string();
                    pairs.push((target, config(&before), config(&after)));
                }
            }
            let compared = pairs.iter().map(|(target, before, after)| (target.as_str(), before, after));
            let differences = prjconf::differences(compared);
            ConfigDifferences { targets: pairs.into_iter().map(|(target, ..)| target).collect(), differences }
        })
        .await
    }
}
