//! Configurations of a server's projects.

use model::ProjectName;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;
use web::native::wire::{ConfigAnswer, EffectiveAnswer, ProjectAnswer};

use crate::client::{Client, segment};
use crate::commands;
use crate::failure::{Exit, Failure};
use crate::runtime;
use crate::settings::ClientFlags;

/// One project of a server.
pub(super) struct Remote {
    runtime: Runtime,
    client: Client,
    project: ProjectName,
}

impl Remote {
    /// A project; nothing is asked yet.
    pub(super) fn new(project: &str, flags: &ClientFlags) -> Result<Self, Failure> {
        let project = ProjectName::parse(project)
            .map_err(|error| Failure::from(error).with_help("there is no file of this name either"))?;
        Ok(Self { runtime: runtime::start(false)?, client: commands::client(flags)?, project })
    }

    fn get<T: DeserializeOwned>(&self, below: &str) -> Result<T, Failure> {
        let path = format!("/projects/{}{below}", segment(self.project.as_str()));
        self.runtime.block_on(self.client.get(&path))
    }

    /// The project's own newest configuration with its findings.
    pub(super) fn config(&self) -> Result<ConfigAnswer, Failure> {
        self.get("/config")
    }

    /// Repository and architecture of each enabled target, in order of creation.
    pub(super) fn targets(&self) -> Result<Vec<(String, String)>, Failure> {
        let answer: ProjectAnswer = self.get("")?;
        let targets = answer.repositories.iter().flat_map(|repository| {
            let arches = repository.arches.iter().filter(|arch| arch.enabled);
            arches.map(|arch| (repository.name.to_string(), arch.arch.to_string()))
        });
        Ok(targets.collect())
    }

    /// The target that is meant by at most a repository and an architecture.
    pub(super) fn target(&self, repository: Option<&str>, arch: Option<&str>) -> Result<(String, String), Failure> {
        if let (Some(repository), Some(arch)) = (repository, arch) {
            return Ok((repository.to_owned(), arch.to_owned()));
        }
        let mut targets = self.targets()?;
        targets.retain(|target| {
            repository.is_none_or(|name| target.0 == name) && arch.is_none_or(|name| target.1 == name)
        });
        match targets.as_slice() {
            [target] => Ok(target.clone()),
            [] => Err(Failure::new(Exit::Missing, format!("project {} has no such enabled target", self.project))),
            many => {
                let many: Vec<String> = many.iter().map(|(repository, arch)| format!("{repository} {arch}")).collect();
                let message = format!("project {} has several targets", self.project);
                Err(Failure::new(Exit::Invalid, message)
                    .with_help(format!("say which repository and architecture: {}", many.join(", "))))
            }
        }
    }

    /// What builds of a target see, with the newest or another revision of the project's own configuration.
    pub(super) fn effective(
        &self,
        (repository, arch): &(String, String),
        revision: Option<u64>,
    ) -> Result<EffectiveAnswer, Failure> {
        let revision = revision.map(|revision| format!("&revision={revision}")).unwrap_or_default();
        let query = format!("repository={}&arch={}{revision}", segment(repository), segment(arch));
        self.get(&format!("/config/effective?{query}"))
    }
}

/// Joins the configurations of an answer as the server did.
pub(super) fn join(answer: &EffectiveAnswer) -> prjconf::Tree {
    let path: Vec<prjconf::PathElement<'_>> = answer
        .layers
        .iter()
        .map(|layer| prjconf::PathElement {
            project: &layer.project,
            repository: &layer.repository,
            text: Some(layer.text.as_bytes()).filter(|text| !text.is_empty()),
        })
        .collect();
    let context = prjconf::ServerContext {
        project: &answer.project,
        repository: &answer.repository,
        ..prjconf::ServerContext::default()
    };
    prjconf::server_config(&context, &path)
}
