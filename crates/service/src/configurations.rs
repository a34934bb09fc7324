//! Build configurations of projects: revisions, what they come to along a repository path, and what is odd about them.

use std::collections::{BTreeMap, BTreeSet};

use model::{PathElement, ProjectId, ProjectName, Repository, RepositoryId, RepositoryName};
use pkg::{Arch, Sha256};
use prjconf::{Code, Evaluated, Finding, Grade, Location, Options, ServerContext, Tree};
use store::Session;

use crate::background::Reconciler;
use crate::inner::{Inner, blocking};
use crate::planning::expand_path;
use crate::projects::{check_size, existing};
use crate::{Action, ConfigChange, ConfigRevision, Service, ServiceError, TargetName, User};

/// One configuration of a repository path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigLayer {
    /// Project.
    pub project: ProjectName,
    /// Its repository.
    pub repository: RepositoryName,
    /// Revision of the configuration; 0 if the project has none.
    pub revision: u64,
    /// The text, as it was written.
    pub text: Vec<u8>,
}

/// The configuration of one repository and architecture, joined along its path.
#[derive(Debug)]
pub struct EffectiveConfig {
    /// The texts it is made of, strongest first; the repository's own is the first.
    pub layers: Vec<ConfigLayer>,
    /// Elements of the path that do not exist.
    pub missing: Vec<PathElement>,
    /// The joined text. Its sources are called `PROJECT/REPOSITORY`, base first.
    pub tree: Tree,
    /// What it says.
    pub evaluated: Evaluated,
}

/// Something odd about the configuration of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFinding {
    /// What, with a span in a joined text.
    pub finding: Finding,
    /// Where in the project's own text.
    pub location: Location,
}

impl Service {
    /// The newest build configuration of a project.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn config(&self, id: ProjectId) -> Result<ConfigRevision, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        Ok(session.config(id).await?)
    }
    /// Adds a revision of the build configuration; the same text again adds none.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::BadValue`] if it is too large.
    pub async fn set_config(
        &self,
        actor: &User,
        id: ProjectId,
        text: Vec<u8>,
        comment: &str,
    ) -> Result<ConfigRevision, ServiceError> {
        check_size("build configuration", text.len() + comment.len())?;
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        let newest = session.config(id).await?;
        if newest.sha256 == Sha256::of(&text) {
            return Ok(newest);
        }
        session.add_config(id, &text, comment, actor.id, self.inner.now()).await?;
        let newest = session.config(id).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Planning);
        Ok(newest)
    }

    /// As [`Self::set_config`], unless the text has an error; warnings are no reason to refuse it, and a project may have
    /// said that it takes every text.
    ///
    /// # Errors
    /// As [`Self::set_config`]; [`ServiceError::ConfigRefused`] with the first error.
    pub async fn set_checked_config(
        &self,
        actor: &User,
        id: ProjectId,
        text: Vec<u8>,
        comment: &str,
    ) -> Result<ConfigRevision, ServiceError> {
        check_size("build configuration", text.len() + comment.len())?;
        if self.project(id).await?.settings.takes_any_config {
            return self.set_config(actor, id, text, comment).await;
        }
        let findings = self.config_findings(id, &text).await?;
        if let Some(first) = findings.into_iter().find(|found| found.finding.grade() == Grade::Error) {
            let project = self.project(id).await?.name;
            let message = first.finding.message;
            return Err(ServiceError::ConfigRefused { project, line: first.location.line, message });
        }
        self.set_config(actor, id, text, comment).await
    }

    /// One revision of the build configuration of a project; revision 0 is empty.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::RevisionMissing`].
    pub async fn config_revision(&self, id: ProjectId, revision: u64) -> Result<ConfigRevision, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, id).await?.name;
        let found = session.config_revision(id, revision).await?;
        found.ok_or(ServiceError::RevisionMissing { project, revision })
    }

    /// The history of the build configuration of a project, newest first.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn config_changes(
        &self,
        id: ProjectId,
        limit: Option<u32>,
        offset: u32,
    ) -> Result<Vec<ConfigChange>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        Ok(session.config_changes(id, limit, offset).await?)
    }

    /// What the configurations along the path of a repository come to for an architecture, the same text that builds see.
    ///
    /// `revision` replaces the project's own newest revision by another one. The architecture need not be one the
    /// repository builds for.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::RepositoryMissing`], [`ServiceError::RevisionMissing`].
    pub async fn effective_config(
        &self,
        id: ProjectId,
        target: &TargetName,
        revision: Option<u64>,
    ) -> Result<EffectiveConfig, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, id).await?.name;
        let found = session.repository(&project, &target.repository).await?;
        let repository = found.ok_or_else(|| ServiceError::RepositoryMissing {
            project: project.clone(),
            repository: target.repository.clone(),
        })?;
        let (mut layers, missing) = layers(&mut session, repository).await?;
        if let (Some(revision), Some(own)) = (revision, layers.first_mut()) {
            let found = session.config_revision(id, revision).await?;
            let found = found.ok_or(ServiceError::RevisionMissing { project, revision })?;
            own.revision = revision;
            own.text = found.text;
        }
        drop(session);
        let options = Options::for_arch(target.arch.as_str());
        blocking(move || {
            let tree = join(&layers);
            let evaluated = prjconf::evaluate(&tree, &options);
            EffectiveConfig { layers, missing, tree, evaluated }
        })
        .await
    }

    /// What is odd about a text as the build configuration of a project, in the order of the text.
    ///
    /// The text is looked at together with what its repositories build against. An error counts if any repository
    /// has it; everything else only if all of them have it.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn config_findings(&self, id: ProjectId, text: &[u8]) -> Result<Vec<ConfigFinding>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        existing(&mut session, id).await?;
        let mut stacks = Vec::new();
        for repository in session.repositories(id).await? {
            let arches: BTreeSet<String> = repository.arches.iter().map(|arch| arch.arch.to_string()).collect();
            let mut layers = layers(&mut session, repository).await?.0;
            if let Some(own) = layers.first_mut() {
                own.text = text.to_vec();
                stacks.push((layers, arches));
            }
        }
        drop(session);
        let text = text.to_vec();
        blocking(move || findings(&text, &stacks)).await
    }
}

/// The kind of recipe (`Type`) each target of a project builds, disabled ones included.
pub(crate) async fn recipe_kinds(
    inner: &Inner,
    project: ProjectId,
) -> Result<BTreeMap<(RepositoryId, Arch), String>, ServiceError> {
    let mut session = inner.store.read().await?;
    let mut stacks = Vec::new();
    for repository in session.repositories(project).await? {
        let key = repository.id;
        let arches: Vec<Arch> = repository.arches.iter().map(|arch| arch.arch.clone()).collect();
        stacks.push((key, arches, layers(&mut session, repository).await?.0));
    }
    drop(session);
    blocking(move || {
        let mut kinds = BTreeMap::new();
        for (repository, arches, layers) in stacks {
            let tree = join(&layers);
            for arch in arches {
                let evaluated = prjconf::evaluate(&tree, &Options::for_arch(arch.as_str()));
                kinds.insert((repository, arch), evaluated.config.recipe_type);
            }
        }
        kinds
    })
    .await
}

pub(crate) async fn layers(
    session: &mut Session,
    repository: Repository,
) -> Result<(Vec<ConfigLayer>, Vec<PathElement>), ServiceError> {
    let (path, missing) = expand_path(session, repository).await?;
    let mut layers = Vec::new();
    for element in path {
        let config = session.config(element.project).await?;
        layers.push(ConfigLayer {
            project: element.repository.project,
            repository: element.repository.name,
            revision: config.revision,
            text: config.text,
        });
    }
    Ok((layers, missing))
}

/// Joins as planning does.
pub(crate) fn join(layers: &[ConfigLayer]) -> Tree {
    let path: Vec<prjconf::PathElement<'_>> = layers
        .iter()
        .map(|layer| prjconf::PathElement {
            project: layer.project.as_str(),
            repository: layer.repository.as_str(),
            text: Some(layer.text.as_slice()).filter(|text| !text.is_empty()),
        })
        .collect();
    let (project, repository) = path.first().map_or(("", ""), |own| (own.project, own.repository));
    prjconf::server_config(&ServerContext { project, repository, ..ServerContext::default() }, &path)
}

/// A finding without the parts that depend on where its text was joined.
type FindingKey = (usize, usize, Code, String);

fn findings(text: &[u8], stacks: &[(Vec<ConfigLayer>, BTreeSet<String>)]) -> Vec<ConfigFinding> {
    if stacks.is_empty() {
        let tree = prjconf::parse(text);
        let found = prjconf::check(&tree, &["noarch"]).into_iter();
        return found.map(|finding| ConfigFinding { location: tree.locate(finding.span), finding }).collect();
    }
    let mut found: BTreeMap<FindingKey, (usize, ConfigFinding)> = BTreeMap::new();
    for (layers, arches) in stacks {
        let tree = join(layers);
        let arches: Vec<&str> = arches.iter().map(String::as_str).collect();
        let own = tree.sources().names().len().saturating_sub(1);
        for finding in prjconf::check(&tree, if arches.is_empty() { &["noarch"] } else { &arches }) {
            let location = tree.locate(finding.span);
            if location.source.is_some_and(|source| source.0 == own) {
                let key = (location.span.start, location.span.end, finding.code, finding.message.clone());
                found.entry(key).or_insert((0, ConfigFinding { finding, location })).0 += 1;
            }
        }
    }
    let holds = |(count, found): (usize, ConfigFinding)| {
        (count == stacks.len() || found.finding.grade() == Grade::Error).then_some(found)
    };
    found.into_values().filter_map(holds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(project: &str, text: &str) -> ConfigLayer {
        ConfigLayer {
            project: ProjectName::parse(project).unwrap(),
            repository: RepositoryName::parse("standard").unwrap(),
            revision: 1,
            text: text.as_bytes().to_vec(),
        }
    }

    fn stack(own: &str, base: &str) -> (Vec<ConfigLayer>, BTreeSet<String>) {
        (vec![layer("home:me", own), layer("base", base)], BTreeSet::from(["x86_64".to_owned()]))
    }

    #[test]
    fn a_doubt_counts_only_if_every_repository_has_it_and_an_error_if_any_has() {
        let own = "Prefer: !libfoo1\n%if %broken\n%endif\n";
        let base = "Prefer: libfoo1\n%define broken 1\n";
        let codes = |stacks: &[(Vec<ConfigLayer>, BTreeSet<String>)]| -> Vec<(&str, usize)> {
            let found = findings(own.as_bytes(), stacks);
            found.iter().map(|found| (found.finding.code.name(), found.location.line)).collect()
        };
        assert_eq!(codes(&[stack(own, base)]), []);
        let both = codes(&[stack(own, base), stack(own, "")]);
        assert!(both.contains(&("macro-error", 2)) && !both.contains(&("useless-removal", 1)), "{both:?}");
        assert!(codes(&[stack(own, "")]).contains(&("useless-removal", 1)));
    }
}
